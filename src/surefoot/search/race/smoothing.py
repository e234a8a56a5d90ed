"""What an arm is worth, judged together with its neighbours of the same optimizer.

    near = Neighbourhood(arms)
    near.judge({0: 0.31, 1: 0.29, 2: 0.30, 3: 0.90})  # {0: 0.30, 1: 0.31, 2: 0.52, 3: 0.80, 4: …}

One value is one draw of a noisy run; the loss is smooth in the settings, so neighbours tell of each other's
noise. And it is steep on the high side of the learning rate, where the best rate also falls as training goes
on. So an arm is worth the weighted mean (Nadaraya & Watson, 1964) of what was measured around a point that
lies a little *above* its own learning rate: an arm counts as good only where a somewhat higher rate is good
too. That takes the low side of a flat window, keeps off the cliff, and may rank an arm first that was not
measured itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surefoot.search.space.lr_grid import log_rate
from surefoot.study.run import Candidate

LOW_SIDE_DECADES = 0.2
"""How far above its own learning rate an arm is judged: a factor of 1.6, just short of the factor of two at
which three in ten language-model runs blow up."""

WIDTH_DECADES = 0.2
"""Standard deviation of the weights along log10 lr, well inside the half decade of a narrow flat window."""

CHANGE_WIDTH_DECADES = 0.5
"""Changes from rung to rung vary more slowly with the learning rate than values do."""

USUAL_CHANGE_WEIGHT = 0.5
"""The median of all changes counts as much as half a measurement at an arm's own settings."""

SETTING_WIDTH = 0.5
"""Standard deviation of the weights along any other setting, as a share of its range among the arms."""

SUPPORT = 0.6
"""The weight that measured neighbours need before they speak for an arm that was not measured: that of one
measurement at its own settings."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Family:
    """The arms of one optimizer.

    Attributes:
        arms: their indices.
        decades: log10 of their learning rates; 0 without one.
        others: the places of their other settings, one row each, in units of `SETTING_WIDTH`.
    """

    arms: NDArray[np.int64]
    decades: Floats
    others: Floats

    def weights(self, measured: Collection[int], above: float, width: float) -> Floats:
        """How much each measured arm (columns, places in `arms`) says of each arm (rows).

        The weights are normal along log10 lr, around a point `above` an arm's own, with `width` decades.
        """
        columns = list(measured)
        along_rate = self.decades[columns][None] - self.decades[:, None] - above
        squared = (along_rate / width) ** 2
        for setting in self.others:
            squared += (setting[columns][None] - setting[:, None]) ** 2
        weights: Floats = np.exp(-squared / 2)
        return weights


class Neighbourhood:
    """All arms of a race, optimizer by optimizer.

    Args:
        arms: the candidates.
        low_side: decades above its own learning rate at which an arm is judged.
    """

    def __init__(self, arms: Sequence[Candidate], low_side: float | None = None) -> None:
        self._low_side = LOW_SIDE_DECADES if low_side is None else low_side
        members: dict[str, list[int]] = {}
        for index, arm in enumerate(arms):
            members.setdefault(arm.optimizer, []).append(index)
        self._families = [_family([arms[i].settings for i in own], own) for own in members.values()]

    def judge(
        self, values: Mapping[int, float], trust: Mapping[int, float] | None = None
    ) -> dict[int, float]:
        """What each arm is worth, lower is better: measured arms, and those whose neighbours speak for them.

        Args:
            values: of the measured arms; infinite where one diverged.  Such an arm counts as bad as the worst
                healthy one for its neighbours, and is worth nothing itself.
            trust: 0 to 1, how much each value counts; 1 where nothing is said.
        """
        healthy = [value for value in values.values() if math.isfinite(value)]
        if not healthy:
            return {}
        bounded = {arm: min(value, max(healthy)) for arm, value in values.items()}
        lost = {arm for arm, value in values.items() if not math.isfinite(value)}
        worth: dict[int, float] = {}
        for family in self._families:
            worth |= _judge(family, bounded, trust or {}, self._low_side)
        return {arm: value for arm, value in worth.items() if arm not in lost}

    def carry(self, changes: Mapping[int, float]) -> Callable[[int], float]:
        """How much any arm is expected to change, from the changes of those that were measured twice.

        An arm changes as its neighbours did, as far as there are some, and else as the median did: where the
        learning rate falls towards the end, arms with a high one fall most then.
        """
        usual = median(changes.values()) if changes else 0.0
        expected: dict[int, float] = {}
        for family in self._families:
            arms = family.arms.tolist()
            measured = [place for place, arm in enumerate(arms) if arm in changes]
            if measured:
                weights = family.weights(measured, 0.0, CHANGE_WIDTH_DECADES)
                sums = weights @ np.array([changes[arms[place]] for place in measured])
                mean = (sums + USUAL_CHANGE_WEIGHT * usual) / (weights.sum(axis=1) + USUAL_CHANGE_WEIGHT)
                expected |= dict(zip(arms, mean.tolist(), strict=True))
        return lambda arm: expected.get(arm, usual)


def _judge(
    family: _Family, values: Mapping[int, float], trust: Mapping[int, float], low_side: float
) -> dict[int, float]:
    arms = family.arms.tolist()
    measured = [place for place, arm in enumerate(arms) if arm in values]
    if not measured:
        return {}
    weights = family.weights(measured, low_side, WIDTH_DECADES)
    weights *= np.array([trust.get(arms[place], 1.0) for place in measured])
    total = weights.sum(axis=1)
    mean = weights @ np.array([values[arms[place]] for place in measured]) / np.maximum(total, 1e-300)
    known = total >= SUPPORT
    known[measured] = True
    return {arm: float(mean[place]) for place, arm in enumerate(arms) if known[place]}


def _family(settings: Sequence[Mapping[str, Any]], arms: Sequence[int]) -> _Family:
    names = sorted({name for own in settings for name in own if name != "lr"})
    others = [_places([own.get(name) for own in settings]) for name in names]
    varied = [row / SETTING_WIDTH for row in others if row.any()]
    decades = np.array([log_rate(own) for own in settings])
    return _Family(np.array(arms), decades, np.array(varied).reshape(len(varied), len(arms)))


def _places(values: Sequence[Any]) -> Floats:
    """Where each value stands among the distinct ones, from 0 to 1; what has no order is all apart."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        place = {value: number for number, value in enumerate(sorted(set(values)))}
        return np.array([place[value] for value in values]) / max(1, len(place) - 1)
    words = [repr(value) for value in values]
    apart = {word: float(number) for number, word in enumerate(dict.fromkeys(words))}
    return np.array([apart[word] for word in words])
