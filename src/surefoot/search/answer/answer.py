"""The answer: what was found, in numbers and in words, from what was recorded."""

from __future__ import annotations

import math
import statistics as descriptive
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from surefoot.analysis.claim_words import best_of_the_rest, far_out
from surefoot.analysis.lr_windows import NARROWEST, furthest, rate_windows, window_around
from surefoot.analysis.race_history import race_history
from surefoot.scripts.runner import script_name
from surefoot.search.answer.before_confirmation import RaceStanding
from surefoot.search.answer.before_confirmation import reasons as reasons_unconfirmed
from surefoot.search.answer.before_confirmation import sentence as sentence_unconfirmed
from surefoot.search.answer.claims import claims_of
from surefoot.search.answer.forecasts import forecast_of, worth
from surefoot.search.answer.reasons import reasons
from surefoot.search.answer.sentences import against_the_baseline, headline
from surefoot.search.answer.snippet import snippet
from surefoot.search.answer.unconfirmed import best_unconfirmed, values_at_the_end
from surefoot.search.confirm.alpha_spending import alpha_until
from surefoot.search.confirm.confirmation import Confirmation, Cost, Costs, Outcome
from surefoot.search.fastest.sentences import Times
from surefoot.search.fastest.stopwatch import Stopwatch
from surefoot.study.answer import (
    Answer,
    CandidateResult,
    Effect,
    Interval,
    Level,
    LrWindow,
    Recommendation,
    Verdict,
    turned,
)
from surefoot.study.claims import Claim, Outlying, Unconfirmed
from surefoot.study.codec import as_tuples
from surefoot.study.decisions import Resumed, RuledOut
from surefoot.study.direction import Direction
from surefoot.study.format import number
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Candidate, Phase

Windows = Mapping[str, LrWindow]
Means = Mapping[str, Interval]


def _windows(runs: Sequence[RunRecord], ahead: Sequence[float], initial: float | None) -> Windows:
    """The flat windows of the learning rate by optimizer, wide as the leader's confirmed results spread."""
    found = rate_windows(runs, _deviation(ahead), _mean(ahead), initial)
    return {name: window for name, window in found.items() if window.decades >= NARROWEST}


def _with_own(
    windows: Windows,
    candidate: Candidate,
    runs: Sequence[RunRecord],
    ahead: Sequence[float],
    initial: float | None,
) -> Windows:
    """The window of the recommended optimizer is that of the recommended settings, or none is told."""
    own = window_around(candidate, runs, _deviation(ahead), _mean(ahead), initial)
    others = {name: window for name, window in windows.items() if name != candidate.optimizer}
    return others | ({candidate.optimizer: own} if own else {})


def _costs(runs: Iterable[RunRecord], windows: Windows) -> Costs:
    """Median seconds per step, bytes of state and the width of the lr window, by candidate."""
    found: dict[str, list[RunRecord]] = {}
    for run in runs:
        if math.isfinite(run.seconds_per_step):
            found.setdefault(run.candidate.key, []).append(run)
    return {
        key: Cost(
            descriptive.median(r.seconds_per_step for r in of_one),
            max(r.state_bytes for r in of_one),
            windows[of_one[0].optimizer].decades if of_one[0].optimizer in windows else 0.0,
        )
        for key, of_one in found.items()
    }


@dataclass(frozen=True)
class Evidence:
    """All that a study holds when it answers.

    Attributes:
        question: what was asked.
        profile: of the task.
        runs: every run of the study, in any order.
        decisions: every decision of the study.
        seconds: the study took, over all its sittings.
        stopwatch: where the goal is the least time; every value and difference is then in seconds.
    """

    question: Question
    profile: TaskProfile
    runs: Sequence[RunRecord]
    decisions: Sequence[DecisionRecord]
    seconds: float
    stopwatch: Stopwatch | None = None

    @cached_property
    def times(self) -> Times | None:
        """What reads values as times; None where the goal is another."""
        if self.stopwatch is None:
            return None
        compiling = {name: step.compile_seconds for name, step in self.profile.step_times.items()}
        return Times(self.stopwatch, self._ordered, self.profile.measure, compiling, candidate_label)

    @cached_property
    def compared(self) -> Sequence[RunRecord]:
        """The runs with the values that are compared, whatever the order of arrival."""
        return self.times.in_seconds() if self.times else self._ordered

    @property
    def measure(self) -> str:
        """Of the values that are compared."""
        return self.times.measure if self.times else self.profile.measure

    @property
    def direction(self) -> Direction:
        """Which way of them is better."""
        return Direction.MINIMIZE if self.times else self.profile.direction

    @cached_property
    def _ordered(self) -> list[RunRecord]:
        return sorted(self.runs, key=lambda run: (run.phase, run.candidate.key, run.seed))

    def answer(
        self, verdict: Verdict, sentence: str, recommended: Candidate, baseline: Candidate, means: Means
    ) -> Answer:
        """What every answer says, whatever it rests on."""
        return Answer(
            study=self.question.study,
            task=self.question.task,
            goal=self.question.goal,
            target=self.times.target if self.times else None,
            measure=self.measure,
            verdict=verdict,
            sentence=sentence,
            recommendation=recommendation(recommended, int(self.profile.steps)),
            baseline=baseline,
            candidates=_candidates(self.compared, means, self.times),
            runs=len(self.runs),
            seconds=self.seconds,
            command=self.question.command,
            direction=self.direction,
        )


