"""What wins where: a modest study of every built-in task, and what it found as data and as a page.

    python benchmarks/gallery.py [--tasks digits,line] [--runs 120] [--minutes-per-task 20] [--workers N]

Every task that needs no data of the user's is put to `surefoot choose`.  Then each optimizer of its race that
was not trained to the end is, with its best settings of the race, as far as a quarter of the budget pays: so
optimizers that did not become finalists can be compared too.  The budget is --runs, or what fits into
--minutes-per-task where that is less, though never less than the 13 trainings of the smallest study.
Everything lies in .surefoot/gallery.db: an
interrupted gallery goes on where it was, and what is finished is not trained again.  To begin anew, take
another --seed, or remove that file.

A task that fails is reported, and the others go on; the exit status is then 1.  After every task are written:

- src/surefoot/search/space/data/experience.json, what `surefoot advise` and the first look of a race go by;
  tasks that are not asked for keep their place there;
- docs/results.md and docs/results.svg (`results_page.py`).
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import statistics
import sys
import time
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from results_page import DATA, PAGE, PICTURE, write_page
from surefoot.engines.local.engine import LocalEngine
from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.search.budget_plan import OVERHEAD
from surefoot.search.runner import Runner
from surefoot.search.space import candidates as space
from surefoot.search.space.prior_results import FORMAT, WORST, ExperienceError, read_experience
from surefoot.search.space.task_features import features_of
from surefoot.store import Store
from surefoot.store.environment import environment
from surefoot.study.answer import CandidateResult
from surefoot.study.format import plural, seconds
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.requests import Batch, Reading, RunRequest
from surefoot.study.run import Candidate, Phase
from surefoot.tasks import builtin_tasks, load_task
from surefoot.termination import exit_status, heeding_termination
from surefoot.training.profile import look

STORE = Path(".surefoot/gallery.db")
RUNS, MINUTES = 120.0, 20.0
FEWEST_RUNS = 13.0
"""Of the smallest study that is worth an entry: two seeds of three finalists and the baseline, and a race."""

FIELD_SHARE = 0.25
"""Of the study's budget, on top of it: for optimizers that the race did not train to the end."""

NOTE = (
    "One study of each task, with one seed of the search. Values of finalists are means over fresh seeds, "
    "all others come from the one seed of the race. Regret: 0 the task's best optimizer, 1 the median one, "
    "at most 1.5."
)


@dataclass(frozen=True)
class Plan:
    """How tasks are studied.

    Attributes:
        runs: budget of a study in full trainings; what follows it costs a quarter more.
        minutes: no task takes longer, if the smallest study fits into that.
        command: of the gallery.
    """

    runs: float
    minutes: float
    seed: int
    workers: int | None
    timeout: float | None
    command: str

    def question(self, task: str, profile: TaskProfile, workers: int, begun: Collection[str]) -> Question:
        """The question about a task: the one that was begun before, whatever its steps take today."""
        share = 60 * self.minutes / (1 + FIELD_SHARE)
        seed = f"-seed-{self.seed}" if self.seed else ""
        by_runs, by_time = f"{task}-{self.runs:g}-runs{seed}", f"{task}-{self.minutes:g}-minutes{seed}"
        fewest = f"{task}-{min(FEWEST_RUNS, self.runs):g}-runs{seed}"
        paid = share * workers / training_seconds(profile)
        fitting = by_runs if self.runs <= paid else by_time if paid >= FEWEST_RUNS else fewest
        study = next((name for name in (by_runs, by_time, fewest) if name in begun), fitting)
        if study == by_time:
            return ask(task, budget_seconds=share, seed=self.seed, study=study)
        runs = self.runs if study == by_runs else FEWEST_RUNS
        return ask(task, runs=runs, seed=self.seed, study=study)


def duration(question: Question, profile: TaskProfile, workers: int) -> float:
    """How long a task will take in seconds, by what its steps take."""
    taken = (question.runs or 0.0) * training_seconds(profile) / workers
    return (1 + FIELD_SHARE) * (question.budget_seconds or taken)


