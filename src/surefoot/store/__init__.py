"""What studies leave behind: runs, curves, decisions and answers, kept in a database for years."""

from surefoot.store.curve_table import Curve, CurveTable, TableArm, read_table, write_table
from surefoot.store.errors import StoreError, TableError, UnknownStudy
from surefoot.store.log import StudyLog
from surefoot.store.store import Store

__all__ = [
    "Curve",
    "CurveTable",
    "Store",
    "StoreError",
    "StudyLog",
    "TableArm",
    "TableError",
    "UnknownStudy",
    "read_table",
    "write_table",
]
