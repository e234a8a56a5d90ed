"""How far trajectories lie from torch's and from the truth; for the tests and for benchmarks/exactness.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.optim.configurations import (
    contiguous,
    distance,
    for_loop,
    pair,
    parameters,
    parameters_of_every_layout,
    run,
)

BACKENDS = ("auto", "eager")


def tolerance(name: str) -> float:
    """The relative distance to torch that is allowed in double precision."""
    return 1e-8 if name == "LBFGS" else 1e-12  # the order in which LBFGS takes its sums is not fixed


def beside_torch(
    name: str,
    settings: dict[str, Any],
    dtype: torch.dtype = torch.float64,
    steps: int = 100,
    backends: Sequence[str] = BACKENDS,
) -> Iterator[tuple[list[Tensor], torch.optim.Optimizer, list[Tensor], torch.optim.Optimizer]]:
    """For each backend: our parameters, of every layout, and our optimizer, then torch's for-loop's."""
    theirs, ours = pair(name)
    expected = contiguous(parameters_of_every_layout(name, dtype))
    reference = run(theirs, for_loop(name, settings), expected, steps)
    for backend in backends:
        found = parameters_of_every_layout(name, dtype)
        yield found, run(ours, settings, found, steps, backend), expected, reference


def errors(
    name: str, settings: dict[str, Any], dtype: torch.dtype, steps: int, backends: Sequence[str] = ("auto",)
) -> Iterator[float]:
    """The distances to torch's trajectory in double precision: torch's, then ours on each backend."""
    theirs, ours = pair(name)
    # LBFGS ends where rounding ends its line search, and from there on a distance is chance.
    steps = 3 if name == "LBFGS" else steps
    # Gradients that do not depend on the parameters are the same in every precision.
    same = {"pull": 0, "rounded": dtype}
    wide = torch.complex128 if dtype.is_complex else torch.float64
    truth = [torch.nn.Parameter(p.detach().to(wide)) for p in _large(name, dtype)]
    run(theirs, for_loop(name, settings), truth, steps, **same)
    expected = _large(name, dtype)
    run(theirs, for_loop(name, settings), expected, steps, **same)
    yield distance(expected, truth)
    for backend in backends:
        found = _large(name, dtype)
        run(ours, settings, found, steps, backend, **same)
        yield distance(found, truth)


def _large(name: str, dtype: torch.dtype) -> list[Tensor]:
    return parameters(dtype, [(50, 40)] if name == "Muon" else [(50, 40), (100,)])
