"""The name of a question's study, made from the question: the same question finds the same study.

study_name(Question("digits", runs=20.0))    # "digits-1f2e3d4c"
"""

from __future__ import annotations

import hashlib
import json

from surefoot.path_names import path_name_near
from surefoot.scripts.runner import script_name
from surefoot.study.codec import encode
from surefoot.study.question import Question
from surefoot.tasks import command_words
from surefoot.tasks.by_value import PREFIX

MOST_OF_SUBJECT = 80
"""Characters of a task's or script's name in the name of its study."""

SCRIPT_ONLY = ("script", "measure")
UNLESS_GIVEN = ("maximize",)
"""Left out where it is None: studies that were asked without it keep their names."""


def study_name(question: Question) -> str:
    """The task's or script's name, and a hash of all that is asked."""
    task = command_words(question.task)[0].removeprefix(PREFIX)
    subject = script_name(question.script).removesuffix(".py") if question.script else task
    word = path_name_near(subject.rpartition("/")[2].replace(".", "-"))[:MOST_OF_SUBJECT]
    return f"{word}-{_fingerprint(question)}"


def _fingerprint(question: Question) -> str:
    """Of everything but what follows from it; of a task without what only scripts have."""
    document = encode(question) | {"study": ""}
    unsaid = (name for name in UNLESS_GIVEN if document[name] is None)
    for name in ("command", "earlier", "raced", *unsaid, *(() if question.script else SCRIPT_ONLY)):
        del document[name]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]
