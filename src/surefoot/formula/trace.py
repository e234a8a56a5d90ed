"""Tracing: a formula called once with symbols leaves a graph of its arithmetic.

The graph knows nothing of what will run it.  Every node has an extent: how many values it stands for.
A *scalar* (made of settings, scalar states, whole means and numbers alone) is computed once per
tensor; an *element* is computed for every element of the tensor; a parameter of two or more dimensions
is also seen as a stack of matrices, and a node may hold one value per matrix, row or column.
Equal sub-expressions are one node.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NoReturn

from surefoot.errors import SurefootError
from surefoot.formula.names import Settings, State

OPERATIONS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "negate": "-", "abs": "abs",
    "sqrt": "sqrt", "sign": "sign", "maximum": "maximum", "minimum": "minimum", "where": "where",
    "state_product": "state_product",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
}  # fmt: skip
COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})
MEANS = {None: "mean", -1: "mean_of_rows", -2: "mean_of_columns"}


class Extent(IntEnum):
    """How many values a node stands for, in a parameter seen as a stack of matrices."""

    SCALAR = 0
    MATRIX = 1
    ROW = 2
    COLUMN = 3
    ELEMENT = 4

    def joined(self, other: Extent) -> Extent:
        """The extent of an operation on both."""
        both = {self, other}
        return Extent.ELEMENT if both == {Extent.ROW, Extent.COLUMN} else max(both)


# What a mean over a dimension leaves of an extent.
MEAN_EXTENTS = {
    (Extent.ELEMENT, None): Extent.SCALAR,
    (Extent.ELEMENT, -1): Extent.ROW,
    (Extent.ELEMENT, -2): Extent.COLUMN,
    (Extent.COLUMN, -1): Extent.MATRIX,
    (Extent.ROW, -2): Extent.MATRIX,
}


class FormulaError(SurefootError, TypeError):
    """A formula uses what the language does not have; the message names it, the file and the line."""


@dataclass
class Graph:
    """Nodes in the order of computation, each once."""

    nodes: list[Symbol] = field(default_factory=list)
    known: dict[tuple[Any, ...], Symbol] = field(default_factory=dict)
    tested: set[str] = field(default_factory=set)

    def node(self, operation: str, *arguments: Symbol | float | str, extent: Extent | None = None) -> Symbol:
        """The node of this operation on these arguments, made if it is not there yet.

        Its extent is that of the arguments together, unless it is given.
        """
        key = (operation, *(("node", a.index) if isinstance(a, Symbol) else (type(a), a) for a in arguments))
        if key not in self.known:
            if extent is None:
                extents = [a.extent for a in arguments if isinstance(a, Symbol)]
                extent = functools.reduce(Extent.joined, extents, Extent.SCALAR)
            self.known[key] = Symbol(self, len(self.nodes), operation, arguments, extent)
            self.nodes.append(self.known[key])
        return self.known[key]

    def mean(self, value: Symbol, over: int | None) -> Symbol:
        """The mean of a value over the last dimension (-1), the one before it (-2) or all (None)."""
        if (value.extent, over) not in MEAN_EXTENTS:
            _refuse(f"the mean over {over} of a value that has one number per {value.extent.name.lower()}")
        return self.node(MEANS[over], value, extent=MEAN_EXTENTS[value.extent, over])


@dataclass(frozen=True)
class Trace:
    """What a formula computes, for one choice of flags.

    Attributes:
        nodes: in order of computation; inputs are the nodes "tensor", "scalar" and "setting".
        parameter: the new parameter.
        tensors: new value of each tensor state that the formula assigned, by name.
        scalars: new value of each scalar state that the formula assigned, by name.
        tested: names of the settings that the formula asked whether they are zero.
    """

    nodes: tuple[Symbol, ...]
    parameter: Symbol | float
    tensors: Mapping[str, Symbol | float]
    scalars: Mapping[str, Symbol | float]
    tested: frozenset[str]


class Symbol:
    """A value that is not known yet; arithmetic on it is recorded in its graph."""

    __slots__ = ("arguments", "extent", "graph", "index", "operation")

    def __init__(
        self,
        graph: Graph,
        index: int,
        operation: str,
        arguments: tuple[Symbol | float | str, ...],
        extent: Extent,
    ) -> None:
        self.graph = graph
        self.index = index
        self.operation = operation
        self.arguments = arguments
        self.extent = extent

    @property
    def is_mean(self) -> bool:
        """Whether this is a mean of another node."""
        return self.operation in MEANS.values()

    def apply(self, operation: str, *others: Any) -> Symbol:
        """The node `operation(self, *others)`."""
        for other in others:
            if not isinstance(other, Symbol | float | int):
                _refuse(f"a {type(other).__name__}", "only numbers, p, g, state and settings can be combined")
        return self.graph.node(operation, self, *others)

    def _reflected(self, operation: str, other: Any) -> Symbol:
        if not isinstance(other, float | int):
            _refuse(f"a {type(other).__name__}", "only numbers, p, g, state and settings can be combined")
        return self.graph.node(operation, other, self)

    def __add__(self, other: Any) -> Symbol:
        return self.apply("add", other)

    def __radd__(self, other: Any) -> Symbol:
        return self._reflected("add", other)

    def __sub__(self, other: Any) -> Symbol:
        return self.apply("subtract", other)

    def __rsub__(self, other: Any) -> Symbol:
        return self._reflected("subtract", other)

    def __mul__(self, other: Any) -> Symbol:
        return self.apply("multiply", other)

    def __rmul__(self, other: Any) -> Symbol:
        return self._reflected("multiply", other)

    def __truediv__(self, other: Any) -> Symbol:
        return self.apply("divide", other)

    def __rtruediv__(self, other: Any) -> Symbol:
        return self._reflected("divide", other)

    def __pow__(self, other: Any) -> Symbol:
        if not isinstance(other, Symbol) and other == 2:
            return self * self
        return self.apply("power", other)

    def __rpow__(self, other: Any) -> Symbol:
        return self._reflected("power", other)

    def __neg__(self) -> Symbol:
        return self.apply("negate")

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return self.apply("abs")

    def __lt__(self, other: Any) -> Symbol:
        return self.apply("less", other)

    def __le__(self, other: Any) -> Symbol:
        return self.apply("less_equal", other)

    def __gt__(self, other: Any) -> Symbol:
        return self.apply("greater", other)

    def __ge__(self, other: Any) -> Symbol:
        return self.apply("greater_equal", other)

    def __eq__(self, other: Any) -> Any:
        return self._compare_zero(other, "equal")

    def __ne__(self, other: Any) -> Any:
        return self._compare_zero(other, "not_equal")

    def _compare_zero(self, other: Any, operation: str) -> Any:
        if self.operation == "setting" and not isinstance(other, Symbol) and other == 0:
            self.graph.tested.add(str(self.arguments[0]))
            return operation == "not_equal"  # one of value zero, if it is tested, is never a symbol
        return self.apply(operation, other)

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        if self.operation != "setting":
            _refuse("`if` (or and, or, not, min, max) on a computed value", "use where(condition, x, y)")
        self.graph.tested.add(str(self.arguments[0]))
        return True  # one of value zero, if it is tested, is never a symbol

    def __float__(self) -> float:
        _refuse("float() or a function of the math module", "use the functions of surefoot.formula")

    __int__ = __index__ = __float__

    def __iter__(self) -> NoReturn:
        _refuse("iteration over a value", "a formula is the rule for one element")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        _refuse(f"`.{name}`")

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: Any = (), keywords: Any = None
    ) -> NoReturn:
        _refuse(f"`torch.{getattr(function, '__name__', function)}`")

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **keywords: Any) -> NoReturn:
        _refuse(f"`numpy.{getattr(function, '__name__', function)}`")

    def _unknown(self, other: Any = None) -> NoReturn:
        _refuse("one of the operators % // @ << >> & | ^ ~ []")

    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __matmul__ = __rmatmul__ = _unknown
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _unknown
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __getitem__ = _unknown


def _refuse(what: str, hint: str = "") -> NoReturn:
    raise FormulaError(f"{what}" + (f" ({hint})" if hint else ""))


def trace(
    formula: Callable[..., Any],
    *,
    tensors: Mapping[str, Extent],
    scalars: Iterable[str],
    absent: Iterable[str],
    settings: Mapping[str, Any],
    known_numbers: Mapping[str, float] | None = None,
    negate_gradient: bool = False,
) -> Trace:
    """Call a formula once with symbols.

    Args:
        formula: `update(p, g, s, h)`.
        tensors: the tensor states that exist: extent by name.
        scalars: names of the scalar states.
        absent: names of the tensor states that do not exist yet; the formula sees None.
        settings: value by name; flags (bool, None, str) and zeros stay as they are, every other number,
            also inside a tuple, becomes a symbol.
        known_numbers: further settings, that are numbers while tracing.
        negate_gradient: feed `-g` (maximize).

    Raises:
        FormulaError: the formula uses an operation that the language lacks.
    """
    graph = Graph()
    scalars, absent = tuple(scalars), tuple(absent)
    inputs: dict[str, Any] = {n: graph.node("tensor", n, extent=extent) for n, extent in tensors.items()}
    inputs |= {name: graph.node("scalar", name) for name in scalars}
    inputs |= dict.fromkeys(absent)
    state = State(inputs)
    p, g = (graph.node("tensor", name, extent=Extent.ELEMENT) for name in ("p", "g"))
    known = {name: symbolic(graph, name, value) for name, value in settings.items()} | dict(
        known_numbers or {}
    )
    try:
        parameter = formula(p, -g if negate_gradient else g, state, Settings(known))
        _check_result("the new parameter", parameter)
        results = {name: getattr(state, name) for name in inputs}
        for name, value in results.items():
            if value is not None:
                _check_result(f"state {name}", value)
    except (FormulaError, AttributeError) as error:
        raise FormulaError(_located(formula, error)) from None
    changed = {n: v for n, v in results.items() if v is not None and v is not inputs[n]}
    return Trace(
        tuple(graph.nodes),
        parameter,
        {n: v for n, v in changed.items() if n not in scalars},
        {n: v for n, v in changed.items() if n in scalars},
        frozenset(graph.tested),
    )


def symbolic(graph: Graph, name: str, value: Any) -> Any:
    """A setting as a formula sees it while traced: flags and zeros as they are, numbers as symbols."""
    if isinstance(value, tuple):
        return tuple(symbolic(graph, f"{name}.{i}", v) for i, v in enumerate(value))
    return value if is_static(value) else graph.node("setting", name)


def is_static(value: Any) -> bool:
    """Whether a setting is one that a formula sees as it is while traced: a flag or zero."""
    return value is None or isinstance(value, bool | str) or bool(value == 0)


def _check_result(what: str, value: Any) -> None:
    if not isinstance(value, Symbol | float | int):
        raise FormulaError(f"a {type(value).__name__} as {what}")


def _located(formula: Callable[..., Any], error: Exception) -> str:
    code = formula.__code__
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == code.co_filename]
    known = "+ - * / ** abs sqrt sign maximum minimum add addcmul lerp where mean and comparisons"
    return (
        f"{code.co_filename}:{lines[-1] if lines else code.co_firstlineno}: the formula "
        f"`{formula.__qualname__}` uses {error}; the language has {known}"
    )
