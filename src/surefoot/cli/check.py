"""`surefoot check`: is a task ready for a study?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from surefoot.cli.group import data_option, maximize_option, surefoot

if TYPE_CHECKING:
    from surefoot.checks.findings import CheckReport

EXIT_WRONG = 2


@surefoot.command(
    epilog="""\b
Examples:
  surefoot check digits
  surefoot check my_task.py:task
  surefoot check images --data photos"""
)
@click.argument("task")
@data_option
@maximize_option
@click.option(
    "--workers", type=click.IntRange(min=1), help="Runs side by side later. [default: one per core]"
)
def check(task: str, data: str | None, maximize: bool | None, workers: int | None) -> None:
    """Look for mistakes in TASK before a study begins, and say how long one would take.

    Ends with 0 if the task can be trained as it is, and with 2 if not: a line for each mistake.
    """
    from surefoot.checks.task import check, processors
    from surefoot.tasks import load_task, with_data

    side_by_side = workers or processors()
    report = check(load_task(with_data(task, data)), side_by_side, maximize)
    for finding in report.findings:
        click.echo(f"{'wrong' if finding.wrong else 'note '}  {finding.text}")
    if report.findings:
        click.echo()
    _print_facts(report, side_by_side)
    if report.wrong:
        sys.exit(EXIT_WRONG)


def _print_facts(report: CheckReport, workers: int) -> None:
    """The summary: what was checked, and what it showed."""
    from rich.console import Console

    from surefoot.checks.findings import TRAININGS
    from surefoot.report.explain import listing
    from surefoot.study.format import MISSING, number, plural, seconds, size

    facts = report.facts
    frozen = f", {facts.frozen:,} frozen" if facts.frozen else ""
    known = {
        "model": facts.parameters is not None
        and f"{facts.parameters:,} parameters ({', '.join(facts.dtypes)}){frozen}",
        "batches": facts.batch and f"{facts.batch}; {facts.batches_seen} of {facts.steps:,} looked at",
        "a step": facts.seconds_per_step is not None
        and f"{seconds(facts.seconds_per_step)} on one core; a training has {plural(facts.steps, 'step')}",
        "validation": facts.initial_value is not None
        and f"{number(facts.initial_value)} before any training; {seconds(facts.validation_seconds)}"
        + (f" for {plural(facts.held_out, 'row')}" if facts.held_out else ""),
        "measure": facts.direction is not None and f"{report.measure}, {facts.direction.better} is better",
        "memory": facts.peak_memory is not None and f"{size(facts.peak_memory)} for one run",
        f"{TRAININGS} trainings": facts.training_seconds is not None
        and f"about {seconds(facts.study_seconds(workers))} with {workers} at once",
    }
    about = {
        "model": {"model"}, "batches": {"batches", "data"}, "a step": {"loss", "gradient"},
        "validation": {"validate"}, "measure": {"validate"},
    }  # fmt: skip
    wrong = {finding.about for finding in report.wrong}
    rows = [
        (what, "wrong" if wrong & about.get(what, set()) else
         "ok" if text else "not reached", text or MISSING)
        for what, text in known.items()
    ]  # fmt: skip
    Console(highlight=False).print(listing(rows, (report.task, "", "")))
