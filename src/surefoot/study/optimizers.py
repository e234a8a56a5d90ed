"""An optimizer by name: one of `surefoot.optim`, or a class of one's own by import path.

    find_algorithm("adamw").hyperparameters["lr"].search  # LogNormal(center=0.001, decades=0.7)
    find_algorithm("my_package.optim:Mine").make          # any subclass of torch.optim.Optimizer

Both kinds tell the same: the class, its settings and their defaults, and what it needs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from surefoot import optim
from surefoot.errors import InvalidInputError
from surefoot.formula import Declared, Hyperparameter, LogNormal
from surefoot.formula.declared import SWITCHES
from surefoot.study.user_code import find_object

USUAL_RATE = 1e-3  # where a class has no default of its own: most newcomers are normalised as Adam is

WIDE = 1.0
"""Decades of one standard deviation around an unknown optimizer's default lr; a known one's is 0.7 or 0.8."""


@dataclass(frozen=True)
class Algorithm:
    """What the rest needs to know of an optimizer.

    Attributes:
        name: what a `Candidate` calls it: the class name, or the reference of one's own class.
        make: the class.
        hyperparameters: constructor arguments by name; one without a default has None, and is `required`.
        required: arguments without a default, besides the parameters and lr.
        needs_closure: `step` cannot be called without a closure.
        sparse: "no", "rows", "only" or "exact", as in `formula.Declared`; "" if not known.
        matrices_only: every parameter must have two dimensions.
        warmup_matters: whether another length of warmup is worth a try.
    """

    name: str
    make: type[torch.optim.Optimizer]
    hyperparameters: Mapping[str, Hyperparameter]
    required: tuple[str, ...] = ()
    needs_closure: bool = False
    sparse: str = ""
    matrices_only: bool = False
    warmup_matters: bool = True

    @property
    def label(self) -> str:
        """Its name for people: the class's."""
        return self.name.rpartition(":")[2]

    @property
    def source(self) -> str:
        """The text of its class; empty where Python does not have it."""
        try:
            return inspect.getsource(self.make)
        except (OSError, TypeError):
            return ""


@functools.cache
def find_algorithm(name: str) -> Algorithm:
    """The optimizer of this name.

    Args:
        name: of a class in `surefoot.optim`, in any case, or "package.module:Class" or "path/file.py:Class".

    Raises:
        InvalidInputError: there is none, with the nearest name; or it is no optimizer.
    """
    if ":" not in name:
        try:
            made = optim.find(name)
        except KeyError as error:
            if name.endswith(".py"):
                raise InvalidInputError(
                    f"{name!r} names a file but no class in it: write {name}:CLASS"
                ) from None
            raise InvalidInputError(
                f"{error.args[0]} (or name your own: file.py:Class, module:Class)"
            ) from None
        return _declared(made.__name__, made)
    found = find_object(name, "optimizer")
    if not isinstance(found, type) or not issubclass(found, torch.optim.Optimizer):
        raise InvalidInputError(f"optimizer {name!r} is no subclass of torch.optim.Optimizer")
    return _declared(name, found) if issubclass(found, Declared) else _own(name, found)


def _declared(name: str, make: type[Declared]) -> Algorithm:
    declared = make._declared  # the attributes of one's own class may be called the same
    return Algorithm(
        name,
        make,
        {n: h for n, h in declared.hyperparameters.items() if not h.fixed},
        needs_closure=declared.needs_closure,
        sparse=declared.sparse,
        matrices_only=declared.matrices_only,
        warmup_matters=declared.warmup_matters,
    )


def _own(name: str, make: type[torch.optim.Optimizer]) -> Algorithm:
    """From the signature.

    Only lr is searched by itself: what weight decay or momentum means, and its range, differs between classes
    that use the same word, so the author's defaults stay until the user sets others.
    """
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    arguments = {
        n: argument.default
        for n, argument in list(inspect.signature(make).parameters.items())[1:]
        if argument.kind not in variadic and n not in SWITCHES
    }
    closure = inspect.signature(make.step).parameters.get("closure")
    return Algorithm(
        name,
        make,
        {n: _hyperparameter(n, default) for n, default in arguments.items()},
        required=tuple(n for n, d in arguments.items() if d is inspect.Parameter.empty and n != "lr"),
        needs_closure=closure is not None and closure.default is inspect.Parameter.empty,
    )


def _hyperparameter(name: str, default: Any) -> Hyperparameter:
    if default is inspect.Parameter.empty:
        default = USUAL_RATE if name == "lr" else None
    number = isinstance(default, int | float) and not isinstance(default, bool)
    searched = name == "lr" and number and default > 0
    return Hyperparameter(default, "", search=LogNormal(default, WIDE) if searched else None, name=name)
