"""RMSprop: divides the gradient by its running root mean square."""

from torch import Tensor

from surefoot import formula as f


class RMSprop(
    f.Optimizer,
    arguments="capturable, foreach, maximize, differentiable",
    keys="momentum, alpha, eps, centered, weight_decay, capturable, foreach, maximize, differentiable",
):
    """RMSprop: a gradient divided by its running root mean square, plain, centered or with momentum.

    Example:
        >>> optimizer = RMSprop(model.parameters(), lr=1e-3, momentum=0.9)
    """

    equation = """
        v ← α v + (1 − α) g²
        d ← √v + ε                   (centered: m ← m + (1 − α)(g − m),  d ← √(v − m²) + ε)
        p ← p − lr · g / d           (momentum: b ← momentum · b + g / d,  p ← p − lr · b)
    """
    paper = "Hinton, Srivastava & Swersky, Neural networks for machine learning, lecture 6e, 2012"
    good_at = "recurrent networks and reinforcement learning; half of Adam's state"
    bad_at = "the first steps: its averages start at zero without correction, so early steps are large"
    family = f.Family.ADAPTIVE
    represents_family = True

    lr: float | Tensor = f.learning_rate(1e-2, f.LogNormal(1e-3))
    alpha: float = f.non_negative("alpha", 0.99, "decay rate of the average of squares", "0.9 to 0.99")
    eps: float = f.epsilon(1e-8)
    weight_decay: float = f.weight_decay(0)
    momentum: float = f.non_negative(
        "momentum",
        0,
        "share of the last step that is kept",
        "0 or 0.9",
        f.Choices((0.0, 0.9)),
        f.Kind.MOMENTUM,
    )
    centered: bool = f.flag(False, "divide by the standard deviation instead of the root mean square")

    slots = (
        f.STEP,
        f.StateSlot("square_avg", f.Meaning.MEAN_SQUARE),
        f.StateSlot("momentum_buffer", "fading sum of the scaled gradients", when="momentum"),
        f.StateSlot("grad_avg", "mean of the gradients, as young as that of their squares", when="centered"),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        if h.weight_decay:
            g = f.add(g, p, h.weight_decay)
        s.square_avg = f.addcmul(h.alpha * s.square_avg, g, g, 1 - h.alpha)
        variance = s.square_avg
        if h.centered:
            s.grad_avg = f.lerp(s.grad_avg, g, 1 - h.alpha)
            variance = f.addcmul(variance, s.grad_avg, s.grad_avg, -1)
        denominator = f.sqrt(variance) + h.eps
        if h.momentum:
            s.momentum_buffer = h.momentum * s.momentum_buffer + g / denominator
            return f.add(p, s.momentum_buffer, -h.lr)
        return p - h.lr * g / denominator
