"""A study's state is another whenever something was written, and the same while nothing is."""

import pytest

from surefoot.store.errors import UnknownStudy
from surefoot.study.decisions import Piloted
from surefoot.study.run import Candidate, Phase, Point, Status
from tests.answers import small_answer


def test_every_write_makes_another_state(store, begin):
    log = begin(store)
    seen = [store.state("digits")]

    def note() -> None:
        assert store.state("digits") == store.state("digits")
        seen.append(store.state("digits"))

    run = log.start_run(Candidate("Adam", {"lr": 0.1}), 0, Phase.SCREEN)
    note()
    log.add_point(run, Point(0.5, 1.0, 0.7))
    note()
    log.end_run(run, Status.COMPLETED, "", 0.1, 8)
    note()
    log.decide(Piloted("Looked."), 0.5)
    note()
    store.keep("digits", "landscape", {"plane": [1, 2]})
    note()
    log.finish(small_answer())
    note()
    assert len(set(seen)) == len(seen)


def test_another_study_does_not_matter(store, begin):
    begin(store)
    before = store.state("digits")
    begin(store, "other").start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
    assert store.state("digits") == before


def test_an_unknown_study_is_told_with_the_nearest(store, begin):
    begin(store)
    with pytest.raises(UnknownStudy, match="the nearest is 'digits'"):
        store.state("digit")
