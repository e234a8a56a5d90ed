import json
import math
from dataclasses import replace

import pytest

from surefoot.analysis.tables import history, rate_curves, results
from surefoot.lab.study_race import thinned
from surefoot.lab.study_view import MOST_DECISIONS, MOST_RUNS, study_view
from surefoot.report.landscape_section import section
from surefoot.report.race_figures import race_panels, rate_panels
from surefoot.study.decisions import BestOfOptimizer, GivenUp, RaceStep, Stopped, decision_of
from surefoot.study.format import spread
from surefoot.study.records import DecisionRecord, RunRecord, StudyRecord
from surefoot.study.run import Point
from tests.report.sample_landscape import sample_landscape
from tests.report.sample_study import (
    HOSTILE,
    MADE,
    SCHEDULE,
    SNIPPET,
    candidate,
    empty_study,
    run_of,
    sample_study,
)


@pytest.fixture(scope="module")
def study() -> StudyRecord:
    return sample_study()


@pytest.fixture(scope="module")
def view(study):
    return study_view(study)


def row_of(view, name):
    return next(row for row in view["optimizers"]["shown"] if row["name"] == name)


def test_it_is_strict_json_and_comes_back_equal(view):
    assert json.loads(json.dumps(view, allow_nan=False)) == view


def test_the_head_is_the_answer_of_the_store(view, study):
    assert (view["name"], view["task"], view["created"]) == (study.name, study.task, study.created)
    assert (view["state"], view["command"]) == ("finished", study.settings["command"])
    answer = view["answer"]
    assert (answer["verdict"], answer["heading"], answer["snippet"]) == ("win", "Win", SNIPPET)
    assert f"{answer['headline']} {answer['rest']}".strip() == study.answer.sentence
    assert answer["why"] == list(study.answer.why)
    assert "86 %" in answer["certainty"]
    assert "+0.120" in answer["pairing"]


def test_every_result_is_there_with_its_seeds_its_spread_and_its_interval(view, study):
    found = results(study.answer)
    assert len(view["results"]) == len(found) == 5
    for row, result in zip(view["results"], found, strict=True):
        assert row["label"] == result.label
        assert row["values"] == list(result.values)
        assert (row["mean"], row["deviation"]) == pytest.approx((result.mean, result.deviation))
        assert row["text"]["value"] == spread(result.mean, result.deviation)
        assert (row["low"], row["high"]) == (result.interval or (None, None))
        assert (row["seeds"], row["diverged"]) == (result.seeds, result.diverged)
    assert [row["role"] for row in view["results"] if row["role"]] == ["recommended", "baseline", "floor"]


def test_the_race_says_who_came_how_far_and_what_stopped_it(view, study):
    found = history(study).optimizers
    assert view["optimizers"]["count"] == len(found) == len(MADE)
    for row, own in zip(view["optimizers"]["shown"], found, strict=True):
        assert [stage["measured"] for stage in row["stages"]] == [count.measured for count in own.counts]
        assert (row["diverged"], row["confirmed_seeds"]) == (own.diverged, own.confirmed_seeds)
        assert row["ended"] == " ".join(own.ended.split())
    adam, rprop = row_of(view, "Adam"), row_of(view, "Rprop")
    assert adam["standing"] == "confirmed"
    assert adam["stages"][0]["text"] == f"12 → {adam['stages'][1]['measured']}"
    assert (rprop["standing"], rprop["reached"]) == ("out", pytest.approx(1 / 27))
    assert rprop["standing_text"] == "out at 1/27"
    assert [column["text"] for column in view["columns"]] == ["1/27", "1/9", "1/3"]


def race_steps(study):
    return tuple(d for d in study.decisions if isinstance(d.decision, RaceStep))


def test_a_candidate_that_goes_on_keeps_its_optimizer_in_the_race():
    study = sample_study(finished=False)
    race_only = replace(
        study,
        runs=tuple(run for run in study.runs if run.phase == "screen"),
        decisions=tuple(d for d in race_steps(study) if d.decision.rung < 0.2),
    )
    view = study_view(race_only)
    standing = {row["name"]: row["standing"] for row in view["optimizers"]["shown"]}
    assert standing["Adam"] == "racing"
    assert standing["Rprop"] == "out"
    assert row_of(view, "Adam")["ended"] == ""  # some of its candidates fell, it did not
    assert view["answer"] is None


def test_the_play_off_makes_finalists_and_sends_others_out():
    study = sample_study(finished=False)
    view = study_view(replace(study, runs=tuple(run for run in study.runs if run.phase == "screen")))
    assert row_of(view, "Adam")["standing"] == "finalist"
    assert row_of(view, "Adagrad")["standing"] == "out"
    assert "number 4" in row_of(view, "Adagrad")["ended"]


