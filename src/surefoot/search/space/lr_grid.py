"""The arms of a race as learning-rate lines, and which arm to try next on them.

A *line* is all arms of one optimizer that differ in the learning rate only. Along a line the final loss
is close to unimodal in log lr and steep on its high side: so a line is entered around its prior's centre,
searched by bisection towards its best arm, and never followed above a learning rate that diverged.

    grid = Grid(arms, priors={"sgd": (3e-2, 0.8)})
    grid.coarse("SGD")  # indices, outward from lr = 0.03, half a decade apart
    grid.neighbours(best, tested={0, 3, 6}, diverged={6})  # lr neighbours first, then other settings
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from surefoot.search.space.drawn import in_order, nearest
from surefoot.study.optimizers import WIDE
from surefoot.study.run import Candidate

Priors = Mapping[str, tuple[float, float]]
"""Learning-rate priors: lower-case optimizer name to (centre lr, standard deviation in decades)."""


COARSE_DECADES = 0.5
"""Step of the first look: a flat lr window is seldom narrower than half a decade, so no window is missed."""

REACH_DEVIATIONS = 2.0
"""The first look spans ± two standard deviations of the prior; a winning boundary is widened beyond."""

NEAR_DRAWN = 3
"""So many of the arms that are most alike are looked at beside one whose settings were drawn."""

FEWEST_DRAWN = 8
"""Fewer arms are a line whatever else they differ in: its first look misses hardly any of them."""

MOSTLY_DISTINCT = 0.5
"""Of drawn arms more than this share have a learning rate of their own."""

FEWEST_ON_A_LINE = 3
"""Where no more than two arms of an optimizer share their other settings, they were drawn at random."""


@dataclass(frozen=True)
class Line:
    """Arms of one optimizer that differ in lr only.

    Attributes:
        settings: the other hyperparameters.
        arms: indices by ascending lr.
        decades: their log10 lr; a line whose arms have no lr holds one arm, at 0.
        drawn: whether the arms differ in other settings, too, which were drawn at random.
    """

    optimizer: str
    settings: Mapping[str, Any]
    arms: tuple[int, ...]
    decades: tuple[float, ...]
    drawn: bool = False


class Grid:
    """All lines of a race.

    Args:
        arms: every candidate; the order matters only where nothing else decides.
        priors: what is known of learning rates. An optimizer without one gets a wide prior around the middle
            of its usual line: half-way, in log lr, between the lowest and the highest rate.
        lines_only: arms whose settings were drawn make a line like others, of which few are looked at.

    Attributes:
        drawn: whether the settings of all optimizers were drawn at random, and they are not lines only.
    """

    def __init__(
        self, arms: Sequence[Candidate], priors: Priors | None = None, lines_only: bool = False
    ) -> None:
        self._priors = priors or {}
        self.lines = _lines(arms)
        self.drawn = not lines_only and all(line.drawn for line in self.lines)
        self._settings = [arm.settings for arm in arms]
        self.optimizers = tuple(dict.fromkeys(arm.optimizer for arm in arms))
        self._moved = 0.0
        self._place = {arm: (line, position) for line in self.lines for position, arm in enumerate(line.arms)}

    def coarse(self, optimizer: str) -> list[int]:
        """The optimizer's first look: its usual line, outward from the prior's centre.

        Where settings were drawn it is all arms, in an order drawn by the prior.
        Else it begins an eighth of the line away from its ends at least: a rate there has no neighbours.
        """
        line = self._usual_line(optimizer)
        centre, deviation = self.prior(optimizer)
        if self.drawn:
            drawn = in_order(line.decades, math.log10(centre) + self._moved, deviation)
            return [line.arms[position] for position in drawn]
        edge = len(line.arms) // 8
        centre = min(max(math.log10(centre) + self._moved, line.decades[edge]), line.decades[-1 - edge])
        steps = math.floor(REACH_DEVIATIONS * deviation / COARSE_DECADES)
        # A short training, with which a race begins, favours the higher of two rates.
        offsets = sorted(range(-steps, steps + 1), key=lambda step: (abs(step), -step))
        wanted = (_nearest(line, centre + step * COARSE_DECADES) for step in offsets)
        return list(dict.fromkeys(line.arms[position] for position in wanted))

    def move(self, decades: float) -> None:
        """From now on first looks begin so far above the priors' centres."""
        self._moved = decades

    def offset(self, arm: int) -> float:
        """How many decades the arm's rate lies above the centre of its optimizer's prior."""
        line, position = self._place[arm]
        return line.decades[position] - math.log10(self.prior(line.optimizer)[0])

    def prior(self, optimizer: str) -> tuple[float, float]:
        """The learning-rate prior that the optimizer's arms are entered with: centre and decades.

        Where all arms of its usual line lie on one side of the known centre, their middle takes its place:
        whoever made them had reasons.
        """
        low, high = (self._usual_line(optimizer).decades[end] for end in (0, -1))
        middle = 10.0 ** ((low + high) / 2)
        centre, decades = self._priors.get(optimizer.lower(), (middle, WIDE))
        return (centre if low <= math.log10(centre) <= high else middle), decades

    def neighbours(self, arm: int, tested: Set[int], diverged: Set[int]) -> list[int]:
        """Untested arms worth a look once `arm` is the best of its optimizer.

        On its line: halfway to the next tested arm on either side, or one coarse step further where the
        arm is the boundary of what was tested. Once nothing is left there: the other settings at its lr.
        """
        return self.bracket(arm, tested, diverged) or self.other_settings(arm, tested, diverged)

    def bracket(self, arm: int, tested: Set[int], diverged: Set[int]) -> list[int]:
        """Untested arms on either side: halfway to the next tested one, or one coarse step further.

        Where settings were drawn: those most alike in all of them.
        """
        line, position = self._place[arm]
        if self.drawn:
            settings = [self._settings[other] for other in line.arms]
            untested = [place for place, other in enumerate(line.arms) if other not in tested]
            return [line.arms[place] for place in nearest(settings, position, untested)[:NEAR_DRAWN]]
        sides = [_upper(line, position, tested), _lower(line, position, tested)]
        return self._open(sides, tested, diverged)

    def other_settings(self, arm: int, tested: Set[int], diverged: Set[int]) -> list[int]:
        """Untested arms of the same optimizer with other settings at its lr, the fewest differences first."""
        line, position = self._place[arm]
        others = [self._at_same_lr(other, line, position) for other in self._other_lines(line)]
        return self._open(others, tested, diverged)

    def widens(self, arm: int, tested: Set[int]) -> bool:
        """Whether the untested arm lies outside what was tested on its line."""
        line, position = self._place[arm]
        below = any(a in tested for a in line.arms[:position])
        above = any(a in tested for a in line.arms[position + 1 :])
        return below != above

    def above_diverged(self, arm: int, diverged: Set[int]) -> bool:
        """Whether an arm with a lower lr on the same line diverged."""
        line, position = self._place[arm]
        return not self.drawn and any(lower in diverged for lower in line.arms[:position])

    def decades(self, arm: int) -> tuple[float, int]:
        """The arm's log10 lr, ties in order of the arms."""
        line, position = self._place[arm]
        return line.decades[position], arm

    def line_of(self, arm: int) -> Line:
        """The line that holds the arm."""
        return self._place[arm][0]

    def _usual_line(self, optimizer: str) -> Line:
        """The first of its long lines: arms that a user adds to another do not make that the usual."""
        lines = self._lines_of(optimizer)
        longest = max(len(line.arms) for line in lines)
        return next(line for line in lines if 2 * len(line.arms) > longest)

    def _lines_of(self, optimizer: str) -> list[Line]:
        return [line for line in self.lines if line.optimizer == optimizer]

    def _other_lines(self, line: Line) -> list[Line]:
        """The optimizer's other lines, those with the fewest differences first."""
        others = [other for other in self._lines_of(line.optimizer) if other is not line]
        return sorted(others, key=lambda other: _differences(line.settings, other.settings))

    def _at_same_lr(self, other: Line, line: Line, position: int) -> int:
        return other.arms[_nearest(other, line.decades[position])]

    def _open(self, arms: Sequence[int | None], tested: Set[int], diverged: Set[int]) -> list[int]:
        return [a for a in arms if a is not None and a not in tested and not self.above_diverged(a, diverged)]


