"""A study as one HTML file: opens from disk, light and dark, wide and narrow, no script, no request.

write_report(store.study("digits"), "digits.html")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from surefoot.evidence.records import StudyRecord
from surefoot.show import figures
from surefoot.show.format import (
    MISSING,
    candidate_label,
    number,
    plural,
    seconds,
    setting,
    share,
    signed,
    size,
    spread,
)
from surefoot.show.reading import RateCurve, at_a_rung, common_rung, results, rungs
from surefoot.show.style import PALETTE
from surefoot.show.svg import inline_svg


def write_report(study: StudyRecord, path: str | Path) -> None:
    """Write the report; folders on the way to it are created."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(report_html(study), encoding="utf-8")


def report_html(study: StudyRecord) -> str:
    """The whole page; a study without an answer, or without a single good run, has one too."""
    answer = study.answer or {}
    page = _templates().get_template("report.html")
    return page.render(
        study=study,
        begun=_day_and_time(study.created),
        answer=answer,
        verdict=_VERDICTS.get(str(answer.get("verdict")), "Unfinished"),
        effect=_effect_in_words(answer),
        forest_note=_forest_in_words(answer),
        results=results(study.answer),
        palette=PALETTE,
        succeeded=any(run.status == "completed" for run in study.runs),
        pictures=_pictures(study),
        rates=_rate_panels(study),
        common_rung=common_rung(study),
        race=_race_panels(study),
        log=[decision for decision in study.decisions if not at_a_rung(decision)],
        ended_badly=[run for run in study.runs if run.status in ("diverged", "failed")],
        facts={"The model": study.look, "Settings": study.settings, "Environment": study.environment},
        command=study.settings.get("command") or answer.get("command"),
    )


_VERDICTS = {"win": "Win", "tie": "Tie", "budget": "Budget spent"}


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("surefoot.show", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, seconds=seconds, size=size, share=share, rows=lambda facts: list(fact_rows(facts))
    )
    environment.globals.update(candidate_label=candidate_label, plural=plural, spread=spread)
    return environment


# Pictures.


def _pictures(study: StudyRecord) -> dict[str, Markup | None]:
    drawn = {
        "forest": (figures.forest(study), "Confirmed candidates against the baseline"),
        "progress": (figures.curves_by_progress(study), "Learning curves against progress"),
        "seconds": (figures.curves_by_seconds(study), "Learning curves against training seconds"),
    }
    return {name: _inline(figure, name, title) for name, (figure, title) in drawn.items()}


def _rate_panels(study: StudyRecord) -> list[tuple[Markup | None, str]]:
    return [
        (_inline(figure, f"rate{place}", f"{curve.optimizer} against learning rate"), _window_in_words(curve))
        for place, (curve, figure) in enumerate(figures.rate_panels(study))
    ]


def _race_panels(study: StudyRecord) -> list[tuple[Any, Markup | None]]:
    drawn = {rung.progress: figure for rung, figure in figures.race_panels(study)}
    return [
        (
            rung,
            _inline(
                drawn.get(rung.progress), f"rung{place}", f"Rung at {share(rung.progress)} of the training"
            ),
        )
        for place, rung in enumerate(rungs(study))
    ]


def _inline(figure: Figure | None, name: str, title: str) -> Markup | None:
    """Safe as markup: the SVG comes from an XML serializer, which escapes every name in it."""
    return None if figure is None else Markup(inline_svg(figure, name, title))


# Words.


def _effect_in_words(answer: Mapping[str, Any]) -> str:
    effect = answer.get("effect") or {}
    if effect.get("estimate") is None:
        return ""
    words = f"{signed(effect['estimate'])} in {answer.get('measure', 'the measure')} against the baseline"
    if effect.get("low") is not None and effect.get("high") is not None:
        words += (
            f", {share(effect.get('level'))} interval {signed(effect['low'])} to {signed(effect['high'])}"
        )
    return words + " (negative is better)"


def _forest_in_words(answer: Mapping[str, Any]) -> str:
    words = "A dot per seed, a bar at the mean."
    rows = results(answer)
    if any(row.baseline for row in rows):
        words += " Dashed: the baseline's mean."
    if any(row.recommended and not row.baseline for row in rows) and _effect_in_words(answer):
        words += (
            " Grey: the interval of the recommended candidate against it;"
            " where it stays clear of the dashed line, chance alone does not explain the difference."
        )
    return words


def _day_and_time(created: str) -> str:
    """`2026-11-24 16:42 UTC` of an ISO 8601 time in UTC; anything else as it is."""
    try:
        return datetime.fromisoformat(created).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return created


def _window_in_words(curve: RateCurve) -> str:
    window = curve.window
    if window is None:
        return "No flat window is known."
    low, high = (setting(edge) for edge in (window.low, window.high))
    return (
        f"Flat from {low} to {high} ({window.decades:.1f} decades), best at {setting(window.best)}; "
        f"{share(window.blow_up)} of its runs blew up."
    )


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
        return ", ".join(_fact(name, item) for item in value)
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else setting(value)