def training_seconds(profile: TaskProfile) -> float:
    return float(OVERHEAD * profile.seconds_per_step * profile.steps)


# -------------------------------------------------------------------- one task


def study_task(question: Question, plan: Plan, store: Store) -> dict[str, Any]:
    """Study a task, go on with it, or only read it again; returns its entry in the data."""
    task, checkpoints = question.task, STORE.parent / "gallery-checkpoints"
    with LocalEngine(plan.workers, timeout=plan.timeout) as engine:
        with RaceDisplay() as display:
            choose_optimizer(question, store, engine, checkpoints / question.study, display)
        study = store.study(question.study)
        wanted = unfinished(study)[: math.floor(FIELD_SHARE * trainings(study))]
        field = replace(question, study=f"{question.study}-field")
        log = store.begin(field, study.profile, environment())
        requests = [RunRequest(candidate, race_seed(study), 1.0, Phase.SCREEN) for candidate in wanted]
        with RaceDisplay() as display:
            display.phase("train other optimizers to the end")
            total = float(len(requests))
            folder = checkpoints / "field"
            runner = Runner(task, engine, log, folder, display, candidate_label, total)
            runner.drive(Batch(requests), Reading())
    return entry(study, runner.records(), plan.command)


def trainings(study: StudyRecord) -> float:
    """The study's budget in full trainings."""
    question, profile = question_of(study), profile_of(study)
    if question.runs:
        return question.runs
    return (question.budget_seconds or 0.0) * profile.workers / training_seconds(profile)


def question_of(study: StudyRecord) -> Question:
    assert isinstance(study.question, Question)
    return study.question


def profile_of(study: StudyRecord) -> TaskProfile:
    assert study.profile is not None
    return study.profile


def race_seed(study: StudyRecord) -> int:
    return min(run.seed for run in study.runs if run.phase == Phase.SCREEN)


def of_the_race(study: StudyRecord) -> list[RunRecord]:
    """The runs on the race's own seed that have come to a value."""
    seed = race_seed(study)
    runs = [run for run in study.runs if run.phase == Phase.SCREEN and run.seed == seed and not run.lost]
    return [run for run in runs if run.points and math.isfinite(run.points[-1].value)]


def unfinished(study: StudyRecord) -> list[Candidate]:
    """The best candidate of each optimizer that has no whole training, in the order of the race."""
    best: dict[str, RunRecord] = {}
    for run in sorted(of_the_race(study), key=lambda r: (-r.points[-1].progress, r.points[-1].value)):
        best.setdefault(run.optimizer, run)
    return [run.candidate for run in best.values() if run.points[-1].progress < 1]


# -------------------------------------------------------------------- what it found


def entry(study: StudyRecord, field: Sequence[RunRecord], command: str) -> dict[str, Any]:
    """A task's entry in the data: its traits, its answer, and how every optimizer did."""
    answer, profile, made = study.answer, profile_of(study), study.environment
    assert answer is not None
    task = load_task(study.task)
    assert answer.baseline is not None
    assert answer.effect is not None
    rows = {row.label: row for row in answer.candidates if row.phase == Phase.CONFIRM}
    best, baseline = candidate_label(answer.recommendation.candidate), candidate_label(answer.baseline)
    others = [row for label, row in rows.items() if label != best and finite(row.mean) is not None]
    runner_up = min(others, key=lambda row: row.mean or 0.0, default=None)
    window = answer.lr_windows.get(answer.recommendation.optimizer)
    speed = finite(rows[best].seconds_per_step)
    found = {
        "name": study.task,
        "about": (type(task).__doc__ or "").strip().split("\n")[0],
        "measure": answer.measure,
        "traits": asdict(features_of(profile)),
        "winner": best,
        "verdict": answer.verdict.value,
        "best": measured(rows[best]),
        "baseline": measured(rows[baseline]),
        "runner_up": measured(runner_up) if runner_up else None,
        "effect": {
            name: finite(getattr(answer.effect, name)) for name in ("estimate", "low", "high", "level")
        },
        "window": window and asdict(window),
        "training_seconds": speed and speed * profile.steps,
        "study": {
            "name": study.name,
            "command": answer.command,
            "gallery": command,
            "begun": study.created,
            "runs": answer.runs + len(field),
            "seconds": answer.seconds,
            "seed": question_of(study).seed,
            "commit": made.get("git_commit") or "",
            "torch": made["versions"]["torch"],
            "processor": f"{made['processor']}, {plural(profile.workers, 'worker')}",
        },
        "optimizers": showings(study, field, rows, baseline),
    }
    return {name: rounded(value) for name, value in found.items()}


