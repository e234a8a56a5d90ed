"""The Python API: `surefoot.choose`, `surefoot.studies` and `surefoot.load`, and what they return.

choosing    a question, a store and an engine put together; the command line uses it too
_choose     `surefoot.choose`: the call, with everything that may be said
answers     `StudyAnswer` and `UnfinishedStudy`: what a study says, as an object

`import surefoot` loads none of it before it is used.
"""

from surefoot.api._choose import choose
from surefoot.api.answers import StudyAnswer, UnfinishedStudy, load, studies

__all__ = ["StudyAnswer", "UnfinishedStudy", "choose", "load", "studies"]
