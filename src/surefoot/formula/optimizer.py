"""The class behind every element-wise optimizer: declarations and a formula, run on the right backend.

Compiled kernels serve dense CPU parameters; the eager backend serves everything else; row-sparse
gradients run the same formula on the touched rows.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import torch
from torch import Tensor
from torch._compile import _disable_dynamo  # torch.compiler.disable imports all of torch._dynamo

from surefoot.formula import cpu, eager
from surefoot.formula.checkpoint import scalar_dtype
from surefoot.formula.declared import Declared
from surefoot.formula.facts import StateSlot
from surefoot.formula.language import Value
from surefoot.formula.names import Settings, State
from surefoot.formula.trace import Trace, trace

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


def _all_variants(cls: type[Optimizer]) -> Iterator[Trace]:
    """The formula traced as declared, and once for each setting turned on, so that a mistake shows here."""
    defaults = {n: h.default for n, h in cls._declared.hyperparameters.items()}
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
        slots = [s for s in cls._declared.slots if s.exists(settings)]
        for first, dimensions in itertools.product((True, False), (1, 2)):
            absent = [s.name for s in slots if not s.fits(dimensions) or (s.initial is None and first)]
            yield trace(
                cls._declared.update,
                tensors={s.name: cpu.extent(s) for s in slots if not s.scalar and s.name not in absent},
                scalars=[s.name for s in slots if s.scalar],
                absent=absent,
                settings=settings,
                known_numbers={"machine_epsilon": 1e-7},
            )


class Optimizer(Declared):
    """An optimizer made from a formula."""

    _read: ClassVar[tuple[str, ...]] = ()
    sparse: ClassVar[str] = "rows"

    def __init_subclass__(cls, **keywords: Any) -> None:
        inherited = cls._declared
        super().__init_subclass__(**keywords)
        if cls._declared is inherited:
            return  # it declares nothing, and its base's formula has been traced
        cls._read = (*cls._declared.hyperparameters, "maximize", "fused", "differentiable")
        elementwise = not any(n.is_mean for t in _all_variants(cls) for n in t.nodes)
        if not elementwise:
            cls.sparse = "no"  # a mean over the touched rows is not the mean
        sparse = cls._declared.sparse if elementwise else "no"
        cls._declared = replace(cls._declared, elementwise=elementwise, sparse=sparse)

    @staticmethod
    def update(p: Value, g: Value, s: State, h: Settings) -> Value:
        """The formula: returns the new parameter and assigns the new state."""
        raise NotImplementedError

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if self._declared.state_at_start:
            for group in self.param_groups:
                for p in group["params"]:
                    self._init_state(p, group)

    def _init_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the entries of this parameter's state that these settings call for and that are missing."""
        slots = self._slots(group)
        state: dict[str, Any] = self.state[p] if slots else self.state.get(p, {})
        for slot in slots:
            if slot.name not in state and slot.initial is not None and slot.fits(p.dim()):
                state[slot.name] = _initial(slot, p, group)
        return state

    def _slots(self, group: Mapping[str, Any]) -> tuple[StateSlot, ...]:
        return tuple(s for s in self._declared.slots if s.exists(group))

    def _step_group(self, index: int, group: dict[str, Any]) -> None:
        """One step of the parameters of a group."""
        plans: dict[int, Plan] = self.__dict__.setdefault("_plans", {})
        plan = plans.get(index)
        values = [group.get(name) for name in self._read]
        if plan is None or not plan.holds(values) or not plan.collect(group["params"], self.state):
            settings = self._settings(group)
            if not _compiles(group, settings):
                for p in group["params"]:
                    if p.grad is not None:
                        self._step_eagerly(p, group, settings)
                return
            plan = plans[index] = self._plan(group, settings, values)
            plan.collect(group["params"], self.state)
        for batch in plan.batches:
            batch.run(plan.numbers)
        for p in plan.others:
            if not plan.run_rows(p, self.state):
                self._step_eagerly(p, group, self._settings(group), plan)
        if plan.transient:
            del plans[index]

    def _plan(self, group: dict[str, Any], settings: Mapping[str, Any], values: list[Any]) -> Plan:
        """Sort the parameters that have a gradient into batches, one per kernel, and the rest."""
        pattern, numbers = cpu.specialise(settings)
        batches: dict[cpu.Variant, list[cpu.Row]] = {}
        others, idle = [], []
        for p in group["params"]:
            if p.grad is None:
                idle.append(p)
            elif place := self._place(p, group, pattern):
                variant, row = place
                batches.setdefault(variant, []).append(row)
            else:
                others.append(p)
        made = [cpu.Batch(variant, rows) for variant, rows in batches.items()]
        # State that this step's kernel makes is read by the next step's, which is another kernel.
        transient = any(variant.absent for variant in batches)
        params, negates = list(group["params"]), bool(group.get("maximize"))
        return Plan(values, negates, pattern, numbers, params, made, others, idle, transient)

    def _place(
        self, p: Tensor, group: Mapping[str, Any], pattern: cpu.Pattern
    ) -> tuple[cpu.Variant, cpu.Row] | None:
        """The kernel that serves this parameter and its row in the batch, or None where none can."""
        g = cast(Tensor, p.grad)
        if g.layout is not torch.strided or not cpu.servable(p) or not cpu.same_layout(p, g):
            return None
        if not self._declared.elementwise and not (p.is_contiguous() and g.is_contiguous()):
            return None  # rows and columns are found by their place in memory
        state, called_for = self._init_state(p, group), self._slots(group)
        slots = tuple(s for s in called_for if s.fits(p.dim()))
        fresh = {s.name: torch.empty_like(p).detach() for s in slots if state.get(s.name) is None}
        row = _row(p, slots, state | fresh)
        if row is None:
            return None
        state |= fresh
        variant = cpu.Variant(
            self._declared.update,
            slots,
            pattern,
            cpu.DTYPES[p.dtype],
            absent=tuple(fresh),
            missing=tuple(s.name for s in called_for if s not in slots),
            scalar_dtypes=tuple(cpu.DTYPES[t.dtype] for t in row.scalars),
            negate=bool(group.get("maximize")),
            matrix=None if self._declared.elementwise else cpu.small_matrix(p),
        )
        return variant, replace(row, state=state)

    def _step_eagerly(
        self, p: Tensor, group: Mapping[str, Any], settings: Mapping[str, Any], plan: Plan | None = None
    ) -> None:
        """One step of a parameter that no dense kernel serves."""
        self._check_gradient(p)
        g = cast(Tensor, p.grad)
        if g.is_sparse:
            if group.get("weight_decay"):
                raise RuntimeError("weight_decay option is not compatible with sparse gradients")
            if self._declared.sparse != "exact" or not self._slots(group):
                self._step_rows(p, g.coalesce(), group, settings, plan)
                return
            g = g.to_dense()
        elif self._declared.sparse == "only":
            raise RuntimeError(
                f"{type(self).__name__} does not support dense gradients, please consider Adam instead"
            )
        on_device = group.get("capturable") and p.device.type != "cpu"  # a CPU has nothing to capture
        eager.step(
            self._declared.update,
            self._slots(group),
            p,
            -g if group.get("maximize") else g,
            self._init_state(p, group),
            settings,
            as_tensors=bool(group.get("differentiable") or torch.compiler.is_compiling() or on_device),
        )

    def _step_rows(
        self, p: Tensor, g: Tensor, group: Mapping[str, Any], settings: Mapping[str, Any], plan: Plan | None
    ) -> None:
        """Run the formula on the touched rows alone; the others keep their values and their state."""
        state, slots = self._init_state(p, group), self._slots(group)
        if plan is not None and (batch := self._row_batch(p, g, state, slots, plan)):
            batch.run(g, plan.numbers)
        else:
            self._step_rows_eagerly(p, g, state, group, settings)

    @_disable_dynamo  # which knows no sparse tensors
    def _step_rows_eagerly(
        self,
        p: Tensor,
        g: Tensor,
        state: dict[str, Any],
        group: Mapping[str, Any],
        settings: Mapping[str, Any],
    ) -> None:
        slots = self._slots(group)
        elementwise = [s.name for s in slots if not s.scalar]
        places = tuple(g.indices())
        touched = state | {name: state[name][places] for name in elementwise}
        values = p[places]
        gradient = -g.values() if group.get("maximize") else g.values()
        eager.step(self._declared.update, slots, values, gradient, touched, settings)
        p[places] = values
        for name in elementwise:
            state[name][places] = touched[name]
        state |= {name: touched[name] for name in touched if name not in elementwise}

    def _row_batch(
        self, p: Tensor, g: Tensor, state: dict[str, Any], slots: tuple[StateSlot, ...], plan: Plan
    ) -> cpu.RowBatch | None:
        """The kernel that steps the touched rows of this parameter, or None where none can."""
        counts = {s.name: torch.zeros((), dtype=torch.float64) for s in slots if s.number}
        row = _row(p, slots, state | counts)
        if row is None or not cpu.servable(p) or not p.is_contiguous() or not cpu.has_rows(p, g):
            return None
        dtypes = tuple(cpu.DTYPES[t.dtype] for t in row.scalars)
        dtype, negate = cpu.DTYPES[p.dtype], plan.negates
        variant = cpu.Variant(self._declared.update, slots, plan.pattern, dtype, (), (), dtypes, negate)
        plan.rows[p] = cpu.RowBatch(variant, replace(row, state=state), counts)
        return plan.rows[p]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.pop("_plans", None)


