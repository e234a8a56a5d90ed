"""The command line's beginning and end: errors in one line, and exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from surefoot.cli import (  # noqa: F401  each adds its commands
    advise,
    animate,
    check,
    choose,
    facts,
    lab,
    landscape,
    predict,
    replay,
    studies,
    train,
)
from surefoot.cli.group import surefoot
from surefoot.errors import NoRunSucceededError, SurefootError
from surefoot.study.format import printable
from surefoot.termination import exit_status

EXIT_BAD_INPUT = 2
EXIT_NO_RUN_SUCCEEDED = 3


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status.

    0 an answer, 2 bad input, 3 no run succeeded; interrupted it is 130, terminated 143, hung up 129.
    Any other exception is a defect of Surefoot: Python shows its traceback and exits with 1.
    """
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
    except NoRunSucceededError as error:
        _fail(str(error), EXIT_NO_RUN_SUCCEEDED)
    except SurefootError as error:
        _fail(str(error), EXIT_BAD_INPUT)


def _fail(message: str, status: int) -> None:
    lines = [printable(line) for line in message.splitlines()]  # what a script printed may drive a terminal
    click.echo("error: " + "\n".join(lines), err=True)
    sys.exit(status)
