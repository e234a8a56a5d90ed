"""Does `loss()` give one finite number, on whatever a batch holds, whose gradient reaches every parameter?"""

from __future__ import annotations

import math
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from surefoot.checks.data import Walk
from surefoot.checks.findings import Finding, Mistake, asking, described, leaves
from surefoot.checks.model import fresh
from surefoot.checks.untracked_state import Hidden
from surefoot.naming import listed
from surefoot.tasks import Task

LOOKED_AT = 3
"""Batches whose gradients are looked at; a part of a model may take its turn."""

NAMED = 4
"""Of a long list, so many entries are told at most, with how many more there are."""
NOTHING = 1e-6
"""A loss below this is rounding: with a policy ratio of 1 it is about 1e-8."""

RESHAPED = (
    "shape",
    "size",
    "dtype",
    "scalar type",
    "mat1",
    "dimension",
    "expected",
    "channels",
    "must match",
)


@dataclass
class LossFacts:
    """What the loss has shown.

    Attributes:
        output: shape of what the model returned last.
        seconds: of one forward and backward pass.
        sparse: names of the parameters whose gradients are sparse.
    """

    output: tuple[int, ...] = ()
    seconds: float | None = None
    sparse: list[str] = field(default_factory=list)


def check_loss(task: Task, walk: Walk, seen: LossFacts) -> Iterator[Finding]:
    """What is wrong with it; fills `seen`.  A loss that cannot be minimised at all is a `Mistake`."""
    model = fresh(task, 0).train()
    hook = model.register_forward_hook(lambda *call: _keep_shape(seen, call[-1]))
    hidden = Hidden(model, walk.first)
    gradients: dict[str, Tensor] = {}
    told: list[str] = []
    losses: list[float] = []
    for batch in walk.first[:LOOKED_AT]:
        begin = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loss = _loss(task, model, batch, walk, seen)
            hidden.look(loss)
            losses.append(loss.item())
            _backward(task, loss)
        seen.seconds = time.perf_counter() - begin
        told += [text for w in caught if "different to the input size" in (text := str(w.message))]
        gradients |= {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    if told:
        sizes = re.findall(r"torch\.Size\((\[[^]]*\])\)", told[0])
        yield Finding(
            "loss", True,
            f"{task.name}: loss() compares targets of shape {sizes[0]} with outputs of shape "
            f"{sizes[-1]}, all with "
            "all: give both one shape, with squeeze(1) or unsqueeze(1)",
        )  # fmt: skip
    found = list(_about_gradients(task, model, gradients))
    yield from found or _about_start(task, losses)
    yield from hidden.findings(task)
    seen.sparse = [name for name, g in gradients.items() if g.layout != torch.strided]
    hook.remove()
    yield from _on_rare_batches(task, walk, seen)


def explained(task: Task, mistake: Mistake, walk: Walk | None, seen: LossFacts | None) -> Mistake:
    """An error of torch's in words of the task, where it is one of the frequent ones."""
    error, text = mistake.__cause__, str(mistake)
    place = (re.search(r" \([^()]*:\d+\)$", text) or [""])[0]
    where = f"{task.name}: {mistake.about}()"
    if found := re.search(r"Target (-?\d+) is out of bounds", str(error)):
        return _again(mistake, f"{where}: {_labels(int(found[1]), walk, seen)}{place}")
    if isinstance(error, IndexError) and "index out of range in self" in str(error):
        return _again(mistake, f"{where}: {_ids(walk)} an nn.Embedding has rows: make it larger{place}")
    if "Expected more than 1 value per channel" in str(error):
        return _again(
            mistake,
            f"{where}: a batch of one row, which batch normalisation cannot be trained on: "
            "drop_last=True, or "
            f"another batch size{place}",
        )
    if mistake.about == "validate" and "does not require grad" in str(error):
        return _again(
            mistake,
            f"{where} needs gradients, and is called without: wrap that in torch.enable_grad(){place}",
        )
    if mistake.about == "loss" and walk and any(word in str(error).lower() for word in RESHAPED):
        return _again(mistake, f"{text}; a batch holds {described(walk.first[0])}")
    return mistake


def _again(mistake: Mistake, text: str) -> Mistake:
    found = Mistake(mistake.about, text, raised=mistake.raised)
    found.__cause__ = mistake.__cause__
    return found


def _labels(label: int, walk: Walk | None, seen: LossFacts | None) -> str:
    shape = seen.output if seen else ()
    classes = shape[-1] if len(shape) == 3 else shape[1] if len(shape) > 1 else 0
    told = classes and not 0 <= label < classes
    known = f"the model has {classes} classes, 0 to {classes - 1}" if told else "the model has no such class"
    for extreme in reversed(walk.extremes.values() if walk else ()):
        if extreme.low <= label <= extreme.high:
            shifted = extreme.low == 1 and extreme.high == classes
            remedy = "subtract 1" if shifted else "correct the labels, or the model's last layer"
            return f"labels go from {extreme.low} to {extreme.high}, but {known}: {remedy}"
    return f"a label is {label}, but {known}: correct the labels, or the model's last layer"


def _ids(walk: Walk | None) -> str:
    ranges = [f"{place} from {e.low} to {e.high}" for place, e in (walk.extremes.items() if walk else ())]
    found = f" ({', '.join(ranges[:NAMED])})" if ranges else ""
    return f"a whole number{found} lies outside of the rows that"


def _loss(task: Task, model: nn.Module, batch: Any, walk: Walk, seen: LossFacts) -> Tensor:
    try:
        with asking(task, "loss"):
            loss: Any = task.loss(model, batch)
    except Mistake as mistake:
        raise explained(task, mistake, walk, seen) from mistake.__cause__
    where = f"{task.name}: loss()"
    if not isinstance(loss, Tensor):
        raise Mistake("loss", f"{where} must return a tensor, not {type(loss).__name__}")
    if loss.numel() != 1:
        shape = tuple(loss.shape)
        raise Mistake("loss", f"{where} must return one number, not a tensor of shape {shape}: take .mean()")
    if not math.isfinite(loss.item()):
        if walk.broken and walk.broken[3] is batch:
            raise Mistake("batches", _broken(task, walk, "and so is the loss"))
        raise Mistake("loss", f"{where} is {loss.item()} on the first batches, before any training")
    return loss


def _backward(task: Task, loss: Tensor) -> None:
    if not loss.requires_grad:
        raise Mistake(
            "gradient",
            f"{task.name}: no parameter gets a gradient; compute the loss from the model's output, without "
            "detach(), item() or no_grad()",
        )
    try:
        with asking(task, "loss"):
            loss.backward()  # type: ignore[no-untyped-call]
    except Mistake as mistake:
        raise Mistake(
            "gradient", str(mistake).replace("loss() raised", "loss().backward() raised")
        ) from mistake


def _about_gradients(task: Task, model: nn.Module, found: Mapping[str, Tensor]) -> Iterator[Finding]:
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    if not any(name in found for name in trained):
        raise Mistake(
            "gradient",
            f"{task.name}: no parameter gets a gradient; compute the loss from the model's output, without "
            "detach(), item() or no_grad()",
        )
    without = [name for name in trained if name not in found]
    if without:
        frozen = sum(not p.requires_grad for p in model.parameters())
        apart = f" ({frozen} more are frozen on purpose)" if frozen else ""
        yield Finding(
            "gradient", True,
            f"{task.name}: {listed(without, NAMED)} of the model get no gradient{apart}: use them in the "
            "loss, or freeze them with requires_grad_(False)",
        )  # fmt: skip
    values = {name: g.coalesce().values() if g.layout != torch.strided else g for name, g in found.items()}
    broken = [name for name, g in values.items() if not torch.isfinite(g).all()]
    if broken:
        yield Finding(
            "gradient", True,
            f"{task.name}: the gradient of {listed(broken, NAMED)} is not finite, though the loss is: as of "
            "sqrt, norm "
            "or log at 0; add a small number inside",
        )  # fmt: skip
    elif not any(g.count_nonzero() for g in values.values()):
        yield Finding(
            "gradient", True,
            f"{task.name}: every gradient is zero at the start, so that nothing can be learned: look for a "
            "clamp, a rounding or an argmax between the model and the loss",
        )  # fmt: skip


def _about_start(task: Task, losses: list[float]) -> Iterator[Finding]:
    if max(map(abs, losses)) < NOTHING:
        yield Finding(
            "loss", False,
            f"{task.name}: loss() starts at 0, which is fine: a run counts as diverged when its loss is not "
            "finite, or rises while the weights run away, never for rising alone",
        )  # fmt: skip


def _on_rare_batches(task: Task, walk: Walk, seen: LossFacts) -> Iterator[Finding]:
    """The loss on batches unlike the first: with the lowest and highest labels, of one row, broken."""
    rare = [batch for e in walk.extremes.values() for batch in (e.lowest, e.highest)]
    known = {id(batch) for batch in walk.first[:LOOKED_AT]}
    for batch in {id(b): b for b in [*rare, walk.single] if b is not None and id(b) not in known}.values():
        try:
            _forward(task, batch, walk, seen)
        except Mistake as mistake:
            yield mistake.finding
            return
    if walk.broken:
        try:
            _forward(task, walk.broken[3], walk, seen)
            yield Finding("batches", False, _broken(task, walk, "though the loss is finite there"))
        except Mistake as mistake:
            yield mistake.finding


def _forward(task: Task, batch: Any, walk: Walk, seen: LossFacts) -> None:
    model = fresh(task, 0).train()
    hook = model.register_forward_hook(lambda *call: _keep_shape(seen, call[-1]))
    # With gradients, as in training: a loss may ask for some of its own.
    _loss(task, model, batch, walk, seen)
    hook.remove()


def _broken(task: Task, walk: Walk, what: str) -> str:
    assert walk.broken is not None
    number, place, words, _ = walk.broken
    return f"{task.name}: in batch {number} of batches(0), {words} in {place}, {what}: clean or mask the data"


def _keep_shape(seen: LossFacts, output: Any) -> None:
    for _, tensor in leaves(output):
        seen.output = tuple(tensor.shape)
        return
