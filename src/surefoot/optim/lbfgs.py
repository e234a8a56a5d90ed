"""LBFGS: a quasi-Newton method that remembers the last few steps and what they did to the gradient."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from surefoot import formula as f
from surefoot.formula import autocast
from surefoot.formula.history import History
from surefoot.formula.line_search import Trial, strong_wolfe

SMALLEST_CURVATURE = 1e-10  # a step and a gradient change with less would spoil the Hessian's estimate


class LBFGS(f.Declared):
    """Limited-memory BFGS; `step` needs a closure and calls it several times.

    Example:
        >>> optimizer = LBFGS(model.parameters(), line_search_fn="strong_wolfe")
        >>> optimizer.step(closure)
    """

    equation = """
        S, Y = the last history_size steps s and changes of the gradient y, as rows
        R, D = the upper triangle of S Yᵀ and its diagonal,   γ = (s · y) / (y · y) of the last pair
        α ← R⁻¹ S (−g),   d ← γ (−g − Yᵀ α),   d ← d + Sᵀ R⁻ᵀ (D α − Y d)
        p ← p + t d,   t = lr, or by a strong Wolfe line search
    """
    paper = """Liu & Nocedal, On the limited memory BFGS method for large scale optimization, 1989; with
        matrices: Byrd, Nocedal & Schnabel, Representations of quasi-Newton matrices, 1994"""
    good_at = "small, smooth, full-batch problems, such as physics-informed networks: few, very good steps"
    bad_at = "mini-batches: noise between batches looks like curvature; many evaluations for each step"
    family = f.Family.CURVATURE
    state_note = "8 bytes × (steps remembered, at most history_size) + 8 in float32"
    needs_closure = True
    warmup_matters = False
    one_vector = True
    sparse = "exact"

    lr: float | Tensor = f.learning_rate(1, f.LogNormal(0.1, 1.0))
    max_iter: int = f.hyperparameter(20, "most iterations in one step", "5 to 50", limits=(1, 200))
    max_eval: int | None = f.hyperparameter(
        None, "most evaluations in one step (1.25 max_iter)", limits=(1, 250)
    )
    tolerance_grad: float = f.hyperparameter(1e-7, "stop when no gradient element is larger", "1e-5 to 1e-9")
    tolerance_change: float = f.hyperparameter(1e-9, "stop when loss or p change less", "1e-9 to 1e-12")
    history_size: int = f.hyperparameter(
        100, "steps remembered", "5 to 100", search=f.Choices((10,)), limits=(1, 100)
    )
    line_search_fn: str | None = f.hyperparameter(
        None,
        "how the step size is found",
        "None or 'strong_wolfe'",
        search=f.Choices(("strong_wolfe", None)),
        choices=(None, "strong_wolfe"),  # torch, too, refuses others in `step` alone
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        for settings in (self.defaults, self.param_groups[0]):
            if settings["max_eval"] is None:
                settings["max_eval"] = settings["max_iter"] * 5 // 4

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Up to `max_iter` iterations; a step to where the loss or its gradient is not finite is taken back.

        Args:
            closure: clears the gradients, re-evaluates the model, calls backward and returns the loss.

        Returns:
            The loss of the first evaluation.
        """
        for p in self._params:
            self._check_gradient(p)
        device = self._params[0].device.type
        closure = autocast.as_now(closure, device)
        with autocast.switched_off(device):
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        group, state = self.param_groups[0], self._state
        tolerance, last = group["tolerance_change"], group["max_iter"]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state |= {"func_evals": state.get("func_evals", 0), "n_iter": state.get("n_iter", 0)}
        most = state["func_evals"] + group["max_eval"]
        first_loss, loss, gradient = self._evaluate(closure)
        largest = float(gradient.abs().max())
        finite = math.isfinite(loss) and math.isfinite(largest)
        for iteration in range(1, last + 1) if finite else ():
            if largest <= group["tolerance_grad"]:
                break
            direction, step = self._direction(gradient)
            here = Trial(0.0, loss, gradient, float(gradient.dot(direction)))
            state |= {"d": direction, "t": step, "prev_flat_grad": gradient, "prev_loss": loss}
            if here.slope > -tolerance:
                break
            start = [p.clone() for p in self._params]
            if group["line_search_fn"]:
                found = self._search(closure, here, step, direction, start, most - state["func_evals"])
                step, loss, gradient = found.step, found.loss, found.gradient
            self._move(direction, step)
            if not group["line_search_fn"]:
                if iteration == last:
                    break  # the last point is left to the next step's batch
                _, loss, gradient = self._evaluate(closure)
            largest = float(gradient.abs().max())
            finite = math.isfinite(loss) and math.isfinite(largest)
            if not finite:
                step = 0.0
                self._put(start)
            state["t"] = step
            length = float(direction.abs().max()) * step
            if state["func_evals"] >= most or abs(loss - here.loss) < tolerance or length <= tolerance:
                break
        if not finite:
            warnings.warn("LBFGS: the loss or its gradient is not finite; no step was taken", stacklevel=5)
        return first_loss

    @property
    def _params(self) -> list[Tensor]:
        params: list[Tensor] = self.param_groups[0]["params"]
        return params

    @property
    def _state(self) -> dict[str, Any]:
        """That of all parameters together, which torch keeps with the first."""
        state: dict[str, Any] = self.state[self._params[0]]
        return state

    def _direction(self, gradient: Tensor) -> tuple[Tensor, float]:
        """Where to go from here and the first step to try, after the last step has joined the history."""
        group, state = self.param_groups[0], self._state
        if state["n_iter"]:
            _refuse_other_size(state["prev_flat_grad"], gradient)
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state |= {"old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1}
            length = float(gradient.abs().sum())
            return -gradient, (min(1.0, 1.0 / length) if length else 1.0) * float(group["lr"])
        history = self._history()
        s, y = state["d"] * state["t"], gradient - state["prev_flat_grad"]
        curvature = s.dot(y)
        inverse, scale = 1.0 / curvature, curvature / y.dot(y)
        # In float16 the inverse of a small curvature overflows, and squares vanish.
        if curvature > SMALLEST_CURVATURE and math.isfinite(inverse) and math.isfinite(scale):
            history.append(s, y)
            state["ro"] = [*state["ro"], inverse][-history.size :]
            state["H_diag"] = scale
        del y, s  # before the direction takes their memory
        direction = history.direction(gradient, state["H_diag"])
        state["al"] = history.keep()  # torch's scratch: its own step writes over it before it reads it
        return direction, float(group["lr"])

    def _history(self) -> History:
        """The matrices behind the lists in the state; made anew where others lie there."""
        state, size = self._state, self.param_groups[0]["history_size"]
        made: History | None = self.__dict__.get("_made")
        if made is None or made.size != size or made.y.rows is not state["old_dirs"]:
            made = self._made = History(
                size, state["old_stps"], state["old_dirs"], state.get("al", []), state.get("prev_flat_grad")
            )
            state |= {"old_stps": made.s.rows, "old_dirs": made.y.rows, "ro": state["ro"][-size:]}
        return made

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[Any, float, Tensor]:
        with torch.enable_grad():
            loss = closure()
        number = float(loss.detach() if isinstance(loss, Tensor) else loss)
        self._state["func_evals"] += 1  # as in torch, an evaluation counts once its loss is known
        return loss, number, torch.cat([_flat_gradient(p) for p in self._params])

    def _search(
        self,
        closure: Callable[[], Any],
        here: Trial,
        step: float,
        direction: Tensor,
        start: list[Tensor],
        limit: int,
    ) -> Trial:
        """The trial that is accepted; the last one where none is and that one is not finite."""
        last = here

        def evaluate(t: float) -> Trial:
            nonlocal last
            self._move(direction, t)
            _, loss, gradient = self._evaluate(closure)
            self._put(start)
            last = Trial(t, loss, gradient, float(gradient.dot(direction)))
            return last

        size, tolerance = float(direction.abs().max()), self.param_groups[0]["tolerance_change"]
        found, _ = strong_wolfe(evaluate, here, step, direction_size=size, tolerance=tolerance, limit=limit)
        return last if found is here and not math.isfinite(last.loss) else found

    def _move(self, direction: Tensor, step: float) -> None:
        views = [torch.view_as_real(p) if p.is_complex() else p for p in self._params]
        for p, part in zip(views, torch.split(direction, [v.numel() for v in views]), strict=True):
            p.add_(part.view_as(p), alpha=step)

    def _put(self, values: list[Tensor]) -> None:
        for p, value in zip(self._params, values, strict=True):
            p.copy_(value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "old_dirs" in self.state.get(self._params[0], ()):
            with autocast.switched_off(self._params[0].device.type):
                self._history()

    @classmethod
    def _state_names(cls) -> set[str]:
        own = "func_evals n_iter d t old_dirs old_stps ro H_diag al prev_flat_grad prev_loss"
        return set(own.split())

    def _state_shapes(self, p: Tensor) -> dict[str, torch.Size | None]:
        size = torch.Size([sum(p.numel() * (2 if p.is_complex() else 1) for p in self._params)])
        return dict.fromkeys(("d", "prev_flat_grad", "old_dirs", "old_stps"), size)


def _flat_gradient(p: Tensor) -> Tensor:
    gradient = torch.zeros_like(p) if p.grad is None else p.grad
    gradient = gradient.to_dense() if gradient.is_sparse else gradient
    gradient = gradient.to(p.dtype) if p.is_complex() else gradient
    return (torch.view_as_real(gradient) if gradient.is_complex() else gradient).reshape(-1)


def _refuse_other_size(before: Tensor, gradient: Tensor) -> None:
    """Raise RuntimeError where the last gradient is none of these parameters; one number would be spread."""
    if before.shape != gradient.shape:
        raise RuntimeError(
            f"LBFGS: state 'prev_flat_grad' has shape {tuple(before.shape)}, but the gradient of all "
            f"parameters together has {tuple(gradient.shape)}; clear optimizer.state to begin anew"
        )
