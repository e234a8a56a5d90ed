"""The truth that methods of choice are held against: a task's whole grid, trained at every rung, as a table.

    python benchmarks/train_grid.py digits text tabular --seeds 4 --fresh 20 --tables .surefoot/tables

The grid is every optimizer that works on the task × its learning rates × its momentum-like settings, with
everything else as usual, whatever else `surefoot choose` searches: small enough to train all of it.
Each run is trained as `surefoot choose` trains it: along one trunk, with a cooldown branch at each rung.
DIR/TASK.csv.gz holds task,optimizer,hyperparameters,seed,progress,seconds,value with one row a rung (nan, and
no more rows, where it diverged), DIR/TASK.json says what that is: `surefoot replay` reads both.
An interrupted grid goes on where it was; the JSON names the seeds that are complete.  With the --fresh seeds
that follow only the best fifth of the candidates is trained: no other can win.
"""

from __future__ import annotations

import argparse
import copy
import csv
import gzip
import itertools
import json
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from surefoot import optim
from surefoot.formula import LogNormal
from surefoot.search.race.rungs import RUNGS
from surefoot.search.space import candidates as space
from surefoot.store import write_table
from surefoot.study.run import Candidate, Point
from surefoot.tasks import load_task
from surefoot.training.loop import TrunkState, train
from surefoot.training.profile import look

TASKS = ("digits", "text", "tabular")
MANTISSAS = (1.0, 3.0)  # learning rates in each decade
REACH = 3.0  # they span so many standard deviations of an optimizer's prior on either side
USUAL = ("weight_decay",)  # searched by `surefoot choose`, but not here
SAVE_SECONDS = 20.0
PROMISING = 0.2
"""The share of the candidates that gets fresh seeds."""

Run = tuple[str, str, int]
"""Optimizer, hyperparameters as canonical JSON, seed."""


def grid(task: str) -> list[Candidate]:
    """Every candidate for a task."""
    profile = look(load_task(task))
    names = space.choose_from(None)
    out = {ruled.optimizer for ruled in space.rule_out(names, profile.sparse, profile.model.not_matrices)}
    return [Candidate(name, settings) for name in names if name not in out for settings in _settings(name)]


def _settings(name: str) -> list[dict[str, Any]]:
    searched = {n: h.search for n, h in optim.OPTIMIZERS[name].hyperparameters.items() if n not in USUAL}
    axes = {
        n: _rates(search) if isinstance(search, LogNormal) else search.values
        for n, search in searched.items()
        if search
    }
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _rates(prior: LogNormal) -> list[float]:
    centre, reach = math.log10(prior.center), REACH * prior.decades
    decades = range(math.floor(centre - reach), math.ceil(centre + reach) + 1)
    rates = [float(f"{mantissa * 10.0**decade:.3g}") for decade in decades for mantissa in MANTISSAS]
    return [rate for rate in rates if abs(math.log10(rate) - centre) <= reach]


def described(candidate: Candidate) -> str:
    """Hyperparameters as canonical JSON."""
    return json.dumps(candidate.hyperparameters, sort_keys=True, separators=(",", ":"))


def curve(task: str, candidate: Candidate, seed: int) -> list[Point]:
    """The run's value at every rung; the last is nan where it diverged."""
    loaded = load_task(task)
    points: list[Point] = []
    kept: list[TrunkState] = []
    for rung in RUNGS:
        outcome = train(
            loaded,
            candidate,
            seed,
            rung,
            resume=kept.pop() if kept else None,
            keep=lambda state: kept.append(copy.deepcopy(state)),
        )
        assert outcome.point is not None
        points.append(outcome.point)
        if outcome.status == "diverged":
            break
    if len(points) > 1 and points[-1].progress <= points[-2].progress:
        # It blew up on the trunk before the end of the branch to the rung below.
        points[-1] = replace(points[-1], progress=points[-2].progress + 1 / loaded.steps)
    return points


