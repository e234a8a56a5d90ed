"""An optimizer's declarations, and the constructor with torch's signature that is made from them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, dataclass_transform

import torch
from torch import Tensor
from torch._compile import _disable_dynamo  # torch.compiler.disable imports all of torch._dynamo
from torch.optim import optimizer as upstream
from torch.optim.optimizer import ParamsT

from surefoot.formula import state_dict as state_dicts
from surefoot.formula.declaration import SWITCHES, Declaration, collect, give_constructor
from surefoot.formula.facts import Facts, Family, StateSlot
from surefoot.formula.hyperparameter import Hyperparameter, check_tensor
from surefoot.formula.slips import misspelt, respelt
from surefoot.formula.unchanged import plain
from surefoot.naming import nearest

__all__ = ["SWITCHES", "Declared"]


def _nearest(keywords: Mapping[str, Any], signature: inspect.Signature) -> str:
    for name in keywords:
        if name not in signature.parameters:
            return nearest(name, signature.parameters, otherwise="it takes")
    return ""


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

    A subclass may use all names of these attributes for things of its own: what is no declaration by its
    kind is left alone, and the optimizer reads what was collected when its class was defined.

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
        lr_rounds: torch computes with a tensor lr in the tensor's dtype, not with its number.
        family: what kind of step it takes.
        represents_family: a search that cannot pay for all optimizers begins with this one of its family.
        one_vector: the state of all parameters is kept as one vector, in their order.
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
    lr_rounds: ClassVar[bool] = False
    one_vector: ClassVar[bool] = False
    family: ClassVar[Family] = Family.OTHER
    represents_family: ClassVar[bool] = False

    _declared: ClassVar[Declaration] = Declaration()

    def __init_subclass__(
        cls, arguments: str | None = None, keys: str | None = None, **keywords: Any
    ) -> None:
        """Collect the declarations of a subclass.

        Args:
            arguments: what follows the hyperparameters in torch's signature, e.g. "foreach, *, maximize".
            keys: those keys of a group that come last, where torch's order is not that of the signature.
        """
        super().__init_subclass__(**keywords)
        inherited = cls._declared
        declared = cls._declared = collect(cls, inherited, arguments, keys)
        if declared.hyperparameters is not inherited.hyperparameters or arguments is not None:
            meanings = {n: h.meaning for n, h in declared.hyperparameters.items() if not h.fixed}
            give_constructor(cls, declared.signature, meanings)
            for name in ("hyperparameters", "signature"):
                if name not in vars(cls):  # for people to read, unless it is a name of the author's own
                    setattr(cls, name, getattr(declared, name))

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        declared = self._declared
        try:
            params, settings = declared.bound(arguments, keywords)
        except TypeError as error:
            hint = _nearest(keywords, declared.signature)
            raise TypeError(f"{type(self).__name__}: {error}{hint}") from None
        check_tensor("lr", settings.get("lr"))
        declared.check(settings)
        declared.check_given(settings)
        declared.settle(settings)
        super().__init__(params, settings)

    @classmethod
    def check_together(cls, settings: Mapping[str, Any]) -> None:
        """Raise ValueError where settings do not go together; for subclasses."""

    @classmethod
    def check_given(cls, settings: Mapping[str, Any]) -> None:
        """Raise ValueError for what only the constructor refuses, and a group may have; for subclasses."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, as in torch, with any keys of the user's own.

        Raises:
            ValueError: a key is a setting's name with a slip (see `surefoot.formula.slips`), which would do
                nothing; or as torch does.
        """
        if isinstance(param_group, dict):
            _refuse_slips(self, param_group)
            unset = {n: h.default for n, h in self._declared.hyperparameters.items()}
            self._declared.check(unset | self.defaults | param_group)
        super().add_param_group(param_group)
        self._declared.settle(param_group)

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
        if lr not in state_dicts.LR:
            raise ValueError(f"lr={lr!r} is neither 'saved' nor 'mine'")
        reports: list[state_dicts.ConversionReport | None] = []

        def fit(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
            known = [
                algorithm
                for algorithm in _every_subclass(Declared)
                if algorithm._declared.algorithm is algorithm
            ]
            fitting, report = state_dicts.fit(self, saved, convert=convert, lr=lr, known=known)
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
        declared = self._declared
        for group in self.param_groups:
            state_dicts.complete(group, declared.hyperparameters, declared.switches)
            declared.settle(group)
            for p in group["params"]:
                if entries := self.state.get(p):
                    state_dicts.normalise(entries, declared.slots, p, group)

    @classmethod
    def _state_names(cls) -> set[str]:
        """Every entry that this algorithm's state may have."""
        return {slot.name for slot in cls._declared.slots}

    def _state_shapes(self, p: Tensor) -> dict[str, torch.Size | None]:
        """The shape of each entry that this parameter's state may have; None where it has none of its own."""
        kept = [slot for slot in self._declared.slots if slot.fits(p.dim())]
        return {s.name: None if s.scalar else torch.Size(s.shape(tuple(p.shape))) for s in kept}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every parameter that has a gradient.

        Args:
            closure: re-evaluates the model, calls backward and returns the loss.

        Returns:
            What the closure returned, or None without one.
        """
        # A subclass with a `step` of its own has had it wrapped by torch: the hooks have been called.
        if _observed(self) and type(self).step is Declared.step:
            return _observed_step(self) if closure is None else _observed_step(self, closure)
        return _step(self, closure)

    # torch wraps every `step` that is not marked so: the wrapper costs as much as a small step itself,
    # and does nothing without hooks and profiler.
    step.hooked = True  # type: ignore[attr-defined]

    def _settings(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """A group's hyperparameters as formulas take them."""
        return {n: h.plain(group[n]) for n, h in self._declared.hyperparameters.items()}

    def _step_groups(self) -> None:
        """One step of all parameters; what is refused is refused before any of them is changed."""
        if _pretended(self.param_groups):
            return
        self._refuse_all()
        for group in self.param_groups:
            with torch.set_grad_enabled(bool(group.get("differentiable"))):
                self._step_group(group)

    def _step_group(self, group: dict[str, Any]) -> None:
        """One step of the parameters of a group, none of which `_refuse` refuses; for subclasses."""
        raise NotImplementedError

    def _refuse_all(self) -> None:
        """Raise for the first parameter that this step cannot take."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._refuse(p, group)

    def _refuse(self, p: Tensor, group: Mapping[str, Any]) -> None:
        """Raise, in torch's words, for what this optimizer or these settings do not take."""
        self._check_gradient(p)
        self._refuse_state(p)

    def _refuse_state(self, p: Tensor) -> None:
        """Raise, with torch's type, where the state is that of a parameter of another shape, or None."""
        state: Mapping[str, Any] = self.state.get(p, {})
        for slot in self._declared.slots:
            kept = state.get(slot.name)
            if kept is None and slot.name in state and slot.initial is not None:
                error = RuntimeError if slot.scalar else AttributeError
                raise error(f"{type(self).__name__}: state {slot.name!r} is None instead of a tensor")
            if not isinstance(kept, Tensor):
                continue
            if slot.scalar:
                self._refuse_several(slot.name, kept)
                continue
            shape = slot.shape(p.shape) if slot.fits(p.dim()) else None
            if kept.shape != shape:
                expected = f"the shape {tuple(shape)}" if shape is not None else "no such state"
                raise RuntimeError(
                    f"{type(self).__name__}: state {slot.name!r} has shape {tuple(kept.shape)}, but a "
                    f"parameter of shape {tuple(p.shape)} has {expected}; "
                    "delete optimizer.state[p] to start it anew"
                )

    def _refuse_several(self, name: str, kept: Tensor) -> None:
        """Raise RuntimeError, as torch does when it reads it, for a scalar state that is no single number."""
        if kept.numel() != 1:
            raise RuntimeError(
                f"{type(self).__name__}: state {name!r} has shape {tuple(kept.shape)}, but it is one number; "
                "delete optimizer.state[p] to start it anew"
            )

    def _check_gradient(self, p: Tensor) -> None:
        """Raise RuntimeError, in torch's words, for a kind of parameter or gradient that is not supported."""
        if not torch.compiler.is_compiling() and p.is_inference() and not torch.is_inference_mode_enabled():
            raise RuntimeError(
                "Inplace update to inference tensor outside InferenceMode is not allowed: a parameter was "
                "made under torch.inference_mode(); make a clone of it to get a normal tensor"
            )
        if p.is_complex() and not self._declared.takes_complex:
            raise RuntimeError(f"{type(self).__name__} does not support complex parameters")
        g = p.grad
        if g is not None and g.is_complex() and not p.is_complex():
            raise RuntimeError(f"result type {g.dtype} can't be cast to the desired output type {p.dtype}")
        if g is not None and g.is_sparse and self._declared.sparse == "no":
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    @classmethod
    def facts(cls) -> Facts:
        """This optimizer's card."""
        declared = cls._declared
        return Facts(
            name=cls.__name__,
            summary=inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " "),
            equation=inspect.cleandoc(cls.equation),
            paper=" ".join(cls.paper.split()),
            good_at=" ".join(cls.good_at.split()),
            bad_at=" ".join(cls.bad_at.split()),
            hyperparameters=tuple(h for h in declared.hyperparameters.values() if not h.fixed),
            slots=declared.slots,
            family=declared.family,
            needs_closure=declared.needs_closure,
            sparse=declared.sparse,
            takes_complex=declared.takes_complex,
            matrices_only=declared.matrices_only,
            state_note=cls.state_note,
        )


