"""After torch has loaded a state dict: what older ones lack, and numbers in the form that steps expect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from surefoot.formula.facts import StateSlot
from surefoot.formula.hyperparameter import Hyperparameter
from surefoot.formula.state_dict.match import Group


def complete(
    group: Group, hyperparameters: Mapping[str, Hyperparameter], switches: Mapping[str, Any]
) -> None:
    """Add the settings that a group from an older checkpoint lacks; set those that are the class's own."""
    for name, hyperparameter in hyperparameters.items():
        if hyperparameter.fixed:
            group[name] = hyperparameter.default
        else:
            group.setdefault(name, hyperparameter.default)
    for name, value in switches.items():
        group.setdefault(name, value)


def scalar_dtype() -> torch.dtype:
    """The type in which torch keeps counters and other scalars of the state."""
    return torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32


def normalise(
    entries: dict[str, Any], slots: Iterable[StateSlot], p: Tensor, group: Mapping[str, Any]
) -> None:
    """Keep each scalar of a parameter's state as a tensor, or as a number where its slot says so.

    torch's loading casts all but `step` to the parameter's dtype; torch's own step may round it again.
    A buffer that torch made of a sparse gradient is sparse.
    """
    default_dtype = scalar_dtype()
    for slot in slots:
        held = entries.get(slot.name)
        if slot.default_dtype and isinstance(held, Tensor):
            entries[slot.name] = held.to(default_dtype)
        elif isinstance(held, Tensor) and held.is_sparse:
            entries[slot.name] = held.to_dense()
        if slot.number and isinstance(held, Tensor):
            entries[slot.name] = int(held.item())
        elif slot.scalar and not slot.number and isinstance(held, int | float):
            on_device = group.get("capturable") or group.get("fused")
            dtype = torch.float32 if group.get("fused") else default_dtype
            entries[slot.name] = torch.tensor(
                float(held), dtype=dtype, device=p.device if on_device else "cpu"
            )
