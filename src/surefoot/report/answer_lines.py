"""The answer as short texts that the terminal, the report and the notebook lay out: what, how much, how sure.

for name, text in notes(answer):
    print(name, text)       # "How sure", "better than each of these four; …"
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence

from surefoot.analysis.claim_words import (
    MOST_TIMES,
    beside_the_baseline,
    best_of_the_rest,
    distance,
    distance_range,
    far_out,
    forecast_in_words,
    gain,
    gain_range,
    trainings_in_words,
)
from surefoot.analysis.tables import Result, results, window
from surefoot.naming import listed
from surefoot.report.words import level
from surefoot.study.answer import Answer, Level, Verdict
from surefoot.study.claims import Claim, Relation
from surefoot.study.direction import Direction
from surefoot.study.format import difference, number, rounded, seconds, setting, share, size
from surefoot.study.label import candidate_label, optimizer_label
from surefoot.study.run import Candidate, Phase

MOST_NAMES = 4

SHORT = 100.0
"""Seconds from which a budget is given in minutes."""

Name = Callable[[Candidate], str]


def use(answer: Answer) -> str:
    """`Use AdaBelief lr=0.01 weight_decay=0.1`, or what a full training ended with."""
    if not answer.comparative:
        return answer.sentence
    return f"Use {candidate_label(answer.recommendation.candidate)}"


def benefit(answer: Answer) -> str:
    """Beside the baseline: `0.064 instead of 0.154 with AdamW lr=0.001: 58 % lower (95 %: 55 % to 61 %)`."""
    base, best = answer.baseline, answer.recommendation.candidate
    if not answer.comparative:
        return ""
    if answer.level is not Level.CONFIRMED:
        return answer.sentence
    if base is None:
        return ""
    if base.key == best.key:
        return "This is the baseline itself: nothing measured on fresh seeds was shown to be better."
    claim = beside_the_baseline(answer.claims, best, base)
    if answer.goal == "fastest" or claim is None:
        return answer.sentence.partition(". ")[2] or answer.sentence
    return _change(claim, answer, candidate_label(base))


def _change(claim: Claim, answer: Answer, base: str) -> str:
    if claim.relation is Relation.EQUAL:
        return f"The same as {base}, the baseline, on every seed"
    if not math.isfinite(claim.estimate):
        return f"{base}, the baseline, or it diverged on a fresh seed: no interval of their difference"
    told = f"({share(claim.level)}:"
    own, other = (_mean(answer, candidate) for candidate in (claim.who, claim.against))
    if claim.ratio is None:
        far = distance(claim, answer.direction)
        if answer.direction is Direction.MINIMIZE:
            return f"{far} than {base}, the baseline {told} {distance_range(claim)})"
        return f"{own} instead of {other} with {base}, the baseline: {far} {told} {distance_range(claim)})"
    return f"{own} instead of {other} with {base}, the baseline: {gain(claim)} {told} {gain_range(claim)})"


def _mean(answer: Answer, candidate: Candidate) -> str:
    rows = [
        row for row in results(answer) if row.candidate.key == candidate.key and row.phase == Phase.CONFIRM
    ]
    return number(rows[0].estimate) if rows else number(None)


def notes(answer: Answer) -> list[tuple[str, str]]:
    """How sure, what is not sure, the learning rate, the cost: each with its name."""
    if not answer.comparative:
        return []
    if answer.level is not Level.CONFIRMED:
        told = zip(("Not sure", *[""] * len(answer.why)), answer.why, strict=False)
        return [("How sure", " ".join(filter(None, [level(answer), forecast(answer)]))), *told]
    named = [
        ("How sure", how_sure(answer)),
        ("Not sure", not_sure(answer)),
        ("To settle", to_settle(answer)),
        ("lr", rate(answer)),
        ("Cost", cost(answer)),
    ]
    return [(name, text) for name, text in named if text]


def forecast(answer: Answer) -> str:
    """What full trainings should come to, where only shorter ones were made."""
    found = answer.forecast
    if found is None:
        return ""
    is_baseline = answer.baseline is not None and answer.baseline.key == found.against.key
    name = candidate_label(found.against)
    return f"{forecast_in_words(found, f'{name}, the baseline' if is_baseline else name)}."


def brief(answer: Answer) -> Name:
    """A short name of a candidate, where no other one that is spoken of has the same."""
    spoken = [claim.against for claim in answer.claims] + [answer.recommendation.candidate]
    spoken += [found.candidate for found in answer.outlying]
    spoken += [answer.unconfirmed.candidate] if answer.unconfirmed else []
    different = {candidate.key: candidate for candidate in spoken}.values()
    short = [_short(candidate) for candidate in different]

    def name(candidate: Candidate) -> str:
        own = _short(candidate)
        return own if short.count(own) <= 1 else candidate_label(candidate)

    return name


def _short(candidate: Candidate) -> str:
    found = candidate.hyperparameters.get("lr")
    return f"{optimizer_label(candidate.optimizer)}{'' if found is None else f' lr={setting(found)}'}"


def how_sure(answer: Answer) -> str:
    """Beside whom something was shown, and how often that is false."""
    name, best = brief(answer), answer.recommendation.candidate.key
    rivals = [c for c in answer.claims if best not in (c.against.key,) or c.who.key != best]
    parts: dict[Relation, list[str]] = {relation: [] for relation in Relation}
    for claim in rivals:
        other = claim.against if claim.against.key != best else claim.who
        if name(other) not in [one for names in parts.values() for one in names]:
            parts[claim.relation].append(name(other))
    words = []
    if answer.verdict is Verdict.WIN and parts[Relation.BETTER]:
        words.append(_better_than_all(parts[Relation.BETTER], answer.false_rate or 0.05))
    elif parts[Relation.BETTER]:
        words.append(f"better than {listed(parts[Relation.BETTER], MOST_NAMES)}")
    if level := [*parts[Relation.EQUAL], *parts[Relation.EQUIVALENT]]:
        words.append(f"{_level(answer, parts)} {listed(level, MOST_NAMES)}")
    if parts[Relation.AHEAD]:
        words.append(f"probably better than {listed(parts[Relation.AHEAD], MOST_NAMES)}")
    if open_ones := [*parts[Relation.OPEN], *parts[Relation.UNKNOWN]]:
        words.append(f"not told apart from {listed(open_ones, MOST_NAMES)}")
    if parts[Relation.DIVERGED]:
        words.append(f"{listed(parts[Relation.DIVERGED], MOST_NAMES)} diverged on a fresh seed")
    if constant(answer):
        words.append("every value is the same, so the measure does not depend on what was trained")
    return "; ".join(words)


def constant(answer: Answer) -> bool:
    """Whether two candidates or more measured one and the same value on every fresh seed."""
    values = {value for c in answer.candidates if c.phase == Phase.CONFIRM for value in c.values}
    return len(answer.claims) > 0 and len(values) == 1 and None not in values


def _better_than_all(names: Sequence[str], false_rate: float) -> str:
    who = names[0] if len(names) == 1 else f"each of these {len(names)}: {listed(names, MOST_NAMES)}"
    return f"better than {who}; said falsely in at most 1 study of {math.floor(1 / false_rate)}"


def _level(answer: Answer, parts: dict[Relation, list[str]]) -> str:
    if not parts[Relation.EQUIVALENT]:
        return "equal on every seed to"
    return f"within {difference(answer.margin)} of" if answer.margin else "level with"


def not_sure(answer: Answer) -> str:
    """Values that are compared as others, and the best unconfirmed one, with why it was not confirmed."""
    unit, name = "s" if answer.goal == "fastest" else "", brief(answer)
    parts = [far_out(found, name(found.candidate), unit) for found in answer.outlying]
    if answer.unconfirmed:
        parts.append(best_of_the_rest(answer.unconfirmed, name(answer.unconfirmed.candidate), unit))
    return "; ".join(parts)


def to_settle(answer: Answer) -> str:
    """What would settle what is open, the option that gives it to this study, and about how long it takes."""
    made = sum(len(c.seeds) for c in answer.candidates if c.phase == Phase.CONFIRM)
    needed = answer.trainings_needed
    found = trainings_in_words(needed, made)
    if not needed or not answer.command or needed > MOST_TIMES * max(made, 1):
        return found
    trained = sum(c.progress * len(c.seeds) for c in answer.candidates)
    takes = needed * answer.seconds / trained if trained else 0.0
    if "--runs" in shlex.split(answer.command):
        about = f", about {seconds(float(f'{takes:.2g}'))}" if takes > 0 else ""
        return f"{found} (--runs +{needed}{about})"
    given = f"{math.ceil(takes)}s" if takes < SHORT else f"{math.ceil(takes / 60)}m"
    return f"{found} (--budget +{given})" if takes > 0 else found


def rate(answer: Answer) -> str:
    """The window around the recommended learning rate."""
    own = answer.recommendation.hyperparameters.get("lr")
    found = window(answer, answer.recommendation.optimizer)
    if not isinstance(own, int | float):
        return ""
    if found is None:
        return f"how far from {setting(own)} one may go was not seen"
    open_ends = [word for word, holds in (("below", found.open_low), ("above", found.open_high)) if holds]
    more = f"; nothing was tried further {' or '.join(open_ends)}" if open_ends else ""
    return f"{rounded(found.low)} to {rounded(found.high)} does as well{more}"


def cost(answer: Answer) -> str:
    """Time of a step and state, beside the baseline's."""
    found = {
        role: row for row in results(answer) for role in row.role.split(", ") if row.phase == Phase.CONFIRM
    }
    best, base = found.get("recommended"), found.get("baseline")
    if best is None:
        return ""
    own = f"{seconds(best.seconds_per_step)} a step, {size(best.state_bytes)} of state"
    return own if base is None or base is best else f"{own}; the baseline {_beside(base)}"


