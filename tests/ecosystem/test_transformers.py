"""Our optimizers in the Trainer of Transformers, on a tiny language model with random weights."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.ecosystem.training import OPTIMIZERS, TOLERANCE, distance, pair, values

pytestmark = pytest.mark.real

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

STEPS = 6


@pytest.fixture(scope="module", autouse=True)
def _small_heap():
    """Every training starts by collecting garbage, which takes long with all that is imported here."""
    gc.freeze()
    yield
    gc.unfreeze()


def make_language_model() -> torch.nn.Module:
    """The same weights on every call; input and output embeddings are one parameter, as usual."""
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=11, n_positions=8, n_embd=8, n_layer=1, n_head=2,
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config).double()
    # The loss doesn't depend on the bias of the keys: its gradient is rounding, which Adagrad would blow up.
    model.transformer.h[0].attn.c_attn.bias.requires_grad_(False)
    return model


def sentences() -> list[dict[str, Any]]:
    tokens = torch.randint(0, 11, (4 * STEPS, 6), generator=torch.Generator().manual_seed(2))
    return [{"input_ids": row, "labels": row} for row in tokens]


def make_trainer(
    folder: Path, model: torch.nn.Module, save_strategy: str, **optimizer
) -> transformers.Trainer:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=STEPS,
        per_device_train_batch_size=4,
        weight_decay=0.1,
        save_strategy=save_strategy,
        save_steps=STEPS // 2,
        use_cpu=True,
        disable_tqdm=True,
        report_to="none",
        logging_strategy="no",
        seed=3,
    )
    return transformers.Trainer(model=model, args=arguments, train_dataset=sentences(), **optimizer)


def given_instances(folder: Path, make, name: str, save_strategy: str = "steps") -> transformers.Trainer:
    """A trainer that is handed an optimizer and its scheduler."""
    model = make_language_model()
    optimizer = make(model.parameters(), **OPTIMIZERS[name])
    scheduler = transformers.get_cosine_schedule_with_warmup(optimizer, 2, STEPS + 1)
    return make_trainer(folder, model, save_strategy, optimizers=(optimizer, scheduler))


def given_class(folder: Path, make, name: str, save_strategy: str = "steps") -> transformers.Trainer:
    """A trainer that makes the optimizer, with a group for what decays and one for what doesn't."""
    chosen = make, dict(OPTIMIZERS[name])
    return make_trainer(folder, make_language_model(), save_strategy, optimizer_cls_and_kwargs=chosen)


CASES = [(name, given_instances) for name in sorted(OPTIMIZERS)]
CASES += [("SGD", given_class), ("AdamW", given_class)]


@pytest.mark.parametrize(("name", "given"), CASES)
def test_training_equals_torch(name, given, tmp_path):
    expected, found = (given(tmp_path, make, name, save_strategy="no") for make in pair(name))
    for trainer in (expected, found):
        trainer.train()
        assert trainer.state.global_step == STEPS
    assert distance(values(found.model), values(make_language_model())) > 1e-3
    assert distance(values(found.model), values(expected.model)) <= TOLERANCE


@pytest.mark.parametrize("before", ["ours", "theirs"])
@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_training_resumes_from_a_checkpoint(name, before, tmp_path):
    theirs, ours = pair(name)
    whole = given_instances(tmp_path, ours if before == "ours" else theirs, name)
    whole.train()
    resumed = given_instances(tmp_path, ours, name, save_strategy="no")
    resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{STEPS // 2}"))
    assert distance(values(resumed.model), values(whole.model)) <= TOLERANCE
