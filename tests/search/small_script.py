"""A script that trains in a moment, for whole studies: `python small_script.py [BEHAVIOUR]`.

constant seeds itself, silent never reports, sparse has an embedding; up is maximized, and torn says both.
"""

import sys

import torch
from torch import nn

import surefoot.run

behaviour = sys.argv[1] if len(sys.argv) > 1 else ""
if behaviour == "constant":
    torch.manual_seed(0)
features = torch.linspace(-2, 2, 90)[:, None].expand(90, 4) * torch.tensor([1.0, 0.5, 0.2, 0.1])
targets = features.sum(1, keepdim=True).sin()
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
if behaviour == "sparse":
    model = nn.Sequential(nn.Embedding(90, 1, sparse=True), nn.Flatten())
    features, targets = torch.arange(90)[:, None], targets
optimizer = surefoot.run.optimizer(model)
for epoch in range(6):
    for rows in torch.randperm(90).split(15):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(features[rows]), targets[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        value = nn.functional.mse_loss(model(features), targets)
    if behaviour in ("up", "torn"):
        surefoot.run.report(epoch + 1, -value, maximize=behaviour == "up" or epoch < 3)
    elif behaviour != "silent":
        surefoot.run.report(epoch + 1, value)
