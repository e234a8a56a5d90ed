"""Where Surefoot differs from torch on purpose, or torch is wrong: each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tests.optim.programs.comparing import LOW_PRECISION, TOLERANCE, Symptom
from tests.optim.programs.language import (
    Forget,
    Mutate,
    Operation,
    Program,
    Reload,
    RemoveParam,
    ReplaceParam,
    ReplaceState,
    Schedule,
    Set,
    Share,
    Step,
    SwapParam,
    SwapState,
    Tick,
)
from tests.optim.programs.running import Outcome, Record


@dataclass(frozen=True)
class Case:
    """A symptom and what it came from."""

    program: Program
    at: int
    symptom: Symptom
    theirs: Outcome
    ours: Outcome

    @property
    def op(self) -> Operation | None:
        """The operation that showed it; None for the constructor."""
        return self.program.operations[self.at] if self.at >= 0 else None

    @property
    def mode(self) -> str:
        """How it stepped."""
        return getattr(self.op, "mode", "")

    @property
    def ours_goes_on(self) -> bool:
        """Whether ours stepped; a graph that saved what was there before must then be refused by autograd."""
        stale = self.mode == "stale_graph" and "modified by an inplace operation" in self.ours.message
        return self.ours.error is None or (stale and self.ours.error is RuntimeError)

    @property
    def only_torch_refuses(self) -> bool:
        """Whether ours went on where torch raised."""
        return self.theirs.error is not None and self.ours_goes_on

    @property
    def as_if_ours_went_on(self) -> Case:
        """The same with an error on torch's side alone."""
        return replace(self, ours=replace(self.ours, error=None, message=""))

    @property
    def values(self) -> tuple[Any, Any] | None:
        """torch's and our value of the entry that differs; None where the symptom is an error."""
        key = self.symptom.detail.partition(": ")[0]
        record = self.theirs.record
        return (record[key], self.ours.record.get(key)) if key in record and not self.theirs.error else None

    def torch_says(self, *parts: str) -> bool:
        """Whether torch's message has one of these parts."""
        return self.theirs.error is not None and any(part in self.theirs.message for part in parts)

    def came_after(self, *kinds: type) -> bool:
        """Whether an operation of these kinds went before."""
        return any(isinstance(op, kinds) for op in self.program.operations[: self.at])


@dataclass(frozen=True)
class Difference:
    """One that is meant.

    Attributes:
        name: a few words.
        reason: why ours is right.
        applies: whether a case is of this kind.
    """

    name: str
    reason: str
    applies: Callable[[Case], bool]


TYPES_OF_COUNTERS = ("dtype of state eta", "dtype of state mu", "dtype of state mu_product")

# After these, entries are missing that the settings, or the parameter's shape, call for.
FOUND_OUT_LATE = (Forget, ReplaceState, Set, Share, SwapParam, SwapState)

STATE_CHANGED = (ReplaceState, SwapState)

# Means of squares, put back to zero in mid-training while the mean of the gradients is not.
SQUARES_FROM_ZERO = (("exp_avg_sq", "zeros"), ("square_avg", "zeros"))

# What Python or torch raises where nobody thought of the case.
STUMBLES = (AttributeError, KeyError, IndexError, AssertionError, TypeError, NotImplementedError)


def _torch_stumbles(case: Case) -> bool:
    ours = case.ours.error
    return case.theirs.error in STUMBLES and ours is not None and ours.__name__ != "FormulaError"


def _state_starts_anew(case: Case) -> bool:
    accident = case.theirs.error in STUMBLES or case.torch_says("must contain a list of singleton tensors")
    late = case.came_after(*FOUND_OUT_LATE) or _momentum_is_scheduled(case)
    return accident and case.only_torch_refuses and late


