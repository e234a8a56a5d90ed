"""A Lightning Trainer on scikit-learn's digits, with the two lines of Surefoot's.

python examples/lightning_trainer.py
surefoot choose --budget 10m -- python examples/lightning_trainer.py
"""

import lightning.pytorch as pl
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import surefoot.run


class Digits(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def configure_optimizers(self):
        return surefoot.run.optimizer(self, default="AdamW", lr=1e-3)

    def training_step(self, batch, index):
        images, labels = batch
        return nn.functional.cross_entropy(self.model(images), labels)

    def validation_step(self, batch, index):
        images, labels = batch
        self.log("validation_loss", nn.functional.cross_entropy(self.model(images), labels))

    def on_validation_end(self):
        if not self.trainer.sanity_checking:
            surefoot.run.report(self.current_epoch + 1, self.trainer.callback_metrics["validation_loss"])


pl.seed_everything(surefoot.run.seed(0))
images, labels = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(images, dtype=torch.float32) / 16, torch.tensor(labels))
trainer = pl.Trainer(max_epochs=4, accelerator="cpu", logger=False, enable_checkpointing=False)
trainer.fit(
    Digits(),
    DataLoader(torch.utils.data.Subset(data, range(1400)), batch_size=64, shuffle=True),
    DataLoader(torch.utils.data.Subset(data, range(1400, len(data))), batch_size=397),
)
print(f"validation loss {trainer.callback_metrics['validation_loss']:.4f}")
