"""From what confirmation found to typed claims, one for each pair that the answer speaks of.

claims_of(outcome)      # the leader beside each rival, the nearest first
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from surefoot.analysis.claim_words import beside_the_baseline
from surefoot.search.confirm.confirmation import Outcome
from surefoot.search.confirm.sequential_test import Comparison
from surefoot.study.answer import Interval
from surefoot.study.claims import WITHOUT, Claim, Relation
from surefoot.study.run import Candidate

TESTED = "sequential Welch test over all pairs and looks"
PAIR = "posterior interval of this pair"
RULE = "a diverged seed is a loss, by rule"
SAME = "equal values on every seed"
NO_TEST = "a seed diverged"


def claims_of(outcome: Outcome, *, relative: bool = True) -> tuple[Claim, ...]:
    """The leader beside each of its rivals, the nearest first; in a tie also the recommendation beside the
    baseline, where another candidate leads.

    Args:
        outcome: of values that are minimised.
        relative: whether the ratio of two of them says something; of a measure that is maximised it does not.
    """
    found = _claims(outcome)
    return (
        found if relative else tuple(replace(c, ratio=None, ratio_low=None, ratio_high=None) for c in found)
    )


def _claims(outcome: Outcome) -> tuple[Claim, ...]:
    found = [_against(outcome, rival) for rival in outcome.arms if rival.key in outcome.comparisons]
    found.sort(key=_distance)
    return (*found, *_of_the_recommended(outcome, found))


def _distance(claim: Claim) -> float:
    return claim.estimate if math.isfinite(claim.estimate) else math.inf


def _against(outcome: Outcome, rival: Candidate) -> Claim:
    """The leader beside a rival; what was found at an earlier look stands, and is told as it was then."""
    comparison, leader = outcome.comparisons[rival.key], outcome.leader
    ratio, seeds = outcome.ratios.get(rival.key), len(outcome.values.get(leader.key, ()))
    earlier = outcome.findings.get(rival.key)
    if earlier and not comparison.difference.low > 0 and math.isfinite(earlier.comparison.difference.low):
        leader = next(arm for arm in outcome.arms if arm.key == earlier.leader)
        comparison, ratio, seeds = earlier.comparison, earlier.ratio, earlier.seeds
    relation = _relation(outcome, leader, rival, comparison)
    return _claim(leader, rival, relation, comparison.difference, comparison.p, ratio, seeds)


def _relation(outcome: Outcome, leader: Candidate, rival: Candidate, found: Comparison) -> Relation:
    own, other = outcome.values.get(leader.key, ()), outcome.values.get(rival.key, ())
    low, high = found.difference.low, found.difference.high
    if not math.isfinite(found.difference.estimate):
        return Relation.DIVERGED if all(map(math.isfinite, own)) else Relation.UNKNOWN
    if own and own == other:
        return Relation.EQUAL
    if found.decision == "equivalent":
        return Relation.EQUIVALENT
    if found.decision == "better" and low > 0:
        return Relation.BETTER
    return Relation.AHEAD if low > 0 else Relation.OPEN if high >= 0 else Relation.UNKNOWN


def _of_the_recommended(outcome: Outcome, found: Sequence[Claim]) -> list[Claim]:
    """In a tie the cheapest is recommended, which need not be the leader that the test compares."""
    own, base, effect = outcome.recommended, outcome.baseline, outcome.effect
    if own.key in (outcome.leader.key, base.key) or beside_the_baseline(found, own, base):
        return []
    against = Interval(-effect.estimate, -effect.high, -effect.low, effect.level)
    ratio = outcome.effect_ratio
    if not math.isfinite(effect.estimate):
        relation = Relation.DIVERGED
    elif outcome.values.get(own.key) and outcome.values.get(own.key) == outcome.values.get(base.key):
        relation = Relation.EQUAL
    elif base.key in {candidate.key for candidate in outcome.tied} or base.key == outcome.leader.key:
        relation = Relation.EQUIVALENT
    else:
        relation = (
            Relation.AHEAD if against.low > 0 else Relation.OPEN if against.high >= 0 else Relation.UNKNOWN
        )
    return [_claim(own, base, relation, against, math.nan, ratio and _inverse(ratio), _seeds(outcome, own))]


def _seeds(outcome: Outcome, candidate: Candidate) -> int:
    return len(outcome.values.get(candidate.key, ()))


def _inverse(ratio: Interval) -> Interval:
    """The other way round: `_claim` wants the other candidate over this one."""
    return Interval(1 / ratio.estimate, 1 / ratio.high, 1 / ratio.low, ratio.level)


def _claim(
    who: Candidate,
    against: Candidate,
    relation: Relation,
    difference: Interval,
    p: float,
    other_over_this: Interval | None,
    seeds: int,
) -> Claim:
    tests = {
        Relation.BETTER: TESTED,
        Relation.EQUIVALENT: TESTED,
        Relation.EQUAL: SAME,
        Relation.DIVERGED: RULE,
        Relation.UNKNOWN: NO_TEST,
    }
    estimate, low, high = difference.estimate, difference.low, difference.high
    if relation is Relation.EQUAL:
        estimate = low = high = 0.0
    told = _inverse(other_over_this) if other_over_this and relation not in WITHOUT else None
    return Claim(
        who, against, relation, estimate, low, high, difference.level, seeds, tests.get(relation, PAIR), p,
        *((told.estimate, told.low, told.high) if told else ()),
    )  # fmt: skip
