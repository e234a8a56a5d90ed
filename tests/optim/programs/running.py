"""One program on one library: operation by operation, what there is after it, or the error."""

from __future__ import annotations

import copy
import functools
import io
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tests.optim.programs import gradients, language
from tests.optim.programs.language import Group, Operation, Param, Program
from tests.optim.programs.modes import MODES

Record = dict[str, Any]


def setting(value: Any) -> Any:
    """A setting as the optimizer is given it."""
    if isinstance(value, dict) and "tensor" in value:
        return torch.tensor(value["tensor"], dtype=getattr(torch, value.get("dtype", "float32")))
    if isinstance(value, dict):
        return list(map(setting, value["list"]))
    return tuple(map(setting, value)) if isinstance(value, tuple) else value


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """All of them."""
    return {name: setting(value) for name, value in given.items()}


# Parameters.


def _plain(world: World, values: Tensor) -> Tensor:
    return torch.nn.Parameter(values)


def _gapped(world: World, values: Tensor) -> Tensor:
    base = torch.zeros(*values.shape, 2, dtype=values.dtype)
    world.bases.append(base)
    base[..., 0] = values
    return torch.nn.Parameter(base[..., 0])


def _flat(world: World, values: Tensor, overlap: int = 0) -> Tensor:
    """A view of one buffer that all flat parameters of a type share, one after the other."""
    if values.dtype not in world.flat:
        world.flat[values.dtype] = [torch.zeros(4096, dtype=values.dtype), 3]
        world.bases.append(world.flat[values.dtype][0])
    buffer, start = world.flat[values.dtype]
    start = max(0, start - overlap)
    world.flat[values.dtype][1] = start + values.numel()
    view = buffer[start : start + values.numel()].view(values.shape)
    view.copy_(values)
    return torch.nn.Parameter(view)


def _inference(world: World, values: Tensor) -> Tensor:
    with torch.inference_mode():
        return torch.nn.Parameter(values.clone())


LAYOUTS: dict[str, Callable[[World, Tensor], Tensor]] = {
    "contiguous": _plain,
    "transposed": lambda world, v: torch.nn.Parameter(v.mT.contiguous().mT if v.dim() > 1 else v),
    "channels_last": lambda world, v: torch.nn.Parameter(
        v.to(memory_format=torch.channels_last) if v.dim() == 4 else v
    ),
    "gapped": _gapped,
    "flat": _flat,
    "overlapping": functools.partial(_flat, overlap=2),
    "negated": lambda world, v: torch.nn.Parameter(torch._neg_view(-v)),
    "inference": _inference,
    "tensor": lambda world, v: v.requires_grad_(),
    "meta": lambda world, v: torch.nn.Parameter(v.to("meta")),
}


# What happens to data.


