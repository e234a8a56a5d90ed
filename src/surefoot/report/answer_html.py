"""The head of the report as a piece of HTML that a notebook shows below a cell.

answer_html(answer)
"""

from __future__ import annotations

from surefoot.analysis.tables import results
from surefoot.report import answer_lines, words
from surefoot.report.pages import ALL, environment
from surefoot.study.answer import Answer

MOST_ROWS = 12
MOST_REASONS = 8


def answer_html(answer: Answer) -> str:
    """Verdict, what to use, how sure, the results and the code; without the pictures, whatever the page."""
    rows = results(answer)
    return (
        environment("surefoot.report")
        .get_template("answer_cell.html")
        .render(
            answer=answer,
            verdict=words.verdict(answer),
            words=words,
            lines=answer_lines,
            results=rows[:MOST_ROWS],
            intervals=any(row.interval for row in rows),
            timed=any(row.compile_seconds is not None for row in rows),
            each_seed=False,
            most=ALL,
            reasons=answer.why[:MOST_REASONS],
        )
    )


def unfinished_html(text: str) -> str:
    """A study without an answer, in words."""
    return environment("surefoot.report").from_string("<div>{{ text }}</div>").render(text=text)
