"""AdamW: Adam with weight decay applied to the weights instead of the gradient."""

from surefoot import formula as f
from surefoot.optim.adam import Adam


class AdamW(Adam, arguments="*, maximize, foreach, capturable, differentiable, fused"):
    """AdamW: Adam with decoupled weight decay.

    Example:
        >>> optimizer = AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    """

    equation = """
        p ← (1 − lr · weight_decay) p
        then as Adam:
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        p ← p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
    """
    paper = "Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019, https://arxiv.org/abs/1711.05101"
    good_at = "the usual choice for transformers; weight decay that means the same for every parameter"
    bad_at = "memory: two numbers of state for every parameter; decay scales with lr, so retune both"
    family = f.Family.ADAPTIVE_MOMENTUM
    represents_family = True

    weight_decay: float = f.decoupled_decay(1e-2)
    decoupled_weight_decay: bool = f.hyperparameter(True, "always, for AdamW", fixed=True)
