import io

import pytest
from rich.console import Console

from surefoot.report.live import RaceDisplay
from surefoot.study.direction import Direction
from surefoot.study.run import Status


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def race(display: RaceDisplay) -> None:
    with display:
        display.phase("screen")
        display.running([("Adam lr=0.003", 1 / 9), ("SGD lr=0.1", 1 / 9)])
        display.result("Adam lr=0.003", 1 / 27, 0.7, Status.COMPLETED)
        display.result("Adam lr=0.01", 1 / 9, 0.5, Status.COMPLETED)
        display.result("SGD lr=0.1", 1 / 27, 0.6, Status.COMPLETED)
        display.result("SGD lr=1", 0.01, float("nan"), Status.DIVERGED)
        display.budget(30, 120)
        display.decision("SGD lr=1 is out:\x1b[2J it diverged.")


def plain(console_arguments=None) -> str:
    file = io.StringIO()
    race(RaceDisplay(Console(file=file, **(console_arguments or {}))))
    return file.getvalue()


def screen(width: int, height: int, clock: Clock | None = None) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=True)
    display = RaceDisplay(console, live=True, clock=clock or Clock())
    race(display)
    with console.capture() as capture:
        console.print(display._live.get_renderable())
    return capture.get()


def test_plain_lines_where_there_is_no_terminal():
    assert plain().splitlines() == [
        "Phase: screen",
        "SGD lr=1 is out:�[2J it diverged.",
        "4 results, 1 diverged or failed; ahead: Adam lr=0.01 with 0.500 at 1/9 of the training; "
        "25 % of the budget spent",
    ]


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_no_control_characters_in_a_file_even_if_colour_is_forced(variable, monkeypatch):
    monkeypatch.setenv(variable, "1")
    assert "\x1b" not in plain()


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    file = Terminal()
    race(RaceDisplay(Console(file=file)))
    assert file.getvalue().startswith("Phase: screen\n")
    assert "\x1b" not in file.getvalue()


def test_a_terminal_gets_the_live_display(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    file = Terminal()
    race(RaceDisplay(Console(file=file)))
    assert "\x1b[" in file.getvalue()


def test_results_are_told_in_tens():
    file = io.StringIO()
    with RaceDisplay(Console(file=file)) as display:
        for number in range(25):
            display.result("Adam lr=0.003", 1.0, 1.0 + number, Status.COMPLETED)
    assert [line.split(";")[0] for line in file.getvalue().splitlines()] == [
        "10 results",
        "20 results",
        "25 results",
    ]


def test_the_screen_shows_phase_runs_leaders_decisions_and_time_left():
    clock = Clock()
    clock.now = 0.0
    file = io.StringIO()
    console = Console(file=file, width=100, height=40, force_terminal=True, color_system=None)
    display = RaceDisplay(console, live=True, clock=clock)
    clock.now = 10.0
    race(display)
    with console.capture() as capture:
        console.print(display._live.get_renderable())
    text = capture.get()
    for words in (
        "screen",
        "25 % spent, about 30 s left",
        "Adam lr=0.003 → 1/9",
        "it diverged",
        "1 diverged",
    ):
        assert words in text
    lines = text.splitlines()
    leaders = [line.split() for line in lines if line.startswith(("1 ", "2 "))]
    assert [leader[-2:] for leader in leaders] == [["Adam", "lr=0.01"], ["SGD", "lr=0.1"]]


@pytest.mark.parametrize(("width", "height"), [(100, 40), (80, 24), (40, 12)])
def test_the_screen_fits_its_terminal(width, height):
    assert len(screen(width, height).splitlines()) <= height


@pytest.mark.parametrize(("width", "height"), [(120, 50), (80, 24), (40, 12)])
def test_many_optimizers_and_workers_fit_too_and_all_are_named(width, height):
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=True, color_system=None)
    display = RaceDisplay(console, live=True, clock=Clock())
    names = [f"O{number}" for number in range(15)]
    with display:
        display.phase("screen")
        display.running([(f"{name} lr=0.003 momentum=0.9 weight_decay=0.0005", 1 / 9) for name in names[:8]])
        for number, name in enumerate(names):
            display.result(f"{name} lr=0.003", 1 / 27, 0.1 + number, Status.COMPLETED)
            display.decision(
                f"{name} lr=0.3 stopped at 1/27: 2.4 against a band of 1.2 up from the best 0.42"
            )
    with console.capture() as capture:
        console.print(display._live.get_renderable())
    lines = capture.get().splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    if height > 12:
        assert all(any(name in line for line in lines) for name in names)


def test_a_resumed_race_counts_the_time_left_from_where_it_goes_on():
    clock = Clock()
    display = RaceDisplay(Console(file=io.StringIO()), live=True, clock=clock)
    for spent in (20, 40, 60):  # found in the store, in no time
        display.budget(spent, 100)
    clock.now = 10.0
    display.result("Adam lr=0.003", 1.0, 0.1, Status.COMPLETED)
    display.budget(70, 100)
    assert display._board.seconds_left() == pytest.approx(30.0)


def test_a_later_rung_leads_whatever_its_value():
    file = io.StringIO()
    with RaceDisplay(Console(file=file)) as display:
        display.phase("screen")
        display.result("Adam lr=0.003", 1 / 27, 0.1, Status.COMPLETED)
        display.result("SGD lr=0.1", 1 / 9, 0.9, Status.COMPLETED)
    assert "ahead: SGD lr=0.1" in file.getvalue()


def test_in_confirmation_seeds_are_averaged_and_settings_are_rivals():
    file = io.StringIO()
    console = Console(file=file, width=100, height=40, color_system=None)
    display = RaceDisplay(console, live=True)
    with display:
        display.phase("confirm")
        for value in (0.2, 0.4):
            display.result("Adam lr=0.003", 1.0, value, Status.COMPLETED)
        display.result("Adam lr=0.001", 1.0, 0.5, Status.COMPLETED)
    with console.capture() as capture:
        console.print(display._live.get_renderable())
    assert "0.300" in capture.get()
    assert "Adam lr=0.001" in capture.get()


@pytest.mark.parametrize(("direction", "leader"), [(Direction.MINIMIZE, "Adam"), (Direction.MAXIMIZE, "SGD")])
def test_who_leads_has_the_best_value_whichever_way_that_is(direction, leader):
    file = io.StringIO()
    with RaceDisplay(Console(file=file, width=200)) as display:
        display.phase("screen", direction)
        for label, value in (("Adam lr=1", 0.2), ("Adam lr=2", 0.3), ("SGD lr=1", 0.9), ("SGD lr=2", 0.8)):
            display.result(label, 1 / 9, value, Status.COMPLETED)
    best = {"Adam": "Adam lr=1 with 0.200", "SGD": "SGD lr=1 with 0.900"}
    assert f"ahead: {best[leader]}" in file.getvalue()
