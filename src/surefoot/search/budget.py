"""How a budget of full trainings is divided between the phases, and what it buys.

    divide(2.0).level                    # Level.FORECAST: two trainings are spent on shorter ones
    divide(60.0)                         # Budget(total=60.0, race=15.0, bracketing=15.0, playoff=6.0, …)
    what_it_buys(divide(2.0), …)         # "One training takes about 6 s: 2 trainings pay for a forecast; …"

All of it is arithmetic: a budget of time becomes one of trainings by what a training takes, and from then on
the clock rules (see `deadline`).  Nothing is raised: a small budget gets a lesser level of evidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from surefoot.search.confirm.confirmation import FEWEST_SEEDS
from surefoot.study.answer import Level
from surefoot.study.format import plural, rounded, seconds

RACE_SHARE = 0.25
BRACKETING_SHARE = 0.25
PLAYOFF_SHARE = 0.1
"""More than half of the budget finds the finalists, the rest measures them.  Most of it is for learning
rates, since a wrong one costs more than a wrong optimizer."""

SMALL_RACE_SHARE = 0.35
SMALL_BRACKETING_SHARE = 0.3
"""A budget below `PLAYOFF_FROM` pays for no play-off."""

PLAYOFF_FROM = 20.0

FINALISTS = 4
"""Beside the baseline. Screening sees one seed, which on close tasks errs two times in five,
so as many go on as the rules allow."""

FORECAST_FROM = 0.3
"""Full trainings from which a few candidates can be compared on the shortest rungs."""

MEASURED_FROM = 3.0
"""Full trainings from which a race takes two candidates to the end."""

BASELINE_FROM = 4.0
"""From here on one of them is the baseline's, to have something to compare with."""

CONFIRMED_FROM = 8.0
"""Half for a race that takes two candidates to the end, half for the best of them and the baseline, twice."""

USUAL_FROM = 13.0

FLOOR_SEEDS = 3
FLOOR_FROM = 20.0
"""Random search, the floor, is worth a training where it takes no more than a tenth of the budget."""

FEWEST_STEPS = 10
"""Optimizer steps before which there is nothing to compare."""

DEARER = 1.5
"""A budget that did not pay for a level here is no price of it, whatever a training is thought to take."""

DEAREST = 1e6
"""Full trainings beyond which a budget is a slip of the keyboard."""


@dataclass(frozen=True)
class Budget:
    """A budget in full trainings.

    Attributes:
        total: for everything.
        race: for the race.
        bracketing: for the learning rates of the best at full length.
        playoff: for the play-off.
        floor_seeds: how many trainings random search gets.
        baseline: whether the baseline is trained to the end on the race's seed, before the race.
        level: what the answer will rest on, if nothing is slower than expected.
        before: trainings that come before the race whatever the budget.
    """

    total: float
    race: float
    bracketing: float = 0.0
    playoff: float = 0.0
    floor_seeds: int = 0
    baseline: bool = False
    level: Level = Level.CONFIRMED
    before: float = 0.0

    @property
    def before_confirmation(self) -> float:
        """For everything that finds the finalists."""
        return self.race + self.bracketing + self.playoff

    def share(self, trainings: float, slack: float) -> float:
        """Of what comes after the look, with so much of the rest; all where nothing comes after the race."""
        own = self.total - self.before
        if self.level is not Level.CONFIRMED or own <= 0:
            return 1.0
        part = min(1.0, trainings / own)
        return part + slack * (1 - part)


def divide(total: float, *, before: float = 0.0, floor: bool = True) -> Budget:
    """The phases' shares of a budget.

    Args:
        total: full trainings.
        before: those that come first whatever the budget, such as a script's pilot.
        floor: whether random search can be run here.
    """
    own = max(0.0, total - before)
    if own < CONFIRMED_FROM:
        baseline = own >= BASELINE_FROM and not before
        level = Level.MEASURED if own >= MEASURED_FROM else Level.FORECAST
        return Budget(total, own - baseline, baseline=baseline, level=level, before=before)
    if own < USUAL_FROM:
        return Budget(total, 0.5 * own, before=before)
    if own < PLAYOFF_FROM:
        return Budget(total, SMALL_RACE_SHARE * own, SMALL_BRACKETING_SHARE * own, before=before)
    seeds = min(FLOOR_SEEDS, math.floor(total / 10)) if floor and total >= FLOOR_FROM else 0
    race, bracketing, playoff = (part * own for part in (RACE_SHARE, BRACKETING_SHARE, PLAYOFF_SHARE))
    return Budget(total, race, bracketing, playoff, seeds, before=before)