@dataclass(frozen=True)
class Plan:
    """How the parameters of one group are stepped, as long as nothing about them changes.

    Attributes:
        values: the group's settings.
        negates: the gradient (maximize).
        pattern: what the kernels were compiled for.
        numbers: what they are called with.
        params: all parameters of the group, in order.
        batches: those that kernels serve.
        others: those that are stepped eagerly, or by rows.
        rows: the kernels of those that have been stepped by rows.
        idle: those without a gradient.
        transient: valid for one step only.
    """

    values: list[Any]
    negates: bool
    pattern: cpu.Pattern
    numbers: list[float]
    params: list[Tensor]
    batches: list[cpu.Batch]
    others: list[Tensor]
    idle: list[Tensor]
    transient: bool
    rows: dict[Tensor, cpu.RowBatch] = field(default_factory=dict)

    def holds(self, values: list[Any]) -> bool:
        """Whether the group's settings are still those that the kernels are called with."""
        return not (
            (_forced and _forced[-1] == "eager")
            or torch.compiler.is_compiling()
            or Tensor in map(type, values)
            or values != self.values
        )

    def run_rows(self, p: Tensor, states: Mapping[Tensor, dict[str, Any]]) -> bool:
        """Step the touched rows of a parameter as at the last step; False if that does not hold."""
        g, batch = p.grad, self.rows.get(p)
        if batch is None or g is None or not cpu.has_rows(p, g) or not batch.holds(states.get(p)):
            return False
        batch.run(g.coalesce(), self.numbers)
        return True

    def collect(self, params: list[Tensor], states: Mapping[Tensor, dict[str, Any]]) -> bool:
        """Read this step's addresses; False if the plan no longer holds."""
        return (
            len(params) == len(self.params)
            and all(map(operator.is_, params, self.params))
            and all(p.grad is None for p in self.idle)
            and all(p.grad is not None for p in self.others)
            and all(batch.collect(states) for batch in self.batches)
        )


