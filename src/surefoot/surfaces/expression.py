"""A formula of x and y, from text to numbers: read by a whitelist, never evaluated as code.

    bowl = parse("x^2 + 10y²")              # ExpressionError: what is wrong where, and the nearest valid word
    bowl(torch.tensor(1.0), torch.tensor(2.0))
    bowl.python                             # "x**2 + 10*y**2", as one would write it with torch

The result is plain torch arithmetic, so autograd differentiates it and points of any shape go in at once.
The words of a formula are checked in `words.py`; here Python's own parser only tells what binds to what.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from surefoot.surfaces.formula_lexer import DEEPEST, LONGEST, ExpressionError, Words

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    name: getattr(torch, name)
    for name in (
        *("abs", "sqrt", "exp", "log", "sin", "cos", "tan", "arctan"),
        *("sinh", "cosh", "tanh", "sigmoid", "sign", "square", "erf"),
    )
}
"""Of one argument each, as torch has them."""

CONSTANTS = {"pi": math.pi, "e": math.e}
VARIABLES = ("x", "y")

__all__ = [
    "CONSTANTS",
    "DEEPEST",
    "FUNCTIONS",
    "LONGEST",
    "VARIABLES",
    "Expression",
    "ExpressionError",
    "parse",
]

Node = Callable[[Tensor, Tensor], Any]

_EXACT = 2.0**53
"""Below it whole numbers are the same in Python's arithmetic and in float64's."""

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
"""How tightly a written part holds together."""

_OPERATIONS: dict[type[ast.operator], tuple[str, int, Callable[[Any, Any], Any]]] = {
    ast.Add: (" + ", _SUM, lambda a, b: a + b),
    ast.Sub: (" - ", _SUM, lambda a, b: a - b),
    ast.Mult: ("*", _PRODUCT, lambda a, b: a * b),
    ast.Div: ("/", _PRODUCT, lambda a, b: a / b),
    ast.Pow: ("**", _POWER, lambda a, b: a**b),
}


@dataclass(frozen=True)
class Expression:
    """A parsed formula; equal texts are equal.

    Attributes:
        text: as it was written.
        python: the same in Python, which needs `torch` and `math`; it gives the same values bit for bit.
    """

    text: str
    python: str
    _root: Node = field(compare=False, repr=False)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """The values at points of shapes that go together; nan or infinite where the formula has none."""
        value: Tensor = self._root(x, y)
        if value.shape == x.shape == y.shape:
            return value
        return value.expand(torch.broadcast_shapes(x.shape, y.shape))  # type: ignore[no-untyped-call]


def parse(text: str) -> Expression:
    """Read a formula of x and y.

    Args:
        text: numbers, `x`, `y`, `pi`, `e`, `+ - * / ^` (or `**`, `²`, `³`), brackets, and the functions in
            `FUNCTIONS`.  A number may stand before a name or a bracket without `*`, as in `2x` or `2(x+y)`.
            One line, without comments.

    Raises:
        ExpressionError: it holds anything else, is longer than `LONGEST` or nested deeper than `DEEPEST`, or
            holds neither x nor y; the message is one line.
    """
    words = Words(text, FUNCTIONS, (*VARIABLES, *CONSTANTS))
    try:
        tree = ast.parse(words.written, mode="eval")
    except SyntaxError as error:
        raise words.error(f"has something missing{words.where((error.offset or 1) - 1)}") from None
    root = _Reader(words).read(tree.body, 0)
    if not callable(root.value):
        raise words.error("holds neither x nor y")
    return Expression(text, root.python, root.value)


@dataclass(frozen=True)
class _Part:
    """A part of the formula: what it computes, or its number; and as it is written in Python."""

    value: Node | float
    python: str
    holds: int = _ATOM

    def within(self, weakest: int) -> str:
        return self.python if self.holds >= weakest else f"({self.python})"

    @property
    def node(self) -> Node:
        value = self.value
        return value if callable(value) else lambda x, y: value


class _Reader:
    """Builds the function from Python's syntax tree; what holds neither x nor y is worked out once."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def read(self, node: ast.expr, depth: int) -> _Part:
        if depth > DEEPEST:
            raise self.words.error(f"is nested deeper than {DEEPEST} levels")
        match node:
            case ast.Constant(value=int() | float() as value):
                return self.number(value, repr(value), node)
            case ast.Name(id="x"):
                return _Part(lambda x, y: x, "x")
            case ast.Name(id="y"):
                return _Part(lambda x, y: y, "y")
            case ast.Name(id=name) if name in CONSTANTS:
                return _Part(CONSTANTS[name], f"math.{name}")
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.negative(node, self.read(operand, depth + 1))
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
                # A long sum is not deep: its length is bounded by that of the text.
                deeper = depth + isinstance(operation, ast.Pow)
                return self.binary(node, self.read(left, deeper), self.read(right, depth + 1))
            case ast.Call(func=ast.Name(id=name), args=[ast.expr() as argument], keywords=[]) if (
                name in FUNCTIONS and not isinstance(argument, ast.Starred)
            ):
                return self.call(node, name, self.read(argument, depth + 1))
            case ast.Call(func=ast.Name(id=name)):
                raise self.words.error(f"must give {name} one argument{self.where(node)}")
        raise self.words.error(f"may not be put together like this{self.where(node)}")

    def where(self, node: ast.expr) -> str:
        return self.words.where(node.col_offset, node.end_col_offset)

    def number(self, value: complex, python: str, node: ast.expr, holds: int = _ATOM) -> _Part:
        """A part without x and y; what Python's whole numbers hold in another way is written out."""
        found = _float64(value)
        if not math.isfinite(found):
            large = math.isinf(found) and not isinstance(node, ast.Call)
            what = "holds a number that is too large" if large else "has no value"
            raise self.words.error(f"{what}{self.where(node)}")
        negative = math.copysign(1, found) < 0
        if abs(found) >= _EXACT or (found == 0 and negative):
            return _Part(found, repr(found), _SIGN if negative else _ATOM)
        return _Part(found, python, holds)

    def negative(self, node: ast.expr, part: _Part) -> _Part:
        python, value = f"-{part.within(_SIGN)}", part.value
        if callable(value):
            return _Part(lambda x, y: -value(x, y), python, _SIGN)
        return self.number(-value, python, node, _SIGN)

    def binary(self, node: ast.BinOp, left: _Part, right: _Part) -> _Part:
        sign, level, operation = _OPERATIONS[type(node.op)]
        power = level == _POWER
        python = left.within(_ATOM if power else level) + sign + right.within(_SIGN if power else level + 1)
        if callable(left.value) or callable(right.value):
            first, second = left.node, right.node
            return _Part(lambda x, y: operation(first(x, y), second(x, y)), python, level)
        try:
            return self.number(operation(left.value, right.value), python, node, level)
        except ZeroDivisionError:
            raise self.words.error(f"divides by zero{self.where(node)}") from None
        except OverflowError:
            raise self.words.error(f"holds a number that is too large{self.where(node)}") from None

    def call(self, node: ast.expr, name: str, argument: _Part) -> _Part:
        function, inner = FUNCTIONS[name], argument.value
        if callable(inner):
            return _Part(lambda x, y: function(inner(x, y)), f"torch.{name}({argument.python})")
        value = float(function(torch.tensor(inner, dtype=torch.float64)))
        return self.number(value, repr(value), node, _SIGN if value < 0 else _ATOM)


def _float64(value: complex) -> float:
    """As float64 has it: infinite if it is too large, nan if it is not real."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.inf
