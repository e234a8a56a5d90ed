"""The answer in a few sentences, each made from claims alone.

sentence(verdict, claims, recommended, baseline, "validation loss", candidate_label)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from surefoot.analysis.claim_words import beside_the_baseline, distance, distance_range, gain, gain_range
from surefoot.naming import listed
from surefoot.study.claims import Claim, Relation
from surefoot.study.direction import Direction
from surefoot.study.format import number, share
from surefoot.study.run import Candidate

MOST_NAMES = 6

Label = Callable[[Candidate], str]


def headline(
    verdict: str, claims: Sequence[Claim], recommended: Candidate, baseline: Candidate, label: Label
) -> str:
    """`Use A: it is better than each of these 4 finalists: …`: what to use, and beside whom measured."""
    best, rivals = label(recommended), _rivals(claims, recommended)
    name = _named(baseline, label)
    if not rivals:
        return f"Use {best}: nothing else was measured on fresh seeds."
    parts = {relation: [name(c) for c in rivals if c.relation is relation] for relation in Relation}
    if verdict == "tie":
        return _tie(best, parts)
    diverged = _diverged(parts[Relation.DIVERGED])
    if verdict == "win":
        better = parts[Relation.BETTER]
        if not better:
            return f"Use {best}: {diverged}."
        return f"Use {best}: it is better than {_each(better)}{'; ' + diverged if diverged else ''}."
    return _ahead(best, parts, diverged)


def _rivals(claims: Sequence[Claim], recommended: Candidate) -> list[Claim]:
    """One for each other candidate; in a tie the leader may be one of them."""
    return [c for c in claims if c.who.key != recommended.key or c.against.key != recommended.key]


def _named(baseline: Candidate, label: Label) -> Callable[[Claim], str]:
    def name(claim: Claim) -> str:
        base = " (the baseline)" if claim.against.key == baseline.key else ""
        return f"{label(claim.against)}{base}"

    return name


def _each(names: Sequence[str]) -> str:
    """`each of these 3 finalists: A, B and C`; of one alone its name."""
    if len(names) == 1:
        return f"{names[0]}, the other one measured on fresh seeds"
    return f"each of these {len(names)} finalists: {listed(names, MOST_NAMES)}"


def _diverged(names: Sequence[str]) -> str:
    return f"{listed(names, MOST_NAMES)} diverged on a fresh seed" if names else ""


def _tie(best: str, parts: dict[Relation, list[str]]) -> str:
    equal = [name for name in parts[Relation.EQUAL] if not name.startswith(f"{best} (") and name != best]
    same = [name for name in parts[Relation.EQUIVALENT] if name != best]
    words = [f"as good within the margin: {listed(same, MOST_NAMES)}"] if same else []
    words += [f"equal on every seed: {listed(equal, MOST_NAMES)}"] if equal else []
    return f"A tie: use {best}, the cheapest of equals; {'; '.join(words) or 'another one leads by less'}."


def _ahead(best: str, parts: dict[Relation, list[str]], diverged: str) -> str:
    """Nothing was shown of somebody: who is open, who is probably behind, who is behind."""
    level = [*parts[Relation.EQUAL], *parts[Relation.EQUIVALENT]]
    open_ones = [*parts[Relation.OPEN], *parts[Relation.UNKNOWN]]
    words = []
    if open_ones:
        words.append(f"it is ahead, but the budget could not tell it from {listed(open_ones, MOST_NAMES)}")
    if parts[Relation.AHEAD]:
        words.append(f"it is probably better than {listed(parts[Relation.AHEAD], MOST_NAMES)}")
    if level:
        words.append(f"it is level with {listed(level, MOST_NAMES)}")
    if parts[Relation.BETTER]:
        words.append(f"it is better than {listed(parts[Relation.BETTER], MOST_NAMES)}")
    return f"Use {best}: {'; '.join([*words, *([diverged] if diverged else [])])}."


def against_the_baseline(
    claims: Sequence[Claim],
    recommended: Candidate,
    baseline: Candidate,
    means: tuple[float, float],
    measure: str,
    label: Label,
    direction: Direction = Direction.MINIMIZE,
) -> str:
    """How much better than the baseline, with the interval.

    Args:
        means: of the recommendation and of the baseline, as the table tells them.
        direction: which way of the measure is better.
    """
    if recommended.key == baseline.key:
        return "It is the baseline itself."
    claim, base = beside_the_baseline(claims, recommended, baseline), f"{label(baseline)}, the baseline"
    if claim is None:
        return ""
    if claim.relation is Relation.EQUAL:
        return f"Its {measure} is the same as that of {base}, on every seed."
    if not math.isfinite(claim.estimate):
        return f"It or {base}, diverged on some seed, so their difference has no interval."
    told = share(claim.level)
    if claim.ratio is not None and claim.ratio_low is not None and claim.ratio_high is not None:
        own, other = map(number, means)
        change = f"{gain(claim)} ({told} interval {gain_range(claim)})"
        return f"Its {measure} is {own} instead of {other} with {base}: {change}."
    far, around = distance(claim, direction), f"({told} interval {distance_range(claim)})"
    if direction is Direction.MINIMIZE:
        return f"Its {measure} is {far} than that of {base} {around}."
    own, other = map(number, means)
    return f"Its {measure} is {own} instead of {other} with {base}: {far} {around}."
