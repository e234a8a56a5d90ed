import pytest

from surefoot.report.report import report_html
from surefoot.study.records import StudyRecord
from tests.report.sample_study import sample_study


@pytest.fixture(scope="session")
def study() -> StudyRecord:
    return sample_study()


@pytest.fixture(scope="session")
def page(study: StudyRecord) -> str:
    return report_html(study)
