"""Tests of an optimizer of your own: a formula, or any subclass of torch.optim.Optimizer.

class TestMine(OptimizerSuite):
    optimizer = Mine
    settings = ({}, {"lr": 0.1, "nesterov": True})
    reference = PlainMine  # the same rule, written with torch's operations
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from unittest import SkipTest

import torch

from surefoot.formula import Declared, Optimizer, cpu
from surefoot.testing.trajectories import Params, distance, parameters, saved, steps

SHAPES = ((7, 5), (33,), (), (3, 4, 3, 3))
ROWS = (0, 3)  # that a sparse gradient holds


class OptimizerSuite:
    """What every optimizer is held to.

    Attributes:
        optimizer: the class.
        settings: constructor arguments to test it with.
        reference: a class that takes the same settings and does the same, written in the plainest way; None
            where there is none.
        shapes: of the parameters.
        reloads: how far a run that goes on from a checkpoint may end from one that was never stopped; torch
            rounds the scalars of a state to the parameter's type as it loads them.
        precisions: how far from float64 a run in each of these may end, relative to the parameters.
    """

    optimizer: ClassVar[type[torch.optim.Optimizer]]
    settings: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    reference: ClassVar[type[torch.optim.Optimizer] | None] = None
    shapes: ClassVar[Sequence[tuple[int, ...]]] = SHAPES
    reloads: ClassVar[float] = 0.0
    precisions: ClassVar[Mapping[torch.dtype, float]] = {
        torch.float32: 1e-5,
        torch.bfloat16: 0.05,
        torch.float16: 0.05,
    }

    def test_its_card_is_complete(self) -> None:
        """All that `surefoot explain` and the lab show is there, and `choose` has something to vary."""
        facts = self._declared().facts()
        for name in ("summary", "equation", "paper", "good_at", "bad_at"):
            assert len(getattr(facts, name)) > 20, f"{facts.name}: its {name} is missing or a stub"
        assert facts.hyperparameters, f"{facts.name} has no settings"
        for hyperparameter in facts.hyperparameters:
            assert hyperparameter.name
            assert hyperparameter.meaning, f"{facts.name}: {hyperparameter.name} has no meaning"
            hyperparameter.check(hyperparameter.default)
        assert any(h.search for h in facts.hyperparameters), f"{facts.name}: choose has nothing to vary"
        assert facts.state_bytes_per_parameter
        assert "sparse" in facts.takes
        assert "complex" in facts.takes
        assert "Example:" in (self.optimizer.__doc__ or ""), f"{facts.name}: its docstring has no example"

    def test_its_trajectory_is_the_reference_s(self) -> None:
        """In float64, compiled and eagerly, over a hundred steps."""
        if self.reference is None:
            raise SkipTest("no reference is given")
        for settings in self.settings:
            expected = self._run(settings, optimizer=self.reference)
            for backend in ("auto", "eager"):
                found = self._run(settings, backend=backend)
                apart = distance(found, expected)
                assert apart <= 1e-12, f"{settings}, {backend}: {apart:.1e} from the reference"
            assert distance(expected, self._parameters()) > 1e-4, f"{settings}: nothing has moved"

    def test_the_kernel_equals_the_formula(self) -> None:
        """A kernel runs, and its steps are those of the formula called with tensors."""
        if not issubclass(self.optimizer, Optimizer):
            raise SkipTest("it is no formula")
        if self.optimizer._declared.sparse == "only":
            raise SkipTest("it takes no dense gradients")
        for settings in self.settings:
            before = _kernels_asked_for()
            found = self._run(settings, 5)
            assert _kernels_asked_for() > before, f"{settings}: no kernel ran"
            apart = distance(found, self._run(settings, 5, backend="eager"))
            assert apart <= 1e-12, f"{settings}: the kernel is {apart:.1e} from the formula"

    def test_other_precisions_stay_near_float64(self) -> None:
        """Twenty steps on the same gradients, from the same parameters."""
        for dtype, allowed in self.precisions.items():
            start = self._parameters(dtype)
            runs: list[Params] = []
            for precision in (torch.float64, dtype):
                params: Params = [torch.nn.Parameter(p.detach().to(precision)) for p in start]
                optimizer = self._made(params, {"lr": 0.01})
                self._step(optimizer, params, 20, pull=0.0, rounded=dtype)
                runs.append(params)
            apart = distance(runs[1], runs[0])
            assert apart <= allowed, f"{dtype} ends {apart:.1e} from float64"

    def test_a_checkpoint_goes_on_as_if_nothing_had_happened(self) -> None:
        """Settings and state come back from a file, and the next steps are the same."""
        for settings in self.settings:
            through, stopped = self._parameters(), self._parameters()
            one = self._made(through, settings)
            self._step(one, through)
            first = self._made(stopped, settings)
            self._step(first, stopped)
            second = self._made(stopped, {})
            second.load_state_dict(saved(first))
            for optimizer, params in ((one, through), (second, stopped)):
                self._step(optimizer, params, seed=3)
            apart = distance(stopped, through)
            assert apart <= self.reloads, f"{settings}: after loading, its steps are others"

    def test_copies_go_on_alike(self) -> None:
        """Deep copies, with their parameters."""
        for settings in self.settings:
            params = self._parameters()
            optimizer = self._made(params, settings)
            self._step(optimizer, params, 3)
            twin = copy.deepcopy(optimizer)
            twins = twin.param_groups[0]["params"]
            for own, own_params in ((optimizer, params), (twin, twins)):
                self._step(own, own_params, 1, seed=9)
            assert distance(twins, params) == 0, f"{settings}: a copy's next step is another"

    def test_rows_that_a_gradient_does_not_touch_stay(self) -> None:
        """Where row-sparse gradients step the touched rows alone; compiled as eagerly."""
        declared = self._declared()._declared
        if declared.sparse not in ("rows", "only"):
            raise SkipTest("it steps all rows, or takes no sparse gradients")
        dense = {"weight_decay": 0.0} if "weight_decay" in declared.hyperparameters else {}
        for settings in ({**given, **dense} for given in self.settings):
            runs = []
            for backend in ("auto", "eager"):
                params: Params = [torch.nn.Parameter(torch.ones(6, 4))]
                optimizer = self._made(params, settings)
                steps(optimizer, params, rows=ROWS, backend=backend)
                runs.append(params)
            assert distance(*runs) <= 1e-6, f"{settings}: the kernel is not the formula"
            moved = (runs[0][0] != 1).any(dim=1).nonzero().flatten().tolist()
            assert moved == list(ROWS), f"{settings}: rows {moved} moved, and {list(ROWS)} have a gradient"

    def _declared(self) -> type[Declared]:
        if not issubclass(self.optimizer, Declared):
            raise SkipTest("it declares nothing")
        return self.optimizer

    def _parameters(self, dtype: torch.dtype = torch.float64) -> Params:
        return parameters(self.shapes, dtype)

    def _made(self, params: Params, settings: Mapping[str, Any], optimizer: Any = None) -> Any:
        return (optimizer or self.optimizer)(params, **copy.deepcopy(dict(settings)))

    def _run(
        self, settings: Mapping[str, Any], count: int = 100, *, backend: str = "auto", optimizer: Any = None
    ) -> Params:
        params = self._parameters()
        self._step(self._made(params, settings, optimizer), params, count, backend=backend)
        return params

    def _step(
        self,
        optimizer: torch.optim.Optimizer,
        params: Params,
        count: int = 5,
        *,
        seed: int = 2,
        **how: Any,
    ) -> None:
        """So many steps, on sparse gradients where it takes no others; what it draws is fixed by the seed."""
        declared = self.optimizer._declared if issubclass(self.optimizer, Declared) else None
        rows = (0, 2) if declared and declared.sparse == "only" else ()
        how |= {"rows": rows, "closure": bool(declared and declared.needs_closure)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            steps(optimizer, params, count, seed=seed, **how)


def _kernels_asked_for() -> int:
    seen = cpu.kernel_for.cache_info()
    return seen.hits + seen.misses