def build_answer(known: Evidence, confirmation: Confirmation) -> Answer:
    """The answer of a study that has nothing left to ask.

    Args:
        known: all that the study holds.
        confirmation: with nothing left to ask.
    """
    question, profile, decisions = known.question, known.profile, known.decisions
    times, runs, measure, direction = known.times, known.compared, known.measure, known.direction
    initial = None if times or profile.initial_value is None else direction.told(profile.initial_value)
    told = [_told(run, direction) for run in runs]
    flat = _windows(told, confirmation.ahead, initial)
    cost = _costs(runs, flat)
    dropped = {} if times else values_at_the_end(told, confirmation.arms.values())
    outcome = confirmation.outcome(cost, dropped)
    recommended, unit = outcome.recommended, "s" if times else ""
    flat = _with_own(flat, recommended, told, confirmation.ahead, initial)
    claims = claims_of(outcome, relative=direction is Direction.MINIMIZE)
    means = {key: turned(mean, direction) for key, mean in outcome.means.items()}
    left = best_unconfirmed(question, runs, decisions, outcome.arms, recommended, direction)
    histories = race_history(runs, decisions, direction=direction).optimizers
    why = reasons(outcome, claims, histories, cost, flat, candidate_label, unit)
    against = times.against(outcome) if times else _against(outcome, means, claims, measure, direction)
    effect = turned(outcome.effect, direction)
    outlying = _outlying(outcome, direction)
    sentence = " ".join(filter(None, [_sentence(outcome, claims), against, _left_out(left, unit)]))
    return replace(
        known.answer(Verdict(outcome.verdict), sentence, recommended, outcome.baseline, means),
        why=(
            *_deaf_to_seeds(question, runs),
            *_constant(outcome, measure, direction),
            *(f"{far_out(one, candidate_label(one.candidate), unit)}." for one in outlying),
            *why,
            *_resumed(decisions),
            *(times.notes(outcome) if times else ()),
            *_never_tried(decisions),
        ),
        effect=Effect(
            effect.estimate, effect.low, effect.high, effect.level, times.ratio(outcome) if times else None
        ),
        margin=outcome.margin,
        p_best=outcome.p_best,
        p_best_confirmed=outcome.p_best_confirmed,
        contenders=outcome.contenders,
        expected_regret=outcome.expected_regret,
        minimum_detectable_difference=outcome.minimum_detectable_difference,
        trainings_needed=outcome.trainings_needed,
        pairing=outcome.pairing,
        lr_windows=flat,
        claims=claims,
        unconfirmed=left,
        outlying=outlying,
        false_rate=alpha_until(len(question.earlier)),
    )


def build_unconfirmed(
    known: Evidence, standing: RaceStanding, prior: Candidate, baseline: Candidate, further: Sequence[str]
) -> Answer:
    """The answer of a study that ended before anything was confirmed.

    Args:
        known: all that the study holds.
        standing: what the search knows.
        prior: what to use where nothing was measured.
        baseline: what was compared with, or would have been.
        further: what a stronger answer costs, in sentences.
    """
    best = standing.best.candidate if standing.best else prior
    ahead = None
    if standing.level is Level.FORECAST and not known.times:
        ahead = forecast_of(standing, relative=known.direction is Direction.MINIMIZE)
    sentence = sentence_unconfirmed(standing, prior, known.measure)
    return replace(
        known.answer(Verdict.BUDGET, sentence, best, baseline, {}),
        why=(
            *reasons_unconfirmed(standing, worth(ahead) if ahead else ()),
            *further,
            *_resumed(known.decisions),
            *_never_tried(known.decisions),
        ),
        level=standing.level,
        forecast=ahead,
    )


def recommendation(candidate: Candidate, steps: int) -> Recommendation:
    """A candidate with the code to paste, for a training of so many steps."""
    code = snippet(candidate, steps)
    settings = as_tuples(candidate.hyperparameters)
    return Recommendation(candidate.optimizer, settings, candidate.schedule, code)


def _sentence(outcome: Outcome, claims: Sequence[Claim]) -> str:
    """Who is recommended, by which right, and beside whom it was measured."""
    return headline(outcome.verdict, claims, outcome.recommended, outcome.baseline, candidate_label)


def _told(run: RunRecord, direction: Direction) -> RunRecord:
    """A run with the values that are minimised."""
    if direction is Direction.MINIMIZE:
        return run
    return replace(run, points=tuple(replace(p, value=direction.told(p.value)) for p in run.points))