def _cast_to(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda t: t if t.is_complex() else t.to(dtype)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "double": _cast_to(torch.float64),
    "float": _cast_to(torch.float32),
    "bfloat16": _cast_to(torch.bfloat16),
    "half": _cast_to(torch.float16),
    "clone": Tensor.clone,
    "half_the_rows": lambda t: t[: max(1, len(t) // 2)].clone() if t.dim() and len(t) else t,
    "more_rows": lambda t: torch.cat([t, t]) if t.dim() else t,
    "freed": lambda t: torch.empty(0, dtype=t.dtype),
    "transposed": lambda t: t.mT.contiguous().mT if t.dim() > 1 else t.clone(),
    "gapped": lambda t: torch.stack([t, t], -1)[..., 0],
    "other_shape": lambda t: t.clone().reshape(-1),
    "negated": lambda t: torch._neg_view(-t),
    "meta": lambda t: t.to("meta"),
}
REPLACEMENTS: dict[str, Callable[[Any], Any]] = {
    "clone": lambda v: v.clone() if isinstance(v, Tensor) else v,
    "double": lambda v: CHANGES["double"](v) if isinstance(v, Tensor) else float(v),
    "bfloat16": lambda v: CHANGES["bfloat16"](v) if isinstance(v, Tensor) else v,
    "transposed": lambda v: v.mT.contiguous().mT if isinstance(v, Tensor) and v.dim() > 1 else v,
    "gapped": lambda v: torch.stack([v, v], -1)[..., 0] if isinstance(v, Tensor) else v,
    "half_the_rows": lambda v: CHANGES["half_the_rows"](v) if isinstance(v, Tensor) else v,
    "int": lambda v: int(v) if not isinstance(v, Tensor) or v.numel() == 1 else v,
    "float": lambda v: float(v) if not isinstance(v, Tensor) or v.numel() == 1 else v,
    "vector": lambda v: v.reshape(1) if isinstance(v, Tensor) and v.dim() == 0 else v,
    "zeros": lambda v: torch.zeros_like(v) if isinstance(v, Tensor) else 0,
    "none": lambda v: None,
}


@dataclass
class World:
    """What a program acts on.

    Attributes:
        make: the class.
        reference: torch's class, for checkpoints that go to torch and come back.
        bases: what parameters are views of; recorded too, so that a write outside a parameter shows.
        flat: a shared buffer and how much of it is taken, by dtype.
        between: what there was after all but the last turn of an operation that is done several times.
    """

    program: Program
    make: type[torch.optim.Optimizer]
    reference: type[torch.optim.Optimizer]
    params: list[Tensor] = field(default_factory=list)
    bases: list[Tensor] = field(default_factory=list)
    flat: dict[torch.dtype, list[Any]] = field(default_factory=dict)
    schedulers: list[Any] = field(default_factory=list)
    returned: Any = None
    optimizer: Any = None
    between: list[Record] = field(default_factory=list)

    def new(self, param: Param) -> Tensor:
        """One more parameter."""
        values = gradients.noise(param.shape, getattr(torch, param.dtype), 7_000_000 + len(self.params))
        p = LAYOUTS[param.layout](self, values)
        self.params.append(p)
        return p

    def param(self, number: int) -> Tensor:
        """A parameter by its number."""
        return self.params[number % len(self.params)]

    def state(self, number: int) -> dict[str, Any]:
        """The state of a parameter; a throw-away where it has none."""
        p = self.param(number)
        return self.optimizer.state.get(p, {})

    def group(self, number: int) -> dict[str, Any]:
        """A group by its number; a throw-away where there is none."""
        groups = self.optimizer.param_groups
        return groups[number % len(groups)] if groups else {"params": []}

    def places(self, group: int, position: int) -> tuple[list[Tensor], int] | None:
        """A group's list of parameters and a place in it."""
        params = self.group(group)["params"]
        return (params, position % len(params)) if params else None


# The operations.


def _build(world: World) -> None:
    program = world.program
    for param in program.params:
        world.new(param)
    groups = [_group(world, group) for group in program.groups]
    if len(groups) == 1 and not program.groups[0].settings:
        groups = groups[0]["params"]
    world.optimizer = world.make(groups, **settings(program.settings))


def _group(world: World, group: Group) -> dict[str, Any]:
    return {"params": [world.param(i) for i in group.params], **settings(group.settings)}


def _step(world: World, op: language.Step) -> None:
    optimizer = world.optimizer
    closes = isinstance(optimizer, torch.optim.LBFGS) or type(optimizer).__name__ == "LBFGS"
    for turn in range(op.times):
        if turn:
            world.between.append(_record(world))
        if closes:
            evaluate = gradients.closure(optimizer, world.params)
            act = functools.partial(optimizer.step, evaluate)
        else:
            gradients.set_gradients(world.params, op.gradients, op.seed + turn)
            act = optimizer.step
        world.returned = MODES["plain" if closes and op.mode in ("closure", "compiled") else op.mode](
            optimizer, act
        )


def _add_group(world: World, op: language.AddGroup) -> None:
    p = world.new(op.param)
    world.optimizer.add_param_group({"params": [p, p] if op.twice else [p], **settings(op.settings)})


def _set(world: World, op: language.Set) -> None:
    group = world.group(op.group)
    if op.name in group:
        group[op.name] = setting(op.value)


def _mutate(world: World, op: language.Mutate) -> None:
    held = world.group(op.group).get(op.name)
    if isinstance(held, Tensor):
        held.fill_(op.value)
    elif isinstance(held, list):
        held[0] = op.value


SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "step": lambda o: torch.optim.lr_scheduler.StepLR(o, 1, 0.5),
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10),
    "lambda": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda t: min(1.0, 0.1 * t)),
    "plateau": lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, patience=0),
    "one_cycle": lambda o: torch.optim.lr_scheduler.OneCycleLR(
        o, 0.01, total_steps=100, cycle_momentum=bool(o.defaults.get("momentum") or "betas" in o.defaults)
    ),
}


