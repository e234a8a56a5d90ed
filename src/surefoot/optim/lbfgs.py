"""LBFGS: a quasi-Newton method that remembers the last few steps and what they did to the gradient."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from surefoot import formula as f
from surefoot.formula.line_search import Trial, strong_wolfe

SMALLEST_CURVATURE = 1e-10  # a pair of step and gradient change below it would spoil the Hessian's estimate


class LBFGS(f.Declared):
    """Limited-memory BFGS; `step` needs a closure and calls it several times.

    Example:
        >>> optimizer = LBFGS(model.parameters(), line_search_fn="strong_wolfe")
        >>> optimizer.step(closure)
    """

    equation = """
        s = p − p_prev,  y = g − g_prev,  ρ = 1 / (y · s)      (the last history_size pairs)
        d ← −H g by the two-loop recursion over (s, y, ρ), from H₀ = (y · s) / (y · y)
        p ← p + t d,   t = lr, or by a strong Wolfe line search
    """
    paper = "Liu & Nocedal, On the limited memory BFGS method for large scale optimization, 1989"
    good_at = "small, smooth, full-batch problems, such as physics-informed networks: few, very good steps"
    bad_at = "mini-batches: noise between batches looks like curvature; many evaluations for each step"
    state_note = "8 bytes × (steps remembered, at most history_size) + 8 in float32"
    needs_closure = True
    one_vector = True

    lr: float | Tensor = f.learning_rate(1, f.LogNormal(0.1, 1.0))
    max_iter: int = f.hyperparameter(20, "most iterations in one step", "5 to 50")
    max_eval: int | None = f.hyperparameter(None, "most evaluations in one step (1.25 max_iter)", "")
    tolerance_grad: float = f.hyperparameter(1e-7, "stop when no gradient element is larger", "1e-5 to 1e-9")
    tolerance_change: float = f.hyperparameter(1e-9, "stop when loss or p change less", "1e-9 to 1e-12")
    history_size: int = f.hyperparameter(100, "steps remembered", "5 to 100", search=f.Choices((10,)))
    line_search_fn: str | None = f.hyperparameter(
        None, "how the step size is found", "None or 'strong_wolfe'", search=f.Choices(("strong_wolfe", None))
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        for settings in (self.defaults, self.param_groups[0]):
            if settings["max_eval"] is None:
                settings["max_eval"] = settings["max_iter"] * 5 // 4

    @property
    def _params(self) -> list[Tensor]:
        params: list[Tensor] = self.param_groups[0]["params"]
        return params

    @classmethod
    def state_names(cls) -> set[str]:
        return {
            "func_evals", "n_iter", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "al", "prev_flat_grad",
            "prev_loss",
        }  # fmt: skip

    def state_shapes(self, p: Tensor) -> dict[str, torch.Size | None]:
        size = torch.Size([sum(p.numel() * (2 if p.is_complex() else 1) for p in self._params)])
        return dict.fromkeys(("d", "prev_flat_grad", "old_dirs", "old_stps"), size)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Up to `max_iter` iterations.

        Args:
            closure: clears the gradients, re-evaluates the model, calls backward and returns the loss.

        Returns:
            The loss of the first evaluation.
        """
        settings, state = self.param_groups[0], self.state[self._params[0]]
        lr, tolerance = float(settings["lr"]), settings["tolerance_change"]
        if settings["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss, loss, gradient = self._evaluate(closure)
        evaluations = 1
        state["func_evals"] += 1
        for iteration in range(1, settings["max_iter"] + 1):
            if not _finite(loss, gradient):
                warnings.warn(
                    "LBFGS: the loss or its gradient is not finite; no step was taken", stacklevel=2
                )
                break
            if gradient.abs().max() <= settings["tolerance_grad"]:
                break
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                state |= {"old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1}
                direction = -gradient
                step = min(1.0, 1.0 / float(gradient.abs().sum())) * lr
            else:
                _remember(state, gradient, settings["history_size"])
                direction = _two_loop(state, gradient)
                step = lr
            slope = float(gradient.dot(direction))
            before = loss
            state |= {"d": direction, "t": step, "prev_flat_grad": gradient, "prev_loss": loss}
            if slope > -tolerance:
                break
            if settings["line_search_fn"]:
                limit = settings["max_eval"] - evaluations
                found, used = self._search(closure, Trial(0.0, loss, gradient, slope), step, direction, limit)
                step, loss, gradient = found.step, found.loss, found.gradient
                state["t"] = step
                self._move(direction, step)
            else:
                self._move(direction, step)
                used = int(
                    iteration != settings["max_iter"]
                )  # the last point is left to the next step's batch
                if used:
                    _, loss, gradient = self._evaluate(closure)
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= settings["max_eval"]
                or abs(loss - before) < tolerance
                or float(direction.abs().max()) * step <= tolerance
            ):
                break
        return first_loss

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[Any, float, Tensor]:
        with torch.enable_grad():
            loss = closure()
        number = float(loss.detach() if isinstance(loss, Tensor) else loss)
        return loss, number, torch.cat([_flat_gradient(p) for p in self._params])

    def _search(
        self, closure: Callable[[], Any], origin: Trial, step: float, direction: Tensor, limit: int
    ) -> tuple[Trial, int]:
        start = [p.clone(memory_format=torch.preserve_format) for p in self._params]

        def evaluate(t: float) -> Trial:
            self._move(direction, t)
            _, loss, gradient = self._evaluate(closure)
            for p, at_start in zip(self._params, start, strict=True):
                p.copy_(at_start)
            return Trial(t, loss, gradient, float(gradient.dot(direction)))

        return strong_wolfe(
            evaluate,
            origin,
            step,
            direction_size=float(direction.abs().max()),
            tolerance=self.param_groups[0]["tolerance_change"],
            limit=limit,
        )

    def _move(self, direction: Tensor, step: float) -> None:
        views = [torch.view_as_real(p) if p.is_complex() else p for p in self._params]
        for p, part in zip(views, torch.split(direction, [v.numel() for v in views]), strict=True):
            p.add_(part.view_as(p), alpha=step)


def _flat_gradient(p: Tensor) -> Tensor:
    gradient = torch.zeros_like(p) if p.grad is None else p.grad
    gradient = gradient.to_dense() if gradient.is_sparse else gradient
    return (torch.view_as_real(gradient) if gradient.is_complex() else gradient).reshape(-1)


def _finite(loss: float, gradient: Tensor) -> bool:
    return bool(torch.isfinite(gradient).all()) and loss - loss == 0


def _remember(state: dict[str, Any], gradient: Tensor, history_size: int) -> None:
    """Add the last step and its change of gradient to the history, if the curvature along it is positive."""
    y, s = gradient - state["prev_flat_grad"], state["d"] * state["t"]
    curvature = y.dot(s)
    if curvature <= SMALLEST_CURVATURE:
        return
    for name, value in (("old_dirs", y), ("old_stps", s), ("ro", 1.0 / curvature)):
        state[name] = [*state[name], value][-history_size:]
    state["H_diag"] = curvature / y.dot(y)


def _two_loop(state: dict[str, Any], gradient: Tensor) -> Tensor:
    """−H g for the inverse Hessian H that the history implies."""
    pairs = list(zip(state["old_stps"], state["old_dirs"], state["ro"], strict=True))
    q, weights = -gradient, []
    for s, y, rho in reversed(pairs):
        weights.append(s.dot(q) * rho)
        q = q - weights[-1] * y
    r: Tensor = q * state["H_diag"]
    for (s, y, rho), weight in zip(pairs, reversed(weights), strict=True):
        r = r + (weight - y.dot(r) * rho) * s
    return r
