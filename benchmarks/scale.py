"""How many runs a second `surefoot choose` can make, beside Ray Tune's trial loop, and what 100,000 take.

    python benchmarks/scale.py [--runs 2000] [--workers 2] [--naps 400] [--trials 40] [--large 100000]

Every row goes through the real `Runner`, into a real store on disk, while the live display draws into
nothing. A no-op run is a whole run of a task with one parameter and one step: its worker makes model and
optimizer, takes the step and validates. A nap sleeps for 50 ms besides, so that the workers leave the
processors to the coordinator. "none" is an engine in the same process that answers at once: what is left is
the coordinator alone. Ray Tune gets a function that reports a number and returns, on as many processors; in
the second of its rows it may use its processes again, and writes no files for loggers.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from surefoot.engines.base import Engine, Event
from surefoot.engines.local.engine import LocalEngine
from surefoot.report.live import RaceDisplay
from surefoot.search.race.screening import Screening
from surefoot.search.runner import Runner
from surefoot.search.space import candidates as space
from surefoot.store import Store
from surefoot.study.label import candidate_label
from surefoot.study.question import Question
from surefoot.study.requests import Batch, Policy, Reading, RunRequest
from surefoot.study.run import Candidate, Finished, Job, Phase, Point, Report, Schedule, Status

NAP = 0.05  # seconds
NAPPERS = 8
CANDIDATES = 1000  # each with as many seeds as make the number of runs
MB = 2**20


class Scale(nn.Module):
    """One parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.w * x


class NoOp:
    """As little as a task can be: one parameter, one step."""

    name = "no-op"
    steps = 1
    measure = "nothing"
    batch = torch.ones(1)

    def model(self) -> nn.Module:
        return Scale()

    def batches(self, seed: int) -> Iterator[Tensor]:
        while True:
            yield self.batch

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        return model(batch).sum()

    def validate(self, model: nn.Module) -> float:
        return 0.5


class Nap(NoOp):
    """Sleeps in its step."""

    name = "nap"

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        time.sleep(NAP)
        return super().loss(model, batch)


