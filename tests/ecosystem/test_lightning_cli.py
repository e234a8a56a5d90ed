"""Optimizers chosen on a command line: jsonargparse, and Lightning's CLI on top of it."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader

from surefoot import optim
from tests.ecosystem.training import batches, loss_of, make_model

jsonargparse = pytest.importorskip("jsonargparse")
pl = pytest.importorskip("lightning.pytorch")
cli = pytest.importorskip("lightning.pytorch.cli")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Lightning's calls
]


def text(value):
    """A default as one writes it on a command line."""
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"[{', '.join(map(text, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_every_argument_of_every_class_can_be_set(name):
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(torch.optim.Optimizer, "optimizer", skip={"params"})
    signature = optim.OPTIMIZERS[name]._declared.signature.parameters
    wanted = {n: p.default for n, p in signature.items() if n != "params"}
    given = [f"--optimizer.{n}={text(value)}" for n, value in wanted.items()]
    found = parser.parse_args([f"--optimizer=surefoot.optim.{name}", *given])
    assert dict(found.optimizer.init_args) == wanted
    optim.OPTIMIZERS[name]([torch.nn.Parameter(torch.ones(2, 2))], **found.optimizer.init_args)


@pytest.mark.parametrize("argument", ["--opt.momentum=0.8", "--opt.nesterov=true", "--opt.fused=null"])
def test_arguments_of_one_class(argument):
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(optim.SGD, "opt", skip={"params"})
    name, _, value = argument.removeprefix("--opt.").partition("=")
    assert text(parser.parse_args([argument]).opt[name]) == value
    assert "share of the last step that is kept" in " ".join(parser.format_help().split())
    with pytest.raises(jsonargparse.ArgumentError):
        parser.parse_args(["--opt.momentun=0.8"])


class Halved(optim.NAdam):
    """A subclass with an argument of its own, and the others handed on."""

    def __init__(self, params, lr: float = 2e-3, share: float = 0.5, **more):
        super().__init__(params, lr=lr * share, **more)


def test_a_subclass_of_one_s_own_is_read_with_what_it_hands_on():
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Halved, "opt", skip={"params"})
    found = parser.parse_args(["--opt.share=0.25", "--opt.momentum_decay=0.01", "--opt.betas=[0.8, 0.9]"]).opt
    assert (found.share, found.momentum_decay, tuple(found.betas)) == (0.25, 0.01, (0.8, 0.9))


class Module(pl.LightningModule):
    """The small model, without an optimizer of its own."""

    def __init__(self):
        super().__init__()
        self.model = make_model()

    def training_step(self, batch, index):
        return loss_of(self.model, batch)

    def train_dataloader(self):
        return DataLoader(batches(3), batch_size=None)


QUIET = {
    "max_epochs": 2, "accelerator": "cpu", "precision": "64-true", "logger": False,
    "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
}  # fmt: skip


def fitted(tmp_path, *arguments):
    """A training by Lightning's command line: its optimizer and its weights."""
    made = cli.LightningCLI(
        Module,
        trainer_defaults=QUIET | {"default_root_dir": tmp_path},
        save_config_callback=None,
        args=["fit", *arguments],
    )
    optimizer = made.trainer.optimizers[0]
    return optimizer, torch.nn.utils.parameters_to_vector(made.model.parameters()).detach()


CALLS = [
    ("AdamW", ["--optimizer.lr", "0.01", "--optimizer.betas", "[0.9, 0.95]"]),
    ("SGD", ["--optimizer.lr", "0.1", "--optimizer.momentum", "0.9", "--optimizer.nesterov", "true"]),
    ("RMSprop", ["--optimizer.alpha", "0.9", "--optimizer.centered=true"]),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_lightning_s_command_line_trains_as_with_torch(name, arguments, tmp_path):
    schedule = ["--lr_scheduler", "ExponentialLR", "--lr_scheduler.gamma", "0.5"]
    ours, weights = fitted(tmp_path, "--optimizer", f"surefoot.optim.{name}", *arguments, *schedule)
    _, expected = fitted(tmp_path, "--optimizer", f"torch.optim.{name}", *arguments, *schedule)
    assert isinstance(ours, optim.OPTIMIZERS[name])
    torch.testing.assert_close(weights, expected, rtol=1e-12, atol=0)


def test_lightning_s_command_line_reads_a_file(tmp_path):
    settings = tmp_path / "fit.yaml"
    settings.write_text(
        "optimizer: {class_path: surefoot.optim.Adafactor, init_args: {lr: 0.02, eps: [null, 0.01]}}"
    )
    optimizer, _ = fitted(tmp_path, "--config", str(settings))
    group = optimizer.param_groups[0]
    assert (type(optimizer).__name__, group["lr"], group["eps"]) == ("Adafactor", 0.02, (None, 0.01))
