"""`surefoot predict`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surefoot.cli.group import surefoot

if TYPE_CHECKING:
    from surefoot.training.full.model_folder import About, Which


@surefoot.command(
    epilog="""\b
Examples:
  surefoot predict digits --model model --input seven.png --out seven.json
  surefoot predict images --model model --input photos/new --out predicted
  surefoot predict my_task.py:task --model model --input question.txt --out answers --last"""
)
@click.argument("task")
@click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False),
    required=True,
    help="The folder that `surefoot train` has filled.",
)
@click.option("--input", "source", type=click.Path(exists=True), required=True, help="What to predict from.")
@click.option(
    "--out", type=click.Path(), required=True, help="Where results go: a file or folder, as the task says."
)
@click.option("--data", type=click.Path(), help="Your folder of data, for a task that asks for it here too.")
@click.option("--last", is_flag=True, help="Use the last weights, not the best by validation.")
@click.option("--force", is_flag=True, help="Even if the model was trained on another task.")
def predict(task: str, model: str, source: str, out: str, data: str | None, last: bool, force: bool) -> None:
    """Let a trained model of TASK predict from a file or folder.

    The model's folder may come from a stranger: it is only read, as numbers and JSON, and nothing in it is
    run.  TASK is code, and is taken from the command line alone.
    """
    from surefoot.study.format import printable
    from surefoot.tasks import TaskError, as_trained, calling, load_task, source_file, with_data
    from surefoot.training.full.model_folder import ModelFolder
    from surefoot.training.loop import evaluating

    if not os.access(source, os.R_OK):
        raise TaskError(f"--input {source} cannot be read")
    folder = ModelFolder(model)
    about = folder.about()
    reference = as_trained(with_data(task, data) if data else task, about.task)
    if not force:
        _check_reference(reference, about)
    found = load_task(reference, about.labels or None)
    use = getattr(found, "predict", None)
    if not callable(use):
        raise TaskError(
            f"the task {found.name} has no predict; give it one: def predict(self, model, source: Path, "
            "out: Path) -> list[str], which reads source, writes at or below out, and returns lines to print"
        )
    if not force:
        _check_labels(found, about)
    file = source_file(found)
    with calling(f"{found.name}: model()", file):
        trained = found.model()
    which: Which = "last" if last else "best"
    measured = folder.read_weights(trained, which)
    with calling(f"{found.name}: predict()", file), evaluating(trained):
        lines = use(trained, Path(source), Path(out))
    click.echo(_provenance(which, about, measured), err=True)
    for line in [lines] if isinstance(lines, str) else lines or ():
        click.echo(printable(line))


def _check_reference(reference: str, about: About) -> None:
    """Another folder of data is no other task; nor is another way to the same file."""
    if _bare(reference) != _bare(about.task):
        from surefoot.study.format import short
        from surefoot.tasks import TaskError

        raise TaskError(
            f"the model was trained on the task {short(about.task, 80)!r}, not {reference!r}; "
            "to use it all the same: --force"
        )


def _check_labels(task: Any, about: About) -> None:
    """Classes in another order would be called by wrong names."""
    from surefoot.study.format import short
    from surefoot.tasks import TaskError

    own = tuple(map(str, getattr(task, "labels", None) or ()))
    if own and own != about.labels:
        raise TaskError(
            f"the model was trained for the classes {short(', '.join(about.labels), 80) or 'of no name'}, "
            f"and the task has {short(', '.join(own), 80)}; to use it all the same: --force"
        )


def _bare(reference: str) -> str:
    bare = reference.partition("?")[0]
    source, colon, name = bare.rpartition(":")
    return f"{Path(source).name}:{name}" if colon and source.endswith(".py") else bare


def _provenance(which: Which, about: About, measured: dict[str, float]) -> str:
    """Which weights are used, and what they were measured at."""
    from surefoot.study.format import number, printable, share

    words = f"With the {which} weights"
    if {"value", "progress"} <= measured.keys():
        words += f", {number(measured['value'])} {printable(about.measure)[:80]}"
        words += f" at {share(measured['progress'])} of the training"
    return words
