"""Whole studies of `surefoot choose` on small live tasks, held against an exhaustive grid.

    python benchmarks/live_grid.py live.jsonl [--kinds noisy,parity] [--runs 60,13] [--studies 1]

The grid of a task is every optimizer that works on it, with its usual settings, times all learning rates of
its line (1, 2 and 5 in each decade, six prior deviations wide). All are trained on one seed, the best
`--few` of them on more, and the best of those on `--fresh` further ones, as is what a study recommends: the
last means, on seeds that neither saw, are compared. A recommendation is good if its mean is at most 5 % above
that of the grid's best, or not above it by more than two standard errors of the paired difference.

Every run is kept in the file: another version of the tasks needs another file. What is there is not trained
again, so that another version of the search is held against the same grid in little time. `--variant` changes
the tasks' data and lengths: what is reported is 0, constants are tried on others.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from live_tasks import KINDS, make
from surefoot.api.displays import Silence
from surefoot.engines.base import Event
from surefoot.errors import SurefootError
from surefoot.search import ask, choose_optimizer
from surefoot.search.space import candidates as space
from surefoot.store import Store
from surefoot.study.answer import Answer
from surefoot.study.label import candidate_label
from surefoot.study.run import Candidate, Finished, Job, Point, Report, Schedule, Status
from surefoot.tasks import Task
from surefoot.training.loop import train
from surefoot.training.profile import look

GOOD = 1.05
NOISE = 2.0
GRID_SEED = 0
SEEDS_OF_THE_FEW = range(100, 105)
FIRST_FRESH = 200
RunKey = tuple[str, str, int, float]
"""Kind and variant, candidate, seed, progress."""


@dataclass(frozen=True)
class Trained:
    """How a run ended: value (nan: lost), what a step took in seconds, and state in bytes."""

    value: float
    seconds: float
    state_bytes: int


class Runs:
    """All runs, in a file of one JSON line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[RunKey, Trained] = {}
        self.trained = 0
        for line in path.read_text().splitlines() if path.exists() else ():
            task, key, seed, progress, value, seconds, size = json.loads(line)
            self.known[task, key, seed, progress] = Trained(value, seconds, size)

    def run(self, kind: str, variant: int, candidate: Candidate, seed: int, progress: float = 1.0) -> Trained:
        """Of this candidate, trained now if it is not in the file."""
        key = (f"{kind}/{variant}", candidate.key, seed, progress)
        if key not in self.known:
            try:
                outcome = train(make(kind, variant), candidate, seed, progress)
                point = outcome.point
                value = point.value if point and outcome.status is Status.COMPLETED else math.nan
                found = Trained(value, outcome.seconds_per_step, outcome.state_bytes)
            except RuntimeError:
                found = Trained(math.nan, math.nan, 0)
            self.known[key] = found
            self.trained += 1
            with self.path.open("a") as file:
                row = [*key, found.value, found.seconds, found.state_bytes]
                file.write(json.dumps(row) + "\n")
        return self.known[key]


class StoredEngine:
    """Runs each job at once, in this process, unless it is in the file."""

    slots = 1

    def __init__(self, runs: Runs, kind: str, variant: int) -> None:
        self.runs, self.kind, self.variant = runs, kind, variant
        self.waiting: list[Event] = []

    def start(self, job: Job) -> None:
        """The job is done when this returns; nothing is measured on its way."""
        found = self.runs.run(self.kind, self.variant, job.candidate, job.seed, job.progress)
        point = Point(job.progress, found.seconds, found.value)
        status = Status.COMPLETED if math.isfinite(found.value) else Status.DIVERGED
        self.waiting += [
            Report(job.id, point),
            Finished(job.id, status, "", found.seconds, found.state_bytes),
        ]

    def events(self, timeout: float | None = None) -> list[Event]:
        """What has happened since the last call."""
        events, self.waiting = self.waiting, []
        return events

    def stop(self, job_id: int) -> None:
        """It has ended already."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Compared:
    """A candidate beside the grid's best, on the same fresh seeds.

    Attributes:
        ratio: of their means; standard_error: of it, from the paired differences.
    """

    ratio: float
    standard_error: float

    @property
    def good(self) -> str:
        """Why it is; empty if it is not."""
        if self.ratio <= GOOD:
            return "5 %"
        return "noise" if self.ratio - 1 <= NOISE * self.standard_error else ""


def grid(task: Task) -> list[Candidate]:
    """Every optimizer's usual line."""
    profile = look(task)
    names = space.choose_from(None)
    out = {ruled.optimizer for ruled in space.rule_out(names, profile.sparse, profile.model.not_matrices)}
    left = [name for name in names if name not in out]
    every = space.candidates(left, Schedule(), sparse=bool(profile.sparse))
    return [every[place] for line in space.usual_lines(every).values() for place in line]


