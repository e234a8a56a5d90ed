"""`surefoot train`."""

from __future__ import annotations

import contextlib
import math
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from surefoot.cli.group import maximize_option, seed_option, settings_option, store_option, surefoot
from surefoot.path_names import DEFAULT_STORE
from surefoot.study.run import Status

if TYPE_CHECKING:
    from surefoot.report.training_display import TrainingDisplay
    from surefoot.search.training_log import TrainingLog
    from surefoot.study.direction import Direction
    from surefoot.study.question import TrainingPlan
    from surefoot.study.run import Candidate, Point
    from surefoot.training.full.model_folder import ModelFolder
    from surefoot.training.full.plan import TrainingState
    from surefoot.training.full.scalars import Scalars
    from surefoot.training.loop import Live

EXIT_DIVERGED = 3


@surefoot.command(
    epilog="""\b
Examples:
  surefoot train digits --study digits-1f2e3d4c --out model
  surefoot train digits --optimizer adamw --set lr=2e-3 --set weight_decay=0.1 --out model
  surefoot train images --data photos --study photos --seed 1 --out model --tensorboard
  surefoot train my_task.py:task --optimizer sgd --set lr=0.1 --schedule cosine --steps 50000 --out model"""
)
@click.argument("task")
@click.option(
    "--study", metavar="NAME", help="Train with what this finished study recommends, just as it was measured."
)
@click.option("--optimizer", metavar="NAME", help="Or name the optimizer; your own as file.py:Class.")
@settings_option(
    "A setting of it, or warmup or weight_decay_on; may be repeated.  [default: the constructor's]"
)
@click.option(
    "--schedule",
    type=click.Choice(["trunk", "constant", "cosine"]),
    help="With --optimizer: warmup-constant-cooldown, constant, or cosine.  [default: trunk]",
)
@click.option(
    "--out", type=click.Path(file_okay=False), required=True, help="The folder for the trained model."
)
@click.option("--data", type=click.Path(), help="Your folder of data, for a task that asks for it.")
@seed_option
@click.option("--steps", type=click.IntRange(min=1), help="Length of the training.  [default: the task's]")
@click.option(
    "--validations",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="How often to validate, evenly spaced; the best model is one of these.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of torch. Another number rounds sums otherwise, so ends a little beside the study's runs.",
)
@maximize_option
@click.option("--tensorboard", is_flag=True, help="Write scalars into OUT/tensorboard.")
@click.option("--overwrite", is_flag=True, help="Begin anew, whatever training OUT holds.")
@store_option
def train(
    task: str,
    study: str | None,
    optimizer: str | None,
    sets: tuple[str, ...],
    schedule: str | None,
    out: str,
    data: str | None,
    seed: int,
    steps: int | None,
    validations: int,
    threads: int,
    maximize: bool | None,
    tensorboard: bool,
    overwrite: bool,
    store: str,
) -> None:
    """Train TASK fully, with the settings that a study has chosen or with your own.

    OUT then holds the best model by validation, the last one, and how they were made; `surefoot predict` uses
    it.  A training that was interrupted, however, goes on with the same command and ends bit for bit where
    an undisturbed one ends.
    """
    from surefoot.search.training_log import TrainingLog, study_name
    from surefoot.store import Store
    from surefoot.study.direction import direction_of
    from surefoot.study.question import TrainingPlan
    from surefoot.tasks import load_task, said_by, with_data
    from surefoot.training.full.model_folder import ModelFolder
    from surefoot.training.full.scalars import Scalars

    if bool(study) == bool(optimizer):
        raise click.UsageError("say with what: either --study NAME or --optimizer NAME")
    if study and (sets or schedule):
        raise click.UsageError("--set and --schedule go with --optimizer; a study has chosen its own")
    reference = with_data(task, data)
    with Store.at(store) as evidence:
        candidate = _candidate(evidence, study, reference, optimizer, sets, schedule)
        found = load_task(reference)
        direction = direction_of(found.name, found.measure, said_by(found), maximize)
        plan = TrainingPlan(reference, candidate, seed, steps or found.steps, validations, threads, direction)
        folder, steps = ModelFolder(out), plan.steps if plan.steps != found.steps else None
        again = _command(plan, study, steps, out, store, tensorboard, maximize)
        scalars = Scalars(folder.path / "tensorboard", plan.steps, found.measure) if tensorboard else None
        with folder.claimed(), evidence.claimed(study_name(plan, study)):
            _settle(plan, folder, overwrite, again)
            log = TrainingLog.begin(
                evidence, plan, found, study, _command(plan, study, steps, maximize=maximize)
            )
            result = _sit(plan, found, folder, log, scalars, again)
            log.finish(result)
    _tell(plan, result, found.measure, folder, log.study)
    if result.status == Status.DIVERGED:
        sys.exit(EXIT_DIVERGED)


def _candidate(
    evidence: Any,
    study: str | None,
    task: str,
    optimizer: str | None,
    sets: tuple[str, ...],
    schedule: str | None,
) -> Candidate:
    from surefoot.search.space.single import named, recommended

    if study:
        return recommended(evidence.study(study), task)
    assert optimizer is not None
    return named(optimizer, sets, schedule or "trunk")


