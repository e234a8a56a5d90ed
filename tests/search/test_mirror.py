"""A study of a measure that is maximized is the mirror image of that of its negative, or of one minus it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from surefoot.analysis.tables import history, rate_curves, results, setting_effects
from surefoot.report.live import RaceDisplay
from surefoot.report.report import report_html
from surefoot.report.terminal import print_answer, print_why
from surefoot.search import ask, choose_optimizer
from surefoot.store import Store
from surefoot.study.answer import Answer
from surefoot.study.decisions import PlayoffPlace, RaceStep, TargetSet
from surefoot.study.direction import Direction
from surefoot.study.profile import StepTime
from surefoot.study.strict_json import without_nan
from tests.search.inline_engine import InlineEngine

TASKS = Path(__file__).parent / "mirrored_tasks.py"
TURNED = {"score": lambda value: 1 - value, "negated": lambda value: 0.0 - value}
WRONG_WAY = re.compile(r"\blow(er|est)\b(?! learning|, safe| side)|below 0 is better|up from the best")
"""What nobody may say of a measure that is maximized; learning rates have a low side all the same."""


class Heard(RaceDisplay):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__(Console(file=io.StringIO(), width=200), live=False)
        self.told = []

    def decision(self, text):
        self.told.append(text)

    def result(self, label, rung, value, status):
        super().result(label, rung, value, status)
        self.told.append(self._board.in_words())


def study_of(task, folder, **more):
    """The record of a whole study, with what was said while it went on."""
    usual = {"runs": 26.0, "study": "mirror", "margin": 1e-9}
    question = ask(f"{TASKS}:{task}", ["adam", "sgd", "adagrad"], **usual | more)
    display = Heard()
    with Store.at(str(folder / f"{task}.db")) as store:
        choose_optimizer(question, store, InlineEngine(), folder / task, display)
        return store.study("mirror"), display.told


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    return {task: study_of(task, folder) for task in ("share", *TURNED)}


@pytest.fixture(scope="module")
def races(tmp_path_factory):
    """The same with the least time to a target, where every step takes the same time."""
    folder = tmp_path_factory.mktemp("fastest")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("surefoot.search.fastest.ladder.time_each", same_times)
        return {task: study_of(task, folder, goal="fastest", runs=30.0) for task in ("share", *TURNED)}


def same_times(task, candidates, *limits):
    return {candidate.optimizer: StepTime(0.001, 0.0) for candidate in candidates}, {}


def near(value):
    return None if value is None else pytest.approx(value, rel=1e-6, abs=1e-9, nan_ok=True)


def turned(values, turn):
    """Values of candidates, None where one was lost."""
    return tuple(value if value is None else near(turn(value)) for value in values)


def runs_of(study, turn):
    return {
        (run.candidate.key, run.seed, run.phase): tuple(turn(point.value) for point in run.points)
        for run in study.runs
    }


@pytest.mark.parametrize("task", TURNED)
def test_the_same_runs_are_made_and_the_user_s_own_numbers_are_kept(studies, task):
    loss, mirror = studies["share"][0], studies[task][0]
    assert mirror.direction is mirror.profile.direction is Direction.MAXIMIZE
    ours, others = runs_of(loss, TURNED[task]), runs_of(mirror, lambda value: value)
    assert ours.keys() == others.keys()
    assert all(others[key] == near(values) for key, values in ours.items())
    assert mirror.profile.initial_value == near(TURNED[task](loss.profile.initial_value))


@pytest.mark.parametrize("task", TURNED)
def test_the_same_is_decided_with_the_values_turned(studies, task):
    for ours, others in zip(studies["share"][0].decisions, studies[task][0].decisions, strict=True):
        one, other = ours.decision, others.decision
        assert type(one) is type(other)
        if isinstance(one, RaceStep):
            assert (one.candidate, one.rung) == (other.candidate, other.rung)
            assert other.value == near(TURNED[task](one.value))
            assert other.band == near(one.band)
        if isinstance(one, PlayoffPlace):
            assert (one.candidate, one.place, one.goes_on) == (other.candidate, other.place, other.goes_on)
            assert (other.mean, other.behind) == (near(TURNED[task](one.mean)), near(one.behind))


@pytest.mark.parametrize("task", TURNED)
def test_the_answer_is_the_mirror_image(studies, task):
    turn = TURNED[task]
    loss, mirror = studies["share"][0].answer, studies[task][0].answer
    assert mirror.direction is Direction.MAXIMIZE
    assert (mirror.verdict, mirror.recommendation) == (loss.verdict, loss.recommendation)
    assert mirror.effect.estimate == near(-loss.effect.estimate)
    assert (mirror.effect.low, mirror.effect.high) == (near(-loss.effect.high), near(-loss.effect.low))
    for name in ("p_best", "p_best_confirmed", "contenders", "expected_regret", "trainings_needed", "margin"):
        assert getattr(mirror, name) == near(getattr(loss, name)), name
    for one, other in zip(loss.candidates, mirror.candidates, strict=True):
        assert (one.candidate, one.phase, one.seeds) == (other.candidate, other.phase, other.seeds)
        assert other.values == turned(one.values, turn)
        if one.mean is not None:
            assert other.mean == near(turn(one.mean))
            assert (other.low, other.high) == (near(turn(one.high)), near(turn(one.low)))
    for one, other in zip(loss.claims, mirror.claims, strict=True):
        assert (one.who, one.against, one.relation, one.seeds) == (
            other.who,
            other.against,
            other.relation,
            other.seeds,
        )
        assert (other.estimate, other.low, other.high) == (near(one.estimate), near(one.low), near(one.high))
        assert other.ratio is None
    assert {name: near(window.low) for name, window in loss.lr_windows.items()} == {
        name: window.low for name, window in mirror.lr_windows.items()
    }
    assert (loss.unconfirmed is None) == (mirror.unconfirmed is None)
    if loss.unconfirmed and mirror.unconfirmed:
        assert mirror.unconfirmed.candidate == loss.unconfirmed.candidate
        assert mirror.unconfirmed.value == near(turn(loss.unconfirmed.value))


@pytest.mark.parametrize("task", TURNED)
def test_tables_have_the_same_order(studies, task):
    loss, mirror = studies["share"][0], studies[task][0]
    assert [row.label for row in results(loss.answer)] == [row.label for row in results(mirror.answer)]
    for one, other in zip(history(loss).optimizers, history(mirror).optimizers, strict=True):
        assert (one.optimizer, one.reached, one.standing) == (other.optimizer, other.reached, other.standing)
        assert (other.behind, other.band) == (near(one.behind), near(one.band))
    for one, other in zip(history(loss).rungs, history(mirror).rungs, strict=True):
        assert other.best == near(TURNED[task](one.best))
        assert other.limit == near(TURNED[task](one.limit))
        assert [step.candidate for step in one.steps] == [step.candidate for step in other.steps]
    for one, other in zip(rate_curves(loss), rate_curves(mirror), strict=True):
        for line, turned in zip(one.lines, other.lines, strict=True):
            assert turned.best == tuple((rate, near(TURNED[task](value))) for rate, value in line.best)
    for one, other in zip(setting_effects(loss), setting_effects(mirror), strict=True):
        assert [value for value, _ in one.values] == [value for value, _ in other.values]


def page(answer, show):
    console = Console(width=80, file=io.StringIO(), highlight=False)
    show(answer, console)
    return " ".join(console.file.getvalue().split())


@pytest.mark.parametrize("task", TURNED)
def test_no_word_says_that_lower_is_better(studies, task):
    study, told = studies[task]
    answer = study.answer
    texts = [answer.sentence, *answer.why, *(record.text for record in study.decisions), *told]
    texts += [page(answer, print_answer), page(answer, print_why)]
    assert not [text for text in texts if WRONG_WAY.search(text)]
    shown = page(answer, print_answer)
    assert "higher is better" in shown
    if answer.effect.estimate:
        assert re.search(r"instead of .*, the baseline: \S+ higher", shown)
        assert re.search(r"instead of .*: \S+ higher \(95 % interval", answer.sentence)
    html = report_html(study)
    assert "higher is better" in html
    assert "lower is better" not in html


def test_who_leads_while_it_goes_on_has_the_best_value(studies):
    ahead = [re.search(r"ahead: (.*) with", text) for text in studies["share"][1]]
    for task in TURNED:
        mirrored = [re.search(r"ahead: (.*) with", text) for text in studies[task][1]]
        assert [found and found[1] for found in ahead] == [found and found[1] for found in mirrored]


def test_a_document_goes_through_strict_json_with_its_direction(studies):
    answer = studies["score"][0].answer
    assert Answer.from_document(without_nan(answer.to_document())).direction is Direction.MAXIMIZE
    old = answer.to_document()
    del old["direction"]
    assert Answer.from_document(old | {"version": 2}).direction is Direction.MINIMIZE


def test_whoever_asks_may_say_it(studies, tmp_path):
    study, _ = study_of("silent", tmp_path, maximize=True)
    assert study.answer.recommendation == studies["negated"][0].answer.recommendation
    assert study.answer.direction is Direction.MAXIMIZE
    assert "--maximize" in study.answer.command
    with pytest.raises(ValueError, match=r"share says itself that higher is better .*maximize=False"):
        study_of("negated", tmp_path, maximize=False)


@pytest.mark.parametrize("task", TURNED)
def test_the_least_time_to_a_target_is_the_same(races, task):
    turn, loss, mirror = TURNED[task], races["share"][0], races[task][0]
    target, found = map(target_of, (loss, mirror))
    assert found.target == near(turn(target.target)) == near(mirror.answer.target)
    assert found.values == tuple(near(turn(value)) for value in target.values)
    assert (found.seconds, found.reached, found.seeds) == (near(target.seconds), target.reached, target.seeds)
    assert mirror.direction is Direction.MAXIMIZE
    assert mirror.answer.direction is mirror.compared is Direction.MINIMIZE  # of seconds
    assert mirror.answer.recommendation == loss.answer.recommendation
    assert mirror.answer.verdict == loss.answer.verdict
    assert mirror.answer.effect.estimate == near(loss.answer.effect.estimate)
    assert mirror.answer.effect.ratio == near(loss.answer.effect.ratio)
    for one, other in zip(loss.answer.candidates, mirror.answer.candidates, strict=True):
        assert (one.candidate, one.misses) == (other.candidate, other.misses)
        times = zip(one.seconds_to_target or (), other.seconds_to_target or (), strict=True)
        assert all(ours == theirs if ours is None else theirs == near(ours) for ours, theirs in times)
    assert mirror.answer.measure.startswith(
        "seconds to an explained" if task == "score" else "seconds to a n"
    )
    assert "lower is better" in page(mirror.answer, print_answer)
    assert report_html(mirror)


@pytest.mark.parametrize("task", ["share", *TURNED])
def test_a_run_ends_at_the_first_mark_that_is_as_good_as_the_target(races, task):
    study = races[task][0]
    behind, target = study.direction.behind, target_of(study).target
    confirmed = [run for run in study.runs if run.phase == "confirm" and not run.lost]
    ended = [run for run in confirmed if run.points[-1].progress < 1]
    assert ended
    for run in ended:
        *before, last = [behind(point.value, target) for point in run.points]
        assert last <= 0
        assert all(value > 0 for value in before)


def target_of(study):
    return next(d.decision for d in study.decisions if isinstance(d.decision, TargetSet))


@pytest.mark.parametrize("runs", [0.3, 2.0, 5.0])
def test_an_answer_before_confirmation_is_the_mirror_image_too(runs, tmp_path):
    (loss, _), (mirror, told) = (study_of(task, tmp_path, runs=runs) for task in ("share", "negated"))
    one, other = loss.answer, mirror.answer
    assert other.level is one.level
    assert other.recommendation == one.recommendation
    assert other.direction is Direction.MAXIMIZE
    for ours, theirs in zip(one.candidates, other.candidates, strict=True):
        assert theirs.values == turned(ours.values, TURNED["negated"])
    texts = [other.sentence, *other.why, *(record.text for record in mirror.decisions), *told]
    assert not [text for text in texts if WRONG_WAY.search(text)]
    assert "higher is better" in page(other, print_answer)
    assert report_html(mirror)
