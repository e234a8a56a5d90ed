"""What an optimizer declares about itself, as data: hyperparameters, state, search priors, prose."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class LogNormal:
    """A prior for a positive number: its log10 is normal around log10(center) with deviation `decades`."""

    center: float
    decades: float = 0.7


@dataclass(frozen=True)
class Choices:
    """A short list of settings worth trying, the most usual one first."""

    values: tuple[Any, ...]


class Family(StrEnum):
    """The kinds of step that optimizers take.

    A search that cannot pay for all optimizers begins with one of each, in this order (`represents_family`);
    the others of a family are its relatives.

    Attributes:
        ADAPTIVE_MOMENTUM: as Adam.
        GRADIENT: as SGD, with or without momentum.
        ORTHOGONAL: as Muon.
        ADAPTIVE: as RMSprop, whose momentum is not divided.
        SIGN: as Lion.
        RELATIVE: as Adafactor.
        CURVATURE: as LBFGS.
        GRADIENT_FREE: as RandomSearch.
        OTHER: none of these.
    """

    ADAPTIVE_MOMENTUM = "the mean of the gradients over their running magnitude"
    GRADIENT = "the gradient, with or without momentum"
    ORTHOGONAL = "momentum, orthogonalised"
    ADAPTIVE = "the gradient over its running magnitude"
    SIGN = "a sign, times a step size"
    RELATIVE = "relative to the size of the weights"
    CURVATURE = "the gradient through an estimate of the curvature"
    GRADIENT_FREE = "a trial that is kept if the loss falls"
    OTHER = "a kind of its own"


class Kind(StrEnum):
    """What values a setting takes.

    Attributes:
        NUMBER: any finite number.
        MOMENTUM: a number from 0 to below 1, the share of past steps or gradients that is kept.
        WHOLE: a whole number, that counts something.
        FLAG: True or False.
        CHOICE: one of the setting's `choices`.
        WORD: any text.
        NUMBERS: as many numbers as the default has; None where the default has None.
        DECAYS: such numbers that are decay rates of averages, that of the gradient first: it is a momentum.
        ANY: the declaration tells nothing; only the constructor knows.
    """

    NUMBER = "number"
    MOMENTUM = "momentum"
    WHOLE = "whole"
    FLAG = "flag"
    CHOICE = "choice"
    WORD = "word"
    NUMBERS = "numbers"
    DECAYS = "decays"
    ANY = "any"


@dataclass(frozen=True)
class Hyperparameter:
    """One constructor argument.

    Attributes:
        default: as in torch.
        meaning: one clause for people.
        usual: the usual range, for people.
        kind: what values it takes. Where none is stated, `choices` make it a choice, `limits` a whole number,
            and else the default tells: a bool is a flag, a number or a tuple of numbers is the like of it.
        choices: all words that it takes, None among them where it may be left out.
        limits: the least and most of a whole number that pictures and the lab take, since each is work or
            memory in every step; the constructor's own bound is `valid`.
        valid: tells whether a value is allowed.
        message: the error for a value that is not, with `{value}`; a function makes it from the value.
        search: how `choose` varies it; None leaves it at its default.
        fixed: the value is the class's own and no constructor argument.
        name: filled in from the class attribute.
        annotation: its type; filled in from the class attribute.
    """

    default: Any
    meaning: str
    usual: str = ""
    valid: Callable[[Any], bool] = lambda value: True
    message: str | Callable[[Any], str] = "Invalid value: {value}"
    search: LogNormal | Choices | None = None
    fixed: bool = False
    name: str = ""
    annotation: Any = None
    kind: Kind = Kind.ANY
    choices: tuple[str | None, ...] = ()
    limits: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.choices and self.default not in self.choices:
            raise ValueError(f"the default {self.default!r} is none of the choices {self.choices}")
        if self.kind is Kind.ANY:
            object.__setattr__(self, "kind", _kind_of(self.default, self.choices, self.limits))

    def takes(self, value: Any) -> bool:
        """Whether a value is of this setting's kind; whether it is allowed is for `check` to say."""
        match self.kind:
            case Kind.ANY:
                return True
            case Kind.CHOICE:
                return (value is None or isinstance(value, str)) and value in self.choices
            case Kind.NUMBERS | Kind.DECAYS:
                size = len(self.default)
                parts = zip(value, self.default, strict=True) if _has_members(value, size) else None
                return parts is not None and all(_is_number(p) or p is d is None for p, d in parts)
            case Kind.WHOLE:
                whole = isinstance(value, int) and not isinstance(value, bool)
                return whole or (value is None and self.default is None)
            case Kind.FLAG | Kind.WORD:
                return isinstance(value, bool if self.kind is Kind.FLAG else str)
            case _:
                return _is_number(value)

    @property
    def wanted(self) -> str:
        """What it takes, in words for an error: "a number", "2 numbers", "None or 'strong_wolfe'"."""
        match self.kind:
            case Kind.CHOICE:
                return " or ".join(map(repr, self.choices))
            case Kind.NUMBERS | Kind.DECAYS:
                return f"{len(self.default)} numbers"
            case Kind.WHOLE:
                return "a whole number"
            case Kind.FLAG:
                return "true or false"
            case Kind.WORD:
                return "a word"
            case _:
                return "a number"

    def kept(self, value: Any) -> Any:
        """A value as groups keep it: a sequence of any class becomes a tuple where the default is one."""
        return _as_tuple(value) if isinstance(self.default, tuple) and _is_sequence(value) else value

    def plain(self, value: Any) -> Any:
        """A value as formulas take it: a Python number, a tensor without dimensions, or a tuple of these."""
        return _plain(value, self.default)

    def check(self, value: Any) -> None:
        """Raise ValueError, with torch's words, where the value is not allowed."""
        if not self.valid(value):
            text = self.message(value) if callable(self.message) else self.message.format(value=value)
            raise ValueError(text)


