"""What is done with studies that are stored: `surefoot report` and `surefoot export`."""

from __future__ import annotations

import click

from surefoot.cli.group import check_writable, output_option, store_option, surefoot, write_report


@surefoot.command(epilog="\b\nExample:\n  surefoot report digits-1f2e3d4c -o answer.html")
@click.argument("study")
@output_option
@store_option
def report(study: str, output: str, store: str) -> None:
    """Write the report of STUDY as one self-contained HTML file."""
    from surefoot.store import Store

    check_writable(output)
    with Store.at(store) as evidence:
        write_report(evidence, study, output)


@surefoot.command(
    epilog="\b\nExamples:\n  surefoot show digits-1f2e3d4c\n  surefoot show digits-1f2e3d4c --why"
)
@click.argument("study")
@click.option("--why", is_flag=True, help="The reasons, P(best), regret, margin: a sentence each.")
@store_option
def show(study: str, why: bool, store: str) -> None:
    """Show the answer of STUDY again, or how far it is, without training."""
    from surefoot.api import load
    from surefoot.api.answers import UnfinishedStudy
    from surefoot.report.terminal import print_answer, print_why

    found = load(study, store)
    if isinstance(found, UnfinishedStudy):
        click.echo(str(found))
    elif why:
        print_why(found.data)
    else:
        print_answer(found.data)


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
    from surefoot.store import Store

    if not output and not optuna:
        raise click.UsageError("say where to: -o FILE.csv.gz, --optuna URL, or both")
    if output and not output.endswith((".csv", ".csv.gz")):
        raise click.UsageError(f"a curve table is a .csv or .csv.gz file, not {output}")
    check_writable(output)
    with Store.at(store) as evidence:
        record = evidence.study(study)
    if output:
        from surefoot.store.study_table import write_study_table

        click.echo(f"{write_study_table(record, output):,} curves written to {output}")
    if optuna:
        from surefoot.store.optuna_study import write_optuna_study

        click.echo(
            f"{write_optuna_study(record, optuna, replace):,} trials written as the Optuna study {study}"
        )