def _compiles(group: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    parts = [part for v in settings.values() for part in (v if isinstance(v, tuple) else (v,))]
    return not (
        (_forced and _forced[-1] == "eager")
        or group.get("fused") is False
        or group.get("differentiable")
        or torch.compiler.is_compiling()
        or any(isinstance(part, Tensor) for part in parts)
        or not cpu.available()
    )


def _row(p: Tensor, slots: tuple[StateSlot, ...], state: dict[str, Any]) -> cpu.Row | None:
    """A parameter and its state as a kernel takes them; None where one of them cannot be."""
    kept = [s for s in slots if not s.scalar]
    tensors = tuple(state[s.name] for s in kept)
    scalars = tuple(state[s.name] for s in slots if s.scalar)
    if all(map(cpu.lies_alike, kept, itertools.repeat(p), tensors)) and all(map(_is_scalar, scalars)):
        return cpu.Row(p, state, tensors, scalars)
    return None


def _is_scalar(value: Any) -> bool:
    return (
        type(value) is Tensor
        and value.dim() == 0
        and value.device.type == "cpu"
        and value.dtype in (torch.float32, torch.float64)
    )


def _initial(slot: StateSlot, p: Tensor, group: Mapping[str, Any]) -> Any:
    value: Any = group[slot.initial] if isinstance(slot.initial, str) else slot.initial
    value = value.item() if isinstance(value, Tensor) else value
    if slot.number:
        return value
    if slot.scalar:
        on_device = group.get("capturable") or group.get("fused")
        return torch.tensor(float(value), dtype=scalar_dtype(), device=p.device if on_device else "cpu")
    filling = complex(value, value) if p.is_complex() and value else value
    if slot.over is not None:
        return p.detach().new_full(slot.shape(tuple(p.shape)), filling)
    return torch.full_like(p, filling, memory_format=torch.preserve_format, requires_grad=False)
