"""The truth that `choose` is held against: a task's whole grid, trained fully with several seeds.

    python benchmarks/digits_grid.py [--task digits] [--seeds 3] [--answer answer.json] [--top 12]
        [--set weight_decay=0 --set warmup=0.05]  # as in `surefoot choose`: a smaller grid

Prints the best candidates by mean over seeds and, with --answer (written by `surefoot choose --json`), the
rank of the recommended candidate and of the baseline among all, and their regret: how far their mean lies
above the best's, in standard deviations between seeds.  A candidate with a diverged seed ranks last.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from pathlib import Path

from surefoot.engines.local.engine import LocalEngine
from surefoot.search.space import candidates as space
from surefoot.search.space.constraints import parse
from surefoot.study.answer import Answer
from surefoot.study.label import candidate_label
from surefoot.study.run import Candidate, Finished, Job, Report, Schedule
from surefoot.tasks import load_task
from surefoot.training.profile import look

FIRST_SEED = 900_000  # apart from every seed that `choose` uses


def measure(task: str, grid: list[Candidate], seeds: int) -> dict[str, list[float]]:
    """Final values of every candidate, one for each seed."""
    jobs = [(candidate, FIRST_SEED + seed) for seed in range(seeds) for candidate in grid]
    values: dict[str, list[float]] = {candidate.key: [] for candidate in grid}
    running: dict[int, tuple[Candidate, list[float]]] = {}
    waiting, started = list(enumerate(jobs))[::-1], time.monotonic()
    with LocalEngine() as engine:
        while waiting or running:
            while waiting and len(running) < engine.slots:
                number, (candidate, seed) = waiting.pop()
                running[number] = (candidate, [])
                engine.start(Job(number, task, candidate, seed, 1.0))
            for event in engine.events(1.0):
                if isinstance(event, Report):
                    running[event.job][1].append(event.point.value)
                elif isinstance(event, Finished):
                    candidate, reached = running.pop(event.job)
                    done = reached and event.status == "completed"
                    values[candidate.key].append(reached[-1] if done else math.nan)
            done_runs = len(jobs) - len(waiting) - len(running)
            elapsed = time.monotonic() - started
            left = elapsed / max(1, done_runs) * (len(jobs) - done_runs)
            print(
                f"\r{done_runs}/{len(jobs)} runs, {left:.0f} s left   ", end="", file=sys.stderr, flush=True
            )
    print(f"\n{len(jobs)} full trainings in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return values


def candidate_of(document: dict) -> Candidate:
    schedule = Schedule(**document["schedule"])
    return Candidate(document["optimizer"], document["hyperparameters"], schedule)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="digits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--answer", type=Path)
    parser.add_argument("--top", type=int, default=12)
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="NAME=VALUE")
    args = parser.parse_args()
    answer = Answer.from_document(json.loads(args.answer.read_text())) if args.answer else None
    schedule = Schedule(answer.recommendation.schedule.kind) if answer else Schedule()
    names = space.choose_from(None)
    profile = look(load_task(args.task))
    out = {r.optimizer for r in space.rule_out(names, profile.sparse, profile.model.not_matrices)}
    grid = space.candidates([n for n in names if n not in out], schedule, [parse(text) for text in args.sets])
    asked = {"baseline": space.baseline("AdamW", schedule)}
    if answer:
        asked = {"recommendation": answer.recommendation.candidate, "baseline": answer.baseline}
    known = {candidate.key for candidate in grid}
    grid += [candidate for candidate in asked.values() if candidate.key not in known]
    values = measure(args.task, grid, args.seeds)
    means = {key: statistics.fmean(v) for key, v in values.items()}
    order = sorted(means, key=lambda key: (math.isnan(means[key]), means[key]))
    spread = statistics.median(statistics.stdev(values[key]) for key in order[: args.top])
    print(f"\n{len(order)} candidates, {args.seeds} seeds; seed standard deviation {spread:.4g}\n")
    print("| rank | candidate | mean | regret in seed sd |\n|---|---|---|---|")
    rows = dict.fromkeys([*order[: args.top], *(candidate.key for candidate in asked.values())])
    marks = {candidate.key: f" ({name})" for name, candidate in asked.items()}
    for key in rows:
        regret = (means[key] - means[order[0]]) / spread
        label = candidate_label(candidate_of(json.loads(key))) + marks.get(key, "")
        print(f"| {order.index(key) + 1} | {label} | {means[key]:.4g} | {regret:.1f} |")


if __name__ == "__main__":
    main()
