"""Autocast is for the user's model: the arithmetic of a step keeps its precision inside such a block too."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

NOTHING = contextlib.nullcontext()


def switched_off_for(t: Tensor) -> contextlib.AbstractContextManager[Any]:
    """A block without autocast for a tensor's device; costs next to nothing where there is none."""
    return switched_off(t.device.type) if torch._C._is_any_autocast_enabled() else NOTHING


def switched_off(device_type: str) -> contextlib.AbstractContextManager[Any]:
    """A block without autocast for this type of device."""
    if _is_on(device_type):
        return torch.autocast(device_type, enabled=False)
    return NOTHING


def as_now(function: Callable[[], Any], device_type: str) -> Callable[[], Any]:
    """`function`, to be called inside `switched_off` under the autocast of this moment."""
    if not _is_on(device_type):
        return function
    dtype, cache = torch.get_autocast_dtype(device_type), torch.is_autocast_cache_enabled()
    call: Callable[[], Any] = torch.autocast(device_type, dtype=dtype, cache_enabled=cache)(function)
    return call


def _is_on(device_type: str) -> bool:
    return (
        torch._C._is_any_autocast_enabled()  # asked first: some devices, as meta, have no autocast to ask for
        and torch.amp.is_autocast_available(device_type)
        and torch.is_autocast_enabled(device_type)
    )
