"""An optimizer's declarations, and the constructor with torch's signature that is made from them."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, dataclass_transform

import torch
from torch import Tensor
from torch.optim import optimizer as upstream
from torch.optim.optimizer import ParamsT

from surefoot.formula import checkpoint
from surefoot.formula.facts import Facts, Hyperparameter, StateSlot
from surefoot.formula.numbers import setting

# torch's arguments that choose an implementation.  They never change the mathematics here;
# `maximize` is applied to the gradient before the formula sees it.
SWITCHES: dict[str, bool | None] = {
    "foreach": None,
    "maximize": False,
    "capturable": False,
    "differentiable": False,
    "fused": None,
}


def _signature(hyperparameters: Mapping[str, Hyperparameter], arguments: str) -> inspect.Signature:
    kinds = inspect.Parameter
    kind: Any = kinds.POSITIONAL_OR_KEYWORD
    made = [kinds("params", kinds.POSITIONAL_OR_KEYWORD)]
    named = {n: h.default for n, h in hyperparameters.items() if not h.fixed}
    words = [w.strip() for w in arguments.split(",") if w.strip()]
    for name in [n for n in named if n not in words] + words:
        if name == "*":
            kind = kinds.KEYWORD_ONLY
        else:
            made.append(kinds(name, kind, default=named.get(name, SWITCHES.get(name))))
    return inspect.Signature(made)


def _nearest(keywords: Mapping[str, Any], signature: inspect.Signature) -> str:
    for name in keywords:
        if name not in signature.parameters:
            near = difflib.get_close_matches(name, list(signature.parameters), 1)
            return f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(signature.parameters)}"
    return ""


def _check_tensors(settings: Mapping[str, Any]) -> None:
    """Raise, in torch's words, for a tensor among the settings that is none of one element."""
    betas = settings.get("betas", ())
    if len({isinstance(beta, Tensor) for beta in betas}) > 1:
        raise ValueError("betas must be either both floats or both Tensors")
    named = {"lr": settings.get("lr"), **{f"betas[{i}]": beta for i, beta in enumerate(betas)}}
    for name, value in named.items():
        if isinstance(value, Tensor):
            if settings.get("foreach") and not settings.get("capturable", True):
                raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
            if value.numel() != 1:
                raise ValueError(f"Tensor {name} must be 1-element")


def _observed(optimizer: torch.optim.Optimizer) -> bool:
    """Whether hooks or the profiler want to know of a step."""
    return bool(
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or upstream._global_optimizer_pre_hooks
        or upstream._global_optimizer_post_hooks
        or torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
    )


def _step(optimizer: Declared, closure: Callable[[], Any] | None = None) -> Any:
    loss = None
    if closure is not None:
        with torch.enable_grad():
            loss = closure()
    optimizer._step_groups()
    return loss


_observed_step: Callable[..., Any] = torch.optim.Optimizer.profile_hook_step(_step)


