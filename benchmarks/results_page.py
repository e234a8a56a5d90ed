"""What the gallery's studies found, as a page and a picture; both from `experience.json` and nothing else.

python benchmarks/results_page.py            write docs/results.md and docs/results.svg anew
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from surefoot.report.style import styled
from surefoot.report.svg import save_svg
from surefoot.study.format import MISSING, number, rounded, seconds, signed
from surefoot.study.label import optimizer_label

ROOT = Path(__file__).parent.parent
DATA = ROOT / "src/surefoot/search/space/data/experience.json"
PAGE, PICTURE = ROOT / "docs/results.md", ROOT / "docs/results.svg"

VERDICTS = {"win": "win", "tie": "tie", "budget": "not told apart"}

HEAD = """\
# What wins where

Every built-in task, put to `surefoot choose` with a modest budget: which optimizer to train it with, how
much that gains over AdamW as its constructor sets it up, and what it took to find out.  This page is made by
`make gallery`; nothing in it is written by hand.

**How to read it.**  Values are means over seeds that the search had not seen; in brackets their 95 %
interval.  A lower value is better, so a difference below 0 is a gain.  *Win* means that the recommended
settings beat every other finalist, *tie* that some are as good and the cheapest is named, *not told apart*
that the budget ended before that was known.  **One study is one study**: another seed of the search may find
other settings, the sooner where the verdict is no win; and what wins here need not win on another model of
the same kind.
"""

FIELD = """\
## Every optimizer on every task

![Regret of each optimizer on each task](results.svg)

The regret of each optimizer with the best settings that were found for it: 0 is the task's best optimizer, 1
the median one, and nothing counts for more than 1.5.  Finalists were measured on fresh seeds (bold in the
picture), all others on the one seed of the race; those that the race dropped, and the budget did not pay to
train to the end, count as no better than the median.  `surefoot advise` and the first look of
`surefoot choose` take these numbers as a prior for tasks that were not measured ([how](race.md)).
"""


def page(document: Mapping[str, Any]) -> str:
    """The text of docs/results.md."""
    tasks = document["tasks"]
    parts = [HEAD, _table(RESULTS, tasks), FIELD, "## What it took\n", _table(COSTS, tasks), _made(document)]
    return "\n".join(parts)


def _table(columns: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> str:
    rows = [list(columns), ["---"] * len(columns)]
    rows += [[_cell(column(task)) for column in columns.values()] for task in tasks]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _measured(one: Mapping[str, Any] | None) -> str:
    if one is None or one["value"] is None:
        return MISSING
    return f"{number(one['value'])}{_interval(one['low'], one['high'], number)}"


def _interval(low: float | None, high: float | None, shown: Any) -> str:
    return "" if low is None or high is None else f" [{shown(low)}, {shown(high)}]"


def _difference(task: Mapping[str, Any]) -> str:
    effect = task["effect"]
    if task["best"]["label"] == task["baseline"]["label"]:
        return "is the default"
    if effect["estimate"] is None:
        return MISSING
    return f"{signed(effect['estimate'])}{_interval(effect['low'], effect['high'], signed)}"


def _seeds(task: Mapping[str, Any]) -> str:
    return f"{task['best']['seeds']} and {task['baseline']['seeds']}"


def _runner_up(task: Mapping[str, Any]) -> str:
    other = task["runner_up"]
    return MISSING if other is None else f"{other['label']}: {_measured(other)}"


def _window(task: Mapping[str, Any]) -> str:
    found = task["window"]
    if found is None:
        return MISSING
    low, high = rounded(found["low"]), rounded(found["high"])
    below, above = ("≤ " if found["open_low"] else ""), ("≥ " if found["open_high"] else "")
    return f"{below}{low} to {above}{high}"


RESULTS = {
    "task": lambda task: f"`{task['name']}`",
    "what it is": lambda task: task["about"],
    "measure": lambda task: task["measure"],
    "train it with": lambda task: task["best"]["label"],
    "value": lambda task: _measured(task["best"]),
    "AdamW as it comes": lambda task: _measured(task["baseline"]),
    "difference": _difference,
    "seeds of the two": _seeds,
    "verdict": lambda task: VERDICTS[task["verdict"]],
    "runner-up": _runner_up,
}
COSTS = {
    "task": lambda task: f"`{task['name']}`",
    "parameters": lambda task: f"{task['traits']['parameters']:,}",
    "steps": lambda task: f"{task['traits']['steps']:,}",
    "flat learning rates of the best": _window,
    "one training": lambda task: seconds(task["training_seconds"]),
    "trainings, whole or in part": lambda task: f"{task['study']['runs']:,}",
    "the study": lambda task: seconds(task["study"]["seconds"]),
    "torch": lambda task: task["study"]["torch"],
    "commit": lambda task: task["study"]["commit"][:10] or MISSING,
    "command": lambda task: f"`{task['study']['command']}`",
}


def _made(document: Mapping[str, Any]) -> str:
    commands = sorted({task["study"]["gallery"] for task in document["tasks"]})
    processors = sorted({task["study"]["processor"] for task in document["tasks"]})
    made = " and ".join(f"`{command}`" for command in commands)
    where = " and ".join(processors)
    return f"Made by {made} on {where}; the commit is the one that each study began with.\n"


def picture(document: Mapping[str, Any]) -> Figure:
    """Tasks by optimizers: the regret of each, finalists bold, the best framed."""
    tasks = document["tasks"]
    names = sorted({name for task in tasks for name in task["optimizers"]}, key=_mean_regret(tasks))
    regrets = [[task["optimizers"].get(n, {}).get("regret", math.nan) for n in names] for task in tasks]
    with styled():
        size = (1.8 + 0.62 * len(names), 1.5 + 0.42 * len(tasks))
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        axes = figure.subplots()
        axes.imshow(regrets, cmap="cividis_r", vmin=0, vmax=1.5, aspect="auto")
        axes.grid(visible=False)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.set_xticks(
            range(len(names)), map(optimizer_label, names), rotation=40, ha="left", rotation_mode="anchor"
        )
        axes.set_yticks(range(len(tasks)), [task["name"] for task in tasks])
        for row, task in enumerate(tasks):
            for column, name in enumerate(names):
                if name in task["optimizers"]:
                    _write(axes, column, row, task["optimizers"][name])
    return figure


def _write(axes: Any, column: int, row: int, one: Mapping[str, Any]) -> None:
    regret = one["regret"]
    words = f"{regret:.2f}" if one["value"] is not None else "≥ 1" if one["progress"] else "fails"
    weight = "bold" if one["confirmed"] else "normal"
    axes.text(column, row, words, ha="center", va="center", weight=weight, color=_ink(regret), fontsize=8.5)


def _ink(regret: float) -> str:
    return "white" if regret > 0.75 else "#0a0a0a"


def _mean_regret(tasks: Sequence[Mapping[str, Any]]) -> Any:
    def mean(name: str) -> tuple[float, str]:
        own = [task["optimizers"][name]["regret"] for task in tasks if name in task["optimizers"]]
        return math.fsum(own) / len(own), name

    return mean


def write_page(document: Mapping[str, Any], page_file: Path = PAGE, picture_file: Path = PICTURE) -> None:
    """Both files; the page is in step with the data however it is called."""
    page_file.write_text(page(document), encoding="utf8")
    save_svg(picture(document), picture_file)


if __name__ == "__main__":
    write_page(json.loads(DATA.read_text(encoding="utf8")))
