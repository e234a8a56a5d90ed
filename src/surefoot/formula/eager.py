"""The eager backend: the formula called with tensors.

It is the reference, and it serves what a compiled kernel cannot: complex numbers, differentiation,
tensor subclasses, unusual layouts, dtypes and devices, learning rates that are tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from surefoot.formula import autocast
from surefoot.formula.facts import StateSlot
from surefoot.formula.language import ScalarState
from surefoot.formula.names import Settings, State

LOW_PRECISION = (torch.bfloat16, torch.float16)


def step(
    formula: Callable[..., Any],
    slots: tuple[StateSlot, ...],
    p: Tensor,
    g: Tensor,
    state: dict[str, Any],
    settings: Mapping[str, Any],
    *,
    as_tensors: bool = False,
) -> None:
    """Update `p` and `state` in place.

    Args:
        formula: `update(p, g, s, h)`.
        slots: the state entries that these settings call for.
        p: the parameter.
        g: its gradient, already negated where the aim is to maximize.
        state: entries by name; one that is absent is given to the formula as None.
        settings: the hyperparameters by name.
        as_tensors: keep step counters and other scalar states as tensors (differentiable, capturable).
    """
    for slot in slots:
        if slot.counts:
            state[slot.name] += 1
    show_scalar = _exactly if as_tensors else _as_number
    shown = {s.name: (show_scalar if s.scalar else _shown)(state.get(s.name)) for s in slots}
    values = State(dict(shown))
    known = Settings({**settings, "machine_epsilon": machine_epsilon(p.dtype)})
    if p.is_complex() and not g.is_complex():  # one number for each pair of the parameter's
        g = g.to(p.dtype)
    with autocast.switched_off_for(p):
        result = formula(_shown(p), _shown(g), values, known)
        for name, before in shown.items():
            after = getattr(values, name)
            changed_copy = isinstance(after, Tensor) and after is not state.get(name)  # in place, perhaps
            if after is not before or changed_copy:
                _keep(state, name, after, p)
        _write(p, result)


def machine_epsilon(dtype: torch.dtype) -> float:
    """The gap between 1 and the next number of this type."""
    return torch.finfo(dtype).eps if dtype.is_floating_point or dtype.is_complex else 1.0


def _shown(value: Any) -> Any:
    """A value as the formula sees it: complex as pairs of reals, low precision widened."""
    if not isinstance(value, Tensor):
        return value
    if torch.is_grad_enabled():  # autograd keeps what the formula reads, and that is written in place later
        value = value.clone()
    if value.is_complex():
        return torch.view_as_real(value.resolve_conj())
    return value.float() if value.dtype in LOW_PRECISION else value


def _as_number(value: Any) -> Any:
    """A scalar state as a number that remembers its type."""
    return ScalarState(value.item(), value.dtype) if isinstance(value, Tensor) else value


def _exactly(value: Any) -> Any:
    """A scalar state as a tensor in which 1 − β₂ᵗ keeps its digits."""
    if not isinstance(value, Tensor):
        return value
    if torch.is_grad_enabled():  # as in _shown
        value = value.clone()
    value = value.reshape(()) if value.dim() else value  # with a dimension it would give its results one
    return value.double() if value.device.type in ("cpu", "cuda") else value


def _keep(state: dict[str, Any], name: str, value: Any, p: Tensor) -> None:
    held = state.get(name)
    if isinstance(held, Tensor):
        _write(held, value)
    elif isinstance(held, int | float):
        state[name] = value
    else:  # absent until now
        state[name] = torch.empty_like(p, requires_grad=False)
        _write(state[name], value)


def _write(target: Tensor, value: Any) -> None:
    if value is target:
        return
    place = torch.view_as_real(target) if target.is_complex() else target
    if isinstance(value, Tensor):
        if value.is_floating_point() and not place.is_floating_point():  # copy_ would drop the fraction
            raise RuntimeError(
                f"result type {value.dtype} can't be cast to the desired output type {place.dtype}"
            )
        placements = getattr(place, "placements", None)
        if placements is not None and value.placements != placements:  # type: ignore[attr-defined]
            # A DTensor is copied only between equal placements; a mean of shards is held by every process.
            value = value.redistribute(place.device_mesh, placements)  # type: ignore[attr-defined]
        if value.dtype != place.dtype and (torch.compiler.is_compiling() or place.is_neg()):
            value = value.to(place.dtype)  # into a negated view copy_ would lose the sign in a narrower type
        place.copy_(value)
    else:
        place.fill_(value)