@_disable_dynamo
def _pretending() -> bool:
    return torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None


def _pretended(groups: list[dict[str, Any]]) -> bool:
    """Whether a FakeTensorMode is to be told that real parameters were stepped: then they are left alone."""
    if torch.compiler.is_compiling() or not torch._C._len_torch_dispatch_stack() or not _pretending():
        return False
    return any(_is_real(p) for group in groups for p in group["params"])


def _is_real(p: Tensor) -> bool:
    """Whether a parameter is no pretended one: memory, a view that negates or conjugates it, or meta."""
    ordinary = type(p) in (Tensor, torch.nn.Parameter)
    return ordinary and (plain(p, inference=True) or p.is_neg() or p.is_conj() or p.is_meta)


def _every_subclass(cls: type[Declared]) -> Iterator[type[Declared]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _every_subclass(subclass)


def _refuse_slips(optimizer: Declared, group: Mapping[str, Any]) -> None:
    """Raise ValueError for a key that is a misspelt setting; warn of one in another spelling."""
    name, declared = type(optimizer).__name__, optimizer._declared
    settings = [n for n, h in declared.hyperparameters.items() if not h.fixed]
    settings += [n for n in declared.switches if n == "maximize"]  # the others do not change a result
    known = {n for algorithm in _every_subclass(Declared) for n in algorithm._declared.hyperparameters}
    for key in group:
        if key in optimizer.defaults or not isinstance(key, str):
            continue
        if near := misspelt(key, settings, known):
            raise ValueError(f"{name}: unknown group option {key!r}; did you mean {near!r}?")
        if near := respelt(key, settings):
            warnings.warn(
                f"{name}: the group option {key!r} does nothing; did you mean {near!r}?", stacklevel=4
            )
