"""The class behind every element-wise optimizer: declarations and a formula, run on the right backend.

Compiled kernels serve dense CPU parameters; the eager backend serves everything else; row-sparse
gradients run the same formula on the touched rows.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import torch
from torch import Tensor
from torch._compile import _disable_dynamo  # torch.compiler.disable imports all of torch._dynamo
from torch.utils import _foreach_utils as upstream

from surefoot.formula import cpu, eager
from surefoot.formula.declared import Declared
from surefoot.formula.facts import StateSlot
from surefoot.formula.language import Value
from surefoot.formula.launch import KernelBatch, Launcher, Row, RowBatch, Tensors, has_rows
from surefoot.formula.memory import addresses, held, reach_of
from surefoot.formula.names import Settings, State
from surefoot.formula.numbers import Followed
from surefoot.formula.state_dict import scalar_dtype
from surefoot.formula.trace import Trace, trace
from surefoot.formula.unchanged import plain

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
    words = {n: h.choices for n, h in cls._declared.hyperparameters.items()}
    switched += [{n: word} for n, choices in words.items() for word in choices if word != defaults[n]]
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

    sparse: ClassVar[str] = "rows"

    def __init_subclass__(cls, **keywords: Any) -> None:
        inherited = cls._declared
        super().__init_subclass__(**keywords)
        if cls._declared is inherited:
            return  # it declares nothing, and its base's formula has been traced
        variants = list(_all_variants(cls))
        tested = {s.when for s in cls._declared.slots if s.when}.union(*(t.tested for t in variants))
        elementwise = not any(n.is_mean for t in variants for n in t.nodes)
        if not elementwise:
            cls.sparse = "no"  # a mean over the touched rows is not the mean
        sparse = cls._declared.sparse if elementwise else "no"
        cls._declared = replace(cls._declared, elementwise=elementwise, sparse=sparse, tested=tested)

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

    def _step_groups(self) -> None:
        # Taken away while it is in use: whoever steps in another thread meanwhile makes a plan of his own.
        plan: StepPlan | None = self.__dict__.pop("_plan", None)
        if not _kernels_may_run():
            super()._step_groups()
            return
        now = self._now()
        try:
            plan = self._launched(plan, now)
        except (AttributeError, RuntimeError):
            self._refuse_all()  # of several mistakes it names the one that stands first, as torch does
            raise
        if plan is None:
            super()._step_groups()
            return
        for position in plan.others:
            self._step_beside(plan, position)
        if not plan.launcher.transient:
            self._plan = plan

    def _step_group(self, group: dict[str, Any]) -> None:
        """One step of the parameters of a group, one after the other, without a kernel."""
        settings = self._settings(group)
        params = [p for p in group["params"] if p.grad is not None]
        if not any(s.number for s in self._declared.slots):  # which torch.compile takes for a tensor there
            self._init_group(group)
        for p in params:
            self._step_eagerly(p, group, settings)

    def _init_group(self, group: dict[str, Any]) -> None:
        """Make the state that is missing; torch.compile calls this, by its name, before it traces."""
        for p in group["params"]:
            if p.grad is not None:
                self._init_state(p, group)

    def _launched(self, plan: StepPlan | None, now: Tensors) -> StepPlan | None:
        """Step what kernels serve; the plan by which it was done, or None, and nothing is touched.

        Args:
            plan: of the last step.
            now: the tensors of this one.
        """
        if plan is not None and plan.follows(self.param_groups, now) and self._launch(plan, now):
            return plan
        plan = self._planned(now)
        return plan if self._launch(plan, now) else None

    def _launch(self, plan: StepPlan, now: Tensors) -> bool:
        """Step what kernels serve; False, and nothing is touched, where that does not fit.

        Raises:
            RuntimeError: what no kernel serves is refused; nothing is touched.
        """
        for position in plan.others:
            self._refuse(now.params[position], self.param_groups[plan.owners[position]])
        return plan.launch(now)

    def _now(self) -> Tensors:
        groups = self.param_groups
        params = tuple(groups[0]["params"] if len(groups) == 1 else [p for g in groups for p in g["params"]])
        return Tensors(params, tuple(map(_gradient, params)), self.state)

    def _planned(self, now: Tensors) -> StepPlan:
        """Sort the parameters that have a gradient into batches, one per kernel, and the rest."""
        groups = [Followed(self._declared, g) for g in self.param_groups]
        sizes = [len(g["params"]) for g in self.param_groups]
        owners = [i for i, size in enumerate(sizes) for _ in range(size)]
        batches: dict[tuple[cpu.Variant, int], list[Row]] = {}
        others, idle, earlier = [], [], Counter[int]()
        for position, (p, g, owner) in enumerate(zip(now.params, now.gradients, owners, strict=True)):
            if g is None:
                idle.append(position)
                continue
            place = self._place(p, g, self.param_groups[owner], groups[owner])
            if place is None:
                others.append(position)
            else:  # a parameter that is listed again is stepped again, after its first step
                variant, kept, fresh = place
                row = Row(position, owner, p, g, kept, fresh)
                batches.setdefault((variant, earlier[id(p)]), []).append(row)
                earlier[id(p)] += 1
        kernels = {variant: cpu.kernel_for(variant) for variant, _ in batches}
        tested = set[str]().union(*(kernel.tested for kernel, _ in kernels.values()))
        if not tested <= self._declared.tested:  # found only now, with this combination of settings
            self._declared.tested.update(tested)
            return self._planned(now)
        in_turn = sorted(batches.items(), key=lambda entry: entry[0][1])
        repeats = {row.position for (_, turn), rows in in_turn for row in rows if turn}
        launcher = Launcher([KernelBatch(kernels[v], rows) for (v, _), rows in in_turn], repeats, others)
        return StepPlan(groups, sizes, owners, launcher, others, idle)

    def _place(
        self, p: Tensor, g: Tensor, group: Mapping[str, Any], settings: Followed
    ) -> tuple[cpu.Variant, tuple[Tensor, ...], dict[str, Tensor]] | None:
        """The kernel that serves this parameter, its state, and what of it is new; None where none can."""
        if not settings.compiles or not cpu.servable(p) or not cpu.same_layout(p, g):
            return None
        if not self._declared.elementwise and not (p.is_contiguous() and g.is_contiguous()):
            return None  # rows and columns are found by their place in memory
        self._refuse_state(p)
        state, called_for = self._init_state(p, group), self._slots(group)
        slots = tuple(s for s in called_for if s.fits(p.dim()))
        absent = [s.name for s in slots if state.get(s.name) is None]
        fresh = {name: torch.empty_like(p).detach() for name in absent}
        kept = _kept(p, slots, state | fresh)
        if kept is None:
            return None
        self._refuse_freed(p, g, state)
        tensors, scalars = kept
        variant = cpu.Variant(
            self._declared.update,
            slots,
            settings.pattern,
            cpu.DTYPES[p.dtype],
            absent=tuple(absent),
            missing=tuple(s.name for s in called_for if s not in slots),
            scalar_dtypes=tuple(cpu.DTYPES[t.dtype] for t in scalars),
            negate=settings.negates,
            matrix=None if self._declared.elementwise else cpu.small_matrix(p),
        )
        return variant, tensors + scalars, fresh

    def _step_beside(self, plan: StepPlan, position: int) -> None:
        """One step of a parameter that no dense kernel serves."""
        owner, p = plan.owners[position], plan.parameter(self.param_groups, position)
        group = self.param_groups[owner]
        with torch.set_grad_enabled(bool(group.get("differentiable"))):
            g = cast(Tensor, p.grad)
            if self._steps_rows(g, group) and self._launch_rows(plan, position, p, g, group):
                return
            self._step_eagerly(p, group, self._settings(group))

    def _refuse(self, p: Tensor, group: Mapping[str, Any]) -> None:
        """Raise, in torch's words, for what this optimizer or these settings do not take."""
        super()._refuse(p, group)
        if group.get("fused") and "fused" in self._declared.switches:
            _refuse_unfused(p)
        if cast(Tensor, p.grad).is_sparse:
            if group.get("weight_decay"):
                raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        elif self._declared.sparse == "only":
            raise RuntimeError(
                f"{type(self).__name__} does not support dense gradients, please consider Adam instead"
            )

    def _refuse_freed(self, p: Tensor, g: Tensor, state: Mapping[str, Any]) -> None:
        """Raise RuntimeError where a storage was freed or cut; torch would read what lies behind it."""
        kept = {f"state {n!r}": v for n, v in state.items() if type(v) is Tensor}
        for name, tensor in {"parameter": p, "gradient": g, **kept}.items():
            if not plain(tensor, inference=True):
                continue
            if not held([tensor], addresses((tensor,)), [reach_of(tensor)]):
                place = next(
                    f"parameter {j} of group {i}"
                    for i, group in enumerate(self.param_groups)
                    for j, own in enumerate(group["params"])
                    if own is p
                )
                raise RuntimeError(
                    f"{type(self).__name__}: the storage of the {name} of {place} is smaller than its shape "
                    f"{tuple(tensor.shape)}: it was freed or resized; give it back its memory before the step"
                )

    def _steps_rows(self, g: Tensor, group: Mapping[str, Any]) -> bool:
        """Whether the formula runs on the touched rows alone."""
        return g.is_sparse and (self._declared.sparse != "exact" or not self._slots(group))

    def _step_eagerly(self, p: Tensor, group: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """One step of one parameter by the eager backend; `_refuse` has looked at it."""
        g = cast(Tensor, p.grad)
        if self._steps_rows(g, group):
            self._step_rows_eagerly(p, g.coalesce(), self._init_state(p, group), group, settings)
            return
        g = g.to_dense() if g.is_sparse else g
        on_device = group.get("capturable") and p.device.type != "cpu"  # a CPU has nothing to capture
        eager.step(
            self._declared.update,
            self._slots(group),
            p,
            -g if group.get("maximize") else g,
            self._init_state(p, group),
            settings,
            as_tensors=bool(group.get("differentiable") or on_device or _recorded()),
        )

    @_disable_dynamo  # which knows no sparse tensors
    def _step_rows_eagerly(
        self,
        p: Tensor,
        g: Tensor,
        state: dict[str, Any],
        group: Mapping[str, Any],
        settings: Mapping[str, Any],
    ) -> None:
        """Run the formula on the touched rows alone; the others keep their values and their state."""
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

    def _launch_rows(
        self, plan: StepPlan, position: int, p: Tensor, g: Tensor, group: Mapping[str, Any]
    ) -> bool:
        """Step the touched rows by a kernel; False, and nothing is touched, where none can."""
        state, settings = self._init_state(p, group), plan.groups[plan.owners[position]]
        batch = plan.rows.get(position)
        if batch is not None and batch.launch(p, g, state, settings.numbers):
            return True
        batch = self._row_batch(p, g, state, group, settings)
        if batch is None or not batch.launch(p, g, state, settings.numbers):
            return False
        plan.rows[position] = batch
        return True

    def _row_batch(
        self, p: Tensor, g: Tensor, state: dict[str, Any], group: Mapping[str, Any], settings: Followed
    ) -> RowBatch | None:
        """The kernel that steps the touched rows of this parameter, or None where none can."""
        if not settings.compiles or not cpu.servable(p) or not p.is_contiguous() or not has_rows(p, g):
            return None
        slots = self._slots(group)
        with torch.inference_mode(False):  # they outlive this step, which may be one of that mode
            counts = {s.name: torch.zeros((), dtype=torch.float64, device="cpu") for s in slots if s.number}
        kept = _kept(p, slots, state | counts)
        if kept is None:
            return None
        tensors, scalars = kept
        dtypes = tuple(cpu.DTYPES[t.dtype] for t in scalars)
        variant = cpu.Variant(
            self._declared.update,
            slots,
            settings.pattern,
            cpu.DTYPES[p.dtype],
            (),
            (),
            dtypes,
            settings.negates,
        )
        return RowBatch(cpu.kernel_for(variant), p, tensors + scalars, counts)


_gradient = operator.attrgetter("grad")


@dataclass(frozen=True)
class StepPlan:
    """How the parameters of all groups are stepped, as long as only numbers and addresses change.

    It holds facts and no tensors, so what is removed from the optimizer is freed.

    Attributes:
        groups: the settings of each group.
        sizes: how many parameters each group has.
        owners: the group of each parameter.
        launcher: the kernels of those that kernels serve.
        others: positions of those that are stepped eagerly, or by rows.
        idle: positions of those without a gradient.
        rows: the kernels of those that have been stepped by rows.
    """

    groups: list[Followed]
    sizes: list[int]
    owners: list[int]
    launcher: Launcher
    others: list[int]
    idle: list[int]
    rows: dict[int, RowBatch] = field(default_factory=dict)

    def launch(self, now: Tensors) -> bool:
        """One step of what kernels serve; False, and nothing is touched, where another plan is called for."""
        return self.launcher.launch(now, [g.numbers for g in self.groups])

    def follows(self, groups: list[dict[str, Any]], now: Tensors) -> bool:
        """Whether the same parameters have gradients and the settings have changed in numbers alone."""
        return (
            [len(g["params"]) for g in groups] == self.sizes
            and (not self.idle or all(now.gradients[i] is None for i in self.idle))
            and (not self.others or all(now.gradients[i] is not None for i in self.others))
            and all(map(Followed.follow, self.groups, groups))
        )

    def parameter(self, groups: list[dict[str, Any]], position: int) -> Tensor:
        """The parameter at a position."""
        owner = self.owners[position]
        p: Tensor = groups[owner]["params"][position - sum(self.sizes[:owner])]
        return p


def _refuse_unfused(p: Tensor) -> None:
    """Raise RuntimeError, in torch's words, for a parameter that no fused step of torch's serves."""
    supported = upstream._get_fused_kernels_supported_devices()
    if not (p.is_floating_point() and p.device.type in supported):
        raise RuntimeError(
            "`fused=True` requires all the params to be floating point Tensors of supported devices: "
            f"{supported} but {p.dtype} and {p.device.type}"
        )


def _kernels_may_run() -> bool:
    """Whether a step may write memory directly: nobody traces, records or pretends it, or forbids it."""
    return not ((_forced and _forced[-1] == "eager") or _recorded() or not cpu.available())


def _recorded() -> bool:
    """Whether torch.compile or a dispatch mode wants to see every operation, and no numbers."""
    return bool(torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack())


def _kept(
    p: Tensor, slots: tuple[StateSlot, ...], state: dict[str, Any]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None:
    """The tensors and the scalars of a parameter's state as a kernel takes them; None where it cannot."""
    kept = [s for s in slots if not s.scalar]
    tensors = tuple(state[s.name] for s in kept)
    scalars = tuple(state[s.name] for s in slots if s.scalar)
    if all(map(cpu.lies_alike, kept, itertools.repeat(p), tensors)) and all(map(cpu.is_number, scalars)):
        return tensors, scalars
    return None


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