class Instant:
    """An engine in this process, whose runs are done when they are started."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.waiting: list[Event] = []

    def start(self, job: Job) -> None:
        point = Point(job.progress, 1e-3, 1.0 / (1 + job.id % 7))
        self.waiting += [Report(job.id, point), Finished(job.id, Status.COMPLETED, "", 1e-3, 8)]

    def events(self, timeout: float | None = None) -> list[Event]:
        events, self.waiting = self.waiting, []
        return events

    def stop(self, job_id: int) -> None:
        """There is never anything to stop."""

    def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True)
class Rate:
    """What was measured.

    Attributes:
        runs: how many were made.
        per_second: of them.
        processor: seconds of the coordinator's processor time for each.
        memory: bytes that the coordinator took more at its end, at its peak.
        store: bytes of the store's file.
    """

    runs: int
    per_second: float
    processor: float
    memory: int
    store: int


def measure(engine: Engine, task: str, policy: Policy, warm_up: float = 0.0) -> Rate:
    """Drive the policy, after some seconds of other runs."""
    with tempfile.TemporaryDirectory() as folder, _silent_display() as display:
        file = Path(folder, "evidence.db")
        with Store.at(file) as store:
            study = store.begin(Question(task, study="scale"), None, {})
            runner = Runner(task, engine, study, Path(folder), display, candidate_label, 1.0)
            warm, first_seed = time.monotonic() + warm_up, 10**6
            while time.monotonic() < warm:
                runner.drive(batch(10 * engine.slots, first_seed), Reading())
                first_seed += 1
            before, made = _peak_memory(), runner.made
            begin, processor = time.perf_counter(), time.process_time()
            runner.drive(policy, Reading())
            seconds, processor = time.perf_counter() - begin, time.process_time() - processor
            lost = [run for run in runner.records() if run.lost]
            assert not lost, lost[0].message
        runs = runner.made - made
        return Rate(runs, runs / seconds, processor / runs, _peak_memory() - before, file.stat().st_size)


def batch(runs: int, first_seed: int = 0) -> Batch:
    return Batch(
        [
            RunRequest(
                Candidate("SGD", {"lr": 1e-3 * (1 + n % CANDIDATES)}),
                first_seed + n // CANDIDATES,
                1.0,
                Phase.SCREEN,
            )
            for n in range(runs)
        ]
    )


def race() -> Screening:
    """A race over all optimizers, as large as it can be."""
    names = space.choose_from(None)
    return Screening(space.candidates(names, Schedule()), 1e6, 0, lambda *_: None)


@contextmanager
def _silent_display() -> Iterator[RaceDisplay]:
    with (
        open(os.devnull, "w") as nowhere,
        RaceDisplay(Console(file=nowhere, force_terminal=True), live=True) as display,
    ):
        yield display


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def coordinator_alone(runs: int, slots: int) -> Rate:
    return measure(Instant(slots), "none", batch(runs))


def coordinator_in_a_race(slots: int) -> Rate:
    return measure(Instant(slots), "none", race())


def local(task: str, runs: int, workers: int) -> Rate:
    with LocalEngine(workers) as engine:
        return measure(engine, task, batch(runs), warm_up=10.0)


def on_ray(task: str, runs: int, workers: int) -> Rate:
    from surefoot.engines.ray.engine import RayEngine

    with RayEngine(references=[task], cpus=(os.cpu_count() or 1) / workers) as engine:
        return measure(engine, task, batch(runs), warm_up=60.0)


def ray_tune(trials: int, workers: int, lean: bool) -> Rate:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    if lean:
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    import ray
    from ray import tune

    def trial(config: dict[str, Any]) -> None:
        tune.report({"value": 0.5})

    ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            trial,
            param_space={"lr": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(num_samples=trials, reuse_actors=True if lean else None),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        begin, processor = time.perf_counter(), time.process_time()
        done = len(tuner.fit())
        seconds, processor = time.perf_counter() - begin, time.process_time() - processor
    ray.shutdown()
    return Rate(done, done / seconds, processor / done, 0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--naps", type=int, default=400)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--large", type=int, default=100_000)
    args = parser.parse_args()
    no_op, nap = (f"{Path(__file__).resolve()}:{name}" for name in ("NoOp", "Nap"))
    rows: list[tuple[str, str, Callable[..., Rate], tuple[Any, ...]]] = [
        ("no-op runs", "none", coordinator_alone, (args.runs, args.workers)),
        ("a race of all optimizers", "none", coordinator_in_a_race, (args.workers,)),
        ("no-op runs", f"local, {args.workers} workers", local, (no_op, args.runs, args.workers)),
        (f"naps of {NAP:g} s", f"local, {NAPPERS} workers", local, (nap, args.naps, NAPPERS)),
        ("no-op runs", f"ray, {args.workers} workers", on_ray, (no_op, args.runs, args.workers)),
        (f"naps of {NAP:g} s", f"ray, {NAPPERS} workers", on_ray, (nap, args.naps, NAPPERS)),
        ("no-op trials", f"Ray Tune, {args.workers} workers", ray_tune, (args.trials, args.workers, False)),
        ("no-op trials", "Ray Tune, leaner", ray_tune, (args.trials, args.workers, True)),
        ("a study", "none", coordinator_alone, (args.large, args.workers)),
    ]
    print("| what | engine | runs | runs a second | coordinator, ms a run | its memory | store |")
    print("|---" * 7 + "|")
    for what, engine, function, arguments in rows:
        # Each in a process of its own, so that none inherits memory or a Ray connection.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rate = pool.submit(function, *arguments).result()
        memory = f"+{rate.memory / MB:.0f} MB" if rate.store else ""
        store = f"{rate.store / MB:.1f} MB" if rate.store else ""
        print(
            f"| {what} | {engine} | {rate.runs} | {rate.per_second:.3g} | {1e3 * rate.processor:.2f}"
            f" | {memory} | {store} |",
            flush=True,
        )
    naps = f"{NAPPERS} workers could make {NAPPERS / NAP:.0f} naps a second"
    print(f"\n{os.cpu_count()} processors; {naps}", file=sys.stderr)


if __name__ == "__main__":
    main()