def _kind_of(default: Any, choices: tuple[str | None, ...], limits: tuple[int, int] | None) -> Kind:
    if choices:
        return Kind.CHOICE
    if limits:
        return Kind.WHOLE
    kinds = {bool: Kind.FLAG, int: Kind.NUMBER, float: Kind.NUMBER, str: Kind.WORD}
    kinds |= {tuple: Kind.NUMBERS, list: Kind.NUMBERS}
    return kinds.get(type(default), Kind.ANY)


def _has_members(value: Any, size: int) -> bool:
    return isinstance(value, tuple) and len(value) == size


def _is_number(value: Any) -> bool:
    """Whether it is a finite number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_sequence(value: Any) -> bool:
    """Whether a value can be taken apart by number; a text or a mapping is not meant so."""
    return (
        not isinstance(value, str | bytes | Mapping)
        and hasattr(value, "__getitem__")
        and hasattr(value, "__len__")
        and getattr(value, "ndim", 1) > 0
    )


def _as_tuple(values: Any) -> tuple[Any, ...]:
    """The members of a sequence; a tensor of one element loses its dimension, as in torch's Adam."""
    members = [values[i] for i in range(len(values))]
    return tuple(m.squeeze() if isinstance(m, Tensor) and m.dim() else m for m in members)


def _plain(value: Any, default: Any) -> Any:
    if type(value) is float or value is None:  # nearly always
        return value
    if type(value) is tuple and all(type(member) is float for member in value):
        return value
    if isinstance(default, tuple) and _is_sequence(value):
        return tuple(_plain(member, 0.0) for member in _as_tuple(value))
    if isinstance(value, Tensor):
        return value.reshape(()) if value.dim() else value
    # A kernel is compiled for each flag: a number must not look like one, nor a flag like a number.
    if isinstance(default, bool):
        return bool(value)
    if isinstance(value, bool):
        return int(value)
    is_numpy_number = hasattr(value, "item") and not getattr(value, "ndim", 0)
    return value.item() if is_numpy_number else value


class Meaning(StrEnum):
    """What state entries stand for that several optimizers keep; any other meaning is a text of its own.

    Attributes:
        STEPS: how many steps were taken.
        MEAN_GRADIENT: a running mean of the gradients, from zero and not corrected for that.
        MEAN_SQUARE: the same of the squared gradients.
        LARGEST_MEAN_SQUARE: the largest such mean so far.
    """

    STEPS = "number of steps"
    MEAN_GRADIENT = "mean of the gradients"
    MEAN_SQUARE = "mean of the squared gradients"
    LARGEST_MEAN_SQUARE = "largest mean of the squared gradients so far"


