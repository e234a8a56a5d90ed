"""Checkpoints that cannot lie: a state dict is fitted to an optimizer, or refused with every difference.

Everything here reads; `fit` makes the state dict that torch then loads, so a refusal changes nothing.

What a parameter's state belongs to is told by its name where both sides have names, else by its
place, and then the shapes must agree.  Which algorithm wrote a state dict is nowhere in it; the keys
of its groups and of its state tell (`_algorithm`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from surefoot.formula.facts import Hyperparameter, StateSlot

if TYPE_CHECKING:
    from surefoot.formula.declared import Declared

Group = dict[str, Any]
StateDict = dict[str, Any]

LR = ("saved", "mine")
OTHER_COUNT = "loaded state dict has a different number of parameter groups"
OTHER_SIZE = "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
LINES = 30  # of differences that are shown; a large model may have thousands

# Entries that mean the same wherever they occur.  `momentum_buffer` does not: SGD sums gradients in it,
# RMSprop scaled ones.
SAME_MEANING = frozenset({"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "square_avg"})
# These correct each other for their start at zero: a long count with young averages, or old momentum over
# a young denominator, makes steps of any size.  They move together or not at all.
MOMENTS = frozenset({"step", "exp_avg", "exp_avg_sq"})
# Where the moments move, what else corrects for their start is at its limit.
CORRECTED = {"mu_product": 0.0}

WRAPPERS = frozenset(
    {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}  # DDP, torch.compile, ...
)


@dataclass
class Report:
    """What `convert` did, in the names of state entries."""

    carried: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    anew: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        parts = [("carried over", self.carried), ("dropped", self.dropped), ("started anew", self.anew)]
        return "; ".join(f"{what}: {', '.join(sorted(names)) or 'nothing'}" for what, names in parts)


def fit(
    optimizer: Declared, state_dict: StateDict, *, convert: bool, lr: str, known: Collection[type[Declared]]
) -> tuple[StateDict, Report | None]:
    """The state dict that gives this optimizer what the given one means for it.

    Args:
        optimizer: it is only read.
        state_dict: torch's or ours; it is only read.
        convert: accept another algorithm: carry over what means the same, keep the optimizer's settings.
        lr: "saved", or "mine" to keep the optimizer's own learning rate.
        known: the algorithms that state dicts may come from.

    Returns:
        The state dict, with groups and parameters in the optimizer's order, and what `convert` did.

    Raises:
        ValueError: the state dict does not fit; every difference has its line.
    """
    own, state = optimizer.param_groups, state_dict["state"]
    groups, differences = _matched(own, state_dict["param_groups"], optimizer._declared.one_vector)
    heading = _torch_heading(own, state_dict["param_groups"]) if differences else ""
    foreign = _algorithm(optimizer, groups or state_dict["param_groups"], state, known)
    if groups is not None:
        differences += _shapes(optimizer, groups, state, None if not foreign else SAME_MEANING)
    if differences or (foreign and not convert):
        heading = heading or f"loaded state dict does not fit this {type(optimizer).__name__}"
        raise ValueError(_refusal(heading, differences + foreign, bool(foreign) and not differences))
    assert groups is not None
    if convert:
        return _converted(optimizer, groups, state, lr, same=not foreign)
    kept = [_with_lr(g, mine) if lr == "mine" else g for g, mine in zip(groups, own, strict=True)]
    return {**state_dict, "param_groups": kept}, None


def _refusal(heading: str, differences: Sequence[str], convertible: bool) -> str:
    shown = [f"  {line}" for line in differences[:LINES]]
    if len(differences) > LINES:
        shown.append(f"  ... and {len(differences) - LINES} more differences")
    hint = "; convert=True carries over what means the same in both" if convertible else ""
    return "\n".join([f"{heading}:", *shown, f"Nothing was changed{hint}."])


# Which saved parameter is which of ours.


def _matched(
    own: Sequence[Group], saved: Sequence[Group], one_vector: bool
) -> tuple[list[Group] | None, list[str]]:
    """The saved groups in our order, their parameters too, and the differences; None if they don't match."""
    names = _names_of_both(own, saved)
    if names is None:
        sizes = [(len(g["params"]), len(s["params"])) for g, s in zip(own, saved, strict=False)]
        wrong = [f"group {i}: {b} parameters, expected {a}" for i, (a, b) in enumerate(sizes) if a != b]
        if len(own) != len(saved):
            wrong.insert(0, f"{len(saved)} groups, expected {len(own)}")
        return (None, wrong) if wrong else (list(saved), [])
    ours, theirs = names
    if Counter(map(frozenset, ours)) != Counter(map(frozenset, theirs)):
        return None, _names_that_differ(ours, theirs)
    if one_vector and ours != theirs:
        return None, [f"order of the parameters: {_quoted(theirs[0])}, expected {_quoted(ours[0])}"]
    places: dict[frozenset[str], list[int]] = {}
    for place, held in enumerate(theirs):
        places.setdefault(frozenset(held), []).append(place)
    groups = []
    for group, wanted in zip(own, ours, strict=True):
        place = places[frozenset(wanted)].pop(0)
        ids = dict(zip(theirs[place], saved[place]["params"], strict=True))
        params = [ids[name] for name in wanted]
        groups.append({**saved[place], "params": params, "param_names": list(group["param_names"])})
    return groups, []