def _beside(row: Result) -> str:
    return f"{seconds(row.seconds_per_step)}, {size(row.state_bytes)}"


def audit(answer: Answer) -> list[str]:
    """P(best), regret and the like, each in one sentence: `--why`."""
    if not answer.comparative:
        return []
    unit = " s" if answer.goal == "fastest" else ""
    sentences = [_best(answer), _regret(answer, unit)]
    if (found := answer.minimum_detectable_difference) is not None and 0 < found < math.inf:
        sentences.append(
            f"Detectable: a true difference of {difference(found)}{unit} between the leader and its nearest "
            "rival would have been shown four times in five with these seeds."
        )
    if answer.margin:
        sentences.append(f"Margin: a difference below {difference(answer.margin)}{unit} counts as a tie.")
    return [text for text in sentences if text]


def _best(answer: Answer) -> str:
    """Over whom it is stands in the sentence."""
    if answer.p_best is None or not math.isfinite(answer.p_best):
        return ""
    confirmed = sum(c.phase == Phase.CONFIRM for c in answer.candidates)
    if answer.contenders is None or answer.contenders <= confirmed:
        return f"P(best): {share(answer.p_best)}, that it is the best of the {confirmed} confirmed."
    alone = answer.p_best_confirmed
    told = "" if alone is None else f" ({share(alone)} of the {confirmed} confirmed)"
    return (
        f"P(best): {share(answer.p_best)}, that it is the best of the {answer.contenders} that were trained "
        f"to the end, on whichever seeds{told}."
    )


def _regret(answer: Answer, unit: str) -> str:
    if answer.expected_regret is None or not 0 < answer.expected_regret < math.inf:
        return ""
    return (
        f"Expected regret: {difference(answer.expected_regret)}{unit}, how much worse its mean is expected "
        "to be than that of the best of them."
    )
