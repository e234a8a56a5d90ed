"""What a study was asked, of what, and on what, as rows of words.

dict(fact_rows({"state_bytes": {"Adam": 211_000}}))      # {"state bytes · Adam": "211 kB"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from surefoot.analysis.race_history import race_runs
from surefoot.study.codec import encode
from surefoot.study.format import MISSING, printable, seconds, setting, size
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Asked, Question, TrainingQuestion
from surefoot.study.records import StudyRecord
from surefoot.study.run import Phase

MOST_ITEMS = 12
"""A longer list of facts is shown by its first few and its last."""


def facts(study: StudyRecord) -> dict[str, list[tuple[str, str]]]:
    """The rows by the title of their table; the command is shown for itself."""
    told = {
        "The model": _known(study.profile),
        "Settings": _asked(study.question),
        "Environment": study.environment,
    }
    return {
        "Seeds": list(seeds(study).items()),
        **{title: list(fact_rows(own)) for title, own in told.items()},
    }


def _asked(question: Asked) -> Mapping[str, Any]:
    """A question as facts, without the names of study and task, which head the page."""
    match question:
        case Question():
            found = encode(question) | {"optimizers": list(question.optimizers) or "all"}
            left_out = {"study", "task", "command"} | (set() if question.script else {"script", "measure"})
        case TrainingQuestion():
            found, left_out = {**question.plan.document, "source": question.source}, {"task"}
    return {name: value for name, value in found.items() if name not in left_out}


def _known(profile: TaskProfile | None) -> Mapping[str, Any]:
    """A task's profile as facts; the model's come first, and what is not known is left out."""
    found = encode(profile) if profile else {}
    found = found.pop("model", {}) | found
    return {
        name: value for name, value in found.items() if value not in (None, "", [], {}) and value == value
    }


def versions(study: StudyRecord) -> str:
    """`surefoot 0.1.0, torch 2.13.0, python 3.11.7, commit 59da249`, of what is known."""
    environment = study.environment
    found = environment.get("versions") or environment
    known = {name: found.get(name) for name in ("surefoot", "torch", "python")}
    known["commit"] = environment.get("git_commit")
    return ", ".join(f"{name} {value}" for name, value in known.items() if value)


def seeds(study: StudyRecord) -> dict[str, str]:
    """Which seeds every phase used, in words."""
    race = {run.seed for run in race_runs(study.runs)}
    phases = {
        "race": race,
        "play-off": {run.seed for run in study.runs if run.phase == Phase.SCREEN},
        "confirmation": {run.seed for run in study.runs if run.phase == Phase.CONFIRM},
        "random search": {run.seed for run in study.runs if run.phase == Phase.FLOOR},
    }
    if phases["play-off"] == race:
        del phases["play-off"]
    return {phase: _span(sorted(those)) for phase, those in phases.items() if those}


def _span(those: Sequence[int]) -> str:
    """`7`, `0 to 5`, or all of them where they do not follow one another."""
    if those[-1] - those[0] == len(those) - 1:
        return str(those[0]) if len(those) == 1 else f"{those[0]} to {those[-1]}"
    return ", ".join(map(str, those))


def fact_rows(facts: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts as (name, value in words) rows: `("state bytes · Adam", "211 kB")`."""
    for key, value in facts.items():
        name = f"{path} · {key}" if path else str(key).replace("_", " ")
        if isinstance(value, Mapping):
            yield from fact_rows(value, name)
        elif _are_named(value):
            for item in value:
                rest = (f"{_fact(k, v)} {k}" for k, v in item.items() if k != "name")
                yield str(item["name"]), ", ".join(rest)
        else:
            yield name, _fact(name, value)


def _are_named(value: Any) -> bool:
    """Whether this is a list of things that each have a name, such as the roles of parameters."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(item, Mapping) and "name" in item for item in value)
    )


def _fact(name: str, value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and ("bytes" in name or "memory" in name):
        return size(value)
    if isinstance(value, int | float) and "seconds" in name:
        return seconds(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        left_out = ["…"] if len(value) > MOST_ITEMS else []
        shown = [*value[:3], *left_out, value[-1]] if left_out else value
        return ", ".join(_fact(name, item) for item in shown) or "none"
    if isinstance(value, str):
        return printable(value)
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else setting(value)