def _names_of_both(
    own: Sequence[Group], saved: Sequence[Group]
) -> tuple[list[list[str]], list[list[str]]] | None:
    """Names by group, freed of what wrappers add where that makes them equal; None where a side has none."""
    for group in (*own, *saved):
        names = group.get("param_names")
        if names is None or len(names) != len(group["params"]):
            return None
    # torch.distributed.checkpoint gives names as ids, in our order, and `param_names` still in the saved one
    if any(isinstance(i, str) for group in saved for i in group["params"]):
        return None
    ours, theirs = ([list(group["param_names"]) for group in side] for side in (own, saved))
    for plain in (lambda names: names, _unwrapped, _without_common_prefix):
        a, b = _by_group(plain, ours), _by_group(plain, theirs)
        if _distinct(a) and _distinct(b) and set(chain(*a)) == set(chain(*b)):
            return a, b
    return (ours, theirs) if _distinct(ours) and _distinct(theirs) else None


def _by_group(plain: Callable[[list[str]], list[str]], names: list[list[str]]) -> list[list[str]]:
    rest = iter(plain([n for group in names for n in group]))
    return [[next(rest) for _ in group] for group in names]


def _unwrapped(names: list[str]) -> list[str]:
    return [".".join(part for part in name.split(".") if part not in WRAPPERS) for name in names]


def _without_common_prefix(names: list[str]) -> list[str]:
    parts = [name.split(".") for name in _unwrapped(names)]
    depth = 0
    while all(len(p) > depth + 1 and p[: depth + 1] == parts[0][: depth + 1] for p in parts):
        depth += 1
    return [".".join(p[depth:]) for p in parts]


def _distinct(names: list[list[str]]) -> bool:
    return len(set(chain(*names))) == sum(map(len, names))


def _names_that_differ(ours: list[list[str]], theirs: list[list[str]]) -> list[str]:
    here, there = set(chain(*ours)), set(chain(*theirs))
    lines = [f"parameter {n!r} is missing" for n in chain(*ours) if n not in there]
    lines += [f"parameter {n!r} is unknown" for n in chain(*theirs) if n not in here]
    lines = lines or [
        f"group {i}: no group of the loaded state dict holds exactly {_quoted(names)}"
        for i, names in enumerate(ours)
        if not any(set(names) == set(other) for other in theirs)
    ]
    return [
        *lines,
        "parameters go by their names; without 'param_names' in the groups they go by their order",
    ]


def _torch_heading(own: Sequence[Group], saved: Sequence[Group]) -> str:
    """torch's words, where torch would refuse too."""
    if len(own) != len(saved):
        return OTHER_COUNT
    if any(len(a["params"]) != len(b["params"]) for a, b in zip(own, saved, strict=True)):
        return OTHER_SIZE
    return ""