@dataclass_transform()
class Declared(torch.optim.Optimizer):
    """An optimizer whose constructor is made from its declarations.

    Attributes:
        equation, paper, good_at, bad_at: the optimizer's card (see `surefoot explain`).
        hyperparameters: by name, in the order of the constructor.
        slots: the state it keeps.
        signature: the constructor's signature; equal to that of torch's class of the same name.
        needs_closure: `step` must be given a closure.
        sparse: "no" refuses sparse gradients; "rows" runs the formula on the touched rows; "only"
            refuses dense ones; "exact" runs on rows where that equals the dense step, else densely.
        takes_complex: complex parameters are stepped as pairs of reals; False refuses them.
        matrices_only: every parameter must have two dimensions.
        warmup_matters: whether another length of warmup is worth a try; not where the first steps find or
            bound their own size.
        state_at_start: make the state in the constructor instead of at the first step.
        one_vector: the state of all parameters is kept as one vector, in their order.
        adapts: declares no hyperparameter of its own, so it is no other algorithm than its base.
    """

    params: ParamsT
    equation: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    good_at: ClassVar[str] = ""
    bad_at: ClassVar[str] = ""
    state_note: ClassVar[str] = ""
    hyperparameters: ClassVar[dict[str, Hyperparameter]] = {}
    slots: ClassVar[tuple[StateSlot, ...]] = ()
    signature: ClassVar[inspect.Signature] = inspect.Signature()
    needs_closure: ClassVar[bool] = False
    sparse: ClassVar[str] = "no"
    takes_complex: ClassVar[bool] = True
    matrices_only: ClassVar[bool] = False
    warmup_matters: ClassVar[bool] = True
    state_at_start: ClassVar[bool] = False
    one_vector: ClassVar[bool] = False
    adapts: ClassVar[bool] = True

    def __init_subclass__(cls, arguments: str = "", **keywords: Any) -> None:
        """Collect the declarations of a subclass.

        Args:
            arguments: what follows the hyperparameters in torch's signature, e.g. "foreach, *, maximize".
        """
        super().__init_subclass__(**keywords)
        own = {n: replace(v, name=n) for n, v in vars(cls).items() if isinstance(v, Hyperparameter)}
        for name in own:
            delattr(cls, name)  # an instance keeps its settings in its groups, as in torch
        cls.hyperparameters = cls.hyperparameters | own
        cls.adapts = not own
        cls.signature = _signature(cls.hyperparameters, arguments)
        cls.__signature__ = cls.signature  # type: ignore[attr-defined]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        try:
            given = self.signature.bind(*arguments, **keywords)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}{_nearest(keywords, self.signature)}") from None
        given.apply_defaults()
        settings = dict(given.arguments)
        params = settings.pop("params")
        settings |= {n: h.default for n, h in self.hyperparameters.items() if h.fixed}
        self._check(settings)
        super().__init__(params, settings)

    @classmethod
    def _check(cls, settings: Mapping[str, Any]) -> None:
        """Raise, in torch's words, for a setting that is not allowed."""
        _check_tensors(settings)
        for name, hyperparameter in cls.hyperparameters.items():
            hyperparameter.check(settings[name])
        if settings.get("fused") and settings.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        if settings.get("fused") and settings.get("differentiable"):
            raise RuntimeError("`fused` does not support `differentiable`")
        cls.check_together(settings)

    @classmethod
    def check_together(cls, settings: Mapping[str, Any]) -> None:
        """Raise ValueError where settings do not go together; for subclasses."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, as in torch; a setting that looks like a misspelt one is refused."""
        known = [*self.defaults, "params", "param_names", "initial_lr"]
        for key in param_group if isinstance(param_group, dict) else ():
            near = difflib.get_close_matches(key, known, 1, 0.8)
            if key not in known and near:
                raise ValueError(
                    f"{type(self).__name__}: unknown group option {key!r}; did you mean {near[0]!r}?"
                )
        if isinstance(param_group, dict):
            self._check(self.defaults | param_group)
        super().add_param_group(param_group)

    def load_state_dict(
        self, state_dict: dict[str, Any], *, convert: bool = False, lr: str = "saved"
    ) -> None:
        """Load a checkpoint, torch's or ours, as torch does; refuse one that does not fit.

        Parameters go by their names where both sides have names, in any order; else by their order.

        Args:
            state_dict: what `state_dict` returned.
            convert: accept another algorithm's: the state that means the same in both is carried over, what
                this optimizer needs besides starts anew, and its settings stay its own, except for lr.
            lr: "saved" takes the saved learning rate, "mine" keeps this optimizer's.

        Raises:
            ValueError: another algorithm, other parameters, other shapes or another order, each difference
                on its line; nothing is changed then.
        """
        if lr not in checkpoint.LR:
            raise ValueError(f"lr={lr!r} is neither 'saved' nor 'mine'")
        reports: list[checkpoint.Report | None] = []

        def fit(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
            known = [algorithm for algorithm in _every_subclass(Declared) if not algorithm.adapts]
            fitting, report = checkpoint.fit(self, saved, convert=convert, lr=lr, known=known)
            reports.append(report)
            return fitting

        last = self.register_load_state_dict_pre_hook(fit)  # after the user's hooks, which may adapt names
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
        for report in filter(None, reports):
            warnings.warn(f"{type(self).__name__}: state dict converted; {report}", stacklevel=2)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        switches = {n: v for n, v in SWITCHES.items() if n in self.signature.parameters}
        for group in self.param_groups:
            checkpoint.complete(group, self.hyperparameters, switches)
            for p in group["params"]:
                if entries := self.state.get(p):
                    checkpoint.normalise(entries, self.slots, p, group)

    @classmethod
    def _state_names(cls) -> set[str]:
        """Every entry that this algorithm's state may have."""
        return {slot.name for slot in cls.slots}

    def _state_shapes(self, p: Tensor) -> dict[str, torch.Size | None]:
        """The shape of each entry that this parameter's state may have; None where it has none of its own."""
        kept = [slot for slot in self.slots if slot.fits(p.dim())]
        return {s.name: None if s.scalar else torch.Size(s.shape(tuple(p.shape))) for s in kept}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every parameter that has a gradient.

        Args:
            closure: re-evaluates the model, calls backward and returns the loss.

        Returns:
            What the closure returned, or None without one.
        """
        if _observed(self):
            return _observed_step(self) if closure is None else _observed_step(self, closure)
        return _step(self, closure)

    # torch wraps every `step` that is not marked so: the wrapper costs as much as a small step itself,
    # and does nothing without hooks and profiler.
    step.hooked = True  # type: ignore[attr-defined]

    def _settings(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """A group's hyperparameters as formulas take them."""
        return {name: setting(group[name]) for name in self.hyperparameters}

    def _step_groups(self) -> None:
        """One step of all parameters."""
        for group in self.param_groups:
            with torch.set_grad_enabled(bool(group.get("differentiable"))):
                self._step_group(group)

    def _step_group(self, group: dict[str, Any]) -> None:
        """One step of the parameters of a group; for subclasses."""
        raise NotImplementedError

    def _check_gradient(self, p: Tensor) -> None:
        """Raise RuntimeError, in torch's words, for a kind of parameter or gradient that is not supported."""
        if p.is_complex() and not self.takes_complex:
            raise RuntimeError(f"{type(self).__name__} does not support complex parameters")
        if p.grad is not None and p.grad.is_sparse and self.sparse == "no":
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    @classmethod
    def facts(cls) -> Facts:
        """This optimizer's card."""
        return Facts(
            name=cls.__name__,
            summary=inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " "),
            equation=inspect.cleandoc(cls.equation),
            paper=" ".join(cls.paper.split()),
            good_at=" ".join(cls.good_at.split()),
            bad_at=" ".join(cls.bad_at.split()),
            hyperparameters=tuple(h for h in cls.hyperparameters.values() if not h.fixed),
            slots=cls.slots,
            needs_closure=cls.needs_closure,
            sparse=cls.sparse,
            takes_complex=cls.takes_complex,
            matrices_only=cls.matrices_only,
            state_note=cls.state_note,
        )


def _every_subclass(cls: type[Declared]) -> Iterator[type[Declared]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _every_subclass(subclass)
