"""What a class of optimizers declares, collected once, and the constructor that is made from it.

Everything inside the package reads the collected `Declaration`, never the class's attributes: those
belong to whoever makes a subclass, and may be called `slots`, `sparse` or `update` and mean something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch.optim.optimizer import ParamsT

from surefoot.formula.facts import Family, StateSlot
from surefoot.formula.hyperparameter import Hyperparameter

# torch's arguments that choose an implementation.  They never change the mathematics here;
# `maximize` is applied to the gradient before the formula sees it.
SWITCHES: dict[str, bool | None] = {
    "foreach": None,
    "maximize": False,
    "capturable": False,
    "differentiable": False,
    "fused": None,
}
SPARSE = ("no", "rows", "only", "exact")
FLAGS = (
    "needs_closure", "takes_complex", "matrices_only", "warmup_matters", "state_at_start", "one_vector",
    "lr_rounds", "represents_family",
)  # fmt: skip
CHECKS = ("check_together", "check_given")
FORMULA = ["p", "g", "s", "h"]  # the parameters of a formula, by whose names it is told from other methods


def _allow(settings: Mapping[str, Any]) -> None:
    """Allow any settings together."""


def _no_formula(p: Any, g: Any, s: Any, h: Any) -> Any:
    raise NotImplementedError


@dataclass(frozen=True)
class Declaration:
    """What a class declares; the attributes are explained at `Declared`, except for these.

    Attributes:
        arguments: what follows the hyperparameters in the constructor's signature.
        keys: those keys of a group that come last, in torch's order.
        update: the formula.
        check_together, check_given: raise ValueError for settings that do not go together; the latter asks
            the constructor's arguments only, as torch does.
        elementwise: the formula treats every element alike; found by tracing it.
        tested: the settings that the formula asks whether they are zero; found by tracing it, here and later.
        algorithm: the class that declared a hyperparameter last; a class of which it is not is no other
            algorithm than its base.
    """

    hyperparameters: dict[str, Hyperparameter] = field(default_factory=dict)
    arguments: str = ""
    keys: tuple[str, ...] = ()
    slots: tuple[StateSlot, ...] = ()
    update: Callable[..., Any] = _no_formula
    check_together: Callable[[Mapping[str, Any]], None] = _allow
    check_given: Callable[[Mapping[str, Any]], None] = _allow
    sparse: str = "no"
    needs_closure: bool = False
    takes_complex: bool = True
    matrices_only: bool = False
    warmup_matters: bool = True
    state_at_start: bool = False
    one_vector: bool = False
    lr_rounds: bool = False
    family: Family = Family.OTHER
    represents_family: bool = False
    elementwise: bool = True
    tested: set[str] = field(default_factory=set)
    algorithm: type | None = None
    signature: inspect.Signature = field(default_factory=inspect.Signature)

    @property
    def switches(self) -> dict[str, bool | None]:
        """Those of torch's switches that the constructor takes, with their defaults."""
        return {n: v for n, v in SWITCHES.items() if n in self.signature.parameters}

    def bound(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The parameters and the settings of a call of the constructor, in the order of torch's groups.

        Raises:
            TypeError: an argument is unknown, missing or given twice.
        """
        given = self.signature.bind(*arguments, **keywords)
        given.apply_defaults()
        settings = dict(given.arguments)
        params = settings.pop("params")
        settings |= {n: h.default for n, h in self.hyperparameters.items() if h.fixed}
        last = [name for name in self.keys if name in settings]
        return params, {n: settings[n] for n in [*(n for n in settings if n not in last), *last]}

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raise ValueError or RuntimeError, in torch's words, for a setting that is not allowed."""
        for name, hyperparameter in self.hyperparameters.items():
            hyperparameter.check(settings[name])
        if settings.get("fused") and settings.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        if settings.get("fused") and settings.get("differentiable"):
            raise RuntimeError("`fused` does not support `differentiable`")
        self.check_together(settings)

    def settle(self, group: dict[str, Any]) -> None:
        """Keep every setting of a group as a tuple that is declared as one, whatever sequence was given."""
        for name, hyperparameter in self.hyperparameters.items():
            if name in group:
                group[name] = hyperparameter.kept(group[name])


def collect(cls: type, inherited: Declaration, arguments: str | None, keys: str | None) -> Declaration:
    """What a class declares: what its base does, and what stands in its own body.

    Names that stand there with another kind of value are the author's own and are left alone.

    Args:
        cls: the class.
        inherited: what its base declares.
        arguments, keys: names with commas between them, or None to inherit them.

    Returns:
        `inherited` itself where the class declares nothing.
    """
    own = _own_hyperparameters(cls)
    changes = _declared_in(vars(cls))
    if "update" in changes and vars(cls).get("slots") == ():
        changes["slots"] = ()  # a formula without state
    changes |= {name: getattr(cls, name) for name in CHECKS if _takes(vars(cls).get(name), ["settings"])}
    if own:
        changes |= {"hyperparameters": inherited.hyperparameters | own, "algorithm": cls}
    if arguments is not None:
        changes["arguments"] = arguments
    if keys is not None:
        changes["keys"] = tuple(_words(keys))
    if not changes:
        return inherited
    changes.setdefault("represents_family", False)  # a variation of its base is a relative of it
    declared = replace(inherited, **changes)
    return replace(declared, signature=_signature(declared.hyperparameters, declared.arguments))


def _own_hyperparameters(cls: type) -> dict[str, Hyperparameter]:
    """Those of the class's body, with their names and types; an instance keeps its settings in its groups."""
    found = {name: value for name, value in vars(cls).items() if isinstance(value, Hyperparameter)}
    for name in found:
        delattr(cls, name)
    types = _annotations(cls) if found else {}
    return {n: replace(v, name=n, annotation=types.get(n, v.annotation)) for n, v in found.items()}


def _annotations(cls: type) -> dict[str, Any]:
    try:
        return inspect.get_annotations(cls, eval_str=True)
    except Exception:  # a name that only a type checker knows
        return inspect.get_annotations(cls)


def _declared_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of a class's body is a declaration, judged by the kind of the value."""
    flags = {name: body[name] for name in FLAGS if isinstance(body.get(name), bool)}
    slots, sparse, update = body.get("slots"), body.get("sparse"), body.get("update")
    found: dict[str, Any] = dict(flags)
    if isinstance(body.get("family"), Family):
        found["family"] = body["family"]
    if isinstance(slots, tuple) and slots and all(isinstance(slot, StateSlot) for slot in slots):
        found["slots"] = slots
    if isinstance(sparse, str) and sparse in SPARSE:
        found["sparse"] = sparse
    if isinstance(update, staticmethod) and _takes(update, FORMULA):
        found["update"] = update.__func__
    return found


def _takes(method: Any, names: list[str]) -> bool:
    """Whether this is a static or class method with exactly these parameters."""
    if not isinstance(method, staticmethod | classmethod) or not callable(method.__func__):
        return False
    parameters = list(inspect.signature(method.__func__).parameters)
    return parameters[isinstance(method, classmethod) :] == names


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _signature(hyperparameters: Mapping[str, Hyperparameter], arguments: str) -> inspect.Signature:
    kinds = inspect.Parameter
    kind: Any = kinds.POSITIONAL_OR_KEYWORD
    made = [kinds("params", kind, annotation=ParamsT)]
    taken = {n: h for n, h in hyperparameters.items() if not h.fixed}
    words = _words(arguments)
    for name in [n for n in taken if n not in words] + words:
        if name == "*":
            kind = kinds.KEYWORD_ONLY
        elif name in taken:
            annotation = kinds.empty if taken[name].annotation is None else taken[name].annotation
            made.append(kinds(name, kind, default=taken[name].default, annotation=annotation))
        elif name in SWITCHES:
            annotation = bool if SWITCHES[name] is not None else bool | None
            made.append(kinds(name, kind, default=SWITCHES[name], annotation=annotation))
    return inspect.Signature(made, return_annotation=None)


def give_constructor(cls: Any, signature: inspect.Signature, meanings: Mapping[str, str]) -> None:
    """Give a class an `__init__` of its own that shows the signature, as inspection and jsonargparse read it.

    One that the class has is left alone, unless it hides its arguments (`*arguments, **keywords`).
    """
    made: Any = vars(cls).get("__init__")
    if made is None:

        def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:  # noqa: N807
            super(cls, self).__init__(*arguments, **keywords)

        made = __init__
        made.__module__, made.__qualname__ = cls.__module__, f"{cls.__qualname__}.__init__"
        cls.__init__ = made
    elif not _hides_arguments(made):
        return
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    made.__signature__ = signature.replace(parameters=[this, *signature.parameters.values()])
    types = {n: p.annotation for n, p in signature.parameters.items() if p.annotation is not p.empty}
    made.__annotations__ = types | {"return": None}
    lines = [f"    {name}: {meaning}" for name, meaning in meanings.items() if meaning]
    made.__doc__ = "\n".join(["Make it for these parameters.", "", "Args:", *lines])


def _hides_arguments(function: Any) -> bool:
    kinds = [p.kind for p in inspect.signature(function).parameters.values()][1:]
    return kinds == [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]
