"""The command `surefoot` itself, and what its commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from surefoot import __version__
from surefoot.errors import accessing
from surefoot.naming import nearest
from surefoot.path_names import DEFAULT_STORE

Decorator = Callable[[Any], Any]

OTHER_WORDS = {"race": "animate"}
"""What people type for a command that has another name: a race is the search of `surefoot choose`."""


class StrictCommand(click.Command):
    """A command that takes no empty value and no number that is not finite, whatever the option."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Parse; an empty value, as of an unset variable, is never taken for the default."""
        rest = super().parse_args(context, arguments)
        for option in self.params:
            source = context.get_parameter_source(option.name or "")
            if not isinstance(option, click.Option) or source is not ParameterSource.COMMANDLINE:
                continue
            value = context.params.get(option.name or "")
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, str) and not one.strip():
                    raise click.UsageError(
                        f"{option.opts[-1]} has an empty value: is a variable not set? Leave the option out"
                    )
                if isinstance(one, float) and not math.isfinite(one):
                    raise click.UsageError(f"{option.opts[-1]} {one}: it must be a finite number")
        return rest


class NearestGroup(click.Group):
    """A group of commands that names the nearest one when a command is misspelt."""

    command_class = StrictCommand

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with a suggestion."""
        name = arguments[0]
        if self.get_command(context, name) is None:
            if meant := OTHER_WORDS.get(name):
                raise click.UsageError(f"unknown command {name!r}; did you mean 'surefoot {meant}'?")
            raise click.UsageError(f"unknown command {name!r}{nearest(name, self.list_commands(context))}")
        return super().resolve_command(context, arguments)


@click.group(
    cls=NearestGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="surefoot")
def surefoot() -> None:
    """Which optimizer, with which settings, should train this model?

    Surefoot measures on your model and data, says how sure it is, and hands over the code.

    \b
    surefoot choose digits                       an answer on a built-in task
    surefoot choose my_task.py:task              an answer on your own
    surefoot check my_task.py:task               is it ready for a study?
    surefoot train digits --study NAME --out DIR the chosen settings, trained fully
    surefoot predict digits --model DIR …        what the trained model says of an image
    surefoot explain adam                        what an optimizer does, and when to use it
    surefoot animate beale -o beale.gif          real optimizers on a surface, as a GIF
    surefoot lab                                 all of it in the browser
    """


store_option = click.option(
    "--store",
    metavar="URL",
    default=DEFAULT_STORE,
    show_default=True,
    help="Where studies are kept: an SQLAlchemy URL, or the path of an SQLite file.",
)


data_option = click.option(
    "--data",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Your own images, for the tasks images and segmentation.",
)

maximize_option = click.option(
    "--maximize/--no-maximize",
    default=None,
    help="Whether higher values of the measure are better, as of an accuracy.  "
    "[default: as the task or the script says]",
)

output_option = click.option(
    "-o", "--output", type=click.Path(dir_okay=False), required=True, help="The HTML file to write."
)


seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Fixes every draw."
)


def settings_option(help: str) -> Decorator:
    """`--set NAME=VALUE`, as often as one likes."""
    return click.option("--set", "sets", metavar="NAME=VALUE", multiple=True, help=help)


def files_option(help: str) -> Decorator:
    """`-o FILE`, as often as one likes."""
    file = click.Path(dir_okay=False)
    return click.option("-o", "--output", "files", metavar="FILE", multiple=True, type=file, help=help)


def write_report(evidence: Any, study: str, file: str) -> None:
    """Write a study's report and say so."""
    from surefoot.report.report import write_report

    write_report(evidence.study(study), file)
    click.echo(f"Report written to {file}", err=True)


def check_kind(file: str, kinds: Sequence[str]) -> None:
    """What is to be written is told by how the file's name ends."""
    if Path(file).suffix.lower() not in kinds:
        raise click.UsageError(f"{file}: the name must end in one of {' '.join(kinds)}")


def check_writable(file: str | None) -> None:
    """Hours of runs must not end in a report that cannot be written."""
    if file and not Path(file).absolute().parent.is_dir():
        raise click.UsageError(f"cannot write {file}: folder {Path(file).parent} does not exist")


def write(file: str, text: str) -> None:
    """Write text as UTF-8.

    Raises:
        FileError: the file cannot be written.
    """
    with accessing("write", file):
        Path(file).write_text(text, encoding="utf8")
