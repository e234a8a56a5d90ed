"""`surefoot advise`: an instant answer, from what is known of other tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from surefoot.cli.group import check_writable, data_option, surefoot, write


@surefoot.command(
    epilog="""\b
Examples:
  surefoot advise digits
  surefoot advise my_task.py:task --json advice.json
  surefoot advise images --data photos"""
)
@click.argument("task")
@data_option
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the advice as JSON.")
def advise(task: str, data: str | None, json_file: str | None) -> None:
    """Say at once which three optimizers to begin with on TASK, without training.

    The advice comes from how every optimizer did on the tasks of the gallery, those most like TASK counting
    most.  It is a prior, not a measurement: `surefoot choose` measures.
    """
    import shlex

    from surefoot.search.space import candidates as space
    from surefoot.search.space.advice import advise as advice_on
    from surefoot.search.space.prior_results import load_experience
    from surefoot.search.space.task_features import features_of
    from surefoot.tasks import command_words, load_task, with_data
    from surefoot.training.profile import look

    check_writable(json_file)
    experience = load_experience()
    reference = with_data(task, data)
    loaded = load_task(reference)
    profile = look(loaded)
    names = space.choose_from(None)
    out = space.rule_out(names, profile.sparse, profile.model.not_matrices)
    document = advice_on(
        loaded.name,
        features_of(profile),
        experience,
        [name for name in names if name not in {ruled.optimizer for ruled in out}],
        shlex.join(["surefoot", "choose", *command_words(reference)]),
        out,
    )
    click.echo(_page(document))
    if json_file:
        write(json_file, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _page(document: Mapping[str, Any]) -> str:
    from surefoot.study.format import printable

    lines = [document["sentence"], ""]
    for place, advised in enumerate(document["advice"], start=1):
        lines += [f"{place}. {advised['label']}", f"   {advised['reason']}"]
    if similar := document["similar"]:
        lines += ["", "Known tasks, the most alike first (1: the same facts):"]
        lines += [f"   {one['similarity']:.2f}  {_words(one)}" for one in similar]
    if document["measured_before"]:
        name = document["task"]
        lines += [
            "",
            f"{name} itself is among them and left out here: docs/results.md has what was measured.",
        ]
    code = document["advice"][0]["snippet"].splitlines()
    shown = [printable(line) for line in lines]
    # Code keeps its indents.
    return "\n".join(
        [
            *(line if line.startswith("   ") else text for line, text in zip(lines, shown, strict=True)),
            "",
            *code,
            "",
            document["disclaimer"],
            f"To measure: {document['command']}",
        ]
    )


def _words(similar: Mapping[str, Any]) -> str:
    shared = ", ".join(similar["in_common"]) or "little in common"
    winner = f"; chosen there: {similar['winner']}" if similar["winner"] else ""
    return f"{similar['task']}: {shared}{winner}"
