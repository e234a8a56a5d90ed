"""One run: train a candidate on a task with one seed, up to a rung.

    outcome = train(task, candidate, seed=0, progress=0.25, keep=save)   # trunk, save, cool down, validate
    outcome = train(task, candidate, seed=0, progress=1.0, resume=saved)  # goes on along the trunk

Progress is counted in evaluations of the loss on a batch, so that all optimizers are compared at equal
compute: L-BFGS pays for each of the twenty evaluations of its step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from surefoot.study.build import build_optimizer
from surefoot.study.direction import Direction
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate, Point, Schedule, Status
from surefoot.tasks import Task, TaskError
from surefoot.training import random_state as draws
from surefoot.training.divergence import Matrices, Trend
from surefoot.training.meters import median_seconds, seconds_in_line, state_bytes
from surefoot.training.schedule import branch, evaluations, factor
from surefoot.training.snapshots import Recorder


@dataclass(frozen=True)
class TrunkState:
    """A run at the end of its trunk, before any cooldown: all that is needed to go on.

    Attributes:
        evaluations: of the loss so far.
        batches: drawn so far, one for each step of the optimizer.
        last_step: evaluations that the optimizer's latest step took.
        seconds: of training so far.
        losses: of `Trend.state`, what divergence is judged by; None before the first step.
        model, optimizer: their state_dict.
        draws: state of the global generators, from `draws.state`.
    """

    evaluations: int
    batches: int
    last_step: int
    seconds: float
    losses: tuple[Any, ...] | None
    model: dict[str, Any]
    optimizer: dict[str, Any]
    draws: draws.State

    @classmethod
    def read(cls, saved: dict[str, Any]) -> TrunkState | None:
        """From what was kept of one; None if another version kept other things."""
        return cls(**saved) if saved.keys() == {field.name for field in fields(cls)} else None


@dataclass(frozen=True)
class TrainingOutcome:
    """How a run ended.

    Attributes:
        status: completed, diverged, or stopped by the caller.
        point: the rung's, the one that reached the target, or the one where the run diverged (value nan);
            None if it was stopped.
            A rung's progress is the one asked for; an optimizer with several evaluations a step may have
            made up to half a step more or less.  Its seconds are those of a run straight to this rung:
            branches to lower rungs are not included.
        message: why it diverged.
        seconds_per_step: median training seconds per evaluation; nan if none was made.
        state_bytes: bytes of optimizer state at the end.
    """

    status: Status
    point: Point | None
    message: str
    seconds_per_step: float
    state_bytes: int


@dataclass(frozen=True)
class Watch:
    """Measurements on the way, for a learning curve.

    Attributes:
        marks: progresses at which to measure, ascending; those from the run's end on are left out.
        point: receives each.
        target: a run that measures a value as good as this ends there; None goes on to the end.
        direction: which way of the measure is better.
    """

    marks: tuple[float, ...]
    point: Callable[[Point], None]
    target: float | None = None
    direction: Direction = Direction.MINIMIZE

    def reached(self, value: float) -> bool:
        """Whether the run need not go on."""
        return self.target is not None and self.direction.behind(value, self.target) <= 0


class Live(Protocol):
    """A run while it goes on, to be looked at.

    Attributes:
        evaluations: of the loss so far.
        loss: of the latest batch; nan before the first step.
        rate: what the base learning rate was multiplied with at the latest step; nan before the first.
        seconds: of training so far.
        model: as it is now.
    """

    evaluations: int
    rate: float
    seconds: float
    model: nn.Module

    @property
    def loss(self) -> float:
        """Of the latest batch."""
        ...

    def state(self) -> TrunkState:
        """All that a run of the same length needs to go on bit for bit; it holds the live tensors."""
        ...


def train(
    task: Task,
    candidate: Candidate,
    seed: int,
    progress: float,
    *,
    resume: TrunkState | None = None,
    keep: Callable[[TrunkState], None] | None = None,
    stopped: Callable[[], bool] = lambda: False,
    watch: Watch | None = None,
    recorder: Recorder | None = None,
    pause: Callable[[Live], None] | None = None,
    midway: bool = False,
) -> TrainingOutcome:
    """Train up to `progress` and validate.

    Args:
        task: what is trained.
        candidate: optimizer, hyperparameters, schedule.
        seed: fixes the initial weights, the batches and every other draw of the run.
        progress: the rung, as a share of `task.steps`, in (0, 1].
        resume: go on from here, bit for bit as if never interrupted; used up by the call.  Ignored where
            this rung does not lie further along its trunk.
        keep: called with the end of the trunk; it holds the live tensors, so save them before returning.
        stopped: asked at every step; the run ends soon after it says True.
        watch: where to measure on the way; what it measures changes nothing of the run, except that a run
            that reaches the target ends there.
        recorder: takes snapshots on the way, which changes nothing of the run either; not of one that is
            resumed, whose beginning nobody sees.
        pause: called before every step, when all due measurements are made; what it does must change nothing
            of the run.
        midway: `resume` comes from a `Live` run to this same progress, so it is used wherever it lies, also
            in the cooldown; `watch` then has only the marks that were not measured yet.

    Raises:
        ValueError: progress lies outside (0, 1].
        TaskError: `batches` ended or `validate` returned no number.
        Exception: whatever the task or the optimizer raises.
    """
    if not 0 < progress <= 1:
        raise ValueError(f"progress must lie in (0, 1], not {progress}")
    steps = evaluations(progress, task.steps)
    start = branch(candidate.schedule, steps)
    run = _Run(task, candidate, seed)
    run.pause = pause
    if resume is not None and (midway or resume.evaluations <= start):
        run.restore(resume)
    elif recorder is not None:
        run.record_with(recorder)

    def train_to(end: int) -> bool:
        for mark in watch.marks if watch else ():
            at = evaluations(mark, task.steps)
            if not run.evaluations < at <= end or at >= steps:
                continue
            if not run.train_until(at, steps, stopped):
                return False
            if watch and not run.measure(mark, watch):
                return False
        return run.train_until(end, steps, stopped)

    if train_to(start):
        if keep is not None and start > 0:
            keep(run.state())
        train_to(steps)
    if run.recorder is not None:
        run.recorder.mark(run.evaluations)
    return run.outcome(progress, stopped())


def time_steps(task: Task, candidate: Candidate, least: int) -> list[tuple[int, float]]:
    """(evaluations, seconds) of the first steps of a run, until it has made `least` evaluations.

    What this thread waited for a processor, because other processes had it, is taken off.

    Raises:
        Exception: whatever the task or the optimizer raises.
    """
    run, steps = _Run(task, candidate, seed=0), []
    while run.evaluations < least:
        # The clock is read outermost: a wait between two readings then makes a step longer, never negative.
        begin, in_line, before = time.perf_counter(), seconds_in_line(), run.evaluations
        run.step(task.steps)
        in_line = seconds_in_line() - in_line
        steps.append((run.evaluations - before, time.perf_counter() - begin - in_line))
    return steps


def validate(task: Task, model: nn.Module) -> float:
    """The task's measure, taken in evaluation mode and without gradients; leaves no trace in the run.

    Raises:
        TaskError: it is not a number.
    """
    with evaluating(model):
        value = task.validate(model)
    if not isinstance(value, int | float):
        hint = "; return value.item()" if isinstance(value, Tensor) else ""
        raise TaskError(f"{task.name}: validate() must return a float, not {type(value).__name__}{hint}")
    return float(value)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards modes and generators are as they were before."""
    modes = [(module, module.training) for module in model.modules()]
    with draws.untouched(), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            for module, training in modes:  # some may be meant to stay in evaluation mode
                module.training = training


