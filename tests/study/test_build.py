"""From candidates to optimizers: settings as they come from JSON, and which parameters decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surefoot.study.build import build_optimizer
from surefoot.study.run import Candidate


def model():
    return nn.Sequential(nn.Embedding(4, 3), nn.Conv1d(3, 2, 1), nn.LayerNorm(2), nn.Linear(2, 1))


def test_without_a_word_every_parameter_decays_in_one_group():
    found = build_optimizer(Candidate("AdamW", {"lr": 0.1, "betas": [0.8, 0.9]}), model())
    (group,) = found.param_groups
    assert group["betas"] == (0.8, 0.9)
    assert len(group["params"]) == 7
    spelt_out = build_optimizer(Candidate("AdamW", {"weight_decay_on": "all"}), model())
    assert len(spelt_out.param_groups) == 1


def test_on_matrices_biases_and_norms_do_not_decay():
    made = model()
    settings = {"weight_decay": 0.3, "weight_decay_on": "matrices"}
    decayed, others = build_optimizer(Candidate("AdamW", settings), made).param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.3, 0.0)
    names = {id(p): name for name, p in made.named_parameters()}
    assert [names[id(p)] for p in decayed["params"]] == ["0.weight", "1.weight", "3.weight"]
    assert [names[id(p)] for p in others["params"]] == ["1.bias", "2.weight", "2.bias", "3.bias"]


def test_a_model_of_one_kind_has_one_group():
    settings = {"weight_decay": 0.3, "weight_decay_on": "matrices"}
    (group,) = build_optimizer(Candidate("SGD", settings), nn.Linear(2, 2, bias=False)).param_groups
    assert group["weight_decay"] == 0.3
    (group,) = build_optimizer(Candidate("SGD", settings), nn.LayerNorm(2)).param_groups
    assert group["weight_decay"] == 0


def test_an_unknown_word_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'matrices'"):
        build_optimizer(Candidate("AdamW", {"weight_decay_on": "matrix"}), nn.Linear(1, 1))


def test_decay_on_matrices_leaves_a_bias_without_gradient_alone():
    layer = nn.Linear(2, 2)
    before = layer.bias.detach().clone()
    settings = {"lr": 0.1, "weight_decay": 0.5, "weight_decay_on": "matrices"}
    optimizer = build_optimizer(Candidate("AdamW", settings), layer)
    weight = layer.weight.detach().clone()
    for p in layer.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert torch.equal(layer.bias, before)
    torch.testing.assert_close(layer.weight, weight * (1 - 0.1 * 0.5))
