"""A script that trains in a moment, for whole studies: `python small_script.py [constant|silent|sparse]`."""

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
    if behaviour != "silent":
        with torch.no_grad():
            surefoot.run.report(epoch + 1, nn.functional.mse_loss(model(features), targets))
