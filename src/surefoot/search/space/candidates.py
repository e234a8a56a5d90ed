"""What is raced: the candidates of each optimizer, made from its own facts.

Every optimizer says how each of its hyperparameters may vary: a learning rate by a log-normal prior, weight
decay and a momentum-like setting by a short list whose first entry is the usual one.  To these come the share
of warmup, and which parameters decay.  The race gets the whole grid and looks at a small part of it; what is
in no list (eps, clipping, batch size, the kind of schedule) stays as it is unless the user sets it.

    grid = candidates(["AdamW", "SGD"], Schedule(), [parse("weight_decay=0,0.1")])
    grid[0]                         # AdamW's lowest learning rate with its usual settings
    usual_candidate("AdamW", grid)  # the one nearest to the centre of its prior
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from surefoot import optim
from surefoot.errors import InvalidInputError
from surefoot.formula import Choices, LogNormal
from surefoot.search.space.constraints import WARMUP, Constraint, Range, allowed
from surefoot.study.build import DECAY_ON, DECAYS_ON
from surefoot.study.decisions import RuledOut
from surefoot.study.optimizers import Algorithm, find_algorithm
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Schedule

MANTISSAS = (1.0, 2.0, 5.0)
"""Learning rates of the grid in each decade: neighbours are about a factor of two apart."""

REACH = 3.0
"""The grid spans this many standard deviations of the prior on either side, for boundaries that win."""

WARMUPS = (Schedule().warmup, 0.2)
"""Shares of the training.  A fifth allows rates that would blow up at first; that none at all is better than
the usual twentieth is rare, and gains no more than the steps it takes."""

USUAL_STEPS = 30_000.0
"""Of the trainings that priors are of."""

SHIFT = 0.5
"""Decades of the rate for one of the steps: on the gallery's tasks, of 240 to 2,000 steps, the best rates lie
0.9 decades above the priors on average (medians of tasks in `search/space/data/experience.json`)."""

MOST_SHIFTED = 1.5
"""Decades."""

FLOOR = "RandomSearch"
"""Never raced: it is measured beside the finalists, to show what a gradient is worth."""


def choose_from(names: Sequence[str] | None) -> list[str]:
    """Names of the optimizers asked for, as candidates call them; all but the floor by default.

    Raises:
        InvalidInputError: one of them does not exist; the message names the nearest.
    """
    if not names:
        return [name for name in optim.OPTIMIZERS if name != FLOOR]
    return list(dict.fromkeys(find_algorithm(name).name for name in names))


def asked_for(question: Question) -> list[str]:
    """Names of the optimizers that a question is about; those in its file of candidates may be others."""
    return list(question.optimizers) or choose_from(None)


def rule_out(
    names: Sequence[str], sparse: Sequence[str], not_matrices: Sequence[str], *, in_script: bool = False
) -> list[RuledOut]:
    """The optimizers that cannot work on this model.

    Args:
        names: the optimizers asked for.
        sparse: names of the parameters whose gradient is sparse.
        not_matrices: names of the parameters that have fewer or more than two dimensions.
        in_script: the user's script takes the steps, and counts them.
    """
    found = [find_algorithm(name) for name in names]
    reasons = [(a, _reason_against(a, sparse, not_matrices, in_script)) for a in found]
    return [RuledOut(f"{a.label} {reason}.", a.name) for a, reason in reasons if reason]


def _reason_against(
    algorithm: Algorithm, sparse: Sequence[str], not_matrices: Sequence[str], in_script: bool
) -> str | None:
    if in_script and algorithm.needs_closure:
        return "evaluates the loss several times in each step, which a script that counts steps cannot see"
    if algorithm.matrices_only and not_matrices:
        return f"steps matrices only, and {not_matrices[0]} is none"
    if algorithm.sparse == "only":
        if not sparse:
            return "needs sparse gradients, and this model has none"
        return "takes sparse gradients only, and this model mixes kinds"
    if sparse and algorithm.sparse == "no" and not algorithm.needs_closure:
        return f"refuses sparse gradients, which {sparse[0]} has"
    return None


def candidates(
    names: Sequence[str],
    schedule: Schedule,
    constraints: Sequence[Constraint] = (),
    *,
    sparse: bool = False,
) -> list[Candidate]:
    """The grid: every optimizer's learning rates, crossed with its choices of other settings.

    Of each optimizer the usual settings come first, with all their learning rates, then the others.

    Args:
        names: as from `choose_from`.
        schedule: its kind is every candidate's, its warmup the usual one.
        constraints: of the user.
        sparse: some gradients are sparse, so no weights can decay.

    Raises:
        InvalidInputError: an optimizer refuses the constraints.
    """
    return [
        Candidate(name, {**rate, **settings}, warmed)
        for name in names
        for settings, warmed, rates in _lines(find_algorithm(name), schedule, constraints, sparse)
        for rate in rates
    ]


def priors(names: Sequence[str], steps: float = 0.0) -> dict[str, tuple[float, float]]:
    """(centre, decades) of each optimizer's learning-rate prior, by lower-case name: what it declares.

    Args:
        names: of the optimizers.
        steps: of a full training: short ones want higher rates; 0: not known.
    """
    settings = {name.lower(): find_algorithm(name).hyperparameters.get("lr") for name in names}
    return {
        name: (lr.search.center * 10.0 ** rate_shift(steps), lr.search.decades)
        for name, lr in settings.items()
        if lr and isinstance(lr.search, LogNormal)
    }


def rate_shift(steps: float) -> float:
    """Decades by which the rates of a training of so many steps lie above the usual ones.

    Between weights that wander (the square root of the steps) and weights that have a way to go (the steps).
    """
    if steps <= 0:
        return 0.0
    return min(max(SHIFT * math.log10(USUAL_STEPS / steps), 0.0), MOST_SHIFTED)


def usual_lines(grid: Sequence[Candidate]) -> dict[str, list[int]]:
    """Places of each optimizer's candidates with its first settings, which are the usual ones."""
    found: dict[str, tuple[Mapping[str, Any], list[int]]] = {}
    for place, candidate in enumerate(grid):
        settings = {name: value for name, value in candidate.settings.items() if name != "lr"}
        usual, line = found.setdefault(candidate.optimizer, (settings, []))
        if settings == usual:
            line.append(place)
    return {name: line for name, (_, line) in found.items()}


