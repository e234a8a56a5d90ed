"""Odd: an optimizer with a setting of every kind, which the tests add to the library as one file."""

from torch import Tensor

from surefoot import formula as f


class Odd(f.Optimizer, arguments="*, foreach, maximize, differentiable"):
    """Odd: the mean of the gradients, bent by a word, a whole number and a flag.

    Example:
        >>> optimizer = Odd(model.parameters(), lr=1e-2, bend="root")
    """

    equation = """
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        a ← a + (1 − β₃)(p − a)
        p ← p − lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε) − lr · pull · (p − a)
    """
    paper = "Nobody, An optimizer for a test, 2026"
    good_at = "showing that one file is enough"
    bad_at = "everything that is to be trained"
    family = f.Family.OTHER
    represents_family = True
    sparse = "rows"
    takes_complex = False

    lr: float | Tensor = f.learning_rate(1e-2, f.LogNormal(1e-2))
    rates: tuple[float, float, float] = f.hyperparameter(
        (0.9, 0.99, 0.5),
        "decay rates of the means of the gradients, of their squares and of the path",
        "each from 0 to below 1",
        valid=lambda rates: all(0.0 <= rate < 1.0 for rate in rates),
        message="Invalid rates: {value}",
        kind=f.Kind.DECAYS,
    )
    power: int = f.hyperparameter(
        2,
        "power of the pull towards the path's mean",
        "1 to 3",
        valid=lambda power: power >= 1,
        message="Invalid power: {value}",
        limits=(1, 9),
    )
    bend: str | None = f.choice(
        None,
        "what is done to the mean of the gradients",
        (None, "root", "sign"),
        search=f.Choices((None, "root")),
    )
    anchored: bool = f.flag(False, "pull towards the mean of the path")

    slots = (
        f.STEP,
        f.StateSlot("mean", f.Meaning.MEAN_GRADIENT),
        f.StateSlot("square", f.Meaning.MEAN_SQUARE),
        f.StateSlot("path", "mean of the path", when="anchored"),
        f.StateSlot(
            "bias", "what is left of the start", initial=1.0, scalar=True, limit=0.0, default_dtype=True
        ),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        first, second, third = h.rates
        s.mean = f.lerp(s.mean, g, 1 - first)
        s.square = f.addcmul(second * s.square, g, g, 1 - second)
        s.bias = s.bias * second
        direction = s.mean / (1 - first**s.step)
        if h.bend == "root":
            direction = f.sign(direction) * f.sqrt(abs(direction))
        elif h.bend == "sign":
            direction = f.sign(direction)
        after = p - h.lr * direction / (f.sqrt(s.square / (1 - s.bias)) + 1e-8)
        if h.anchored:
            s.path = f.lerp(s.path, p, 1 - third)
            off = p - s.path
            after = after - h.lr * f.sign(off) * abs(off) ** h.power
        return after
