"""A training script with the line that records: `python recorded_script.py BEHAVIOUR`, for tests."""

import sys

import torch
from torch import nn

import surefoot.run

BEHAVIOUR = sys.argv[1]
torch.manual_seed(surefoot.run.seed(0))
middle = nn.BatchNorm1d(4) if BEHAVIOUR == "norm" else nn.Tanh()
model = nn.Sequential(nn.Linear(3, 4), middle, nn.Dropout(0.5), nn.Linear(4, 1))
inputs = torch.linspace(-1, 1, 60).reshape(20, 3)
targets = inputs.sum(1, keepdim=True)


def loss():
    return nn.functional.mse_loss(model(inputs), targets)


def train(steps):
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


optimizer = surefoot.run.optimizer(model)
if BEHAVIOUR != "silent":
    surefoot.run.record(model, (lambda: "low") if BEHAVIOUR == "text" else loss, snapshots=7)
for epoch in range(4):
    train(5)
    model.eval()
    with torch.no_grad():
        surefoot.run.report(epoch + 1, loss())
