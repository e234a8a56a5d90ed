"""A plain training loop on scikit-learn's digits, with the lines of Surefoot's and a checkpoint.

python examples/plain_loop.py                                    # trains with AdamW
surefoot choose --budget 5m -- python examples/plain_loop.py     # which optimizer would be better?
surefoot landscape STUDY -o landscape.png                        # where did the finalists go?
"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

import surefoot.run

arguments = argparse.ArgumentParser()
arguments.add_argument("--epochs", type=int, default=12)
epochs = arguments.parse_args().epochs

images, labels = load_digits(return_X_y=True)
images, labels = torch.tensor(images, dtype=torch.float32) / 16, torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

optimizer = surefoot.run.optimizer(model, default="AdamW", lr=1e-3)

# For `surefoot landscape` alone, which asks for this loss at many places; a run never calls it.
surefoot.run.record(model, lambda: nn.functional.cross_entropy(model(images[:1400]), labels[:1400]))

# The script keeps its own schedule: it moves whatever rate the optimizer begins with.
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
first = 0
saved = surefoot.run.checkpoint_dir and surefoot.run.checkpoint_dir / "last.pt"
if saved and saved.exists():  # a study takes this run further
    state = torch.load(saved, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["random"])
    first = state["epoch"]

for epoch in range(first, epochs):
    model.train()
    for batch in torch.randperm(1400).split(32):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(images[1400:]), labels[1400:])
    print(f"epoch {epoch + 1}: validation loss {loss:.4f}")
    if saved:
        state = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
        state = {name: part.state_dict() for name, part in state.items()}
        torch.save(state | {"random": torch.get_rng_state(), "epoch": epoch + 1}, saved)
    surefoot.run.report(epoch + 1, loss)