def usual_candidate(name: str, grid: Sequence[Candidate]) -> Candidate:
    """Of an optimizer with its usual settings, the one nearest to the centre of its prior."""
    line = [grid[place] for place in usual_lines(grid)[name]]
    prior = priors([name]).get(name.lower())
    if prior is None:
        return line[0]
    wanted = math.log10(prior[0])
    return min(line, key=lambda c: abs(math.log10(c.hyperparameters["lr"]) - wanted))


def baseline(name: str, schedule: Schedule, *, sparse: bool = False) -> Candidate:
    """An optimizer as its constructor sets it up: what one gets without choosing.

    With sparse gradients it is without decay, as every such model is trained: no step could be taken else.
    """
    settings = {n: h.default for n, h in find_algorithm(name).hyperparameters.items() if h.search}
    if sparse and settings.get("weight_decay"):
        settings["weight_decay"] = 0.0
    return Candidate(name, settings, schedule)


def floor(schedule: Schedule) -> Candidate:
    """Random search at the centre of its prior."""
    search = optim.OPTIMIZERS[FLOOR].hyperparameters["scale"].search
    assert isinstance(search, LogNormal)
    return Candidate(FLOOR, {"scale": search.center}, schedule)


Line = tuple[Mapping[str, Any], Schedule, Sequence[Mapping[str, float]]]
"""Settings but lr, the schedule, and the learning rates: {"lr": …} each, or {} alone without one."""


def _lines(
    algorithm: Algorithm, schedule: Schedule, constraints: Sequence[Constraint], sparse: bool
) -> Iterator[Line]:
    chosen = allowed(algorithm, constraints)
    axes = _axes(algorithm, schedule, chosen)
    rates = [{"lr": rate} for rate in axes.pop("lr", ())] or [{}]
    for settings in _accepted(algorithm, chosen, rates, _combinations(algorithm, axes, sparse)):
        warmed = replace(schedule, warmup=settings.pop(WARMUP))
        yield settings, warmed, rates