class _Run:
    """The moving parts of one run."""

    def __init__(self, task: Task, candidate: Candidate, seed: int) -> None:
        draws.seed_everything(seed)
        self.task = task
        self.schedule: Schedule = candidate.schedule
        self.model = task.model()
        self.optimizer = build_optimizer(candidate, self.model)
        self.needs_closure = find_algorithm(candidate.optimizer).needs_closure
        self.rates = [group.get("lr") for group in self.optimizer.param_groups]
        self.data = iter(task.batches(seed))
        self.evaluations = self.batches = 0
        self.last_step = 1
        self.seconds = 0.0
        self.trend: Trend | None = None
        self.matrices = Matrices(self.model.parameters())
        self.first_sizes = self.matrices.sizes()
        self.speeds: list[float] = []
        self.reached: Point | None = None
        self.recorder: Recorder | None = None
        self.pause: Callable[[Live], None] | None = None
        self.rate = math.nan

    def record_with(self, recorder: Recorder) -> None:
        """From here, the beginning, on."""
        self.recorder = recorder
        recorder.begin(self.model)

    def state(self) -> TrunkState:
        losses = self.trend.state() if self.trend else None
        return TrunkState(
            self.evaluations,
            self.batches,
            self.last_step,
            self.seconds,
            losses,
            self.model.state_dict(),
            self.optimizer.state_dict(),
            draws.state(),
        )

    def restore(self, state: TrunkState) -> None:
        self.evaluations, self.batches, self.last_step = state.evaluations, state.batches, state.last_step
        self.seconds, self.trend = state.seconds, Trend(*state.losses) if state.losses else None
        self.model.load_state_dict(state.model)
        self.optimizer.load_state_dict(state.optimizer)
        for _ in islice(self.data, state.batches):
            pass
        draws.restore(state.draws)

    def train_until(self, target: int, steps: int, stopped: Callable[[], bool]) -> bool:
        """Step until `target` evaluations, of `steps` in all; False if the run ended before."""
        # Half a step decides, so that an optimizer with many evaluations a step gets, on average, its due.
        while target - self.evaluations > self.last_step / 2:
            if self.lost:
                return False
            if self.pause is not None:
                self.pause(self)
            if stopped():
                return False
            self.step(steps)
        return not self.lost

    @property
    def loss(self) -> float:
        return self.trend.latest if self.trend else math.nan

    @property
    def lost(self) -> str:
        """Why the run has diverged; empty while it has not."""
        return self.trend.blown_up if self.trend else ""

    def step(self, steps: int) -> None:
        """One batch, one step of the optimizer."""
        begin, before = time.perf_counter(), self.evaluations
        self.rate = scale = factor(self.schedule, before, steps, self.task.steps)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            if rate is not None:
                group["lr"] = rate * scale
        batch = self.next_batch()
        loss = float(self.step_on(batch))
        self.trend = self.trend.after(loss) if self.trend else Trend.of(self.first_sizes, loss)
        if self.trend.asks_for_sizes:
            self.trend = self.trend.with_sizes(self.matrices.sizes())
        self.last_step = max(1, self.evaluations - before)
        seconds = time.perf_counter() - begin
        self.seconds += seconds
        self.speeds.append(seconds / self.last_step)
        if self.recorder is not None:
            self.recorder.see(self.evaluations)

    def step_on(self, batch: Any) -> Any:
        """Step the optimizer; a closure is for those that need one, since not every class heeds it."""
        step: Any = self.optimizer.step  # torch declares that a closure returns a float; it returns a tensor
        if self.needs_closure:
            return step(lambda: self.evaluate(batch))
        loss = self.evaluate(batch)
        step()
        return loss

    def measure(self, mark: float, watch: Watch) -> bool:
        """Measure on the way; False if that reached the target.

        A long step may have led beyond the mark; the point then says how far.
        """
        progress = max(mark, min(1.0, self.evaluations / self.task.steps))
        point = Point(progress, self.seconds, validate(self.task, self.model))
        if watch.reached(point.value):
            self.reached = point
            return False
        watch.point(point)
        return True

    def next_batch(self) -> Any:
        try:
            batch = next(self.data)
        except StopIteration:
            raise TaskError(
                f"{self.task.name}: batches() ended after {self.batches} batches; it must go on without end"
            ) from None
        self.batches += 1
        return batch

    def evaluate(self, batch: Any) -> Tensor:
        """The loss of a batch, with fresh gradients."""
        self.optimizer.zero_grad()
        loss = self.task.loss(self.model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        self.evaluations += 1
        return loss.detach()

    def outcome(self, progress: float, stopped: bool) -> TrainingOutcome:
        """Validate what has been reached."""
        status = Status.COMPLETED
        point, message = None, self.lost
        if stopped and not message:
            status = Status.STOPPED
        elif self.reached:
            point = self.reached
        elif not message:
            value = validate(self.task, self.model)
            point = Point(progress, self.seconds, value)
            message = "" if math.isfinite(value) else f"the {self.task.measure} became {value}"
        if message:
            reached = min(self.evaluations / self.task.steps, progress)
            status, point = Status.DIVERGED, Point(reached, self.seconds, float("nan"))
        return TrainingOutcome(
            status, point, message, median_seconds(self.speeds), state_bytes(self.optimizer)
        )
