"""What an answer offers as an object, on a made-up study."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch

from surefoot.api import StudyAnswer, UnfinishedStudy
from surefoot.study.run import Schedule
from surefoot.training.schedule import factor
from tests.report.sample_study import HOSTILE, SNIPPET, sample_study


@pytest.fixture(scope="module")
def answer():
    return StudyAnswer(sample_study())


def recommending(answer, **changes):
    data = replace(answer.data, recommendation=replace(answer.recommendation, **changes))
    return StudyAnswer(replace(answer.record, answer=data))


def test_the_optimizer_and_the_schedule_are_those_that_were_measured(answer):
    model = torch.nn.Linear(3, 1)
    optimizer = answer.optimizer(model)
    assert (type(optimizer).__name__, optimizer.defaults["betas"]) == ("Adam", (0.9, 0.99))
    scheduler = answer.schedule(optimizer, steps=40)
    rates = []
    for _ in range(42):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    course = answer.recommendation.schedule
    assert rates[:40] == pytest.approx([0.003 * factor(course, step, 40, 40) for step in range(40)])
    assert rates[40:] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "steps", "message"),
    [
        ({}, 0, "steps must be at least 1, not 0"),
        ({"schedule": Schedule("script", 0.0, 0.0)}, 9, "the schedule of the script"),
        ({"optimizer": "LBFGS", "hyperparameters": {"lr": 1.0}}, 9, "paste answer.snippet"),
    ],
)
def test_a_schedule_that_cannot_be_made_is_refused(answer, changes, steps, message):
    changed = recommending(answer, **changes)
    optimizer = changed.optimizer(torch.nn.Linear(3, 1))
    with pytest.raises(ValueError, match=message):
        changed.schedule(optimizer, steps)


def test_the_table_has_what_was_confirmed_with_and_without_pandas(answer, monkeypatch):
    pytest.importorskip("pandas")
    frame = answer.table()
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = answer.table()
    assert [row["role"] for row in rows] == ["recommended", "", "", "baseline", "floor"]
    assert list(frame.columns) == list(rows[0])
    assert list(frame.candidate) == [row["candidate"] for row in rows]


def test_it_shows_itself_as_text_and_as_html(answer, tmp_path):
    assert SNIPPET.strip() in str(answer)
    assert "\x1b" not in str(answer)
    assert repr(answer) == "StudyAnswer('digits-2026-11-24', 'win', Adam)"
    html = answer._repr_html_()
    assert html.count("<tr") == 1 + 5
    assert "Paste this" in html
    assert HOSTILE not in html
    assert answer.report(tmp_path / "answer.html").read_text(encoding="utf8").startswith("<!DOCTYPE html>")


def test_an_unfinished_study_says_how_far_it_is_and_what_goes_on():
    record = sample_study(finished=False)
    with pytest.raises(ValueError, match="has no answer yet"):
        StudyAnswer(record)
    unfinished = UnfinishedStudy(record)
    assert f"{unfinished.runs} runs" in str(unfinished)
    assert str(unfinished).endswith("To go on: surefoot choose digits --budget 2m --seed 0")
    assert "To go on" in unfinished._repr_html_()