def _shapes(
    optimizer: Declared, groups: Sequence[Group], state: Mapping[Any, Any], only: Collection[str] | None
) -> list[str]:
    """A line for each state entry whose shape is not that of its parameter."""
    lines = []
    for label, p, _, entries in _parameters(optimizer, groups, state):
        for name, shape in optimizer._state_shapes(p).items():
            held = entries.get(name) if only is None or name in only else None
            for tensor in held if isinstance(held, list) else [held]:
                if isinstance(tensor, Tensor) and shape is not None and tensor.shape != shape:
                    found = f"{name!r} has shape {tuple(tensor.shape)}, expected {tuple(shape)}"
                    lines.append(f"parameter {label}: {found}")
                    break
    return lines


def _parameters(
    optimizer: Declared, groups: Sequence[Group], state: Mapping[Any, Any]
) -> Iterator[tuple[str, Tensor, Group, Mapping[str, Any]]]:
    """Every parameter that has saved state: its name or number, itself, its saved group, its state."""
    number = 0
    for group, saved in zip(optimizer.param_groups, groups, strict=True):
        names = group.get("param_names") or saved.get("param_names") or []
        for place, (p, key) in enumerate(zip(group["params"], saved["params"], strict=True)):
            entries = state.get(key)
            if isinstance(entries, Mapping) and entries:
                yield (repr(names[place]) if place < len(names) else str(number)), p, saved, entries
            number += 1


# Which algorithm wrote it.


def _algorithm(
    optimizer: Declared,
    groups: Sequence[Group],
    state: Mapping[Any, Any],
    known: Collection[type[Declared]],
) -> list[str]:
    """What shows that another algorithm than the optimizer's wrote the state dict; empty if nothing does.

    A key that no algorithm knows shows nothing: it is the user's.  A setting that is off by default may be
    missing, since older versions did not have it.
    """
    cls = type(optimizer)
    if not groups:
        return []
    evidence = _Evidence(groups, state, known)
    lines = [f"setting {name!r} is missing" for name in sorted(evidence.lacking(cls))]
    lines += [f"state entry {name!r} is unknown" for name in sorted(evidence.foreign_state(cls))]
    lines += _missing_state(optimizer, groups, state) + _lengths(cls, groups)
    better = evidence.better(cls)
    if better and not lines:
        lines += [f"setting {n!r} is unknown" for n in sorted(evidence.unexplained(cls))]
        lines += [f"setting {n!r} is missing" for n in sorted(evidence.absent(cls))]
    if lines and better:
        lines.append(f"it looks like {' or '.join(sorted(c.__name__ for c in better))}")
    for name in sorted(evidence.telling(cls)):
        lines += _other_values(cls, name, optimizer.param_groups, groups)
    return lines


def _other_values(cls: type[Declared], name: str, own: Sequence[Group], saved: Sequence[Group]) -> list[str]:
    """The groups whose value of a setting tells of a relative; a mixture is one algorithm, set by groups."""
    pairs = [(i, a[name], b[name]) for i, (a, b) in enumerate(zip(own, saved, strict=False)) if name in b]
    wrong = [(i, a, b) for i, a, b in pairs if bool(a) != bool(b)]
    if len(wrong) < len(pairs) and not cls._declared.hyperparameters[name].fixed:
        return []
    return [f"group {i}: {name} is {b}, expected {a}" for i, a, b in wrong]


