"""The hyperparameters that several optimizers share, with torch's bounds and words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from surefoot.formula.hyperparameter import Choices, Hyperparameter, Kind, LogNormal


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
