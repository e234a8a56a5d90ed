"""What is written is read back, whole, in order and once."""

import math
import sqlite3
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from surefoot.store import Store, StoreError, UnknownStudy
from surefoot.study.codec import as_tuples
from surefoot.study.decisions import (
    BestOfOptimizer,
    Bracketed,
    GivenUp,
    Looked,
    Ordered,
    Piloted,
    PlayoffPlace,
    Promoted,
    RivalDifference,
    RuledOut,
    RunRestarted,
    Stopped,
    TargetSet,
    Widened,
    details_of,
)
from surefoot.study.profile import ModelProfile, PilotRun, Role, StepTime, TaskProfile
from surefoot.study.question import Question, TrainingPlan, TrainingQuestion
from surefoot.study.records import DecisionRecord, RunRecord, StudyRecord, StudySummary
from surefoot.study.run import Candidate, Cause, Phase, Point, Schedule, Status
from tests.answers import answers, small_answer

numbers = st.floats()  # nan and both infinities among them
integers = st.integers(-(2**63), 2**63 - 1)
lines = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | integers | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.text(), json_values, max_size=4)
curves = st.lists(
    st.builds(Point, st.floats(0, 1), numbers, numbers), max_size=5, unique_by=lambda p: p.progress
)
schedules = st.builds(
    Schedule, st.sampled_from(["trunk", "constant", "cosine", "script"]), st.floats(0, 0.5), st.floats(0, 1)
)
run_records = st.builds(
    RunRecord,
    candidate=st.builds(Candidate, lines, mappings.map(as_tuples), schedules),
    seed=integers,
    phase=st.sampled_from(Phase),
    status=st.sampled_from(Status),
    points=curves.map(tuple),
    message=lines,
    seconds_per_step=numbers,
    state_bytes=st.integers(0, 2**63 - 1),
    cause=st.sampled_from(Cause),
)
GOES_ON = Promoted("Adam goes on.", Candidate("Adam", {"lr": 0.1}), 0.1)
plain_names = st.text("abcXYZ019_", min_size=1, max_size=8)
candidates = st.builds(
    Candidate,
    plain_names,
    st.dictionaries(plain_names, st.integers() | st.floats(allow_nan=False) | plain_names, max_size=3),
    st.builds(Schedule, warmup=st.floats(0, 0.5)),
)
counts = st.integers(0, 10**6)
names = st.lists(plain_names, max_size=3).map(tuple)
step_times = st.builds(StepTime, numbers, numbers)
profiles = st.builds(
    TaskProfile,
    task=lines,
    steps=st.integers(1, 10**6) | st.floats(0.1, 1e6),
    measure=lines,
    model=st.builds(
        ModelProfile,
        roles=st.lists(st.builds(Role, lines, counts, counts, lines), max_size=2).map(tuple),
        parameters=counts,
        dtypes=names,
        batch_norm=st.booleans(),
    ),
    sparse=names,
    seconds_per_step=numbers,
    initial_value=st.none() | numbers,
    order=names,
    step_times=st.dictionaries(plain_names, step_times, max_size=2),
    untimed=st.dictionaries(plain_names, lines, max_size=2),
    pilot=st.none()
    | st.builds(PilotRun, numbers, numbers, st.booleans(), st.lists(numbers).map(tuple), numbers),
)
race_step = {
    "text": lines,
    "candidate": candidates,
    "rung": st.floats(0, 1),
    "value": numbers,
    "band": numbers,
}
rivals = st.builds(
    RivalDifference,
    rival=plain_names, estimate=numbers, low=numbers, high=numbers, p=numbers, decision=plain_names,
)  # fmt: skip
typed_decisions = st.one_of(
    st.builds(RuledOut, lines, plain_names),
    st.builds(Ordered, lines, st.lists(plain_names).map(tuple)),
    st.builds(Piloted, lines),
    st.builds(TargetSet, lines, numbers, st.lists(numbers, max_size=3).map(tuple)),
    *(st.builds(step, **race_step) for step in (Promoted, Stopped, Widened, BestOfOptimizer)),
    st.builds(Bracketed, lines, candidates, numbers, st.lists(numbers, max_size=3).map(tuple), st.booleans()),
    st.builds(
        PlayoffPlace,
        lines, candidates, counts, st.booleans(), numbers, counts, numbers, candidates,
    ),
    st.builds(
        Looked,
        lines, counts, plain_names, st.none() | numbers, st.booleans(),
        st.lists(rivals, max_size=2).map(tuple),
    ),
    st.builds(RunRestarted, lines, candidates, counts, plain_names),
    st.builds(GivenUp, lines, st.sampled_from(Cause)),
)  # fmt: skip
decision_records = st.builds(DecisionRecord, number=st.just(0), seconds=numbers, decision=typed_decisions)
questions = st.builds(
    Question,
    task=lines,
    optimizers=st.lists(plain_names, max_size=2).map(tuple),
    budget_seconds=st.none() | numbers,
    runs=st.none() | numbers,
    schedule=st.sampled_from(["trunk", "constant", "cosine", "script"]),
    seed=counts,
    baseline=plain_names,
    margin=st.none() | numbers,
    study=lines,
    goal=st.sampled_from(["best", "fastest"]),
    target=st.none() | numbers,
    sets=st.lists(lines, max_size=2).map(tuple),
    candidates=st.none() | lines,
    extra=st.lists(candidates, max_size=2).map(tuple),
    sources=st.dictionaries(plain_names, plain_names, max_size=2),
    script=st.lists(lines, max_size=3).map(tuple),
    measure=lines,
    command=lines,
)
training_questions = st.builds(
    TrainingQuestion,
    st.builds(TrainingPlan, lines, candidates, counts, counts, counts, counts),
    study=lines,
    source=st.none() | lines,
    command=lines,
)
study_records = st.builds(
    StudyRecord,
    question=questions | training_questions,
    profile=st.none() | profiles,
    environment=mappings,
    created=st.just(""),
    answer=answers,
    runs=st.lists(
        run_records,
        max_size=3,
        unique_by=lambda r: (r.candidate.key, r.seed, r.phase),
    ).map(tuple),
    decisions=st.lists(
        decision_records, max_size=3, unique_by=lambda d: (d.kind, d.text, repr(details_of(d.decision)))
    ).map(lambda records: tuple(replace(record, number=n) for n, record in enumerate(records))),
)


