from dataclasses import replace

import pytest

from surefoot.analysis.race_history import OptimizerHistory, OptimizerStatus, Rung
from surefoot.analysis.tables import history
from surefoot.report import words
from surefoot.report.report import report_html
from surefoot.report.study_figures import SERIES, SINGLE, catalogue, draw, sort_of
from surefoot.report.study_page import latest, shown, thinned
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase, Point, Status
from tests.report.reading import Page, tables
from tests.report.sample_landscape import sample_landscape
from tests.report.sample_study import HOSTILE, MADE, empty_study


@pytest.mark.parametrize("length", [0, 1, 3, 10, 11, 997])
def test_thinned_keeps_order_first_and_last(length):
    items = list(range(length))
    kept = thinned(items, 10)
    assert len(kept) == min(length, 10)
    assert kept == sorted(set(kept))
    assert kept[:1] + kept[-1:] == items[:1] + items[-1:]


def test_of_a_long_list_the_first_or_the_latest_is_shown_and_all_are_counted():
    assert (shown([1, 2, 3], 2).items, shown([1, 2, 3], 2).count) == ([1, 2], 3)
    assert (latest([1, 2, 3], 2).items, latest([1, 2, 3], 2).count) == ([3, 2], 3)
    assert latest([1, 2, 3], 9).items == [3, 2, 1]


def test_the_race_says_who_came_how_far_where_each_stands_and_what_stopped_it(page, study):
    rows = tables(page)["race"][0]
    assert rows[0] == [
        *("optimizer", "standing", "1/27", "1/9", "1/3", "play-off", "confirmed", "best in the race"),
        "what stopped its best",
    ]
    found = history(study).optimizers
    assert len(rows) == 1 + len(found) == 1 + len(MADE)
    for row, own in zip(rows[1:], found, strict=True):
        assert row[1].endswith(words.standing(own))
        assert [cell.split(" ")[0] for cell in row[2:5]] == [str(c.measured or "·") for c in own.counts]
        assert row[7:] == [words.leading(own), " ".join(own.ended.split())]
    adam = rows[1]
    assert adam[:3] == ["Adam 2 diverged", "● confirmed", f"12 → {found[0].counts[1].measured}"]
    assert "Never raced: SparseAdam is ruled out: no gradient is sparse." in Page(page).text


def test_every_result_is_there_with_the_value_on_each_seed(page, study):
    rows = tables(page)["results"][0][1:]
    for row, entry in zip(rows, [c for c in study.answer.candidates if c.phase != "screen"], strict=True):
        assert len(row[-1].split(", ")) == sum(value is not None for value in entry.values)
    assert [row[0].rpartition("(")[2] for row in rows if "(r" in row[0]] == ["recommended)"]


def test_the_numbers_behind_the_curves_end_where_the_results_are(page):
    means = {row[0].split(" (")[0]: row[1].split(" ±")[0] for row in tables(page)["results"][0][1:]}
    for row in tables(page)["curves"][0][1:]:
        assert row[-1] in (means[row[0].split(" (")[0]], "–")


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (OptimizerHistory("A", standing=OptimizerStatus.CONFIRMED), "confirmed"),
        (OptimizerHistory("A", standing=OptimizerStatus.RACING, reached=0.5), "racing"),
        (OptimizerHistory("A", reached=1 / 27), "out at 1/27"),
        (OptimizerHistory("A", reached=1.0, playoff_seeds=2), "out in the play-off"),
        (OptimizerHistory("A"), "out"),
        (OptimizerHistory("A", standing=OptimizerStatus.LOST), "diverged or failed"),
    ],
)
def test_standings_in_words(own, told):
    assert words.standing(own) == told


def test_how_far_a_run_has_come_in_words():
    points = (Point(1 / 3, 1.0, 0.5),)
    run = RunRecord(Candidate("Adam", {"lr": 0.003}), 0, Phase.SCREEN, Status.RUNNING, points)
    assert words.come_to(run) == "0.500 at 1/3"
    assert words.come_to(replace(run, points=(Point(1 / 3, 1.0, float("nan")),))) == "1/3"
    assert words.come_to(replace(run, points=())) == "begun"
    assert words.leading(OptimizerHistory("Adam", leading=run)) == "0.500 at 1/3 with lr 0.003"
    assert words.leading(OptimizerHistory("Adam")) == "–"
    assert words.rung(Rung(1 / 3, ())) == "0 of 0 candidates went on"


def test_the_figures_that_are_listed_are_those_that_are_drawn(study):
    drawn = replace(study, documents={"landscape": sample_landscape()})
    listed = [figure.name for figure in catalogue(drawn)]
    assert sorted(listed) == sorted(name for sort in (*SINGLE, *SERIES) for name, _ in draw(drawn, sort))
    assert all(sort_of(name) for name in listed)
    assert [sort_of(name) for name in ("forrest", "rates-", "rates-0.svg", "rung-1000")] == [None] * 4


def test_a_study_that_only_failed_has_no_figure_but_its_rates():
    assert catalogue(empty_study()) == []
    assert HOSTILE not in report_html(empty_study())
