"""Rprop: every element has its own step size, which follows the gradient's sign alone."""

from torch import Tensor

from surefoot import formula as f


def _invalid_etas(etas: tuple[float, float]) -> str:
    return f"Invalid eta values: {etas[0]}, {etas[1]}"


class Rprop(
    f.Optimizer,
    arguments="*, capturable, foreach, maximize, differentiable",
    keys="foreach, maximize, differentiable, capturable",
):
    """Resilient backpropagation: grow the step while the sign holds, shrink it when the sign turns.

    Example:
        >>> optimizer = Rprop(model.parameters(), lr=0.01)   # for full batches
    """

    equation = """
        Δ ← clip(Δ η₊, Δmin, Δmax) where g · g_prev > 0
        Δ ← clip(Δ η₋, Δmin, Δmax) and g ← 0 where g · g_prev < 0
        p ← p − sign(g) Δ
    """
    paper = """Riedmiller & Braun, A direct adaptive method for faster backpropagation learning: the RPROP
        algorithm, 1993"""
    good_at = "full-batch training: fast, and indifferent to the scale of the gradient"
    bad_at = "mini-batches: noise turns signs, and step sizes collapse"
    family = f.Family.SIGN

    lr: float | Tensor = f.learning_rate(1e-2, f.LogNormal(1e-3), usual="1e-4 to 1e-1 (the first step size)")
    etas: tuple[float, float] = f.hyperparameter(
        (0.5, 1.2),
        "factors that shrink and grow a step size",
        "(0.5, 1.2)",
        valid=lambda etas: 0.0 < etas[0] < 1.0 < etas[1],
        message=_invalid_etas,
        search=f.Choices(((0.5, 1.2), (0.9, 1.05))),
    )
    step_sizes: tuple[float, float] = f.hyperparameter(
        (1e-6, 50), "smallest and largest step size", "(1e-6, 50)"
    )

    slots = (
        f.STEP,
        f.StateSlot("prev", "last gradient, 0 where its sign turned"),
        f.StateSlot("step_size", "step size", initial="lr"),
    )
    warmup_matters = False

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        shrink, grow = h.etas
        smallest, largest = h.step_sizes
        agreement = g * s.prev
        shrunk = f.where(agreement < 0, shrink * s.step_size, s.step_size)
        changed = f.where(agreement > 0, grow * s.step_size, shrunk)
        s.step_size = f.minimum(f.maximum(changed, smallest), largest)
        s.prev = f.where(agreement < 0, 0.0, g)
        return p - f.sign(s.prev) * s.step_size
