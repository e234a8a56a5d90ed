import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for sample_study, beside this file

from sample_study import sample_study

from surefoot.evidence.records import StudyRecord
from surefoot.show.report import report_html


@pytest.fixture(scope="session")
def study() -> StudyRecord:
    return sample_study()


@pytest.fixture(scope="session")
def page(study: StudyRecord) -> str:
    return report_html(study)
