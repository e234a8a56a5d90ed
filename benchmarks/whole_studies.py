"""Is a whole study as honest as it says?  Race, play-off and confirmation over worlds whose truth is known.

    python benchmarks/whole_studies.py [--studies 300] [--runs 13,30,60,120] [--stopped 0.3] [--processes 2]

`surefoot choose` runs as it is; only the engine is replaced: a training is drawn from a world, in which each
optimizer has a best learning rate of its own that falls as training goes on, a loss that is steep above it,
settings that matter a little, and noise between seeds.  So the true mean of every candidate is known, also of
those that the race has dropped.  A share of the studies is stopped by Ctrl-C after a random number of runs;
they answer from what there is.

What is printed is held against the truth: every "better", every interval, and P(best) in ten bins.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from rich.console import Console

from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.search.space import candidates as space
from surefoot.search.study import Interrupted
from surefoot.store import Store
from surefoot.study.answer import Answer, CandidateResult, Level
from surefoot.study.claims import ABOVE, WITHOUT, Relation
from surefoot.study.run import Candidate, Finished, Job, Phase, Point, Report, Status

WORLDS = ("apart", "close", "equal", "noisy", "signed")
"""Optimizers that differ clearly, by little, or not at all; much noise; a measure of any sign."""

STEEPNESS = 3.0
"""Above the best rate the loss rises so much faster than below it."""


@dataclass(frozen=True)
class Line:
    """What a world holds for one optimizer.

    Attributes:
        floor: the logarithm of the loss at its best rate, or the loss itself where it has a sign.
        best: log10 of the best rate of a full training.
        width: decades at which the loss is up by a tenth below the best rate.
        limit: decades above the best rate beyond which a run diverges.
        drift: decades by which a training of a tenth prefers a higher rate.
        rate: exponent with which the loss falls with progress.
        deviation: of the seeds, relative, or absolute where the loss has a sign.
    """

    floor: float
    best: float
    width: float
    limit: float
    drift: float
    rate: float
    deviation: float


class World:
    """One drawn problem."""

    def __init__(self, kind: str, seed: int) -> None:
        self.kind = kind
        self.generator = np.random.default_rng([seed, WORLDS.index(kind)])
        self.spread = {"apart": 0.3, "close": 0.05, "equal": 0.0, "noisy": 0.2, "signed": 0.3}[kind]
        self.deviation = {"apart": 0.03, "close": 0.05, "equal": 0.05, "noisy": 0.2, "signed": 0.1}[kind]
        self.salt = int(self.generator.integers(2**31))
        names = space.choose_from(None)
        priors = space.priors(names)
        self.lines = {name: self._line(priors.get(name.lower(), (1e-2, 1.0))) for name in names}
        self.lines["RandomSearch"] = self._line((1e-2, 1.0), floor=2.0)

    def _line(self, prior: tuple[float, float], floor: float | None = None) -> Line:
        g = self.generator
        return Line(
            floor=float(g.normal(0, self.spread)) if floor is None else floor,
            best=math.log10(prior[0]) + float(g.normal(0, 0.4)),
            width=float(g.uniform(0.2, 0.6)),
            limit=float(g.uniform(0.7, 1.5)),
            drift=float(g.uniform(0.0, 0.4)),
            rate=float(g.uniform(0.2, 0.6)),
            deviation=self.deviation * float(np.exp(g.normal(0, 0.3))),
        )

    def mean(self, candidate: Candidate) -> float:
        """The true mean of a full training; infinite where it diverges."""
        level = self._level(candidate, 1.0)
        deviation = self.lines[candidate.optimizer].deviation
        return level if self.kind == "signed" else math.exp(level + deviation**2 / 2)

    def value(self, candidate: Candidate, seed: int, progress: float) -> float:
        """One point of a training; nan where it diverges."""
        noise = self.lines[candidate.optimizer].deviation * self._normal(candidate.key, seed)
        level = self._level(candidate, progress) + noise * (1 + 0.5 * (1 - progress))
        if math.isinf(level):
            return math.nan
        return level if self.kind == "signed" else math.exp(level)

    def _level(self, candidate: Candidate, progress: float) -> float:
        line = self.lines[candidate.optimizer]
        lr = candidate.hyperparameters.get("lr")
        away = 0.0
        if lr is not None:
            away = math.log10(lr) - line.best - line.drift * math.log10(1 / progress)
            if away > line.limit:
                return math.inf
        steep = STEEPNESS if away > 0 else 1.0
        flat = (
            0.0 if self.kind == "equal" and abs(away) < line.width else 0.1 * steep * (away / line.width) ** 2
        )
        others = {name: v for name, v in candidate.settings.items() if name != "lr"}
        setting = (
            0.0
            if self.kind == "equal"
            else 0.1 * self.spread * self._normal(f"{candidate.optimizer}{others}", -1)
        )
        return line.floor + flat + setting + 2.0 * line.rate * (progress**-0.5 - 1)

    def _normal(self, text: str, seed: int) -> float:
        digest = hashlib.blake2b(f"{self.salt} {seed} {text}".encode(), digest_size=8).digest()
        return float(np.random.default_rng(int.from_bytes(digest, "big")).standard_normal())


class DrawnEngine:
    """An engine whose trainings are drawn; it raises KeyboardInterrupt after so many."""

    slots = 2

    def __init__(self, world: World, runs: float = math.inf) -> None:
        self.world, self.left = world, runs
        self.waiting: list[Report | Finished] = []

    def start(self, job: Job) -> None:
        """Draw the training at once."""
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        status = Status.COMPLETED
        for progress in sorted({*(mark for mark in job.marks if mark < job.progress), job.progress}):
            value = self.world.value(job.candidate, job.seed, progress)
            self.waiting.append(Report(job.id, Point(progress, progress, value)))
            if math.isnan(value):
                status = Status.DIVERGED
                break
        message = "the loss is not finite" if status is Status.DIVERGED else ""
        self.waiting.append(Finished(job.id, status, message, 1e-3, 8))

    def events(self, timeout: float | None = None) -> list[Report | Finished]:
        """All of it."""
        events, self.waiting = self.waiting, []
        return events

    def stop(self, job_id: int) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Held:
    """What a study printed, held against the truth.

    Attributes:
        level: of the answer.
        better, wrong: claims of "better", and those that are false.
        means, differences, ratios: whether each printed interval holds the truth.
        p_best, is_best: what was printed of all that were trained to the end, and the truth.
        p_confirmed, is_best_confirmed: the same of those that were confirmed.
        dropped: whether the best of all that were looked at was not trained to the end.
        regret: true mean of the recommendation over that of the best in the whole grid, less 1; in
            standard deviations between seeds where the measure has a sign.
    """

    kind: str
    runs: int
    stopped: bool
    level: str = ""
    better: int = 0
    wrong: int = 0
    means: list[bool] = field(default_factory=list)
    differences: list[bool] = field(default_factory=list)
    ratios: list[bool] = field(default_factory=list)
    p_best: float | None = None
    is_best: bool = False
    p_confirmed: float | None = None
    is_best_confirmed: bool = False
    dropped: bool = False
    regret: float = math.nan


def study(work: tuple[str, int, int, bool]) -> Held:
    """One whole study."""
    kind, runs, seed, stopped = work
    world = World(kind, seed)
    end = float(np.random.default_rng(seed).integers(5, max(6, runs * 3))) if stopped else math.inf
    question = ask("line", runs=float(runs), seed=seed, study="drawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.at(f"sqlite:///{folder}/drawn.db") as store,
        open(os.devnull, "w") as nowhere,
    ):
        display = RaceDisplay(Console(file=nowhere), live=False)
        try:
            answer = choose_optimizer(
                question, store, DrawnEngine(world, end), Path(folder) / "runs", display
            )
        except Interrupted as interruption:
            stopped_answer = interruption.answer
            if stopped_answer is None:
                return Held(kind, runs, stopped)
            answer = stopped_answer
    return judged(answer, world, Held(kind, runs, stopped))


def judged(answer: Answer, world: World, held: Held) -> Held:
    """Every number of the answer beside the truth."""
    held.level = answer.level.value
    for claim in answer.claims:
        gap = world.mean(claim.against) - world.mean(claim.who)
        if claim.relation is Relation.BETTER:
            held.better += 1
            held.wrong += gap <= 0
        if claim.relation in WITHOUT or not math.isfinite(gap):
            continue
        if claim.relation in ABOVE or claim.relation is Relation.OPEN:
            held.differences.append(claim.low <= gap <= claim.high)
        if claim.ratio_low is not None and claim.ratio_high is not None:
            ratio = world.mean(claim.who) / world.mean(claim.against)
            held.ratios.append(claim.ratio_low <= ratio <= claim.ratio_high)
    for result in answer.candidates:
        if result.phase == Phase.CONFIRM and result.low is not None and result.high is not None:
            held.means.append(result.low <= world.mean(result.candidate) <= result.high)
    _ranks(answer, world, held)
    return held


def _ranks(answer: Answer, world: World, held: Held) -> None:
    """Whether the recommendation is the best of those that it is compared with."""
    chosen = world.mean(answer.recommendation.candidate)
    raced = [c for c in answer.candidates if c.optimizer != space.FLOOR]

    def best_of(found: Iterable[CandidateResult]) -> float:
        return min((world.mean(c.candidate) for c in found), default=math.inf)

    to_the_end = [c for c in raced if c.progress == 1]
    held.p_best, held.is_best = answer.p_best, chosen <= best_of(to_the_end)
    held.p_confirmed = answer.p_best_confirmed
    held.is_best_confirmed = chosen <= best_of(c for c in raced if c.phase == Phase.CONFIRM)
    held.dropped = best_of(raced) < best_of(to_the_end)
    if answer.level is not Level.PRIOR or raced:
        grid = space.candidates(space.choose_from(None), answer.recommendation.schedule)
        best = min(world.mean(candidate) for candidate in grid)
        held.regret = chosen - best if world.kind == "signed" else chosen / best - 1


# ------------------------------------------------------------ tables


def share(found: Iterable[bool]) -> str:
    """In per cent, with its standard error."""
    held = list(found)
    if not held:
        return "–"
    p = statistics.fmean(held)
    return f"{100 * p:.1f} ± {100 * math.sqrt(p * (1 - p) / len(held)):.1f} of {len(held)}"


def table(found: Sequence[Held]) -> None:
    """One row for each kind of world and budget."""
    print(
        "| world | trainings | levels | falsely better, % of studies | means, % | differences, % | ratios, "
        "% | regret, median |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for key in sorted({(h.kind, h.runs) for h in found}):
        row([h for h in found if (h.kind, h.runs) == key], *key)
    row([h for h in found if h.stopped], "stopped by Ctrl-C", "any")
    row([h for h in found if h.dropped], "the best was dropped", "any")
    row(found, "all", "any")


def row(found: Sequence[Held], kind: str, runs: int | str) -> None:
    levels = Counter(h.level for h in found)
    regret = [h.regret for h in found if math.isfinite(h.regret) and h.kind != "signed"]
    told = f"{statistics.median(regret):.3f}" if regret else "–"
    cells = [
        kind, runs, ", ".join(f"{level} {count}" for level, count in levels.most_common()),
        share(h.wrong > 0 for h in found if h.better or h.level == Level.CONFIRMED),
        share(m for h in found for m in h.means), share(d for h in found for d in h.differences),
        share(r for h in found for r in h.ratios), told,
    ]  # fmt: skip
    print("| " + " | ".join(map(str, cells)) + " |")


def calibration(title: str, pairs: Sequence[tuple[float, bool]]) -> None:
    """P(best) in ten bins, beside how often it was so."""
    print(f"\n{title}: {len(pairs)} answers")
    print("| said | answers | said, mean | true |\n|---|---|---|---|")
    for low in range(10):
        chosen = [(p, b) for p, b in pairs if low / 10 <= p < (low + 1) / 10 or (low == 9 and p == 1)]
        if chosen:
            said = statistics.fmean(p for p, _ in chosen)
            true = share(b for _, b in chosen)
            print(f"| {low / 10:.1f} to {(low + 1) / 10:.1f} | {len(chosen)} | {said:.2f} | {true} |")
    if pairs:
        brier = statistics.fmean((p - b) ** 2 for p, b in pairs)
        sure = statistics.fmean((1 - b) ** 2 for _, b in pairs)
        print(f"Brier score {brier:.3f}; of 'the leader for sure' {sure:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=300, help="of each kind of world, over all budgets")
    parser.add_argument(
        "--runs", type=lambda text: [int(n) for n in text.split(",")], default=[13, 30, 60, 120]
    )
    parser.add_argument("--worlds", type=lambda text: text.split(","), default=list(WORLDS))
    parser.add_argument("--stopped", type=float, default=0.3, help="share of the studies that is interrupted")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    started = time.monotonic()
    draw = np.random.default_rng(args.first)
    work = [
        (kind, args.runs[seed % len(args.runs)], args.first + seed, bool(draw.random() < args.stopped))
        for kind in args.worlds
        for seed in range(args.studies)
    ]
    found: list[Held] = []
    with Pool(args.processes) as pool, contextlib.suppress(KeyboardInterrupt):
        for number, held in enumerate(pool.imap_unordered(study, work), start=1):
            found.append(held)
            if number % 50 == 0:
                print(f"{number} of {len(work)} studies, {time.monotonic() - started:.0f} s", flush=True)
    table(found)
    calibration(
        "P(best) over all that were trained to the end",
        [(h.p_best, h.is_best) for h in found if h.p_best is not None],
    )
    calibration(
        "the same where the best that was looked at was dropped before",
        [(h.p_best, h.is_best) for h in found if h.p_best is not None and h.dropped],
    )
    calibration(
        "P(best) over the confirmed",
        [(h.p_confirmed, h.is_best_confirmed) for h in found if h.p_confirmed is not None],
    )
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
