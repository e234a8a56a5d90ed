"""Our optimizers in Lightning's Trainer: automatic and manual optimization, LBFGS, checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader

from tests.ecosystem.training import (
    OPTIMIZERS,
    TOLERANCE,
    batches,
    distance,
    loss_of,
    make_model,
    pair,
    values,
)

pl = pytest.importorskip("lightning.pytorch")

pytestmark = [
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
]
EPOCHS, STEPS = 4, 5
LBFGS = {"lr": 0.5, "max_iter": 4, "line_search_fn": "strong_wolfe"}


class Automatic(pl.LightningModule):
    """The small model, with a scheduler that also cycles momentum."""

    def __init__(self, make, settings, scheduled=True):
        super().__init__()
        self.model, self.make, self.settings, self.scheduled = make_model(), make, settings, scheduled

    def configure_optimizers(self):
        optimizer = self.make(self.parameters(), **self.settings)
        if not self.scheduled:
            return optimizer
        cycles = "momentum" in self.settings or "betas" in optimizer.defaults
        scheduler = OneCycleLR(optimizer, 0.05, total_steps=EPOCHS * STEPS, cycle_momentum=cycles)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def training_step(self, batch, index):
        return loss_of(self.model, batch)


class Manual(Automatic):
    """The same training with steps of its own."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.automatic_optimization = False

    def training_step(self, batch, index):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(loss_of(self.model, batch))
        optimizer.step()
        self.lr_schedulers().step()


def fit(module, folder: Path, epochs: int = EPOCHS, resume: Path | None = None, **options):
    """Train in Lightning without output; the trainer."""
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        precision="64-true",
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    # A batch size of None hands on the batches as they are, in their order.
    trainer.fit(module, DataLoader(batches(STEPS), batch_size=None), ckpt_path=resume)
    assert trainer.global_step == epochs * STEPS
    return trainer


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_automatic_optimization_equals_torch(name, tmp_path):
    expected, found = (Automatic(make, OPTIMIZERS[name]) for make in pair(name))
    fit(expected, tmp_path, gradient_clip_val=0.05)
    fit(found, tmp_path, gradient_clip_val=0.05)
    assert distance(values(found), values(make_model())) > 1e-3
    assert distance(values(found), values(expected)) <= TOLERANCE


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_manual_optimization_equals_automatic(name, tmp_path):
    _, ours = pair(name)
    automatic, manual = (module(ours, OPTIMIZERS[name]) for module in (Automatic, Manual))
    fit(automatic, tmp_path)
    fit(manual, tmp_path)
    assert distance(values(manual), values(automatic)) == 0


def test_lbfgs_evaluates_lightnings_closure(tmp_path):
    expected, found = (Automatic(make, LBFGS, scheduled=False) for make in pair("LBFGS"))
    fit(expected, tmp_path)
    trainer = fit(found, tmp_path)
    [optimizer] = trainer.optimizers
    assert optimizer.state[optimizer.param_groups[0]["params"][0]]["func_evals"] > 2 * EPOCHS * STEPS
    assert distance(values(found), values(expected)) <= TOLERANCE


@pytest.mark.parametrize("before", ["ours", "theirs"])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_training_resumes_from_a_checkpoint(name, before, tmp_path):
    theirs, ours = pair(name)
    makes = (theirs, theirs, ours) if before == "theirs" else (ours, ours, ours)
    whole, first, second = (Automatic(make, OPTIMIZERS[name]) for make in makes)
    fit(whole, tmp_path)
    fit(first, tmp_path, EPOCHS // 2).save_checkpoint(tmp_path / "half.ckpt")
    fit(second, tmp_path, resume=tmp_path / "half.ckpt")
    assert distance(values(second), values(whole)) <= TOLERANCE
