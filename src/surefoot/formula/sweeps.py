"""What has to be computed when: a trace laid out as sweeps over the elements, with preparations between.

A formula without means takes one sweep: all elements are read, computed and written once.  A mean over
elements is known only after a sweep, so what depends on it needs another one.  Values that have one
number per tensor, matrix, row or column are prepared between the sweeps; element-wise values are cheap
and are computed anew in every sweep that uses them.  New values are written in the last sweep only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from surefoot.formula.trace import Extent, Symbol, Trace

Result = tuple[str, Symbol | float]

# The tables of a context, each given by its address.  Per tensor: addresses of scalar states, kept scalars
# (float64), addresses of streams, addresses of kept arrays, shape.  Per chunk: what it covers, and sums.
CONTEXT = ("scalars", "settings", "kept", "streams", "arrays", "shapes", "chunks", "sums")
SHAPE = ("elements", "matrices", "rows", "columns", "pieces", "first_chunk", "end_chunk", "settings")
CHUNK = ("tensor", "streams", "start", "matrix", "matrices", "row", "rows", "columns", "piece")


@dataclass(frozen=True)
class Preparation:
    """What is computed before a sweep.

    Attributes:
        finished: means over elements whose sums the sweep before has collected.
        means: means over rows or columns of values that are not element-wise, in the order of computation.
        stored: the values that the coming sweep uses and none before it, one extent after another.
        results: new scalar, row and column states, to be written now (in the last preparation).
    """

    finished: tuple[Symbol, ...]
    means: tuple[Symbol, ...]
    stored: tuple[Symbol, ...]
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Sweep:
    """One pass over all elements.

    Attributes:
        nodes: the element-wise nodes to compute, in order.
        used: the prepared values that they use.
        means: the means whose sums it collects.
        results: new parameter and element-wise states, to be written (in the last sweep).
    """

    nodes: tuple[Symbol, ...]
    used: tuple[Symbol, ...]
    means: tuple[Symbol, ...]
    results: tuple[Result, ...]


@dataclass(frozen=True)
class SweepSchedule:
    """Preparations and sweeps in turn; the last preparation has no sweep where nothing is left to do.

    Attributes:
        steps: in order.
        scalars: scalar nodes that are kept in a table, one number per tensor.
        arrays: matrix, row and column nodes that are kept, one array per tensor.
        by_rows: the parameter is seen as a stack of matrices, not as one stretch of elements.
    """

    steps: tuple[Preparation | Sweep, ...]
    scalars: tuple[Symbol, ...]
    arrays: tuple[Symbol, ...]
    by_rows: bool

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        """The passes over the elements."""
        return tuple(s for s in self.steps if isinstance(s, Sweep))

    @property
    def column_means(self) -> tuple[Symbol, ...]:
        """Means of elements over a column: every block of rows adds to sums of its own."""
        return tuple(m for s in self.sweeps for m in s.means if m.extent == Extent.COLUMN)

    @property
    def whole_means(self) -> tuple[Symbol, ...]:
        """Means of elements over a tensor: every chunk has a sum of its own."""
        return tuple(m for s in self.sweeps for m in s.means if m.extent == Extent.SCALAR)


def needed_for(targets: Iterable[Symbol | float], *, through_means: bool = False) -> tuple[Symbol, ...]:
    """The nodes that the targets are made of, and the targets, in order of computation.

    What a mean is made of is left out, unless asked for: a mean is computed once and kept.
    """
    found: set[Symbol] = set()
    waiting = [t for t in targets if isinstance(t, Symbol)]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            if through_means or not node.is_mean:
                waiting += [a for a in node.arguments if isinstance(a, Symbol)]
    return _in_order(found)


def schedule(trace: Trace) -> SweepSchedule:
    """Lay out a trace."""
    extents = {str(n.arguments[0]): n.extent for n in trace.nodes if n.operation == "tensor"}
    written = [("p", trace.parameter), *trace.tensors.items()]
    elementwise = [(n, v) for n, v in written if extents.get(n, Extent.ELEMENT) == Extent.ELEMENT]
    names = {n for n, _ in elementwise}
    others = [(n, v) for n, v in [*written, *trace.scalars.items()] if n not in names]
    live = needed_for((v for _, v in [*elementwise, *others]), through_means=True)
    level = _levels(live)
    collected = [m for m in live if m.is_mean and value_of(m).extent == Extent.ELEMENT]
    small_means = [m for m in live if m.is_mean and value_of(m).extent != Extent.ELEMENT]
    turns = sorted({level[value_of(m)] for m in collected} | {_latest(level, elementwise)})
    steps: list[Preparation | Sweep] = []
    stored: set[Symbol] = set()
    before = -1
    for turn in turns:
        last = turn == turns[-1]
        means = tuple(m for m in collected if level[value_of(m)] == turn)
        sweep = _sweep(means, elementwise if last else [])
        finished = tuple(m for m in collected if level[value_of(m)] == before)
        between = tuple(m for m in small_means if before < level[m] <= turn)
        ready = last and _latest(level, others) <= turn
        new = tuple(n for n in sweep.used if n not in stored)
        stored.update(new)
        steps += [Preparation(finished, between, new, tuple(others) if ready else ()), sweep]
        before = turn
    if not ready:
        finished = tuple(m for m in collected if level[value_of(m)] == before)
        steps.append(
            Preparation(finished, tuple(m for m in small_means if level[m] > before), (), tuple(others))
        )
    kept = dict.fromkeys([n for s in steps if isinstance(s, Sweep) for n in s.used])
    kept |= dict.fromkeys([*collected, *small_means])
    return SweepSchedule(
        tuple(steps),
        tuple(n for n in kept if n.extent == Extent.SCALAR),
        tuple(n for n in kept if n.extent != Extent.SCALAR),
        any(Extent.SCALAR < n.extent < Extent.ELEMENT for n in live),
    )


def value_of(mean: Symbol) -> Symbol:
    """What a mean is the mean of."""
    (value,) = mean.arguments
    assert isinstance(value, Symbol)
    return value


def _levels(nodes: Sequence[Symbol]) -> dict[Symbol, int]:
    """How many means lie one after another before a node is known."""
    level: dict[Symbol, int] = {}
    for node in nodes:
        before = [level[a] for a in node.arguments if isinstance(a, Symbol)]
        level[node] = max(before, default=0) + node.is_mean
    return level


def _latest(level: dict[Symbol, int], results: Sequence[Result]) -> int:
    return max((level[v] for _, v in results if isinstance(v, Symbol)), default=0)


def _sweep(means: tuple[Symbol, ...], results: Sequence[Result]) -> Sweep:
    targets = [*(value_of(m) for m in means), *(v for _, v in results)]
    nodes: set[Symbol] = set()
    used: set[Symbol] = set()
    waiting = [t for t in targets if isinstance(t, Symbol)]
    while waiting:
        node = waiting.pop()
        if node.extent != Extent.ELEMENT:
            used.add(node)
        elif node not in nodes:
            nodes.add(node)
            waiting += [a for a in node.arguments if isinstance(a, Symbol)]
    return Sweep(_in_order(nodes), _in_order(used), means, tuple(results))


def _in_order(nodes: Iterable[Symbol]) -> tuple[Symbol, ...]:
    return tuple(sorted(nodes, key=lambda node: node.index))