def write(store: Store, study: StudyRecord) -> None:
    log = store.begin(study.question, None, study.environment)
    if study.profile:
        log.set_profile(study.profile)
    for run in study.runs:
        run_id = log.start_run(run.candidate, run.seed, run.phase)
        for point in run.points:
            log.add_point(run_id, point)
        log.end_run(run_id, run.status, run.message, run.seconds_per_step, run.state_bytes, run.cause)
    for record in study.decisions:
        log.decide(record.decision, record.seconds)
    log.finish(study.answer)


def same(left: object, right: object) -> bool:
    """Equality in which nan equals nan and the order of a mapping's keys does not count."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and type(left) is type(right):
        return len(left) == len(right) and all(map(same, left, right))
    if is_dataclass(left) and type(left) is type(right):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
    return left == right


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def shared_store(request):
    """One for all examples: each is a study with a name of its own."""
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("cluster").url()
    with Store(url) as store:
        yield store


@hypothesis_settings(max_examples=40, deadline=None)
@given(study=study_records)
def test_a_study_written_twice_is_read_back_once_and_without_loss(shared_store, study):
    name = f"{len(shared_store.studies())} {study.name}"
    study = replace(study, question=replace(study.question, study=name))
    write(shared_store, study)
    write(shared_store, study)
    read = shared_store.study(study.name)
    expected = replace(
        study,
        created=read.created,
        runs=tuple(
            replace(run, points=tuple(sorted(run.points, key=lambda p: p.progress))) for run in study.runs
        ),
    )
    assert same(read, expected)
    assert read.finished


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 5e-324, 0.1 + 0.2])
def test_every_float_survives_reopening(url, begin, value):
    with Store.at(url) as store:
        log = begin(store)
        run = log.start_run(Candidate("Adam", {"bound": value}), 0, Phase.SCREEN)
        log.add_point(run, Point(0.5, value, value))
        log.finish(small_answer(p_best=value))
    with Store.at(url) as store:
        study = store.study("digits")
    assert same(study.runs[0].points, (Point(0.5, value, value),))
    assert same(study.runs[0].candidate.hyperparameters, {"bound": value})
    assert same(study.answer, small_answer(p_best=value))


@pytest.mark.parametrize("value", [[], {}, "nan?", {"$float": [1]}])
def test_a_mapping_that_looks_like_a_marked_float_comes_back(store, begin, value):
    begin(store).start_run(Candidate("Adam", {"eps": {"$float": value}}), 0, Phase.SCREEN)
    (run,) = store.study("digits").runs
    assert run.candidate.hyperparameters == {"eps": {"$float": as_tuples(value)}}


def test_going_on_changes_nothing_that_is_there(url, begin):
    with Store.at(url) as store:
        log = begin(store)
        run = log.start_run(Candidate("Adam", {"lr": 1e-3, "betas": (0.9, 0.999)}), 0, Phase.SCREEN)
        log.add_point(run, Point(0.1, 1.0, 2.0))
        log.end_run(run, Status.COMPLETED, "", 1e-3, 4096)
        log.decide(GOES_ON, 1.5)
        before = log.record()
    with Store.at(url) as store:
        log = begin(store)
        assert log.start_run(Candidate("Adam", {"betas": (0.9, 0.999), "lr": 1e-3}), 0, Phase.SCREEN) == run
        log.add_point(run, Point(0.1, 9.0, 9.0))
        log.decide(GOES_ON, 99.0)
        assert log.record() == before


def test_seed_phase_and_candidate_make_a_run(store, begin):
    log = begin(store)
    ids = [
        log.start_run(Candidate(optimizer, {"lr": lr}, schedule), seed, phase)
        for optimizer in ("SGD", "Adam")
        for lr in (0.1, 0.01)
        for schedule in (Schedule(), Schedule("constant"))
        for seed in (1, 0)
        for phase in (Phase.SCREEN, Phase.CONFIRM)
    ]
    assert len(set(ids)) == 32
    runs = log.record().runs
    assert [run.optimizer for run in runs] == ["SGD"] * 16 + ["Adam"] * 16, "in order of starting"
    assert {run.status for run in runs} == {Status.RUNNING}


def test_a_run_taken_further_ends_again(store, begin):
    log = begin(store)
    run = log.start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
    log.end_run(run, Status.COMPLETED, "", 1e-3, 8)
    log.add_point(run, Point(0.5, 2.0, math.nan))
    log.end_run(run, Status.DIVERGED, "the loss became nan", 2e-3, 16)
    (record,) = log.record().runs
    assert (record.status, record.message, record.state_bytes) == (Status.DIVERGED, "the loss became nan", 16)


def test_decisions_are_numbered_in_each_study(store, begin):
    one, two = begin(store, "one"), begin(store, "two")
    for text in ("b", "a", "b", "c"):
        one.decide(Piloted(text), 0.0)
        two.decide(Piloted(text), 0.0)
    for log in (one, two):
        assert [(d.number, d.text) for d in log.record().decisions] == [(0, "b"), (1, "a"), (2, "c")]


def test_what_is_not_an_answer_is_named_and_hides_no_list(tmp_path):
    with Store.at(tmp_path / "evidence.db") as store:
        store.begin(Question("digits", study="digits"), None, {}).finish(small_answer())
    with sqlite3.connect(tmp_path / "evidence.db") as db:
        db.execute("""UPDATE surefoot_studies SET answer = '{"verdict": "won"}'""")
    with Store.at(tmp_path / "evidence.db") as store:
        with pytest.raises(StoreError, match="cannot be read: Answer has no study"):
            store.study("digits")
        (summary,) = store.studies()
    assert (summary.finished, summary.verdict) == (True, None)


def test_the_list_of_studies(store, begin):
    begin(store, "b").start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
    done = begin(store, "a")
    done.finish(small_answer())
    first, second = store.studies()
    assert first == StudySummary("b", "digits", first.created, finished=False, runs=1, verdict=None)
    assert second == StudySummary("a", "digits", second.created, finished=True, runs=0, verdict="tie")
    assert datetime.fromisoformat(first.created).utcoffset() == timedelta(0)


def test_other_settings_are_named_with_both_values(store, begin):
    begin(store, margin=math.nan)
    begin(store, margin=math.nan)  # nan is the same setting as nan
    with pytest.raises(StoreError) as caught:
        store.begin(
            Question("line", ("Adam", "SGD"), 300.0, goal="fastest", study="digits", command="other"),
            None,
            {},
        )
    message = str(caught.value)
    assert message.endswith(
        "study 'digits' exists with other settings: budget_seconds is 60.0, asked for 300.0, "
        'goal is "best", asked for "fastest", margin is {"$float":"nan"}, asked for null, '
        'task is "digits", asked for "line"'
    )
    assert store.study("digits").task == "digits"


def test_an_unknown_study_names_the_nearest(store, begin):
    with pytest.raises(UnknownStudy, match="no study 'digits'; it holds no study yet"):
        store.study("digits")
    begin(store, "digits-2"), begin(store, "line")
    with pytest.raises(UnknownStudy, match=r"^store .*: no study 'digts'; the nearest is 'digits-2'"):
        store.study("digts")


def test_a_message_with_bytes_no_database_takes_is_kept_readable(store, begin):
    log = begin(store)
    run = log.start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
    log.end_run(run, Status.FAILED, "killed\0 \ud800 café", math.nan, 0)
    assert log.record().runs[0].message == r"killed\x00 \ud800 café"


def test_what_json_cannot_hold_is_refused_in_one_line(store, begin):
    with pytest.raises(StoreError, match="set is not JSON serializable") as caught:
        begin(store).decide(Promoted("Seen.", Candidate("Adam", {"names": {"Adam"}}), 0.1), 0.0)
    assert "\n" not in str(caught.value)


def test_a_whole_number_that_no_database_takes_is_refused(store, begin):
    log = begin(store)
    with pytest.raises(StoreError, match="too large for a whole number of 64 bits"):
        log.start_run(Candidate("Adam", {}), 2**63, Phase.SCREEN)
    log.start_run(Candidate("Adam", {}), 2**63 - 1, Phase.SCREEN)
    assert len(log.record().runs) == 1


def test_a_run_which_does_not_exist_is_an_error(store, begin):
    log = begin(store)
    with pytest.raises(StoreError, match="no run 7"):
        log.add_point(7, Point(0.1, 1.0, 1.0))
    with pytest.raises(StoreError, match="no run 7"):
        log.end_run(7, Status.COMPLETED, "", 1.0, 0)


class TestAtOnce:
    def test_what_is_written_becomes_visible_together(self, url, store, begin):
        log = begin(store)
        with Store.at(url) as reader:
            with log.at_once():
                run = log.start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
                log.add_point(run, Point(1.0, 1.0, 0.5))
                log.decide(Piloted("It goes on."), 1.0)
                assert reader.study("digits").runs == ()
            assert reader.study("digits") == log.record()
        assert log.record().runs[0].points == (Point(1.0, 1.0, 0.5),)
        assert [decision.number for decision in log.record().decisions] == [0]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
    def test_an_interruption_keeps_what_was_written_before_it(self, store, begin, error):
        log = begin(store)

        def interrupted():
            with log.at_once():
                log.start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
                raise error

        with pytest.raises(error):
            interrupted()
        log.start_run(Candidate("SGD", {}), 0, Phase.SCREEN)
        assert [run.optimizer for run in log.record().runs] == ["Adam", "SGD"]

    def test_a_refused_write_undoes_no_other(self, store, begin):
        log = begin(store)

        def mistaken():
            with log.at_once():
                log.start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
                log.end_run(99, Status.COMPLETED, "", math.nan, 0)

        with pytest.raises(StoreError, match="no run 99"):
            mistaken()
        assert [run.optimizer for run in log.record().runs] == ["Adam"]


def test_a_study_keeps_one_document_of_each_kind(store, begin):
    begin(store)
    begin(store, "other")
    for document in ({"x": [1.5, math.nan]}, {"x": [2.5, math.inf], "name": "café\0"}):
        store.keep("digits", "landscape", document)
    store.keep("digits", "notes", {})
    assert store.study("digits").documents == {"landscape": document, "notes": {}}
    assert store.study("other").documents == {}


def test_documents_that_cannot_be_kept_are_refused(store, begin):
    begin(store)
    with pytest.raises(UnknownStudy, match="no study 'digit'; the nearest is 'digits'"):
        store.keep("digit", "landscape", {})
    with pytest.raises(StoreError, match="not JSON serializable"):
        store.keep("digits", "landscape", {"x": {1, 2}})
    assert store.study("digits").documents == {}
