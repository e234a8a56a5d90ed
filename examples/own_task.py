"""A torch model of one's own and its DataLoaders, as a task.

surefoot check examples/own_task.py:task                   # is it ready to be trained?
surefoot choose examples/own_task.py:task --budget 5m      # which optimizer, with which settings?
"""

import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

import surefoot

features, cultivars = load_wine(return_X_y=True)
features = torch.tensor(features, dtype=torch.float32)
features = (features - features.mean(0)) / features.std(0)
wines = TensorDataset(features, torch.tensor(cultivars))
training, held_out = random_split(wines, [78, 100], torch.Generator().manual_seed(0))

task = surefoot.Task(
    model=lambda: nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3)),
    loss=nn.CrossEntropyLoss(),
    train=DataLoader(training, batch_size=16, shuffle=True),
    validation=DataLoader(held_out, batch_size=100),
    epochs=30,
)
