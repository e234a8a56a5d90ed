"""The notebook's display: one output, updated once a second at most, whatever happens meanwhile."""

from surefoot.report.notebook import NotebookDisplay
from surefoot.study.run import Status


class Output:
    """What a cell shows, as IPython's display handle keeps it."""

    def __init__(self):
        self.shown = []

    def __call__(self, html):
        self.shown.append(html)
        return self

    def update(self, html):
        self.shown.append(html)


def test_a_cell_has_one_output_that_is_updated_once_a_second():
    output, now = Output(), [0.0]
    with NotebookDisplay(output, clock=lambda: now[0]) as display:
        display.phase("screen")
        for number in range(1000):
            now[0] += 0.01
            display.running([("Adam lr=0.1", 1.0)])
            display.result("Adam lr=0.1", 1.0, 0.5, Status.COMPLETED)
            display.budget(number, 1000)
        display.decision("SGD is out: <b>worse</b>.")
    assert 10 <= len(output.shown) <= 15
    assert "<b>screen</b>" in output.shown[0]
    assert "about" in output.shown[-2]
    assert output.shown[-1].startswith("<div><b>finished</b> <progress value='0.999' max='1'>")
    assert "ahead: Adam lr=0.1" in output.shown[-1]
    assert "&lt;b&gt;worse" in output.shown[-1]
    assert max(map(len, output.shown)) < 1000


def test_an_interruption_is_said():
    output = Output()
    try:
        with NotebookDisplay(output) as display:
            display.phase("screen")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert "<b>interrupted</b>" in output.shown[-1]
