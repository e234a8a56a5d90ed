"""A Keras 3 model on the torch backend, as a task: handwritten digits by a small convolutional network.

pip install keras                                          # and KERAS_BACKEND=torch, as below
surefoot check examples/keras_task.py:task                 # is it ready to be trained?
surefoot choose examples/keras_task.py:task --budget 10m   # which optimizer, with which settings?
"""

import os

os.environ["KERAS_BACKEND"] = "torch"  # before keras is imported

import keras
import torch
from keras import layers
from sklearn.datasets import load_digits

import surefoot

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32).view(-1, 8, 8, 1) / 16  # Keras has the channels last
labels = torch.tensor(labels)
order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
training, held_out = order[:1297], order[1297:]


def network() -> keras.Model:
    """A fresh model, built by its `Input`."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10),
        ]
    )


def accuracy(model: torch.nn.Module) -> dict[str, float]:
    """The share of held-out images that are read correctly."""
    return {"accuracy": float((model(images[held_out]).argmax(1) == labels[held_out]).float().mean())}


task = surefoot.Task(
    model=network,
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),  # or torch.nn.CrossEntropyLoss()
    train=(images[training], labels[training]),
    validation=(images[held_out], labels[held_out]),
    batch_size=64,
    metrics=accuracy,
)
