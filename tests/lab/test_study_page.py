"""What the server says of a study: the report's sections, cut where a study is large, every text escaped."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from surefoot.lab.study_page import MOST, figures, page_html
from surefoot.report.report import report_html
from surefoot.report.study_figures import catalogue
from surefoot.study.decisions import GivenUp, Stopped
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, RunRecord, StudyRecord
from surefoot.study.run import Candidate, Phase, Point, Status
from tests.report.reading import Page, tables
from tests.report.sample_landscape import sample_landscape
from tests.report.sample_study import HOSTILE, candidate, empty_study, hostile_question, run_of, sample_study


@pytest.fixture(scope="module")
def study() -> StudyRecord:
    return replace(sample_study(), documents={"landscape": sample_landscape()})


@pytest.fixture(scope="module")
def page(study: StudyRecord) -> str:
    return page_html(study)


def versions(study):
    html = page_html(study)
    return dict(re.findall(r'figures/([\w-]+)\.svg" data-version="(\w+)"', html))


def test_every_table_is_the_reports(page, study):
    ours, theirs = tables(page), tables(report_html(study))
    assert ours.keys() == theirs.keys()
    assert {
        "results",
        "race",
        "rates",
        "curves",
        "lookings",
        "failures",
        "settings",
        "projections",
    } <= ours.keys()
    for kind in ("decisions", "failures"):  # the latest first, since there may be thousands
        assert ours[kind][0][1:] == theirs[kind][0][:0:-1][: MOST.rows]
    for kind in ours.keys() - {"decisions", "failures"}:
        assert ours[kind] == theirs[kind], kind


def test_every_figure_has_its_place_and_can_be_drawn(page, study):
    found = catalogue(study)
    names = re.findall(r'data-figure="/api/studies/digits-2026-11-24/figures/([\w-]+)\.svg"', page)
    assert sorted(names) == sorted(figure.name for figure in found)
    assert {"forest", "progress", "seconds", "cost", "looks", "rates-0", "rung-0", "landscape-3"} <= set(
        names
    )
    for sort in ("forest", "rung", "landscape"):
        drawn = figures(study, sort)
        assert drawn.keys() == {name for name in names if name.partition("-")[0] == sort}
        assert all("style" not in svg for svg in drawn.values())


def test_a_figure_has_another_version_where_its_data_are_other(study):
    before = versions(study)
    assert versions(study) == before
    rate = {"lr": 4e-3, "betas": (0.9, 0.999)}
    run = run_of("Adam", rate, 0, Phase.SCREEN, (Point(1 / 27, 1.0, 0.4),))
    after = versions(replace(study, runs=(*study.runs, run)))
    assert {name for name in before if after[name] != before[name]} == {"rates-0", "progress", "seconds"}


def test_nothing_in_it_needs_a_style_or_a_script(page):
    read = Page(page)
    names = {name for name, _ in read.attributes}
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    assert not {"script", "style", "link", "iframe", "img"} & set(read.tags)


def test_hostile_text_stays_what_it_is(study):
    evil = "\x1b[2J<img src=x onerror=alert(1)>\"'"
    answer = replace(study.answer, why=(evil,), sentence=evil, measure=evil)
    html = page_html(replace(study, question=hostile_question(evil), answer=answer))
    read = Page(html)
    assert "img" not in read.tags
    assert evil.replace("\x1b", "�") in read.text
    assert HOSTILE in read.text
    assert not [value for name, value in read.attributes if name.startswith("on")]


def test_a_study_that_goes_on_tells_what_runs_and_when_it_last_decided():
    study = sample_study(finished=False)
    going = RunRecord(
        Candidate("Adam", {"lr": 0.003}), 1, Phase.SCREEN, Status.RUNNING, (Point(0.1, 1.0, 0.7),)
    )
    html = page_html(replace(study, runs=(*study.runs, going)))
    read = Page(html)
    told = dict(read.attributes)
    assert (told["data-finished"], told["data-decided"]) == ("", "2026-11-24T16:44:22+00:00")
    assert "Running or stopped" in read.text
    assert "107 s of 2 min 00 s" in read.text
    assert ("value", "0.892") in read.attributes  # of the budget's progress
    (running,) = tables(html)["running"]
    assert running[1] == ["Adam lr=0.003", Phase.SCREEN, "1", "0.700 at 10 %"]
    assert "Unfinished" in Page(page_html(study)).text


def test_only_failed_runs_make_a_page():
    lost = [run for run in sample_study().runs if run.lost and run.optimizer in ("Rprop", "SGD")]
    given_up = DecisionRecord(0, 3.0, GivenUp("Given up: none of 2 runs succeeded"))
    html = page_html(replace(empty_study(), runs=tuple(lost), decisions=(given_up,)))
    standing = {row[0].split()[0]: row[1] for row in tables(html)["race"][0]}
    assert standing["Rprop"] == "✕ diverged or failed"
    assert given_up.text in Page(html).text
    assert "No run succeeded" in Page(html).text
    assert "results" not in tables(html)


def test_a_study_with_nothing_in_it_makes_a_page():
    html = page_html(replace(empty_study(), runs=(), decisions=(), created="yesterday"))
    assert "Nothing was measured yet" in Page(html).text
    assert dict(Page(html).attributes)["data-newest"] in ("", None)
    assert "data-figure" not in html


def large_study(count: int) -> StudyRecord:
    """Many runs of many optimizers with long names, messages and decisions."""
    runs, decisions = [], []
    for place in range(count):
        name, rate = f"Optimizer{place % 70} {'x' * 300}", 10 ** (-5 + 5 * place / count)
        upto = 1 + place % 4
        points = tuple(Point(p, p, 1 / (1 + place % 977)) for p in (1 / 27, 1 / 9, 1 / 3, 1.0)[:upto])
        status = (Status.COMPLETED, Status.FAILED, Status.RUNNING, Status.COMPLETED)[place // 70 % 4]
        runs.append(RunRecord(Candidate(name, {"lr": rate}), 0, Phase.SCREEN, status, points, "boom " * 500))
        stopped = Stopped("out " * 400, candidate(name, {"lr": rate}), 1 / 27, 0.5, 0.1)
        decisions.append(DecisionRecord(place, place, stopped))
    sources = {f"file {place}": "v" * 2000 for place in range(1000)}
    return StudyRecord(
        Question("t", study="large", sources=sources),
        None,
        {},
        "2026-11-24T16:42:00+00:00",
        None,
        tuple(runs),
        tuple(decisions),
    )


def test_a_large_study_makes_a_small_page():
    html = page_html(large_study(6_000))
    assert len(html) < 1_000_000
    found = tables(html)
    for kind in ("race", "decisions", "failures", "running"):
        assert len(found[kind][0]) == 1 + MOST.rows, kind
    text = Page(html).text
    assert "Shown: 60 of 70; the report has all." in text
    assert "Shown: 60 of 6,000; the report has all." in text
    assert "Decisions: 6,000" in text
    assert 'data-key="5999"' in html
    assert all(len(table) <= 1 + MOST.points for table in found["rates"])
