"""ASGD: stochastic gradient descent that keeps the average of its path."""

from torch import Tensor

from surefoot import formula as f


class ASGD(f.Optimizer, arguments="foreach, maximize, differentiable, capturable"):
    """Averaged stochastic gradient descent: a decaying learning rate, and the mean of the path in `ax`.

    The parameters themselves are not averaged; copy `state[p]["ax"]` into them to use the average.

    Example:
        >>> optimizer = ASGD(model.parameters(), lr=0.01, t0=1000)
    """

    equation = """
        p  ← (1 − λ η) p − η g
        ax ← ax + μ (p − ax)
        η  ← lr / (1 + λ · lr · t)^α,   μ ← 1 / max(1, t − t₀)
    """
    paper = "Polyak & Juditsky, Acceleration of stochastic approximation by averaging, 1992"
    good_at = "convex and nearly convex problems with noisy gradients, read out through the average"
    bad_at = "deep networks: no momentum, and one learning rate for every parameter"
    family = f.Family.GRADIENT

    lr: float | Tensor = f.learning_rate(1e-2, f.LogNormal(3e-2, 0.8))
    lambd: float = f.hyperparameter(1e-4, "decay term λ", "1e-6 to 1e-2", search=f.Choices((1e-4,)))
    alpha: float = f.hyperparameter(0.75, "power of the learning rate's decay", "0.5 to 1")
    t0: float = f.hyperparameter(1e6, "step at which averaging starts", "after the first epochs")
    weight_decay: float = f.weight_decay(0)

    slots = (
        f.STEP,
        f.StateSlot("eta", "learning rate of the next step", initial="lr", scalar=True, default_dtype=True),
        f.StateSlot(
            "mu",
            "share of the next point in the mean of the path",
            initial=1.0,
            scalar=True,
            default_dtype=True,
        ),
        f.StateSlot("ax", "mean of the path"),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        if h.weight_decay:
            g = f.add(g, p, h.weight_decay)
        p = f.add((1 - h.lambd * s.eta) * p, g, -s.eta)
        s.ax = f.where(s.mu == 1, p, s.ax + s.mu * (p - s.ax))
        s.eta = h.lr / (1 + h.lambd * h.lr * s.step) ** h.alpha
        s.mu = 1 / f.maximum(1, s.step - h.t0)
        return p
