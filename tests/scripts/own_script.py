"""A training script of a user's: `python own_script.py BEHAVIOUR`, for tests of what runs such scripts."""

import json
import random
import sys
import time

import numpy
import torch
from torch import nn

import surefoot.run

BEHAVIOUR = sys.argv[1]
STEPS = 4
drawn = [torch.rand(1).item(), float(numpy.random.rand()), random.random()]
model = nn.Sequential(nn.Embedding(6, 3, sparse=BEHAVIOUR == "sparse"), nn.Linear(3, 1))
kept = surefoot.run.checkpoint_dir / "kept.json"


def train():
    optimizer.zero_grad()
    model(torch.arange(6)).square().mean().backward()
    optimizer.step()


def nonsense(*arguments):
    """The error that a report of these arguments raises."""
    try:
        surefoot.run.report(*arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"


early = nonsense(1, 0.5) if BEHAVIOUR == "nonsense" else None
optimizer = surefoot.run.optimizer(list(model.named_parameters()) if BEHAVIOUR == "names" else model)
if BEHAVIOUR == "nonsense":
    surefoot.run.report(2, 0.5)
    bad = [(3, "good"), (3, True), (3, torch.ones(2)), ("3", 0.5), (-1, 0.5), (1, 0.5)]
    refusals = [early, *(nonsense(*arguments) for arguments in bad)]
    kept.write_text(json.dumps({"refusals": refusals, "drawn": drawn, "seed": surefoot.run.seed(7)}))
    sys.exit()
if BEHAVIOUR == "hang":
    print("hangs", flush=True)
    time.sleep(600)

begin = 0
if BEHAVIOUR == "continue" and kept.exists():
    begin = json.loads(kept.read_text())
for step in range(begin, STEPS if BEHAVIOUR != "short" else 2):
    train()
    if BEHAVIOUR == "continue":
        kept.write_text(json.dumps(step + 1))
    value = float("nan") if BEHAVIOUR == "diverge" and step == 1 else numpy.float32(1 / (step + 1))
    try:
        surefoot.run.report(step + 1, value)
        surefoot.run.report(step + 1, 99.0)  # of one step the first counts
    except surefoot.run.Stopped:
        if BEHAVIOUR != "deaf":
            raise
        time.sleep(600)
if BEHAVIOUR == "raise":
    raise LookupError("no such label")
