"""Adagrad: each element's learning rate shrinks with the squared gradients it has seen."""

from torch import Tensor

from surefoot import formula as f


class Adagrad(
    f.Optimizer,
    arguments="foreach, *, maximize, differentiable, fused",
    keys="eps, weight_decay, initial_accumulator_value, foreach, maximize, differentiable, fused",
):
    """Adagrad: divides by the root of the sum of all squared gradients.

    Sparse gradients touch only their rows, as in torch.

    Example:
        >>> optimizer = Adagrad(embedding.parameters(), lr=0.1)
    """

    equation = """
        sum ← sum + g²
        p   ← p − lr / (1 + (t − 1) lr_decay) · g / (√sum + ε)
    """
    paper = """Duchi, Hazan & Singer, Adaptive subgradient methods for online learning and stochastic
        optimization, JMLR 2011"""
    good_at = "rare features and sparse gradients: an element that moves seldom keeps a large step"
    bad_at = "long training: the sum only grows, so steps fade"
    family = f.Family.ADAPTIVE

    lr: float | Tensor = f.learning_rate(1e-2, f.LogNormal(3e-2))
    lr_decay: float = f.non_negative("lr_decay", 0, "decay of the learning rate by step", "0 to 1e-3")
    weight_decay: float = f.weight_decay(0)
    initial_accumulator_value: float = f.non_negative(
        "initial_accumulator_value", 0, "where the sum of squares starts", "0 to 0.1", f.Choices((0.0, 0.1))
    )
    eps: float = f.epsilon(1e-10)

    slots = (
        f.STEP,
        f.StateSlot("sum", "sum of the squared gradients", initial="initial_accumulator_value"),
    )
    state_at_start = True

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        if h.weight_decay:
            g = f.add(g, p, h.weight_decay)
        s.sum = f.addcmul(s.sum, g, g)
        return p - h.lr / (1 + (s.step - 1) * h.lr_decay) * g / (f.sqrt(s.sum) + h.eps)

    def share_memory(self) -> None:
        """Move the sums to shared memory, for training from several processes."""
        for state in self.state.values():
            state["sum"].share_memory_()
