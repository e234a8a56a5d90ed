"""`surefoot show`: the page of a stored answer, and what stands behind it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from surefoot.cli import main  # noqa: F401  adds the commands
from surefoot.cli.group import surefoot
from tests.report.sample_study import sample_study


@pytest.fixture
def shown(monkeypatch):
    from surefoot import api
    from surefoot.api.answers import StudyAnswer, UnfinishedStudy

    found = {"done": StudyAnswer(sample_study()), "going": UnfinishedStudy(sample_study(finished=False))}
    monkeypatch.setattr(api, "load", lambda study, store: found[study])

    def show(*words):
        result = CliRunner().invoke(surefoot, ["show", *words])
        assert result.exit_code == 0, result.output
        return result.output

    return show


def test_the_page_is_shown_again_and_why_says_the_rest(shown):
    assert shown("done").startswith("WIN  digits · validation loss")
    assert "P(best)" not in shown("done")
    assert "P(best): 86 %" in shown("done", "--why")


def test_of_an_unfinished_study_it_is_said_how_far_it_is(shown):
    assert "has no answer yet" in shown("going")
