"""What is known in the middle of a study, in words, for whoever stops it there.

    screening_so_far(ahead, following, band=0.12, tried=34, grid=377, measure="validation loss")
    confirmation_so_far(confirmation, "validation loss", candidate_label)

Screening says who is ahead and whether by more than noise.  Its values choose finalists and are no results:
the best of many runs on one seed flatters itself.  Confirmation says who leads, with the interval against
the baseline; both hold wherever one stops, since they are Bayesian.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from surefoot.search.answer.before_confirmation import Reached
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.confirm.posterior import posterior
from surefoot.search.confirm.sequential_test import leader
from surefoot.study.answer import turned
from surefoot.study.direction import Direction
from surefoot.study.format import difference, fraction, interval, number, share
from surefoot.study.label import candidate_label
from surefoot.study.run import Candidate

FEWEST_SEEDS = 2
"""Of an arm that anything is said about."""


def screening_so_far(
    ahead: Reached,
    following: Reached | None,
    band: float,
    tried: int,
    grid: int,
    measure: str,
    direction: Direction = Direction.MINIMIZE,
) -> str:
    """Who is ahead, and whether the best of another optimizer could still be as good.

    Args:
        ahead: the candidate that the race would recommend.
        following: the best of another optimizer; None if there is none yet.
        band: how far behind it may be and go on in the race; nan while that is not known.
        tried, grid: how many candidates were tried, of how many.
        measure: what the values are.
        direction: which way of them is better.
    """
    words = [
        f"So far, from screening on one seed ({tried} of {grid} candidates tried), and not a result:",
        f"{candidate_label(ahead.candidate)} is ahead, with {number(ahead.value)} {_at(ahead.progress)} "
        f"({measure}).",
    ]
    name = candidate_label(following.candidate) if following else ""
    if following is None:
        words.append("No other optimizer has a value yet.")
    elif not math.isclose(following.progress, ahead.progress):
        words.append(
            f"{name} is next, with {number(following.value)} {_at(following.progress)}; "
            "values at different progress do not compare."
        )
    else:
        behind = direction.behind(following.value, ahead.value)
        words.append(f"{name} is {difference(behind)} behind, {_against(band, behind)}.")
    return " ".join(words)


def _against(band: float, behind: float) -> str:
    if math.isnan(band):
        return "and how much of that is noise is not known yet"
    if behind <= band:
        return f"within the noise band of {difference(band)}: they cannot be told apart yet"
    return f"outside the noise band of {difference(band)}"


def confirmation_so_far(
    confirmation: Confirmation,
    measure: str,
    label: Callable[[Candidate], str],
    direction: Direction = Direction.MINIMIZE,
) -> str | None:
    """Who leads on fresh seeds, by how much, and with which probability.

    None before there are two seeds of the baseline and of another arm.
    """
    arms, base = confirmation.arms, confirmation.baseline
    counted = confirmation.counted()
    values = {key: counted[key] for key in arms if key not in confirmation.beaten or key == base.key}
    values = {key: results for key, results in values.items() if len(results) >= FEWEST_SEEDS}
    if base.key not in values or len(values) < 2:
        return None
    ahead = leader(values)
    known = posterior(values, alike=[key for key in values if key != base.key])
    fewest, most = min(map(len, values.values())), max(map(len, values.values()))
    seeds = f"{most}" if fewest == most else f"{fewest} to {most}"
    words = (
        f"So far, after {seeds} fresh seeds of each: {label(arms[ahead])} leads, and is the best of "
        f"{len(values)} with probability {share(known.p_best()[ahead])}."
    )
    if ahead == base.key:
        return f"{words} It is the baseline."
    effect = turned(known.difference(base.key, ahead), direction)
    if not math.isfinite(effect.estimate):
        return f"{words} A seed of it or of the baseline diverged, so their difference has no interval."
    return (
        f"{words} Against {label(base)}, the baseline, its {measure} differs by {number(effect.estimate)} "
        f"({share(effect.level)} interval {interval(effect.low, effect.high)}; "
        f"{'above' if direction is Direction.MAXIMIZE else 'below'} 0 is better)."
    )


def _at(progress: float) -> str:
    return f"at {fraction(progress)} of the training"
