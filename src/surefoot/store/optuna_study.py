"""A study as an Optuna study: one trial for each run, for optuna-dashboard and whatever else reads Optuna.

    write_optuna_study(store.study("digits"), "sqlite:///optuna.db")

Optuna knows no seeds and no phases: they are user attributes of the trials, beside the status as Surefoot
has it.  A run to the end of the training is COMPLETE; one that the race stopped early is PRUNED, with the
value it had; one that diverged or failed is FAIL.  Steps are the task's own.  A run's duration is its
training time; when it began is not stored, so all begin when the study did.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from surefoot.store.database import clear_errors, read_url, shown, with_driver
from surefoot.store.errors import StoreError
from surefoot.study.codec import encode
from surefoot.study.question import encode_question
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Phase, Status
from surefoot.study.strict_json import is_finite, without_nan

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

PER_TRAINING = 1000
"""Steps of a whole training, where the study does not say."""

LOG_RANGE = 10
"""Positive numbers that span at least this ratio are shown on a logarithmic axis."""


def write_optuna_study(study: StudyRecord, url: str, replace: bool = False) -> int:
    """Write all runs as trials of an Optuna study of the same name; returns their number.

    Args:
        study: finished or not.
        url: an Optuna storage, or the path of a SQLite file; created if it does not exist.
        replace: delete an Optuna study of this name first.

    Raises:
        StoreError: Optuna is not installed, the storage cannot be opened, or it holds a study of this name
            and `replace` is not given.
    """
    try:
        import optuna
    except ImportError:
        raise StoreError("an export to Optuna needs it: pip install 'surefoot[optuna]'") from None
    address = _address(url)
    with _clear_errors(address), _quiet():
        storage = optuna.storages.RDBStorage(address.render_as_string(hide_password=False))
        if study.name in optuna.get_all_study_names(storage):
            if not replace:
                raise StoreError(
                    f"{_place(address)} holds a study {study.name!r} already; "
                    "--replace writes it anew, another URL keeps both"
                )
            optuna.delete_study(study_name=study.name, storage=storage)
        written = optuna.create_study(storage=storage, study_name=study.name, direction=study.direction.value)
        try:
            _describe(written, study)
            written.add_trials(_trials(study))
        except BaseException:  # half a study would be taken for a whole one
            optuna.delete_study(study_name=study.name, storage=storage)
            raise
    return len(study.runs)


def _address(url: str) -> URL:
    if "://" not in url:
        return URL.create("sqlite", database=str(Path(url)))
    with clear_errors("Optuna storage"):
        return with_driver(read_url(url))


def _place(address: URL) -> str:
    return f"Optuna storage {shown(address)}"


@contextmanager
def _clear_errors(address: URL) -> Iterator[None]:
    """Also what Optuna makes of a database's errors becomes one line."""
    from optuna.exceptions import OptunaError

    try:
        with clear_errors(_place(address)):
            yield
    except (OptunaError, RuntimeError) as error:
        inner = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        raise StoreError(f"{_place(address)}: {str(inner).splitlines()[0]}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's notes on what it does and which of it is experimental."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _describe(written: Any, study: StudyRecord) -> None:
    written.set_metric_names([study.profile.measure if study.profile else "value"])
    facts = {
        "task": study.task,
        "created": study.created,
        "verdict": study.answer and study.answer.verdict.value,
        "sentence": study.answer and study.answer.sentence,
        "question": encode_question(study.question),
        "environment": study.environment,
    }
    for name, value in facts.items():
        if value is not None:
            written.set_user_attr(name, without_nan(value))


def _trials(study: StudyRecord) -> Iterator[FrozenTrial]:
    spaces = distributions(study.runs)
    began = datetime.fromisoformat(study.created).replace(tzinfo=None)
    steps = int(study.profile.steps) if study.profile else PER_TRAINING
    for number, run in enumerate(study.runs):
        yield _trial(number, run, spaces, began, steps)


def _trial(
    number: int, run: RunRecord, spaces: Mapping[str, BaseDistribution], began: datetime, steps: int
) -> FrozenTrial:
    from optuna.trial import FrozenTrial, TrialState

    state = _state(run)
    own = _parameters(run)
    last = run.points[-1] if run.points else None
    seconds = last.seconds if last and math.isfinite(last.seconds) else 0.0
    shown = state in (TrialState.COMPLETE, TrialState.PRUNED) and last and math.isfinite(last.value)
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=last.value if last and shown else None,
        datetime_start=began,
        datetime_complete=began + timedelta(seconds=seconds) if state.is_finished() else None,
        params={name: _fitting(value, spaces[name]) for name, value in own.items()},
        distributions={name: spaces[name] for name in own},
        user_attrs=_attributes(run),
        system_attrs={},
        intermediate_values={max(1, round(point.progress * steps)): point.value for point in run.points},
    )


def _state(run: RunRecord) -> TrialState:
    from optuna.trial import TrialState

    if run.status == Status.RUNNING:
        return TrialState.RUNNING
    if run.lost:
        return TrialState.FAIL
    if not run.points or not math.isfinite(run.points[-1].value):
        return TrialState.FAIL if run.status == Status.COMPLETED else TrialState.PRUNED
    # A confirmed run ends before the end of the training only where it has reached a target.
    whole = run.points[-1].progress >= 1 or run.phase != Phase.SCREEN
    return TrialState.COMPLETE if run.status == Status.COMPLETED and whole else TrialState.PRUNED


def _parameters(run: RunRecord) -> dict[str, Any]:
    return {"optimizer": run.optimizer, **run.candidate.settings}


def _attributes(run: RunRecord) -> dict[str, Any]:
    facts = {
        "phase": run.phase,
        "seed": run.seed,
        "status": run.status,
        "cause": run.cause,
        "message": run.message,
        "schedule": encode(run.candidate.schedule),
        "seconds_per_step": run.seconds_per_step,
        "state_bytes": run.state_bytes,
    }
    return {name: without_nan(value) for name, value in facts.items() if value not in ("", None)}


def distributions(runs: tuple[RunRecord, ...]) -> dict[str, BaseDistribution]:
    """What values each parameter had in all runs, since Optuna wants one distribution for a name.

    Numbers are a range; flags, words and None are choices; lists, and names that had values of several
    kinds, are choices written as JSON.
    """
    values: dict[str, list[Any]] = {}
    for run in runs:
        for name, value in _parameters(run).items():
            values.setdefault(name, []).append(value)
    return {name: _distribution(found) for name, found in values.items()}


def _distribution(values: list[Any]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if all(map(is_finite, values)):
        low, high = float(min(values)), float(max(values))
        return FloatDistribution(low, high, log=low > 0 and low * LOG_RANGE <= high)
    if not all(value is None or isinstance(value, bool | str) for value in values):
        values = [_as_json(value) for value in values]
    return CategoricalDistribution(list(dict.fromkeys(values)))


def _fitting(value: Any, space: BaseDistribution) -> Any:
    """The value as its distribution has it."""
    from optuna.distributions import CategoricalDistribution

    if not isinstance(space, CategoricalDistribution):
        return float(value)
    return value if value in space.choices else _as_json(value)


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