def _schedule(world: World, op: language.Schedule) -> None:
    world.schedulers.append(SCHEDULERS[op.kind](world.optimizer))


def _tick(world: World, op: language.Tick) -> None:
    for scheduler in world.schedulers:
        plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
        scheduler.step(*[op.metric] * plateau)


def _swap_param(world: World, op: language.SwapParam) -> None:
    p = world.param(op.param)
    p.grad = None
    p.data = CHANGES[op.how](p.data)


def _swap_state(world: World, op: language.SwapState) -> None:
    held = world.state(op.param).get(op.entry)
    if isinstance(held, Tensor):
        held.data = CHANGES[op.how](held.data)


def _replace_state(world: World, op: language.ReplaceState) -> None:
    state = world.state(op.param)
    if state.get(op.entry) is not None:
        state[op.entry] = REPLACEMENTS[op.how](state[op.entry])


def _forget(world: World, op: language.Forget) -> None:
    if op.entry is None:
        world.optimizer.state.pop(world.param(op.param), None)
    else:
        world.state(op.param).pop(op.entry, None)


def _share(world: World, op: language.Share) -> None:
    p, other = world.param(op.param), world.param(op.other)
    p.grad = None
    p.data = other.data


def _offload(world: World, op: language.Offload) -> None:
    """Free, do something else with the memory, and bring back."""
    storage = world.param(op.param).untyped_storage()
    if not storage.resizable() or world.param(op.param).device.type != "cpu":
        return
    kept, size = storage.clone(), storage.nbytes()
    storage.resize_(0)
    torch.full((size,), 7, dtype=torch.uint8)
    storage.resize_(size)
    storage.copy_(kept)


def _freeze(world: World, op: language.Freeze) -> None:
    p = world.param(op.param)
    p.requires_grad_(False)
    p.grad = None


def _pop_group(world: World, op: language.PopGroup) -> None:
    groups = world.optimizer.param_groups
    if groups:
        for p in groups.pop(op.group % len(groups))["params"]:
            world.optimizer.state.pop(p, None)


def _remove_param(world: World, op: language.RemoveParam) -> None:
    if place := world.places(op.group, op.position):
        del place[0][place[1]]


def _replace_param(world: World, op: language.ReplaceParam) -> None:
    place = world.places(op.group, op.position)
    if place is None or not place[0][place[1]].dim():
        return
    params, i = place
    change = CHANGES["half_the_rows" if op.how == "prune" else "more_rows"]
    old = params[i]
    new = torch.nn.Parameter(change(old.data))
    state = world.optimizer.state.pop(old, None)
    if state:
        alike = {k: isinstance(v, Tensor) and v.shape == old.shape for k, v in state.items()}
        world.optimizer.state[new] = {k: change(v) if alike[k] else v for k, v in state.items()}
    params[i] = new
    world.params[:] = [new if p is old else p for p in world.params]


def _cast(world: World, op: language.Cast) -> None:
    for p in world.params:
        p.grad = None
        p.data = _cast_to(getattr(torch, op.dtype))(p.data)


