"""RandomSearch: try a random step, keep it only if the loss falls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from surefoot import formula as f


class RandomSearch(f.Declared):
    """Random search around the current point: the honest floor in every comparison.

    It uses no gradient, only two evaluations of the loss on the same batch.  Perturbations are drawn
    from torch's global generator.

    Example:
        >>> optimizer = RandomSearch(model.parameters(), scale=0.1)
        >>> optimizer.step(closure)
    """

    equation = """
        q = p + scale · ξ,   ξ ~ N(0, 1)
        p ← q if loss(q) < loss(p), else p
    """
    paper = "Rastrigin, The convergence of the random search method in the extremal control, 1963"
    good_at = "a handful of parameters, losses without a gradient, and showing what a gradient is worth"
    bad_at = "more than some dozens of parameters: almost every direction is useless"
    family = f.Family.GRADIENT_FREE
    state_note = "none"
    needs_closure = True
    warmup_matters = False
    sparse = "exact"

    scale: float = f.hyperparameter(
        0.1,
        "standard deviation of a perturbation",
        "1e-3 to 1",
        valid=lambda scale: scale > 0.0,
        message="Invalid scale: {value}",
        search=f.LogNormal(1e-2, 0.7),
    )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Try one perturbation of all parameters.

        Args:
            closure: re-evaluates the model and returns the loss; calling backward in it is needless.

        Returns:
            The loss before the trial.
        """
        moves = [
            (p, p.clone(), torch.randn_like(p) * group["scale"])
            for group in self.param_groups
            for p in group["params"]
            if p.requires_grad
        ]
        before, loss = self._evaluate(closure)
        for p, _, move in moves:
            p.add_(move)
        if not self._evaluate(closure)[1] < loss:
            for p, old, _ in moves:
                p.copy_(old)
        return before

    @staticmethod
    def _evaluate(closure: Callable[[], Any]) -> tuple[Any, float]:
        with torch.enable_grad():
            loss = closure()
        return loss, float(loss.detach() if isinstance(loss, torch.Tensor) else loss)