def test_a_best_candidate_that_was_stopped_on_its_way_is_out_when_the_race_names_it():
    study = sample_study(finished=False)
    runs = tuple(run for run in study.runs if run.phase == "screen")
    race = race_steps(study)
    own = [d.decision for d in race if d.decision.candidate.optimizer == "Rprop"]
    stopped = min(own, key=lambda step: step.value)
    best = BestOfOptimizer("Rprop is number 7", stopped.candidate, stopped.rung, stopped.value, place=7)
    named = DecisionRecord(9999, 50.0, best)
    row = row_of(study_view(replace(study, runs=runs, decisions=(*race, named))), "Rprop")
    assert (row["standing"], row["ended"]) == ("out", stopped.text)


def test_the_rungs_are_those_of_the_race(view, study):
    for step, rung in zip(view["rungs"], history(study).rungs, strict=True):
        assert (step["went_on"], step["judged"]) == (rung.survivors, len(rung.steps))
        assert (step["best"], step["limit"]) == pytest.approx((rung.best, rung.limit))


def test_the_curves_against_the_learning_rate_are_the_readers(view, study):
    for curve in rate_curves(study):
        told = next(
            row["curve"] for row in view["optimizers"]["shown"] if row["optimizer"] == curve.optimizer
        )
        assert told["diverged"] == list(curve.diverged)
        for line, expected in zip(told["lines"], curve.lines, strict=True):
            assert [(best["lr"], best["value"]) for best in line["best"]] == list(expected.best)
            assert line["count"] == len(expected.points)
        assert told["window"]["low"] == pytest.approx(curve.window.low)


def test_the_figures_that_are_named_can_be_drawn(view, study):
    names = [figure["name"] for figure in view["figures"]]
    assert {"forest", "progress", "seconds", "cost", "looks"} <= set(names)
    assert len([name for name in names if name.startswith("rates-")]) == len(rate_panels(study))
    assert len([name for name in names if name.startswith("rung-")]) == len(race_panels(study))
    for place, (curve, _) in enumerate(rate_panels(study)):
        row = next(row for row in view["optimizers"]["shown"] if row["optimizer"] == curve.optimizer)
        assert row["rates"] == place


def test_a_figure_has_another_version_where_its_data_are_other(view, study):
    before = {figure["name"]: figure["version"] for figure in view["figures"]}
    assert {f["name"]: f["version"] for f in study_view(study)["figures"]} == before
    rate = {"lr": 4e-3, "betas": (0.9, 0.999)}
    run = run_of("Adam", rate, 0, "screen", (Point(1 / 27, 1.0, 0.4),))
    after = {f["name"]: f["version"] for f in study_view(replace(study, runs=(*study.runs, run)))["figures"]}
    adams = f"rates-{row_of(view, 'Adam')['rates']}"
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {adams, "progress", "seconds"}


def test_the_mean_learning_curves_end_where_the_results_are(view):
    means = {row["label"]: row["mean"] for row in view["results"]}
    adam = next(curve for curve in view["curves"] if curve["label"].startswith("Adam lr=0.003 "))
    assert adam["seeds"] == 6
    assert adam["points"][-1]["value"] == pytest.approx(means[adam["label"]])
    assert len(adam["points"]) == 10
    assert [curve["label"] for curve in view["curves"]] == [row["label"] for row in view["results"]]


def test_decisions_come_latest_first(view, study):
    assert view["decisions"]["count"] == len(study.decisions)
    assert view["decisions"]["shown"][0]["text"] == study.decisions[-1].text
    assert sum(view["decisions"]["kinds"].values()) == len(study.decisions)
    assert view["ruled_out"] == [
        {"name": "SparseAdam", "text": "SparseAdam is ruled out: no gradient is sparse."}
    ]


def test_lost_runs_are_told_with_their_messages(view, study):
    lost = [run for run in study.runs if run.lost]
    assert view["failures"]["count"] == len(lost) == len(view["failures"]["shown"])
    assert view["failures"]["shown"][0]["outcome"] == "failed"
    assert "Traceback" in view["failures"]["shown"][0]["message"]
    assert {run["message"] for run in view["failures"]["shown"]} == {run.message for run in lost}


def test_a_landscape_is_told_as_in_the_report(view, study):
    assert view["landscape"] is None
    drawn = replace(study, documents={"landscape": sample_landscape()})
    expected, told = section(drawn), study_view(drawn)["landscape"]
    assert (told["summary"], told["method"]) == (expected.summary, expected.method)
    assert told["rows"] == [[name, *numbers] for name, numbers in expected.rows]
    assert [part["title"] for part in told["parts"]] == [part.title for part in expected.parts]
    assert [part["name"] for part in told["parts"]] == [f"landscape-{place}" for place in range(4)]
    newer = replace(study, documents={"landscape": {"version": 99}})
    assert study_view(newer)["landscape"] is None


