"""What a model learns or remembers outside of `parameters()` and `buffers()`, unknown to optimizers.

hidden = Hidden(model, batches)
hidden.look(loss)              # before its backward(), for some batches
hidden.findings(task)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from surefoot.checks.findings import Finding, leaves
from surefoot.naming import listed
from surefoot.tasks import Task

DEPTH = 3
NAMED = 4
OWN = {"_parameters", "_buffers", "_modules"}


class Hidden:
    """Looks for tensors of a model that it has not registered."""

    def __init__(self, model: nn.Module, batches: Sequence[Any]) -> None:
        self._model = model
        self._registered = {t.data_ptr() for t in [*model.parameters(), *model.buffers()]}
        # A physics-informed loss asks for gradients at its points, which are data.
        self._data = {t.data_ptr() for b in batches for _, t in leaves(b) if t.layout == torch.strided}
        self._learned: dict[int, Tensor] = {}
        self._kept: list[dict[str, Tensor]] = []

    def look(self, loss: Tensor) -> None:
        """After a forward pass."""
        for leaf in _leaves_of(loss):
            if leaf.data_ptr() not in self._registered | self._data:
                self._learned[id(leaf)] = leaf
        self._kept.append({name: t.detach().clone() for name, t in self._found() if not t.requires_grad})

    def findings(self, task: Task) -> Iterator[Finding]:
        """What stands outside."""
        names = {id(tensor): name for name, tensor in self._found()}
        learned = [
            names.get(id(t), f"a parameter of shape {tuple(t.shape)}")
            for t in self._learned.values()
            if id(t) in names or isinstance(t, nn.Parameter)
        ]
        if learned:
            yield Finding(
                "gradient", True,
                f"{task.name}: the loss depends on {listed(learned, NAMED)}, not among "
                "model.parameters(), so that no optimizer trains it: use nn.ModuleList or nn.Parameter "
                "attributes",
            )  # fmt: skip
        first, last = self._kept[0], self._kept[-1]
        moved = [
            n for n, t in last.items() if n in first and first[n].shape == t.shape and not _equal(first[n], t)
        ]
        if moved:
            yield Finding(
                "model", False,
                f"{task.name}: {listed(moved, NAMED)} changes in training and is no buffer, so that "
                "a run that "
                "is taken up again has lost it: register_buffer, if it matters",
            )  # fmt: skip

    def _found(self) -> Iterator[tuple[str, Tensor]]:
        """The tensors in attributes of the model and its parts that are not registered."""
        for path, module in self._model.named_modules():
            for name, value in list(vars(module).items()):
                if name not in OWN:
                    place = ".".join([path or type(module).__name__, name])
                    yield from self._inside(value, place, DEPTH)

    def _inside(self, value: Any, place: str, depth: int) -> Iterator[tuple[str, Tensor]]:
        if isinstance(value, Tensor):
            if value.data_ptr() not in self._registered and value.is_leaf:
                yield place, value
        elif isinstance(value, nn.Module):
            for name, p in value.named_parameters():
                yield from self._inside(p, f"{place}.{name}", 0)
        elif depth and isinstance(value, list | tuple):
            for number, each in enumerate(value):
                yield from self._inside(each, f"{place}[{number}]", depth - 1)
        elif depth and isinstance(value, dict):
            for key, each in list(value.items()):
                yield from self._inside(each, f"{place}[{key!r}]", depth - 1)


def _leaves_of(loss: Tensor) -> Iterator[Tensor]:
    """The tensors at which the loss's gradient would end."""
    waiting, seen = [loss.grad_fn], set()
    while waiting:
        node: Any = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(variable := getattr(node, "variable", None), Tensor):
            yield variable
        waiting += [following for following, _ in node.next_functions]


def _equal(a: Tensor, b: Tensor) -> bool:
    return bool(torch.equal(a.nan_to_num(), b.nan_to_num())) if a.is_floating_point() else torch.equal(a, b)
