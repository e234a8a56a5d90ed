"""Pieces of mathematics that several formulas share."""

from __future__ import annotations

from surefoot.formula.language import Value, add
from surefoot.formula.names import Settings


def decayed(p: Value, g: Value, h: Settings) -> tuple[Value, Value]:
    """The parameter and its gradient after weight decay.

    With `decoupled_weight_decay` the weights shrink by lr · weight_decay; without it weight_decay · p
    joins the gradient (L2 penalty).
    """
    if not h.weight_decay:
        return p, g
    if h.decoupled_weight_decay:
        return (1 - h.lr * h.weight_decay) * p, g
    return p, add(g, p, h.weight_decay)
