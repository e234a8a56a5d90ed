"""One study, from the question to the answer: look, screen, confirm, answer.

Each phase is a pure policy driven by the `Runner`; this file holds the order of the phases.  How the budget
is divided between them is arithmetic (`budget`), and the clock has the last word (`deadline`): whatever phase
it ends in, the study answers from what was measured until then.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from surefoot.engines.base import Engine, WarmsUp
from surefoot.errors import InvalidInputError, NoRunSucceededError
from surefoot.path_names import check_path_name
from surefoot.scripts.runner import script_name
from surefoot.search.answer.answer import build_answer, build_unconfirmed
from surefoot.search.answer.before_confirmation import Standing
from surefoot.search.answer.partial import confirmation_so_far
from surefoot.search.budget import (
    DEAREST,
    FINALISTS,
    Budget,
    divide,
    finalists_for,
    price_in_words,
    shortest_rung,
    what_it_buys,
)
from surefoot.search.confirm.confirmation import FEWEST_SEEDS, Confirmation
from surefoot.search.deadline import Deadline
from surefoot.search.fastest.stopwatch import (
    LADDER_SEEDS,
    MARKS,
    Stopwatch,
    ladder_requests,
)
from surefoot.search.pace import Pace
from surefoot.search.pilot import Pilot, TimeIsUpError, fingerprint, summary, tariff
from surefoot.search.question import Question
from surefoot.search.race.bracketing import MOST_ENTRANTS, Bracketing
from surefoot.search.race.bracketing import entrants as bracketed
from surefoot.search.race.playoff import Playoff, entrants
from surefoot.search.race.screening import SEED_STRIDE, Screening
from surefoot.search.runner import Runner, Watcher
from surefoot.search.space import candidates as space
from surefoot.search.space.advice import prior_order
from surefoot.search.space.prior_results import load_experience, usual_order
from surefoot.search.space.task_features import features_of
from surefoot.store import Store
from surefoot.store.environment import environment
from surefoot.study.answer import Answer, Level
from surefoot.study.cost import Tariff
from surefoot.study.decisions import Budgeted, Decision, GivenUp, Ordered, Paused, Piloted, Promoted, RuledOut
from surefoot.study.direction import refuse_score
from surefoot.study.format import plural, seconds
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.requests import Batch, Reading, Request, first_value_from
from surefoot.study.run import Candidate, Phase, Schedule, Status
from surefoot.tasks import Task, load_task
from surefoot.training.own_files import remove_trunks, remove_unfinished
from surefoot.training.profile import look
from surefoot.training.snapshots import snapshots_folder
from surefoot.training.step_times import time_each

PILOT_COST = 1.0
"""Full trainings that it takes to see what a script does."""

CURVE = tuple(number / 10 for number in range(1, 10))
"""Where a confirmed run is measured on its way, for its learning curve."""

OVERHEAD = 1.15
"""A run costs this much more than its steps: validation, cooldown branches, passing messages."""

SLACK = 1.25
"""The race may take this many times its share of the time: at the ends of its rounds, workers wait."""

ROUNDING = 1e-9
TINY = 1e-9
"""In full trainings: a race needs a budget, though it may be too small for any run."""

PLANNED_SHARE = 0.95
"""Of the time left, as much is planned with: a confirmation that is cut short has seeds that do not count."""

QUIET_DECISIONS = (Promoted,)
"""Recorded, but not told while the race runs: what is still racing shows by itself."""


class Interrupted(KeyboardInterrupt):
    """Whoever asked has pressed Ctrl-C.

    Attributes:
        so_far: what is known at this point, in words; empty before there is anything.
        answer: what the study would have answered, had its budget ended here; None before the look.
    """

    def __init__(self, so_far: str, answer: Answer | None = None) -> None:
        super().__init__(so_far)
        self.so_far, self.answer = so_far, answer


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
        study.pause()
        raise Interrupted(study.so_far(), study.answer_so_far()) from interruption


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
        self.earlier = max([0.0, *(d.seconds for d in record.decisions), _least_seconds(record)])
        self.planned = [d for d in record.decisions if isinstance(d.decision, Budgeted)]
        self.stored_profile = record.profile
        self.engine = engine
        self.checkpoints = checkpoints
        self.measure = ""
        self.unit = ""  # of the values that a policy is told, where it is not the measure
        self.screening: Screening | None = None
        self.confirmation: Confirmation | None = None
        self.stopwatch: Stopwatch | None = None
        self.tariff = Tariff()
        self.deadline = Deadline.of(question.budget_seconds, self._seconds)
        self.pace = Pace(math.nan)
        self.profile: TaskProfile | None = None
        self.budget = Budget(0.0, 0.0)
        self.runner: Runner | None = None
        self.names: list[str] = []  # of the optimizers that are raced
        self.ranked: list[Candidate] | None = None  # by the play-off; None: by the race

    def pause(self) -> None:
        """Note when, so that what was spent counts when the study goes on."""
        if self.profile is not None:
            made = plural(len(self.runner.records()) if self.runner else 0, "run")
            text = f"Stopped by whoever asked after {seconds(self._seconds())} and {made}."
            self.log.decide(Paused(text), self._seconds())

    def so_far(self) -> str:
        """The best answer at this moment, with how sure it is."""
        confirmed = self.confirmation and confirmation_so_far(
            self.confirmation, self.measure, candidate_label
        )
        if told := confirmed or (self.screening.so_far(self.measure) if self.screening else ""):
            return told
        answer = self.answer_so_far()
        return f"So far: {answer.sentence}" if answer and answer.level is not Level.PRIOR else ""

    def answer(self) -> Answer:
        if self.finished is not None:
            self.watcher.phase("show a finished study again")
            self._remove_checkpoints()  # it may have been killed before
            return self.finished
        try:
            profile = self.profile = self._look()
            _check_steps(self.question, profile)
            self.names = self._rule_out(profile)
            budget = self.budget = self._budget(profile)
        except TimeIsUpError:
            name, workers = script_name(self.question.script), self.engine.slots
            profile = self.profile = TaskProfile(name, 0, self.question.measure, workers=workers)
            self.names = self._rule_out(profile)
            budget = self.budget
        self.measure = profile.measure
        runner = self.runner = Runner(
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
            deadline=self.deadline,
            pace=self.pace,
        )
        confirmed = self._search(runner, profile, budget) if budget.total else None
        answer = self._confirmed(confirmed) if confirmed else self._unconfirmed()
        self.log.finish(answer)
        self._remove_checkpoints()
        return answer

    def answer_so_far(self) -> Answer | None:
        """The answer, had the budget ended here; nothing is recorded of it."""
        if self.profile is None or self.runner is None or not self.names:
            return None
        if self.confirmation is not None:
            self.confirmation.decide = lambda decision: None
            if self.confirmation.close():
                return self._confirmed(self.confirmation)
        return self._unconfirmed()

    def _search(self, runner: Runner, profile: TaskProfile, budget: Budget) -> Confirmation | None:
        """Every phase after the look; None where the budget ends before anything is confirmed."""
        if self.question.goal == "fastest":
            self.names, profile = self._time_steps(self.names, profile)
            self.profile, self.stopwatch = profile, self._watch_the_baseline(runner, profile)
            if self.stopwatch is None:
                return None
        # A screening run is measured at its rungs, cooled down; a confirmed one is watched all along.
        screening = self.stopwatch.screening if self.stopwatch else Reading()
        confirmation = self.stopwatch.confirmation if self.stopwatch else Reading(CURVE)
        if self.question.script:  # which measures where it likes
            screening = confirmation = Reading(told=first_value_from)
        if budget.baseline:
            self.watcher.phase("train the baseline, to compare with")
            runner.drive(Batch([self._on_race_seed(self._reference(profile))]), screening)
        race = self._race(runner, screening, profile, budget)
        finalists = self.ranked = self._play_off(runner, screening, race, budget)
        confirmed = self._confirm(runner, confirmation, profile, race, finalists, budget)
        if confirmed is None:
            self._measure(runner, screening, race, profile)
        return confirmed

    def _confirmed(self, confirmation: Confirmation) -> Answer:
        assert self.profile is not None
        assert self.runner is not None
        return build_answer(
            self.question,
            self.profile,
            self.runner.records(),
            self.log.record().decisions,
            confirmation,
            self._seconds(),
            self.stopwatch,
        )

    def _unconfirmed(self) -> Answer:
        """From one seed, or from what is known of other tasks."""
        profile, runner = self.profile, self.runner
        assert profile is not None
        assert runner is not None
        runs = runner.records()
        in_units = [self.stopwatch.in_seconds(run) for run in runs] if self.stopwatch else runs
        ranked = self.ranked
        if ranked is None:
            ranked = self.screening.finalists(FINALISTS) if self.screening else []
        reference = self._reference(profile)
        standing = Standing.of(in_units, ranked, reference, self._race_seed)
        given = self.question.budget_seconds
        setup = self.deadline.elapsed if runner.setup is None else runner.setup
        further = price_in_words(
            standing.level,
            self.budget,
            self._training_seconds(),
            profile.workers,
            None if given is None else setup,
            given,
        )
        return build_unconfirmed(
            self.question,
            profile,
            runs,
            self.log.record().decisions,
            standing,
            self._prior(profile),
            reference,
            [further] if further else [],
            self._seconds(),
            self.stopwatch,
        )

    def _prior(self, profile: TaskProfile) -> Candidate:
        """What other tasks suggest."""
        order = [name for name in profile.order if name in self.names] or usual_order(self.names)
        return space.usual_candidate(order[0], self._grid(order[:1], profile))

    def _remove_checkpoints(self) -> None:
        """There is an answer: no run goes on any more."""
        remove_trunks(self.checkpoints)

    def _look(self) -> TaskProfile:
        """What the task is; on resuming, make sure that it is still the same."""
        if self.question.script:
            return self._pilot()
        task = self.load(self.question.task)
        refuse_score(task.name, task.measure)
        self.watcher.phase("look")
        if isinstance(self.engine, WarmsUp):
            self.engine.warm_up(self.question.task)  # meanwhile
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
            pilot = Pilot(
                question,
                self._race_seed,
                self.engine,
                self.log,
                self.checkpoints,
                self.watcher,
                self.deadline,
            )
            profile = pilot.profile()
            self.log.set_profile(profile)
        assert profile.pilot is not None
        self.tariff = tariff(profile.pilot)
        baseline = candidate_label(self._reference(profile))
        self._decide(Piloted(summary(profile.pilot, profile.steps, baseline)))
        return profile

    def _budget(self, profile: TaskProfile) -> Budget:
        """In full trainings; of a study that goes on as it was."""
        question = self.question
        floor = not question.script  # it needs the loss at every try, and a script has it once a step
        before = PILOT_COST if question.script else LADDER_SEEDS if question.goal == "fastest" else 0.0
        training = OVERHEAD * profile.seconds_per_step * profile.steps
        training = profile.pilot.seconds if profile.pilot else training
        self.pace = Pace(training)
        total, text = question.runs, ""
        if total is None:
            left = max(0.0, self.deadline.left) + (profile.pilot.seconds if profile.pilot else 0.0)
            now = min(left * profile.workers / training, DEAREST) if training > 0 else DEAREST
            total, text = self._planned("study", float(f"{now:.2g}"))
        budget = divide(total, before=before, floor=floor)
        setup = self.deadline.elapsed
        text = text or what_it_buys(budget, training, profile.workers, question.budget_seconds, setup)
        if question.budget_seconds is None:
            self.watcher.decision(text)  # which the seconds of this machine are no part of
        else:
            self._decide(Budgeted(text, "study", total, question.budget_seconds))
        return budget

    def _planned(self, part: str, now: float) -> tuple[float, str]:
        """Full trainings for a part of the study, with the words: as planned before, or as it is now."""
        for record in self.planned:
            plan = record.decision
            assert isinstance(plan, Budgeted)
            if (plan.part, plan.given) == (part, self.question.budget_seconds):
                return plan.trainings, plan.text
        return now, ""

    def _until(self, share: float) -> Deadline:
        """When this share of the time for runs is over."""
        decided = self.log.record().decisions
        began = next((d.seconds for d in decided if isinstance(d.decision, Budgeted)), 0.0)
        runner = self.runner
        assert runner is not None

        def since() -> float:
            """The first run waits for its worker, and no phase pays for that."""
            return max(began, runner.deadline.elapsed if runner.setup is None else runner.setup)

        return self.deadline.part(share, since)

    def _training_seconds(self) -> float:
        """What a full training takes."""
        return self.pace.seconds(1.0)

    def _on_race_seed(self, candidate: Candidate) -> Request:
        return Request(candidate, self._race_seed, 1.0, Phase.SCREEN)

    def _measure(self, runner: Runner, reading: Reading, race: Screening, profile: TaskProfile) -> None:
        """Where nothing can be confirmed: the rest of the race, then the best and the baseline to the end."""
        runner.drive(race, reading)
        race.pass_on_decisions()
        ranked = self.ranked = race.finalists(FINALISTS)
        rest = [self._reference(profile), *ranked[1:2]] if not profile.pilot else ranked[1:2]
        runner.drive(Batch([self._on_race_seed(c) for c in (*ranked[:1], *rest)]), reading)

    def _rule_out(self, profile: TaskProfile) -> list[str]:
        """The optimizers worth trying; the others are named with the reason."""
        asked = [*self.question.names, *(c.optimizer for c in self.question.extra)]
        names = list(dict.fromkeys(asked))
        in_script = bool(self.question.script)
        out = space.rule_out(names, profile.sparse, profile.model.not_matrices, in_script=in_script)
        left = [name for name in names if name not in {ruled.optimizer for ruled in out}]
        if not left:
            raise InvalidInputError(out[0].reason)
        for ruled in out:
            self._decide(RuledOut(ruled.reason, ruled.optimizer))
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

    def _watch_the_baseline(self, runner: Runner, profile: TaskProfile) -> Stopwatch | None:
        """The target, and the baseline's progress towards it; None where time ended before."""
        question = self.question
        reference = self._reference(profile)
        self.watcher.phase("train the baseline, for the target")
        first_seed = question.seed * SEED_STRIDE + SEED_STRIDE // 4
        whole = runner.drive(Batch(ladder_requests(reference, first_seed)), Reading(MARKS))
        trainings = [
            run for run in runner.records() if (run.phase, run.status) == (Phase.LADDER, Status.COMPLETED)
        ]
        if not trainings and not whole:
            return None
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

    def _race(self, runner: Runner, reading: Reading, profile: TaskProfile, budget: Budget) -> Screening:
        self.watcher.phase("screen" + self.unit)
        question, names, grid = self.question, self.names, self._grid(self.names, profile)
        small = [self._reference(profile)] if budget.level is not Level.CONFIRMED else []
        first = [candidate for candidate in (*small, *question.extra) if candidate in grid]
        marks = profile.pilot.marks if profile.pilot else ()
        order = [name for name in profile.order if name in names]
        if order != usual_order(order):
            text = f"Looked at first, by what did well on similar tasks: {', '.join(order[:4])}."
            self._decide(Ordered(text, tuple(order)))
        warmup = 0.0 if question.schedule in ("script", "cosine") else Schedule().warmup
        shortest = 0.0 if question.script else shortest_rung(profile.steps, warmup, budget.total)
        screening = Screening(
            grid,
            max(budget.race, TINY),
            question.seed,
            self._decide,
            first,
            marks,
            self.tariff,
            order,
            shortest,
            0.0 if question.script else profile.steps,
            0.0 if budget.bracketing else None,
        )
        self.screening = screening
        runner.drive(screening, reading, self._until(budget.share(budget.race, SLACK)))
        screening.pass_on_decisions()
        ended = [run for run in runner.records() if run.lost]
        if ended and not screening.finalists(1):
            raise self._none_succeeded(runner.records())
        return screening

    def _play_off(self, runner: Runner, reading: Reading, race: Screening, budget: Budget) -> list[Candidate]:
        """The finalists: from a play-off where the budget pays for more candidates than go on."""
        best = self._bracket(runner, reading, race, budget)
        if len(best) <= FINALISTS or not budget.playoff:
            return best[:FINALISTS]
        self.watcher.phase("play off the best of each optimizer" + self.unit)
        playoff = Playoff(best, race.seed, budget.playoff, candidate_label, self._decide)
        runner.drive(playoff, reading, self._until(budget.share(budget.before_confirmation, SLACK)))
        return playoff.finalists(FINALISTS) or race.finalists(FINALISTS)

    def _bracket(self, runner: Runner, reading: Reading, race: Screening, budget: Budget) -> list[Candidate]:
        """The best candidates once their learning rates are bracketed at full length; the race's without."""
        count = entrants(budget.playoff) if budget.playoff else FINALISTS
        best = race.finalists(MOST_ENTRANTS)
        if not bracketed(budget.bracketing):
            return race.finalists(count)
        self.watcher.phase("bracket the learning rates of the best at full length" + self.unit)
        bracketing = Bracketing(best, race.grid, race.finished, race.seed, budget.bracketing, self._decide)
        share = budget.share(budget.race + budget.bracketing, SLACK)
        runner.drive(bracketing, reading, self._until(share))
        return bracketing.finalists(count) or race.finalists(count)

    def _confirm(
        self,
        runner: Runner,
        reading: Reading,
        profile: TaskProfile,
        race: Screening,
        finalists: list[Candidate],
        budget: Budget,
    ) -> Confirmation | None:
        """None where the budget does not pay for two seeds of the baseline and of another."""
        question, margin, reference = self.question, self.question.margin, self._reference(profile)
        rivals = [c for c in finalists if c.key != reference.key]
        left = self._left(runner, budget) - budget.floor_seeds
        finalists = rivals[: finalists_for(left)]
        if not finalists and (rivals or left < FEWEST_SEEDS or not race.race.finished):
            return None
        self.watcher.phase("confirm on fresh seeds" + self.unit)
        if self.stopwatch:
            left /= self.stopwatch.share(finalists, runner.records())
            margin = margin or self.stopwatch.margin(finalists, runner.records())
        confirmation = Confirmation(
            finalists,
            reference,
            space.floor(question.plan),
            runs=math.floor(left + ROUNDING) + budget.floor_seeds,
            first_seed=self._first_confirmed_seed,
            floor_seeds=budget.floor_seeds,
            margin=margin,
            label=candidate_label,
            decide=self._decide,
        )
        self.confirmation = confirmation
        if not runner.drive(confirmation, reading) and not confirmation.close():
            return None
        measured = [run for run in runner.records() if run.phase == Phase.CONFIRM]
        if all(run.lost for run in measured):
            raise self._none_succeeded(measured)
        return confirmation

    def _left(self, runner: Runner, budget: Budget) -> float:
        """Full trainings for confirmation: what is left of the budget, or what the time left pays for."""
        if self.question.budget_seconds is None:
            return budget.total - runner.spent
        each = self._training_seconds()
        now = PLANNED_SHARE * max(0.0, self.deadline.left) * self.engine.slots / each if each > 0 else DEAREST
        left, text = self._planned("confirmation", math.floor(min(now, DEAREST)))
        if left < FEWEST_SEEDS:
            return left
        more = plural(round(left), "more training")
        told = f"A training takes {seconds(each)}: the time left pays for {more}."
        self._decide(Budgeted(text or told, "confirmation", left, self.question.budget_seconds))
        return left

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


def _least_seconds(record: StudyRecord) -> float:
    """What the runs of earlier sittings have taken at least, side by side."""
    taken = sum(max((point.seconds for point in run.points), default=0.0) for run in record.runs)
    return taken / record.profile.workers if record.profile else 0.0


def _check_steps(question: Question, profile: TaskProfile) -> None:
    """A budget that does not pay for a step is refused before anything is trained."""
    runs, given = question.runs, question.budget_seconds
    if profile.pilot is None and runs is not None and runs * profile.steps < 1:
        raise InvalidInputError(
            f"--runs {runs:g}: that is less than one step of a training of {profile.steps:,g} steps"
        )
    step = profile.seconds_per_step
    if given is not None and given < step:
        took = seconds(step)
        raise InvalidInputError(f"--budget {given:g}s: that is less than one step, which takes {took}")
