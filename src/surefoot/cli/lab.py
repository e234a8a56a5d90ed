"""`surefoot lab`: surfaces, studies and optimizers in the browser."""

from __future__ import annotations

import click

from surefoot.cli.group import store_option, surefoot
from surefoot.termination import heeding_termination

PORT = 8642


@surefoot.command(
    epilog="""\b
Examples:
  surefoot lab
  surefoot lab --store postgresql://me@host/evidence --port 9000
  surefoot lab --host 0.0.0.0            others may look too, with the link that it prints"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port; 0 takes any.  [default: {PORT}, or the next free one]",
)
@click.option(
    "--token",
    envvar="SUREFOOT_LAB_TOKEN",
    show_envvar=True,
    help="What who looks must know.  [default: none on this machine alone, else one is made]",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes that compute.  [default: one per core]"
)
@click.option("--open", "open_browser", is_flag=True, help="Open it in the browser.")
@store_option
def lab(
    host: str, port: int | None, token: str | None, workers: int | None, open_browser: bool, store: str
) -> None:
    """Open the lab: a playground of surfaces, every study live, and a card for each optimizer.

    It listens on this machine alone unless told otherwise, and asks no other host for anything.
    """
    click.get_current_context().with_resource(heeding_termination())
    try:
        from surefoot.lab.options import QueueLimits
        from surefoot.lab.serve import CannotServe, serve
    except ModuleNotFoundError as error:
        raise click.UsageError(f"the lab needs {error.name}: pip install 'surefoot[lab]'") from None
    limits = None if workers is None else QueueLimits(workers=workers)
    try:
        serve(host, port, store, token, limits, open_browser, announce=click.echo)
    except CannotServe as error:
        raise click.UsageError(str(error)) from None
