"""The command line: parses, calls, prints; nothing is decided here."""

from __future__ import annotations

import contextlib
import difflib
import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from surefoot.termination import exit_status, heeding_termination

DEFAULT_STORE = "sqlite:///.surefoot/evidence.db"
Table = tuple[Sequence[Sequence[Any]], Sequence[str]]  # rows and column names
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
SIZES = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

EXIT_BAD_INPUT = 2
EXIT_NO_RUN_SUCCEEDED = 3


class Duration(click.ParamType[float]):
    """Seconds from "90s", "5m", "1.5h" or a plain number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is not a duration; write for example 90s, 5m or 1.5h", param, context)
        return float(match[1]) * UNITS[match[2] or "s"]


class Size(click.ParamType[int]):
    """Bytes from "500m", "4g", "1.5GB" or "4GiB"; every unit is a power of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt])(?:i?b)?\s*", str(value), re.IGNORECASE)
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is not a size; write for example 500m, 4g or 4GiB", param, context)
        return int(float(match[1]) * SIZES[match[2].lower()])


class NearestGroup(click.Group):
    """A group of commands that names the nearest one when a command is misspelt."""

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with a suggestion."""
        name = arguments[0]
        if self.get_command(context, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(context), 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.commands)}"
            raise click.UsageError(f"unknown command {name!r}; {hint}")
        return super().resolve_command(context, arguments)


@click.group(
    cls=NearestGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="surefoot")
def surefoot() -> None:
    """Which optimizer, with which settings, should train this model?

    Surefoot measures on your model and data, says how sure it is, and hands over the code.

    \b
    surefoot choose digits                       an answer on a built-in task
    surefoot choose my_task.py:task              an answer on your own
    surefoot explain adam                        what an optimizer does, and when to use it
    """


store_option = click.option(
    "--store",
    metavar="URL",
    default=DEFAULT_STORE,
    show_default=True,
    help="Where studies are kept: an SQLAlchemy URL, or the path of an SQLite file.",
)


class CommandAfterDashes(click.Command):
    """A command whose arguments from "--" on are a command line of the user's: the parameter `script`."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Parse what comes before the dashes."""
        at = arguments.index("--") if "--" in arguments else len(arguments)
        context.params["script"] = tuple(arguments[at + 1 :])
        if at == len(arguments) - 1:
            raise click.UsageError("after -- comes the command that trains: -- python train.py", context)
        try:
            return super().parse_args(context, arguments[:at])
        except click.UsageError as error:
            hint = "; before a command of your own write --, as in -- python train.py"
            extra = "extra argument" in error.message
            raise click.UsageError(error.message + hint, context) if extra else error from None


