"""Curve tables: written, read again, and refused with what is wrong and where."""

from __future__ import annotations

import json
import math

import pytest

from surefoot.store import TableError, read_table, write_table

ROWS = [
    ("t", "adam", {"lr": 0.001}, 0, 0.5, 1.0, 0.4),
    ("t", "adam", {"lr": 0.001}, 0, 1.0, 2.0, 0.2),
    ("t", "sgd", {"lr": 0.1, "momentum": 0.9}, 1, 0.5, 1.0, math.nan),
]


@pytest.mark.parametrize("name", ["curves.csv", "curves.csv.gz"])
def test_what_is_written_is_read(tmp_path, name):
    about = {"score": "time_to_target", "replay": {"seeds": [0, 1]}}
    write_table(tmp_path / name, ROWS, about)
    table = read_table(tmp_path / name)
    assert (table.name, table.score, table.seeds) == ("curves", "time_to_target", ("0", "1"))
    adam, sgd = table.tasks["t"]
    assert adam.hyperparameters == {"lr": 0.001}
    assert adam.curves["0"].progress == (0.5, 1.0)
    assert adam.curves["0"].values == (0.4, 0.2)
    assert math.isnan(sgd.curves["1"].values[0])


def test_without_a_file_beside_it_a_table_is_scored_by_final_values_of_all_seeds(tmp_path):
    write_table(tmp_path / "a.csv", ROWS, {})
    (tmp_path / "a.json").unlink()
    table = read_table(tmp_path / "a.csv")
    assert (table.score, table.seeds, table.lr_priors) == ("final", "all", {})


def test_a_table_may_say_where_learning_rates_usually_lie(tmp_path):
    about = {"lr_priors": {"Momentum": {"center": 1, "decades": 0.8}}}
    write_table(tmp_path / "a.csv", ROWS, about)
    assert read_table(tmp_path / "a.csv").lr_priors == {"momentum": (1.0, 0.8)}


@pytest.mark.parametrize(
    "prior", [None, 0.1, {}, {"center": 0.1}, {"center": 0, "decades": 1}, {"center": 0.1, "decades": "1"},
              {"center": float("inf"), "decades": 1}, {"center": True, "decades": 1}]
)  # fmt: skip
def test_a_prior_that_is_none_is_refused(tmp_path, prior):
    write_table(tmp_path / "a.csv", ROWS, {"lr_priors": {"momentum": prior}})
    with pytest.raises(TableError, match=r"a\.json: lr_priors must hold"):
        read_table(tmp_path / "a.csv")


HEADER = "task,optimizer,hyperparameters,seed,progress,seconds,value\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task,optimizer,value\n", "has no column hyperparameters, seed, progress, seconds"),
        (HEADER, "holds no curve"),
        (HEADER + "t,adam,{},0,half,1,2\n", "line 2: could not convert string to float: 'half'"),
        (HEADER + "t,adam,[1],0,0.5,1,2\n", r"hyperparameters must be a JSON object, not \[1\]"),
        (HEADER + "t,adam,{},0,1.5,1,2\n", r"progress must lie in \(0, 1\]"),
        (HEADER + "t,adam,{},0\n", "line 2"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / "a.csv")


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(TableError, match=r"cannot read the curve table .*a\.csv\.gz"):
        read_table(tmp_path / "a.csv.gz")
    with pytest.raises(TableError, match=r"b\.csv"):
        read_table(tmp_path / "b.csv")


@pytest.mark.parametrize("about", ["{", "[]", json.dumps({"score": "best"})])
def test_a_bad_file_beside_it_is_refused(tmp_path, about):
    write_table(tmp_path / "a.csv", ROWS, {})
    (tmp_path / "a.json").write_text(about)
    with pytest.raises(TableError, match=r"a\.json"):
        read_table(tmp_path / "a.csv")
