"""Adafactor: Adam's denominator from one number per row and one per column."""

from torch import Tensor

from surefoot import formula as f


def _larger(x: f.Value, least: f.Value | float) -> f.Value:
    """The larger of both, and `least` for nan: one nan of a gradient scales no other element."""
    return f.where(x > least, x, least)


class Adafactor(f.Optimizer, arguments="*, foreach, maximize"):
    """Adafactor: a gradient over its root mean square, estimated from the mean squares of rows and columns.

    The step is relative to the size of the parameter, and lr is the most that it may be.

    Example:
        >>> optimizer = Adafactor(model.parameters(), lr=1e-2)
    """

    equation = """
        β = 1 − t^τ
        r ← β r + (1 − β) · mean of g² over a row
        c ← β c + (1 − β) · mean of g² over a column
        v = r c / mean(r)                  (vectors: v ← β v + (1 − β) g²)
        u = g / √v,   u ← u / max(1, rms(u) / d)
        p ← p − max(ε₂, rms(p)) · min(lr, 1/√t) · u
    """
    paper = """Shazeer & Stern, Adafactor: Adaptive learning rates with sublinear memory cost, ICML 2018,
        https://arxiv.org/abs/1804.04235"""
    good_at = "large models where Adam's state does not fit: next to no state for matrices"
    bad_at = "short training at small lr: no momentum, and a variance that is only a product of two vectors"
    family = f.Family.RELATIVE
    represents_family = True
    state_note = "about 0 for matrices (one number per row and per column); 4 bytes in float32 for vectors"

    lr: float | Tensor = f.at_least(
        0,
        "Learning rate",
        1e-2,
        "the largest step relative to the parameter's root mean square",
        "1e-3 to 1e-1",
        f.LogNormal(1e-2),
    )
    beta2_decay: float = f.hyperparameter(
        -0.8,
        "power τ of t at which the averages slow down",
        "-0.5 to -1",
        valid=lambda power: power <= 0.0,
        message="beta2_decay should be <= 0 but is: {value}",
    )
    eps: tuple[float | None, float] = f.hyperparameter(
        (None, 1e-3),
        "least root mean square of a gradient (None: the type's epsilon) and of a parameter",
        "(None, 1e-3)",
        valid=lambda eps: (eps[0] is None or eps[0] >= 0.0) and eps[1] >= 0.0,
        message=lambda eps: (
            f"epsilon1 should be >= 0 but is: {eps[0]}"
            if eps[0] is not None and not eps[0] >= 0.0
            else f"epsilon2 should be >= 0 but is: {eps[1]}"
        ),
    )
    d: float = f.at_least(
        1, "Clipping threshold d", 1.0, "an update whose root mean square is larger is scaled down to it", "1"
    )
    weight_decay: float = f.at_least(
        0, "weight_decay", 0.0, f.SHRINKS, "0 to 0.1", f.Choices((0.0, 1e-2, 1e-1))
    )

    slots = (
        f.STEP,
        f.StateSlot("row_var", "mean of the squared gradients of each row", over=-1),
        f.StateSlot("col_var", "mean of the squared gradients of each column", over=-2),
        f.StateSlot("variance", "mean of the squared gradients, from the first on", vectors=True),
    )
    takes_complex = False

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        least, least_scale = h.eps
        least = h.machine_epsilon if least is None else least
        share = s.step**h.beta2_decay
        relative = f.minimum(h.lr, 1 / f.sqrt(s.step)) * _larger(f.root_mean_square(p), least_scale)
        if h.weight_decay:
            p = (1 - h.lr * h.weight_decay) * p
        if s.variance is None:
            s.row_var = f.lerp(s.row_var, f.mean(g * g, -1), share)
            s.col_var = f.lerp(s.col_var, f.mean(g * g, -2), share)
            variance = s.row_var / f.maximum(f.mean(s.row_var, -2), least) * s.col_var
        else:
            s.variance = variance = f.lerp(s.variance, g * g, share)
        update = g / f.sqrt(f.maximum(variance, least * least))
        return f.add(p, update, -relative / _larger(f.root_mean_square(update) / h.d, 1))
