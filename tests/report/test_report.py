import math
import re
from dataclasses import replace

import pytest

from surefoot.report import answer_lines as lines
from surefoot.report.facts import fact_rows
from surefoot.report.report import report_html, write_report
from surefoot.study.answer import Effect, Verdict
from surefoot.study.decisions import Looked, RivalDifference, Stopped, Unknown
from surefoot.study.profile import ModelProfile, Role, TaskProfile
from surefoot.study.records import DecisionRecord, StudyRecord
from surefoot.study.run import Candidate, Point, Status
from tests.report.reading import Page
from tests.report.sample_study import HOSTILE, MADE, SNIPPET, empty_study, hostile_question, sample_study


def only(study: StudyRecord, optimizer: str) -> StudyRecord:
    """Less to draw: the runs of one optimizer, and no race."""
    return replace(study, runs=tuple(run for run in study.runs if run.optimizer == optimizer), decisions=())


def test_the_answer_comes_first_and_the_snippet_can_be_copied(page, study):
    text = Page(page).text
    assert text.index(lines.use(study.answer)) < text.index("Learning rates")
    assert lines.benefit(study.answer) in text
    assert SNIPPET.rstrip() in text


def test_every_optimizer_and_every_section_is_there(page, study):
    text = Page(page).text
    for name in MADE:
        assert name in text
    for heading in ("Results on fresh seeds", "Learning rates", "The race as it happened", "To reproduce"):
        assert heading in text
    for fact in (*study.answer.why, study.question.command, "59da249", "211 kB", "25,088"):
        assert fact in text


def test_hostile_text_stays_text(page):
    read = Page(page)
    assert "script" not in read.tags
    assert "<script" not in page
    assert HOSTILE in read.text
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_hostile_text_in_every_field_of_the_answer_stays_text(study):
    evil = "<img src=x onerror=alert(1)>&\x1b[2J"
    odd = {"optimizer": evil, "hyperparameters": {"lr": 0.1, evil: evil}}
    candidates = [
        replace(entry, **odd, label=evil, misses=1, compile_seconds=0.1) for entry in study.answer.candidates
    ]
    answer = replace(
        study.answer, candidates=tuple(candidates), sentence=f"{evil}. {evil}", why=(evil,), measure=evil,
        target=0.1, task=evil, study=evil, command=evil, lr_windows={},
        recommendation=replace(study.answer.recommendation, **odd, snippet=evil),
    )  # fmt: skip
    rival = RivalDifference(evil, 0.1, 0.0, 0.2, 0.01, evil)
    evil_candidate = Candidate(evil, {"lr": 0.1, evil: evil})
    runs = [replace(run, candidate=evil_candidate, message=evil) for run in study.runs[-30:]]
    hostile = replace(
        study, question=hostile_question(evil), answer=answer, runs=tuple(runs),
        profile=TaskProfile(
            evil, 9, evil, ModelProfile((Role(evil, 1, 2, evil),), dtypes=(evil,)), (evil,), fingerprint=evil,
            untimed={evil: evil},
        ),
        environment={"versions": {"torch": evil}, "git_commit": evil, evil: evil},
        decisions=(
            DecisionRecord(0, 1.0, Looked(evil, 4, evil, 0.1, False, (rival,))),
            DecisionRecord(1, 1.0, Unknown(evil)),
            DecisionRecord(2, 1.0, Stopped(evil, evil_candidate, 0.1, 0.2, 0.1)),
        ),
    )  # fmt: skip
    html = report_html(hostile)
    read = Page(html)
    assert "img" not in read.tags
    assert "<img" not in html
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert "<img" not in report_html(replace(hostile, answer=None))


def test_nothing_outside_is_asked_for(page):
    read = Page(page)
    outside = [
        value for name, value in read.attributes if value and "://" in value and not name.startswith("xmlns")
    ]
    assert outside == []
    assert "default-src 'none'" in page
    assert not re.search(r"url\((?!#)|@import|<(img|link|iframe|object)\b", page)


