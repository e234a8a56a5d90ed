"""Scores on curve tables, as a person and as a program read them."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from surefoot.report.scores import print_scores, scores_document
from surefoot.study.replay_scores import FalseWinners, MeanScore, PriorSource, TableScores


def means(*values):
    return tuple(MeanScore(value, 0.06) for value in values)


FOUND = TableScores(
    "bowls",
    "final",
    (1.0, 2.5),
    200,
    {
        "easy": {"random search": means(0.9, 0.5), "surefoot": means(0.1, 0.0)},
        "hard": {"random search": means(0.7, 0.7), "surefoot": means(0.3, 0.2)},
    },
    {"hard": FalseWinners(3, 10, 0.45, 0.2, 0.0)},
    {"adam": PriorSource.OPTIMIZER, "momentum": PriorSource.RATES, "sgd": PriorSource.OPTIMIZER},
)


def screen(**how):
    console = Console(file=io.StringIO(), width=100, highlight=False)
    print_scores(console, FOUND, **how)
    return console.file.getvalue()


def test_one_row_a_policy_and_the_false_winners():
    lines = [line.split() for line in screen().splitlines()]
    assert ["surefoot", "0.200", "0.100"] in lines
    assert ["random", "search", "0.800", "0.600"] in lines
    assert ["hard", "3", "10", "45", "%", "20", "%", "0", "%"] in lines
    assert not any(line[:1] == ["easy"] for line in lines)
    assert "2 tasks, 200 orders" in screen()


def test_the_standard_error_stands_under_the_mean_over_tasks():
    lines = [line.split() for line in screen().splitlines()]
    assert lines[lines.index(["surefoot", "0.200", "0.100"]) + 1] == [
        "±",
        "standard",
        "error",
        "0.042",
        "0.042",
    ]
    assert scores_document([FOUND])["standard_errors"]["surefoot"]["1"] == pytest.approx(0.06 / 2**0.5)


def test_one_order_has_no_standard_error():
    once = replace(FOUND, orders=1, tasks={"easy": {"surefoot": (MeanScore(0.1, math.nan),) * 2}})
    console = Console(file=io.StringIO(), width=100, highlight=False)
    print_scores(console, once)
    assert "standard error" not in console.file.getvalue()
    assert scores_document([once])["standard_errors"] == {"surefoot": {"1": None, "2.5": None}}


def test_one_line_says_where_the_priors_come_from():
    (line,) = [line for line in screen().splitlines() if line.startswith("learning-rate priors: ")]
    assert line.endswith("adam, sgd as in live studies; momentum around the middle of the table's rates")
    assert scores_document([FOUND])["priors"]["momentum"] == "rates"


def test_one_row_a_task_if_asked():
    assert ["easy", "0.100", "0.000"] in [line.split() for line in screen(per_task=True).splitlines()]


def test_the_document_has_the_scores_by_budget():
    document = scores_document([FOUND])
    assert document["scores"] == {"1": 0.2, "2.5": 0.1}
    assert document["tasks"]["hard"]["random search"]["2.5"] == 0.7
    assert document["false_winners"]["hard"]["one_seed"] == 0.45
    both = scores_document([FOUND, replace(FOUND, name="others")])
    assert both["scores"] == document["scores"]
    assert both["tables"].keys() == {"bowls", "others"}
