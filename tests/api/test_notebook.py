"""A real notebook, executed: a model, data and a task in cells, the answer below them."""

from __future__ import annotations

import pytest

nbformat = pytest.importorskip("nbformat")
NotebookClient = pytest.importorskip("nbclient").NotebookClient
pytest.importorskip("ipykernel")

pytestmark = [pytest.mark.real, pytest.mark.slow]

CELLS = {
    "task": """
import torch, surefoot
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 4)
y = torch.tanh(x @ torch.randn(4, 1))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)

task = surefoot.Task(
    model=Net, loss=nn.MSELoss(), train=(x[:200], y[:200]), validation=(x[200:], y[200:]),
    batch_size=50, steps=30, name="cells",
)
""",
    "choose": "answer = surefoot.choose(task, runs=14, optimizers=['adam', 'sgd'], workers=1)",
    "shown": "answer",
    "optimizer": """
optimizer = answer.optimizer(Net())
scheduler = answer.schedule(optimizer, steps=100)
print(type(optimizer).__name__ == answer.recommendation.optimizer, scheduler.get_last_lr()[0] > 0)
""",
    "table": "table = answer.table(); print(list(table.role), list(table.columns)[:3])",
    "text": "print(answer)",
    "again": "print(surefoot.choose(task, runs=14, optimizers=['adam', 'sgd'], workers=1) == answer)",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    v4 = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in CELLS.values()])
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def text(found):
    return "".join(output.get("text", "") for output in found)


def test_the_choosing_cell_has_one_small_output(outputs):
    (shown,) = outputs["choose"]
    assert shown.output_type == "display_data"
    assert "<progress" in shown.data["text/html"]
    assert len(str(shown)) < 3000


def test_the_answer_shows_itself(outputs):
    (shown,) = outputs["shown"]
    html = shown.data["text/html"]
    for words in ("<h1>", "validation loss", "Paste this", "optimizer = optim.", "(baseline)"):
        assert words in html
    assert "<script" not in html
    assert shown.data["text/plain"].startswith("StudyAnswer('cells-")


def test_the_answer_makes_an_optimizer_a_schedule_and_a_table(outputs):
    assert text(outputs["optimizer"]) == "True True\n"
    assert "'recommended'" in text(outputs["table"])
    assert "['candidate', 'optimizer', 'role']" in text(outputs["table"])


def test_printed_it_is_what_the_command_line_shows(outputs):
    assert {shown.output_type for shown in outputs["text"]} == {"stream"}
    assert "optimizer = optim." in text(outputs["text"])
    assert "\x1b" not in text(outputs["text"])


def test_the_same_call_shows_a_finished_study_again(outputs):
    assert text(outputs["again"]).endswith("True\n")
