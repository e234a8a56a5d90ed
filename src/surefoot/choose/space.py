"""What is raced: the candidates of each optimizer, made from its own facts.

Every optimizer says how each of its hyperparameters may vary: a learning rate by a log-normal prior,
a momentum-like setting by a few choices.  The race gets the whole grid and looks at a small part of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surefoot import optim
from surefoot.formula import Choices, Declared, LogNormal
from surefoot.training.run import Candidate, Schedule

MANTISSAS = (1.0, 2.0, 5.0)
"""Learning rates of the grid in each decade: neighbours are about a factor of two apart."""

REACH = 3.0
"""The grid spans this many standard deviations of the prior on either side, for boundaries that win."""

FLOOR = "RandomSearch"
"""Never raced: it is measured beside the finalists, to show what a gradient is worth."""


@dataclass(frozen=True)
class RuledOut:
    """An optimizer that is not tried here, and why, in a sentence."""

    optimizer: str
    reason: str


def choose_from(names: Sequence[str] | None) -> list[str]:
    """Class names of the optimizers asked for; all but the floor by default.

    Raises:
        ValueError: one of them does not exist; the message names the nearest.
    """
    if not names:
        return [name for name in optim.OPTIMIZERS if name != FLOOR]
    return list(dict.fromkeys(named(name) for name in names))


def named(name: str) -> str:
    """The class name of an optimizer given in any case.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    try:
        return optim.find(name).__name__
    except KeyError as error:
        raise ValueError(error.args[0]) from None


def rule_out(names: Sequence[str], sparse: Sequence[str], not_matrices: Sequence[str]) -> list[RuledOut]:
    """The optimizers that cannot work on this model.

    Args:
        names: the optimizers asked for.
        sparse: names of the parameters whose gradient is sparse.
        not_matrices: names of the parameters that have fewer or more than two dimensions.
    """
    reasons = {name: _reason_against(optim.OPTIMIZERS[name], sparse, not_matrices) for name in names}
    return [RuledOut(name, f"{name} {reason}.") for name, reason in reasons.items() if reason]


def _reason_against(
    optimizer: type[Declared], sparse: Sequence[str], not_matrices: Sequence[str]
) -> str | None:
    if optimizer.matrices_only and not_matrices:
        return f"steps matrices only, and {not_matrices[0]} is none"
    if optimizer.sparse == "only":
        if not sparse:
            return "needs sparse gradients, and this model has none"
        return "takes sparse gradients only, and this model mixes kinds"
    if not sparse or optimizer.needs_closure:
        return None
    if optimizer.sparse == "no":
        return f"refuses sparse gradients, which {sparse[0]} has"
    decay = optimizer.hyperparameters.get("weight_decay")
    if decay and decay.default:
        return f"decays every row, and the gradient of {sparse[0]} is sparse"
    return None


def candidates(names: Sequence[str], schedule: Schedule) -> list[Candidate]:
    """The grid: every optimizer's learning rates, crossed with its choices of other settings."""
    return [
        Candidate(name, settings, schedule)
        for name in names
        for settings in _settings(optim.OPTIMIZERS[name])
    ]


def priors(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """(centre, decades) of each optimizer's learning-rate prior, by lower-case name."""
    found = {}
    for name in names:
        search = optim.OPTIMIZERS[name].hyperparameters["lr"].search
        if isinstance(search, LogNormal):
            found[name.lower()] = (search.center, search.decades)
    return found


def baseline(name: str, schedule: Schedule) -> Candidate:
    """An optimizer as its constructor sets it up: what one gets without choosing."""
    optimizer = optim.OPTIMIZERS[name]
    searched = {n: h.default for n, h in optimizer.hyperparameters.items() if h.search and not h.fixed}
    return Candidate(name, searched, schedule)


def floor(schedule: Schedule) -> Candidate:
    """Random search at the centre of its prior."""
    search = optim.OPTIMIZERS[FLOOR].hyperparameters["scale"].search
    assert isinstance(search, LogNormal)
    return Candidate(FLOOR, {"scale": search.center}, schedule)


def _settings(optimizer: type[Declared]) -> list[Mapping[str, Any]]:
    axes: dict[str, Sequence[Any]] = {}
    for name, hyperparameter in optimizer.hyperparameters.items():
        if isinstance(hyperparameter.search, LogNormal):
            axes[name] = _rates(hyperparameter.search)
        elif isinstance(hyperparameter.search, Choices):
            axes[name] = hyperparameter.search.values
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _rates(prior: LogNormal) -> list[float]:
    centre, reach = math.log10(prior.center), REACH * prior.decades
    decades = range(math.floor(centre - reach), math.ceil(centre + reach) + 1)
    rates = [float(f"{mantissa * 10.0**decade:.3g}") for decade in decades for mantissa in MANTISSAS]
    return [rate for rate in rates if abs(math.log10(rate) - centre) <= reach]
