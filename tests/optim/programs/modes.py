"""How a step is made: under a mode, in a thread, compiled, traced."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Act = Callable[[], Any]


class _Seen(TorchDispatchMode):
    """Lets everything through and remembers whether anything came."""

    seen = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen |= str(func).startswith("aten")  # and not the profiler's marks
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def _default_device(name: str) -> Iterator[None]:
    before = torch.get_default_device()
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(before if before.type != "cpu" else None)


def _within(make: Callable[[], Any]) -> Callable[[Any, Act], Any]:
    def run(optimizer: Any, step: Act) -> Any:
        with make():
            return step()

    return run


def _in_thread(optimizer: Any, step: Act) -> Any:
    results: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(step())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _seen(optimizer: Any, step: Act) -> Any:
    """Whether a mode that records operations saw any of the step."""
    with _Seen() as mode:
        step()
    return mode.seen


def _fake(optimizer: Any, step: Act) -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True):
        return step()


def _traced(optimizer: Any, step: Act) -> Any:
    """Trace the step, which does it once, and run the graph, which does it again."""
    from torch.fx.experimental.proxy_tensor import make_fx

    def whole() -> Tensor:
        step()
        return torch.zeros(())

    graph = make_fx(whole)()
    with torch.no_grad():
        graph()


def _compiled(optimizer: Any, step: Act) -> Any:
    torch._dynamo.reset()
    try:
        return torch.compile(optimizer.step, backend="eager")()
    finally:
        torch._dynamo.reset()


def _stale(optimizer: Any, step: Act) -> Any:
    """A graph that saved the parameters from before the step must not use those from after it."""
    params = [p for g in optimizer.param_groups for p in g["params"] if p.requires_grad]
    loss = sum(((p * p).abs().sum().double() for p in params), torch.zeros(()).double())
    step()
    if loss.requires_grad:
        torch.autograd.grad(loss, params)


def _with_closure(optimizer: Any, step: Act) -> Any:
    return optimizer.step(lambda: 3.5 + torch.is_grad_enabled())


def _profiled(optimizer: Any, step: Act) -> Any:
    with torch.autograd.profiler.profile():
        return step()


MODES: dict[str, Callable[[Any, Act], Any]] = {
    "plain": lambda optimizer, step: step(),
    "autocast": _within(lambda: torch.autocast("cpu", dtype=torch.bfloat16)),
    "no_grad": _within(torch.no_grad),
    "enable_grad": _within(torch.enable_grad),
    "inference": _within(torch.inference_mode),
    "default_meta": _within(lambda: _default_device("meta")),
    "thread": _in_thread,
    "dispatch": _seen,
    "fake": _fake,
    "traced": _traced,
    "compiled": _compiled,
    "stale_graph": _stale,
    "closure": _with_closure,
    "profiled": _profiled,
}
