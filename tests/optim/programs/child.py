"""The process in which programs run: one that has imported everything forks workers, one after the other.

Requests come as lines of JSON on standard input; answers go as lines to standard output.  A worker says
`t` or `o` and the number of the operation before it runs it, on torch's side or on ours, so that a crash
is laid at the right door.  Where a worker dies, the first process says how and forks the next, which is a
hundred times as fast as starting Python and importing torch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import torch
import torch._dynamo  # as modes do, and workers shall not each import it again
import torch._subclasses.fake_tensor
import torch.fx.experimental.proxy_tensor
from torch.multiprocessing.reductions import StorageWeakRef

from surefoot import formula
from tests.optim.programs import differences, planted
from tests.optim.programs.comparing import Comparison
from tests.optim.programs.language import Program, for_loop, from_json
from tests.optim.programs.running import Outcome, run

ANSWERS = 3  # what optimizers print must not come between


def answer(value: Any) -> None:
    """One line to the parent."""
    os.write(ANSWERS, (json.dumps(value) + "\n").encode())


def requests() -> Iterator[dict[str, Any]]:
    """Lines from the parent, unbuffered, so that the next worker finds what this one did not read."""
    line = b""
    while byte := os.read(0, 1 if not line else 65536):
        line += byte
        if line.endswith(b"\n"):
            yield json.loads(line)
            line = b""


def outcomes(side: str, runs: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes, each announced before it is there."""
    number = -1
    while True:
        os.write(ANSWERS, f'"{side}{number}"\n'.encode())
        outcome = next(runs, None)
        if outcome is None:
            return
        yield outcome
        number += 1


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """Run one program on both sides."""
    program = from_json(request["program"])
    reference = planted.reference(request["against"], program.optimizer)
    make = planted.find(request["against"], program.optimizer)
    # torch's implementations differ among themselves, and its fused one reads past a gradient that is
    # expanded; its for-loop is the reference.  What it does not refuse the others may, and that counts too.
    looped = for_loop(program)
    verdict = compare(
        looped, list(outcomes("t", run(looped, reference, reference))), ours(program, make, reference)
    )
    if verdict["verdict"] == "finding" and program != looped:
        as_written = list(outcomes("t", run(program, reference, reference)))
        again = compare(program, as_written, ours(program, make, reference))
        verdict = again if again["verdict"] == "agree" or of_fused(verdict) else verdict
    if verdict["verdict"] == "known" and request["against"] == "surefoot":
        return kernel_is_eager(program, make, reference) or verdict
    return verdict


def of_fused(verdict: dict[str, Any]) -> bool:
    """Whether a finding is of what a for-loop does not know: fused counters, and what fused=True refuses."""
    refused = "ours: RuntimeError `fused=True` requires" in verdict["detail"]
    return refused or verdict["kind"] == "type of state step"


def kernel_is_eager(program: Program, make: type[Any], reference: type[Any]) -> dict[str, Any] | None:
    """Where torch is no measure: how the kernels differ from the formulas' eager reference, if they do."""
    with formula.backend("eager"):
        expected = list(outcomes("o", run(program, make, reference)))
    verdict = compare(program, expected, ours(program, make, reference))
    alike = verdict["verdict"] != "finding" or verdict["kind"].endswith("of returned")
    return None if alike else verdict | {"kind": f"kernel and eager differ: {verdict['kind']}"}


def ours(program: Program, make: type[Any], reference: type[Any]) -> Iterator[Outcome]:
    """What the class that is tested makes of a program."""
    return outcomes("o", run(program, make, reference))


def compare(program: Program, expected: list[Outcome], found: Iterator[Outcome]) -> dict[str, Any]:
    """Compare operation by operation, up to the first difference or error."""
    comparison, at = Comparison(program), -1
    for at, outcome in enumerate(found, -1):
        for theirs, ours in turns(expected[at + 1], outcome):
            if symptom := comparison.symptom(theirs, ours):
                known = differences.known(program, at, symptom, theirs, ours)
                verdict = "known" if known else "finding"
                return {
                    "verdict": verdict,
                    "at": at,
                    "kind": known or symptom.kind,
                    "detail": symptom.detail[:2000],
                }
        if outcome.error:
            return {
                "verdict": "agree",
                "at": at,
                "kind": outcome.error.__name__,
                "detail": outcome.message[:300],
            }
    return {"verdict": "agree", "at": at, "kind": "", "detail": ""}


def turns(theirs: Outcome, ours: Outcome) -> list[tuple[Outcome, Outcome]]:
    """The turns of one operation on both sides, together; the last of each are its outcomes."""
    *their_turns, their_last = theirs.turns()
    *our_turns, our_last = ours.turns()
    return [*zip(their_turns, our_turns, strict=False), (their_last, our_last)]


def share_weak_references() -> None:
    """Keep torch from freeing a weak reference twice.

    After a step under FakeTensorMode torch's state holds fake tensors.  A deep copy of them copies weak
    references to storages by their address; each copy frees it, and so, whenever the garbage is collected,
    what another program has there by then.
    """
    StorageWeakRef.__deepcopy__ = lambda self, memo: self


def work() -> None:
    """Judge programs until there are no more."""
    answer({"worker": os.getpid()})
    for request in requests():
        try:
            answer(judge(request))
        except BaseException:  # a mistake of the machine's own
            answer({"verdict": "broken", "at": -1, "kind": "broken", "detail": traceback.format_exc()})


def main() -> None:
    """Fork workers as long as they die."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    share_weak_references()
    while True:
        pid = os.fork()
        if not pid:
            work()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if not status:
            return
        answer(
            {"died": signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status}"}
        )


if __name__ == "__main__":
    sys.exit(main())
