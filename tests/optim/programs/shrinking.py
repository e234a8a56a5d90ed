"""Making a program that shows a finding as small as it gets, with the same symptom."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.optim.programs.language import Group, Param, Program, Step

Shows = Callable[[Program], bool]


def shrink(program: Program, shows: Shows, most: int = 400) -> Program:
    """The smallest program found for which `shows` holds.

    Args:
        program: shows it.
        shows: whether a program has the same symptom.
        most: programs to try.
    """
    tried, improved = 0, True
    seen = {repr(program)}
    while improved and tried < most:
        improved = False
        for smaller in candidates(program):
            if repr(smaller) in seen:
                continue
            seen.add(repr(smaller))
            tried += 1
            if shows(smaller):
                program, improved = smaller, True
                break
            if tried >= most:
                break
    return program


def candidates(program: Program) -> Iterator[Program]:
    """Simpler programs, the boldest first."""
    yield from _fewer_operations(program)
    yield from _fewer_groups(program)
    yield from _fewer_params(program)
    yield from _fewer_settings(program)
    yield from _simpler_operations(program)
    yield from _simpler_params(program)


def _fewer_operations(program: Program) -> Iterator[Program]:
    ops = program.operations
    size = len(ops) // 2
    while size:
        for start in range(0, len(ops), size):
            yield replace(program, operations=ops[:start] + ops[start + size :])
        size //= 2


def _fewer_groups(program: Program) -> Iterator[Program]:
    groups = program.groups
    if len(groups) > 1:
        for i in range(len(groups)):
            yield replace(program, groups=groups[:i] + groups[i + 1 :])
        yield replace(program, groups=(Group(tuple(p for g in groups for p in g.params)),))
    for i, group in enumerate(groups):
        for j in range(len(group.params)) if len(group.params) > 1 else ():
            fewer = replace(group, params=group.params[:j] + group.params[j + 1 :])
            yield replace(program, groups=(*groups[:i], fewer, *groups[i + 1 :]))
        if group.settings:
            yield replace(program, groups=(*groups[:i], replace(group, settings={}), *groups[i + 1 :]))


def _fewer_params(program: Program) -> Iterator[Program]:
    """Without one parameter; those after it move up."""
    for gone in range(len(program.params)) if len(program.params) > 1 else ():
        groups = []
        for group in program.groups:
            kept = tuple(p - (p > gone) for p in group.params if p != gone)
            if kept:
                groups.append(replace(group, params=kept))
        if groups:
            params = program.params[:gone] + program.params[gone + 1 :]
            yield replace(program, params=params, groups=tuple(groups))


def _fewer_settings(program: Program) -> Iterator[Program]:
    if program.settings:
        yield replace(program, settings={})
    for name in program.settings:
        yield replace(program, settings={n: v for n, v in program.settings.items() if n != name})


def _simpler_operations(program: Program) -> Iterator[Program]:
    for i, op in enumerate(program.operations):
        for simpler in _simpler(op):
            yield replace(
                program, operations=(*program.operations[:i], simpler, *program.operations[i + 1 :])
            )


def _simpler(op: object) -> Iterator[object]:
    """An operation with one field put back to its default, or a step with fewer kinds of gradients."""
    for field in dataclasses.fields(op):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is not dataclasses.MISSING and getattr(op, field.name) != default:
            yield replace(op, **{field.name: default})
    if isinstance(op, Step) and len(op.gradients) > 1:
        for i in range(len(op.gradients)):
            yield replace(op, gradients=op.gradients[:i] + op.gradients[i + 1 :])
    if isinstance(op, Step) and len(op.gradients) == 1 and op.times > 2:
        yield replace(op, times=2)


def _simpler_params(program: Program) -> Iterator[Program]:
    for i, param in enumerate(program.params):
        for simpler in (
            Param(),
            replace(param, layout="contiguous"),
            replace(param, dtype="float32"),
            replace(param, shape=(2,)),
            replace(param, shape=(3, 2)),
        ):
            if simpler != param and (simpler.shape != (3, 2) or len(param.shape) > 1):
                yield replace(program, params=(*program.params[:i], simpler, *program.params[i + 1 :]))
