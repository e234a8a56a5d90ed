"""Whole studies with real workers: the answer, showing it again, interruption, mistakes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from surefoot.engines.local.engine import LocalEngine
from surefoot.lab.study_page import page_html
from surefoot.report.live import RaceDisplay
from surefoot.report.report import report_html
from surefoot.report.terminal import print_answer
from surefoot.search import NoRunSucceededError, ask, choose_optimizer
from surefoot.search.confirm.posterior import posterior
from surefoot.search.space.prior_results import Experience, KnownTask, Showing
from surefoot.search.space.task_features import features_of
from surefoot.store import Store
from surefoot.study.decisions import BestOfOptimizer, Looked, Ordered, RaceStep, RuledOut, Unknown
from surefoot.study.label import candidate_label
from surefoot.study.run import Phase, Status
from surefoot.tasks import load_task
from surefoot.training.profile import look
from tests.search.inline_engine import InlineEngine, KilledEngine
from tests.search.interrupting import Interrupting

OWN = Path(__file__).parent / "own_task.py"


@pytest.fixture(scope="module")
def engine():
    with LocalEngine(workers=2) as engine:
        yield engine


def asked(**more):
    """A margin within which nothing ties: the measured seconds of a step would choose between equals."""
    usual = {"runs": 24, "study": "mine", "margin": 1e-9}
    return ask(f"{OWN}:small", ["adam", "sgd", "sparse_adam"], **usual | more)


def steady(answer):
    """The parts of an answer that do not depend on the machine's speed."""
    untimed = tuple(replace(entry, seconds_per_step=None) for entry in answer.candidates)
    return replace(answer, seconds=0.0, why=(), candidates=untimed)


def points_by_run(store):
    runs = store.study("mine").runs
    return {(r.seed, r.phase, r.candidate.key): r.points for r in runs}


def answer_of(question, folder, engine, display=None):
    with Store.at(str(folder / "evidence.db")) as store:
        return choose_optimizer(
            question, store, engine, folder / "checkpoints", display or RaceDisplay(live=False)
        )


