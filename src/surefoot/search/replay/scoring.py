"""Score policies on whole curve tables, several processes side by side: the edge around `replay`."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from surefoot.errors import InvalidInputError
from surefoot.search.replay.replay import Scores, false_winners, mean_scores, replay_task
from surefoot.search.space.table_priors import prior_sources
from surefoot.store import CurveTable
from surefoot.study.replay_scores import TableScores

FEWEST_ARMS = 20
"""On a task with fewer arms there is little to choose."""

ORDERS_AT_ONCE = 10
"""A process takes so many orders of one task; small enough to show progress."""


def score_table(
    table: CurveTable,
    budgets: Sequence[float],
    orders: int,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TableScores:
    """Replay every policy on every task of a table.

    Args:
        table: what to replay.
        budgets: in full trainings.
        orders: random orders of each task's arms.
        workers: processes; None: one for each core.
        progress: called with how many replays are done, and how many there are.

    Raises:
        InvalidInputError: no task has enough arms, or no arm of any task reaches its target.
    """
    tasks = [task for task, arms in table.tasks.items() if len(arms) >= FEWEST_ARMS]
    if not tasks:
        raise InvalidInputError(f"{table.name}: no task has {FEWEST_ARMS} arms or more")
    starts = range(0, orders, ORDERS_AT_ONCE)
    parts: dict[tuple[str, int], list[Scores]] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers or os.cpu_count(), context, _keep, (table,)) as pool:
        jobs = {
            pool.submit(_part, task, tuple(budgets), range(start, min(start + ORDERS_AT_ONCE, orders))): (
                task,
                start,
            )
            for start in starts
            for task in tasks
        }
        for done, job in enumerate(as_completed(jobs), start=1):
            parts[jobs[job]] = job.result()
            progress(done, len(jobs))
    found = {task: [scores for start in starts for scores in parts[task, start]] for task in tasks}
    scored = {task: mean_scores(own) for task, own in found.items() if own}
    if not scored:
        raise InvalidInputError(f"{table.name}: no arm of any task reaches its target")
    winners = {task: false_winners(table, task, range(orders)) for task in tasks}
    several = {task: own for task, own in winners.items() if own is not None}
    names = {arm.optimizer for task in tasks for arm in table.tasks[task]}
    sources = prior_sources(names, table.lr_priors)
    return TableScores(table.name, table.score, tuple(budgets), orders, scored, several, sources)


_TABLE: list[CurveTable] = []  # a process reads it once, not with every part


def _keep(table: CurveTable) -> None:
    _TABLE.append(table)


def _part(task: str, budgets: tuple[float, ...], orders: range) -> list[Scores]:
    return replay_task(_TABLE[0], task, budgets, orders)
