"""The instant answer: which optimizers to begin with, from what is known of other tasks, without training.

    advise("digits", features, load_experience(), names)["advice"][0]["label"]  # "AdamW lr=0.002"

It is a prior, never a measurement, and says so; `surefoot choose` measures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from surefoot.naming import listed
from surefoot.search.answer.snippet import snippet
from surefoot.search.space import candidates as space
from surefoot.search.space.prior_results import Expected, Experience, KnownTask, Showing, race_order
from surefoot.search.space.task_features import TaskFeatures, in_common, similarity
from surefoot.study.decisions import RuledOut
from surefoot.study.format import rounded
from surefoot.study.label import candidate_label, optimizer_label
from surefoot.study.run import Candidate, Schedule

ADVISED = 3
"""Three optimizers at good settings beat one that is tuned hard."""

ALIKE = 0.5
"""A known task of at least this similarity is called similar."""

NEARLY_BEST = 0.25
"""An optimizer with no more regret than this was among the best of a task: 0 is the best, 1 the median."""

DISCLAIMER = (
    "This is a prior from other tasks, not a measurement of this one: a wrong learning rate costs more than "
    "the wrong optimizer, and only training tells."
)


def prior_order(task: str, features: TaskFeatures, experience: Experience, names: Iterable[str]) -> list[str]:
    """The optimizers in the order in which to look at them, for `Race`.

    Args:
        task: its name; what was measured on it is left out.
        features: of the task.
        experience: what is known.
        names: of the optimizers to race.
    """
    ranking = experience.besides(task).ranking(features, names)
    return [expected.optimizer for expected in race_order(ranking)]


def advise(
    task: str,
    features: TaskFeatures,
    experience: Experience,
    names: Sequence[str],
    command: str,
    ruled_out: Sequence[RuledOut] = (),
) -> dict[str, Any]:
    """The document that `surefoot advise --json` writes.

    Args:
        task: the task's own name.
        features: of the task.
        experience: what is known; what was measured on a task of this name is left out.
        names: of the optimizers that can work on the task.
        command: what measures, to be told.
        ruled_out: the optimizers that cannot, with the reasons.

    Returns:
        "task", "kind" ("prior"), "sentence", "disclaimer", "command", "measured_before" (whether this very
        task is among the known ones), "similar" tasks (most alike first, with "similarity", "in_common" and
        "winner"), "advice" (three candidates, in the order in which a race looks at them:
        "optimizer", "hyperparameters", "schedule", "label", "expected_regret", "evidence", "reason",
        "snippet") and "ruled_out".
    """
    others = experience.besides(task)
    ranking = race_order(others.ranking(features, names))
    grid = space.candidates([e.optimizer for e in ranking[:ADVISED]], Schedule(), sparse=features.sparse)
    found = [_entry(expected, grid, features, others) for expected in ranking[:ADVISED]]
    return {
        "task": task,
        "kind": "prior",
        "sentence": _sentence(found, features, others),
        "disclaimer": DISCLAIMER,
        "command": command,
        "measured_before": len(others.tasks) < len(experience.tasks),
        "traits": asdict(features),
        "similar": [_similar(features, known) for known in _most_alike(features, others)],
        "advice": found,
        "ruled_out": [{"optimizer": ruled.optimizer, "reason": ruled.text} for ruled in ruled_out],
    }


def _entry(
    expected: Expected, grid: Sequence[Candidate], features: TaskFeatures, others: Experience
) -> dict[str, Any]:
    # At the centre of its prior: `benchmarks/prior_order.py` shows that best rates of other tasks are no
    # better guide; drawn to them, a race comes off worse where tasks differ.
    candidate = space.usual_candidate(expected.optimizer, grid)
    return {
        "optimizer": candidate.optimizer,
        "hyperparameters": dict(candidate.hyperparameters),
        "schedule": asdict(candidate.schedule),
        "label": candidate_label(candidate),
        "expected_regret": expected.regret,
        "evidence": expected.evidence,
        "reason": _reason(expected.optimizer, features, others),
        "snippet": snippet(candidate, features.steps),
    }


def _sentence(found: Sequence[Mapping[str, Any]], features: TaskFeatures, others: Experience) -> str:
    known = _most_alike(features, others)
    alike = [one.name for one in known if similarity(features, one.features) >= ALIKE]
    best = found[0]["label"]
    if not known:
        return f"Begin with {best}: nothing is known of other tasks, so this is usual practice."
    if not alike:
        return f"Begin with {best}: no known task is much like this one, so usual practice weighs most."
    promising = min(found, key=lambda one: one["expected_regret"])["label"]
    if promising != best:
        best = f"{best}, as is usual, and {promising}"
    return f"Begin with {best}: so say the known tasks, most of all those like this one ({listed(alike)})."


def _similar(features: TaskFeatures, known: KnownTask) -> dict[str, Any]:
    return {
        "task": known.name,
        "similarity": similarity(features, known.features),
        "in_common": in_common(features, known.features),
        "winner": known.winner,
    }


def _most_alike(features: TaskFeatures, others: Experience) -> list[KnownTask]:
    return sorted(others.tasks, key=lambda known: (-similarity(features, known.features), known.name))


def _reason(name: str, features: TaskFeatures, others: Experience) -> str:
    """On which tasks it was raced, and how it did there, the most alike first."""
    raced = {one.name: one.showings[name] for one in _most_alike(features, others) if name in one.showings}
    if not raced:
        return f"No known task says anything of {optimizer_label(name)}: its place is usual practice."
    told = [f"{words} on {listed(tasks)}" for words, tasks in _by_standing(raced).items() if tasks]
    return f"{_capital('; '.join(told))}.{_rates_there(raced.values())}"


def _rates_there(showings: Iterable[Showing]) -> str:
    """How far from the usual learning rate the best ones were."""
    offsets = [showing.offset for showing in showings if math.isfinite(showing.offset)]
    if not offsets:
        return ""
    low, high = (rounded(10**edge) for edge in (min(offsets), max(offsets)))
    times = "the usual one" if low == high == "1" else f"{low} times the usual one"
    if low != high:
        times = f"{low} to {high} times the usual one"
    return f" Its best learning rate there: {times}."


def _by_standing(raced: Mapping[str, Showing]) -> dict[str, list[str]]:
    """The names of the tasks by how an optimizer did on them, in words."""
    found: dict[str, list[str]] = {
        words: [] for words in ("the best", "nearly the best", "in the better half", "worse than most")
    }
    for task, showing in raced.items():
        best = showing.regret <= 0 and showing.confirmed  # one seed may flatter
        bounds = (best, showing.regret <= NEARLY_BEST, showing.regret < 1, True)
        found[list(found)[bounds.index(True)]].append(task)
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
