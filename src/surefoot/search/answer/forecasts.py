"""What shorter trainings say of full ones, as a claim and in words.

forecast = forecast_of(standing)
sentence(forecast)      # "Trained to the end on this seed, it should come 0.02 ahead of AdamW lr=0.001 …"
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from surefoot.search.answer.before_confirmation import RaceStanding
from surefoot.search.forecast.forecast import (
    Curve,
    chance,
    compared,
    final_difference,
    on_log_scale,
    standing,
)
from surefoot.search.forecast.reliability import reliability
from surefoot.study.claims import Forecast
from surefoot.study.format import fraction, rounded, share
from surefoot.study.run import Candidate


def forecast_of(known: RaceStanding, *, relative: bool = True) -> Forecast | None:
    """The recommendation beside the baseline, or beside its nearest rival.

    Args:
        known: what the search knows.
        relative: whether positive values are compared by their ratios: not where higher is better.

    Returns:
        The forecast; None where both were not measured at the same progress, or nothing there tells how far
        apart values lie.
    """
    if known.best is None:
        return None
    who = known.best.candidate
    logs = on_log_scale(list(known.curves.values())) if relative else None
    curves: dict[str, Curve] = dict(zip(known.curves, logs or known.curves.values(), strict=True))
    own = curves.pop(who.key)
    rivals = [known.baseline, *known.others]
    for against in (entry.candidate for entry in rivals if entry and entry.candidate.key != who.key):
        if found := _beside(who, against, own, curves, log=logs is not None):
            return found
    return None


def _beside(
    who: Candidate, against: Candidate, own: Curve, others: Mapping[str, Curve], *, log: bool
) -> Forecast | None:
    gap = compared(own, others[against.key], [own, *others.values()])
    lead = standing(own, list(others.values()))
    if gap is None or lead is None or not 0 < gap.scale < math.inf:
        return None
    final, past = final_difference(gap), reliability(lead.progress)
    if not all(map(math.isfinite, (final.low, final.estimate, final.high))):
        return None
    return Forecast(
        who,
        against,
        gap.progress,
        log,
        gap.difference,
        final.estimate,
        final.low,
        final.high,
        final.level,
        lead.progress,
        chance(past, lead),
        lead.looked_at,
        past.kept,
        10**past.drift,
    )


def worth(forecast: Forecast) -> list[str]:
    """What the rank and the learning rate of a shorter training are worth."""
    at = fraction(forecast.reached)
    found = [
        f"Of {forecast.looked_at} looked at, it ends as the best with probability "
        f"{rounded(forecast.p_best)}: at {at} of the training the leader of stored trainings was the best in "
        f"the end in {share(forecast.rank_kept)}."
    ]
    if forecast.rate_drift > 1:
        found.append(
            f"The best learning rate falls as training goes on: at {at} it was "
            f"{rounded(forecast.rate_drift)} times that of the whole training, the median of stored ones."
        )
    return found
