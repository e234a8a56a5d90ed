"""The language of programs: an optimizer, its parameters, and what happens to them, as plain data.

Indices are taken modulo what is there, and an operation on something absent does nothing, so that any
part of a program is a program: that is what makes shrinking simple.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

# A setting: a number, flag, text or tuple; {"tensor": number} is a tensor, {"list": (...)} a list.
Setting = Any


@dataclass(frozen=True)
class Param:
    """A parameter; `layout` names one of `running.LAYOUTS`."""

    shape: tuple[int, ...] = (2,)
    dtype: str = "float32"
    layout: str = "contiguous"


@dataclass(frozen=True)
class Group:
    """A parameter group: places in the list of parameters, perhaps one twice, and settings of its own."""

    params: tuple[int, ...] = (0,)
    settings: dict[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Set gradients (`gradients.KINDS`, in turn over the parameters) and step, in one of `modes.MODES`."""

    gradients: tuple[str, ...] = ("plain",)
    mode: str = "plain"
    times: int = 1
    seed: int = 0


@dataclass(frozen=True)
class AddGroup:
    """`add_param_group` of a new parameter."""

    param: Param = Param()
    settings: dict[str, Setting] = field(default_factory=dict)
    twice: bool = False


@dataclass(frozen=True)
class Set:
    """`param_groups[group][name] = value`."""

    name: str
    value: Setting
    group: int = 0


@dataclass(frozen=True)
class Mutate:
    """Change a setting in place: the first item of a list, or the number in a tensor."""

    name: str
    value: float
    group: int = 0


@dataclass(frozen=True)
class Schedule:
    """Give the optimizer one of torch's schedulers."""

    kind: str


@dataclass(frozen=True)
class Tick:
    """Step the schedulers."""

    metric: float = 1.0


@dataclass(frozen=True)
class Share:
    """`param.data = other.data`: two parameters over one storage."""

    param: int = 0
    other: int = 1


@dataclass(frozen=True)
class SwapParam:
    """`param.data = CHANGES[how](param.data)`; the gradient is dropped."""

    how: str
    param: int = 0


@dataclass(frozen=True)
class SwapState:
    """`state[entry].data = CHANGES[how](state[entry].data)`."""

    entry: str
    how: str
    param: int = 0


@dataclass(frozen=True)
class ReplaceState:
    """`state[entry] = REPLACEMENTS[how](state[entry])`."""

    entry: str
    how: str
    param: int = 0


@dataclass(frozen=True)
class Forget:
    """Delete an entry of a parameter's state, or all of it."""

    entry: str | None = None
    param: int = 0


@dataclass(frozen=True)
class Clear:
    """`optimizer.state.clear()`."""


@dataclass(frozen=True)
class Offload:
    """Free a parameter's storage with `resize_(0)` and bring it back, perhaps elsewhere, as FSDP does."""

    param: int = 0


@dataclass(frozen=True)
class Freeze:
    """`requires_grad_(False)` and no gradient."""

    param: int = 0


@dataclass(frozen=True)
class Thaw:
    """`requires_grad_(True)`."""

    param: int = 0


@dataclass(frozen=True)
class ZeroGrad:
    """`zero_grad`."""

    to_none: bool = True


@dataclass(frozen=True)
class Reload:
    """Save, load and copy: one of `running.RELOADS`."""

    how: str


@dataclass(frozen=True)
class PopGroup:
    """`param_groups.pop`, and its state."""

    group: int = 0


@dataclass(frozen=True)
class RemoveParam:
    """Take a parameter out of its group."""

    group: int = 0
    position: int = 0


@dataclass(frozen=True)
class ReplaceParam:
    """Put another parameter in the place of one, with its state cut or grown, as Gaussian splatting does."""

    how: str = "prune"
    group: int = 0
    position: int = 0


@dataclass(frozen=True)
class Cast:
    """`model.double()` and the like: the data of all parameters, and of their gradients."""

    dtype: str


@dataclass(frozen=True)
class Hook:
    """Register a hook: one of `running.HOOKS`."""

    kind: str


Operation = (
    Step | AddGroup | Set | Mutate | Schedule | Tick | Share | SwapParam | SwapState | ReplaceState
    | Forget | Clear | Offload | Freeze | Thaw | ZeroGrad | Reload | PopGroup | RemoveParam | ReplaceParam
    | Cast | Hook
)  # fmt: skip
OPERATIONS: dict[str, Any] = {cls.__name__: cls for cls in Operation.__args__}


@dataclass(frozen=True)
class Program:
    """An optimizer made, and what happens to it."""

    optimizer: str = "SGD"
    settings: dict[str, Setting] = field(default_factory=dict)
    params: tuple[Param, ...] = (Param(),)
    groups: tuple[Group, ...] = (Group(),)
    operations: tuple[Operation, ...] = ()


def to_json(program: Program) -> dict[str, Any]:
    """A program as JSON takes it; what has its default is left out."""
    return {
        "optimizer": program.optimizer,
        "settings": program.settings,
        "params": [_fields(p) for p in program.params],
        "groups": [_fields(g) for g in program.groups],
        "operations": [[type(o).__name__, _fields(o)] for o in program.operations],
    }


def from_json(given: dict[str, Any]) -> Program:
    """The program that `to_json` wrote; lists become tuples."""
    data = _frozen(given)
    return Program(
        data["optimizer"],
        data["settings"],
        tuple(Param(**p) for p in data["params"]),
        tuple(Group(**g) for g in data["groups"]),
        tuple(_operation(name, fields) for name, fields in data["operations"]),
    )


def _operation(name: str, fields: dict[str, Any]) -> Operation:
    if isinstance(fields.get("param"), dict):
        fields = fields | {"param": Param(**fields["param"])}
    return OPERATIONS[name](**fields)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    shown = {}
    for f in dataclasses.fields(value):
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        own = getattr(value, f.name)
        if own != default or type(own) is not type(default):
            shown[f.name] = _fields(own) if isinstance(own, Param) else own
    return shown


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _frozen(v) for k, v in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


OTHER_IMPLEMENTATIONS = ("foreach", "fused")


def for_loop(program: Program) -> Program:
    """The same without torch's other implementations."""
    groups = tuple(dataclasses.replace(g, settings=_looped(g.settings)) for g in program.groups)
    return dataclasses.replace(program, settings=_looped(program.settings), groups=groups)


def _looped(settings: dict[str, Setting]) -> dict[str, Setting]:
    return {name: value for name, value in settings.items() if name not in OTHER_IMPLEMENTATIONS}