def _fresh(world: World, make: Any = None, given: dict[str, Any] | None = None) -> Any:
    groups = [{"params": list(g["params"])} for g in world.optimizer.param_groups]
    return (make or world.make)(groups, **settings(world.program.settings if given is None else given))


def _reload_self(world: World) -> None:
    world.optimizer.load_state_dict(world.optimizer.state_dict())


def _reload_fresh(world: World) -> None:
    new = _fresh(world)
    new.load_state_dict(copy.deepcopy(world.optimizer.state_dict()))
    world.optimizer, world.schedulers = new, []


def _reload_file(world: World) -> None:
    file = io.BytesIO()
    torch.save(world.optimizer.state_dict(), file)
    file.seek(0)
    new = _fresh(world)
    new.load_state_dict(torch.load(file, weights_only=True))
    world.optimizer, world.schedulers = new, []


def _reload_through_torch(world: World) -> None:
    """Into torch's optimizer, one step there, and back."""
    with_its_loop = language.for_loop(world.program).settings
    other = _fresh(world, world.reference, with_its_loop)
    other.load_state_dict(copy.deepcopy(world.optimizer.state_dict()))
    if world.program.optimizer != "LBFGS":
        # By its for-loop, whatever the checkpoint says: the others read some layouts wrongly.
        switches = [{n: g[n] for n in language.OTHER_IMPLEMENTATIONS if n in g} for g in other.param_groups]
        for group, switched in zip(other.param_groups, switches, strict=True):
            group |= dict.fromkeys(switched, False)
        other.step()
        for group, switched in zip(other.param_groups, switches, strict=True):
            group |= switched
    new = _fresh(world)
    new.load_state_dict(copy.deepcopy(other.state_dict()))
    world.optimizer, world.schedulers = new, []


def _copied(world: World, how: Callable[[Any], Any]) -> None:
    world.params, world.optimizer = how((world.params, world.optimizer))
    world.schedulers = []


RELOADS: dict[str, Callable[[World], None]] = {
    "self": _reload_self,
    "fresh": _reload_fresh,
    "file": _reload_file,
    "through_torch": _reload_through_torch,
    "deepcopy": lambda world: _copied(world, copy.deepcopy),
    "pickle": lambda world: _copied(world, lambda both: pickle.loads(pickle.dumps(both))),
}


def _scale_gradients(optimizer: Any, *_: Any) -> None:
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                p.grad = p.grad * 0.5


def _decay_rate(optimizer: Any, *_: Any) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * 0.5


HOOKS: dict[str, Callable[[Any], Any]] = {
    "pre_gradients": lambda o: o.register_step_pre_hook(_scale_gradients),
    "pre_rate": lambda o: o.register_step_pre_hook(_decay_rate),
    "post_rate": lambda o: o.register_step_post_hook(_decay_rate),
}

ACTIONS: dict[str, Callable[[World, Any], Any]] = {
    "Step": _step,
    "AddGroup": _add_group,
    "Set": _set,
    "Mutate": _mutate,
    "Schedule": _schedule,
    "Tick": _tick,
    "Share": _share,
    "SwapParam": _swap_param,
    "SwapState": _swap_state,
    "ReplaceState": _replace_state,
    "Forget": _forget,
    "Clear": lambda world, op: world.optimizer.state.clear(),
    "Offload": _offload,
    "Freeze": _freeze,
    "Thaw": lambda world, op: world.param(op.param).requires_grad_(True),
    "ZeroGrad": lambda world, op: world.optimizer.zero_grad(set_to_none=op.to_none),
    "Reload": lambda world, op: RELOADS[op.how](world),
    "PopGroup": _pop_group,
    "RemoveParam": _remove_param,
    "ReplaceParam": _replace_param,
    "Cast": _cast,
    "Hook": lambda world, op: HOOKS[op.kind](world.optimizer),
}


# What there is.