def test_ids_are_unique(page):
    ids = [value for name, value in Page(page).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_runs_that_diverged_or_failed_are_listed_with_their_message(page):
    text = Page(page).text
    assert "loss nan after 20 steps" in text
    assert "loss 4e9 at step 334" in text
    assert f"RuntimeError: {HOSTILE}" in text


def test_screening_values_are_no_results(page, study):
    table = page[page.index("<h2>Results on fresh seeds") : page.index("<h2>Look by look")]
    assert table.count("<tr") == 1 + 4 + 1
    assert "RMSprop" not in table


def test_the_race_tells_every_elimination_with_its_band(page, study):
    eliminated = [record for record in study.decisions if isinstance(record.decision, Stopped)]
    text = Page(page).text
    assert eliminated
    for decision in eliminated:
        assert decision.text in text


def test_no_decision_is_lost(study):
    decisions = tuple(replace(record, decision=Unknown(record.text)) for record in study.decisions)
    text = Page(report_html(replace(only(study, "Adam"), decisions=decisions))).text
    assert all(decision.text in text for decision in decisions)


def test_the_same_study_gives_the_same_page(study):
    small = only(study, "Adam")
    assert report_html(small) == report_html(small)


def test_an_unfinished_study_says_so_and_how_to_go_on():
    page = report_html(only(sample_study(finished=False), "Adam"))
    text = Page(page).text
    assert "Unfinished: this study is still running, or was stopped before its answer" in text
    assert "surefoot choose digits" in text
    assert "Results on fresh seeds" not in text
    assert "Learning rates" in text


def test_a_study_without_a_good_run_shows_the_messages():
    text = Page(report_html(empty_study())).text
    assert "No run succeeded" in text
    assert "KeyError: 'images'" in text


def test_a_study_without_anything_has_a_page(study):
    bare = replace(study, runs=(), decisions=(), profile=None, environment={}, answer=None)
    assert "Nothing was measured yet" in Page(report_html(bare)).text


def test_an_answer_in_which_all_diverged_has_a_page(study):
    def lost(run):
        return replace(run, status=Status.DIVERGED, points=(Point(0.01, 0.1, math.nan),))

    unknown = Effect(math.nan, -math.inf, math.inf, 0.95)
    answer = replace(
        study.answer, effect=unknown, lr_windows={}, p_best=math.nan, expected_regret=math.nan,
        candidates=tuple(replace(c, values=(None,), diverged=1) for c in study.answer.candidates),
    )  # fmt: skip
    small = only(study, "Adam")
    page = report_html(replace(small, runs=tuple(map(lost, small.runs)), answer=answer))
    assert "Adam" in Page(page).text


@pytest.mark.parametrize(("verdict", "shown"), [("tie", "Tie"), ("budget", "Budget spent")])
def test_verdicts(study, verdict, shown):
    page = report_html(
        replace(study, runs=(), decisions=(), answer=replace(study.answer, verdict=Verdict(verdict)))
    )
    assert f'<span class="badge {verdict}">{shown}</span>' in page


def test_facts_are_told_in_words():
    facts = {
        "state_bytes": {"Adam": 211_000},
        "seconds_per_step": 3e-4,
        "sparse": False,
        "margin": None,
        "n": [1, 2],
        "marks": [number / 100 for number in range(1, 101)],
    }
    assert dict(fact_rows(facts)) == {
        "state bytes · Adam": "211 kB", "seconds per step": "300 µs", "sparse": "no",
        "margin": "–", "n": "1, 2", "marks": "0.01, 0.02, 0.03, …, 1",
    }  # fmt: skip


def test_the_file_is_written_where_it_is_wanted(tmp_path, study):
    path = tmp_path / "reports" / "digits.html"
    write_report(replace(study, runs=(), decisions=()), path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
