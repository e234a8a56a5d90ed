"""`from surefoot import optim` is enough: schedulers, averages, the base class, a star import."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import torch
from torch.optim import lr_scheduler, swa_utils
from torch.optim import optimizer as upstream

from surefoot import formula, optim

IMPORTS = {
    "from surefoot import optim; found = optim.lr_scheduler.OneCycleLR": lr_scheduler.OneCycleLR,
    "from surefoot import optim; found = optim.swa_utils.AveragedModel": swa_utils.AveragedModel,
    "from surefoot import optim; found = optim.Optimizer": torch.optim.Optimizer,
    "import surefoot.optim as o; found = o.lr_scheduler": lr_scheduler,
    "from surefoot.optim import Optimizer as found": torch.optim.Optimizer,
    "from surefoot.optim import swa_utils as found": swa_utils,
    "from surefoot.optim.lr_scheduler import ReduceLROnPlateau as found": lr_scheduler.ReduceLROnPlateau,
    "from surefoot.optim.lr_scheduler import _LRScheduler as found": lr_scheduler._LRScheduler,
    "from surefoot.optim.swa_utils import SWALR as found": swa_utils.SWALR,
    "from surefoot.optim.swa_utils import get_ema_multi_avg_fn as found": swa_utils.get_ema_multi_avg_fn,
    "import surefoot.optim.lr_scheduler as s; found = s.CosineAnnealingWarmRestarts": (
        lr_scheduler.CosineAnnealingWarmRestarts
    ),
    "import surefoot.optim.swa_utils; found = surefoot.optim.swa_utils": swa_utils,
    "import surefoot; found = surefoot.optim.lr_scheduler.__all__": lr_scheduler.__all__,
    "from surefoot.optim.lr_scheduler import *; found = PolynomialLR": lr_scheduler.PolynomialLR,
    "import importlib as i; found = i.import_module('surefoot.optim.lr_scheduler')": lr_scheduler,
    "from surefoot.optim.optimizer import Optimizer as found": torch.optim.Optimizer,
    "from surefoot.optim.optimizer import ParamsT as found": upstream.ParamsT,
    "from surefoot.optim.sparse_adam import SparseAdam as found": optim.SparseAdam,
    "from surefoot.optim.rmsprop import RMSprop as found": optim.RMSprop,
}


@pytest.mark.parametrize("statement", IMPORTS)
def test_every_way_to_import_gives_torch_s_very_object(statement):
    names: dict[str, object] = {}
    exec(statement, names)
    assert names["found"] is IMPORTS[statement]


def test_the_first_import_may_be_any_of_them():
    for first in ("lr_scheduler as m", "swa_utils as m", "optimizer as m"):
        name = first.split()[0]
        code = f"import surefoot.optim.{first}; import torch.optim.{name} as t; assert m is t"
        subprocess.run([sys.executable, "-c", code], check=True)


def test_a_star_import_gives_what_torch_s_gives_and_nothing_that_is_not_there():
    ours: dict[str, object] = {}
    theirs: dict[str, object] = {}
    exec("from surefoot.optim import *", ours)
    exec("from torch.optim import *", theirs)
    assert not theirs.keys() - ours.keys()
    assert ours.keys() - theirs.keys() == optim.OPTIMIZERS.keys() - theirs.keys()
    same = theirs.keys() - optim.OPTIMIZERS.keys() - {"__builtins__"}
    assert all(ours[name] is theirs[name] for name in same)


def test_only_optimizers_are_listed_as_optimizers():
    assert all(issubclass(cls, formula.Declared) for cls in optim.OPTIMIZERS.values())
    assert not {"Optimizer", "LRScheduler", "SWALR"} & optim.OPTIMIZERS.keys()
    with pytest.raises(AttributeError, match="has no optimizer 'Adamm'; did you mean 'Adam'"):
        optim.Adamm  # noqa: B018


MODULES = ["adadelta", "adagrad", "adam", "adamax", "adamw", "asgd", "lbfgs", "nadam", "radam", "rmsprop",
           "rprop", "sgd", "sparse_adam"]  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_each_class_has_a_module_of_torch_s_name(module):
    theirs = importlib.import_module(f"torch.optim.{module}")
    ours = importlib.import_module(f"surefoot.optim.{module}")
    for name in theirs.__all__:
        if isinstance(getattr(theirs, name), type):
            assert getattr(ours, name) is optim.OPTIMIZERS[name]


def test_a_training_with_schedules_and_averages_needs_one_import_line():
    def train(o):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1).double()
        optimizer = o.SGD(model.parameters(), lr=0.1, momentum=0.9)
        assert isinstance(optimizer, o.Optimizer)
        warm = o.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3)
        decay = o.lr_scheduler.ExponentialLR(optimizer, 0.9)
        schedule = o.lr_scheduler.SequentialLR(optimizer, [warm, decay], [3])
        averaged = o.swa_utils.AveragedModel(model)
        x = torch.randn(8, 3).double()
        for _ in range(8):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
            averaged.update_parameters(model)
            schedule.step()
        return averaged.module.weight.detach()

    torch.testing.assert_close(train(optim), train(torch.optim), rtol=1e-12, atol=0)
