"""A first look at a task: what there is to train, what a step costs, and the mistakes that are often made.

look(load_task("digits")).model.parameters
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from surefoot import optim
from surefoot.study.profile import ModelProfile, Role, TaskProfile
from surefoot.tasks import Task, TaskError, calling, said_by, source_file
from surefoot.training.constant_measure import constant_measure
from surefoot.training.loop import validate
from surefoot.training.meters import one_thread, peak_memory
from surefoot.training.random_state import seed_everything

TIMED_STEPS = 10
# Stop timing after this; a step of a large model is timed once, which is enough to plan with.
TIMING_SECONDS = 3.0
SHAPES_NAMED = 4


def look(task: Task) -> TaskProfile:
    """Build the model, take a few steps, and measure.

    Raises:
        TaskError: the task cannot be trained as it is; one line says what is wrong.
    """
    with one_thread():
        first, sparse, seconds = _first_steps(task)
        memory = peak_memory()
        model, batches = _begin(task)
        initial = _initial_value(task, model)
        batch = _next(task, batches)
        repeatable = _loss(task, model, batch).item() == first
        full_batch = _same_batch(batch, _next(task, batches))
        profile, fingerprint = describe(model), _fingerprint(task, model, first if repeatable else None)
        if constant := constant_measure(task, model, initial):
            raise TaskError(constant)
    return TaskProfile(
        task=task.name,
        steps=task.steps,
        measure=task.measure,
        model=profile,
        sparse=sparse,
        full_batch=full_batch,
        seconds_per_step=seconds,
        peak_memory=memory,
        initial_value=initial,
        repeatable=repeatable,
        fingerprint=fingerprint,
    )


def describe(model: nn.Module) -> ModelProfile:
    """What there is to train, whatever the data."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return ModelProfile(
        roles=_roles(model),
        parameters=sum(p.numel() for p in trained),
        frozen=sum(p.numel() for p in model.parameters() if not p.requires_grad),
        dtypes=tuple(sorted({_dtype(p) for p in trained})),
        not_matrices=_not_matrices(model),
        batch_norm=any("BatchNorm" in type(module).__name__ for module in model.modules()),
    )


def _not_matrices(model: nn.Module) -> tuple[str, ...]:
    found = [name for name, p in model.named_parameters() if p.requires_grad and p.dim() != 2]
    return tuple(found[:SHAPES_NAMED])


def _calling(task: Task, method: str) -> contextlib.AbstractContextManager[None]:
    return calling(f"{task.name}: {method}()", source_file(task))


def _begin(task: Task) -> tuple[nn.Module, Iterator[Any]]:
    seed_everything(0)
    with _calling(task, "model"):
        model = task.model()
    if not isinstance(model, nn.Module):
        raise TaskError(f"{task.name}: model() must return a torch.nn.Module, not {type(model).__name__}")
    if not any(p.requires_grad for p in model.parameters()):
        raise TaskError(f"{task.name}: the model has no parameter to train")
    with _calling(task, "batches"):
        return model, iter(task.batches(0))


def _next(task: Task, batches: Iterator[Any]) -> Any:
    with _calling(task, "batches"):
        for batch in batches:
            return batch
    raise TaskError(f"{task.name}: batches() ended too soon; it must go on without end (`while True:`)")


def _initial_value(task: Task, model: nn.Module) -> float:
    before = {name: tensor.clone() for name, tensor in _tensors(model)}
    with _calling(task, "validate"):
        value = validate(task, model)
    for name, tensor in _tensors(model):
        if name not in before or not _same(tensor, before[name]):
            raise TaskError(f"{task.name}: validate() changes the model ({name}); it must only measure")
    if not math.isfinite(value):
        raise TaskError(f"{task.name}: validate() returns {value} before any training")
    return value


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        yield name, tensor.detach()


