"""What studies leave behind: runs, curves, decisions and answers, kept in a database for years."""

from surefoot.evidence.errors import StoreError, UnknownStudy
from surefoot.evidence.records import DecisionRecord, PointRecord, RunRecord, StudyRecord, StudySummary
from surefoot.evidence.store import Store, StudyLog

__all__ = [
    "DecisionRecord",
    "PointRecord",
    "RunRecord",
    "Store",
    "StoreError",
    "StudyLog",
    "StudyRecord",
    "StudySummary",
    "UnknownStudy",
]
