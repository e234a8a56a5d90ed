"""The two lines in a script without a study, and what importing them costs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

import surefoot.run
from surefoot import optim
from surefoot.scripts.protocol import VARIABLE, ScriptRun
from surefoot.study.run import Candidate


def test_without_a_study_the_default_is_made_and_nothing_is_reported():
    model = torch.nn.Linear(3, 2)
    usual = surefoot.run.optimizer(model)
    assert isinstance(usual, optim.AdamW)
    named = surefoot.run.optimizer(model.named_parameters(), default="sgd", lr=0.5, momentum=0.9)
    assert isinstance(named, optim.SGD)
    assert named.defaults["lr"] == 0.5
    assert named.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    split = surefoot.run.optimizer(model.parameters(), lr=1e-3, weight_decay=0.1, weight_decay_on="matrices")
    assert [group["weight_decay"] for group in split.param_groups] == [0.1, 0.0]
    surefoot.run.report(3, "anything")
    assert surefoot.run.checkpoint_dir is None
    assert surefoot.run.seed() == 0
    assert surefoot.run.seed(7) == 7


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ([{"params": [torch.ones(2, requires_grad=True)], "lr": 1.0}], "not dict among them"),
        ([], "not nothing among them"),
        (torch.ones(3), "not Tensor"),
        ("model", "not str"),
    ],
)
def test_what_is_no_model_is_refused(model, words):
    with pytest.raises(TypeError, match=words):
        surefoot.run.optimizer(model)


def test_a_misspelt_default_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'Adam'"):
        surefoot.run.optimizer(torch.nn.Linear(1, 1), default="adm")


def test_importing_it_loads_no_database_plotting_or_web_package():
    program = "import sys; from surefoot import run; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for heavy in (
        "sqlalchemy",
        "matplotlib",
        "scipy",
        "rich",
        "click",
        "surefoot.search",
        "surefoot.store",
    ):
        assert f"'{heavy}'" not in loaded.stdout


PUBLIC = """
import sys, surefoot
print([name for name in sys.modules if name.startswith(("torch", "surefoot."))])
from surefoot import optim
print({"scipy", "rich", "cloudpickle", "sqlalchemy", "surefoot.api"} & set(sys.modules))
print(set(surefoot.__all__) - set(dir(surefoot)))
print(surefoot.choose.__name__, surefoot.load.__name__, surefoot.studies.__name__, surefoot.run.__name__)
"""


def test_importing_surefoot_loads_nothing_and_offers_all_that_is_public():
    told = subprocess.run([sys.executable, "-c", PUBLIC], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["[]", "set()", "set()", "choose load studies surefoot.run"]


def test_a_script_whose_study_is_gone_says_so(tmp_path):
    gone = ScriptRun(Candidate("Adam", {}), 0, None, str(tmp_path), str(tmp_path / "socket")).to_text()
    ended = subprocess.run(
        [sys.executable, "-c", "import surefoot.run"],
        env=os.environ | {VARIABLE: gone},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "the study that started this script is gone" in ended.stderr