def _same(a: Tensor, b: Tensor) -> bool:
    """Equal, where a buffer's nan equals itself."""
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _loss(task: Task, model: nn.Module, batch: Any) -> Tensor:
    with _calling(task, "loss"):
        loss = task.loss(model, batch)
    if not isinstance(loss, Tensor):
        raise TaskError(f"{task.name}: loss() must return a tensor, not {type(loss).__name__}")
    if loss.numel() != 1:
        raise TaskError(
            f"{task.name}: loss() must return one number, not a tensor of shape {tuple(loss.shape)}"
        )
    return loss


def _first_steps(task: Task) -> tuple[float, tuple[str, ...], float]:
    """The first batch's loss, the names of parameters with sparse gradients, seconds per step."""
    model, batches = _begin(task)
    loss = _loss(task, model, _next(task, batches))
    if not math.isfinite(loss.item()):
        raise TaskError(f"{task.name}: the loss of the first batch is {loss.item()} before any training")
    if loss.requires_grad:
        with _calling(task, "loss"):
            loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    if not gradients:
        raise TaskError(
            f"{task.name}: no parameter gets a gradient; "
            "is the loss computed from the model's output, without detach(), item() or no_grad()?"
        )
    sparse = tuple(name for name, gradient in gradients.items() if gradient.layout != torch.strided)
    return loss.item(), sparse, _seconds_per_step(task, model, batches)


def _seconds_per_step(task: Task, model: nn.Module, batches: Iterator[Any]) -> float:
    optimizer = optim.find("SGD")(model.parameters(), lr=1e-6)
    seconds: list[float] = []
    end = time.perf_counter() + TIMING_SECONDS
    while len(seconds) < TIMED_STEPS and (not seconds or time.perf_counter() < end):
        begin = time.perf_counter()
        loss = _loss(task, model, _next(task, batches))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def _roles(model: nn.Module) -> tuple[Role, ...]:
    members: dict[str, list[Tensor]] = {}
    seen: set[int] = set()
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            if p.requires_grad and id(p) not in seen:
                seen.add(id(p))
                members.setdefault(_role(module, name, p), []).append(p)
    roles = [
        Role(name, len(tensors), sum(t.numel() for t in tensors), _shapes(tensors))
        for name, tensors in members.items()
    ]
    return tuple(sorted(roles, key=lambda role: -role.parameters))


def _role(module: nn.Module, name: str, p: Tensor) -> str:
    kind = type(module).__name__
    if "Norm" in kind:  # torch's own, and those that libraries define under such names
        return "norms"
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return "embeddings"
    if name.endswith("bias"):
        return "biases"
    if "Conv" in kind and p.dim() > 2:
        return "convolution kernels"
    return "weight matrices" if p.dim() == 2 else "other"


def _shapes(tensors: list[Tensor]) -> str:
    counted = Counter("×".join(map(str, t.shape)) or "scalar" for t in tensors).most_common()
    named = [shape + (f" ({count})" if count > 1 else "") for shape, count in counted[:SHAPES_NAMED]]
    return ", ".join([*named, *(["…"] if len(counted) > SHAPES_NAMED else [])])


def _dtype(p: Tensor) -> str:
    return str(p.dtype).removeprefix("torch.")


def _fingerprint(task: Task, model: nn.Module, first_loss: float | None) -> str:
    parameters = [(name, tuple(p.shape), _dtype(p), p.requires_grad) for name, p in model.named_parameters()]
    loss = None if first_loss is None else f"{first_loss:.6g}"
    up = ("maximize",) if said_by(task) else ()  # no word of a loss, as before it could be said
    facts = (parameters, task.steps, task.measure, loss, *up)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _same_batch(one: Any, other: Any) -> bool:
    """Whether two batches hold the same; of unknown kinds only one and the same object does."""
    if one is other:
        return True
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.shape == other.shape and bool(torch.equal(one, other))
    if isinstance(one, Mapping):
        alike = isinstance(other, Mapping) and one.keys() == other.keys()
        return alike and all(_same_batch(one[key], other[key]) for key in one)
    if isinstance(one, Sequence) and not isinstance(one, str):
        alike = isinstance(other, Sequence) and len(one) == len(other)
        return alike and all(map(_same_batch, one, other))
    return isinstance(one, int | float | str) and bool(one == other)
