"""How a study's question comes to be: checked, named, and written as the command that asks it again.

asking    from what the user gives to a question
checks    what is refused
naming    the study's name, made from the question
command   the command line, or the call, that asks a question
extending the question of a study that is given more budget
"""

from surefoot.search.question.asking import ask
from surefoot.search.question.command import command_with
from surefoot.search.question.extending import extended, find_extended

__all__ = ["ask", "command_with", "extended", "find_extended"]
