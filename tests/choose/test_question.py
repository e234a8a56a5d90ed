"""The question: its name, its command, and what does not go together."""

from __future__ import annotations

import pytest

from surefoot.choose import Question


def test_the_goal_decides_the_schedule_and_is_part_of_the_name_and_the_command():
    best = Question.ask("digits")
    fastest = Question.ask("digits", goal="fastest", target=0.125)
    assert (best.schedule, fastest.schedule) == ("trunk", "constant")
    assert best.study != fastest.study
    assert "--goal" not in best.command
    assert "--goal fastest --target 0.125" in fastest.command
    assert "--schedule" not in best.command + fastest.command


@pytest.mark.parametrize("schedule", ["trunk", "cosine"])
def test_fastest_refuses_a_schedule_that_cools_down(schedule):
    with pytest.raises(ValueError, match="needs --schedule constant"):
        Question.ask("digits", goal="fastest", schedule=schedule)


def test_a_target_is_for_fastest_only():
    with pytest.raises(ValueError, match="--goal fastest"):
        Question.ask("digits", target=0.1)