class Table:
    """The curves of one task, in a file that is written anew, whole, from time to time."""

    def __init__(self, task: str, folder: Path) -> None:
        self.task = task
        self.candidates = grid(task)
        self.path = folder / f"{task}.csv.gz"
        self.curves: dict[Run, list[Point]] = defaultdict(list)
        if self.path.exists():
            with gzip.open(self.path, "rt", encoding="utf8", newline="") as file:
                for row in csv.DictReader(file):
                    run = (row["optimizer"], row["hyperparameters"], int(row["seed"]))
                    point = Point(float(row["progress"]), float(row["seconds"]), float(row["value"]))
                    self.curves[run].append(point)

    @property
    def complete(self) -> list[int]:
        """The seeds with which every candidate was trained."""
        runs = Counter(seed for _, _, seed in self.curves)
        return sorted(seed for seed in runs if runs[seed] == len(self.candidates))

    def promising(self) -> list[Candidate]:
        """The best candidates by their means over the complete seeds."""

        def mean(candidate: Candidate) -> float:
            key = (candidate.optimizer, described(candidate))
            finals = [self.curves[*key, seed][-1].value for seed in self.complete]
            return math.inf if any(map(math.isnan, finals)) else statistics.fmean(finals)

        return sorted(self.candidates, key=mean)[: round(PROMISING * len(self.candidates))]

    def save(self) -> None:
        """Write the table and, once a seed is complete, the note beside it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        rows = (
            (self.task, optimizer, json.loads(settings), seed, *_written(point))
            for (optimizer, settings, seed), points in sorted(self.curves.items())
            for point in points
        )
        write_table(self.path, rows, self._note() if self.complete else None)

    def _note(self) -> Mapping[str, Any]:
        task = load_task(self.task)
        seeds = sorted({seed for _, _, seed in self.curves})
        return {
            "name": self.task,
            "source": f"python benchmarks/train_grid.py {self.task}",
            "licence": "Apache-2.0",
            "value": task.measure,
            "full_budget": f"{task.steps} evaluations of the loss; one row at each rung, cooled down",
            "score": "final",
            "replay": {
                "seeds": "all" if seeds == set(self.complete) else self.complete,
                "rungs": list(RUNGS),
            },
            "torch": torch.__version__,
            "arms": len({run[:2] for run in self.curves}),
            "runs": len(self.curves),
        }


def _written(point: Point) -> tuple[str, str, str]:
    return f"{point.progress:.10g}", f"{point.seconds:.6g}", f"{point.value:.8g}"


def fill(table: Table, candidates: list[Candidate], seed: int, pool: ProcessPoolExecutor) -> None:
    """Train whatever runs of these candidates with this seed the table lacks."""
    runs = {(c.optimizer, described(c), seed): c for c in candidates}
    missing = {run: c for run, c in runs.items() if run not in table.curves}
    waiting: dict[Future[list[Point]], Run] = {
        pool.submit(curve, table.task, candidate, seed): run for run, candidate in missing.items()
    }
    started = saved = time.monotonic()
    while waiting:
        done, _ = wait(waiting, timeout=5.0, return_when="FIRST_COMPLETED")
        for future in done:
            table.curves[waiting.pop(future)] = future.result()
        now, made = time.monotonic(), len(missing) - len(waiting)
        left = (now - started) / max(1, made) * len(waiting)
        line = f"\r{table.task}, seed {seed}: {made}/{len(missing)} runs, {left:.0f} s left    "
        print(line, end="", file=sys.stderr, flush=True)
        if now - saved > SAVE_SECONDS:
            table.save()
            saved = now
    if missing:
        table.save()
        print(f"\r{table.task}, seed {seed}: {time.monotonic() - started:.0f} s          ", file=sys.stderr)


def ensure(tasks: list[str], seeds: int, fresh: int, folder: Path, workers: int | None) -> dict[str, Table]:
    """The tables of these tasks with all of these seeds, trained where they are missing.

    Args:
        tasks: names of tasks.
        seeds: how many every candidate is trained with, from 0 on.
        fresh: how many more the best candidates are trained with, counted on from there.
        folder: where the tables are kept.
        workers: processes, of one thread each.
    """
    tables = {task: Table(task, folder) for task in tasks}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, torch.set_num_threads, (1,)) as pool:
        for seed in range(seeds + fresh):  # the first of every task before the second of any
            for table in tables.values():
                fill(table, table.candidates if seed < seeds else table.promising(), seed, pool)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--fresh", type=int, default=20)
    parser.add_argument("--tables", type=Path, default=Path(".surefoot/tables"))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    ensure(args.tasks, args.seeds, args.fresh, args.tables, args.workers)


if __name__ == "__main__":
    main()
