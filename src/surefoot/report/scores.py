"""How policies did on curve tables, as terminal tables and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from surefoot.study.format import share
from surefoot.study.replay_scores import FalseWinners, MeanScore, PriorSource, TableScores

OURS = "surefoot"
WHAT = {
    "final": "regret: 0 the best arm, 1 the median",
    "time_to_target": "time to the target, as a multiple of the shortest of any arm",
}
WHENCE = {
    PriorSource.OPTIMIZER: "as in live studies",
    PriorSource.TABLE: "as the table's JSON says",
    PriorSource.RATES: "around the middle of the table's rates",
}


def print_scores(console: Console, scores: TableScores, per_task: bool = False) -> None:
    """One row a policy, one column a budget; then how often one seed, and the test, took the wrong arm."""
    console.print(f"{scores.name}: {WHAT[scores.score]}; {len(scores.tasks)} tasks, {scores.orders} orders")
    console.print(f"learning-rate priors: {_sources(scores.priors)}")
    table = Table("full trainings", box=None, pad_edge=False)
    for budget in scores.budgets:
        table.add_column(f"{budget:g}", justify="right")
    for name, values in scores.means.items():
        _row(table, name, values)
        for task, own in scores.tasks.items() if per_task else ():
            _row(table, f"  {task}", own[name])
    console.print(table)
    if scores.false_winners:
        console.print("\nfalse winners, where arms have several seeds")
        console.print(_seeds(scores.false_winners))


def _sources(priors: Mapping[str, PriorSource]) -> str:
    """Of which optimizers the priors come from where."""
    named = {
        source: ", ".join(name for name, own in priors.items() if own is source) for source in PriorSource
    }
    return "; ".join(f"{names} {WHENCE[source]}" for source, names in named.items() if names)


def _row(table: Table, name: str, scores: Sequence[MeanScore]) -> None:
    style = "bold" if name == OURS else ""
    table.add_row(name, *(f"{score.mean:.3f}" for score in scores), style=style)
    if not any(math.isnan(score.error) for score in scores):
        table.add_row("  ± standard error", *(f"{score.error:.3f}" for score in scores), style="dim")


def _seeds(found: Mapping[str, FalseWinners]) -> Table:
    table = Table("task", box=None, pad_edge=False)
    for column in ("arms", "seeds", "wrong by one seed", "the test wins", "of these falsely"):
        table.add_column(column, justify="right")
    for task, own in found.items():
        shares = map(share, (own.one_seed, own.wins, own.false_wins))
        table.add_row(task, str(own.arms), str(own.seeds), *shares)
    return table


def scores_document(scored: Sequence[TableScores]) -> dict[str, Any]:
    """The scores as JSON types; of several tables their mean, and those of each under "tables"."""
    documents = {scores.name: _document(scores) for scores in scored}
    if len(scored) == 1:
        return documents[scored[0].name]
    means = {
        budget: sum(document["scores"][budget] for document in documents.values()) / len(documents)
        for budget in documents[scored[0].name]["scores"]
    }
    return {"scores": means, "tables": documents}


def _document(scores: TableScores) -> dict[str, Any]:
    return {
        "table": scores.name,
        "score": scores.score,
        "orders": scores.orders,
        "priors": dict(scores.priors),
        "scores": _by_budget(scores, scores.means[OURS]),
        "policies": {name: _by_budget(scores, values) for name, values in scores.means.items()},
        "standard_errors": {name: _errors(scores, values) for name, values in scores.means.items()},
        "tasks": {
            task: {name: _by_budget(scores, values) for name, values in own.items()}
            for task, own in scores.tasks.items()
        },
        "false_winners": {task: asdict(own) for task, own in scores.false_winners.items()},
    }


def _by_budget(scores: TableScores, found: Sequence[MeanScore]) -> dict[str, float]:
    return {f"{budget:g}": score.mean for budget, score in zip(scores.budgets, found, strict=True)}


def _errors(scores: TableScores, found: Sequence[MeanScore]) -> dict[str, float | None]:
    return {
        f"{budget:g}": None if math.isnan(score.error) else score.error
        for budget, score in zip(scores.budgets, found, strict=True)
    }
