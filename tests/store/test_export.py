"""What is exported is read back by those it is for: `read_table`, the replay, and Optuna itself."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import TrialState

from surefoot import cli
from surefoot.search.replay.replay import replay_task
from surefoot.store import Store, StoreError, TableError, read_table
from surefoot.store.optuna_study import write_optuna_study
from surefoot.store.study_table import write_study_table
from surefoot.study.codec import encode
from surefoot.study.decisions import TargetSet
from surefoot.study.direction import Direction
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Candidate, Cause, Phase, Point, Schedule, Status
from tests.report.sample_study import empty_study, sample_study


def run_of(
    optimizer="Adam", values=(2.0, 1.0), status=Status.COMPLETED, phase=Phase.SCREEN, seed=0, **settings
):
    points = tuple(Point(place / len(values), 10.0 * place, value) for place, value in enumerate(values, 1))
    return RunRecord(Candidate(optimizer, settings), seed, phase, status, points, "", 0.01, 8)


@pytest.fixture
def study():
    return replace(
        sample_study(),
        question=Question("digits", study="digits"),
        created="2026-11-01T12:00:00+00:00",
        profile=TaskProfile("digits", 200, "validation loss"),
    )


class TestCurveTable:
    def test_every_curve_is_in_it(self, study, tmp_path):
        path = tmp_path / "digits.csv.gz"
        written = write_study_table(study, path)
        table = read_table(path)
        found = {
            (arm.optimizer, json.dumps(arm.hyperparameters), seed): list(curve.values)
            for arm in table.tasks["digits"]
            for seed, curve in arm.curves.items()
        }
        curves = [run for run in study.runs if run.points]
        assert len(curves) > 50
        for run in curves:
            own = json.dumps({**run.candidate.hyperparameters, "warmup": 0.05}, sort_keys=True)
            values = [point.value for point in run.points]
            assert found[run.optimizer, own, str(run.seed)] == pytest.approx(values, nan_ok=True)
        assert written == sum(len(arm.curves) for arm in table.tasks["digits"])

    def test_the_race_can_be_replayed_on_it(self, study, tmp_path):
        write_study_table(study, tmp_path / "digits.csv.gz")
        about = json.loads((tmp_path / "digits.json").read_text())
        assert about["replay"]["seeds"] == [0]
        assert about["replay"]["rungs"] == sorted(about["replay"]["rungs"])
        scores = replay_task(read_table(tmp_path / "digits.csv.gz"), "digits", (1.0,), range(2))
        assert all(of_one_order["surefoot"][0] < 1 for of_one_order in scores)

    def test_runs_that_differ_in_their_warmup_only_are_two_arms(self, study, tmp_path):
        short = run_of(lr=0.1)
        long = replace(short, candidate=replace(short.candidate, schedule=Schedule(warmup=0.2)))
        write_study_table(replace(study, runs=(short, long)), tmp_path / "a.csv")
        assert len(read_table(tmp_path / "a.csv").tasks["digits"]) == 2

    def test_of_a_run_made_in_two_phases_the_longer_is_kept(self, study, tmp_path):
        short, long = run_of(values=(3.0,)), run_of(values=(2.0, 1.0), phase=Phase.LADDER)
        short = replace(short, points=(Point(0.5, 1.0, 3.0),))
        assert write_study_table(replace(study, runs=(short, long)), tmp_path / "a.csv") == 1
        (arm,) = read_table(tmp_path / "a.csv").tasks["digits"]
        assert arm.curves["0"].values == (2.0, 1.0)

    def test_with_a_target_values_are_distances_to_it(self, study, tmp_path):
        target = DecisionRecord(0, 1.0, TargetSet("The target is 1.5.", 1.5))
        write_study_table(replace(study, runs=(run_of(),), decisions=(target,)), tmp_path / "a.csv")
        table = read_table(tmp_path / "a.csv")
        assert table.score == "time_to_target"
        assert table.tasks["digits"][0].curves["0"].values == (0.5, -0.5)

    def test_a_study_without_a_curve_is_told_of(self, tmp_path):
        with pytest.raises(TableError, match="has no learning curve yet"):
            write_study_table(empty_study(), tmp_path / "a.csv")
        assert not list(tmp_path.iterdir())


@pytest.fixture
def storage(tmp_path):
    return f"sqlite:///{tmp_path / 'optuna.db'}"


class TestOptuna:
    @pytest.fixture
    def study(self, study):
        """Some runs of each phase: Optuna takes its time."""
        return replace(study, runs=study.runs[::5])

    @pytest.mark.parametrize("direction", list(Direction))
    def test_its_direction_is_that_of_the_measure(self, study, storage, direction):
        turned = replace(study, profile=replace(study.profile, direction=direction))
        write_optuna_study(turned, storage)
        read = optuna.load_study(study_name="digits", storage=storage)
        assert read.direction.name == direction.name

    def test_every_run_is_a_trial(self, study, storage):
        assert write_optuna_study(study, storage) == len(study.runs)
        read = optuna.load_study(study_name="digits", storage=storage)
        assert len(read.trials) == len(study.runs)
        for run, trial in zip(study.runs, read.trials, strict=True):
            assert trial.params["optimizer"] == run.optimizer
            assert trial.params["warmup"] == 0.05
            assert trial.params.get("lr") == run.candidate.hyperparameters.get("lr")
            assert (trial.user_attrs["seed"], trial.user_attrs["phase"]) == (run.seed, run.phase)
            assert trial.user_attrs["schedule"] == encode(run.candidate.schedule)
            steps = [round(point.progress * 200) for point in run.points]
            assert list(trial.intermediate_values) == steps
            assert list(trial.intermediate_values.values()) == pytest.approx(
                [point.value for point in run.points], nan_ok=True
            )
        assert read.user_attrs["verdict"] == study.answer.verdict
        assert read.metric_names == ["validation loss"]

    def test_how_a_run_ended_is_its_state(self, study, storage):
        runs = (
            run_of(lr=1.0),
            replace(run_of(lr=2.0), points=(Point(0.5, 5.0, 3.0),)),
            replace(run_of(lr=3.0, phase=Phase.CONFIRM), points=(Point(0.5, 5.0, 0.1),)),
            run_of(lr=4.0, values=(2.0, math.nan), status=Status.DIVERGED),
            replace(run_of(lr=5.0, values=(), status=Status.FAILED), cause=Cause.MEMORY, message="killed"),
            run_of(lr=6.0, values=(), status=Status.RUNNING),
            run_of(lr=7.0, values=(2.0, 1.5), status=Status.STOPPED),
        )
        write_optuna_study(replace(study, runs=runs), storage)
        whole, early, target, diverged, failed, running, stopped = optuna.load_study(
            study_name="digits", storage=storage
        ).trials
        assert (whole.state, whole.value) == (TrialState.COMPLETE, 1.0)
        assert whole.duration.total_seconds() == 20.0
        assert (early.state, early.value) == (TrialState.PRUNED, 3.0)
        assert (target.state, target.value) == (TrialState.COMPLETE, 0.1)
        assert (diverged.state, diverged.value) == (TrialState.FAIL, None)
        assert math.isnan(diverged.intermediate_values[200])
        assert (failed.state, failed.user_attrs["cause"]) == (TrialState.FAIL, "memory")
        assert (running.state, running.datetime_complete) == (TrialState.RUNNING, None)
        assert (stopped.state, stopped.value) == (TrialState.PRUNED, 1.5)

    def test_values_of_every_kind_come_through(self, study, storage):
        runs = (
            run_of(lr=1e-4, betas=[0.9, 0.99], amsgrad=True, momentum=0.9, fused=None, eps=1e-8),
            run_of(lr=1, betas=[0.9, 0.999], amsgrad=False, momentum="none", fused=None, eps=math.inf),
        )
        write_optuna_study(replace(study, runs=runs), storage)
        first, second = optuna.load_study(study_name="digits", storage=storage).trials
        assert (first.params["lr"], second.params["lr"]) == (1e-4, 1.0)
        assert first.distributions["lr"] == optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)
        assert (first.params["betas"], second.params["betas"]) == ("[0.9, 0.99]", "[0.9, 0.999]")
        assert (first.params["amsgrad"], second.params["amsgrad"]) == (True, False)
        assert (first.params["momentum"], second.params["momentum"]) == ("0.9", '"none"')
        assert first.params["fused"] is None
        assert (first.params["eps"], second.params["eps"]) == ("1e-08", "Infinity")

    def test_a_study_that_is_there_is_replaced_only_when_that_is_said(self, study, storage):
        write_optuna_study(study, storage)
        with pytest.raises(StoreError, match="holds a study 'digits' already; --replace writes it anew"):
            write_optuna_study(replace(study, runs=study.runs[:1]), storage)
        assert len(optuna.load_study(study_name="digits", storage=storage).trials) == len(study.runs)
        write_optuna_study(replace(study, runs=study.runs[:1]), storage, replace=True)
        assert len(optuna.load_study(study_name="digits", storage=storage).trials) == 1

    def test_half_a_study_is_not_left_behind(self, study, storage):
        impossible = replace(run_of(lr=1.0), points=(Point(1.0, 1e300, 1.0),))  # ends beyond all dates
        with pytest.raises(OverflowError):
            write_optuna_study(replace(study, runs=(*study.runs[:3], impossible)), storage)
        assert optuna.get_all_study_names(storage) == []

    @pytest.mark.parametrize("url", ["sqlite:////no/such/folder/optuna.db", "nonsense://x", "://"])
    def test_a_storage_that_cannot_be_opened_is_told_of_in_one_line(self, study, url):
        with pytest.raises(StoreError, match="Optuna storage") as caught:
            write_optuna_study(study, url)
        assert "\n" not in str(caught.value)

    def test_without_optuna(self, study, storage, monkeypatch):
        monkeypatch.setitem(sys.modules, "optuna", None)
        with pytest.raises(StoreError, match=r"pip install 'surefoot\[optuna\]'"):
            write_optuna_study(study, storage)


@pytest.fixture
def filled(url):
    """Return the URL of a store with one study, of which one run failed."""
    with Store.at(url) as store:
        log = store.begin(Question("digits", study="digits-1"), None, {})
        for number in range(4):
            run = log.start_run(Candidate("Adam", {"lr": 10.0**-number}), 0, Phase.SCREEN)
            log.add_point(run, Point(1.0, 2.0, 1.0 + number))
            log.end_run(run, Status.COMPLETED, "", 0.01, 8)
        log.end_run(
            log.start_run(Candidate("SGD", {"lr": 1.0}), 0, Phase.SCREEN),
            Status.FAILED,
            "gone",
            0.1,
            0,
            cause=Cause.MEMORY,
        )
    return url


class TestCommands:
    """The commands that read studies, on both kinds of store."""

    def test_list_report_and_export(self, filled, tmp_path):
        def run(*words):
            done = CliRunner().invoke(cli.surefoot, [*words, "--store", filled], catch_exceptions=False)
            assert done.exit_code == 0
            return done.output

        assert "digits-1" in run("list", "studies")
        run("report", "digits-1", "-o", str(tmp_path / "digits.html"))
        assert "failed (memory)" in (tmp_path / "digits.html").read_text()
        table, optuna_file = str(tmp_path / "digits.csv.gz"), f"sqlite:///{tmp_path}/optuna.db"
        told = run("export", "digits-1", "-o", table, "--optuna", optuna_file)
        assert told.splitlines() == [
            f"4 curves written to {table}",
            "5 trials written as the Optuna study digits-1",
        ]
        assert len(read_table(table).tasks["digits"]) == 4
        states = Counter(
            trial.state for trial in optuna.load_study(study_name=None, storage=optuna_file).trials
        )
        assert states == {TrialState.COMPLETE: 4, TrialState.FAIL: 1}

    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["digits-2", "-o", "x.csv"], "the nearest is 'digits-1'"),
            (["digits-1"], "say where to: -o FILE.csv.gz, --optuna URL, or both"),
            (["digits-1", "-o", "x.parquet"], "a curve table is a .csv or .csv.gz file, not x.parquet"),
            (["digits-1", "-o", "no/x.csv"], "folder no does not exist"),
        ],
    )
    def test_bad_input_is_one_clear_line_and_status_2(self, filled, words, hint):
        command = [sys.executable, "-m", "surefoot", "export", *words, "--store", filled]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        assert hint in done.stderr
        assert done.stderr.count("\n") == 1