@surefoot.command(
    cls=CommandAfterDashes,
    epilog="""\b
Examples:
  surefoot choose digits --budget 90s
  surefoot choose --budget 1h -- python train.py --epochs 10
  surefoot choose my_task.py:task --optimizers adamw,sgd --seed 1 --report answer.html
  surefoot choose digits --goal fastest --target 0.2
  surefoot choose my_package.tasks:Small --runs 60 --json answer.json
  surefoot choose digits --set weight_decay=0,0.1 --set lr=1e-4..1e-2 --set "adam.betas=(0.9,0.95)"
  surefoot choose digits --optimizers adamw,my_optim.py:Mine --candidates mine.json""",
)
@click.argument("task", required=False, metavar="TASK | -- COMMAND ARGS…")
@click.option(
    "--optimizers",
    metavar="a,b|all",
    default="all",
    show_default=True,
    help="Which to try; your own as file.py:Class or package.module:Class.",
)
@click.option(
    "--set",
    "sets",
    metavar="NAME=VALUE,…",
    multiple=True,
    help="What a setting may be: eps=1e-6, weight_decay=0,0.1, lr=1e-4..1e-2, warmup=0.1, "
    "weight_decay_on=matrices, sgd.momentum=0.9; may be repeated.",
)
@click.option(
    "--candidates",
    type=click.Path(exists=True, dir_okay=False),
    help='Further candidates, JSON or TOML: [{"optimizer": "adamw", "hyperparameters": {"lr": 3e-4}}].',
)
@click.option(
    "--budget", type=Duration(), default="5m", show_default=True, help="Time for all runs: 90s, 5m, 2h."
)
@click.option("--runs", type=click.FloatRange(min=1), help="Budget in full trainings, instead of time.")
@click.option(
    "--schedule",
    type=click.Choice(["trunk", "constant", "cosine"]),
    help="How the learning rate moves: warmup-constant-cooldown, constant, or cosine.  "
    "[default: trunk; constant with --goal fastest]",
)
@click.option(
    "--goal",
    type=click.Choice(["best", "fastest"]),
    default="best",
    show_default=True,
    help="What counts: the best value at the end of the training, or the least time to a target.",
)
@click.option(
    "--target",
    type=float,
    help="The value to reach, with --goal fastest. [default: what the baseline reaches in three quarters "
    "of its training]",
)
@click.option("--workers", type=click.IntRange(min=1), help="Runs side by side. [default: one per core]")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where runs are made: in worker processes on this machine, or as tasks on a Ray cluster.",
)
@click.option(
    "--ray-address",
    metavar="HOST:PORT",
    help="The Ray cluster.  [default: RAY_ADDRESS, or this machine's, or one is started here]",
)
@click.option(
    "--run-cpus",
    type=click.FloatRange(min=0, min_open=True),
    help="Processors that Ray sets aside for a run.  [default: 1]",
)
@click.option(
    "--run-gpus",
    type=click.FloatRange(min=0),
    help="GPUs that Ray sets aside for a run; 0.5 puts two runs on one.  [default: 0]",
)
@click.option(
    "--checkpoints",
    type=click.Path(file_okay=False),
    help="Folder where runs leave off between rungs; for Ray, on storage that every node sees.  "
    "[default: beside the store; Ray's object store]",
)
@store_option
@click.option("--study", metavar="NAME", help="Name of the study. [default: made from the question]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Fixes every draw.")
@click.option(
    "--baseline", default="AdamW", show_default=True, help="What to compare with, as its defaults are."
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0, min_open=True),
    help="Differences below this are a tie. [default: half the baseline's seed standard deviation]",
)
@click.option("--measure", metavar="TEXT", help="What a script reports. [default: reported value]")
@click.option("--run-timeout", type=Duration(), help="Longest time for one run before it counts as hung.")
@click.option(
    "--run-memory",
    type=Size(),
    help="Most memory for one run, with its worker and all processes it starts: 500m, 4g.",
)
@click.option(
    "--gpus",
    metavar="N|all|0,1",
    help="GPUs to use, one for each run at a time: how many, all, or which. [default: as the task does]",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the answer as JSON.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False), help="Write one self-contained HTML file."
)
def choose(
    script: tuple[str, ...],
    task: str | None,
    optimizers: str,
    sets: tuple[str, ...],
    candidates: str | None,
    budget: float,
    runs: float | None,
    schedule: str | None,
    goal: str,
    target: float | None,
    workers: int | None,
    engine: str,
    ray_address: str | None,
    run_cpus: float | None,
    run_gpus: float | None,
    checkpoints: str | None,
    store: str,
    study: str | None,
    seed: int,
    baseline: str,
    margin: float | None,
    measure: str | None,
    run_timeout: float | None,
    run_memory: int | None,
    gpus: str | None,
    json_file: str | None,
    report_file: str | None,
) -> None:
    """Choose the optimizer and its settings for TASK, or for a script of your own, by measuring.

    TASK is a built-in name (see `surefoot list tasks`), file.py:object or package.module:object.  COMMAND
    starts a training script that calls surefoot.run.optimizer and surefoot.run.report.  A study that was
    interrupted goes on with the same command; a finished one is shown again without training.
    """
    click.get_current_context().with_resource(heeding_termination())
    from surefoot.choose import Interrupted, Question, choose_optimizer
    from surefoot.evidence import Store
    from surefoot.evidence.schema import without_nan
    from surefoot.show.live import RaceDisplay
    from surefoot.show.terminal import print_answer
    from surefoot.training.engines import EngineOptions

    for file in (json_file, report_file):
        _check_writable(file)
    question = Question.ask(
        task=task,
        optimizers=None if optimizers == "all" else [n.strip() for n in optimizers.split(",") if n.strip()],
        budget_seconds=None if runs else budget,
        runs=runs,
        schedule=schedule,
        seed=seed,
        baseline=baseline,
        margin=margin,
        study=study,
        sets=sets,
        candidates=candidates,
        goal=goal,
        target=target,
        script=script,
        measure=measure,
    )
    place = EngineOptions(
        engine, workers, run_timeout, run_memory, gpus, ray_address, run_cpus, run_gpus, checkpoints
    )
    trunks = place.folder(question.study) or _checkpoints(store, question.study)
    references = [question.task, question.baseline, *question.sources]
    with Store.at(store) as evidence:
        try:
            with place.open(references) as runs_at, RaceDisplay() as display:
                if cluster := getattr(runs_at, "where", ""):
                    click.echo(f"{runs_at.slots} runs at once on {cluster}", err=True)
                answer = choose_optimizer(question, evidence, runs_at, trunks, display)
        except KeyboardInterrupt as interruption:
            so_far = interruption.so_far if isinstance(interruption, Interrupted) else ""
            elsewhere = [] if store == DEFAULT_STORE else ["--store", store]
            command = question.command_with(*elsewhere, *place.words)
            with contextlib.suppress(OSError):  # after SIGHUP there may be nobody to read it
                # On stderr, so that nobody takes it for the answer.
                click.echo(f"\n{so_far}".rstrip(), err=True)
                click.echo(f"Interrupted; nothing is lost. To go on: {command}", err=True)
            sys.exit(exit_status(interruption))
        print_answer(answer)
        if json_file:
            _write(json_file, json.dumps(without_nan(answer), indent=2, ensure_ascii=False) + "\n")
        if report_file:
            _write_report(evidence, question.study, report_file)


