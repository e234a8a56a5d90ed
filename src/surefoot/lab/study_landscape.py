"""The landscape of a study's model as the lab shows it: words, numbers, and the names of its figures.

landscape_view(study)  # None where none was drawn
"""

from __future__ import annotations

from typing import Any

from surefoot.lab.study_race import NAME_LENGTH, TEXT_LENGTH, fingerprint
from surefoot.report.landscape_section import section
from surefoot.study.format import short
from surefoot.study.records import StudyRecord

MOST_PATHS = 40


def landscape_view(study: StudyRecord) -> dict[str, Any] | None:
    """What the report says of it too; a part's `"name"` is that of its figure."""
    found = section(study)
    if found is None:
        return None
    version = fingerprint(found.rows, found.summary)
    return {
        "summary": short(found.summary, 2 * TEXT_LENGTH),
        "method": short(found.method, 2 * TEXT_LENGTH),
        "notes": [short(note, TEXT_LENGTH) for note in found.notes[:MOST_PATHS]],
        "columns": list(found.columns),
        "rows": [[short(name, 2 * NAME_LENGTH), *numbers] for name, numbers in found.rows[:MOST_PATHS]],
        "parts": [
            {"name": f"landscape-{place}", "title": part.title, "caption": part.caption, "version": version}
            for place, part in enumerate(found.parts)
        ],
    }
