"""Which saved parameter is which of ours, and whether its entries have their shapes.

By name where both sides have names, also through wrappers that add to them; else by place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from surefoot.formula.declared import Declared

Group = dict[str, Any]
StateDict = dict[str, Any]
Counterparts = Mapping[str, Sequence[str]]
"""The saved entries that may mean the same as one of ours, by our name."""

OTHER_COUNT = "loaded state dict has a different number of parameter groups"
OTHER_SIZE = "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"

WRAPPERS = frozenset(
    {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}  # DDP, torch.compile, ...
)


def matched(
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
        return None, [f"order of the parameters: {quoted(theirs[0])}, expected {quoted(ours[0])}"]
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
        f"group {i}: no group of the loaded state dict holds exactly {quoted(names)}"
        for i, names in enumerate(ours)
        if not any(set(names) == set(other) for other in theirs)
    ]
    return [
        *lines,
        "parameters go by their names; without 'param_names' in the groups they go by their order",
    ]


def torch_heading(own: Sequence[Group], saved: Sequence[Group]) -> str:
    """torch's words, where torch would refuse too."""
    if len(own) != len(saved):
        return OTHER_COUNT
    if any(len(a["params"]) != len(b["params"]) for a, b in zip(own, saved, strict=True)):
        return OTHER_SIZE
    return ""


def wrong_shapes(
    optimizer: Declared,
    groups: Sequence[Group],
    state: Mapping[Any, Any],
    counterparts: Counterparts | None,
) -> list[str]:
    """A line for each state entry whose shape is not that of its parameter.

    Args:
        optimizer: whose parameters.
        groups: the saved groups, in our order.
        state: the saved state.
        counterparts: of another algorithm's state; None where all names are ours.
    """
    lines = []
    for label, p, _, entries in parameters_with_state(optimizer, groups, state):
        for name, shape in optimizer._state_shapes(p).items():
            saved_name = name if counterparts is None else counterpart(entries, name, counterparts)
            held = None if saved_name is None else entries.get(saved_name)
            for tensor in held if isinstance(held, list) else [held]:
                if isinstance(tensor, Tensor) and shape is not None and tensor.shape != shape:
                    found = f"{saved_name!r} has shape {tuple(tensor.shape)}, expected {tuple(shape)}"
                    lines.append(f"parameter {label}: {found}")
                    break
    return lines


def parameters_with_state(
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


def counterpart(entries: Mapping[str, Any], name: str, counterparts: Counterparts) -> str | None:
    """The saved entry that means the same as ours of this name; None if there is none."""
    return next((saved for saved in counterparts.get(name, ()) if entries.get(saved) is not None), None)


def needed_entries(optimizer: Declared, p: Tensor, group: Mapping[str, Any]) -> set[str]:
    """The entries without which a parameter's state is not whole under these settings."""
    kept = {s.name for s in optimizer._declared.slots if s.initial is not None} - unused_entries(
        optimizer, group
    )
    return kept & optimizer._state_shapes(p).keys()


def unused_entries(optimizer: Declared, group: Mapping[str, Any]) -> set[str]:
    """The entries that these settings have no use for."""
    settings = {n: h.default for n, h in optimizer._declared.hyperparameters.items()} | dict(group)
    return {s.name for s in optimizer._declared.slots if not s.exists(settings)}


def quoted(names: Iterable[str]) -> str:
    """The first few names, in quotes."""
    return some([repr(name) for name in names])


def some(labels: Sequence[str]) -> str:
    """The first few labels, and how many there are besides."""
    return ", ".join(labels[:5]) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