def finalists_for(trainings: float) -> int:
    """How many finalists are confirmed beside the baseline; 0 where not even one can be."""
    return max(0, min(FINALISTS, math.floor(trainings / FEWEST_SEEDS + 1e-9) - 1))


def trainings_for(level: Level, before: float = 0.0) -> float:
    """The least budget whose answer rests on this."""
    least = {
        Level.CONFIRMED: CONFIRMED_FROM,
        Level.MEASURED: MEASURED_FROM,
        Level.FORECAST: FORECAST_FROM,
    }
    return before + least.get(level, 0.0)


def shortest_rung(steps: float, warmup: float, total: float) -> float:
    """The shortest share of a training of so many steps at which candidates can be compared.

    Args:
        steps: of a full training.
        warmup: share of it in which the learning rate still rises.
        total: the budget; one below the usual goes to fewer candidates, past their warmup.
    """
    return max(FEWEST_STEPS / steps, 2 * warmup if total < USUAL_FROM else 0.0)


def what_it_buys(budget: Budget, training: float, workers: int, given: float | None, setup: float) -> str:
    """What the budget pays for, and what the next levels of evidence cost, in a sentence.

    Args:
        budget: in trainings.
        training: what a full one takes, in seconds, with its validation.
        workers: runs side by side.
        given: the budget in seconds, where it is one of time.
        setup: seconds that pass before the first run.
    """
    pays = f"{rounded(budget.total)} {'training' if rounded(budget.total) == '1' else 'trainings'}"
    beside = f" with {plural(workers, 'worker')}" if workers > 1 else ""
    takes = f"One training takes about {seconds(training)}"
    if given is None:
        about = seconds(budget.total * training / workers)
        words = f"{takes}: {pays}, about {about}{beside}, pay for {_a(budget.level)}"
    else:
        words = f"{takes}: {seconds(given)}{beside} pay for about {pays}, {_a(budget.level)}"
    further = _prices(budget.level, budget, training / workers, None if given is None else setup)
    return "; ".join([words, *further]) + "."


def price_in_words(
    level: Level,
    budget: Budget,
    training: float,
    workers: int,
    setup: float | None,
    given: float | None = None,
) -> str:
    """What stronger answers than one of this level cost; empty where there is none, or it is not known.

    Args:
        level: of the answer that there is.
        budget, training, workers: as `what_it_buys` takes them.
        setup: seconds that pass before the first run; None where the budget is one of trainings.
        given: the budget in seconds, which did not pay for more than this level here.
    """
    least = 0.0 if given is None else DEARER * given
    further = _prices(level, budget, training / workers, setup, least) if training > 0 else []
    return "; ".join([_capital(words) for words in further[:1]] + further[1:]) + "." if further else ""


def _prices(level: Level, budget: Budget, each: float, setup: float | None, least: float = 0.0) -> list[str]:
    order = list(Level)
    stronger = order[: order.index(level)][::-1]
    return [f"{_a(above)} needs {_price(above, budget, each, setup, least)}" for above in stronger]


def _price(level: Level, budget: Budget, each: float, setup: float | None, least: float) -> str:
    trainings = trainings_for(level, budget.before)
    price = round_up(max(trainings * each + (setup or 0.0), least))
    option = f"--runs {trainings:g}" if setup is None else f"--budget {price:g}s"
    return f"about {seconds(price)} ({option})"


def _a(level: Level) -> str:
    return "a forecast" if level is Level.FORECAST else f"a {level.value} answer"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def round_up(value: float) -> float:
    """To two digits, so that nobody takes it for exact."""
    if not 0 < value < math.inf:
        return value
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit - 1e-9) * unit:.12g}")