@dataclass
class Outcome:
    """After one operation.

    Attributes:
        record: all numbers.
        before: all numbers before the operation.
        error: the exception's type.
        message: its text.
        between: the numbers after all but the last turn of an operation that is done several times.
    """

    record: Record
    before: Record
    error: type[BaseException] | None = None
    message: str = ""
    between: list[Record] = field(default_factory=list)

    def turns(self) -> Iterator[Outcome]:
        """Each turn by itself, the last with the error if there was one."""
        before = self.before
        for record in self.between:
            yield Outcome(record, before)
            before = record
        yield Outcome(self.record, before, self.error, self.message)

    @property
    def touched(self) -> bool:
        """Whether parameters or entries of the state are not what they were; new entries do not count."""
        return self._changed("param", "state", "base")

    @property
    def moved(self) -> bool:
        """Whether parameters are not what they were."""
        return self._changed("param")

    def _changed(self, *kinds: str) -> bool:
        return any(
            key.startswith(kinds) and not _identical(value, self.record.get(key))
            for key, value in self.before.items()
        )


def run(
    program: Program, make: type[torch.optim.Optimizer], reference: type[torch.optim.Optimizer]
) -> Iterator[Outcome]:
    """The outcome of building the optimizer and of each operation, up to the first error."""
    world = World(program, make, reference)
    before: Record = {}
    for op in (None, *program.operations):
        outcome = _attempt(world, op, before)
        yield outcome
        if outcome.error:
            return
        before = outcome.record


def _attempt(world: World, op: Operation | None, before: Record) -> Outcome:
    world.returned, world.between = None, []
    try:
        if op is None:
            _build(world)
        else:
            ACTIONS[type(op).__name__](world, op)
    except Exception as error:
        return Outcome(_record(world), before, type(error), str(error), world.between)
    return Outcome(_record(world), before, between=world.between)


def _record(world: World) -> Record:
    """Everything there is, copied."""
    record: Record = {}
    for i, p in enumerate(world.params):
        record[f"param {i}"] = _seen(p)
        record[f"grad {i}"] = _seen(p.grad)
    for i, base in enumerate(world.bases):
        record[f"base {i}"] = _seen(base)
    if world.optimizer is None:
        return record
    numbers = {id(p): i for i, p in reversed(list(enumerate(world.params)))}
    for p, state in world.optimizer.state.items():
        for name, value in state.items() if isinstance(p, Tensor) else ():
            if world.program.optimizer != "LBFGS" or name in ("func_evals", "n_iter"):
                record[f"state {numbers.get(id(p))} {name}"] = _seen(value)
    for i, group in enumerate(world.optimizer.param_groups):
        for name, value in group.items():
            if name == "params":
                value = tuple(numbers.get(id(p)) for p in value)
            record[f"group {i} {name}"] = _seen(value)
    record["returned"] = _seen(world.returned)
    return record


def _seen(value: Any) -> Any:
    """A value at this moment."""
    if not isinstance(value, Tensor):
        return tuple(map(_seen, value)) if isinstance(value, list | tuple) else value
    if type(value) not in (Tensor, torch.nn.Parameter) or value.device.type != "cpu":
        return (str(value.device.type), value.dtype, tuple(value.shape))
    value = value.detach()
    if value.is_sparse:
        with torch.inference_mode(value.is_inference()):  # outside it what was made there is not coalesced
            return value.coalesce().to_dense()
    if _freed(value):
        return ("freed", value.dtype, tuple(value.shape))
    return value.clone()


def _freed(value: Tensor) -> bool:
    """Whether the storage is too small for what the tensor says it has."""
    if not value.numel() or value._is_zerotensor():
        return False
    last = value.storage_offset() + sum((n - 1) * s for n, s in zip(value.shape, value.stride(), strict=True))
    return value.untyped_storage().nbytes() < (last + 1) * value.element_size()


def _identical(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and bool(((a == b) | (a != a)).all())
    return type(a) is type(b) and bool(a == b)
