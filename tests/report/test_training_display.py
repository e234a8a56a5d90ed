import io

from rich.console import Console

from surefoot.report.training_display import LINES, TrainingDisplay


def shown(live, validations, begin=0, width=120):
    file, now = io.StringIO(), [0.0]
    console = Console(
        file=file, force_terminal=live, width=width, highlight=False, _environ={"TERM": "xterm-256color"}
    )
    with TrainingDisplay("validation loss", 1000, console, live, clock=lambda: now[0]) as display:
        display.begin(begin)
        for step in range(begin, 1001):
            now[0] += 0.01
            display.step(step, loss=2.0)
            if step and step % (1000 // validations) == 0:
                display.measured(step, loss=1.5, value=0.25, best=step == 500)
        display.note("no checkpoint:\n\x1b[31mno space")
    return file.getvalue()


def test_plain_lines_are_few_however_often_it_is_validated():
    for validations in (20, 100, 1000):
        lines = shown(False, validations).splitlines()
        assert lines[-1] == "no checkpoint: �[31mno space"
        assert LINES - 1 <= len(lines[:-1]) <= LINES + 1
        assert lines[0].startswith("step 50 of 1,000: training loss 1.50, validation loss 0.250; about 9.7 s")
    assert [line for line in lines if "the lowest so far" in line] == [lines[9]]
    assert "left" not in lines[-2]


def test_a_training_that_goes_on_says_so_and_counts_its_own_pace():
    lines = shown(False, 20, begin=800).splitlines()
    assert lines[0] == "going on at step 800 of 1,000"
    assert lines[1].startswith("step 850 of 1,000")
    assert "about 1.5 s left" in lines[1]


def test_a_terminal_has_one_line_that_moves():
    text = shown(True, 20)
    assert "1000/1000" in text
    assert "validation loss 0.250, lowest 0.250" in text
    assert "no checkpoint: �" in text
