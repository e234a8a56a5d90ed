"""Where Surefoot differs from torch on purpose, or torch is wrong: each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.optim.programs.comparing import Symptom
from tests.optim.programs.language import (
    Forget,
    Mutate,
    Operation,
    Program,
    Reload,
    ReplaceState,
    Set,
    Share,
    SwapParam,
    SwapState,
)
from tests.optim.programs.running import Outcome


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
    def only_torch_refuses(self) -> bool:
        """Whether ours went on where torch raised."""
        return self.theirs.error is not None and self.ours.error is None

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

# What Python or torch raises where nobody thought of the case.
STUMBLES = (AttributeError, KeyError, IndexError, AssertionError, TypeError, NotImplementedError)


def _torch_stumbles(case: Case) -> bool:
    ours = case.ours.error
    return case.theirs.error in STUMBLES and ours is not None and ours.__name__ != "FormulaError"


def _state_starts_anew(case: Case) -> bool:
    accident = case.theirs.error in STUMBLES or case.torch_says("must contain a list of singleton tensors")
    return accident and case.only_torch_refuses and case.came_after(*FOUND_OUT_LATE)


def _decoupled(case: Case) -> bool:
    decoupled = ("AdamW", "Muon", "Adafactor", "ASGD")
    return case.program.optimizer in decoupled or "decoupled_weight_decay': True" in repr(case.program)


def _types_mix(case: Case) -> bool:
    words = ("dtype", "scalar type", "result type", "data type", "Found dtype", "ScalarType")
    stale = case.mode == "stale_graph"  # which raises in the end, as it must
    return (case.only_torch_refuses or stale) and case.torch_says(*words)


def _default_device(case: Case) -> bool:
    theirs = case.theirs.error is not None or "torch ('meta'" in case.symptom.detail
    return case.mode == "default_meta" and theirs and case.ours.error is None


def _other_shape(case: Case) -> bool:
    words = ("has shape", "elements cannot be converted to Scalar")
    resized = case.theirs.error in (None, ZeroDivisionError, RuntimeError)
    return resized and any(word in case.ours.message for word in words) and case.came_after(*FOUND_OUT_LATE)


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
    given = [g.settings for g in case.program.groups] + [
        getattr(o, "settings", {}) for o in case.program.operations
    ]
    return "numbers" in case.symptom.kind and any("initial_accumulator_value" in s for s in given)


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
        "betas are tuples",
        "torch's NAdam and others keep a list, to be changed in the group; ours keep a tuple, as its Adam",
        lambda case: case.symptom.kind == "number of group betas" and type(case.op) is Mutate,
    ),
    Difference(
        "float16",
        "torch rounds the mean square to float16 before it divides by its root; a formula rounds at the end",
        lambda case: "float16)" in case.symptom.detail and "numbers of state momentum" in case.symptom.kind,
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
        "torch's Adafactor divides by the number of elements, and by none in an empty parameter",
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
        "ours steps the touched rows, in every element-wise rule; torch refuses in most",
        lambda case: case.only_torch_refuses and case.torch_says("not support sparse gradients"),
    ),
    Difference(
        "any layout in LBFGS",
        "torch calls `view(-1)` on the gradients, which most layouts refuse",
        lambda case: case.only_torch_refuses and case.torch_says("view size is not compatible"),
    ),
    Difference(
        "LBFGS keeps the rate tensor",
        "torch's `state['t']` is the lr tensor itself: filled with another rate, it changes the last step",
        lambda case: case.program.optimizer == "LBFGS" and case.came_after(Mutate),
    ),
    Difference(
        "checkpoints that do not fit",
        "state of another shape than its parameter is refused when it is loaded; torch breaks at the next",
        lambda case: type(case.op) is Reload and "has shape" in case.ours.message,
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
