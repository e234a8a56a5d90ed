import ast
import io
from dataclasses import replace

import pytest
from rich.console import Console

from surefoot.analysis.tables import results
from surefoot.report.terminal import print_answer
from surefoot.study.format import spread
from tests.report.sample_study import HOSTILE, SNIPPET


def shown(answer, *, width=100, height=40, terminal=False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=terminal, highlight=False)
    print_answer(answer, console)
    return file.getvalue()


def test_the_page_opens_with_the_verdict_and_ends_with_the_code(study):
    text = shown(study.answer)
    assert " ".join(text.split()).startswith(study.answer.sentence)
    assert text.index("P(best) 86 %, expected regret 3e-4") < text.index("candidate")
    assert text.index("• Adam won") < text.index("from surefoot import optim")


def test_differences_of_times_have_their_unit(study):
    answer = replace(study.answer, minimum_detectable_difference=0.03, margin=0.02)
    loss, time = (" ".join(shown(replace(answer, goal=goal)).split()) for goal in ("best", "fastest"))
    assert "expected regret 3e-4, detectable 0.030, tie below 0.020 " in loss
    assert "expected regret 3e-4 s, detectable 0.030 s, tie below 0.020 s " in time


@pytest.mark.parametrize("width", [80, 100])
def test_the_page_fits_forty_lines(study, width):
    assert len(shown(study.answer, width=width).splitlines()) <= 40


def test_a_taller_terminal_holds_more_reasons(study):
    answer = replace(study.answer, why=tuple(f"Reason {i}." for i in range(30)))
    low, high = (shown(answer, terminal=True, height=height) for height in (40, 60))
    assert 55 <= len(high.splitlines()) <= 60
    assert high.count("Reason") > low.count("Reason")


def test_an_answer_without_intervals_shows_the_spread(study):
    bare = (replace(entry, mean=None, low=None, high=None) for entry in study.answer.candidates)
    text = shown(answer := replace(study.answer, candidates=tuple(bare), margin=None, pairing=None))
    best = results(answer)[0]
    assert spread(best.mean, best.deviation) in text


def test_many_reasons_and_candidates_still_fit(study):
    confirmed = [entry for entry in study.answer.candidates if entry.phase == "confirm"]
    more = [replace(entry, hyperparameters={"lr": 0.01 + i}) for i, entry in enumerate(confirmed * 5)]
    why = tuple(f"Reason {i}. " * 12 for i in range(30))
    text = shown(replace(study.answer, why=why, candidates=(*study.answer.candidates, *more)))
    assert len(text.splitlines()) <= 40
    assert "more in the report" in text
    for role in ("(use this)", "(baseline)", "(floor)"):
        assert role in text


def test_the_code_is_copied_as_it_is_even_from_a_narrow_screen(study):
    long = SNIPPET + "name = '" + "x" * 150 + "'\n"
    recommendation = replace(study.answer.recommendation, snippet=long)
    text = shown(replace(study.answer, recommendation=recommendation), width=60)
    code = text[text.index("from surefoot") : text.index("\n\n84 runs")]
    assert code == long.rstrip()
    assert ast.parse(code)


def test_the_table_shows_confirmed_candidates_and_the_floor_only(study):
    text = shown(study.answer)
    assert "0.0900  0.0800–0.100" in text
    assert "310 µs" in text
    assert "211 kB" in text
    assert "RMSprop" not in text


def test_no_control_characters_unless_a_terminal_asks_for_them(study, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in shown(study.answer)
    assert "\x1b" in shown(study.answer, terminal=True)


def test_no_color_is_respected(study, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in shown(study.answer, terminal=True)


def test_hostile_text_drives_nothing(study):
    sentence, why = "\x1b[2J[red]all[/red] gone", ("\x07beep\x1b]0;title\x07",)
    text = shown(replace(study.answer, sentence=sentence, why=why, measure="[bold]loss[/bold]"))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]all[/red]" in text
    assert "[bold]loss[/bold]" in text
    assert HOSTILE in shown(study.answer)
