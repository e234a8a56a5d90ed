"""Whether tensors are still laid out as they were: the facts that a kernel's reads and writes rest on.

A module that was moved, cast or resized keeps its parameters and gives them other data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor

TensorGuards: Any
try:  # private: one call into C++ checks a whole list, at a tenth of the cost
    from torch._C._dynamo.guards import TensorGuards
except ImportError:  # pragma: no cover
    TensorGuards = None

_FACTS = attrgetter("dtype", "layout", "device", "shape")


def unchanged(tensors: Sequence[Tensor]) -> Callable[..., bool]:
    """A function that tells of as many tensors whether each has the type, dtype, layout, device, shape and
    strides that its forerunner has now.
    """
    if TensorGuards is None:
        return _by_attributes(tensors)
    check: Callable[..., bool] = TensorGuards(
        *tensors,
        dynamic_dims_sizes=[list(t.shape) for t in tensors],
        dynamic_dims_strides=[list(t.stride()) for t in tensors],
    ).check
    return check


def _by_attributes(tensors: Sequence[Tensor]) -> Callable[..., bool]:
    types = list(map(type, tensors))
    facts = list(map(_FACTS, tensors))
    strides = list(map(Tensor.stride, tensors))

    def check(*now: Tensor) -> bool:
        return (
            list(map(type, now)) == types
            and list(map(_FACTS, now)) == facts
            and list(map(torch.Tensor.stride, now)) == strides
        )

    return check
