import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

# A small regression with dropout: every step draws from the generator that a resumed run must restore.
SAMPLE = """
import ctypes, os, signal, sys, time
import torch
from torch import nn

class Sample:
    name, steps, measure = "sample", 100, "validation loss"

    def model(self):
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))

    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            x = torch.randn(16, 4, generator=generator)
            yield x, x.sum(1, keepdim=True).sin()

    def loss(self, model, batch):
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validate(self, model):
        torch.manual_seed(5)  # a careless task; the run's own draws must not notice
        x = torch.randn(64, 4)
        return self.loss(model, (x, x.sum(1, keepdim=True).sin())).item()

class Segfault(Sample):
    def loss(self, model, batch): return ctypes.string_at(0)

class Exits(Sample):
    def loss(self, model, batch):
        print("the disk is on fire", file=sys.stderr, flush=True)
        os._exit(7)

class Killed(Sample):
    def loss(self, model, batch): os.kill(os.getpid(), signal.SIGKILL)

class Raises(Sample):
    def loss(self, model, batch): raise LookupError("no such label")

class Quits(Sample):
    def loss(self, model, batch): sys.exit("enough")

class Nan(Sample):
    def loss(self, model, batch): return super().loss(model, batch) * float("nan")

class NanAtTheEnd(Sample):
    def validate(self, model): return float("nan")

class Ends(Sample):
    def batches(self, seed):
        for _, batch in zip(range(10), super().batches(seed)): yield batch

class Slow(Sample):
    steps = 10**6
    def loss(self, model, batch):
        time.sleep(0.01)
        return super().loss(model, batch)

class Hangs(Sample):
    def loss(self, model, batch):
        while True: time.sleep(0.05)

class Threads(Sample):
    def validate(self, model):
        return float(torch.get_num_threads() + 10 * int(os.environ["OMP_NUM_THREADS"]))

class Process(Sample):
    def validate(self, model): return float(os.getpid())
"""


@pytest.fixture(autouse=True)
def one_thread():
    """Small models on several threads mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tasks_file(tmp_path_factory) -> Path:
    """A user's file of well and badly behaved tasks: Sample, Segfault, Exits, Killed, Raises, Nan, ..."""
    path = tmp_path_factory.mktemp("tasks") / "sample_tasks.py"
    path.write_text(textwrap.dedent(SAMPLE))
    return path


@pytest.fixture(scope="session")
def sample(tasks_file):
    """The class `Sample`, to be used as it is or changed by inheritance."""
    from surefoot.tasks import load_task

    return type(load_task(f"{tasks_file}:Sample"))


@pytest.fixture
def embedding_model():
    return nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.LayerNorm(4), nn.Linear(4, 4))