def _settle(plan: TrainingPlan, folder: ModelFolder, overwrite: bool, again: str) -> None:
    """See to it that the folder is empty or holds this very training.

    Raises:
        FolderError: it holds something else, and nobody has asked to overwrite it.
    """
    from surefoot.training.full.model_folder import FolderError
    from surefoot.training.full.plan import compare

    if overwrite:
        folder.clear()
    elif foreign := folder.foreign:
        raise FolderError(
            f"{folder.path} is no model's folder: it holds {', '.join(foreign[:3])}"
            f"{' …' if len(foreign) > 3 else ''}; name a new one, or --overwrite to write beside that"
        )
    elif differences := compare(plan, folder):
        raise FolderError(
            f"{folder.path} holds another training: {'; '.join(differences)}; name another --out, or "
            f"overwrite that one: {again} --overwrite"
        )


def _sit(
    plan: TrainingPlan, task: Any, folder: ModelFolder, log: TrainingLog, scalars: Scalars | None, again: str
) -> TrainingState:
    """Train until the end or until somebody asks to stop, which ends the command."""
    from surefoot.report.training_display import TrainingDisplay
    from surefoot.tasks import TaskError
    from surefoot.training.full.stopping import stopping_gently
    from surefoot.training.full.train import train_fully

    with (
        stopping_gently() as signalled,
        contextlib.closing(scalars) if scalars else contextlib.nullcontext(),
        TrainingDisplay(task.measure, plan.steps, direction=plan.direction) as display,
    ):
        follower = _followers(display, log, scalars, plan.direction)
        try:
            result = train_fully(plan, task, folder, follower, lambda: signalled.number != 0)
        except KeyboardInterrupt:  # a second signal, which will not wait for the end of the step
            result = None
        except TaskError as error:
            if "weight_decay option is not compatible with sparse" in str(error):  # torch's words
                raise TaskError(f"{error}; add --set weight_decay=0") from error
            raise
    if result is None or result.status == Status.STOPPED:
        at = f" at step {result.evaluations:,} of {plan.steps:,}" if result else ""
        with contextlib.suppress(OSError):  # after SIGHUP there may be nobody to read it
            click.echo(f"Interrupted{at}; nothing is lost. To go on: {again}", err=True)
        sys.exit(128 + signalled.number)
    return result


def _followers(
    display: TrainingDisplay, log: TrainingLog, scalars: Scalars | None, direction: Direction
) -> Any:
    """All who are told of the training, as one."""
    from surefoot.training.full.train import Follower

    class Followers(Follower):
        def begun(self, evaluations: int, curve: tuple[Point, ...]) -> None:
            values = [point.value for point in curve if math.isfinite(point.value)]
            display.begin(evaluations, min(values, key=direction.told, default=math.nan))
            for follower in others:
                follower.begun(evaluations, curve)

        def stepped(self, live: Live) -> None:
            display.step(live.evaluations, live.loss)
            for follower in others:
                follower.stepped(live)

        def measured(self, live: Live, point: Point, best: bool) -> None:
            display.measured(live.evaluations, live.loss, point.value, best)
            before = log.trouble
            for follower in others:
                follower.measured(live, point, best)
            if log.trouble and not before:
                self.troubled(f"the store does not take the curve for now: {log.trouble}")

        def troubled(self, text: str) -> None:
            display.note(text)

    others = [log, *([scalars] if scalars else [])]
    return Followers()


def _command(
    plan: TrainingPlan,
    study: str | None,
    steps: int | None,
    out: str = "",
    store: str = DEFAULT_STORE,
    tensorboard: bool = False,
    maximize: bool | None = None,
) -> str:
    """The command line that trains so."""
    from surefoot.search.space.single import words
    from surefoot.study.question import VALIDATIONS
    from surefoot.tasks import command_words

    parts = ["surefoot", "train", *command_words(plan.task)]
    parts += ["--study", study] if study else words(plan.candidate)
    parts += ["--seed", str(plan.seed)] if plan.seed else []
    parts += ["--steps", str(steps)] if steps else []
    parts += ["--validations", str(plan.validations)] if plan.validations != VALIDATIONS else []
    parts += ["--threads", str(plan.threads)] if plan.threads != 1 else []
    parts += [] if maximize is None else ["--maximize" if maximize else "--no-maximize"]
    parts += ["--out", out] if out else []
    parts += ["--store", store] if store != DEFAULT_STORE else []
    return shlex.join([*parts, *(["--tensorboard"] if tensorboard else [])])


def _tell(plan: TrainingPlan, result: TrainingState, measure: str, folder: ModelFolder, study: str) -> None:
    """What became of it."""
    from surefoot.search.training_log import sentence
    from surefoot.study.format import number, printable

    diverged = result.status == Status.DIVERGED
    click.echo(printable(sentence(plan, result, measure)), err=diverged)
    for name, value in (result.metrics or {}).items():
        click.echo(f"  {printable(name)}: {number(value)}")
    if result.best is None:
        click.echo("No model is kept: it was lost before the first measurement.", err=True)
    else:
        click.echo(
            f"The {'last good' if diverged else 'best'} model is in {folder.path}; "
            f"the curve: surefoot report {study} -o FILE.html",
            err=diverged,
        )
