"""The names below surefoot.optim are those below torch.optim, and what is no optimizer is torch's own."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import torch

from surefoot import optim

MODULES = ["lr_scheduler", "swa_utils", "optimizer"]
FORMS = [
    "from surefoot import optim; found = optim.lr_scheduler.CosineAnnealingWarmRestarts",
    "from surefoot.optim import lr_scheduler; found = lr_scheduler.CosineAnnealingWarmRestarts",
    "from surefoot.optim.lr_scheduler import CosineAnnealingWarmRestarts as found",
    "import surefoot.optim.lr_scheduler as s; found = s.CosineAnnealingWarmRestarts",
    "import surefoot.optim.lr_scheduler; found = surefoot.optim.lr_scheduler.CosineAnnealingWarmRestarts",
    "import surefoot.optim as o; found = o.lr_scheduler.CosineAnnealingWarmRestarts",
    "from surefoot.optim.lr_scheduler import *; found = CosineAnnealingWarmRestarts",
    "from surefoot.optim import *; found = lr_scheduler.CosineAnnealingWarmRestarts",
    "from surefoot.optim.swa_utils import get_ema_multi_avg_fn as found",
    "import surefoot.optim.swa_utils; found = surefoot.optim.swa_utils.get_ema_multi_avg_fn",
    "from surefoot.optim import *; found = swa_utils.get_ema_multi_avg_fn",
    "from surefoot.optim import Optimizer as found",
    "from surefoot.optim.optimizer import Optimizer as found",
    "from surefoot.optim import *; found = Optimizer",
    "from surefoot.optim.optimizer import ParamsT as found",
    "from surefoot.optim.lr_scheduler import _LRScheduler as found",
    "from surefoot.optim.swa_utils import SWALR as found",
    "from surefoot.optim.swa_utils import __all__ as found",
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_import_finds_what_is_torchs(form):
    ours, theirs = {}, {}
    exec(form, ours)
    exec(form.replace("surefoot", "torch"), theirs)
    assert ours["found"] is theirs["found"]


@pytest.mark.parametrize(
    "form", ["import surefoot.optim.lr_scheduler as s", "import surefoot.optim.swa_utils as s"]
)
def test_a_submodule_can_be_the_first_import(form):
    program = f"{form}; import sys, surefoot; assert s is getattr(surefoot.optim, s.__name__.split('.')[-1])"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", MODULES)
def test_a_submodule_is_torchs_very_module(name):
    module = importlib.import_module(f"surefoot.optim.{name}")
    assert module is getattr(optim, name) is importlib.import_module(f"torch.optim.{name}")


def test_a_star_gives_the_names_that_torchs_gives_and_the_further_optimizers():
    ours, theirs = {}, {}
    exec("from surefoot.optim import *", ours)
    exec("from torch.optim import *", theirs)
    assert set(ours) == set(theirs) | set(optim.OPTIMIZERS)
    assert len(optim.__all__) == len(set(optim.__all__))


def test_what_is_torchs_is_not_taken_for_an_optimizer_of_ours():
    assert not {"Optimizer", "lr_scheduler", "swa_utils", "LRScheduler"} & set(optim.OPTIMIZERS)
    with pytest.raises(KeyError, match="unknown optimizer"):
        optim.find("lr_scheduler")
    assert all(issubclass(made, optim.Optimizer) for made in optim.OPTIMIZERS.values())


def test_a_training_script_that_uses_the_whole_namespace_does_what_it_does_with_torch():
    def train(o):
        torch.manual_seed(3)
        model = torch.nn.Linear(4, 2)
        averaged = o.swa_utils.AveragedModel(model)
        optimizer = o.RMSprop(model.parameters(), lr=0.02, momentum=0.7)
        warm = o.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3)
        scheduler = o.lr_scheduler.SequentialLR(
            optimizer, [warm, o.lr_scheduler.ExponentialLR(optimizer, 0.8)], milestones=[3]
        )
        for _ in range(7):
            optimizer.zero_grad()
            model(torch.ones(3, 4)).square().mean().backward()
            optimizer.step()
            scheduler.step()
            averaged.update_parameters(model)
        return averaged.module.weight.detach(), scheduler.get_last_lr()

    (ours, our_rates), (theirs, their_rates) = train(optim), train(torch.optim)
    torch.testing.assert_close(ours, theirs)
    assert our_rates == their_rates
