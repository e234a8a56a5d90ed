"""Optimizers: a drop-in for `torch.optim`, each one formula, each fused.

    from surefoot import optim
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

Every module in this folder that defines an optimizer is found by itself: adding one is one file.
What else `torch.optim` has is here too, and it is torch's own: `lr_scheduler`, `swa_utils`, `Optimizer`.
"""

import importlib
import pkgutil
from typing import Any

import torch.optim
from torch.optim import Optimizer

from surefoot.formula import Declared
from surefoot.naming import nearest
from surefoot.optim import lr_scheduler, swa_utils


def _discover() -> dict[str, type[Declared]]:
    found: dict[str, type[Declared]] = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if (
                isinstance(value, type)
                and value.__module__ == f"{__name__}.{module.name}"
                and issubclass(value, Declared)
            ):
                found[value.__name__] = value
    return dict(sorted(found.items()))


OPTIMIZERS = _discover()
globals().update(OPTIMIZERS)
# Functions such as `swap_in_optimizer_params_and_state`, and what later versions of torch add.
_OTHERS = {n: getattr(torch.optim, n) for n in torch.optim.__all__ if n not in globals()}
globals().update(_OTHERS)
# As a star import of torch.optim: `find` and `OPTIMIZERS` would only be in the way of a script's own names.
__all__ = ["Optimizer", "lr_scheduler", "swa_utils", *_OTHERS, *OPTIMIZERS]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Only for names that do not exist; it also tells type checkers that the others do."""
    raise AttributeError(f"module {__name__!r} has no optimizer {name!r}{_nearest(name)}")


def find(name: str) -> type[Declared]:
    """The optimizer of this name; case, `-` and `_` do not matter.

    Raises:
        KeyError: there is none; the message names the nearest one.
    """
    folded = {_fold(known): optimizer for known, optimizer in OPTIMIZERS.items()}
    if _fold(name) not in folded:
        raise KeyError(f"unknown optimizer {name!r}{_nearest(name)}")
    return folded[_fold(name)]


def _fold(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _nearest(name: str) -> str:
    return nearest(name, OPTIMIZERS, cutoff=0.4, fold=_fold)
