"""The answer in a terminal: the page of 24 lines, and what stands behind `--why`."""

from __future__ import annotations

import ast
import io
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from rich.console import Console

from surefoot.analysis.tables import results
from surefoot.report.answer_lines import to_settle, use
from surefoot.report.terminal import print_answer, print_why
from surefoot.study.format import spread
from tests.answers import small_answer
from tests.made_studies import Made, answer_of, made
from tests.report.sample_study import HOSTILE, SNIPPET

LONG = Made(4, (0.0, 0.3, 1.0, 1.0, 3.0), 0.05, 0.06, 0.0, None, 0.0, 33, 12, 0.2, 3, None)


def shown(answer, *, width=80, height=24, terminal=False, why=False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=terminal, highlight=False)
    (print_why if why else print_answer)(answer, console)
    return file.getvalue()


def reasons(answer, **more) -> str:
    """What `--why` prints, in one line."""
    return " ".join(shown(answer, why=True, **more).split())


@pytest.mark.parametrize(
    ("command", "needed", "took", "words"),
    [
        ("surefoot choose digits --runs 4", 12, 8.0, "about 12 more full trainings (--runs +12, about 24 s)"),
        (
            "surefoot choose digits",
            40,
            90.0,
            "about 40 more full trainings (--budget +15m)",
        ),
        ("surefoot choose digits --runs 4", 2, 0.0, "about 2 more full trainings (--runs +2)"),
        (None, 12, 8.0, "about 12 more full trainings"),
        ("surefoot choose digits --runs 4", 41, 8.0, "more than 10 times the 4 trainings spent on it"),
        ("surefoot choose digits --runs 4", None, 8.0, ""),
    ],
)
def test_what_would_settle_it_is_told_with_its_option_and_time(command, needed, took, words):
    (one,) = small_answer().candidates
    four = replace(one, seeds=(0, 1, 2, 3), values=(0.1,) * 4)
    answer = small_answer(candidates=(four,), command=command, trainings_needed=needed, seconds=took)
    assert to_settle(answer) == words


def test_the_page_opens_with_the_verdict_and_ends_with_the_code(study):
    text = shown(study.answer)
    assert text.startswith("WIN  digits · validation loss, lower is better")
    assert (
        text.index("Use Adam lr=0.003") < text.index("measured on") < text.index("from surefoot import optim")
    )
    assert "surefoot show digits-2026-11-24 --why" in text.splitlines()[-1]


@given(made)
@example(LONG)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_page_fits_a_small_terminal_and_says_all_that_it_must(drawn):
    answer = answer_of(drawn)
    text = shown(answer)
    lines = text.splitlines()
    assert len(lines) <= 24, text
    assert max(map(len, lines)) <= 80, text
    assert use(answer) in " ".join(text.split())
    assert "How sure" in text or not answer.claims
    assert "every rival" not in text
    assert " nan" not in text
    if answer.unconfirmed:
        assert "Not sure" in text
        assert "was not confirmed" in " ".join(text.split())
    assert answer.recommendation.snippet in text


def test_the_page_of_five_candidates_is_drawn_as_it_was_designed():
    text = shown(answer_of(LONG))
    table = text[text.index("measured on") : text.index("How sure")].strip().splitlines()
    assert len(table) == 6
    assert all("●" in row and ("├" in row or "┤" in row) for row in table[1:])
    assert sum(row.startswith("▸") for row in table) == 1
    for name in ("How sure", "Not sure", "lr  ", "Cost"):
        assert name in text


def test_p_best_and_regret_stand_behind_why_with_a_sentence_each(study):
    answer = study.answer
    assert "P(best)" not in shown(answer)
    told = reasons(answer)
    assert "P(best): 86 %, that it is the best of the 4 confirmed." in told
    assert "Expected regret: 3e-4, how much worse its mean is expected to be than that of the best" in told
    wider = reasons(replace(answer, contenders=60, p_best_confirmed=0.99))
    assert "P(best): 86 %, that it is the best of the 60 that were trained to the end" in wider
    assert "99 % of the 4 confirmed" in wider


def test_differences_of_times_have_their_unit(study):
    answer = replace(study.answer, minimum_detectable_difference=0.03, margin=0.02)
    loss, time = (reasons(replace(answer, goal=goal)) for goal in ("best", "fastest"))
    assert "Expected regret: 3e-4," in loss
    assert "a true difference of 0.030 between" in loss
    assert "a difference below 0.020 counts" in loss
    assert "Expected regret: 3e-4 s," in time
    assert "a true difference of 0.030 s between" in time
    assert "a difference below 0.020 s counts" in time


def test_why_holds_every_reason(study):
    answer = replace(study.answer, why=tuple(f"Reason {i}." for i in range(30)))
    assert shown(answer, why=True).count("Reason") == 30


def test_an_answer_without_intervals_shows_the_spread(study):
    bare = (replace(entry, mean=None, low=None, high=None) for entry in study.answer.candidates)
    answer = replace(study.answer, candidates=tuple(bare), margin=None, pairing=None)
    best = results(answer)[0]
    assert spread(best.mean, best.deviation) in shown(answer, why=True)
    assert "●" in shown(answer)


def test_many_candidates_still_fit(study):
    confirmed = [entry for entry in study.answer.candidates if entry.phase == "confirm"]
    more = [replace(entry, hyperparameters={"lr": 0.01 + i}) for i, entry in enumerate(confirmed * 5)]
    answer = replace(study.answer, candidates=(*study.answer.candidates, *more))
    text = shown(answer)
    assert len(text.splitlines()) <= 24
    assert "▸ Adam lr=0.003" in text
    assert "(baseline)" in text
    for role in ("(use this)", "(baseline)", "(floor)"):
        assert role in shown(answer, why=True)


@pytest.mark.parametrize("why", [False, True])
def test_the_code_is_copied_as_it_is_even_from_a_narrow_screen(study, why):
    long = SNIPPET + "name = '" + "x" * 150 + "'\n"
    recommendation = replace(study.answer.recommendation, snippet=long)
    text = shown(replace(study.answer, recommendation=recommendation), width=60, why=why)
    code = text[text.index("from surefoot") :]
    code = code if why else code[: code.index("surefoot show")]
    assert code.rstrip() == long.rstrip()
    assert ast.parse(code)


def test_the_table_shows_confirmed_candidates_only(study):
    assert "0.0900" in shown(study.answer)
    assert "RMSprop" not in shown(study.answer)
    text = shown(study.answer, why=True)
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


@pytest.mark.parametrize("why", [False, True])
def test_hostile_text_drives_nothing(study, why):
    sentence, reason = "\x1b[2J[red]all[/red] gone", ("\x07beep\x1b]0;title\x07",)
    text = shown(replace(study.answer, sentence=sentence, why=reason, measure="[bold]loss[/bold]"), why=why)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]all[/red]" in text
    assert "[bold]loss[/bold]" in " ".join(text.split())
    if why:
        assert HOSTILE in shown(study.answer, why=True)