def measured(row: CandidateResult) -> dict[str, Any]:
    """A confirmed candidate."""
    words = {"label": row.label, "optimizer": row.optimizer, "settings": row.hyperparameters}
    numbers = {"value": row.mean, "low": row.low, "high": row.high}
    return {**words, **{n: finite(v) for n, v in numbers.items()}, "seeds": len(row.seeds)}


def showings(
    study: StudyRecord, field: Sequence[RunRecord], rows: Mapping[str, CandidateResult], baseline: str
) -> dict[str, dict[str, Any]]:
    """How each optimizer of the race did, by name."""
    names = list(dict.fromkeys(run.optimizer for run in study.runs if run.phase == Phase.SCREEN))
    shown = {name: _showing(name, study, field, rows, baseline) for name in sorted(names)}
    values = [one["value"] for one in shown.values() if one["value"] is not None]
    # One seed may flatter; the finalists' means do not.
    low = min([one["value"] for one in shown.values() if one["confirmed"]] or values)
    default = finite(rows[baseline].mean)
    middle = statistics.median([*values, *[math.inf] * (len(shown) - len(values))])
    spread = (middle if math.isfinite(middle) else max(values)) - low
    for one in shown.values():
        one["regret"] = _regret(one, low, spread, max(values))
        known = one["value"] is not None and default is not None
        one["against_baseline"] = one["value"] - default if known else None
    return shown


def _showing(
    name: str,
    study: StudyRecord,
    field: Sequence[RunRecord],
    rows: Mapping[str, CandidateResult],
    baseline: str,
) -> dict[str, Any]:
    """The best that an optimizer reached: as a finalist if it was one, else on the race's seed."""
    confirmed = [row for row in rows.values() if row.optimizer == name and finite(row.mean) is not None]
    finalists = [row for row in confirmed if row.label != baseline]
    tried = [r for r in [*of_the_race(study), *field] if r.optimizer == name and not r.lost and r.points]
    whole = [r for r in tried if r.points[-1].progress >= 1 and math.isfinite(r.points[-1].value)]
    ends = [(row.mean, row.hyperparameters, len(row.seeds)) for row in finalists or confirmed]
    if not finalists:
        ends += [(run.points[-1].value, run.candidate.hyperparameters, 1) for run in whole]
    value, settings, seeds = min(ends, key=lambda end: end[0], default=(None, None, 0))
    progress = 1.0 if ends else max((run.points[-1].progress for run in tried), default=0.0)
    return {
        "value": value,
        "settings": settings,
        "seeds": seeds,
        "confirmed": bool(finalists),
        "progress": progress,
        "offset": _offset(name, settings),
    }


def _offset(name: str, settings: Mapping[str, Any] | None) -> float | None:
    """Decades from the prior's centre to the best learning rate."""
    prior = space.priors([name]).get(name.lower())
    return math.log10(settings["lr"] / prior[0]) if settings and prior and settings.get("lr", 0) > 0 else None


def _regret(one: Mapping[str, Any], low: float, spread: float, worst: float) -> float:
    """As in replays; what was dropped on the way is at least no better than the median."""
    if one["value"] is None:
        dropped = max(1.0, (worst - low) / spread) if spread > 0 else 1.0
        return min(WORST, dropped) if one["progress"] else WORST
    return min(WORST, max(0.0, (one["value"] - low) / spread)) if spread > 0 else 0.0


def finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def rounded(value: Any) -> Any:
    """Six digits are more than seeds allow; without what JSON has no word for."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


# -------------------------------------------------------------------- all tasks


def known_entries(file: Path) -> dict[str, dict[str, Any]]:
    """What was measured before, by task."""
    if not file.exists():
        return {}
    document = json.loads(file.read_text(encoding="utf8"))
    read_experience(document)  # refuses what is damaged or of another version
    return {entry["name"]: entry for entry in document["tasks"]}


def write_all(entries: Mapping[str, Mapping[str, Any]]) -> None:
    document = {"format": FORMAT, "note": NOTE, "tasks": [entries[name] for name in sorted(entries)]}
    read_experience(document)
    DATA.parent.mkdir(parents=True, exist_ok=True)
    part = DATA.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    part.replace(DATA)
    write_page(document, PAGE, PICTURE)


def run(tasks: Sequence[str], plan: Plan) -> dict[str, str]:
    """Study the tasks one after the other; returns why some failed, by task."""
    entries, failed = known_entries(DATA), {}
    STORE.parent.mkdir(parents=True, exist_ok=True)
    with Store.at(STORE) as store:
        planned = plan_all(tasks, plan, {study.name for study in store.studies()}, failed)
        for place, (question, _) in enumerate(planned, start=1):
            task, started = question.task, time.monotonic()
            try:
                entries[task] = study_task(question, plan, store)
                write_all(entries)
            except Exception as error:  # one task must not stop the others
                traceback.print_exc()
                failed[task] = told(error)
            left, took = sum(lasts for _, lasts in planned[place:]), time.monotonic() - started
            outcome = f"failed ({failed[task]})" if task in failed else entries[task]["winner"]
            print(f"\n[{place}/{len(planned)}] {task}: {outcome}, {seconds(took)}", end="")
            print(f"; about {seconds(left)} left\n" if left else "\n", flush=True)
    return failed


def plan_all(
    tasks: Sequence[str], plan: Plan, begun: Collection[str], failed: dict[str, str]
) -> list[tuple[Question, float]]:
    """The question about each task, and how long it will take; tasks that cannot be looked at have failed."""
    planned = []
    with LocalEngine(plan.workers) as engine:
        workers = engine.slots
    for task in tasks:
        try:
            profile = look(load_task(task))
        except Exception as error:
            failed[task] = told(error)
            continue
        question = plan.question(task, profile, workers, begun)
        planned.append((question, duration(question, profile, workers)))
        known = " (begun before)" if question.study in begun else ""
        print(f"{question.study}: about {seconds(planned[-1][1])}{known}", flush=True)
    total = seconds(sum(lasts for _, lasts in planned))
    print(f"{plural(len(planned), 'task')}: about {total}\n", flush=True)
    return planned


def told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", help="names, separated by commas; all that need no data by default")
    parser.add_argument("--runs", type=float, default=RUNS, help=f"at most; {RUNS:g} by default")
    parser.add_argument("--minutes-per-task", type=float, default=MINUTES, help=f"{MINUTES:g} by default")
    parser.add_argument("--workers", type=int, help="runs side by side; one for each core by default")
    parser.add_argument("--run-timeout", type=float, help="seconds after which a run counts as hung")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if not (args.runs >= 1 and args.minutes_per_task > 0):
        parser.error("--runs must be at least 1, and --minutes-per-task more than 0")
    builtin = sorted(builtin_tasks())
    tasks = [name.strip() for name in args.tasks.split(",")] if args.tasks else builtin
    if unknown := [name for name in tasks if name not in builtin]:
        parser.error(f"no such task: {', '.join(unknown)}; there are {', '.join(builtin)}")
    command = shlex.join(["python", "benchmarks/gallery.py", *sys.argv[1:]])
    plan = Plan(args.runs, args.minutes_per_task, args.seed, args.workers, args.run_timeout, command)
    try:
        with heeding_termination():
            failed = run(tasks, plan)
    except KeyboardInterrupt as interruption:
        print(f"\nInterrupted; nothing is lost. To go on: {command}", file=sys.stderr)
        sys.exit(exit_status(interruption))
    except ExperienceError as error:
        sys.exit(f"{error}; remove {DATA} to begin anew")
    for task, reason in failed.items():
        print(f"{task} failed: {reason}", file=sys.stderr)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
