"""A formula of x and y, from text to numbers: parsed to a whitelist, never evaluated as code.

    bowl = parse("x^2 + 10 y^2")            # FormulaError: where it is wrong, and the nearest valid word
    bowl(torch.tensor(1.0), torch.tensor(2.0))
    bowl.python                             # "x**2 + 10*y**2", as one would write it with torch

The result is plain torch arithmetic, so autograd differentiates it and points of any shape go in at once.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from surefoot.tasks import nearest

LONGEST = 400
"""Characters of a formula."""

DEEPEST = 60
"""Levels of nesting."""

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

Value = Tensor | float
Node = Callable[[Tensor, Tensor], Value]

_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}

_SPELLINGS = {"^": "**", "·": "*", "×": "*", "−": "-", "π": "pi", "²": "**2", "³": "**3", "⁴": "**4"}
_PRODUCT_LEFT_OUT = re.compile(r"(?<![\w.])((?>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)) ?(?=[a-zA-Z(])")


class FormulaError(ValueError):
    """A formula cannot be read; the message is one line: what, where, and the nearest valid word."""


@dataclass(frozen=True)
class Expression:
    """A parsed formula; equal texts are equal.

    Attributes:
        text: as it was written.
        python: as Python writes it, with `torch.` before each function.
    """

    text: str
    python: str
    _root: Node = field(compare=False, repr=False)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """The values at points of one shape; nan where the formula has none."""
        value = self._root(x, y)
        value = value if isinstance(value, Tensor) else torch.full_like(x, value)
        return value.expand(torch.broadcast_shapes(x.shape, y.shape))


def parse(text: str) -> Expression:
    """Read a formula of x and y.

    Args:
        text: numbers, `x`, `y`, `pi`, `e`, `+ - * / ^` (or `**`), brackets, and the functions in `FUNCTIONS`.
            A number may stand before a name without `*`, as in `2x`.

    Raises:
        FormulaError: it holds anything else, is longer than `LONGEST` or nested deeper than `DEEPEST`, or
            holds neither x nor y.
    """
    if len(text) > LONGEST:
        raise FormulaError(f"a formula has at most {LONGEST} characters, not {len(text)}")
    written = _plain(text)
    try:
        tree = ast.parse(written, mode="eval")
    except SyntaxError as error:
        raise FormulaError(f"formula {text!r}: {error.msg}{_where(written, error.offset)}") from None
    except (ValueError, RecursionError, MemoryError):
        raise FormulaError(f"formula {text!r} cannot be read") from None
    reader = _Reader(text)
    root = reader.read(tree.body, 0)
    if not reader.variables:
        raise FormulaError(f"formula {text!r} holds neither x nor y")
    return Expression(text, ast.unparse(_WithTorch().visit(tree)), root if callable(root) else _constant(root))


def _plain(text: str) -> str:
    for spelling, plain in _SPELLINGS.items():
        text = text.replace(spelling, plain)
    return _PRODUCT_LEFT_OUT.sub(r"\1*", text.strip())


def _where(text: str, offset: int | None) -> str:
    rest = text[offset - 1 :] if offset else ""
    return f" at {rest[:12]!r}" if rest else " at its end"


class _Reader:
    """Builds the tree of functions; what holds neither x nor y is a number, worked out once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.variables: set[str] = set()

    def read(self, node: ast.expr, depth: int) -> Node | float:
        if depth > DEEPEST:
            raise self.error(f"is nested deeper than {DEEPEST} levels")
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self.number(value)
            case ast.Name(id=name):
                return self.name(name)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.apply(lambda a: -a, self.read(operand, depth + 1))
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
                sides = self.read(left, depth + 1), self.read(right, depth + 1)
                return self.apply(_OPERATIONS[type(operation)], *sides)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.call(name, arguments, depth)
        raise self.error(f"may not hold {ast.unparse(node)[:40]!r}")

    def error(self, what: str) -> FormulaError:
        return FormulaError(f"formula {self.text!r} {what}")

    def number(self, value: complex) -> float:
        try:
            found = float(value)  # type: ignore[arg-type]
        except (OverflowError, TypeError):
            found = math.nan
        if not math.isfinite(found):
            raise self.error("holds a number that is too large")
        return int(found) if isinstance(value, int) and abs(value) < 2**31 else found

    def name(self, name: str) -> Node | float:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in VARIABLES:
            self.variables.add(name)
            return (lambda x, y: x) if name == "x" else (lambda x, y: y)
        known = (*VARIABLES, *CONSTANTS, *FUNCTIONS)
        hint = " needs its argument in brackets" if name in FUNCTIONS else ""
        raise self.error(f"holds {name!r}{hint}{'' if hint else nearest(name, known)}")

    def call(self, name: str, arguments: list[ast.expr], depth: int) -> Node | float:
        if name not in FUNCTIONS:
            hint = f"; write {name}*(…)" if name in (*VARIABLES, *CONSTANTS) else nearest(name, FUNCTIONS)
            raise self.error(f"calls {name!r}{hint}")
        if len(arguments) != 1:
            raise self.error(f"calls {name} with {len(arguments)} arguments; it takes one")
        function, inner = FUNCTIONS[name], self.read(arguments[0], depth + 1)
        if callable(inner):
            return lambda x, y: function(inner(x, y))  # type: ignore[arg-type]
        return self.number(float(function(torch.tensor(inner, dtype=torch.float64))))

    def apply(self, operation: Callable[..., Any], *sides: Node | float) -> Node | float:
        if not any(map(callable, sides)):
            try:
                return self.number(operation(*map(float, sides)))  # type: ignore[arg-type]
            except (ArithmeticError, ValueError):
                raise self.error("divides by zero or holds a number that is too large") from None
        nodes = [side if callable(side) else _constant(side) for side in sides]
        if len(nodes) == 1:
            return lambda x, y: operation(nodes[0](x, y))
        return lambda x, y: operation(nodes[0](x, y), nodes[1](x, y))


def _constant(value: float) -> Node:
    return lambda x, y: value


class _WithTorch(ast.NodeTransformer):
    """For the text in Python: functions and constants by the module they come from."""

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802, D102
        home = "torch" if node.id in FUNCTIONS else "math" if node.id in CONSTANTS else ""
        return ast.Attribute(ast.Name(home, ast.Load()), node.id, ast.Load()) if home else node
