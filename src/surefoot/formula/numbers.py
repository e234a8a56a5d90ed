"""A group's settings, split into what a kernel is compiled for and the numbers that it is called with.

Flags are compiled in, and zeros of settings that the formula tests (`if h.weight_decay:`).  Every other
number, also inside a tuple, is an argument: a learning rate that moves at every step costs a comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from surefoot.formula.declaration import Declaration
from surefoot.formula.trace import is_static

Pattern = tuple[tuple[str, Any], ...]
KERNEL_SWITCHES = ("maximize", "differentiable")  # that choose a kernel, or none


def parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The numbers and flags that a setting consists of, by name: `lr`, or `betas.0` and `betas.1`."""
    if isinstance(value, tuple):
        for i, part in enumerate(value):
            yield f"{name}.{i}", part
    else:
        yield name, value


def specialise(settings: Mapping[str, Any], tested: Collection[str]) -> tuple[Pattern, list[float]]:
    """Split settings into a pattern and numbers.

    Args:
        settings: value by name.
        tested: names of the numbers whose zeros are compiled in.
    """
    pattern: list[tuple[str, Any]] = []
    numbers: list[float] = []
    for name, value in settings.items():
        made = []
        for part_name, part in parts(name, value):
            if is_compiled_in(part, part_name, tested):
                made.append(part)
            else:
                made.append(1.0)  # stands for every number
                numbers.append(float(part))
        pattern.append((name, tuple(made) if isinstance(value, tuple) else made[0]))
    return tuple(pattern), numbers


def number_names(pattern: Pattern) -> tuple[str, ...]:
    """The names of the numbers, in order."""
    named = (entry for name, value in pattern for entry in parts(name, value))
    return tuple(name for name, part in named if not is_static(part))


def is_compiled_in(value: Any, name: str, tested: Collection[str]) -> bool:
    """Whether a kernel is compiled for this value."""
    return is_static(value) and (isinstance(value, bool | str | None) or name in tested)


def number(value: Any) -> Any:
    """A setting with the numbers that tensors hold in their place; a tensor that a CPU cannot read stays."""
    if isinstance(value, tuple):
        return tuple(map(number, value))
    if type(value) in (Tensor, torch.nn.Parameter) and value.device.type == "cpu":
        return value.item()
    return value


class Followed:
    """The settings of one group, followed from step to step.

    Args:
        declared: what the optimizer declares.
        group: the parameter group.

    Attributes:
        pattern: what its kernels are compiled for.
        numbers: what they are called with.
        negates: the gradient is negated (maximize).
        compiles: a kernel can be called with them.
    """

    def __init__(self, declared: Declaration, group: Mapping[str, Any]) -> None:
        self._declared, self._hyperparameters = declared, declared.hyperparameters
        self._names = (*self._hyperparameters, *KERNEL_SWITCHES)
        self._values = self._read(group)
        settings = dict(zip(self._hyperparameters, self._values, strict=False))
        self.negates, differentiable = map(bool, self._values[-2:])
        entries = [part for name, value in settings.items() for _, part in parts(name, value)]
        self.compiles = not differentiable and not any(isinstance(part, Tensor) for part in entries)
        self.pattern, self.numbers = specialise(settings, declared.tested) if self.compiles else ((), [])
        self._places = self._numbered(settings) if self.compiles else {}

    def _read(self, group: Mapping[str, Any]) -> list[Any]:
        values = [h.plain(group[name]) for name, h in self._hyperparameters.items()]
        if self._declared.lr_rounds and isinstance(group["lr"], Tensor):
            return [*values, *map(group.get, KERNEL_SWITCHES)]
        return [*map(number, values), *map(group.get, KERNEL_SWITCHES)]

    def _numbered(self, settings: Mapping[str, Any]) -> dict[int, slice]:
        """Where a setting's numbers stand among all numbers, by its place among the values."""
        names, places = number_names(self.pattern), {}
        for i, (name, value) in enumerate(settings.items()):
            own = [part for part, _ in parts(name, value)]
            if own[:1] and all(part in names for part in own):
                first = names.index(own[0])
                places[i] = slice(first, first + len(own))
        return places

    def follow(self, group: Mapping[str, Any]) -> bool:
        """Take over the group's settings of this step; False where they call for another kernel."""
        values = [group.get(name) for name in self._names]
        try:
            if values == self._values:
                return True
            for i, (now, before) in enumerate(zip(values, self._values, strict=True)):
                if now != before and not self._moved(i, now):
                    return self._follow_all(group)
        except (RuntimeError, ValueError):  # as arrays, and tensors of several numbers, do when compared
            return self._follow_all(group)
        return True

    def _moved(self, index: int, value: Any) -> bool:
        """Take over a setting of plain numbers, none of which is compiled in."""
        place = self._places.get(index)
        if place is None:
            return False
        if type(value) is float and value and place.stop - place.start == 1:  # a rate: be quick
            self._values[index] = self.numbers[place.start] = value
            return True
        own = value if type(value) is tuple else (value,)
        if place.stop - place.start != len(own):
            return False
        if not all(isinstance(part, float) for part in own):
            return False
        if 0.0 in own and any(
            n in self._declared.tested for n, v in parts(self._names[index], value) if not v
        ):
            return False
        self._values[index], self.numbers[place] = value, map(float, own)
        return True

    def _follow_all(self, group: Mapping[str, Any]) -> bool:
        now = Followed(self._declared, group)
        if not (now.compiles and self.compiles):
            return False
        if (now.pattern, now.negates) != (self.pattern, self.negates):
            return False
        self.numbers, self._values = now.numbers, now._values
        return True
