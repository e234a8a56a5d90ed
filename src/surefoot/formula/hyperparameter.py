"""A constructor argument of an optimizer: its kind, bounds, words for people, and how a search varies it."""

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