@dataclass(frozen=True)
class StateSlot:
    """One entry of a parameter's state.

    Attributes:
        name: torch's name for it.
        meaning: what it is, in a few words. Where a checkpoint is converted, an entry goes on as the one
            of the same meaning, whatever their names; one without a meaning starts anew.
        initial: a number, the name of the setting that holds it, or None: absent until it is assigned.
        when: name of the setting that must be set (true, not zero) for this state to exist.
        scalar: one number per parameter tensor instead of one per element.
        counts: a step counter: one is added before the formula sees it.
        number: kept as a Python number, not as a tensor.
        over: -1 keeps one number per row, -2 one per column; for parameters that have both.
        vectors: only for parameters of fewer than two dimensions.
        limit: what it comes to after many steps, where it corrects means for their start at zero.
        default_dtype: kept in torch's default dtype also after loading, where torch's own step rounds to it.
    """

    name: str
    meaning: str = ""
    initial: float | str | None = 0.0
    when: str | None = None
    scalar: bool = False
    counts: bool = False
    number: bool = False
    over: int | None = None
    vectors: bool = False
    limit: float | None = None
    default_dtype: bool = False

    def exists(self, settings: Mapping[str, Any]) -> bool:
        """Whether these settings call for this state."""
        return self.when is None or bool(settings[self.when])

    def fits(self, dimensions: int) -> bool:
        """Whether a parameter of so many dimensions has this state."""
        return dimensions < 2 if self.vectors else dimensions >= 2 or self.over is None

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of this state for a parameter of the given shape."""
        if self.scalar:
            return ()
        if self.over is None:
            return shape
        kept = list(shape)
        kept[self.over] = 1
        return tuple(kept)


STEP = StateSlot("step", Meaning.STEPS, scalar=True, counts=True)
"""The step counter that most optimizers keep."""


@dataclass(frozen=True)
class Facts:
    """An optimizer's card."""

    name: str
    summary: str
    equation: str
    paper: str
    good_at: str
    bad_at: str
    hyperparameters: tuple[Hyperparameter, ...]
    slots: tuple[StateSlot, ...]
    family: Family
    needs_closure: bool
    sparse: str
    takes_complex: bool
    matrices_only: bool
    state_note: str = ""

    @property
    def takes(self) -> str:
        """What it can be given besides dense, real parameters, for people."""
        rows = {
            "no": "no sparse gradients",
            "rows": "sparse gradients (steps the touched rows)",
            "exact": "sparse gradients",
            "only": "sparse gradients only",
        }[self.sparse]
        kind = "matrices only" if self.matrices_only else ""
        numbers = "complex parameters" if self.takes_complex else "no complex parameters"
        closure = "needs a closure" if self.needs_closure else ""
        return "; ".join(filter(None, [kind, rows, numbers, closure]))

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the state entries, with the setting that calls for each."""
        return tuple(s.name + (f" (with {s.when})" if s.when else "") for s in self.slots)

    @property
    def state_bytes_per_parameter(self) -> str:
        """Bytes of state per parameter element in float32, for people."""
        if self.state_note:
            return self.state_note
        elementwise = [s for s in self.slots if not s.scalar]
        always = 4 * sum(s.when is None for s in elementwise)
        extra = [f"+4 with {s.when}" for s in elementwise if s.when]
        return " ".join([f"{always} bytes in float32", *extra])


# The hyperparameters that several optimizers share, with torch's bounds and words.


def hyperparameter(default: Any, meaning: str, usual: str = "", **more: Any) -> Any:
    """A `Hyperparameter` for a class body, where a type checker expects the type of its value."""
    return Hyperparameter(default, meaning, usual, **more)


def _from(bound: float) -> Callable[[Any], bool]:
    """A value that is at least `bound`; compared in torch's order, which a TypeError quotes."""
    return lambda value: bound <= value


def _above(bound: float) -> Callable[[Any], bool]:
    return lambda value: bound < value


