"""Programs: whatever people do to an optimizer, ours does what torch's does, and nothing crashes.

A thousand programs are drawn, and those that once went wrong are kept.  `python -m tests.optim.programs`
draws as many as one likes.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.multiprocessing.reductions import StorageWeakRef

from tests.optim.programs import differences, gradients, language, modes, running
from tests.optim.programs.__main__ import compact
from tests.optim.programs.child import share_weak_references
from tests.optim.programs.drawing import NAMES, numbered, programs
from tests.optim.programs.judging import Verdict, child
from tests.optim.programs.language import Group, Param, Program, Step, for_loop, from_json, to_json
from tests.optim.programs.planted import FAULTS
from tests.optim.programs.shrinking import shrink

SEED = 20
PROGRAMS = sorted((Path(__file__).parent / "programs" / "regressions").glob("*.json"))


@pytest.fixture(scope="module")
def judge():
    with child() as made:
        yield made.judge


def _known_program(path: Path) -> Any:
    """A test parameter; what is still broken says so."""
    marks = [pytest.mark.xfail(strict=True, reason=why)] if (why := _read(path).get("xfail")) else []
    return pytest.param(path, id=path.stem, marks=marks)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@pytest.mark.parametrize("path", [_known_program(path) for path in PROGRAMS])
def test_what_once_went_wrong(path, judge):
    program = from_json(_read(path)["program"])
    verdict = judge(program)
    assert verdict.verdict in ("agree", "known"), (
        f"{verdict.label(program)}\n{compact(program)}\n{verdict.detail}"
    )


def test_a_thousand_programs(judge):
    findings, counts = [], Counter()
    for number in range(1000):
        program = numbered(SEED, number)
        verdict = judge(program)
        counts[verdict.verdict] += 1
        if not verdict.agrees:
            findings.append(f"#{number} {program.optimizer} {verdict.label(program)}")
    assert not findings, (
        f"{len(findings)} findings; `python -m tests.optim.programs --seed {SEED}` shrinks them:\n"
        + "\n".join(findings)
    )
    assert counts["agree"] > 700


# The machine itself.


def test_torch_agrees_with_itself(judge):
    for program in (for_loop(numbered(1, number)) for number in range(300)):
        verdict = judge(program, against="torch")
        assert verdict.verdict == "agree", f"{compact(program)}\n{verdict}"


# The operations and parameters of the smallest program that shows a fault, and its symptom.
SMALLEST = {
    "decay_skipped": (2, 1, "numbers"),
    "stale_rate": (3, 1, "numbers"),
    "crash": (2, 1, "crashes: SIGSEGV"),
    "hang": (3, 2, "hangs"),
    "other_error": (3, 2, "torch RuntimeError, ours TypeError"),
    "half_done": (3, 2, "ours has changed something"),
    "gradient_touched": (1, 1, "numbers of grad"),
    "outside": (1, 2, "numbers of"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_shrunk(fault, judge):
    operations, params, symptom = SMALLEST[fault]
    patience = 0.5 if fault == "hang" else 20.0

    def see(program: Program) -> Verdict:
        return judge(program, against=fault, patience=patience)

    shown = next(p for p in (numbered(2, number) for number in range(400)) if not see(p).agrees)
    kind = see(shown).kind
    least = shrink(shown, lambda smaller: see(smaller).kind == kind, most=60 if fault == "hang" else 400)
    assert symptom in kind
    assert len(least.operations) <= operations, compact(least)
    assert len(least.params) <= params, compact(least)


def test_a_crash_of_torch_is_no_finding(judge):
    program = Program(groups=(Group((0, 0)),), operations=(Step(),))
    assert judge(program, against="torch_crashes") == Verdict("torch", 0, "crashes: SIGSEGV")
    assert judge(Program(operations=(Step(),)), against="torch").verdict == "agree"


def test_a_copy_of_fake_tensors_frees_nothing_twice(monkeypatch):
    monkeypatch.setattr(StorageWeakRef, "__deepcopy__", None, raising=False)  # put back afterwards
    share_weak_references()
    reference = StorageWeakRef(torch.zeros(2).untyped_storage())
    assert copy.deepcopy([reference])[0] is reference


def test_a_child_goes_on_after_a_crash(judge):
    twice = Program(groups=(Group((0, 0)),), operations=(Step(),))
    for _ in range(3):
        assert judge(twice, against="crash") == Verdict("finding", 0, "crashes: SIGSEGV")
        assert judge(Program(operations=(Step(),)), against="crash").agrees


@given(programs())
@settings(max_examples=50, deadline=None)
def test_a_program_is_what_its_json_says(program):
    assert from_json(json.loads(json.dumps(to_json(program)))) == program


@given(programs(), st.data())
@settings(max_examples=20, deadline=None)
def test_shrinking_ends_at_a_smallest_program(program, data):
    kept = data.draw(st.sampled_from(program.operations))
    least = shrink(program, lambda smaller: type(kept) in map(type, smaller.operations))
    assert [type(op) for op in least.operations] == [type(kept)]
    assert least.params == (Param(),)
    assert least.settings == {}


def test_the_thousand_have_everything():
    drawn = [numbered(SEED, number) for number in range(1000)]
    operations = [op for program in drawn for op in program.operations]
    steps = [op for op in operations if isinstance(op, Step)]
    assert {program.optimizer for program in drawn} == set(NAMES)
    assert {type(op).__name__ for op in operations} == set(language.OPERATIONS) == set(running.ACTIONS)
    assert {kind for op in steps for kind in op.gradients} == set(gradients.KINDS)
    assert {op.mode for op in steps} >= set(modes.MODES) - {"compiled", "traced"}
    assert {p.layout for program in drawn for p in program.params} == set(running.LAYOUTS)
    for how, table in (
        ("Reload", running.RELOADS),
        ("SwapParam", running.CHANGES),
        ("SwapState", running.CHANGES),
    ):
        assert {op.how for op in operations if type(op).__name__ == how} == set(table)


def test_every_difference_is_argued():
    names = [d.name for d in differences.DIFFERENCES]
    assert len(names) == len(set(names))
    assert all(len(d.reason) > 40 for d in differences.DIFFERENCES)
