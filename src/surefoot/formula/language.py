"""The language of update rules: Python arithmetic and a handful of functions.

A formula is a function of the parameter `p`, its gradient `g`, its state `s` and its settings `h`::

    def update(p: Value, g: Value, s: State, h: Settings) -> Value:
        s.square_avg = h.alpha * s.square_avg + (1 - h.alpha) * g * g
        return p - h.lr * g / (sqrt(s.square_avg) + h.eps)

It may use `+ - * / ** abs`, comparisons, `sqrt`, `sign`, `maximum`, `minimum`, `add`, `addcmul`, `lerp`,
`where`, `mean`, and `if` on flags (`if h.nesterov:`), on whether a setting is zero (`if h.weight_decay:`)
and on whether a state exists yet (`if s.momentum_buffer is None:`).  A choice that depends on tensor values
is a `where`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol, cast

import torch

from surefoot.formula.trace import Symbol


class Value(Protocol):
    """What a formula computes with: a number, a tensor, or a symbol while it is traced."""

    def __iter__(self) -> Iterator[Value]: ...  # a setting made of several numbers
    def __add__(self, other: Value | float, /) -> Value: ...
    def __radd__(self, other: Value | float, /) -> Value: ...
    def __sub__(self, other: Value | float, /) -> Value: ...
    def __rsub__(self, other: Value | float, /) -> Value: ...
    def __mul__(self, other: Value | float, /) -> Value: ...
    def __rmul__(self, other: Value | float, /) -> Value: ...
    def __truediv__(self, other: Value | float, /) -> Value: ...
    def __rtruediv__(self, other: Value | float, /) -> Value: ...
    def __pow__(self, other: Value | float, /) -> Value: ...
    def __rpow__(self, other: Value | float, /) -> Value: ...
    def __neg__(self) -> Value: ...
    def __abs__(self) -> Value: ...
    def __lt__(self, other: Value | float, /) -> Value: ...
    def __gt__(self, other: Value | float, /) -> Value: ...
    def __eq__(self, other: object, /) -> Any: ...


class ScalarState(float):
    """A scalar state as a number that remembers the precision in which it is kept."""

    dtype: torch.dtype

    def __new__(cls, value: float, dtype: torch.dtype) -> ScalarState:
        number = super().__new__(cls, value)
        number.dtype = dtype
        return number


def sqrt(x: Value | float) -> Value:
    """Square root."""
    return _call("sqrt", torch.sqrt, math.sqrt, x)


def sign(x: Value | float) -> Value:
    """-1, 0 or 1; 0 for nan, as in torch."""
    return _call("sign", torch.sign, lambda number: (number > 0) - (number < 0), x)


def maximum(x: Value | float, y: Value | float) -> Value:
    """The larger of two values; nan if either is nan."""
    return _call("maximum", torch.maximum, max, x, y)


def minimum(x: Value | float, y: Value | float) -> Value:
    """The smaller of two values; nan if either is nan."""
    return _call("minimum", torch.minimum, min, x, y)


def state_product(state: Value, factor: Value | float) -> Value:
    """A scalar state times a number, computed in the precision in which the state is kept.

    torch keeps a running product in a float32 tensor and multiplies it in place; a product in
    float64 would leave its trajectory at the seventh digit.
    """
    if isinstance(state, Symbol):
        return cast("Value", state.graph.node("state_product", state, cast("Any", factor)))
    if isinstance(state, ScalarState):
        held = torch.tensor(state, dtype=state.dtype, device="cpu")
        return cast("Value", ScalarState((held * factor).item(), state.dtype))
    return state * factor


def add(x: Value | float, y: Value | float, alpha: Value | float) -> Value:
    """x + alpha · y, rounded as torch.add rounds it: once, where the processor can, as in a kernel."""
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) and not isinstance(alpha, torch.Tensor):
        return cast("Value", torch.add(x, y, alpha=cast("float", alpha)))
    return cast("Value", x + alpha * y)


def addcmul(x: Value | float, y: Value | float, z: Value | float, value: Value | float = 1) -> Value:
    """x + value · y · z, rounded as torch.addcmul rounds it."""
    tensors = isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) and isinstance(z, torch.Tensor)
    if tensors and not isinstance(value, torch.Tensor):
        return cast("Value", torch.addcmul(*cast("Any", (x, y, z)), value=cast("float", value)))
    product = y * z if isinstance(value, int) and value == 1 else value * y * z
    return cast("Value", x + product)


def lerp(start: Value | float, end: Value | float, weight: Value | float) -> Value:
    """The share `weight` of the way from `start` to `end`, rounded as torch.lerp rounds it.

    From 0.5 on it is measured from the end, so that nothing is left of a `start` whose share is 0.
    """
    if isinstance(start, torch.Tensor) and isinstance(end, torch.Tensor):
        return _lerp_tensors(start, end, weight)
    near = weight < 0.5
    return where(near, start, end) + where(near, weight, weight - 1) * (end - start)


def _lerp_tensors(start: torch.Tensor, end: torch.Tensor, weight: Any) -> Value:
    """torch.lerp, which promotes no types."""
    if start.dtype is end.dtype and not isinstance(weight, torch.Tensor):
        return cast("Value", torch.lerp(start, end, weight))
    dtype = torch.promote_types(start.dtype, end.dtype)
    if isinstance(weight, torch.Tensor):
        weight = weight.to(start.device, dtype)
    return cast("Value", torch.lerp(start.to(dtype), end.to(dtype), weight))


def mean(x: Value, over: int | None = None) -> Value:
    """The mean over the whole parameter, or over its last dimension (-1) or the one before it (-2).

    A dimension that is averaged over stays, with size 1, so that the result combines with what it came from.
    """
    if isinstance(x, Symbol):
        return cast("Value", x.graph.mean(x, over))
    tensor = cast("torch.Tensor", x)
    return cast("Value", tensor.mean() if over is None else tensor.mean(over, keepdim=True))


def root_mean_square(x: Value) -> Value:
    """The root of the mean square over the whole parameter."""
    return sqrt(mean(x * x))


def where(condition: Value | bool, x: Value | float, y: Value | float) -> Value:
    """`x` where the condition holds, else `y`, element by element."""
    if isinstance(condition, bool):
        return cast("Value", x if condition else y)
    if isinstance(condition, torch.Tensor) and not isinstance(x, torch.Tensor | Symbol):
        # A number carries no dtype; beside another number torch would round it to its default one.
        x = torch.tensor(x, dtype=_dtype(y), device=condition.device)
    return _call("where", torch.where, None, condition, x, y)


def _call(name: str, on_tensors: Any, on_numbers: Any, *values: Any) -> Value:
    """Call the operation for what the values are: symbols, tensors (numbers join them) or numbers."""
    for value in values:
        if isinstance(value, Symbol):
            return cast("Value", value.graph.node(name, *values))
    for value in values:
        if isinstance(value, torch.Tensor):
            return cast("Value", on_tensors(*_as_tensors(values, value)))
    nan = any(isinstance(v, float) and math.isnan(v) for v in values)
    return cast("Value", math.nan if nan else on_numbers(*values))


def _as_tensors(values: tuple[Any, ...], like: torch.Tensor) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        else:
            dtype = like.dtype if like.dtype != torch.bool else torch.float64
            yield torch.tensor(value, dtype=dtype, device=like.device)


def _dtype(value: Any) -> torch.dtype:
    return value.dtype if isinstance(value, torch.Tensor) else torch.float64