class _Evidence:
    """The keys of a state dict's groups and state, held against what the known algorithms write."""

    def __init__(
        self, groups: Sequence[Group], state: Mapping[Any, Any], known: Collection[type[Declared]]
    ) -> None:
        self.known = known
        self.keys = set.intersection(*[set(group) for group in groups]) if groups else set()
        self.state = {
            name
            for entries in state.values()
            if isinstance(entries, Mapping)
            for name, value in entries.items()
            if value is not None
        }
        self.state &= set().union(*(c._state_names() for c in known))
        self.settings = self.keys & {name for c in known for name in c._declared.hyperparameters}

    def lacking(self, cls: type[Declared]) -> set[str]:
        """Settings that this algorithm has always had."""
        return {n for n, h in cls._declared.hyperparameters.items() if not h.fixed and not off(h)} - self.keys

    def foreign_state(self, cls: type[Declared]) -> set[str]:
        return self.state - cls._state_names()

    def unexplained(self, cls: type[Declared]) -> set[str]:
        """Settings of other algorithms."""
        return self.settings - set(cls._declared.hyperparameters)

    def absent(self, cls: type[Declared]) -> set[str]:
        return set(cls._declared.hyperparameters) - self.telling(cls) - self.keys

    def telling(self, cls: type[Declared]) -> set[str]:
        """Settings by whose value alone this algorithm differs from a relative."""
        related = [c for c in self.known if issubclass(c, cls) or issubclass(cls, c)]
        return {n for c in related for n, h in c._declared.hyperparameters.items() if h.fixed}

    def better(self, cls: type[Declared]) -> list[type[Declared]]:
        """The algorithms that explain the state dict best, if they explain it better than this one does."""

        def possible(c: type[Declared]) -> bool:
            return bool(c._declared.hyperparameters) and not self.lacking(c) and not self.foreign_state(c)

        def improves(c: type[Declared]) -> bool:
            if not possible(cls):
                return True
            if self.unexplained(c) != self.unexplained(cls):
                return self.unexplained(c) < self.unexplained(cls)
            return bool(self.state) and self.absent(c) < self.absent(cls)

        found = [c for c in self.known if possible(c) and improves(c)]
        score = {c: (len(self.unexplained(c)), len(self.absent(c))) for c in found}
        return [c for c in found if score[c] == min(score.values())]


def off(hyperparameter: Hyperparameter) -> bool:
    """Whether the default is to do without."""
    return hyperparameter.default is None or (
        isinstance(hyperparameter.default, int | float) and not hyperparameter.default
    )


def _lengths(cls: type[Declared], groups: Sequence[Group]) -> list[str]:
    """Another algorithm's setting of the same name may be another number of numbers."""
    lines = {
        f"setting {name!r} has {len(group[name])} values, expected {len(h.default)}"
        for group in groups
        for name, h in cls._declared.hyperparameters.items()
        if isinstance(h.default, tuple) and isinstance(h.kept(group.get(name)), tuple)
        if len(group[name]) != len(h.default)
    }
    return sorted(lines)


def _missing_state(optimizer: Declared, groups: Sequence[Group], state: Mapping[Any, Any]) -> list[str]:
    if len(groups) != len(optimizer.param_groups) or _torch_heading(optimizer.param_groups, groups):
        return []
    # A setting that was switched on after the last step has no state yet; the next step makes it.
    switched = {s.name for s in optimizer._declared.slots if s.when}
    labels: dict[str, list[str]] = {}
    stated = list(_parameters(optimizer, groups, state))
    for label, p, saved, entries in stated:
        for name in sorted(_needed(optimizer, p, saved) - switched):
            if entries.get(name) is None:
                labels.setdefault(name, []).append(label)
    return [
        f"state entry {name!r} is missing"
        + ("" if len(where) == len(stated) else f" for parameter {_some(where)}")
        for name, where in labels.items()
    ]


def _needed(optimizer: Declared, p: Tensor, group: Mapping[str, Any]) -> set[str]:
    """The entries without which a parameter's state is not whole under these settings."""
    kept = {s.name for s in optimizer._declared.slots if s.initial is not None} - _unused(optimizer, group)
    return kept & optimizer._state_shapes(p).keys()


def _unused(optimizer: Declared, group: Mapping[str, Any]) -> set[str]:
    """The entries that these settings have no use for."""
    settings = {n: h.default for n, h in optimizer._declared.hyperparameters.items()} | dict(group)
    return {s.name for s in optimizer._declared.slots if not s.exists(settings)}