def _momentum_is_scheduled(case: Case) -> bool:
    """Whether a scheduler has set the momentum of a group that had none, and so no buffer."""
    scheduled = any(isinstance(op, Schedule) and op.kind == "one_cycle" for op in _earlier(case))
    return scheduled and "'momentum': 0" in repr(case.program.groups) and case.torch_says("momentum_buffer")


def _decoupled(case: Case) -> bool:
    decoupled = ("AdamW", "Muon", "Adafactor", "ASGD")
    return case.program.optimizer in decoupled or "decoupled_weight_decay': True" in repr(case.program)


MIXED = ("dtype", "scalar type", "result type", "data type", "Found dtype", "ScalarType")


def _types_mix(case: Case) -> bool:
    words = (*MIXED, "view_as_real is only supported for complex tensors")
    return case.only_torch_refuses and case.torch_says(*words)


def _two_mistakes(case: Case) -> bool:
    """Whether ours names one mistake, and torch another that is none for ours."""
    if case.theirs.error is None or case.ours.error is None or type(case.op) is not Step:
        return False
    ours = ("is None instead of a tensor", "must be a 2D matrix", "has shape")
    named = any(words in case.ours.message for words in ours) or _looks_for_what_was_taken(case)
    if not named or (case.ours.touched and not case.theirs.touched):
        return False
    alone = case.as_if_ours_went_on
    return any(d.applies(alone) for d in DIFFERENCES if d.applies is not _two_mistakes)


def _looks_for_what_was_taken(case: Case) -> bool:
    """Whether ours misses an entry that the program itself has deleted."""
    taken = {repr(op.entry) for op in _earlier(case) if isinstance(op, Forget)}
    return case.ours.error is KeyError and case.ours.message in taken


def _wrapped_by_the_compiler(case: Case) -> bool:
    wrapped = case.theirs.error is not None and case.theirs.error.__name__ == "TorchRuntimeError"
    names_it = case.ours.error is RuntimeError and "has shape" in case.ours.message
    return case.mode == "compiled" and wrapped and names_it and not case.ours.touched


def _default_device(case: Case) -> bool:
    theirs = case.theirs.error is not None or "torch ('meta'" in case.symptom.detail
    return case.mode == "default_meta" and theirs and case.ours_goes_on


def _other_shape(case: Case) -> bool:
    words = ("has shape", "elements cannot be converted to Scalar")
    resized = case.theirs.error in (None, ZeroDivisionError, RuntimeError)
    return resized and any(word in case.ours.message for word in words) and case.came_after(*FOUND_OUT_LATE)


def _infinite_complex(case: Case) -> bool:
    gradients = {kind for op in (*_earlier(case), case.op) for kind in getattr(op, "gradients", ())}
    if not gradients & {"inf", "nan"} or case.values is None:
        return False
    theirs, ours = case.values
    if not (isinstance(theirs, Tensor) and theirs.is_complex() and isinstance(ours, Tensor)):
        return False
    if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
        return False
    sound = theirs.isfinite()
    close = torch.isclose(theirs, ours, rtol=TOLERANCE[theirs.dtype], atol=TOLERANCE[theirs.dtype])
    return bool(theirs.isnan().any()) and bool(close[sound].all())


def _scalar_with_a_dimension(case: Case) -> bool:
    stretched = any(getattr(op, "how", "") in ("other_shape", "vector") for op in _earlier(case))
    return case.only_torch_refuses and case.torch_says("output with shape []") and stretched


def _earlier(case: Case) -> tuple[Operation, ...]:
    return case.program.operations[: case.at]


def _squares_vanish(case: Case) -> bool:
    if "torch.float16)" not in case.symptom.detail:
        return False
    from_zero = any(
        isinstance(o, ReplaceState) and (o.entry, o.how) in SQUARES_FROM_ZERO for o in _earlier(case)
    )
    kinds = ("numbers of state momentum", "nan or inf of state momentum")
    return any(kind in case.symptom.kind for kind in kinds) or (from_zero and "numbers" in case.symptom.kind)