@pytest.fixture(scope="module")
def finished(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return folder, answer_of(asked(), folder, engine)


def test_the_answer_has_everything_that_is_promised(finished):
    _, answer = finished
    assert answer.verdict in ("win", "tie", "budget")
    assert answer.recommendation.optimizer in ("Adam", "SGD")
    assert answer.baseline.optimizer == "AdamW"
    assert answer.effect.low <= answer.effect.estimate <= answer.effect.high
    assert 0 <= answer.p_best <= 1
    assert answer.expected_regret >= 0
    phases = {c.phase for c in answer.candidates}
    assert phases == {Phase.SCREEN, Phase.CONFIRM, Phase.FLOOR}
    confirmed = [c for c in answer.candidates if c.phase == "confirm"]
    screened = [c for c in answer.candidates if c.phase == "screen"]
    assert {s for c in confirmed for s in c.seeds}.isdisjoint({s for c in screened for s in c.seeds})
    assert all(len(c.values) == len(c.seeds) for c in confirmed)
    assert all(c.low <= c.mean <= c.high for c in confirmed)
    assert answer.minimum_detectable_difference > 0
    assert isinstance(answer.pairing.used, bool)
    assert all(c.state_bytes > 0 for c in confirmed if c.optimizer == "Adam")
    compile(answer.recommendation.snippet, "snippet", "exec")


def test_everything_is_recorded_as_it_happens(finished):
    folder, answer = finished
    with Store.at(str(folder / "evidence.db")) as store:
        study = store.study("mine")
    assert study.answer == answer
    kinds = {type(record.decision) for record in study.decisions}
    assert {RuledOut, BestOfOptimizer, Looked} <= kinds
    assert Unknown not in kinds
    assert any("SparseAdam needs sparse gradients" in d.text for d in study.decisions)
    assert study.profile.fingerprint
    confirmed = [run for run in study.runs if run.phase == "confirm"]
    assert all(len(run.points) == 10 for run in confirmed if run.status == Status.COMPLETED)


def test_a_candidate_has_one_label_everywhere(finished):
    """Live, in decisions, in the answer on screen and as JSON, in the report, and in the lab."""
    folder, answer = finished
    with Store.at(str(folder / "evidence.db")) as store:
        study = store.study("mine")
    labels = {run.candidate.key: candidate_label(run.candidate) for run in study.runs}
    assert len(set(labels.values())) == len(labels)
    steps = [record.decision for record in study.decisions if isinstance(record.decision, RaceStep)]
    assert steps
    assert all(step.text.startswith(candidate_label(step.candidate)) for step in steps)
    confirmed = [entry for entry in answer.candidates if entry.phase == "confirm"]
    assert all(entry.label == candidate_label(entry.candidate) for entry in answer.candidates)
    screen, report, lab = " ".join(screen_of(answer).split()), report_html(study), page_html(study)
    for label in (entry.label for entry in confirmed):
        assert label in screen
        assert label in report
        assert label in lab


def screen_of(answer):
    file = io.StringIO()
    print_answer(answer, Console(file=file, width=200, height=100, highlight=False))
    return file.getvalue()


def test_trunks_are_removed_once_there_is_an_answer(finished):
    folder, _ = finished
    assert not (folder / "checkpoints").exists()


def test_a_finished_study_is_shown_again_without_training(finished):
    folder, answer = finished

    class NoEngine:
        slots = 1

        def start(self, job):
            raise AssertionError("a run was started")

    left = folder / "checkpoints" / f"trunk-{'0' * 16}.pt"  # as by one that was killed before that
    left.parent.mkdir()
    left.touch()
    assert answer_of(asked(), folder, NoEngine()) == answer
    assert not left.parent.exists()


@pytest.mark.parametrize(("after", "killed"), [(1, False), (20, False), (7, True)])
def test_an_interrupted_study_goes_on_and_ends_the_same(finished, engine, tmp_path, after, killed):
    """Between two results, or in the middle of a run."""
    _, uninterrupted = finished
    own, display = (KilledEngine(after), None) if killed else (InlineEngine(), Interrupting(after))
    with pytest.raises(KeyboardInterrupt):
        answer_of(asked(), tmp_path, own, display)
    with Store.at(str(tmp_path / "evidence.db")) as store:
        before = points_by_run(store)
    assert steady(answer_of(asked(), tmp_path, engine)) == steady(uninterrupted)
    with Store.at(str(tmp_path / "evidence.db")) as store:
        after_all = points_by_run(store)
    for run, points in before.items():
        assert after_all[run][: len(points)] == points


@pytest.mark.parametrize(("best", "other"), [("SGD", "Adam"), ("Adam", "SGD")])
def test_a_race_looks_first_at_what_did_well_on_similar_tasks(tmp_path, monkeypatch, best, other):
    """After the usual one; and keeps to that order when it goes on, though more is known by then."""
    question = ask(f"{OWN}:small", ["adam", "adamw", "sgd"], runs=24, study="mine")
    task = load_task(f"{OWN}:small")
    features = features_of(look(task))

    def knowing(best, other):
        showings = {best: Showing(0.0), other: Showing(1.5)}
        experience = Experience(tuple(KnownTask(f"task{n}", features, showings) for n in range(3)))
        monkeypatch.setattr("surefoot.search.look.load_experience", lambda: experience)

    for known in ((best, other), (other, best)):
        knowing(*known)
        with pytest.raises(KeyboardInterrupt):
            answer_of(question, tmp_path, InlineEngine(), Interrupting(2))
    with Store.at(str(tmp_path / "evidence.db")) as store:
        study = store.study("mine")
    assert study.profile.order == ("AdamW", best, other)
    told = [record.text for record in study.decisions if isinstance(record.decision, Ordered)]
    assert told == [f"Looked at first, by what did well on similar tasks: AdamW, {best}, {other}."] * (
        best == "Adam"
    )
    assert [run.optimizer for run in study.runs][:3] == ["AdamW", best, other]


def test_with_sparse_gradients_the_usual_baseline_trains_without_decay(engine, tmp_path):
    answer = answer_of(ask(f"{OWN}:words", ["sgd", "adamw"], runs=12), tmp_path, engine)
    assert answer.baseline.hyperparameters["weight_decay"] == 0
    confirmed = [c for c in answer.candidates if c.phase == "confirm"]
    assert {c.optimizer for c in confirmed} == {"AdamW", "SGD"}
    assert not any(c.diverged for c in confirmed)


def test_one_s_own_optimizers_and_candidates_join_the_race(engine, tmp_path):
    own, file = OWN.parent / "own_optimizer.py", tmp_path / "mine.json"
    file.write_text(
        json.dumps(
            [
                {"optimizer": f"{own}:Broken"},
                {"optimizer": "adam", "hyperparameters": {"lr": 0.0123, "betas": [0.5, 0.6]}},
            ]
        )
    )
    question = ask(f"{OWN}:small", [f"{own}:Signs"], runs=12, sets=["weight_decay=0.2"], candidates=str(file))
    answer = answer_of(question, tmp_path, engine)
    screened = [c for c in answer.candidates if c.phase == "screen"]
    assert "Adam lr=0.0123 betas=(0.5, 0.6)" in {c.label for c in screened}
    signs = [c for c in screened if c.optimizer == f"{own}:Signs"]
    assert signs
    assert all(c.hyperparameters["weight_decay"] == 0.2 for c in signs)
    assert [c.diverged for c in screened if c.optimizer == f"{own}:Broken"] == [1]
    with Store.at(str(tmp_path / "evidence.db")) as store:
        broken = [r for r in store.study(question.study).runs if r.optimizer == f"{own}:Broken"]
    assert "the sign is missing" in broken[0].message


def test_another_question_under_the_same_name_is_refused(finished, engine):
    folder, _ = finished
    with pytest.raises(Exception, match="seed"):
        answer_of(asked(seed=9), folder, engine)


def test_a_task_that_changed_meanwhile_is_noticed(engine, tmp_path):
    text = OWN.read_text(encoding="utf8")
    task = tmp_path / "task.py"
    task.write_text(text, encoding="utf8")
    question = ask(f"{task}:small", ["adam"], runs=12)
    with pytest.raises(KeyboardInterrupt):
        answer_of(question, tmp_path, InlineEngine(), Interrupting(2))
    task.write_text(text.replace("small, larger, failing = Small()", "small, larger, failing = Larger()"))
    with pytest.raises(ValueError, match="has changed since study"):
        answer_of(question, tmp_path, engine)


def test_a_task_that_always_fails_says_how(engine, tmp_path):
    question = ask(f"{OWN}:failing", ["adam"], runs=12, schedule="cosine")
    with pytest.raises(NoRunSucceededError, match="the disk with the data is gone"):
        answer_of(question, tmp_path, engine)


def test_no_value_of_screening_is_reported_as_a_result(finished):
    _, answer = finished
    confirmed = {
        (c.optimizer, json.dumps(c.hyperparameters, sort_keys=True)): c.values
        for c in answer.candidates if c.phase == Phase.CONFIRM
    }  # fmt: skip
    best, base = (
        (document.optimizer, json.dumps(document.hyperparameters, sort_keys=True))
        for document in (answer.recommendation, answer.baseline)
    )
    shared = answer.pairing.correlation if answer.pairing.used else 0.0
    finalists = [arm for arm in confirmed if arm != base]
    effect = posterior(confirmed, alike=finalists, correlation=shared).difference(base, best)
    width = effect.high - effect.low
    assert answer.effect.estimate == pytest.approx(effect.estimate, abs=0.05 * width)
    assert answer.effect.low == pytest.approx(effect.low, abs=0.1 * width)


class NeverStarted(InlineEngine):
    """Nothing may be trained."""

    def start(self, job):
        raise AssertionError(job)


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        (
            "measure",
            "validation accuracy",
            "of 'validation accuracy' higher is better .*maximize=True",
        ),
        ("validate", lambda model: 0.5, r"validate\(\) does not depend on the model"),
    ],
)
def test_a_measure_that_cannot_be_minimised_is_refused_before_anything_is_trained(
    member, value, words, tmp_path, monkeypatch
):
    task = load_task(f"{OWN}:small")
    monkeypatch.setattr(task, member, value)
    with Store.at(str(tmp_path / "evidence.db")) as store, pytest.raises(ValueError, match=words):
        choose_optimizer(
            asked(), store, NeverStarted(), tmp_path, RaceDisplay(live=False), load=lambda reference: task
        )