# Another algorithm's state.


def _converted(
    optimizer: Declared, groups: Sequence[Group], state: Mapping[Any, Any], lr: str, *, same: bool
) -> tuple[StateDict, Report]:
    """Our own settings, with the saved state as far as it means the same here."""
    report, made = Report(), {}
    for own, saved in zip(optimizer.param_groups, groups, strict=True):
        for p, key in zip(own["params"], saved["params"], strict=True):
            entries = state.get(key)
            if isinstance(entries, Mapping) and entries:
                moved = _moved(optimizer, p, own, entries, same)
                if moved:
                    made[key] = moved
                report.carried |= moved.keys() & entries.keys()
                report.dropped |= {n for n, v in entries.items() if v is not None} - moved.keys()
                report.anew |= _needed(optimizer, p, own) - (moved.keys() & entries.keys())
    settings = [
        {**(own if lr == "mine" else _with_lr(own, saved)), "params": saved["params"]}
        for own, saved in zip(optimizer.param_groups, groups, strict=True)
    ]
    return {"state": made, "param_groups": settings}, report


def _moved(
    optimizer: Declared, p: Tensor, group: Group, entries: Mapping[str, Any], same: bool
) -> dict[str, Any]:
    """The entries of one parameter's saved state that go on under our settings."""
    if same:
        unused = _unused(optimizer, group)
        return {n: v for n, v in entries.items() if n not in unused}
    needed = _needed(optimizer, p, group)
    names = {n for n in needed & SAME_MEANING if entries.get(n) is not None}
    if "exp_avg" in needed and not names >= MOMENTS:
        names -= MOMENTS | {"max_exp_avg_sq"}
    limits = {n: v for n, v in CORRECTED.items() if n in needed and names >= MOMENTS}
    return {n: entries[n] for n in names} | limits


def _with_lr(group: Group, source: Group) -> Group:
    """The group with the learning rate of another; `initial_lr` belongs to it."""
    rates = {n: source[n] for n in ("lr", "initial_lr") if n in source}
    return {n: v for n, v in group.items() if n != "initial_lr" or "lr" not in rates} | rates


# What older checkpoints lack, and numbers in the form that steps expect.


def complete(
    group: Group, hyperparameters: Mapping[str, Hyperparameter], switches: Mapping[str, Any]
) -> None:
    """Add the settings that a group from an older checkpoint lacks; set those that are the class's own."""
    for name, hyperparameter in hyperparameters.items():
        if hyperparameter.fixed:
            group[name] = hyperparameter.default
        else:
            group.setdefault(name, hyperparameter.default)
    for name, value in switches.items():
        group.setdefault(name, value)


def scalar_dtype() -> torch.dtype:
    """The type in which torch keeps counters and other scalars of the state."""
    return torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32


def normalise(
    entries: dict[str, Any], slots: Iterable[StateSlot], p: Tensor, group: Mapping[str, Any]
) -> None:
    """Keep each scalar of a parameter's state as a tensor, or as a number where its slot says so.

    torch's loading casts all but `step` to the parameter's dtype; torch's own step may round it again.
    A buffer that torch made of a sparse gradient is sparse.
    """
    default_dtype = scalar_dtype()
    for slot in slots:
        held = entries.get(slot.name)
        if slot.default_dtype and isinstance(held, Tensor):
            entries[slot.name] = held.to(default_dtype)
        elif isinstance(held, Tensor) and held.is_sparse:
            entries[slot.name] = held.to_dense()
        if slot.number and isinstance(held, Tensor):
            entries[slot.name] = int(held.item())
        elif slot.scalar and not slot.number and isinstance(held, int | float):
            on_device = group.get("capturable") or group.get("fused")
            dtype = torch.float32 if group.get("fused") else default_dtype
            entries[slot.name] = torch.tensor(
                float(held), dtype=dtype, device=p.device if on_device else "cpu"
            )


def _quoted(names: Iterable[str]) -> str:
    return _some([repr(name) for name in names])


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