def _axes(algorithm: Algorithm, schedule: Schedule, chosen: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    axes: dict[str, Sequence[Any]] = {}
    for name, hyperparameter in algorithm.hyperparameters.items():
        if isinstance(hyperparameter.search, LogNormal):
            axes[name] = _rates(hyperparameter.search, chosen.get(name))
        elif name in chosen:
            axes[name] = chosen[name]
        elif isinstance(hyperparameter.search, Choices):
            axes[name] = hyperparameter.search.values
    if any(axes.get("weight_decay", ())) or DECAY_ON in chosen:
        axes[DECAY_ON] = DECAYS_ON[:1] if algorithm.matrices_only else chosen.get(DECAY_ON, DECAYS_ON)
    searched = algorithm.warmup_matters and schedule.kind != "script"
    others = WARMUPS if searched else ()
    axes[WARMUP] = chosen.get(WARMUP, tuple(dict.fromkeys([schedule.warmup, *others])))
    return axes


def _combinations(
    algorithm: Algorithm, axes: Mapping[str, Sequence[Any]], sparse: bool
) -> list[dict[str, Any]]:
    """The product of the axes, without what does the same as another; the usual settings come first."""
    known = algorithm.hyperparameters.get("weight_decay")
    default = known.default if known else 0
    found = {}
    for values in itertools.product(*axes.values()):
        settings = dict(zip(axes, values, strict=True))
        decays = settings.get("weight_decay", default)
        if not decays or settings.get(DECAY_ON) == DECAYS_ON[0]:
            settings.pop(DECAY_ON, None)  # what a constructor does by itself is not said
        if not (decays and sparse):
            found[tuple(settings.items())] = settings
    return list(found.values())


def _accepted(
    algorithm: Algorithm,
    chosen: Mapping[str, tuple[Any, ...]],
    rates: Sequence[Mapping[str, float]],
    combinations: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """The combinations that the constructor takes.

    Raises:
        InvalidInputError: it takes none, or none with a value that the user gave.
    """
    refusals = [(c, refusal(algorithm, {**rates[0], **c})) for c in combinations]
    accepted = [c for c, refused in refusals if not refused]
    for name, values in chosen.items():
        for value in values:
            with_it = [r for c, r in refusals if name in c and c[name] == value]
            if with_it and all(with_it):
                raise InvalidInputError(f"{algorithm.label} refuses {name}={value!r}: {with_it[0]}")
    for rate in rates if "lr" in chosen and accepted else ():
        if refused := refusal(algorithm, {**accepted[0], **rate}):
            raise InvalidInputError(f"{algorithm.label} refuses lr={rate['lr']!r}: {refused}")
    if not accepted:
        reason = refusals[0][1] if refusals else "with sparse gradients weights cannot decay"
        raise InvalidInputError(
            f"{algorithm.label} cannot be set up: {reason} (--set {algorithm.label}.NAME=VALUE)"
        )
    return accepted


def refusal(algorithm: Algorithm, settings: Mapping[str, Any]) -> str:
    """Why the constructor does not take these settings; empty if it does."""
    for name in algorithm.required:
        if name not in settings:
            return f"{name!r} has no default and is not given"
    arguments: dict[str, Any] = {n: v for n, v in settings.items() if n in algorithm.hyperparameters}
    make: Any = algorithm.make
    try:
        make([torch.zeros(2, 2, requires_grad=True)], **arguments)
    except Exception as error:  # a user's class may raise anything
        return " ".join(str(error).split())
    return ""


def _rates(prior: LogNormal, chosen: Iterable[Any] | None = None) -> list[float]:
    """Learning rates in ascending order: those around the prior's centre, or those that the user left."""
    if chosen is None:
        reach = 10.0 ** (REACH * prior.decades)
        return _between(prior.center / reach, prior.center * reach)
    found = []
    for value in chosen:
        found += (
            [value.low, *_between(value.low, value.high), value.high] if isinstance(value, Range) else [value]
        )
    return sorted(set(found))


def _between(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    rates = [float(f"{mantissa * 10.0**decade:.3g}") for decade in decades for mantissa in MANTISSAS]
    tolerance = 1 + 1e-9
    return [rate for rate in rates if low / tolerance <= rate <= high * tolerance]
