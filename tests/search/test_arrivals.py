"""The order in which results arrive, and how many runs go on at once, decide nothing."""

from __future__ import annotations

import random

import pytest

from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.race.playoff import Playoff
from surefoot.search.race.screening import Screening
from surefoot.search.space import candidates as space
from surefoot.store import Store
from surefoot.study.run import Candidate, Finished, Schedule
from tests.search.inline_engine import InlineEngine
from tests.search.test_study import OWN, steady

OPTIMIZERS = ("Adam", "SGD", "RMSprop", "Lion", "Rprop")


class ShuffledEngine(InlineEngine):
    """Hands out the ends of its jobs one at a time, in an order of its own."""

    def __init__(self, slots, seed):
        super().__init__()
        self.slots = slots
        self.random = random.Random(seed)

    def events(self, timeout=None):
        ends = [event for event in self.waiting if isinstance(event, Finished)]
        if not ends:
            return []
        job = self.random.choice(ends).job
        events = [event for event in self.waiting if _job_of(event) == job]
        self.waiting = [event for event in self.waiting if _job_of(event) != job]
        return events


def _job_of(event):
    return event.job


def value_of(request):
    """A number that depends on the request alone; one in six runs diverges, and ties are frequent."""
    draw = random.Random(f"{request.candidate.key} {request.seed} {request.progress}")
    return float("nan") if draw.random() < 1 / 6 else draw.randint(1, 20) / 10 / request.progress**0.1


def drive(policy, slots, seed):
    """What the policy asks for, with so many requests outstanding and results in a random order."""
    order, outstanding, asked = random.Random(seed), [], []
    while True:
        while len(outstanding) < slots and (request := policy.ask()) is not None:
            asked.append(request)
            outstanding.append(request)
        if not outstanding:
            return asked
        request = outstanding.pop(order.randrange(len(outstanding)))
        policy.tell(request, value_of(request))


def screening(decisions):
    grid = space.candidates(OPTIMIZERS, Schedule())
    return Screening(grid, 12.0, 0, decisions.append)


def playoff(decisions):
    candidates = [Candidate(name, {"lr": 0.1}) for name in (*OPTIMIZERS, "Adagrad", "NAdam", "RAdam")]
    return Playoff(candidates, 0, 40.0, str, decisions.append)


def confirmation(decisions):
    first, second, third, base, floor = (Candidate(name, {"lr": 0.1}) for name in OPTIMIZERS)
    return Confirmation(
        [first, second, third], base, floor, runs=60, first_seed=7, floor_seeds=3, margin=None, label=str,
        decide=decisions.append,
    )  # fmt: skip


@pytest.mark.parametrize("make", [screening, playoff, confirmation])
def test_what_a_policy_asks_for_and_decides_does_not_depend_on_the_order_of_arrival(make):
    expected: list[object] = []
    alone = drive(make(expected), 1, 0)
    assert len(alone) > 20
    for seed in range(12):
        decisions: list[object] = []
        asked = drive(make(decisions), 2 + seed % 7, seed)
        assert asked == alone
        assert repr(decisions) == repr(expected)  # nan is not equal to itself


def whole_study(folder, engine):
    question = ask(f"{OWN}:small", ["adam", "sgd"], runs=16, study="mine", margin=1e-9)
    with Store.at(folder / "evidence.db") as store:
        answer = choose_optimizer(question, store, engine, folder / "checkpoints", RaceDisplay(live=False))
        study = store.study("mine")
    runs = [
        (
            r.optimizer,
            r.candidate.hyperparameters,
            r.seed,
            r.phase,
            r.status,
            [(p.progress, p.value) for p in r.points],
        )
        for r in study.runs
    ]
    return steady(answer), repr(runs), [(d.kind, d.text) for d in study.decisions]


def test_a_whole_study_is_the_same_however_many_runs_go_on_at_once(tmp_path):
    for folder in ("alone", "many"):
        (tmp_path / folder).mkdir()
    alone = whole_study(tmp_path / "alone", ShuffledEngine(1, seed=0))
    many = whole_study(tmp_path / "many", ShuffledEngine(5, seed=1))
    assert many == alone
