"""`surefoot choose`."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

import click

from surefoot.cli.group import (
    StrictCommand,
    check_writable,
    data_option,
    maximize_option,
    store_option,
    surefoot,
    write,
    write_report,
)
from surefoot.cli.parameters import BudgetType, Duration, SizeType
from surefoot.path_names import DEFAULT_STORE
from surefoot.study.durations import Amount, seconds_of, trainings_of
from surefoot.termination import exit_status, heeding_termination


class CommandAfterDashes(StrictCommand):
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
  surefoot choose images --data photos --budget 30m
  surefoot choose digits --goal fastest --target 0.2
  surefoot choose --maximize --measure accuracy -- python train.py
  surefoot choose my_package.tasks:Small --runs 60 --json answer.json
  surefoot choose my_package.tasks:Small --runs +40
  surefoot choose digits --set weight_decay=0,0.1 --set lr=1e-4..1e-2 --set "adam.betas=(0.9,0.95)"
  surefoot choose digits --optimizers adamw,my_optim.py:Mine --candidates mine.json""",
)
@click.argument("task", required=False, metavar="TASK | -- COMMAND ARGS…")
@data_option
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
    "--budget",
    type=BudgetType("duration", seconds_of),
    default="5m",
    show_default=True,
    help="Time for the whole study, by the clock: 90s, 5m, 2h; +5m goes on with a study for so much longer.",
)
@click.option(
    "--runs",
    type=BudgetType("trainings", trainings_of),
    help="Budget in full trainings, instead of time: 40, 0.5; +40 goes on with a study with so many more.",
)
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
    help="Differences below this are a tie. [default: half of what a change of seed does]",
)
@click.option("--measure", metavar="TEXT", help="What a script reports. [default: reported value]")
@maximize_option
@click.option("--run-timeout", type=Duration(), help="Longest time for one run before it counts as hung.")
@click.option(
    "--run-memory",
    type=SizeType(),
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
@click.option("--quiet", is_flag=True, help="Show the answer alone, without the progress on stderr.")
def choose(
    script: tuple[str, ...],
    task: str | None,
    data: str | None,
    optimizers: str,
    sets: tuple[str, ...],
    candidates: str | None,
    budget: Amount,
    runs: Amount | None,
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
    maximize: bool | None,
    run_timeout: float | None,
    run_memory: int | None,
    gpus: str | None,
    json_file: str | None,
    report_file: str | None,
    quiet: bool,
) -> None:
    """Choose the optimizer and its settings for TASK, or for a script of your own, by measuring.

    TASK is a built-in name (see `surefoot list tasks`), file.py:object or package.module:object; images and
    segmentation are trained on the folder that --data names.  COMMAND
    starts a training script that calls surefoot.run.optimizer and surefoot.run.report.  A study that was
    interrupted goes on with the same command; a finished one is shown again without training.
    """
    click.get_current_context().with_resource(heeding_termination())
    from surefoot.api.choosing import answer_question, extend
    from surefoot.api.displays import progress_on_stderr
    from surefoot.engines.options import EngineOptions
    from surefoot.report.terminal import print_answer
    from surefoot.search import Interrupted, ask
    from surefoot.search.question import command_with
    from surefoot.store import Store
    from surefoot.study.strict_json import without_nan
    from surefoot.tasks import with_data

    for file in (json_file, report_file):
        check_writable(file)
    if data is not None and not task:
        raise click.UsageError("--data goes with a task, such as images; a command reads its own data")
    question = ask(
        task=with_data(task, data) if task else None,
        optimizers=None if optimizers == "all" else [n.strip() for n in optimizers.split(",") if n.strip()],
        budget_seconds=None if runs is not None else budget.value,
        runs=runs.value if runs is not None else None,
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
        maximize=maximize,
    )
    place = EngineOptions(
        engine, workers, run_timeout, run_memory, gpus, ray_address, run_cpus, run_gpus, checkpoints
    )
    more = runs if runs is not None else budget
    with Store.at(store) as evidence:
        if more.more:
            question = extend(evidence, question, more)
        try:
            answer = answer_question(
                question, evidence, store, place, progress_on_stderr(not quiet), opened=_tell_cluster
            )
        except KeyboardInterrupt as interruption:
            so_far = interruption.so_far if isinstance(interruption, Interrupted) else ""
            elsewhere = [] if store == DEFAULT_STORE else ["--store", store]
            command = command_with(question, *elsewhere, *place.words)
            with contextlib.suppress(OSError):  # after SIGHUP there may be nobody to read it
                # On stderr, so that nobody takes it for the answer.
                click.echo(f"\n{so_far}".rstrip(), err=True)
                click.echo(f"Interrupted; nothing is lost. To go on: {command}", err=True)
            sys.exit(exit_status(interruption))
        # Files first: nobody who closes the page early, or has no room for it, loses them.
        if json_file:
            write(
                json_file, json.dumps(without_nan(answer.to_document()), indent=2, ensure_ascii=False) + "\n"
            )
        if report_file:
            write_report(evidence, question.study, report_file)
        print_answer(answer)


def _tell_cluster(engine: Any) -> None:
    """Where runs are made, if that is not here."""
    if cluster := getattr(engine, "where", ""):
        click.echo(f"{engine.slots} runs at once on {cluster}", err=True)