def log_rate(settings: Mapping[str, Any]) -> float:
    """The log10 of the learning rate; 0 where there is none."""
    rate = settings.get("lr")
    return math.log10(rate) if isinstance(rate, int | float) and rate > 0 else 0.0


def _lines(arms: Sequence[Candidate]) -> tuple[Line, ...]:
    """Arms that share their optimizer and other settings.

    Where the arms of an optimizer were drawn at random, hardly two share their other settings: they all make
    one line, along which the other settings are noise.
    """
    shared: dict[str, dict[str, list[int]]] = {}
    for index, arm in enumerate(arms):
        others = json.dumps(_others(arm), sort_keys=True, default=str)
        shared.setdefault(arm.optimizer, {}).setdefault(others, []).append(index)
    lines = []
    for members in shared.values():
        groups = list(members.values())
        drawn = len(groups) > 1 and max(map(len, groups)) < FEWEST_ON_A_LINE
        groups = [[index for group in groups for index in group]] if drawn else groups
        lines += [_line(arms, group, {} if drawn else _others(arms[group[0]])) for group in groups]
    return tuple(lines)


def _line(arms: Sequence[Candidate], members: Sequence[int], settings: Mapping[str, Any]) -> Line:
    along = sorted((log_rate(arms[index].settings), index) for index in members)
    decades, indices = zip(*along, strict=True)
    return Line(
        arms[members[0]].optimizer, settings, indices, decades, _drawn([arms[index] for index in members])
    )


def _drawn(arms: Sequence[Candidate]) -> bool:
    """Whether other settings differ too and nearly every arm has a rate of its own.

    Where one setting was changed at a time, around a centre, most have the centre's rate.
    """
    if len(arms) < FEWEST_DRAWN:
        return False
    rates = {log_rate(arm.settings) for arm in arms}
    others = {json.dumps(_others(arm), sort_keys=True, default=str) for arm in arms}
    return len(others) > 1 and len(rates) > MOSTLY_DISTINCT * len(arms)


def _others(arm: Candidate) -> Mapping[str, Any]:
    return {name: value for name, value in arm.settings.items() if name != "lr"}


def _nearest(line: Line, decades: float) -> int:
    return min(range(len(line.arms)), key=lambda position: abs(line.decades[position] - decades))


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def _lower(line: Line, position: int, tested: Set[int]) -> int | None:
    if position == 0:
        return None
    below = [p for p in range(position) if line.arms[p] in tested]
    if below:
        return line.arms[(below[-1] + position) // 2]
    step = _nearest(line, line.decades[position] - COARSE_DECADES)
    return line.arms[min(step, position - 1)]


def _upper(line: Line, position: int, tested: Set[int]) -> int | None:
    if position == len(line.arms) - 1:
        return None
    above = [p for p in range(position + 1, len(line.arms)) if line.arms[p] in tested]
    if above:
        return line.arms[(above[0] + position) // 2]
    step = _nearest(line, line.decades[position] + COARSE_DECADES)
    return line.arms[max(step, position + 1)]
