"""One study, from the question to the answer: look, screen, confirm, answer.

Each phase is a pure policy driven by the `Runner`; this file holds the order of the phases, and how the
budget is divided between them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from surefoot.engines.base import Engine
from surefoot.errors import InvalidInputError, NoRunSucceededError
from surefoot.path_names import check_path_name
from surefoot.scripts.runner import script_name
from surefoot.search.answer.answer import build_answer
from surefoot.search.answer.partial import confirmation_so_far
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.fastest.stopwatch import (
    LADDER_SEEDS,
    MARKS,
    Stopwatch,
    ladder_requests,
)
from surefoot.search.pilot import Pilot, fingerprint, summary, tariff
from surefoot.search.question import Question
from surefoot.search.race.playoff import Playoff, entrants
from surefoot.search.race.screening import SEED_STRIDE, Screening
from surefoot.search.runner import Runner, Watcher
from surefoot.search.space import candidates as space
from surefoot.search.space.advice import prior_order
from surefoot.search.space.prior_results import load_experience, usual_order
from surefoot.search.space.task_features import features_of
from surefoot.store import Store
from surefoot.store.environment import environment
from surefoot.study.answer import Answer
from surefoot.study.cost import Tariff
from surefoot.study.decisions import Decision, GivenUp, Ordered, Piloted, Promoted, RuledOut
from surefoot.study.direction import refuse_score
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.records import RunRecord
from surefoot.study.requests import Batch, Reading, Request, first_value_from
from surefoot.study.run import Candidate, Phase, Status
from surefoot.tasks import Task, load_task
from surefoot.training.own_files import remove_trunks, remove_unfinished
from surefoot.training.profile import look
from surefoot.training.snapshots import snapshots_folder
from surefoot.training.step_times import time_each

RACE_SHARE = 0.35
PLAYOFF_SHARE = 0.15
"""Half of the budget finds the finalists, half measures them.  The race gets more of its half, since a wrong
learning rate costs more than a wrong optimizer."""

FINALISTS = 4
"""Beside the baseline. Screening sees one seed, which on close tasks errs two times in five,
so as many go on as the rules allow."""

FLOOR_SEEDS = 3

PILOT_COST = 1.0
"""Full trainings that it takes to see what a script does."""

CURVE = tuple(number / 10 for number in range(1, 10))
"""Where a confirmed run is measured on its way, for its learning curve."""

OVERHEAD = 1.3
"""A run costs this much more than its steps: validation, cooldown branches, passing messages."""

QUIET_DECISIONS = (Promoted,)
"""Recorded, but not told while the race runs: what is still racing shows by itself."""


class Interrupted(KeyboardInterrupt):
    """Whoever asked has pressed Ctrl-C.

    Attributes:
        so_far: what is known at this point, in words; empty before there is anything.
    """

    def __init__(self, so_far: str) -> None:
        super().__init__(so_far)
        self.so_far = so_far


@dataclass(frozen=True)
class Budget:
    """The budget in full trainings.

    Attributes:
        total: for everything.
        race: for the race.
        playoff: for the play-off.
    """

    total: float
    race: float
    playoff: float


def choose_optimizer(
    question: Question,
    store: Store,
    engine: Engine,
    checkpoints: Path,
    watcher: Watcher,
    load: Callable[[str], Task] = load_task,
) -> Answer:
    """Answer a question, going on with its study where that was interrupted.

    Args:
        question: what is asked.
        store: where everything is recorded as it happens.
        engine: where runs are made.
        checkpoints: folder for the trunks of this study's runs; they are removed once there is an answer.
        watcher: who is kept informed.
        load: from the question's reference to the task, for what is measured in this process.

    Returns:
        The answer, which the store now holds.

    Raises:
        TaskError: the task is not one, or makes one of the frequent mistakes.
        StoreError: the study of this name answers another question.
        NoRunSucceededError: every run failed or diverged.
        Interrupted: in place of KeyboardInterrupt, with what is known so far.
        InvalidInputError: the question's study has no name.
    """
    check_path_name(question.study, "study")
    study = _Study(question, store, engine, checkpoints, watcher, load)
    for folder in (checkpoints, snapshots_folder(checkpoints)):
        remove_unfinished(folder)
    try:
        return study.answer()
    except KeyboardInterrupt as interruption:
        raise Interrupted(study.so_far()) from interruption


class _Study:
    def __init__(
        self,
        question: Question,
        store: Store,
        engine: Engine,
        checkpoints: Path,
        watcher: Watcher,
        load: Callable[[str], Task],
    ) -> None:
        self.question, self.load = question, load
        self.watcher = watcher
        self.started = time.monotonic()
        self.log = store.begin(question.study, question.task, question.settings, None, environment())
        record = self.log.record()
        self.finished = record.answer
        self.earlier = max((d.seconds for d in record.decisions), default=0.0)
        self.stored_profile = record.profile
        self.engine = engine
        self.checkpoints = checkpoints
        self.measure = ""
        self.unit = ""  # of the values that a policy is told, where it is not the measure
        self.screening: Screening | None = None
        self.confirmation: Confirmation | None = None
        self.stopwatch: Stopwatch | None = None
        self.tariff = Tariff()

    def so_far(self) -> str:
        """The best answer at this moment, with how sure it is."""
        confirmed = self.confirmation and confirmation_so_far(
            self.confirmation, self.measure, candidate_label
        )
        return confirmed or (self.screening.so_far(self.measure) if self.screening else "")

    def answer(self) -> Answer:
        if self.finished is not None:
            self.watcher.phase("show a finished study again")
            self._remove_checkpoints()  # it may have been killed before
            return self.finished
        profile = self._look()
        self.measure = profile.measure
        budget = self._budget(profile)
        runner = Runner(
            self.question.task,
            self.engine,
            self.log,
            self.checkpoints,
            self.watcher,
            candidate_label,
            budget.total,
            self._decide,
            command=self.question.script,
            steps=profile.steps if self.question.script else 0.0,
            tariff=self.tariff,
            spent=PILOT_COST if self.question.script else 0.0,
            snapshots=self._snapshots,
        )
        names = self._rule_out(profile)
        if self.question.goal == "fastest":
            names, profile = self._time_steps(names, profile)
            self.stopwatch = self._watch_the_baseline(runner, profile)
        # A screening run is measured at its rungs, cooled down; a confirmed one is watched all along.
        screening = self.stopwatch.screening if self.stopwatch else Reading()
        confirmation = self.stopwatch.confirmation if self.stopwatch else Reading(CURVE)
        if self.question.script:  # which measures where it likes
            screening = confirmation = Reading(told=first_value_from)
        race = self._race(runner, screening, names, profile, budget)
        finalists = self._play_off(runner, screening, race, budget)
        confirmed = self._confirm(runner, confirmation, profile, finalists, budget)
        decisions = self.log.record().decisions
        answer = build_answer(
            self.question, profile, runner.records(), decisions, confirmed, self._seconds(), self.stopwatch
        )
        self.log.finish(answer)
        self._remove_checkpoints()
        return answer

    def _remove_checkpoints(self) -> None:
        """There is an answer: no run goes on any more."""
        remove_trunks(self.checkpoints)

    def _look(self) -> TaskProfile:
        """What the task is; on resuming, make sure that it is still the same."""
        if self.question.script:
            return self._pilot()
        self.watcher.phase("look")
        task = self.load(self.question.task)
        refuse_score(task.name, task.measure)
        profile = look(task)
        if self.stored_profile:
            if self.stored_profile.fingerprint != profile.fingerprint:
                raise InvalidInputError(
                    f"the task {self.question.task!r} has changed since study {self.question.study!r} began "
                    "(its model, data, steps or measure): use another --study name"
                )
            return self.stored_profile
        # The order is kept, since a resumed study must look in the same one though more is known by then.
        order = prior_order(task.name, features_of(profile), load_experience(), self.question.names)
        profile = replace(profile, workers=self.engine.slots, order=tuple(order))
        self.log.set_profile(profile)
        return profile

    def _pilot(self) -> TaskProfile:
        """What the script is, from one run of it; on resuming, make sure that its file is still the same."""
        question, profile = self.question, self.stored_profile
        if profile and profile.fingerprint != fingerprint(question.script):
            raise InvalidInputError(
                f"{script_name(question.script)} has changed since study {question.study!r} began: "
                "use another --study name"
            )
        if not profile:
            self.watcher.phase("pilot: the baseline once, to see how the script trains and reports")
            pilot = Pilot(question, self._race_seed, self.engine, self.log, self.checkpoints, self.watcher)
            profile = pilot.profile()
            self.log.set_profile(profile)
        assert profile.pilot is not None
        self.tariff = tariff(profile.pilot)
        baseline = candidate_label(self._reference(profile))
        self._decide(Piloted(summary(profile.pilot, profile.steps, baseline)))
        return profile

    def _budget(self, profile: TaskProfile) -> Budget:
        """In full trainings; from the stored profile, so that a resumed study divides it alike."""
        question = self.question
        total = question.runs
        if total is None:
            assert question.budget_seconds is not None
            steps = OVERHEAD * profile.seconds_per_step * profile.steps
            per_run = profile.pilot.seconds if profile.pilot else steps
            total = question.budget_seconds * profile.workers / per_run
            total = float(f"{total:.2g}")
        fewest = 2.0 * (FINALISTS + 1) + self._floor_seeds
        if question.goal == "fastest":
            fewest += LADDER_SEEDS
        if question.script:
            fewest = 2.0 * (min(FINALISTS, len(question.names)) + 1) + 1 + PILOT_COST
        return Budget(max(total, fewest), max(1.0, RACE_SHARE * total), PLAYOFF_SHARE * total)

    def _rule_out(self, profile: TaskProfile) -> list[str]:
        """The optimizers worth trying; the others are named with the reason."""
        asked = [*self.question.names, *(c.optimizer for c in self.question.extra)]
        names = list(dict.fromkeys(asked))
        in_script = bool(self.question.script)
        out = space.rule_out(names, profile.sparse, profile.model.not_matrices, in_script=in_script)
        for ruled in out:
            self._decide(RuledOut(ruled.reason, ruled.optimizer))
        left = [name for name in names if name not in {ruled.optimizer for ruled in out}]
        if not left:
            raise InvalidInputError(out[0].reason)
        return left

    def _time_steps(self, names: list[str], profile: TaskProfile) -> tuple[list[str], TaskProfile]:
        """What a step costs with each optimizer; those that cannot take one are ruled out."""
        if not profile.timed:
            self.watcher.phase("time a step of each optimizer")
            grid = self._grid(names, profile)
            usual = [space.usual_candidate(name, grid) for name in space.usual_lines(grid)]
            others = [space.floor(self.question.plan), self._reference(profile)]
            timed = {candidate.optimizer: candidate for candidate in [*others, *usual]}
            times, failed = time_each(self.load(self.question.task), list(timed.values()))
            profile = replace(profile, step_times=times, untimed=failed)
            self.log.set_profile(profile)
        for name, reason in profile.untimed.items():
            self._decide(RuledOut(f"{name} cannot take a step here: {reason}", name))
        if not (left := [name for name in names if name in profile.step_times]):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in profile.untimed.items())
            raise NoRunSucceededError(f"no optimizer can take a step here: {reasons}")
        return left, profile

    def _watch_the_baseline(self, runner: Runner, profile: TaskProfile) -> Stopwatch:
        """The target, and the baseline's progress towards it."""
        question = self.question
        reference = self._reference(profile)
        self.watcher.phase("train the baseline, for the target")
        first_seed = question.seed * SEED_STRIDE + SEED_STRIDE // 4
        runner.drive(Batch(ladder_requests(reference, first_seed)), Reading(MARKS))
        trainings = [
            run for run in runner.records() if (run.phase, run.status) == (Phase.LADDER, Status.COMPLETED)
        ]
        times = {name: step.seconds for name, step in profile.step_times.items()}
        stopwatch = Stopwatch.of(trainings, times, question.baseline, int(profile.steps), question.target)
        text = stopwatch.explain(candidate_label(reference), profile.measure)
        self._decide(stopwatch.ladder.decision(text))
        self.measure, self.unit = stopwatch.measure(self.measure), " (values: seconds to the target)"
        return stopwatch

    def _grid(self, names: list[str], profile: TaskProfile) -> list[Candidate]:
        """What is raced of these optimizers, with the user's own candidates."""
        question, sparse = self.question, bool(profile.sparse)
        raced = [name for name in names if name in question.names]
        grid = space.candidates(raced, question.plan, question.constraints, sparse=sparse)
        return grid + [c for c in question.extra if c.optimizer in names and c not in grid]

    def _reference(self, profile: TaskProfile) -> Candidate:
        """The baseline."""
        return space.baseline(self.question.baseline, self.question.plan, sparse=bool(profile.sparse))

    def _race(
        self, runner: Runner, reading: Reading, names: list[str], profile: TaskProfile, budget: Budget
    ) -> Screening:
        self.watcher.phase("screen" + self.unit)
        question, grid = self.question, self._grid(names, profile)
        first = [candidate for candidate in question.extra if candidate in grid]
        marks = profile.pilot.marks if profile.pilot else ()
        order = [name for name in profile.order if name in names]
        if order != usual_order(order):
            text = f"Looked at first, by what did well on similar tasks: {', '.join(order[:4])}."
            self._decide(Ordered(text, tuple(order)))
        screening = Screening(
            grid, budget.race, question.seed, self._decide, first, marks, self.tariff, order
        )
        self.screening = screening
        runner.drive(screening, reading)
        screening.pass_on_decisions()
        if not screening.finalists(1):
            raise self._none_succeeded(runner.records())
        return screening

    def _play_off(self, runner: Runner, reading: Reading, race: Screening, budget: Budget) -> list[Candidate]:
        """The finalists: from a play-off where the budget pays for more candidates than go on."""
        best = race.finalists(entrants(budget.playoff))
        if len(best) <= FINALISTS:
            return race.finalists(FINALISTS)
        self.watcher.phase("play off the best of each optimizer" + self.unit)
        playoff = Playoff(best, race.seed, budget.playoff, candidate_label, self._decide)
        runner.drive(playoff, reading)
        return playoff.finalists(FINALISTS) or race.finalists(FINALISTS)

    def _confirm(
        self,
        runner: Runner,
        reading: Reading,
        profile: TaskProfile,
        finalists: list[Candidate],
        budget: Budget,
    ) -> Confirmation:
        self.watcher.phase("confirm on fresh seeds" + self.unit)
        question, margin, reference = self.question, self.question.margin, self._reference(profile)
        finalists = [c for c in finalists if c.key != reference.key]
        left = budget.total - runner.spent - self._floor_seeds
        if self.stopwatch:
            left /= self.stopwatch.share(finalists, runner.records())
            margin = margin or self.stopwatch.margin(finalists, runner.records())
        confirmation = Confirmation(
            finalists,
            reference,
            space.floor(question.plan),
            runs=math.floor(left) + self._floor_seeds,
            first_seed=self._first_confirmed_seed,
            floor_seeds=self._floor_seeds,
            margin=margin,
            label=candidate_label,
            decide=self._decide,
        )
        self.confirmation = confirmation
        runner.drive(confirmation, reading)
        measured = [run for run in runner.records() if run.phase == Phase.CONFIRM]
        if all(run.lost for run in measured):
            raise self._none_succeeded(measured)
        return confirmation

    def _decide(self, decision: Decision) -> None:
        self.log.decide(decision, self._seconds())
        if not isinstance(decision, QUIET_DECISIONS):
            self.watcher.decision(decision.text)

    def _none_succeeded(self, runs: Sequence[RunRecord]) -> NoRunSucceededError:
        reason = next((f"; one of them: {run.message}" for run in runs if run.message), "")
        text = f"none of {len(runs)} runs succeeded{reason}"
        self._decide(GivenUp(f"Given up: {text}"))
        return NoRunSucceededError(text)

    @property
    def _floor_seeds(self) -> int:
        """None in a script: random search needs the loss at every try, and a script has it once a step."""
        return 0 if self.question.script else FLOOR_SEEDS

    @property
    def _race_seed(self) -> int:
        """What screening draws with, and a script's pilot before it."""
        return self.question.seed * SEED_STRIDE

    @property
    def _first_confirmed_seed(self) -> int:
        return self.question.seed * SEED_STRIDE + SEED_STRIDE // 2

    def _snapshots(self, request: Request) -> str | None:
        """The finalists' paths from one start are kept, where the task or the script asks for it."""
        if (request.phase, request.seed) != (Phase.CONFIRM, self._first_confirmed_seed):
            return None
        return str(snapshots_folder(self.checkpoints).absolute())

    def _seconds(self) -> float:
        return self.earlier + time.monotonic() - self.started
