"""What an optimizer declares about itself, as data: family, state, and the card made of it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from surefoot.formula.hyperparameter import Hyperparameter


class Family(StrEnum):
    """The kinds of step that optimizers take.

    A search that cannot pay for all optimizers begins with one of each, in this order (`represents_family`);
    the others of a family are its relatives.

    Attributes:
        ADAPTIVE_MOMENTUM: as Adam.
        GRADIENT: as SGD, with or without momentum.
        ORTHOGONAL: as Muon.
        ADAPTIVE: as RMSprop, whose momentum is not divided.
        SIGN: as Lion.
        RELATIVE: as Adafactor.
        CURVATURE: as LBFGS.
        GRADIENT_FREE: as RandomSearch.
        OTHER: none of these.
    """

    ADAPTIVE_MOMENTUM = "the mean of the gradients over their running magnitude"
    GRADIENT = "the gradient, with or without momentum"
    ORTHOGONAL = "momentum, orthogonalised"
    ADAPTIVE = "the gradient over its running magnitude"
    SIGN = "a sign, times a step size"
    RELATIVE = "relative to the size of the weights"
    CURVATURE = "the gradient through an estimate of the curvature"
    GRADIENT_FREE = "a trial that is kept if the loss falls"
    OTHER = "a kind of its own"


class Meaning(StrEnum):
    """What state entries stand for that several optimizers keep; any other meaning is a text of its own.

    Attributes:
        STEPS: how many steps were taken.
        MEAN_GRADIENT: a running mean of the gradients, from zero and not corrected for that.
        MEAN_SQUARE: the same of the squared gradients.
        LARGEST_MEAN_SQUARE: the largest such mean so far.
    """

    STEPS = "number of steps"
    MEAN_GRADIENT = "mean of the gradients"
    MEAN_SQUARE = "mean of the squared gradients"
    LARGEST_MEAN_SQUARE = "largest mean of the squared gradients so far"


@dataclass(frozen=True)
class StateSlot:
    """One entry of a parameter's state.

    Attributes:
        name: torch's name for it.
        meaning: what it is, in a few words. Where a checkpoint is converted, an entry goes on as the one
            of the same meaning, whatever their names; one without a meaning starts anew.
        initial: a number, the name of the setting that holds it, or None: absent until it is assigned.
        when: name of the setting that must be set (true, not zero) for this state to exist.
        scalar: one number per parameter tensor instead of one per element.
        counts: a step counter: one is added before the formula sees it.
        number: kept as a Python number, not as a tensor.
        over: -1 keeps one number per row, -2 one per column; for parameters that have both.
        vectors: only for parameters of fewer than two dimensions.
        limit: what it comes to after many steps, where it corrects means for their start at zero.
        default_dtype: kept in torch's default dtype also after loading, where torch's own step rounds to it.
    """

    name: str
    meaning: str = ""
    initial: float | str | None = 0.0
    when: str | None = None
    scalar: bool = False
    counts: bool = False
    number: bool = False
    over: int | None = None
    vectors: bool = False
    limit: float | None = None
    default_dtype: bool = False

    def exists(self, settings: Mapping[str, Any]) -> bool:
        """Whether these settings call for this state."""
        return self.when is None or bool(settings[self.when])

    def fits(self, dimensions: int) -> bool:
        """Whether a parameter of so many dimensions has this state."""
        return dimensions < 2 if self.vectors else dimensions >= 2 or self.over is None

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of this state for a parameter of the given shape."""
        if self.scalar:
            return ()
        if self.over is None:
            return shape
        kept = list(shape)
        kept[self.over] = 1
        return tuple(kept)


STEP = StateSlot("step", Meaning.STEPS, scalar=True, counts=True)
"""The step counter that most optimizers keep."""


@dataclass(frozen=True)
class Facts:
    """An optimizer's card."""

    name: str
    summary: str
    equation: str
    paper: str
    good_at: str
    bad_at: str
    hyperparameters: tuple[Hyperparameter, ...]
    slots: tuple[StateSlot, ...]
    family: Family
    needs_closure: bool
    sparse: str
    takes_complex: bool
    matrices_only: bool
    state_note: str = ""

    @property
    def takes(self) -> str:
        """What it can be given besides dense, real parameters, for people."""
        rows = {
            "no": "no sparse gradients",
            "rows": "sparse gradients (steps the touched rows)",
            "exact": "sparse gradients",
            "only": "sparse gradients only",
        }[self.sparse]
        kind = "matrices only" if self.matrices_only else ""
        numbers = "complex parameters" if self.takes_complex else "no complex parameters"
        closure = "needs a closure" if self.needs_closure else ""
        return "; ".join(filter(None, [kind, rows, numbers, closure]))

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the state entries, with the setting that calls for each."""
        return tuple(s.name + (f" (with {s.when})" if s.when else "") for s in self.slots)

    @property
    def state_bytes_per_parameter(self) -> str:
        """Bytes of state per parameter element in float32, for people."""
        if self.state_note:
            return self.state_note
        elementwise = [s for s in self.slots if not s.scalar]
        always = 4 * sum(s.when is None for s in elementwise)
        extra = [f"+4 with {s.when}" for s in elementwise if s.when]
        return " ".join([f"{always} bytes in float32", *extra])
