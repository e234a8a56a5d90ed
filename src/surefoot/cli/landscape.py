"""`surefoot landscape`: where several optimizers went on the loss of a real model."""

from __future__ import annotations

import click

from surefoot.cli.group import (
    check_kind,
    check_writable,
    files_option,
    store_option,
    surefoot,
    write_report,
)
from surefoot.path_names import trunks_of
from surefoot.termination import heeding_termination

KINDS = (".png", ".svg", ".html")


@surefoot.command(
    epilog="""\b
Examples:
  surefoot landscape digits-1f2e3d4c -o landscape.png
  surefoot landscape digits-1f2e3d4c --optimizers adam,sgd --size 51 -o report.html"""
)
@click.argument("study")
@click.option("--optimizers", metavar="a,b", help="Whose paths.  [default: the confirmed ones]")
@click.option(
    "--size",
    type=click.IntRange(5, 201),
    default=31,
    show_default=True,
    help="Points along each side of the plane at which the loss is evaluated.",
)
@files_option("A picture (.png .svg) or the study's report with it (.html); may be repeated.")
@click.option(
    "--checkpoints",
    type=click.Path(file_okay=False),
    help="The folder that the study was made with, where its snapshots lie.  [default: beside the store]",
)
@store_option
def landscape(
    study: str,
    optimizers: str | None,
    size: int,
    files: tuple[str, ...],
    checkpoints: str | None,
    store: str,
) -> None:
    """Draw the trainings of STUDY on one plane through the space of its model's parameters.

    It takes the snapshots that the study has kept, or trains its finalists again from the same start.  The
    result is kept with the study: its report and the lab show it from then on.
    """
    click.get_current_context().with_resource(heeding_termination())
    from surefoot.engines.options import EngineOptions
    from surefoot.landscape.survey import survey
    from surefoot.report.landscape_figures import save
    from surefoot.report.landscape_words import summary
    from surefoot.report.waiting import phases
    from surefoot.store import Store
    from surefoot.training.snapshots import snapshots_folder

    for file in files:
        check_kind(file, KINDS)
        check_writable(file)
    names = [n.strip() for n in optimizers.split(",") if n.strip()] if optimizers else None
    with Store.at(store) as evidence:
        record = evidence.study(study)
        trunks = EngineOptions(checkpoints=checkpoints).folder(study) or trunks_of(study, store)
        folder = snapshots_folder(trunks)
        with phases() as progress:
            document = survey(record, folder, size=size, optimizers=names, progress=progress)
        evidence.keep(study, "landscape", document)
        click.echo(summary(document))
        for file in files:
            if file.endswith(".html"):
                write_report(evidence, study, file)
            else:
                save(document, file, evidence.study(study))
                click.echo(f"Written to {file}")