@surefoot.command("list", epilog="\b\nExample:\n  surefoot list optimizers")
@click.argument("what", type=click.Choice(["optimizers", "tasks", "studies"]))
@store_option
def list_things(what: str, store: str) -> None:
    """List optimizers, tasks or studies."""
    from rich.console import Console

    from surefoot.show.explain import listing

    tables: dict[str, Callable[[], Table]] = {
        "optimizers": _optimizers,
        "tasks": _tasks,
        "studies": lambda: _studies(store),
    }
    rows, columns = tables[what]()
    Console(highlight=False).print(listing(rows, columns))


@surefoot.command(epilog="\b\nExample:\n  surefoot explain adam")
@click.argument("optimizer")
def explain(optimizer: str) -> None:
    """Explain OPTIMIZER: equation, settings, cost, what it is good and bad at, paper."""
    from rich.console import Console

    from surefoot import optim
    from surefoot.show.explain import explain as card

    try:
        found = optim.find(optimizer)
    except KeyError as error:
        raise click.UsageError(error.args[0]) from None
    Console(highlight=False).print(card(found.facts()))


@surefoot.command(epilog="\b\nExample:\n  surefoot report digits-1f2e3d4c -o answer.html")
@click.argument("study")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), required=True, help="The HTML file to write."
)
@store_option
def report(study: str, output: str, store: str) -> None:
    """Write the report of STUDY as one self-contained HTML file."""
    from surefoot.evidence import Store

    _check_writable(output)
    with Store.at(store) as evidence:
        _write_report(evidence, study, output)


@surefoot.command(
    epilog="""\b
Examples:
  surefoot export digits-1f2e3d4c -o digits.csv.gz
  surefoot export digits-1f2e3d4c --optuna sqlite:///optuna.db"""
)
@click.argument("study")
@click.option(
    "-o",
    "--output",
    metavar="FILE.csv.gz",
    type=click.Path(dir_okay=False),
    help="Write a curve table, for `surefoot replay`, and FILE.json beside it.",
)
@click.option("--optuna", metavar="URL", help="Write an Optuna study of the same name, for optuna-dashboard.")
@click.option("--replace", is_flag=True, help="With --optuna: replace a study of that name.")
@store_option
def export(study: str, output: str | None, optuna: str | None, replace: bool, store: str) -> None:
    """Write STUDY, finished or not, as a curve table, as an Optuna study, or both."""
    from surefoot.evidence import Store

    if not output and not optuna:
        raise click.UsageError("say where to: -o FILE.csv.gz, --optuna URL, or both")
    if output and not output.endswith((".csv", ".csv.gz")):
        raise click.UsageError(f"a curve table is a .csv or .csv.gz file, not {output}")
    _check_writable(output)
    with Store.at(store) as evidence:
        record = evidence.study(study)
    if output:
        from surefoot.evidence.study_table import write_study_table

        click.echo(f"{write_study_table(record, output):,} curves written to {output}")
    if optuna:
        from surefoot.evidence.optuna_study import write_optuna_study

        click.echo(
            f"{write_optuna_study(record, optuna, replace):,} trials written as the Optuna study {study}"
        )


class Budgets(click.ParamType[tuple[float, ...]]):
    """Full trainings from "1,2,3": positive numbers, separated by commas."""

    name = "budgets"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, tuple):
            return value
        try:
            budgets = tuple(float(word) for word in str(value).split(","))
        except ValueError:
            budgets = ()
        if not budgets or not all(0 < budget < math.inf for budget in budgets):
            self.fail(f"{value!r} are no budgets; write for example 1,2,3,5,8", param, context)
        return budgets


