"""Whether tensors are still laid out as they were: the facts that a kernel's reads and writes rest on.

A module that was moved, cast or resized keeps its parameters and gives them other data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

TensorGuards: Any
try:  # private: one call into C++ checks a whole list, at a tenth of the cost
    from torch._C._dynamo.guards import TensorGuards
except ImportError:  # pragma: no cover
    TensorGuards = None


def _keys(t: Tensor) -> int:
    """What torch's dispatcher knows of a tensor: its device, and whether it is a view that negates, a wrapper
    of torch.func, a tensor of inference mode, ...
    """
    return int(torch._C._dispatch_keys(t).raw_repr())


PLAIN = _keys(torch.empty(0, device="cpu"))
with torch.inference_mode():
    OF_INFERENCE = _keys(torch.empty(0, device="cpu"))


def plain(t: Tensor, *, inference: bool = False) -> bool:
    """Whether a tensor is memory of this machine and nothing else.

    Args:
        t: the tensor.
        inference: take one that was made in inference mode too.
    """
    return (
        type(t) in (Tensor, torch.nn.Parameter)
        and t.layout is torch.strided
        and (_keys(t) == PLAIN or (inference and _keys(t) == OF_INFERENCE))
    )


def _facts(t: Any) -> tuple[Any, ...]:
    if not (isinstance(t, Tensor) and plain(t, inference=True)):
        return (type(t),)
    return type(t), _keys(t), t.dtype, t.shape, t.stride()


class Unchanged:
    """Tells of as many tensors whether each is laid out as its forerunner was.

    It keeps facts, no tensors.  Whether a tensor requires a gradient is not one of them.

    Args:
        tensors: plain ones.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._facts = list(map(_facts, tensors))
        self._check = self._guards(tensors)

    def __call__(self, tensors: Sequence[Any]) -> bool:
        """Whether these have the type, dtype, device, shape and strides of those."""
        return self._check(*tensors) or self._compared(tensors)

    def as_known(self, tensors: Sequence[Any]) -> bool:
        """The same in one call, which may be False for no more than another `requires_grad`."""
        return self._check(*tensors)

    def _compared(self, tensors: Sequence[Any]) -> bool:
        """One by one: torch's guards also refuse what is allowed here."""
        if list(map(_facts, tensors)) != self._facts:
            return False
        self._check = self._guards(tensors)
        return True

    def _guards(self, tensors: Sequence[Tensor]) -> Callable[..., bool]:
        if TensorGuards is None or len(set(map(id, tensors))) < len(tensors):  # they refuse a repeated one
            return lambda *now: False
        check: Callable[..., bool] = TensorGuards(
            *tensors,
            dynamic_dims_sizes=[list(t.shape) for t in tensors],
            dynamic_dims_strides=[list(t.stride()) for t in tensors],
        ).check
        return check