def best_of_grid(runs: Runs, kind: str, variant: int, few: int) -> Candidate:
    """By its mean over the seeds of the few, who are the best on one."""
    candidates = grid(make(kind, variant))

    def mean(candidate: Candidate, seeds: Sequence[int]) -> float:
        values = [runs.run(kind, variant, candidate, seed).value for seed in seeds]
        return math.inf if any(map(math.isnan, values)) else statistics.fmean(values)

    first = sorted(candidates, key=lambda candidate: mean(candidate, [GRID_SEED]))[:few]
    return min(first, key=lambda candidate: mean(candidate, SEEDS_OF_THE_FEW))


def compared(
    runs: Runs, kind: str, variant: int, candidate: Candidate, best: Candidate, fresh: int
) -> Compared:
    """On seeds that neither was chosen by; the ratio is infinite where the candidate diverged on one."""
    seeds = range(FIRST_FRESH, FIRST_FRESH + fresh)
    own, other = ([runs.run(kind, variant, c, seed).value for seed in seeds] for c in (candidate, best))
    if any(map(math.isnan, own)):
        return Compared(math.inf, 0.0)
    mean = statistics.fmean(other)
    differences = [one - two for one, two in zip(own, other, strict=True)]
    return Compared(statistics.fmean(own) / mean, statistics.stdev(differences) / fresh**0.5 / mean)


def study(runs: Runs, kind: str, variant: int, budget: float, seed: int) -> tuple[Answer | None, str]:
    """What `surefoot choose` answers, or why it does not."""
    question = ask(kind, runs=budget, budget_seconds=None, seed=seed, study="live")
    with tempfile.TemporaryDirectory() as folder, Store.at(Path(folder) / "studies.db") as store:
        engine = StoredEngine(runs, kind, variant)
        try:
            answer = choose_optimizer(
                question, store, engine, Path(folder), Silence(), lambda _: make(kind, variant)
            )
        except SurefootError as error:
            return None, str(error)
    return answer, ""


def row(cells: Sequence[Any], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell!s:<{width}}" for cell, width in zip(cells, widths, strict=False)).rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="where all runs are kept")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--runs", default="60,13", help="budgets of the studies, in full trainings")
    parser.add_argument(
        "--studies", type=int, default=1, help="of each kind and budget, on seeds of their own"
    )
    parser.add_argument("--variant", type=int, default=0)
    parser.add_argument("--few", type=int, default=8)
    parser.add_argument("--fresh", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    runs, budgets, widths = (
        Runs(args.file),
        [float(b) for b in args.runs.split(",")],
        (16, 5, 40, 7, 7, 5, 8, 5),
    )
    print(row(("task", "runs", "recommended", "ratio", "± se", "good", "verdict", "open"), widths))
    good: dict[float, list[bool]] = {budget: [] for budget in budgets}
    started = time.monotonic()
    for kind in args.kinds.split(","):
        best = best_of_grid(runs, kind, args.variant, args.few)
        value = statistics.fmean(
            runs.run(kind, args.variant, best, FIRST_FRESH + seed).value for seed in range(args.fresh)
        )
        print(row((kind, "grid", candidate_label(best), f"{value:.4g}"), widths), flush=True)
        for budget in budgets:
            for seed in range(1, 1 + args.studies):
                answer, trouble = study(runs, kind, args.variant, budget, seed)
                if answer is None:
                    print(row(("", f"{budget:g}", trouble[:40], "", "", "no"), widths), flush=True)
                    good[budget].append(False)
                    continue
                recommended = answer.recommendation.candidate
                found = compared(runs, kind, args.variant, recommended, best, args.fresh)
                good[budget].append(bool(found.good))
                label = candidate_label(recommended)
                error = f"{found.standard_error:.3f}"
                edges = sum(w.open_low or w.open_high for w in answer.lr_windows.values())
                seen = f"{edges}/{len(answer.lr_windows)}"
                ratio = f"{found.ratio:.3f}"
                cells = ("", f"{budget:g}", label, ratio, error, found.good or "no", answer.verdict, seen)
                print(row(cells, widths), flush=True)
    for budget, results in good.items():
        print(f"{budget:g} trainings: {sum(results)} of {len(results)} good")
    print(f"{runs.trained} runs trained, {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
