"""The command line, a file for each subject: parses, calls, prints; nothing is decided here."""

from surefoot.cli.group import surefoot
from surefoot.cli.main import main

__all__ = ["main", "surefoot"]