@surefoot.command(
    epilog="""\b
Examples:
  surefoot replay deepobs.csv.gz
  surefoot replay mine.csv.gz theirs.csv.gz --budgets 1,3,8 --orders 50 --json scores.json"""
)
@click.argument("tables", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--budgets", type=Budgets(), default="1,2,3,5,8,12,20", show_default=True, help="In full trainings."
)
@click.option(
    "--orders", type=click.IntRange(min=1), default=200, show_default=True, help="Random orders of the arms."
)
@click.option("--per-task", is_flag=True, help="Also one row for each task.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [default: one per core]")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the scores as JSON.")
def replay(
    tables: tuple[str, ...],
    budgets: tuple[float, ...],
    orders: int,
    per_task: bool,
    workers: int | None,
    json_file: str | None,
) -> None:
    """Score the race of `choose` on curve tables TABLES, without any training.

    A table is a CSV file, gzipped or not, of finished learning curves:
    task,optimizer,hyperparameters,seed,progress,seconds,value.  NAME.json beside it says how to score it.
    The race gets a budget, picks an arm, and is scored by how far that arm is from the best: regret 0 is the
    best arm, 1 the median; of tables with a target, the time to it as a multiple of the shortest.
    """
    from rich.console import Console

    from surefoot.choose.scoring import score_table
    from surefoot.evidence import read_table
    from surefoot.show.scores import counting, print_scores, scores_document

    _check_writable(json_file)
    console = Console(highlight=False)
    scored = []
    for path in tables:
        table = read_table(path)
        with counting(f"replay {table.name}") as progress:
            scored.append(score_table(table, budgets, orders, workers, progress))
        print_scores(console, scored[-1], per_task)
    if json_file:
        _write(json_file, json.dumps(scores_document(scored), indent=2) + "\n")


def _optimizers() -> Table:
    from surefoot import optim

    facts = [optimizer.facts() for optimizer in optim.OPTIMIZERS.values()]
    return [(f.name, f.summary, f.state_bytes_per_parameter) for f in facts], (
        "optimizer",
        "what it does",
        "state per parameter",
    )


def _tasks() -> Table:
    from surefoot.tasks import builtin_tasks

    rows = [
        (name, (type(task).__doc__ or "").strip().split("\n")[0], task.steps, task.measure)
        for name, task in sorted(builtin_tasks().items())
    ]
    return rows, ("task", "what is trained", "steps", "measure (lower is better)")


def _studies(store: str) -> Table:
    from surefoot.evidence import Store

    with Store.at(store) as evidence:
        rows = [
            (s.name, s.task, s.created, s.runs, s.verdict or ("finished" if s.finished else "unfinished"))
            for s in evidence.studies()
        ]
    return rows, ("study", "task", "created", "runs", "verdict")


def _checkpoints(store: str, study: str) -> Path:
    """Trunks lie beside the store when it is a file, else in the current folder."""
    path = store.removeprefix("sqlite:///") if store.startswith("sqlite:///") or "://" not in store else ""
    return (Path(path).parent if path else Path(".surefoot")) / "checkpoints" / study


def _write_report(evidence: Any, study: str, file: str) -> None:
    from surefoot.show.report import write_report

    write_report(evidence.study(study), file)
    click.echo(f"Report written to {file}")


def _check_writable(file: str | None) -> None:
    """Hours of runs must not end in a report that cannot be written."""
    if file and not Path(file).absolute().parent.is_dir():
        raise click.UsageError(f"cannot write {file}: folder {Path(file).parent} does not exist")


def _write(file: str, text: str) -> None:
    Path(file).write_text(text, encoding="utf8")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status.

    0 an answer, 2 bad input, 3 no run succeeded; interrupted it is 130, terminated 143, hung up 129.
    """
    from surefoot.evidence.errors import StoreError

    run: Callable[..., Any] = surefoot.main
    try:
        run(arguments, prog_name="surefoot", standalone_mode=False)
    except click.ClickException as error:
        hint = " (see surefoot --help)" if isinstance(error, click.UsageError) else ""
        _fail(error.format_message() + hint, EXIT_BAD_INPUT)
    except (click.Abort, KeyboardInterrupt) as interruption:
        _fail("interrupted", exit_status(interruption))
    except BrokenPipeError:
        sys.exit(0)
    except StoreError as error:
        _fail(str(error), EXIT_BAD_INPUT)
    except Exception as error:
        from surefoot.choose import NoRunSucceededError
        from surefoot.tasks import TaskError

        if isinstance(error, NoRunSucceededError):
            _fail(str(error), EXIT_NO_RUN_SUCCEEDED)
        if isinstance(error, TaskError | OSError | ValueError):
            _fail(str(error), EXIT_BAD_INPUT)
        raise


def _fail(message: str, status: int) -> None:
    click.echo(f"surefoot: {message}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
