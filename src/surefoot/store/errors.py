"""What can go wrong with a store or a file of curves, each as one line for people: what, and where."""

from __future__ import annotations

from surefoot.errors import SurefootError


class StoreError(SurefootError):
    """The store cannot do what was asked; the message is one clear line."""


class UnknownStudy(StoreError):  # noqa: N818 - reads as what it says: there is no such study
    """No study has this name; the message names the nearest one that exists."""


class TableError(StoreError):
    """A file is no curve table; the message says where and what is wrong."""
