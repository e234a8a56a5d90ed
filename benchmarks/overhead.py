"""What `surefoot choose` itself costs: coordinator, store and display, as a share of the training they serve.

    python benchmarks/overhead.py [--runs 60] [--workers 2] [--repeats 3]

The task trains for a second by sleeping a hundred times, so that the workers leave the processors to whoever
else wants them, and writes down when a run begins and ends.  Overhead is all time between two runs of a
worker (events, store, policy, the next order, loading a trunk), plus the processor time of the coordinator
with its display, over the time of the runs: an upper bound, since the two overlap.  Waiting for the last
results of a round of the race is given apart: no coordinator can avoid it.  The median of the repeats counts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

from surefoot.engines.base import Event
from surefoot.engines.local.engine import LocalEngine
from surefoot.report.live import RaceDisplay
from surefoot.search.race.screening import Screening
from surefoot.search.runner import Runner
from surefoot.search.space import candidates as space
from surefoot.store import Store
from surefoot.study.question import Question
from surefoot.study.requests import Batch, Policy, Reading, RunRequest
from surefoot.study.run import Candidate, Finished, Job, Phase, Schedule

LOG = "SUREFOOT_OVERHEAD_LOG"
OPTIMIZERS = ("Adam", "SGD", "RMSprop", "Lion")
ENDS = Reading()
NINE_MARKS = Reading(marks=tuple(number / 10 for number in range(1, 10)))


class Second:
    """A full training takes a second: two parameters, and a hundred naps of ten milliseconds."""

    name = "second"
    steps = 100
    measure = "distance to 1"

    def model(self) -> nn.Module:
        _note("begin")
        return nn.Linear(1, 1)

    def batches(self, seed: int) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield torch.randn(8, 1, generator=generator)

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        time.sleep(0.01)
        return (model(batch) - 1).square().mean()

    def validate(self, model: nn.Module) -> float:
        value = float((model(torch.linspace(-1, 1, 8)[:, None]) - 1).square().mean())
        _note("end")
        return value


def _note(what: str) -> None:
    # The last "end" before a "begin" counts: on the way validation only measures.
    with open(os.environ[LOG], "a", encoding="ascii") as file:
        file.write(f"{os.getpid()} {what} {time.monotonic()}\n")


class Timed(LocalEngine):
    """Adds up the seconds that workers wait because the policy has nothing to ask."""

    waiting = 0.0
    lately = 0.0  # since the last start: what is waited at the end of all precedes no run
    busy = 0

    def start(self, job: Job) -> None:
        self.waiting, self.lately = self.waiting + self.lately, 0.0
        self.busy += 1
        super().start(job)

    def events(self, timeout: float | None = None) -> list[Event]:
        begin = time.monotonic()
        found = super().events(timeout)
        self.lately += (self.slots - self.busy) * (time.monotonic() - begin)
        self.busy -= sum(isinstance(event, Finished) for event in found)
        return found


@dataclass(frozen=True)
class Cost:
    """Seconds, summed over workers.

    Attributes:
        runs: how many were made.
        training: in runs.
        between: from the end of a run to the beginning of the worker's next, without `waiting`.
        waiting: for the last results of a round.
        processor: of the coordinator.
    """

    runs: int
    training: float
    between: float
    waiting: float
    processor: float

    @property
    def overhead(self) -> float:
        """As a share of the training."""
        return (self.between + self.processor) / self.training


def measure(policy: Policy, reading: Reading, workers: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        os.environ[LOG] = str(log)
        with (
            Store.at(f"{folder}/evidence.db") as store,
            Timed(workers) as engine,
            open(os.devnull, "w") as nowhere,
            RaceDisplay(Console(file=nowhere, force_terminal=True), live=True) as display,
        ):
            study = store.begin(Question("second", study="overhead"), None, {})
            task = f"{Path(__file__).resolve()}:Second"
            engine.warm_up(task)
            while log.read_text().count("begin") < workers:  # each takes a step to load the task
                time.sleep(0.5)
            log.write_text("")
            begin = time.process_time()
            Runner(task, engine, study, Path(folder), display, _label, 1.0).drive(policy, reading)
            processor = time.process_time() - begin
        training, between, runs = _read(log)
        return Cost(runs, training, between - engine.waiting, engine.waiting, processor)


def _read(log: Path) -> tuple[float, float, int]:
    """Seconds in runs, seconds between them, and the number of runs."""
    of_worker: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for line in log.read_text().splitlines():
        worker, what, moment = line.split()
        if what == "end" and of_worker[worker] and of_worker[worker][-1][0] == "end":
            of_worker[worker].pop()
        of_worker[worker].append((what, float(moment)))
    seconds = {"begin": 0.0, "end": 0.0}
    runs = 0
    for notes in of_worker.values():
        runs += sum(what == "begin" for what, _ in notes)
        for (what, moment), (_, following) in pairwise(notes):
            seconds[what] += following - moment  # what began with this note
    return seconds["begin"], seconds["end"], runs


def _label(candidate: Candidate) -> str:
    return f"{candidate.optimizer} {dict(candidate.hyperparameters)}"


def batch(runs: int) -> Batch:
    candidates = [Candidate("Adam", {"lr": 1e-3 * (1 + number)}) for number in range(runs)]
    return Batch([RunRequest(candidate, 0, 1.0, Phase.SCREEN) for candidate in candidates])


def race(runs: int) -> Screening:
    grid = space.candidates(OPTIMIZERS, Schedule())
    return Screening(grid, runs, 0, lambda *_: None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    cases = {
        "full trainings": (batch, ENDS),
        "full trainings, nine points on the way": (batch, NINE_MARKS),
        "a race with rungs": (race, ENDS),
    }
    print("| what | jobs | seconds a job | between jobs | coordinator | overhead | waiting for rounds |")
    print("|---" * 7 + "|")
    for name, (policy, reading) in cases.items():
        costs = [measure(policy(args.runs), reading, args.workers) for _ in range(args.repeats)]
        cost = sorted(costs, key=lambda cost: cost.overhead)[len(costs) // 2]
        print(
            f"| {name} | {cost.runs} | {cost.training / cost.runs:.2f}"
            f" | {1e3 * cost.between / cost.runs:.1f} ms | {1e3 * cost.processor / cost.runs:.1f} ms"
            f" | {cost.overhead:.1%} | {cost.waiting / cost.training:.1%} |",
            flush=True,
        )
    print(f"\nmedian of {args.repeats} repeats with {args.workers} workers; ms are per job", file=sys.stderr)


if __name__ == "__main__":
    main()