def test_a_study_that_goes_on_tells_what_runs_and_when_it_last_decided():
    study = sample_study(finished=False)
    going = RunRecord("Adam", {"lr": 0.003}, SCHEDULE, 1, "screen", "running", (Point(0.1, 1.0, 0.7),))
    view = study_view(replace(study, runs=(*study.runs, going)))
    assert (view["state"], view["state_text"]) == ("running", "Running or stopped")
    assert view["running"]["count"] == 1
    assert view["running"]["shown"][0]["at"] == "0.700 at 10 %"
    assert view["latest"] == {"seconds": 107, "text": "107 s", "at": "2026-11-24T16:44:22+00:00"}
    assert view["budget"]["seconds_allowed"] == 120
    assert "107 s of 2 min 00 s" in view["budget"]["text"]
    assert study_view(study)["state"] == "unfinished"


def test_only_failed_runs_make_a_view():
    lost = [run for run in sample_study().runs if run.lost and run.optimizer in ("Rprop", "SGD")]
    given_up = DecisionRecord(0, 3.0, GivenUp("Given up: none of 2 runs succeeded"))
    view = study_view(replace(empty_study(), runs=tuple(lost), decisions=(given_up,)))
    assert row_of(view, "Rprop")["standing"] == "lost"
    assert view["given_up"] == given_up.text
    assert [figure for figure in view["figures"] if not figure["name"].startswith("rates")] == []


def test_a_study_with_nothing_in_it_makes_a_view():
    view = study_view(replace(empty_study(), runs=(), decisions=(), created="yesterday"))
    assert view["optimizers"] == {"count": 0, "shown": []}
    assert (view["figures"], view["results"], view["latest"], view["answer"]) == ([], [], None, None)
    assert view["state"] == "unfinished"


def test_hostile_text_stays_what_it_is_and_nothing_drives_a_page():
    study = sample_study()
    evil = "\x1b[2J<img src=x onerror=alert(1)>"
    hostile = replace(study, answer=replace(study.answer, why=(evil,), sentence=evil, measure=evil))
    view = study_view(hostile)
    assert view["answer"]["why"] == [evil.replace("\x1b", "�")]
    assert f'"{HOSTILE}"' in {row["name"] for row in view["optimizers"]["shown"]}
    odd = DecisionRecord(0, math.nan, decision_of(evil, evil, {"optimizer": ["a list"], "rung": "no number"}))
    told = study_view(replace(hostile, decisions=(odd,)))["decisions"]["shown"][0]
    assert told["seconds"] is None


def large_study(count: int) -> StudyRecord:
    """Many runs of many optimizers with long names, messages and decisions."""
    runs, decisions = [], []
    for place in range(count):
        name, rate = f"Optimizer{place % 60} {'x' * 300}", 10 ** (-5 + 5 * place / count)
        upto = 1 + place % 4
        points = tuple(Point(p, p, 1 / (1 + place % 977)) for p in (1 / 27, 1 / 9, 1 / 3, 1.0)[:upto])
        status = ("completed", "failed", "running", "completed")[place % 4]
        runs.append(RunRecord(name, {"lr": rate}, SCHEDULE, 0, "screen", status, points, "boom " * 500))
        stopped = Stopped("out " * 400, candidate(name, {"lr": rate}), 1 / 27, 0.5, 0.1)
        decisions.append(DecisionRecord(place, place, stopped))
    settings = {f"setting {place}": "v" * 2000 for place in range(1000)}
    return StudyRecord(
        "large", "t", settings, {}, {}, "2026-11-24T16:42:00+00:00", None, tuple(runs), tuple(decisions)
    )


def test_a_large_study_makes_a_small_view():
    view = study_view(large_study(6_000))
    assert len(json.dumps(view)) < 1_000_000
    assert view["optimizers"]["count"] == 60
    assert view["runs"]["count"] == view["decisions"]["count"] == 6_000
    assert len(view["decisions"]["shown"]) == MOST_DECISIONS
    assert len(view["failures"]["shown"]) == len(view["running"]["shown"]) == MOST_RUNS
    assert view["failures"]["count"] == 1_500
    assert view["decisions"]["shown"][0]["number"] == 5_999


@pytest.mark.parametrize("length", [0, 1, 3, 10, 11, 997])
def test_thinned_keeps_order_first_and_last(length):
    items = list(range(length))
    kept = thinned(items, 10)
    assert len(kept) == min(length, 10)
    assert kept == sorted(set(kept))
    assert kept[:1] + kept[-1:] == items[:1] + items[-1:]
