"""A made-up study with everything a real one can hold, and some of what a hostile one could."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from surefoot.study.answer import Answer
from surefoot.study.codec import encode
from surefoot.study.decisions import (
    Looked,
    Piloted,
    PlayoffPlace,
    Promoted,
    RivalDifference,
    RuledOut,
    Stopped,
    Unknown,
    Widened,
)
from surefoot.study.label import candidate_label
from surefoot.study.profile import ModelProfile, Role, TaskProfile
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, RunRecord, StudyRecord
from surefoot.study.run import Candidate, Phase, Point, Schedule, Status

HOSTILE = "<script>alert('$x^{$')</script>"
RUNGS = (1 / 27, 1 / 9, 1 / 3)
NOWHERE = Point(0.0, 0.0, math.nan)
SCHEDULE = encode(Schedule())


@dataclass(frozen=True)
class Made:
    """A made-up optimizer: its best learning rate, the loss there and how steeply it worsens away from it."""

    best: float
    loss: float
    narrow: float
    rates: tuple[float, ...]
    seconds: float
    state: int
    extra: tuple[Mapping[str, Any], ...] = ({},)


MADE = {
    "Adam": Made(3e-3, 0.082, 0.5, (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), 3.1e-4, 211_000,
                 ({"betas": (0.9, 0.999)}, {"betas": (0.9, 0.99)})),
    "AdamW": Made(3e-3, 0.086, 0.5, (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2), 3.2e-4, 211_000),
    "Adamax": Made(6e-3, 0.090, 0.6, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1), 3.2e-4, 211_000),
    "RMSprop": Made(1e-3, 0.101, 1.2, (1e-4, 3e-4, 1e-3, 3e-3, 1e-2), 3.0e-4, 105_500,
                    ({"momentum": 0.0}, {"momentum": 0.9})),
    "SGD": Made(1e-1, 0.083, 0.9, (1e-2, 3e-2, 1e-1, 3e-1, 1.0), 2.6e-4, 105_500,
                ({"momentum": 0.9, "nesterov": True}, {"momentum": 0.0})),
    "Adagrad": Made(3e-2, 0.110, 0.5, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1), 2.9e-4, 105_500),
    "Rprop": Made(1e-3, 0.210, 1.0, (1e-4, 1e-3, 1e-2), 3.9e-4, 211_000),
    HOSTILE: Made(1e-2, 0.150, 1.0, (1e-3, 1e-2, 1e-1), 5.0e-4, 316_500),
}  # fmt: skip

BASELINE = ("AdamW", {"lr": 1e-3})
FINALISTS = (
    ("Adam", {"lr": 3e-3, "betas": (0.9, 0.99)}, 0.0820),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, 0.0855),
    ("Adamax", {"lr": 1e-2}, 0.0905),
    (*BASELINE, 0.0958),
)
SNIPPET = """\
from surefoot import optim

