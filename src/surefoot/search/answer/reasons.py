"""The why in plain words: what speaks against each of the others, the most telling first, in few lines.

    reasons(outcome, claims_of(outcome), race_history(runs, decisions).optimizers, costs, windows, label)
    # ["Muon lr=0.02 tied and costs 30 % more seconds per step.",
    #  "AdamW lr=0.001 (the baseline) lost: 0.0792 behind (0.0655 to 0.0929).",
    #  "SGD (lr window 0.2 decades wide) and Lion fell at 1/3: 0.13 to 0.21 behind, band 0.09."]

One optimizer, one reason; those with the same fate share a sentence, so that twenty fit a page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from surefoot.analysis.claim_words import more_trainings
from surefoot.analysis.race_history import Fell, OptimizerHistory
from surefoot.naming import listed
from surefoot.search.confirm.confirmation import COST_NOISE, Costs, Outcome
from surefoot.study.answer import LrWindow
from surefoot.study.claims import Claim, Relation
from surefoot.study.format import decades, difference, fraction, interval, plural, rounded, setting, share
from surefoot.study.label import optimizer_label
from surefoot.study.run import Candidate

NARROW = 0.3
"""In decades: the next learning rates of the grid, a factor of two away, are already worse."""

OFTEN = 0.25
"""A larger share of diverged runs is worth a word."""

MOST_NAMES = 6
"""Of those who share a fate; the rest are counted."""

Label = Callable[[Candidate], str]
Windows = Mapping[str, LrWindow]


def reasons(
    outcome: Outcome,
    claims: Sequence[Claim],
    histories: Sequence[OptimizerHistory],
    costs: Costs,
    windows: Windows,
    label: Label,
    unit: str = "",
) -> list[str]:
    """One sentence each: rivals in confirmation, the lr window, then who fell before and where.

    Args:
        outcome: how confirmation ended.
        claims: what it found, see `claims_of`.
        histories: of the screened optimizers.
        costs: by candidate key.
        windows: flat windows of the learning rate by optimizer.
        label: a candidate's short name.
        unit: of the values, such as "s"; none for a loss.
    """
    unit = f" {unit}" if unit else ""
    confirmed = {candidate.optimizer for candidate in outcome.arms}
    fallen = [own for own in histories if own.optimizer not in confirmed]
    seen = outcome.recommended.optimizer in windows
    window = _low_side(outcome.recommended, windows)
    return [
        *_rivals(outcome, claims, costs, label, unit),
        *(window if seen else ()),
        *_fallen(fallen, windows, unit),
        *(() if seen else window),
    ]


# ---------------------------------------------------------------- confirmation


def _rivals(outcome: Outcome, claims: Sequence[Claim], costs: Costs, label: Label, unit: str) -> list[str]:
    """Who tied, who could not be told apart, who is probably behind, who lost: in this order."""
    tied, apart, ahead, lost = [], [], [], []
    for claim in claims:
        if claim.who.key == outcome.recommended.key and claim.who.key != outcome.leader.key:
            continue  # of a tie: the answer's sentence tells it
        rival = outcome.leader if claim.against.key == outcome.recommended.key else claim.against
        name = label(rival) + (" (the baseline)" if rival.key == outcome.baseline.key else "")
        told = _distance(claim, outcome, label, unit)
        match claim.relation:
            case Relation.EQUAL:
                tied.append(f"{name} had the same value on every seed.")
            case Relation.EQUIVALENT:
                verb = "tied" if outcome.verdict == "tie" else "is equal within the margin"
                tied.append(f"{name} {verb} and {_compared_in_cost(rival, outcome, costs)}.")
            case Relation.BETTER if rival.key == outcome.baseline.key and _is_told(outcome, claim):
                pass  # the answer's sentence says how far
            case Relation.BETTER:
                lost.append(f"{name} lost: {told}.")
            case Relation.DIVERGED:
                lost.append(f"{name} diverged on a fresh seed.")
            case Relation.AHEAD:
                ahead.append(f"{name}, {told}")
            case _:
                apart.append(f"{name}, {told}")
    return [*tied, *_open(apart, outcome), *_probably(ahead), *lost]


def _is_told(outcome: Outcome, claim: Claim) -> bool:
    return claim.who.key == outcome.recommended.key


def _open(apart: Sequence[str], outcome: Outcome) -> list[str]:
    if not apart:
        return []
    made = sum(len(outcome.values.get(arm.key, ())) for arm in outcome.arms)
    settle = more_trainings(outcome.trainings_needed, made)
    return [f"Not told apart: {'; '.join(apart)}{'. ' + settle if settle else ''}."]


def _probably(ahead: Sequence[str]) -> list[str]:
    """The interval of a pair says more than the test, which counts all pairs and looks."""
    if not ahead:
        return []
    return [f"Probably worse: {'; '.join(ahead)}. The test over all pairs asks for more seeds to be sure."]


def _distance(claim: Claim, outcome: Outcome, label: Label, unit: str) -> str:
    """`0.0045 behind (95 % interval −0.0069 to 0.016)`: how far the rival is behind."""
    if not math.isfinite(claim.estimate):
        return "a seed diverged"
    other = "" if claim.who.key == outcome.recommended.key else f" {label(claim.who)}"
    where = "" if claim.who.key == outcome.leader.key else f" after {plural(claim.seeds, 'seed')}"
    words = f"{difference(claim.estimate)}{unit} behind{other}{where}"
    if not (math.isfinite(claim.low) and math.isfinite(claim.high)):
        return words
    return f"{words} ({share(claim.level)} interval {interval(claim.low, claim.high, 2)})"


def _compared_in_cost(rival: Candidate, outcome: Outcome, costs: Costs) -> str:
    """What speaks for the recommended one, by the rule of ties: seconds, then state, then the lr window.

    Where the verdict is no tie, cost has chosen nobody, and the rival may be the cheaper.
    """
    if rival.key not in costs or outcome.recommended.key not in costs:
        return "costs the same"
    other, own = costs[rival.key], costs[outcome.recommended.key]
    equals = outcome.tied if outcome.verdict == "tie" else (outcome.recommended,)
    fastest = min(costs[c.key].seconds for c in (rival, *equals) if c.key in costs)
    slow, own_slow = (cost.seconds > COST_NOISE * fastest for cost in (other, own))
    if slow != own_slow:
        change = other.seconds / own.seconds - 1
        return f"costs {share(abs(change))} {'more' if slow else 'fewer'} seconds per step"
    if other.state_bytes != own.state_bytes:
        keeps = "is as fast, but keeps" if other.state_bytes > own.state_bytes else "is as fast, and keeps"
        if not own.state_bytes:
            return f"{keeps} state where the other has none"
        return f"{keeps} {rounded(other.state_bytes / own.state_bytes)} times the state"
    if other.window < own.window:
        seen = f"is narrower: {decades(other.window)} against {own.window:.1f}"
        return f"costs the same, but its lr window {seen if other.window else 'was not seen'}"
    return "costs the same"


# ---------------------------------------------------------------- the learning rate


def _low_side(recommended: Candidate, windows: Windows) -> list[str]:
    """How wide the window around the recommended rate is, and where in it that rate lies."""
    window, rate = windows.get(recommended.optimizer), recommended.hyperparameters.get("lr")
    if not isinstance(rate, int | float):
        return []
    name = optimizer_label(recommended.optimizer)
    if window is None or not window.low * 0.999 <= rate <= window.high * 1.001:
        return [
            f"How wide the lr window of {name} is was not seen: "
            f"too few rates near lr={setting(rate)} came far."
        ]
    edge = " at least" if window.open else ""
    words = f"{name} is equally good for lr {rounded(window.low)} to {rounded(window.high)},"
    words += f"{edge} {decades(window.decades)}"
    if window.decades < NARROW:
        words += ": choose it with care"
    elif math.log10(rate / window.low) <= window.decades / 3:
        words += "; the one to use is on the low, safe side"
    else:
        words += "; the low side is the safer one, as a rate too high blows up"
    if window.blow_up:
        words += f"; {share(window.blow_up)} of its screening runs diverged"
    return [words + "."]


# ---------------------------------------------------------------- before confirmation


def _fallen(fallen: Iterable[OptimizerHistory], windows: Windows, unit: str) -> list[str]:
    """Those who fell before confirmation, together by what they share, the latest first."""
    groups: dict[tuple[Fell, float, bool], list[OptimizerHistory]] = {}
    for own in sorted(fallen, key=lambda own: (-_lateness(own), -_seeds(own), own.behind)):
        reached = 1.0 if own.playoff else own.reached
        groups.setdefault((own.fell, reached, own.within), []).append(own)
    return [_fell(group, windows, unit) for group in groups.values()]


def _lateness(own: OptimizerHistory) -> float:
    return {Fell.PLAYOFF: 3.0, Fell.END: 2.0, Fell.RUNG: own.reached, Fell.LOST: -1.0}[own.fell]


def _seeds(own: OptimizerHistory) -> int:
    return own.playoff.seeds if own.playoff else 0


def _fell(group: Sequence[OptimizerHistory], windows: Windows, unit: str) -> str:
    first = group[0]
    names = listed([_remarked(own, windows) for own in group], MOST_NAMES)
    behind = _range([own.behind for own in group]) + unit
    at = f"at {fraction(first.reached)}"
    if first.fell is Fell.LOST:
        return f"{names} diverged in every run."
    if first.fell is Fell.PLAYOFF:
        return f"Fell in the play-off: {_out_played(group, windows, unit)}."
    if first.fell is Fell.END:
        return f"{names} came to the end of the race {behind} behind."
    if math.isnan(first.band):
        return f"{names} stopped {at}: {behind} behind."
    if first.within:
        return f"{names} stopped {at}: {behind} behind, in the band, but the budget paid for better ones."
    return f"{names} fell {at}: {behind} behind, band {difference(first.band)}{unit}."


def _out_played(group: Sequence[OptimizerHistory], windows: Windows, unit: str) -> str:
    """`SGD and Lion, 0.01 to 0.02 behind Adam over 3 seeds; ASGD, 0.1 behind Adam over 2 seeds`."""
    rounds: dict[tuple[int, str], list[OptimizerHistory]] = {}
    for own in group:
        best = own.playoff.best.optimizer if own.playoff and math.isfinite(own.behind) else ""
        rounds.setdefault((_seeds(own), best), []).append(own)
    words = []
    for (seeds, best), equals in rounds.items():
        names = listed([_remarked(own, windows) for own in equals], MOST_NAMES)
        if not best:
            words.append(f"{names}, diverged on a seed")
            continue
        over = plural(seeds, "seed")
        behind = _range([own.behind for own in equals]) + unit
        words.append(f"{names}, {behind} behind {optimizer_label(best)} over {over}")
    return "; ".join(words)


def _candidate(own: OptimizerHistory) -> str:
    """`RMSprop at lr=0.002`: what fell is a candidate, and no more is known of its optimizer."""
    name = optimizer_label(own.optimizer)
    known = own.playoff.candidate if own.playoff else own.leading.candidate if own.leading else None
    rate = known.hyperparameters.get("lr") if known else None
    if not isinstance(rate, int | float) or own.fell is Fell.LOST:
        return name
    return f"{name} at lr={setting(rate)}"


def _remarked(own: OptimizerHistory, windows: Windows) -> str:
    """The name, with what an optimizer that lost is most to blame for."""
    window, name = windows.get(own.optimizer), _candidate(own)
    if own.fell is Fell.LOST:
        return name
    if own.diverged > OFTEN * own.runs:
        return f"{name} ({own.diverged} of {own.runs} runs diverged)"
    if window and window.decades < NARROW and not window.open:
        return f"{name} (lr window {decades(window.decades)} wide)"
    return name


def _range(values: Sequence[float]) -> str:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "without a finite value"
    low, high = difference(min(finite)), difference(max(finite))
    return low if low == high else f"{low} to {high}"
