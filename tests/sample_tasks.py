from pathlib import Path

import pytest
import torch
from torch import nn

# What an engine may meet besides the sample tasks of `surefoot.testing`.
SAMPLE = """
import ctypes, faulthandler, os, signal, subprocess, sys, time
import torch
from torch import nn

from surefoot.testing.sample_tasks import Exits, Nan, Raises, Sample, Slow

class Segfault(Sample):
    def loss(self, model, batch): return ctypes.string_at(0)

class Killed(Sample):
    def loss(self, model, batch): os.kill(os.getpid(), signal.SIGKILL)

class RaisesAtLength(Sample):
    def loss(self, model, batch): raise ValueError("x" * 10**7)

class Quits(Sample):
    def loss(self, model, batch): sys.exit("enough")

class NanAtTheEnd(Sample):
    def validate(self, model): return float("nan")

class Ends(Sample):
    def batches(self, seed):
        for _, batch in zip(range(10), super().batches(seed)): yield batch

class Hangs(Sample):
    def loss(self, model, batch):
        while True: time.sleep(0.05)

class HangsInC(Sample):
    def loss(self, model, batch):
        ctypes.PyDLL(None).sleep(1000)  # with the global lock of the interpreter held

class HangsAtTheEnd(Sample):
    def validate(self, model):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)

class KilledOnce(Sample):
    def loss(self, model, batch):
        if not os.path.exists(__file__ + ".killed"):
            open(__file__ + ".killed", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(model, batch)

class Aborts(Sample):
    def loss(self, model, batch):
        print("about to abort")
        os.abort()

class Overflows(Sample):
    def loss(self, model, batch): faulthandler._stack_overflow()

class ClosesItsPipe(Sample):
    def loss(self, model, batch):
        os.closerange(3, 256)
        time.sleep(1000)

class WritesIntoItsPipe(Sample):
    def loss(self, model, batch):
        for descriptor in range(3, 64):
            try: os.write(descriptor, b"nonsense\\n" * 9)
            except OSError: pass
        time.sleep(1000)

class Prints(Sample):
    def validate(self, model):
        line = "x" * 1023 + "\\n"
        for _ in range(100): sys.stdout.write(line * 1024)
        return 1.0

class Takes(Sample):
    def loss(self, model, batch):
        taken = b"x" * (3 * 2**29)
        time.sleep(1000)

class TakesWhatTheSystemHas(Takes):
    def loss(self, model, batch):
        with open(os.environ["SMALL_CGROUP"] + "/cgroup.procs", "w") as file: file.write(str(os.getpid()))
        return super().loss(model, batch)

class ChildTakes(Sample):
    def loss(self, model, batch):
        program = "import time; taken = b'x' * (3 * 2**29); time.sleep(1000)"
        subprocess.run([sys.executable, "-c", program])

class AsksForTooMuch(Sample):
    def loss(self, model, batch): return torch.empty(2**50)

class RunsOutOfMemory(Sample):
    def loss(self, model, batch): raise MemoryError("no room")

class LeavesProcesses(Sample):
    def loss(self, model, batch):
        sleeper = [sys.executable, "-c", "import time; time.sleep(1000)"]
        own = [subprocess.Popen(sleeper, start_new_session=new).pid for new in (False, True)]
        with open(__file__ + ".left", "w") as file: file.write(" ".join(map(str, own)))
        if os.path.exists(__file__ + ".waits"): ctypes.PyDLL(None).sleep(1000)
        ctypes.string_at(0)

class Gpu(Sample):
    def validate(self, model): return float(os.environ["CUDA_VISIBLE_DEVICES"])

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
    path.write_text(SAMPLE)
    return path


@pytest.fixture(scope="session")
def sample(tasks_file):
    """The class `Sample`, to be used as it is or changed by inheritance."""
    from surefoot.tasks import load_task

    return type(load_task(f"{tasks_file}:Sample"))


@pytest.fixture
def embedding_model():
    return nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.LayerNorm(4), nn.Linear(4, 4))