def learning_rate(default: float, search: LogNormal | None, *, zero: bool = True, usual: str = "") -> Any:
    """The learning rate; `zero` tells whether 0 is allowed."""
    return Hyperparameter(
        default,
        "learning rate: the size of a step",
        usual or (f"{search.center / 10:g} to {search.center * 10:g}" if search else ""),
        _from(0.0) if zero else _above(0.0),
        "Invalid learning rate: {value}",
        search,
    )


def decay_pair(default: tuple[float, float], search: Choices | None = None) -> Any:
    """The two decay rates of the moving averages, each in [0, 1)."""

    def message(betas: tuple[float, float]) -> str:
        index = 0 if not 0.0 <= betas[0] < 1.0 else 1
        return f"Invalid beta parameter at index {index}: {betas[index]}"

    return Hyperparameter(
        default,
        "decay rates of the averages of the gradient and of its magnitude",
        "β₁ 0.8 to 0.98, β₂ 0.95 to 0.9999",
        lambda betas: 0.0 <= betas[0] < 1.0 and 0.0 <= betas[1] < 1.0,
        message,
        search,
        kind=Kind.DECAYS,
    )


def epsilon(default: float, *, zero: bool = True) -> Any:
    """The number that keeps a denominator from zero."""
    return Hyperparameter(
        default,
        "keeps the denominator from zero",
        f"{default:g} to 1e-3".replace("e-0", "e-"),
        _from(0.0) if zero else _above(0.0),
        "Invalid epsilon value: {value}",
    )


L2_DECAYS = Choices((0.0, 5e-4))
"""None, as constructors have it, and that of wide residual networks (Zagoruyko & Komodakis, 2016)."""

DECOUPLED_DECAYS = Choices((1e-2, 0.0, 1e-1))
"""AdamW's default, none, and that of large transformers (Brown et al., 2020)."""

SHRINKS = "shrinks the weights by lr · weight_decay at each step"


def weight_decay(default: float) -> Any:
    """The pull of the weights towards zero, as part of the gradient."""
    meaning = "adds weight_decay · p to the gradient (L2 penalty)"
    return non_negative("weight_decay", default, meaning, "0 to 1e-3", L2_DECAYS)


def decoupled_decay(default: float, search: Choices = DECOUPLED_DECAYS) -> Any:
    """The pull of the weights towards zero, apart from the gradient."""
    return non_negative("weight_decay", default, SHRINKS, "0 to 0.1", search)


def non_negative(
    name: str,
    default: float,
    meaning: str,
    usual: str,
    search: Choices | None = None,
    kind: Kind = Kind.NUMBER,
) -> Any:
    """Any number from 0 up; `name` is the word in torch's error message."""
    message = f"Invalid {name} value: {{value}}"
    return Hyperparameter(default, meaning, usual, _from(0.0), message, search, kind=kind)


def flag(default: bool, meaning: str) -> Any:
    """A switch of the formula."""
    return Hyperparameter(default, meaning, "False or True")


def choice(
    default: str | None,
    meaning: str,
    choices: tuple[str | None, ...],
    message: str = "",
    search: Choices | None = None,
) -> Any:
    """One of a few words, of which a formula sees the chosen one; the constructor refuses any other."""
    *others, last = map(repr, choices)
    usual = f"{', '.join(others)} or {last}" if others else last
    message = message or f"Invalid choice: {{value!r}}; there are {usual}"
    return Hyperparameter(
        default, meaning, usual, lambda value: value in choices, message, search, choices=choices
    )


def at_least(
    bound: float,
    name: str,
    default: float,
    meaning: str,
    usual: str,
    search: LogNormal | Choices | None = None,
    kind: Kind = Kind.NUMBER,
) -> Any:
    """Any number from a bound up, refused in the words of torch's newer optimizers, with this name."""
    message = f"{name} should be >= {bound:g} but is: {{value}}"
    return Hyperparameter(default, meaning, usual, _from(float(bound)), message, search, kind=kind)


def check_tensor(name: str, value: Any, settings: Mapping[str, Any] | None = None) -> None:
    """Raise ValueError, in torch's words, for a setting that is a tensor and may not be this one.

    Args:
        name: of the setting.
        value: it.
        settings: all of them, for torch's classes that want no tensors with `foreach`.
    """
    if isinstance(value, Tensor):
        if settings and settings.get("foreach") and not settings.get("capturable", True):
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
