"""Drawing programs.

Most programs are calm, so that they get far; each takes a few kinds of operations, so that the same ones
meet often.  One function draws for a generator of random numbers, which is fast, and for hypothesis.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import hypothesis.strategies as st

from tests.optim.programs import gradients, language, modes, running
from tests.optim.programs.language import Group, Operation, Param, Program

T = TypeVar("T")


class Choose(Protocol):
    """Where decisions come from."""

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""


class Dice:
    """Random numbers."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(str(seed))

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._random.random() * (high - low + 1))


class Drawn:
    """Hypothesis."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self._draw(st.integers(low, high))


def one(choose: Choose, values: Sequence[T]) -> T:
    """One of some values."""
    return values[choose.number(0, len(values) - 1)]


def rarely(choose: Choose, times: int) -> bool:
    """Once in so many times."""
    return choose.number(1, times) == times


def some(choose: Choose, values: Sequence[T], most: int) -> tuple[T, ...]:
    """A few values, perhaps one of them twice."""
    return tuple(one(choose, values) for _ in range(choose.number(1, most)))


# What optimizers take.

LR = (0.1, 0.01, 0.0)
BETAS = ((0.9, 0.999), (0.8, 0.9), (0.0, 0.99), {"list": (0.9, 0.99)})
DECAY = (0.0, 0.1)
FLAG = (False, True)

SETTINGS: dict[str, dict[str, tuple[Any, ...]]] = {
    "SGD": {"momentum": (0.0, 0.9), "dampening": (0.0, 0.5), "weight_decay": DECAY},
    "Adam": {"betas": BETAS, "weight_decay": DECAY, "amsgrad": FLAG, "decoupled_weight_decay": FLAG},
    "AdamW": {"betas": BETAS, "weight_decay": DECAY, "amsgrad": FLAG},
    "NAdam": {"betas": BETAS, "weight_decay": DECAY, "decoupled_weight_decay": FLAG},
    "RAdam": {"betas": BETAS, "weight_decay": DECAY, "decoupled_weight_decay": FLAG},
    "Adamax": {"betas": BETAS, "weight_decay": DECAY},
    "Adadelta": {"rho": (0.9, 0.5), "weight_decay": DECAY},
    "Adagrad": {"lr_decay": (0.0, 0.1), "weight_decay": DECAY, "initial_accumulator_value": (0.0, 0.5)},
    "RMSprop": {"alpha": (0.99, 0.9), "weight_decay": DECAY, "momentum": (0.0, 0.9), "centered": FLAG},
    "Rprop": {"etas": ((0.5, 1.2), (0.4, 1.3)), "step_sizes": ((1e-6, 50), (1e-4, 0.5))},
    "ASGD": {"lambd": (1e-4, 0.1), "weight_decay": DECAY, "t0": (1e6, 3.0)},
    "Adafactor": {"weight_decay": DECAY, "d": (1.0, 0.5), "eps": ((None, 1e-3), (1e-6, 1e-2))},
    "Muon": {"weight_decay": DECAY, "momentum": (0.95, 0.5), "nesterov": FLAG},
    "SparseAdam": {"betas": BETAS[:3]},
    "LBFGS": {"max_iter": (4, 2), "history_size": (100, 2), "line_search_fn": (None, "strong_wolfe")},
}
SWITCHES = {
    "SGD": ("maximize", "foreach", "differentiable", "fused"),
    "Adam": ("maximize", "foreach", "capturable", "differentiable", "fused"),
    "AdamW": ("maximize", "foreach", "capturable", "differentiable", "fused"),
    "Adagrad": ("maximize", "foreach", "differentiable", "fused"),
    "Adafactor": ("maximize", "foreach"),
    "SparseAdam": ("maximize",),
    "Muon": (),
    "LBFGS": (),
}
ANY = ("maximize", "foreach", "capturable", "differentiable")
STATE = {
    "SGD": ("momentum_buffer",),
    "Adam": ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "AdamW": ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "NAdam": ("step", "mu_product", "exp_avg", "exp_avg_sq"),
    "RAdam": ("step", "exp_avg", "exp_avg_sq"),
    "Adamax": ("step", "exp_avg", "exp_inf"),
    "Adadelta": ("step", "square_avg", "acc_delta"),
    "Adagrad": ("step", "sum"),
    "RMSprop": ("step", "square_avg", "momentum_buffer", "grad_avg"),
    "Rprop": ("step", "prev", "step_size"),
    "ASGD": ("step", "eta", "mu", "ax"),
    "Adafactor": ("step", "row_var", "col_var", "variance"),
    "Muon": ("momentum_buffer",),
    "SparseAdam": ("step", "exp_avg", "exp_avg_sq"),
    "LBFGS": ("d", "prev_flat_grad", "H_diag"),
}
NAMES = tuple(SETTINGS)

SHAPES = ((2,), (3, 2), (), (5, 3), (2, 3, 2, 2), (33,), (0, 3), (1,))
DTYPES = ("float32", "float64", "float32", "bfloat16", "float16")
CALM = ("contiguous", "contiguous", "transposed", "gapped", "channels_last", "flat", "tensor")
ODD_LAYOUTS = ("overlapping", "negated", "inference", "meta")
USUAL = ("plain", "same", "like", "plain")
MILD = ("none", "zero", "gapped", "transposed", "shared", "backward", "keep", "small", "negated", "expanded")
MODES_OFTEN = (
    "autocast",
    "no_grad",
    "thread",
    "dispatch",
    "default_meta",
    "stale_graph",
    "closure",
    "enable_grad",
)
MODES_ODD = ("inference", "fake", "profiled")
MODES_SLOW = ("traced", "compiled")


class Drawing:
    """One program being drawn."""

    def __init__(self, choose: Choose, name: str | None = None) -> None:
        self.choose = choose
        self.name = name or one(choose, NAMES)
        self.dtypes = some(choose, DTYPES, 2)
        if rarely(choose, 25) and self.name not in ("Adafactor", "Muon", "SparseAdam"):
            self.dtypes = (one(choose, ("complex64", "complex128")),)
        self.layouts = some(choose, CALM, 3)
        if rarely(choose, 12):
            self.layouts += (one(choose, ODD_LAYOUTS),)
        self.kinds = ("sparse",) if self.name == "SparseAdam" else USUAL
        self.odd_kinds = some(choose, MILD, 3)
        if rarely(choose, 3):
            self.odd_kinds = (*self.odd_kinds, one(choose, tuple(gradients.KINDS)))
        self.seed = 0

    def program(self) -> Program:
        """All of it."""
        choose = self.choose
        params = tuple(self.param() for _ in range(choose.number(1, 6)))
        # A few kinds of operations for each program, so that one is met by another of its kind.
        makers = some(choose, tuple(self.makers()), 5)
        operations: list[Operation] = [self.step()]
        for _ in range(choose.number(0, 12)):
            if not rarely(choose, 3):
                operations.append(self.makers()[one(choose, makers)]())
            if not rarely(choose, 4):
                operations.append(self.step())
        return Program(self.name, self.settings(), params, self.groups(len(params)), tuple(operations[:25]))

    def param(self) -> Param:
        """One that the optimizer takes, mostly."""
        choose = self.choose
        shape = one(choose, SHAPES)
        if self.name == "Muon" and not rarely(choose, 40):
            shape = one(choose, ((3, 2), (5, 3), (2, 4)))
        if self.name == "SparseAdam":
            shape = one(choose, ((3, 2), (5, 3), (33,)))
        if self.name == "Adafactor" and 0 in shape:
            shape = (2,)
        return Param(shape, one(choose, self.dtypes), one(choose, self.layouts))

    def settings(self) -> dict[str, Any]:
        """Of the constructor."""
        choose = self.choose
        drawn = {n: one(choose, v) for n, v in SETTINGS[self.name].items() if rarely(choose, 2)}
        if rarely(choose, 2):
            drawn["lr"] = one(choose, LR)
        if rarely(choose, 8) and self.name != "Muon":
            drawn["lr"] = {"tensor": 0.01}
        if rarely(choose, 3) and (switches := SWITCHES.get(self.name, ANY)):
            drawn |= {one(choose, switches): not rarely(choose, 4)}
        if drawn.get("capturable") or drawn.get("differentiable"):
            drawn = (
                drawn if rarely(choose, 3) else {n: v for n, v in drawn.items() if n not in SWITCHES["Adam"]}
            )
        if self.name == "SGD" and drawn.get("momentum") and not drawn.get("dampening"):
            drawn["nesterov"] = one(choose, FLAG)
        return drawn

    def groups(self, count: int) -> tuple[Group, ...]:
        """One to three, which share the parameters out; at times one has a parameter twice."""
        choose = self.choose
        number = 1 if self.name == "LBFGS" else min(count, one(choose, (1, 1, 2, 3)))
        shares = [tuple(range(i, count, number)) for i in range(number)]
        if rarely(choose, 10):
            shares[0] = (*shares[0], one(choose, shares[0]))
        if number > 1 and rarely(choose, 60):
            shares[1] = (*shares[1], shares[0][0])
        return tuple(Group(s, self.group_settings() if number > 1 else {}) for s in shares)

    def group_settings(self) -> dict[str, Any]:
        """What one group has of its own."""
        name = one(self.choose, ("lr", *SETTINGS[self.name], "lr"))
        return {name: one(self.choose, (LR if name == "lr" else SETTINGS[self.name][name]))}

    # Operations.

    def step(self) -> Operation:
        """With gradients of the usual kinds, mostly."""
        choose = self.choose
        self.seed += 5
        kinds = (self.kinds[0],)
        if rarely(choose, 2):
            kinds = some(choose, self.kinds, 3)
        if rarely(choose, 5) and self.name != "SparseAdam":
            kinds = (*kinds, one(choose, self.odd_kinds))
        mode = "plain"
        if rarely(choose, 12):
            mode = one(choose, MODES_OFTEN)
        elif rarely(choose, 120):
            mode = one(choose, MODES_ODD)
        elif rarely(choose, 1500):
            mode = one(choose, MODES_SLOW)
        return language.Step(kinds, mode, one(choose, (1, 1, 2, 3)), self.seed)

    def makers(self) -> dict[str, Callable[[], Operation]]:
        """How each kind of operation is drawn."""
        choose, entries = self.choose, STATE[self.name]
        shown = {
            "Step": self.step,
            "AddGroup": lambda: language.AddGroup(self.param(), self.group_settings(), rarely(choose, 10)),
            "Set": self.set,
            "Set lr": lambda: language.Set("lr", one(choose, (*LR, 0.05, {"tensor": 0.02})), self.small()),
            "Mutate": lambda: language.Mutate(
                one(choose, ("lr", "betas", "etas")), one(choose, (0.05, 0.5, 0.7)), self.small()
            ),
            "Schedule": lambda: language.Schedule(one(choose, tuple(running.SCHEDULERS))),
            "Tick": lambda: language.Tick(one(choose, (1.0, 0.5, 2.0))),
            "Share": lambda: language.Share(self.place(), self.place()),
            "SwapParam": lambda: language.SwapParam(one(choose, tuple(running.CHANGES)), self.place()),
            "SwapState": lambda: language.SwapState(
                one(choose, entries), one(choose, tuple(running.CHANGES)), self.place()
            ),
            "ReplaceState": lambda: language.ReplaceState(
                one(choose, entries), one(choose, tuple(running.REPLACEMENTS)), self.place()
            ),
            "Forget": lambda: language.Forget(one(choose, (*entries, None, None)), self.place()),
            "Clear": language.Clear,
            "Offload": lambda: language.Offload(self.place()),
            "Freeze": lambda: language.Freeze(self.place()),
            "Thaw": lambda: language.Thaw(self.place()),
            "ZeroGrad": lambda: language.ZeroGrad(one(choose, FLAG)),
            "Reload": lambda: language.Reload(one(choose, tuple(running.RELOADS))),
            "PopGroup": lambda: language.PopGroup(self.small()),
            "RemoveParam": lambda: language.RemoveParam(self.small(), self.place()),
            "ReplaceParam": lambda: language.ReplaceParam(
                one(choose, ("prune", "grow")), self.small(), self.place()
            ),
            "Cast": lambda: language.Cast(one(choose, ("float64", "bfloat16", "float32"))),
            "Hook": lambda: language.Hook(one(choose, tuple(running.HOOKS))),
        }
        if self.name == "LBFGS":
            del shown["AddGroup"], shown["PopGroup"]
        return shown

    def set(self) -> Operation:
        """A setting of the algorithm, or its direction."""
        choose = self.choose
        name = one(choose, (*SETTINGS[self.name], "maximize", *SETTINGS[self.name]))
        value = one(choose, FLAG if name == "maximize" else SETTINGS[self.name][name])
        return language.Set(name, value, self.small())

    def place(self) -> int:
        """The number of a parameter."""
        return self.choose.number(0, 5)

    def small(self) -> int:
        """The number of a group."""
        return self.choose.number(0, 2)


def draw(choose: Choose, name: str | None = None) -> Program:
    """One program, perhaps of a given optimizer."""
    return Drawing(choose, name).program()


def numbered(seed: int, number: int) -> Program:
    """The program of this number in the sequence that a seed fixes."""
    return draw(Dice((seed, number)), NAMES[number % len(NAMES)])


@st.composite
def programs(draw_one: Any) -> Program:
    """The same for hypothesis."""
    return draw(Drawn(draw_one))


assert set(MODES_OFTEN + MODES_ODD + MODES_SLOW) | {"plain"} == set(modes.MODES)
