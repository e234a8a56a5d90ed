"""Adadelta: the step's own past size takes the place of the learning rate."""

from torch import Tensor

from surefoot import formula as f


class Adadelta(
    f.Optimizer,
    arguments="foreach, *, capturable, maximize, differentiable",
    keys="maximize, capturable, foreach, differentiable",
):
    """Adadelta: scales a gradient by the ratio of past steps to past gradients.

    Example:
        >>> optimizer = Adadelta(model.parameters(), lr=1.0, rho=0.9)
    """

    equation = """
        v ← ρ v + (1 − ρ) g²
        d ← g √(a + ε) / √(v + ε)
        a ← ρ a + (1 − ρ) d²
        p ← p − lr · d
    """
    paper = "Zeiler, ADADELTA: An adaptive learning rate method, 2012, https://arxiv.org/abs/1212.5701"
    good_at = "running without a tuned learning rate: units of the step match those of the parameter"
    bad_at = "short training: steps start near √ε and take time to grow"
    family = f.Family.ADAPTIVE

    lr: float | Tensor = f.learning_rate(1.0, f.LogNormal(1.0))
    rho: float = f.hyperparameter(
        0.9,
        "decay rate of both averages",
        "0.9 to 0.99",
        valid=lambda rho: 0.0 <= rho <= 1.0,
        message="Invalid rho value: {value}",
        search=f.Choices((0.9, 0.99)),
    )
    eps: float = f.epsilon(1e-6)
    weight_decay: float = f.weight_decay(0)

    slots = (
        f.STEP,
        f.StateSlot("square_avg", f.Meaning.MEAN_SQUARE),
        f.StateSlot("acc_delta", "mean of the squared steps"),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        if h.weight_decay:
            g = f.add(g, p, h.weight_decay)
        s.square_avg = f.addcmul(h.rho * s.square_avg, g, g, 1 - h.rho)
        delta = f.sqrt(s.acc_delta + h.eps) / f.sqrt(s.square_avg + h.eps) * g
        s.acc_delta = f.addcmul(h.rho * s.acc_delta, delta, delta, 1 - h.rho)
        return f.add(p, delta, -h.lr)
