"""How far a study is: what it has spent of what it may, and when it last decided.

spending(study).share        # 0.4, the share of the budget; nan where there is none
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from surefoot.analysis.tables import finite
from surefoot.study.format import rounded, seconds
from surefoot.study.question import Question
from surefoot.study.records import StudyRecord


@dataclass(frozen=True)
class Spending:
    """What is spent, and what was allowed; nan where that is not known.

    Attributes:
        trainings, trainings_allowed: full trainings; those spent are the sum of all progress.
        seconds, seconds_allowed: over all sittings, by the answer or by the last decision.
    """

    trainings: float
    trainings_allowed: float
    seconds: float
    seconds_allowed: float

    @property
    def share(self) -> float:
        """Of the budget, at most 1; nan where the study has none."""
        if self.seconds_allowed > 0:
            return min(1.0, self.seconds / self.seconds_allowed if self.seconds > 0 else 0.0)
        return min(1.0, self.trainings / self.trainings_allowed) if self.trainings_allowed > 0 else math.nan

    @property
    def words(self) -> str:
        """`12 full trainings measured, 30 allowed; 107 s of 2 min 00 s`."""
        text = f"{rounded(self.trainings, 3)} full trainings measured"
        if math.isfinite(self.trainings_allowed):
            text += f", {self.trainings_allowed:g} allowed"
        if math.isfinite(self.seconds):
            text += f"; {seconds(self.seconds)}"
            text += f" of {seconds(self.seconds_allowed)}" if math.isfinite(self.seconds_allowed) else ""
        return text


def spending(study: StudyRecord) -> Spending:
    """What a study has spent."""
    asked = study.question if isinstance(study.question, Question) else None
    return Spending(
        math.fsum(run.points[-1].progress for run in study.runs if run.points),
        finite(asked and asked.runs),
        study.answer.seconds if study.answer else last_decision(study),
        finite(asked and asked.budget_seconds),
    )


def last_decision(study: StudyRecord) -> float:
    """Seconds of the study's own at its last decision; nan where it has decided nothing."""
    return max((d.seconds for d in study.decisions if math.isfinite(d.seconds)), default=math.nan)


def last_decided(study: StudyRecord) -> str:
    """When that was, as ISO 8601; empty where it cannot be told."""
    try:
        return (datetime.fromisoformat(study.created) + timedelta(seconds=last_decision(study))).isoformat()
    except (ValueError, OverflowError):
        return ""
