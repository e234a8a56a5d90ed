"""Data-parallel training on two processes, on scikit-learn's digits, with the two lines of Surefoot's.

torchrun --nproc-per-node 2 examples/torchrun_ddp.py
surefoot choose --budget 10m --workers 1 -- torchrun --nproc-per-node 2 examples/torchrun_ddp.py

Every process makes the optimizer and reports; only rank 0 is heard, and all end together.
"""

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import surefoot.run

dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
images, labels = load_digits(return_X_y=True)
images, labels = torch.tensor(images, dtype=torch.float32) / 16, torch.tensor(labels)
torch.manual_seed(surefoot.run.seed(0))
model = DistributedDataParallel(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)))
optimizer = surefoot.run.optimizer(model, default="AdamW", lr=1e-3)

for epoch in range(6):
    for batch in torch.randperm(1400).split(64):  # the same order everywhere, since the seed is
        own = batch[rank::size]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[own]), labels[own]).backward()
        optimizer.step()
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model.module(images[1400:]), labels[1400:])
    if rank == 0:
        print(f"epoch {epoch + 1}: validation loss {loss:.4f}", flush=True)
    surefoot.run.report(epoch + 1, loss)

dist.destroy_process_group()
