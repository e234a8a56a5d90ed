"""Claims in words that the answer, the terminal and the report share.

gain(claim), gain_range(claim)              # "58 % lower", "55 % to 61 %"
distance(claim, direction), distance_range(claim)       # "0.021 higher", "0.015 to 0.027"

Per cent are told of measures that are minimised and positive alone: of an accuracy nobody would know whether
they are points, or a part of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from surefoot.study.claims import Claim, Forecast, Outlying, Unconfirmed
from surefoot.study.direction import Direction
from surefoot.study.format import difference, fraction, interval, number, plural, share
from surefoot.study.run import Candidate

MOST_TIMES = 10
"""Further trainings beyond so many times those spent are not told as a number: nobody would pay for them."""


MOST_LOG = 100.0
"""Ratios whose logarithm is larger are told as if it were this: they mean nothing by then."""


def beside_the_baseline(claims: Sequence[Claim], who: Candidate, baseline: Candidate | None) -> Claim | None:
    """The claim about a candidate and the baseline; None where it is the baseline itself."""
    key = baseline.key if baseline else ""
    return next((c for c in claims if (c.who.key, c.against.key) == (who.key, key)), None)


def gain(claim: Claim) -> str:
    """The change against the other one in per cent, or as a multiple: `58 % lower`, `3.1 times as high`."""
    assert claim.ratio is not None
    return _change(claim.ratio)


def gain_range(claim: Claim) -> str:
    """The interval of `gain`: `55 % to 61 %`, with the words where its ends point to different sides."""
    assert claim.ratio_low is not None
    assert claim.ratio_high is not None
    low, high = claim.ratio_low, claim.ratio_high
    if high <= 1:
        return f"{_percent(1 - high)} to {_percent(1 - low)}"
    if low >= 1 and high <= 2:
        return f"{_percent(low - 1)} to {_percent(high - 1)}"
    return f"{_change(low)} to {_change(high)}"


def distance(claim: Claim, direction: Direction) -> str:
    """The difference to the other one, and on which side: `0.021 higher`."""
    return f"{number(abs(claim.estimate))} {direction.better if claim.estimate >= 0 else direction.worse}"


def distance_range(claim: Claim) -> str:
    """The interval of `distance`: `0.015 to 0.027`; below 0 it reaches the other side."""
    sign = 1 if claim.estimate >= 0 else -1
    low, high = sorted((sign * claim.low, sign * claim.high))
    return interval(low, high)


def forecast_in_words(forecast: Forecast, other: str) -> str:
    """What full trainings should come to, with the interval, as a sentence without its stop.

    Args:
        forecast: of the recommendation.
        other: whom it is compared with, in words.
    """
    if forecast.log:
        least, ratio, most = (
            math.exp(min(-end, MOST_LOG)) for end in (forecast.low, forecast.estimate, forecast.high)
        )
        change = f"{_change(ratio)} {'than' if ratio <= 2 else 'as'} {other}"
        ends = f"{_change(least)} to {_change(most)}"
    else:
        side = "ahead of" if forecast.estimate >= 0 else "behind"
        change = f"{difference(abs(forecast.estimate))} {side} {other}"
        ends = _ahead_or_behind(forecast.low, forecast.high)
    told = f"{share(forecast.level)} interval: {ends}"
    return f"Trained to the end on this seed, it should come {change} ({told})"


def _ahead_or_behind(low: float, high: float) -> str:
    if low < 0 < high:
        return f"{difference(-low)} behind to {difference(high)} ahead"
    near, far = sorted((abs(low), abs(high)))
    return f"{difference(near)} to {difference(far)} {'ahead' if high > 0 else 'behind'}"


def _change(ratio: float) -> str:
    if ratio <= 1:
        return f"{_percent(1 - ratio)} lower"
    return f"{_percent(ratio - 1)} higher" if ratio <= 2 else f"{number(ratio, 2)} times as high"


def _percent(part: float) -> str:
    return share(part) if 0 < part < 1 else share(min(max(part, 0.0), 1.0))


def more_trainings(needed: int | None, made: int) -> str:
    """What would settle what is open, as a sentence without its stop; empty where nothing is known."""
    found = trainings_in_words(needed, made)
    if not found:
        return ""
    return f"A{found[1:]} would settle it" if found.startswith("about") else f"Settling it takes {found}"


def trainings_in_words(needed: int | None, made: int) -> str:
    """`about 120 more full trainings`; a number that nobody would pay for is not told as one."""
    if not needed:
        return ""
    if needed > MOST_TIMES * max(made, 1):
        return f"more than {MOST_TIMES} times the {plural(made, 'training')} spent on it"
    return f"about {plural(needed, 'more full training')}"


def best_of_the_rest(found: Unconfirmed, name: str, unit: str = "") -> str:
    """`Adafactor lr=0.5 had 0.049 on one seed at full length and was not confirmed: …`."""
    seeds = "one seed" if found.seeds == 1 else plural(found.seeds, "seed")
    where = "at full length" if found.progress >= 1 else f"at {fraction(found.progress)} of the training"
    value = f"{number(found.value)}{unit and ' ' + unit}"
    return f"{name} had {value} on {seeds} {where} and was not confirmed: {found.reason}"


def far_out(found: Outlying, name: str, unit: str = "") -> str:
    """`Adam lr=0.1 came to 8e5 on one of 6 seeds, far from its others, and is compared as if …`."""
    unit = unit and " " + unit
    return (
        f"{name} came to {number(found.value)}{unit} on one of {plural(found.seeds, 'seed')}, far from its "
        f"others, and is compared as if that were {number(found.counted)}{unit}"
    )