optimizer = optim.Adam(model.parameters(), lr=0.003, betas=(0.9, 0.99))
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer,
    lambda step: min(1.0, (step + 1) / 50, (1001 - step) / 200),
)
# after every optimizer.step(): scheduler.step()
"""


def final_loss(made: Made, rate: float) -> float:
    distance = math.log10(rate / made.best)
    return (
        math.inf
        if distance > 0.45 + 0.3 / made.narrow
        else made.loss * math.exp(made.narrow * 1.1 * distance**2)
    )


def learning_curve(
    final: float, upto: float, seconds: float, chance: random.Random, marks: tuple[float, ...] = RUNGS
) -> tuple[Point, ...]:
    marks = tuple(mark for mark in marks if mark <= upto + 1e-9)
    return tuple(
        Point(
            mark,
            seconds * 1000 * mark,
            final + (2.3 - final) * math.exp(-9 * mark**0.6) * math.exp(chance.gauss(0, 0.04)),
        )
        for mark in sorted(marks)
    )


def screening(chance: random.Random) -> tuple[list[RunRecord], list[DecisionRecord]]:
    """All candidates at the first rung; about half go on at each."""
    arms = [
        (name, {"lr": rate, **extra}, final_loss(made, rate) * (1 + 0.1 * number))
        for name, made in MADE.items()
        for number, extra in enumerate(made.extra)
        for rate in made.rates
    ]
    runs, decisions = [], [DecisionRecord(0, 0.4, Piloted("The pilot took 2 s: 26,378 parameters."))]
    alive = [arm for arm in arms if math.isfinite(arm[2])]
    runs += [diverged_run(name, hyperparameters) for name, hyperparameters, loss in arms if math.isinf(loss)]
    for rung in RUNGS:
        measured = sorted(
            ((arm, learning_curve(arm[2], rung, MADE[arm[0]].seconds, chance)) for arm in alive),
            key=lambda pair: pair[1][-1].value,
        )
        keep = max(4, len(measured) // 2)
        band = measured[keep - 1][1][-1].value * 1.03
        last = rung == RUNGS[-1]
        for arm, points in measured:
            on = points[-1].value <= band
            text = f"{arm[0]} at lr {arm[1]['lr']:g} {'goes on' if on else 'is out'} at rung {rung:.3f}: "
            text += f"{points[-1].value:.3f} against a band up to {band:.3f}."
            width = band - measured[0][1][-1].value
            step = (Promoted if on else Stopped)(text, candidate(*arm[:2]), rung, points[-1].value, width)
            decisions.append(DecisionRecord(len(decisions), 60 * rung + 1, step))
            if not on or last:
                runs.append(run_of(arm[0], arm[1], 0, Phase.SCREEN, points))
        alive = [arm for arm, points in measured if points[-1].value <= band]
    return runs, decisions


def candidate(name: str, hyperparameters: Mapping[str, Any]) -> Candidate:
    return Candidate(name, hyperparameters)


def run_of(
    name: str, hyperparameters: Mapping[str, Any], seed: int, phase: str, points: tuple[Point, ...]
) -> RunRecord:
    made = MADE.get(name, Made(1, 1.9, 1, (), 2.4e-4, 105_500))
    return RunRecord(
        candidate(name, hyperparameters), seed, phase, Status.COMPLETED, points, "", made.seconds, made.state
    )


def diverged_run(name: str, hyperparameters: Mapping[str, Any]) -> RunRecord:
    points = (Point(0.02, 0.02, math.nan),)
    message = (
        f"the training loss was {HOSTILE} after 20 steps" if name == HOSTILE else "loss nan after 20 steps"
    )
    return RunRecord(
        candidate(name, hyperparameters), 0, Phase.SCREEN, Status.DIVERGED, points, message, 3e-4, 0
    )


def confirmation(chance: random.Random) -> list[RunRecord]:
    runs = []
    for name, hyperparameters, loss in FINALISTS:
        for seed in range(1000, 1006):
            final = loss + chance.gauss(0, 0.0022)
            marks = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
            curve = learning_curve(final, 1.0, MADE[name].seconds, chance, marks)
            runs.append(run_of(name, hyperparameters, seed, Phase.CONFIRM, curve))
    return runs


def playoff() -> list[DecisionRecord]:
    """Four finalists, and Adagrad that did not become one."""
    entrants = [*(candidate(*finalist[:2]) for finalist in FINALISTS[:3]), candidate("Adagrad", {"lr": 0.03})]
    found = []
    for place, each in enumerate(entrants, 1):
        text = f"{each.optimizer}: 0.1{place} on average over 3 seeds, number {place}."
        mean, goes_on = 0.1 + 0.01 * place, each.optimizer != "Adagrad"
        decision = PlayoffPlace(text, each, place, goes_on, mean, 3, mean - 0.11, entrants[0])
        found.append(DecisionRecord(0, 70, decision))
    return found


def confirmation_looks() -> list[DecisionRecord]:
    """Two looks; at the first one SGD led, which diverges at the second."""
    rivals = {4: ("SGD lr=0.1", "Adam lr=0.003"), 6: ("Adam lr=0.003", "SGD lr=0.1")}
    looks = []
    for seeds, (leader, rival) in rivals.items():
        estimate = math.nan if rival.startswith("SGD") else 0.001
        rivals = (
            difference(rival, estimate, "better" if math.isnan(estimate) else "undecided"),
            difference("Adamax lr=0.01", 0.008, "better"),
            difference("AdamW lr=0.001", 0.014, "better"),
        )
        look = Looked(f"After {seeds} seeds {leader} leads.", seeds, leader, 0.002, False, rivals)
        looks.append(DecisionRecord(0, 80, look))
    return looks


def difference(rival: str, estimate: float, decision: str) -> RivalDifference:
    return RivalDifference(rival, estimate, estimate - 0.004, estimate + 0.004, 0.01, decision)


def entry(name: str, hyperparameters: Mapping[str, Any], runs: list[RunRecord], phase: str) -> dict[str, Any]:
    """As `--json` writes it: a mean with its interval for what was confirmed, and the label."""
    mine = [run for run in runs if run.candidate.key == candidate(name, hyperparameters).key]
    values = [run.points[-1].value if run.status == Status.COMPLETED else None for run in mine]
    return {
        "optimizer": name,
        "hyperparameters": dict(hyperparameters),
        "schedule": SCHEDULE,
        "phase": phase,
        "seeds": [run.seed for run in mine],
        "progress": max(point.progress for run in mine for point in (*run.points, NOWHERE)),
        "values": values,
        "seconds_per_step": mine[0].seconds_per_step,
        "state_bytes": mine[0].state_bytes,
        "diverged": values.count(None),
        "label": candidate_label(candidate(name, hyperparameters)),
    } | ({"mean": 0.09, "low": 0.08, "high": 0.1} if phase == Phase.CONFIRM and None not in values else {})


def answer_of(runs: list[RunRecord]) -> Answer:
    screened = [run for run in runs if run.phase == "screen"]
    confirmed = [run for run in runs if run.phase == "confirm"]
    floor = [run for run in runs if run.phase == "floor"]
    recommended = FINALISTS[0]
    windows = {
        name: {
            "low": made.best / 3,
            "high": made.best * 2,
            "decades": 0.78,
            "best": made.best,
            "blow_up": 0.17,
            "progress": RUNGS[0],
            "open_low": False,
            "open_high": name == "Rprop",
        }
        for name, made in MADE.items()
    }
    document = {
        "study": "digits-2026-11-24",
        "task": "digits",
        "measure": "validation loss",
        "verdict": "win",
        "sentence": "Train with Adam at lr 0.003 and betas (0.9, 0.99): its validation loss is 0.0138 lower "
        "than AdamW's at the default lr (95 % interval 0.0109 to 0.0167).",
        "why": [
            "Adam won against AdamW in 6 of 6 seeds.",
            "SGD tied with Adam within the margin of 0.002, but its lr window is 0.4 decades wide.",
            "Adamax lost by 0.0085, four seed standard deviations.",
            f"{HOSTILE} lost at the second rung.",
        ],
        "recommendation": {
            "optimizer": recommended[0],
            "hyperparameters": dict(recommended[1]),
            "schedule": SCHEDULE,
            "snippet": SNIPPET,
        },
        "baseline": {"optimizer": "AdamW", "hyperparameters": {"lr": 1e-3}, "schedule": SCHEDULE},
        "effect": {"estimate": -0.0138, "low": -0.0167, "high": -0.0109, "level": 0.95},
        "p_best": 0.86,
        "expected_regret": 0.0003,
        "margin": 0.002,
        "minimum_detectable_difference": 0.004,
        "trainings_needed": None,
        "pairing": {"used": False, "correlation": 0.12},
        "candidates": [
            *(entry(run.optimizer, run.candidate.hyperparameters, [run], Phase.SCREEN) for run in screened),
            *(
                entry(name, hyperparameters, confirmed, Phase.CONFIRM)
                for name, hyperparameters, _ in FINALISTS
            ),
            entry("RandomSearch", {"scale": 0.01}, floor, Phase.FLOOR),
        ],
        "lr_windows": windows,
        "runs": len(runs),
        "seconds": 107.3,
    }
    return Answer.from_document(document)


def sample_study(*, finished: bool = True, seed: int = 0) -> StudyRecord:
    """Eight optimizers, some sixty screening runs, four finalists with six seeds, a floor."""
    chance = random.Random(seed)
    runs, decisions = screening(chance)
    runs += confirmation(chance)
    sgd = next(i for i, run in enumerate(runs) if run.phase == Phase.CONFIRM and run.optimizer == "SGD")
    runs[sgd] = replace(
        runs[sgd], status=Status.DIVERGED, points=runs[sgd].points[:3], message="loss 4e9 at step 334"
    )
    for number in range(3):
        points = tuple(Point(p, 0.24 * p, 2.3 - 0.4 * p**0.5) for p in (0.1, 0.3, 0.6, 1.0))
        runs.append(run_of("RandomSearch", {"scale": 0.01}, 1000 + number, Phase.FLOOR, points))
    failure = 'Traceback (most recent call last):\n  File "task.py", line 3\nRuntimeError: ' + HOSTILE
    runs.append(RunRecord(candidate("Rprop", {"lr": 1.0}), 0, Phase.SCREEN, Status.FAILED, (), failure))
    decisions.insert(
        1,
        DecisionRecord(1, 0.5, RuledOut("SparseAdam is ruled out: no gradient is sparse.", "SparseAdam")),
    )
    widened = Widened("Adam's lr range is widened: its edge won.", candidate("Adam", {"lr": 0.1}), 1 / 27)
    decisions.append(DecisionRecord(0, 40, widened))
    decisions += playoff() + confirmation_looks()
    decisions.append(DecisionRecord(0, 107, Unknown("Win for Adam after 6 seeds.")))
    return StudyRecord(
        question=Question(
            "digits",
            tuple(MADE),
            budget_seconds=120.0,
            study="digits-2026-11-24",
            command="surefoot choose digits --budget 2m --seed 0",
        ),
        profile=TaskProfile(
            task="digits",
            steps=2000,
            measure="validation loss",
            model=ModelProfile(
                roles=(Role("weight matrices", 2, 25_088, "64×128"), Role("biases", 3, 138, "64 (2), 10")),
                parameters=25_226,
                dtypes=("float32",),
            ),
            seconds_per_step=3.1e-4,
            peak_memory=211_000_000,
        ),
        environment={
            "python": "3.13.2",
            "torch": "2.13.0",
            "processor": "Xeon <8481C>",
            "git_commit": "59da249",
        },
        created="2026-11-24T16:42:35+00:00",
        answer=answer_of(runs) if finished else None,
        runs=tuple(runs),
        decisions=tuple(replace(decision, number=number) for number, decision in enumerate(decisions)),
    )


def hostile_question(text: str) -> Question:
    """A question as a store from a stranger may have it, with `text` wherever text may be."""
    return Question(
        text, (text,), runs=20.0, baseline=text, study=text, sets=(text,), candidates=text,
        extra=(Candidate(text, {text: text}),), sources={text: text}, script=(text,), measure=text,
        command=text,
    )  # fmt: skip


def empty_study() -> StudyRecord:
    """A study in which every run failed."""
    failed = RunRecord(
        candidate("Adam", {"lr": 1e-3}), 0, Phase.SCREEN, Status.FAILED, (), "KeyError: 'images'"
    )
    return replace(sample_study(finished=False), runs=(failed,), decisions=(), profile=None)