def _decay_cancels(case: Case) -> bool:
    """Whether the numbers are off only where the gradient and the weight decay are nearly opposite.

    Nearly: what is left of them is no more than a rounding, and what earlier steps have left between the
    two parameters.
    """
    found = re.match(r"((?:param|state) (\d+)[^:]*): ", case.symptom.detail)
    if not found or type(case.op) is not Step or "numbers" not in case.symptom.kind:
        return False
    key, number, record = found[1], int(found[2]), case.theirs.record
    p, q = (outcome.before.get(f"param {number}") for outcome in (case.theirs, case.ours))
    g = record.get(f"grad {number}")
    theirs, ours, group = record[key], case.ours.record.get(key), _group_of(record, number)
    if not _alike_in_low_precision(p, q, g, theirs, ours) or group is None:
        return False
    sign = -1 if record.get(f"group {group} maximize") else 1
    decay = record[f"group {group} weight_decay"]
    together = sign * g.double() + decay * p.double()
    off = (theirs.double() - ours.double()).abs() > TOLERANCE[p.dtype] * theirs.double().abs().max()
    rounding = 4 * torch.finfo(p.dtype).eps * g.double().abs() + decay * (p.double() - q.double()).abs()
    cancelled = together.abs() < rounding
    return bool(off.any()) and bool(cancelled[off].all())


def _alike_in_low_precision(*tensors: Any) -> bool:
    return all(
        isinstance(t, Tensor) and t.dtype in LOW_PRECISION and t.shape == tensors[0].shape for t in tensors
    )


def _group_of(record: Record, number: int) -> int | None:
    """The first group with a weight decay that has this parameter."""
    groups = (int(key.split()[1]) for key in record if re.fullmatch(r"group \d+ weight_decay", key))
    return next((i for i in groups if number in record[f"group {i} params"]), None)


def _epsilon_of_the_first(case: Case) -> bool:
    """Whether a parameter of another type stands before it in its group."""
    found = re.match(r"param (\d+): ", case.symptom.detail)
    if not found or case.program.optimizer != "Adafactor" or case.symptom.kind != "numbers of param":
        return False
    number, record = int(found[1]), case.theirs.record
    group = _group_of(record, number)
    if group is None or record[f"group {group} eps"][0] is not None:
        return False
    stepped = [i for i in record[f"group {group} params"] if isinstance(record.get(f"grad {i}"), Tensor)]
    return bool(stepped) and record[f"param {stepped[0]}"].dtype != record[f"param {number}"].dtype


def _nothing_left_to_do(case: Case) -> bool:
    """Whether one side met what stops an iteration of LBFGS, and the other had no way to go."""
    refused, rests = (case.theirs, case.ours) if case.only_torch_refuses else (case.ours, case.theirs)
    sized = any(words in refused.message for words in ("must match the size", "'prev_flat_grad' has shape"))
    shorter = sized and case.came_after(ReplaceParam, RemoveParam, SwapParam, Share, *STATE_CHANGED)
    stale = "modified by an inplace operation" in refused.message and case.mode == "stale_graph"
    return (
        case.program.optimizer == "LBFGS" and (shorter or stale) and rests.error is None and not rests.moved
    )


def _rate_tensor_is_kept(case: Case) -> bool:
    filled = case.came_after(Mutate) or (case.came_after(Schedule, Tick) and "'tensor'" in repr(case.program))
    return case.program.optimizer == "LBFGS" and filled


def _does_not_fit(case: Case) -> bool:
    shape = "has shape" in case.ours.message
    lost = "state entry" in case.ours.message and "is missing" in case.ours.message
    name = "decoupled_weight_decay"
    other = f"{name} is True" in case.ours.message and any(
        isinstance(op, Set) and op.name == name for op in _earlier(case)
    )
    return type(case.op) is Reload and (shape or other or (lost and case.came_after(Forget, ReplaceState)))


