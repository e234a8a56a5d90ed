"""What studies leave behind: runs, curves, decisions and answers, kept in a database for years."""

from surefoot.evidence.curve_table import Curve, CurveTable, TableArm, read_table, write_table
from surefoot.evidence.errors import StoreError, TableError, UnknownStudy
from surefoot.evidence.records import DecisionRecord, PointRecord, RunRecord, StudyRecord, StudySummary
from surefoot.evidence.store import Store, StudyLog

__all__ = [
    "Curve",
    "CurveTable",
    "DecisionRecord",
    "PointRecord",
    "RunRecord",
    "Store",
    "StoreError",
    "StudyLog",
    "StudyRecord",
    "StudySummary",
    "TableArm",
    "TableError",
    "UnknownStudy",
    "read_table",
    "write_table",
]