def _against(
    outcome: Outcome,
    means: Mapping[str, Interval],
    claims: Sequence[Claim],
    measure: str,
    direction: Direction,
) -> str:
    """How much better than the baseline the recommendation is."""
    best, base = outcome.recommended, outcome.baseline
    both = means[best.key].estimate, means[base.key].estimate
    return against_the_baseline(claims, best, base, both, measure, candidate_label, direction)


def _left_out(found: Unconfirmed | None, unit: str) -> str:
    """The best value that nobody confirmed, with what became of it."""
    if found is None:
        return ""
    return f"{best_of_the_rest(found, candidate_label(found.candidate), unit)}."


def _constant(outcome: Outcome, measure: str, direction: Direction) -> list[str]:
    """Every candidate measured the same on every seed: the measure does not see what is trained."""
    values = {value for arm in outcome.arms for value in outcome.values[arm.key]}
    if len(outcome.arms) < 2 or len(values) != 1 or not all(map(math.isfinite, values)):
        return []
    return [
        f"The {measure} was {number(direction.own(values.pop()))} in every run on fresh seeds: it does not "
        "depend on what was trained. Check what validate() measures."
    ]


def _outlying(outcome: Outcome, direction: Direction) -> tuple[Outlying, ...]:
    """What is compared as less far out than it is, in the user's own values."""
    return tuple(
        Outlying(arm, direction.own(found.value), direction.own(found.counted), len(outcome.values[arm.key]))
        for arm in outcome.arms
        for found in outcome.outliers.get(arm.key, ())
    )


def _deaf_to_seeds(question: Question, runs: Iterable[RunRecord]) -> list[str]:
    """A script that seeds itself alike in every run: its seeds say nothing of chance."""
    ends: dict[str, list[float]] = {}
    for run in runs:
        if run.phase == Phase.CONFIRM and (value := _last_value(run)) is not None:
            ends.setdefault(run.candidate.key, []).append(value)
    several = [values for values in ends.values() if len(values) > 1]
    if not question.script or not several or any(len(set(values)) > 1 for values in several):
        return []
    return [
        f"Every seed ended alike, so nothing here says what chance does: {script_name(question.script)} "
        "seeds itself with a constant. Let it use surefoot.run.seed(), and choose under another --study name."
    ]


def _resumed(decisions: Iterable[DecisionRecord]) -> list[str]:
    """That the study was given more budget, and what it had found before."""
    return [record.text for record in decisions if isinstance(record.decision, Resumed)]


def _never_tried(decisions: Iterable[DecisionRecord]) -> list[str]:
    texts = [record.text.rstrip(".") for record in decisions if isinstance(record.decision, RuledOut)]
    return [f"Not tried: {'; '.join(texts)}."] if texts else []


def _candidates(
    runs: Sequence[RunRecord], means: Mapping[str, Interval], times: Times | None
) -> tuple[CandidateResult, ...]:
    """Every candidate by phase, with one value per seed: that at the furthest progress.

    A confirmed one has its mean with the interval too; with the goal "fastest" there are its times.
    """
    groups: dict[tuple[Phase, str], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault((run.phase, run.candidate.key), []).append(run)
    return tuple(
        _candidate(
            phase,
            sorted(group, key=lambda r: r.seed),
            means.get(key) if phase == Phase.CONFIRM else None,
            times.of_candidate(phase, group[0].optimizer, key) if times else {},
        )
        for (phase, key), group in sorted(groups.items())
    )


def _candidate(
    phase: Phase, runs: Sequence[RunRecord], mean: Interval | None, times: Mapping[str, Any]
) -> CandidateResult:
    speeds = [run.seconds_per_step for run in runs if math.isfinite(run.seconds_per_step)]
    return CandidateResult(
        label=candidate_label(runs[0].candidate),
        optimizer=runs[0].optimizer,
        hyperparameters=as_tuples(runs[0].candidate.hyperparameters),
        schedule=runs[0].candidate.schedule,
        phase=phase,
        seeds=tuple(run.seed for run in runs),
        progress=furthest(runs),
        values=tuple(_last_value(run) for run in runs),
        seconds_per_step=descriptive.median(speeds) if speeds else None,
        state_bytes=max(run.state_bytes for run in runs),
        diverged=sum(run.lost for run in runs),
        mean=mean.estimate if mean else None,
        low=mean.low if mean else None,
        high=mean.high if mean else None,
        **times,
    )


def _last_value(run: RunRecord) -> float | None:
    healthy = run.points and not run.lost and math.isfinite(run.points[-1].value)
    return run.points[-1].value if healthy else None


def _mean(values: Sequence[float]) -> float:
    """Over the seeds that did not diverge; nan of none."""
    healthy = [value for value in values if math.isfinite(value)]
    return descriptive.fmean(healthy) if healthy else math.nan


def _deviation(values: Sequence[float]) -> float:
    healthy = [value for value in values if math.isfinite(value)]
    return descriptive.stdev(healthy) if len(healthy) > 1 else 0.0