def _pretended(case: Case) -> bool:
    return case.mode == "fake" and case.ours.error is None and not case.ours.touched


def _groups_are_checked(case: Case) -> bool:
    made = case.op is None or type(case.op).__name__ == "AddGroup"
    words = ("Invalid", "should be", "must be", "requires")
    return made and case.theirs.error is None and any(word in case.ours.message for word in words)


def _listed_again(case: Case) -> bool:
    again = "twice=True" in repr(case.program) or any(
        len(set(g.params)) < len(g.params) for g in case.program.groups
    )
    return again and "numbers" in case.symptom.kind and "momentum" in repr(case.program)


def _accumulator_of_a_group(case: Case) -> bool:
    name = "initial_accumulator_value"
    if any(isinstance(op, Set) and op.name == name for op in _earlier(case)):
        return "numbers" in case.symptom.kind
    given = [g.settings for g in case.program.groups] + [
        getattr(o, "settings", {}) for o in case.program.operations
    ]
    return "numbers" in case.symptom.kind and any(name in s for s in given)


def _muon_buffer(case: Case) -> bool:
    return (
        case.program.optimizer == "Muon"
        and "bfloat16" in case.symptom.detail
        and "numbers" in case.symptom.kind
    )


DIFFERENCES = [
    Difference(
        "first momentum of what is listed again",
        "torch reads all momentum buffers before it steps any, so a parameter that stands twice in the list "
        "begins its momentum twice; ours goes on from the first, where no kernel serves it (complex numbers)",
        _listed_again,
    ),
    Difference(
        "torch stumbles",
        "torch raises what Python raises by accident (a missing key, None, an assertion); ours raises too, "
        "and which accident comes first is nobody's contract",
        _torch_stumbles,
    ),
    Difference(
        "state starts anew",
        "an entry that is missing, or a step that is a plain number, stops torch with KeyError and the like "
        "(pytorch/pytorch#127197, amsgrad or momentum switched on in mid-training); ours makes the entry",
        _state_starts_anew,
    ),
    Difference(
        "types mix",
        "model.double() in mid-training, a float32 gradient of a bfloat16 parameter: torch raises since its "
        "operations take one type; a formula computes and rounds at the end",
        _types_mix,
    ),
    Difference(
        "two mistakes at once",
        "ours looks at every parameter before it steps any, and names what it finds there; torch steps until "
        "it meets the first mistake, which is one of those that are none for ours",
        _two_mistakes,
    ),
    Difference(
        "betas are tuples",
        "torch's NAdam and others keep a list, to be changed in the group; ours keep a tuple, as its Adam",
        lambda case: case.symptom.kind == "number of group betas" and type(case.op) is Mutate,
    ),
    Difference(
        "float16",
        "torch rounds the mean square to float16 before it divides by its root, where small squares vanish; "
        "a formula rounds at the end",
        _squares_vanish,
    ),
    Difference(
        "weight decay that cancels the gradient",
        "in a low precision what is left of their sum is rounding, and a first step divides it by its size; "
        "torch rounds the sum, a formula the end, which is nearer to what float64 gives",
        _decay_cancels,
    ),
    Difference(
        "epsilon of the first parameter",
        "torch's Adafactor takes the epsilon of the first parameter's type for all that follow in its group",
        _epsilon_of_the_first,
    ),
    Difference(
        "products of squares that overflow",
        "torch's Adafactor multiplies the mean squares of rows and columns before it divides; with gradients "
        "of 1e18 the product overflows in float32, and the parameter stays",
        lambda case: (
            case.program.optimizer == "Adafactor"
            and case.symptom.kind == "numbers of param"
            and any("large" in getattr(op, "gradients", ()) for op in (*_earlier(case), case.op))
        ),
    ),
    Difference(
        "infinite complex numbers",
        "a real rate times an infinite part makes the other part nan in torch, which multiplies by rate + 0i;"
        " ours steps both parts as what they are, two real numbers",
        _infinite_complex,
    ),
    Difference(
        "a scalar with a dimension",
        "one number in a vector, put into the state by hand, gives torch's results a dimension that a "
        "parameter without any cannot take; ours reads the number",
        _scalar_with_a_dimension,
    ),
    Difference(
        "state of another shape",
        "a parameter that was cut while its state was not is refused; torch's ASGD and others spread what is "
        "left over it",
        _other_shape,
    ),
    Difference(
        "capturable on a CPU",
        "nothing is captured there, and a checkpoint from a GPU has the switch (pytorch/pytorch#89987)",
        lambda case: case.only_torch_refuses and case.torch_says("capturable"),
    ),
    Difference(
        "a mistake found by the compiler",
        "torch.compile wraps the RuntimeError of the operation that it traces in a class of its own; ours is "
        "found before anything is traced, and is torch's RuntimeError",
        _wrapped_by_the_compiler,
    ),
    Difference(
        "capturable in a compiled step",
        "torch.compile traces every optimizer as if capturable were on, and writes that back with the group "
        "where a hook has changed it; torch's own hooks run beside the trace",
        lambda case: case.mode == "compiled" and case.symptom.kind == "number of group capturable",
    ),
    Difference(
        "default device",
        "torch makes its counters on the default device, wherever the parameters are, and then cannot read "
        "them; ours go where they belong",
        _default_device,
    ),
    Difference(
        "pretended",
        "under FakeTensorMode torch reads a number and raises, or really steps real parameters (SGD, "
        "RMSprop); ours pretends the step and changes nothing",
        _pretended,
    ),
    Difference(
        "traced",
        "torch reads the step count as a number, which make_fx cannot trace; ours keeps it a tensor there",
        lambda case: case.mode == "traced" and case.only_torch_refuses and case.torch_says("tracing tensor"),
    ),
    Difference(
        "no autocast in a step",
        "under autocast torch's Adafactor, Muon and LBFGS multiply in bfloat16, or fail; the numbers of a "
        "step are no model's activations",
        lambda case: (
            case.mode == "autocast"
            and case.program.optimizer in ("Adafactor", "Muon", "LBFGS")
            and case.ours.error is None
        ),
    ),
    Difference(
        "parameters without numbers",
        "torch's ASGD and Adafactor read numbers of meta parameters and raise; ours has nothing to do",
        lambda case: (
            case.only_torch_refuses and case.torch_says("meta tensors") and "meta" in repr(case.program)
        ),
    ),
    Difference(
        "nothing to divide by",
        "torch's Adafactor divides by the number of elements, and by none in an empty parameter; its LBFGS, "
        "in the line search, by the length of a step of no length, with lr=0",
        lambda case: case.only_torch_refuses and case.theirs.error is ZeroDivisionError,
    ),
    Difference(
        "numbers of float16 that overflow",
        "torch's LBFGS cannot multiply a float16 vector by a large step; ours computes in more",
        lambda case: case.only_torch_refuses and case.torch_says("without overflow"),
    ),
    Difference(
        "a plain number as step counts",
        "torch's ASGD takes an int but never advances it",
        lambda case: case.symptom.kind == "number of state step" and case.came_after(ReplaceState),
    ),
    Difference(
        "sparse gradients",
        "ours steps the touched rows, in every element-wise rule; torch refuses in most, and its SGD keeps a "
        "sparse buffer that takes no dense gradient later",
        lambda case: (
            case.only_torch_refuses and case.torch_says("not support sparse gradients", "add(sparse, dense)")
        ),
    ),
    Difference(
        "any layout in LBFGS",
        "torch calls `view(-1)` on the gradients, which most layouts refuse, and makes one that is missing "
        "by `p.new`, which views that negate do not have",
        lambda case: (
            case.only_torch_refuses
            and case.torch_says("view size is not compatible", "Negative doesn't correspond to a device")
        ),
    ),
    Difference(
        "LBFGS keeps the rate tensor",
        "torch's `state['t']` is the lr tensor itself: filled with another rate, it changes the last step",
        _rate_tensor_is_kept,
    ),
    Difference(
        "checkpoints that do not fit",
        "state of another shape than its parameter, or without an entry that the algorithm cannot do "
        "without, is refused when it is loaded, where torch breaks at the next step; so is an Adam whose "
        "groups were all made AdamW's, where torch goes on as AdamW",
        _does_not_fit,
    ),
    Difference(
        "counters keep their type",
        "torch rounds everything but `step` to the parameter's type on loading, ASGD's eta to float16",
        lambda case: type(case.op) is Reload and case.symptom.kind in TYPES_OF_COUNTERS,
    ),
    Difference(
        "counters on the parameter's device",
        "with fused=True torch's counters are there too, only its for-loop's are not",
        lambda case: "type of state step" in case.symptom.kind and "fused" in repr(case.program),
    ),
    Difference(
        "state in the parameter's type",
        "where a gradient has another type than its parameter, torch's Rprop and Adafactor make state of it",
        lambda case: "dtype of state" in case.symptom.kind and "other_dtype" in repr(case.program),
    ),
    Difference(
        "a gradient that is the parameter",
        "torch decays the parameter in place before it reads the gradient, which changes the gradient too",
        lambda case: "own_data" in repr(case.program) and "numbers" in case.symptom.kind and _decoupled(case),
    ),
    Difference(
        "after a pretended step",
        "torch has left fake tensors in its state, and stumbles over them",
        lambda case: case.only_torch_refuses and "'fake'" in repr(case.program.operations[: case.at]),
    ),
    Difference(
        "LBFGS without its first parameter",
        "whose state holds the history: ours begins anew, torch looks for the number of elements it had",
        lambda case: case.only_torch_refuses and case.torch_says("Expected offset"),
    ),
    Difference(
        "LBFGS that has nothing left to do",
        "where the loss is least but for a rounding, one side may make another iteration, and only that one "
        "meets a history of a longer vector, or writes what a graph has saved",
        _nothing_left_to_do,
    ),
    Difference(
        "LBFGS that is recorded",
        "it reads numbers, which traced or pretended tensors do not have; how far each comes differs",
        lambda case: (
            case.program.optimizer == "LBFGS"
            and case.mode in ("fake", "traced")
            and case.theirs.error is not None
            and case.ours.error is not None
        ),
    ),
    Difference(
        "LBFGS that is copied",
        "torch's deep copy and pickle of LBFGS lose its `_params`",
        lambda case: case.only_torch_refuses and case.torch_says("no attribute '_params'"),
    ),
    Difference(
        "state of inference mode",
        "a first step under inference_mode makes state that torch may not change outside it",
        lambda case: case.only_torch_refuses and case.torch_says("inference tensor", "Inference tensors"),
    ),
    Difference(
        "groups are checked",
        "torch checks the constructor's settings only; ours a group's as well, lr=-1 is refused there",
        _groups_are_checked,
    ),
    Difference(
        "accumulator of a group",
        "torch's Adagrad makes its state before it knows the groups' own initial_accumulator_value",
        _accumulator_of_a_group,
    ),
    Difference(
        "Muon's buffer",
        "with bfloat16 and nesterov=False torch divides the momentum buffer itself by its norm, since "
        "`grad.bfloat16()` is no copy (pytorch/pytorch#194664)",
        _muon_buffer,
    ),
]


def known(program: Program, at: int, symptom: Symptom, theirs: Outcome, ours: Outcome) -> str | None:
    """The name of the first difference that a symptom is an instance of."""
    case = Case(program, at, symptom, theirs, ours)
    return next((d.name for d in DIFFERENCES if d.applies(case)), None)
