"""Optimizers by name: built-in ones and a user's own tell the same about themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from surefoot import optim
from surefoot.formula import LogNormal
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate
from surefoot.training.loop import train
from tests.search.own_task import small

OWN = Path(__file__).parent.parent / "search" / "own_optimizer.py"


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_a_built_in_optimizer_is_found_in_any_case(name):
    found = find_algorithm(name.lower())
    assert (found.name, found.label, found.make) == (name, name, optim.OPTIMIZERS[name])
    assert "params" not in found.hyperparameters
    found.make([torch.zeros(1, 1)], **{n: h.default for n, h in found.hyperparameters.items()})


def test_one_s_own_class_is_known_by_its_signature():
    found = find_algorithm(f"{OWN}:Signs")
    assert (found.label, list(found.hyperparameters)) == ("Signs", ["lr", "weight_decay"])
    assert found.hyperparameters["lr"].search == LogNormal(0.003, 1.0)
    assert found.hyperparameters["weight_decay"].search is None
    assert not found.needs_closure
    assert "class Signs" in found.source
    demanding = find_algorithm(f"{OWN}:Demanding")
    assert demanding.required == ("rho",)
    assert demanding.hyperparameters["lr"].default > 0
    assert find_algorithm("torch.optim:LBFGS").needs_closure


def test_one_s_own_class_from_formulas_keeps_its_declarations():
    found = find_algorithm("surefoot.optim.adamw:AdamW")
    assert found.hyperparameters == find_algorithm("adamw").hyperparameters


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adamm", "did you mean 'Adam'"),
        ("own_optimizer.py", "write own_optimizer.py:CLASS"),
        (f"{OWN}:Sgns", "did you mean 'Signs'"),
        (f"{OWN}s:Signs", "there is no module"),
        (f"{str(OWN)[:-4]}.py:Signs", "did you mean .*own_optimizer.py'"),
        (f"{OWN}:nothing", "no subclass of torch.optim.Optimizer"),
    ],
)
def test_what_is_no_optimizer_is_refused_with_the_nearest_that_is(name, message):
    with pytest.raises(ValueError, match=message):
        find_algorithm(name)


def test_a_class_that_ignores_closures_trains():
    slow, fast = (
        train(small, Candidate(f"{OWN}:Signs", {"lr": lr}), seed=0, progress=1.0).point.value
        for lr in (1e-6, 0.01)
    )
    assert fast < slow
