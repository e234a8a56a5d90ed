"""The class behind every element-wise optimizer: declarations and a formula, run on the right backend.

Compiled kernels serve dense CPU parameters; the eager backend serves everything else; row-sparse
gradients run the same formula on the touched rows.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from surefoot.formula import cpu, eager
from surefoot.formula.declared import Declared
from surefoot.formula.facts import StateSlot
from surefoot.formula.language import Value
from surefoot.formula.names import Settings, State
from surefoot.formula.trace import trace

_forced: list[str] = []


@contextlib.contextmanager
def backend(name: str) -> Iterator[None]:
    """Run every step inside the block on one backend: "eager" (the reference) or "auto"."""
    if name not in ("eager", "auto"):
        raise ValueError(f"unknown backend {name!r}: eager or auto")
    _forced.append(name)
    try:
        yield
    finally:
        _forced.pop()


def _trace_all_variants(cls: type[Optimizer]) -> None:
    """Trace the formula as declared, and once for each setting turned on, so that a mistake shows here."""
    defaults = {n: h.default for n, h in cls.hyperparameters.items()}
    switched = [
        {n: (not v if isinstance(v, bool) else v or 0.5)}
        for n, v in defaults.items()
        if isinstance(v, bool) or v == 0
    ]
    variants = [
        defaults,
        *[defaults | s for s in switched],
        defaults | {n: v for s in switched for n, v in s.items()},
    ]
    for settings in variants:
        slots = [s for s in cls.slots if s.exists(settings)]
        for first, dimensions in itertools.product((True, False), (1, 2)):
            absent = [s.name for s in slots if not s.fits(dimensions) or (s.initial is None and first)]
            trace(
                cls.update,
                tensors={s.name: cpu.extent(s) for s in slots if not s.scalar and s.name not in absent},
                scalars=[s.name for s in slots if s.scalar],
                absent=absent,
                settings=settings,
                known_numbers={"machine_epsilon": 1e-7},
            )


class Optimizer(Declared):
    """An optimizer made from an element-wise formula."""

    elementwise: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.elementwise = not any(s.over for s in cls.slots)
        _trace_all_variants(cls)

    @staticmethod
    def update(p: Value, g: Value, s: State, h: Settings) -> Value:
        """The formula: returns the new parameter and assigns the new state."""
        raise NotImplementedError

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if self.state_at_start:
            for group in self.param_groups:
                for p in group["params"]:
                    self.init_state(p, group)

    def init_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the entries of this parameter's state that these settings call for and that are missing."""
        state: dict[str, Any] = self.state[p]
        for slot in self._slots(group):
            if slot.name not in state and slot.initial is not None and slot.fits(p.dim()):
                state[slot.name] = _initial(slot, p, group)
        return state

    def _slots(self, group: Mapping[str, Any]) -> tuple[StateSlot, ...]:
        return tuple(s for s in self.slots if s.exists(group))

    def _settings(self, group: Mapping[str, Any]) -> dict[str, Any]:
        settings = {name: group[name] for name in self.hyperparameters}
        return {n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()}

    def step_group(self, index: int, group: dict[str, Any]) -> None:
        """One step of the parameters of a group."""
        settings = self._settings(group)
        if not self._compiles(group, settings):
            for p in group["params"]:
                if p.grad is not None:
                    self._step_eagerly(p, group, settings)
            return
        plans: dict[int, Plan] = self.__dict__.setdefault("_plans", {})
        pattern, numbers = cpu.specialise(settings)
        key = (pattern, bool(group.get("maximize")))
        plan = plans.get(index)
        if plan is None or plan.key != key or not plan.collect(group["params"], self.state):
            plan = plans[index] = self._plan(group, key)
            plan.collect(group["params"], self.state)
        for batch in plan.batches:
            batch.run(numbers)
        for p in plan.others:
            self._step_eagerly(p, group, settings)
        if plan.transient:
            del plans[index]

    def _compiles(self, group: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
        return not (
            (_forced and _forced[-1] == "eager")
            or group.get("fused") is False
            or group.get("differentiable")
            or torch.compiler.is_compiling()
            or any(isinstance(v, Tensor) for v in settings.values())
            or not cpu.available()
        )

    def _plan(self, group: dict[str, Any], key: tuple[cpu.Pattern, bool]) -> Plan:
        """Sort the parameters that have a gradient into batches, one per kernel, and the rest."""
        slots = self._slots(group)
        batches: dict[cpu.Variant, list[cpu.Row]] = {}
        others, idle = [], []
        for p in group["params"]:
            if p.grad is None:
                idle.append(p)
                continue
            place = self._place(p, group, slots, key)
            if place is None:
                others.append(p)
            else:
                variant, row = place
                batches.setdefault(variant, []).append(row)
        made = [cpu.Batch(variant, rows) for variant, rows in batches.items()]
        # State that this step's kernel makes is read by the next step's, which is another kernel.
        transient = any(variant.absent for variant in batches)
        return Plan(key, list(group["params"]), made, others, idle, transient)

    def _place(
        self,
        p: Tensor,
        group: Mapping[str, Any],
        slots: tuple[StateSlot, ...],
        key: tuple[cpu.Pattern, bool],
    ) -> tuple[cpu.Variant, cpu.Row] | None:
        """The kernel that serves this parameter and its row in the batch, or None where none can."""
        g = cast(Tensor, p.grad)
        if g.layout is not torch.strided or not cpu.servable(p) or not cpu.same_layout(p, g):
            return None
        if not self.elementwise and not (p.is_contiguous() and g.is_contiguous()):
            return None  # rows and columns are found by their place in memory
        state = self.init_state(p, group)
        slots = tuple(s for s in slots if s.fits(p.dim()))
        absent = tuple(s.name for s in slots if not s.scalar and state.get(s.name) is None)
        fresh = {name: torch.empty_like(p, requires_grad=False).detach() for name in absent}
        kept = [s for s in slots if not s.scalar]
        tensors = [fresh[s.name] if s.name in fresh else state[s.name] for s in kept]
        scalars = [state[s.name] for s in slots if s.scalar]
        if not all(map(cpu.lies_alike, kept, itertools.repeat(p), tensors)) or not all(
            map(_is_scalar, scalars)
        ):
            return None
        state |= fresh
        pattern, negate = key
        scalar_dtypes = tuple(cpu.DTYPES[t.dtype] for t in scalars)
        missing = tuple(s.name for s in self._slots(group) if s not in slots)
        variant = cpu.Variant(
            self.update,
            slots,
            pattern,
            cpu.DTYPES[p.dtype],
            absent,
            missing,
            scalar_dtypes,
            negate,
            None if self.elementwise else cpu.small_matrix(p),
        )
        return variant, cpu.Row(p, state, tuple(tensors), tuple(scalars), g.stride())

    def _step_eagerly(self, p: Tensor, group: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        g = cast(Tensor, p.grad)
        self.check_gradient(p)
        if g.is_sparse:
            if group.get("weight_decay"):
                raise RuntimeError("weight_decay option is not compatible with sparse gradients")
            if self.sparse == "exact" and self._slots(group):
                g = g.to_dense()
            else:
                self._step_rows(p, g.coalesce(), group, settings)
                return
        elif self.sparse == "only":
            raise RuntimeError(
                f"{type(self).__name__} does not support dense gradients, please consider Adam instead"
            )
        eager.step(
            self.update,
            self._slots(group),
            p,
            -g if group.get("maximize") else g,
            self.init_state(p, group),
            settings,
            as_tensors=bool(
                group.get("differentiable")
                or torch.compiler.is_compiling()
                or (
                    group.get("capturable") and p.device.type != "cpu"
                )  # there is nothing to capture on a CPU
            ),
        )

    def _step_rows(self, p: Tensor, g: Tensor, group: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Run the formula on the touched rows alone; the others keep their values and their state."""
        state, rows = self.init_state(p, group), tuple(g.indices())
        elementwise = [s.name for s in self._slots(group) if not s.scalar]
        touched = dict(state) | {name: state[name][rows] for name in elementwise}
        values = p[rows]
        gradient = -g.values() if group.get("maximize") else g.values()
        eager.step(self.update, self._slots(group), values, gradient, touched, settings)
        p[rows] = values
        for name in elementwise:
            state[name][rows] = touched[name]
        state |= {name: touched[name] for name in touched if name not in elementwise}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.pop("_plans", None)
        for entries in self.state.values():
            for slot in self.slots:
                held = entries.get(slot.name)
                # torch's loading casts every entry but `step` to the parameter's dtype.
                if slot.default_dtype and isinstance(held, Tensor):
                    entries[slot.name] = held.to(_scalar_dtype())


@dataclass(frozen=True)
class Plan:
    """How the parameters of one group are stepped, as long as nothing about them changes.

    Attributes:
        key: the settings that the kernels were compiled for, and whether to maximize.
        params: all parameters of the group, in order.
        batches: those that kernels serve.
        others: those that are stepped eagerly.
        idle: those without a gradient.
        transient: valid for one step only.
    """

    key: tuple[cpu.Pattern, bool]
    params: list[Tensor]
    batches: list[cpu.Batch]
    others: list[Tensor]
    idle: list[Tensor]
    transient: bool

    def collect(self, params: list[Tensor], states: Mapping[Tensor, dict[str, Any]]) -> bool:
        """Read this step's addresses; False if the plan no longer holds."""
        return (
            len(params) == len(self.params)
            and all(map(operator.is_, params, self.params))
            and all(p.grad is None for p in self.idle)
            and all(p.grad is not None for p in self.others)
            and all(batch.collect(states) for batch in self.batches)
        )


def _is_scalar(value: Any) -> bool:
    return (
        type(value) is Tensor
        and value.dim() == 0
        and value.device.type == "cpu"
        and value.dtype in (torch.float32, torch.float64)
    )


def _scalar_dtype() -> torch.dtype:
    return torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32


def _initial(slot: StateSlot, p: Tensor, group: Mapping[str, Any]) -> Any:
    value: Any = group[slot.initial] if isinstance(slot.initial, str) else slot.initial
    value = value.item() if isinstance(value, Tensor) else value
    if slot.number:
        return value
    if slot.scalar:
        on_device = group.get("capturable") or group.get("fused")
        return torch.tensor(float(value), dtype=_scalar_dtype(), device=p.device if on_device else "cpu")
    filling = complex(value, value) if p.is_complex() and value else value
    if slot.over is not None:
        return p.detach().new_full(slot.shape(tuple(p.shape)), filling)
    return torch.full_like(p, filling, memory_format=torch.preserve_format, requires_grad=False)
