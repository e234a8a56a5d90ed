"""The class behind optimizers whose rule sees whole matrices: those of one shape are stepped as a stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from surefoot.formula import eager
from surefoot.formula.declared import Declared
from surefoot.formula.language import add, lerp
from surefoot.formula.memory import Written, stretch
from surefoot.formula.unchanged import plain

STACK = 1 << 22  # elements: larger stacks gain nothing from being one, and cost memory


class MatrixOptimizer(Declared):
    """An optimizer whose formula is given matrices.

    In `update`, `p`, `g` and the tensor states have one more dimension than a parameter, the first: it
    counts the parameters of one shape that are stepped together.  What is changed in place there, and then
    returned or assigned, is kept like any other result.
    """

    takes_complex: ClassVar[bool] = False
    matrices_only: ClassVar[bool] = True

    @staticmethod
    def update(p: Tensor, g: Tensor, s: Any, h: Any) -> Tensor:
        """The formula: returns the new parameters and assigns the new state."""
        raise NotImplementedError

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"{type(self).__name__} only supports 2D parameters whereas we found a parameter "
                        f"with size: {p.size()}"
                    )

    def _check_gradient(self, p: Tensor) -> None:
        super()._check_gradient(p)
        if p.ndim != 2:  # a group that was added later
            raise ValueError("Param gradient must be a 2D matrix")

    def _step_group(self, group: dict[str, Any]) -> None:
        """One step of the parameters of a group."""
        settings = self._settings(group)
        params = [p for p in group["params"] if p.grad is not None]
        states = [self._init_state(p) for p in params]
        alone = all(self._largest_stack(p) < 2 * p.numel() for p in params)
        stacks = ([p] for p in params) if alone or not _lie_apart(params, states) else self._stacks(params)
        for stack in stacks:
            self._step_stack(stack, group, settings)

    @staticmethod
    def _largest_stack(p: Tensor) -> int:
        """How many elements a stack of matrices like `p` may have; one matrix is stepped in any case."""
        return STACK

    def _init_state(self, p: Tensor) -> dict[str, Any]:
        """Fill in the entries of this parameter's state that are missing."""
        state: dict[str, Any] = self.state[p]
        for slot in self._declared.slots:
            if slot.name not in state:
                state[slot.name] = torch.zeros_like(p, memory_format=torch.preserve_format).detach()
        return state

    def _stacks(self, params: list[Tensor]) -> Iterator[list[Tensor]]:
        """The parameters whose tensors are alike, a few at a time where they are large."""
        alike: dict[tuple[Any, ...], list[Tensor]] = {}
        for p in params:
            state = self.state[p]
            tensors = p, cast(Tensor, p.grad), *(state[slot.name] for slot in self._declared.slots)
            kind = tuple((type(t), t.shape, t.dtype, t.device) for t in tensors)
            alike.setdefault(kind, []).append(p)
        for members in alike.values():
            count = max(1, self._largest_stack(members[0]) // max(1, members[0].numel()))
            for start in range(0, len(members), count):
                yield members[start : start + count]

    def _step_stack(self, params: list[Tensor], group: Mapping[str, Any], settings: dict[str, Any]) -> None:
        states = [self.state[p] for p in params]
        p, g = _stacked(params), _stacked([cast(Tensor, p.grad) for p in params])
        state = {slot.name: _stacked([s[slot.name] for s in states]) for slot in self._declared.slots}
        eager.step(
            self._declared.update,
            self._declared.slots,
            p,
            -g if group.get("maximize") else g,
            state,
            settings,
        )
        if len(params) > 1:  # a stack of one is the parameter itself
            torch._foreach_copy_(params, list(p.unbind()))
            for name, stack in state.items():
                torch._foreach_copy_([s[name] for s in states], list(stack.unbind()))


def lerp_(start: Any, end: Any, weight: Any) -> Tensor:
    """`lerp`, in the memory of `start` where types allow: for a state that takes the result."""
    moved: Any = start.lerp_(end, weight) if _fit(start, end, weight) else lerp(start, end, weight)
    return cast(Tensor, moved)


def add_(x: Any, y: Any, alpha: Any) -> Tensor:
    """`add`, in the memory of `x` where types allow: for a parameter that takes the result."""
    moved: Any = x.add_(y, alpha=alpha) if _fit(x, y, alpha) else add(x, y, alpha)
    return cast(Tensor, moved)


def _fit(x: Tensor, y: Tensor, factor: Any) -> bool:
    return x.dtype is y.dtype and not isinstance(factor, Tensor)


def _stacked(tensors: list[Tensor]) -> Tensor:
    return tensors[0].unsqueeze(0) if len(tensors) == 1 else torch.stack(tensors)


def _lie_apart(params: list[Tensor], states: list[dict[str, Any]]) -> bool:
    """Whether no memory that a step writes is written or read twice in it.

    If one parameter is given twice, or two share memory, each step has to see what the last one did.
    """
    kept = [value for state in states for value in state.values() if isinstance(value, Tensor)]
    gradients = [cast(Tensor, p.grad) for p in params]
    if torch.compiler.is_compiling() or not all(
        plain(t, inference=True) for t in (*params, *gradients, *kept)
    ):
        return len(set(map(id, params))) == len(params)  # tensors without an address
    written, read = Written(map(stretch, (*params, *kept))), list(map(stretch, gradients))
    return written.apart and written.untouched([a for a, _ in read], [b - a for a, b in read])
