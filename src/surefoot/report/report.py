"""A study as one HTML file: opens from disk, light and dark, wide and narrow, no script, no request.

write_report(store.study("digits"), "digits.html")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from matplotlib.figure import Figure

from surefoot.analysis.race_history import RaceHistory, race_runs
from surefoot.analysis.tables import history, identity_of, labels, results, setting_effects
from surefoot.errors import accessing
from surefoot.report import figures, race_figures, words
from surefoot.report.landscape_section import section
from surefoot.report.pages import environment
from surefoot.report.style import PALETTE
from surefoot.report.svg import inline_svg
from surefoot.study.format import (
    MISSING,
    fraction,
    number,
    plural,
    printable,
    seconds,
    setting,
    share,
    size,
    spread,
)
from surefoot.study.label import optimizer_label
from surefoot.study.records import RunRecord, StudyRecord

MOST_ITEMS = 12
"""A longer list of facts is shown by its first few and its last."""


def write_report(study: StudyRecord, path: str | Path) -> None:
    """Write the report; folders on the way to it are created.

    Raises:
        FileError: it cannot be written.
    """
    page = report_html(study)
    with accessing("write", path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(page, encoding="utf-8")


def report_html(study: StudyRecord) -> str:
    """The whole page; a study without an answer, or without a single good run, has one too."""
    answer = study.answer
    rows, race = results(study.answer), history(study)
    headline, rest = words.halves(answer.sentence if answer else "")
    page = _templates().get_template("report.html")
    return page.render(
        study=study,
        begun=_day_and_time(study.created),
        answer=answer,
        verdict=words.verdict(answer),
        words=words,
        headline=headline,
        rest_of_sentence=rest,
        results=rows,
        intervals=any(row.interval for row in rows),
        timed=any(row.compile_seconds is not None for row in rows),
        palette=PALETTE,
        succeeded=any(run.status == "completed" for run in study.runs),
        pictures=_pictures(study),
        rates=_rate_panels(study),
        race=race,
        settings=setting_effects(study),
        most_measured=max((count.measured for own in race.optimizers for count in own.counts), default=1),
        rung_panels=_rung_panels(study, race),
        landscape=section(study),
        inline=_inline,
        ended_badly=[run for run in study.runs if run.lost],
        name_of=_namer(study),
        facts={"The model": study.look, "Settings": study.settings, "Environment": study.environment},
        seeds=_seeds(study),
        versions=_versions(study.environment),
        command=study.settings.get("command") or (answer and answer.command),
    )


def _namer(study: StudyRecord) -> Callable[[RunRecord], str]:
    names = labels(study)
    return lambda run: names[identity_of(run)]


def _versions(environment: Mapping[str, Any]) -> str:
    """`surefoot 0.1.0, torch 2.13.0, python 3.11.7, commit 59da249`, of what is known."""
    found = environment.get("versions") or environment
    known = {name: found.get(name) for name in ("surefoot", "torch", "python")}
    known["commit"] = environment.get("git_commit")
    return ", ".join(f"{name} {value}" for name, value in known.items() if value)


def _seeds(study: StudyRecord) -> dict[str, str]:
    """Which seeds every phase used, in words."""
    race = {run.seed for run in race_runs(study.runs)}
    phases = {
        "race": race,
        "play-off": {run.seed for run in study.runs if run.phase == "screen"},
        "confirmation": {run.seed for run in study.runs if run.phase == "confirm"},
        "random search": {run.seed for run in study.runs if run.phase == "floor"},
    }
    if phases["play-off"] == race:
        del phases["play-off"]
    return {phase: _span(sorted(seeds)) for phase, seeds in phases.items() if seeds}


def _span(seeds: Sequence[int]) -> str:
    """`7`, `0 to 5`, or all of them where they do not follow one another."""
    if seeds[-1] - seeds[0] == len(seeds) - 1:
        return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _templates() -> Environment:
    made = environment("surefoot.report")
    made.filters.update(
        plain=optimizer_label,
        number=number,
        seconds=seconds,
        size=size,
        share=share,
        fraction=fraction,
        rows=lambda facts: list(fact_rows(facts)),
    )
    made.globals.update(plural=plural, spread=spread)
    return made


# Pictures.


def _pictures(study: StudyRecord) -> dict[str, Markup | None]:
    drawn = {
        "forest": (figures.forest(study), "Confirmed candidates against the baseline"),
        "progress": (figures.curves_by_progress(study), "Learning curves against progress"),
        "seconds": (figures.curves_by_seconds(study), "Learning curves against training seconds"),
        "cost": (figures.quality_by_cost(study), "Final value against seconds per step"),
        "looks": (race_figures.look_figure(study), "Confirmation, look by look"),
    }
    return {name: _inline(figure, name, title) for name, (figure, title) in drawn.items()}


def _rate_panels(study: StudyRecord) -> list[tuple[Markup | None, str]]:
    return [
        (
            _inline(figure, f"rate{place}", f"{curve.optimizer} against learning rate"),
            words.window(curve, finished=study.finished),
        )
        for place, (curve, figure) in enumerate(race_figures.rate_panels(study))
    ]


def _rung_panels(study: StudyRecord, race: RaceHistory) -> list[tuple[Any, Markup | None]]:
    drawn = {rung.progress: figure for rung, figure in race_figures.race_panels(study)}
    return [
        (
            rung,
            _inline(
                drawn.get(rung.progress), f"rung{place}", f"Rung at {fraction(rung.progress)} of the training"
            ),
        )
        for place, rung in enumerate(race.rungs)
    ]


def _inline(figure: Figure | None, name: str, title: str) -> Markup | None:
    """Safe as markup: the SVG comes from an XML serializer, which escapes every name in it."""
    return None if figure is None else Markup(inline_svg(figure, name, printable(title)))


# Words.


def _day_and_time(created: str) -> str:
    """`2026-11-24 16:42 UTC` of an ISO 8601 time in UTC; anything else as it is."""
    try:
        return datetime.fromisoformat(created).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return created


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
