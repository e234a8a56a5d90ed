"""Curve tables: every learning curve of a study or a publication in one file, to be replayed.

    table = read_table("deepobs.csv.gz")
    table.tasks["mnist_vae"][0].curves["42"].values[-1]  # the last value of the first arm's run with seed 42

A table is a CSV file, gzipped or not, with the columns
`task,optimizer,hyperparameters,seed,progress,seconds,value`: hyperparameters as canonical JSON, progress in
(0, 1], a lower value is better, nan where the run diverged.  Beside `NAME.csv.gz` may lie `NAME.json`, which
says how to score it: {"score": "final" or "time_to_target", "replay": {"seeds": "all", "draw" or a list}}.
Of optimizers that Surefoot does not have it may say where their learning rates usually lie:
{"lr_priors": {"soap": {"center": 0.003, "decades": 0.8}}}, decades being one standard deviation.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from surefoot.errors import accessing
from surefoot.store.errors import TableError

COLUMNS = ("task", "optimizer", "hyperparameters", "seed", "progress", "seconds", "value")

Score = Literal["final", "time_to_target"]


@dataclass(frozen=True)
class Curve:
    """One run: `progress` ascends in (0, 1], `values` are nan where it diverged."""

    progress: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class TableArm:
    """One optimizer with its hyperparameters, and its curves by seed."""

    optimizer: str
    hyperparameters: Mapping[str, Any]
    curves: Mapping[str, Curve]


@dataclass(frozen=True)
class CurveTable:
    """All curves of a file.

    Attributes:
        name: the file's, without its endings.
        score: "final" ranks arms by their last value; "time_to_target" by when their value first falls to 0
            or below, so its values are distances to the target.
        seeds: which replays to make: a list of seeds; "all" that there are, each in turn; "draw" one run for
            each arm, where seeds are not shared between arms.
        tasks: arms by task.
        lr_priors: what the table says of learning rates: lower-case optimizer name to (centre, decades).
    """

    name: str
    score: Score
    seeds: tuple[str, ...] | Literal["all", "draw"]
    tasks: Mapping[str, tuple[TableArm, ...]]
    lr_priors: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def read_table(path: str | Path) -> CurveTable:
    """Read a table and what lies beside it.

    Raises:
        TableError: the file does not exist or is no curve table; the message says where and what is wrong.
    """
    path = Path(path)
    runs: dict[str, dict[tuple[str, str], dict[str, list[tuple[float, float]]]]] = {}
    with _open(path) as file:
        rows = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise TableError(f"{path} is no curve table: it has no column {', '.join(missing)}")
        try:
            for row in rows:
                arm = runs.setdefault(row["task"], {}).setdefault(
                    (row["optimizer"], row["hyperparameters"]), {}
                )
                arm.setdefault(row["seed"], []).append((float(row["progress"]), float(row["value"])))
            tasks = {
                task: tuple(
                    _arm(path, optimizer, settings, seeds) for (optimizer, settings), seeds in arms.items()
                )
                for task, arms in runs.items()
            }
        except (TypeError, ValueError, csv.Error) as error:
            raise TableError(f"{path}, line {rows.line_num}: {error}") from None
    if not tasks:
        raise TableError(f"{path} holds no curve")
    about = _about(path)
    return CurveTable(_name(path), _score(path, about), _seeds(about), tasks, _lr_priors(path, about))


def write_table(
    path: str | Path, rows: Iterable[tuple[Any, ...]], about: Mapping[str, Any] | None = None
) -> None:
    """Write a table, gzipped if its name ends in `.gz`, and beside it what says how to score it.

    A table that is there already is replaced as a whole, or not at all.

    Args:
        path: ends in `.csv` or `.csv.gz`.
        rows: in the order of `COLUMNS`; hyperparameters as a mapping.
        about: what `NAME.json` is to hold; None writes none.

    Raises:
        FileError: a file cannot be written.
    """
    path = Path(path)
    part = path.with_suffix(".part")
    with accessing("write", path), _file(part, "w", path.suffix == ".gz") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for task, optimizer, hyperparameters, *rest in rows:
            settings = json.dumps(hyperparameters, sort_keys=True, separators=(",", ":"))
            writer.writerow([task, optimizer, settings, *rest])
    with accessing("write", path):
        part.replace(path)
    if about is not None:
        beside = _beside(path)
        with accessing("write", beside):
            beside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf8")


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    try:
        with _file(path, "r", path.suffix == ".gz") as file:
            yield file
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise TableError(f"cannot read the curve table {path}: {error}") from None


def _file(path: Path, mode: Literal["r", "w"], compressed: bool) -> TextIO:
    if compressed:
        return cast(TextIO, gzip.open(path, f"{mode}t", encoding="utf8", newline=""))
    return cast(TextIO, path.open(mode, encoding="utf8", newline=""))


def _arm(
    path: Path, optimizer: str, settings: str, seeds: Mapping[str, list[tuple[float, float]]]
) -> TableArm:
    hyperparameters = json.loads(settings)
    if not isinstance(hyperparameters, dict):
        raise ValueError(f"hyperparameters must be a JSON object, not {settings}")
    return TableArm(optimizer, hyperparameters, {seed: _curve(points) for seed, points in seeds.items()})


def _curve(points: list[tuple[float, float]]) -> Curve:
    progress, values = zip(*sorted(points, key=lambda point: point[0]), strict=True)
    if not 0 < progress[0] <= progress[-1] <= 1 + 1e-9:
        raise ValueError(f"progress must lie in (0, 1], not {progress[0]} to {progress[-1]}")
    return Curve(progress, values)


def _about(path: Path) -> Mapping[str, Any]:
    beside = _beside(path)
    if not beside.exists():
        return {}
    try:
        about = json.loads(beside.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read {beside}: {error}") from None
    if not isinstance(about, dict):
        raise TableError(f"{beside} must hold a JSON object")
    return about


def _score(path: Path, about: Mapping[str, Any]) -> Score:
    score = about.get("score", "final")
    if score not in ("final", "time_to_target"):
        raise TableError(f"{_beside(path)}: score must be 'final' or 'time_to_target', not {score!r}")
    return "time_to_target" if score == "time_to_target" else "final"


def _seeds(about: Mapping[str, Any]) -> tuple[str, ...] | Literal["all", "draw"]:
    seeds = about.get("replay", {}).get("seeds", "all")
    if seeds == "draw":
        return "draw"
    return tuple(map(str, seeds)) if isinstance(seeds, list) else "all"


def _lr_priors(path: Path, about: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    try:
        return {
            name.lower(): (_positive(prior["center"]), _positive(prior["decades"]))
            for name, prior in about.get("lr_priors", {}).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TableError(
            f"{_beside(path)}: lr_priors must hold, for each optimizer, a center and decades above 0"
        ) from None


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError
    return float(value)


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".csv")


def _beside(path: Path) -> Path:
    return path.with_name(_name(path) + ".json")
