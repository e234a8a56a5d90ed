"""What studies leave behind: runs, curves, decisions and answers, kept in a database for years."""

from surefoot.evidence.curve_table import Curve, CurveTable, TableArm, read_table, write_table
from surefoot.evidence.errors import StoreError, TableError, UnknownStudy
from surefoot.evidence.records import DecisionRecord, PointRecord, RunRecord, StudyRecord, StudySummary
from surefoot.evidence.scores import FalseWinners, TableScores
from surefoot.evidence.store import Store
from surefoot.evidence.study_log import StudyLog

__all__ = [
    "Curve",
    "CurveTable",
    "DecisionRecord",
    "FalseWinners",
    "PointRecord",
    "RunRecord",
    "Store",
    "StoreError",
    "StudyLog",
    "StudyRecord",
    "StudySummary",
    "TableArm",
    "TableError",
    "TableScores",
    "UnknownStudy",
    "read_table",
    "write_table",
]
