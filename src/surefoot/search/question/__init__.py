"""How a study's question comes to be: checked, named, and written as the command that asks it again.

asking    from what the user gives to a question
checks    what is refused
naming    the study's name, made from the question
command   the command line, or the call, that asks a question
"""

from surefoot.search.question.asking import ask
from surefoot.search.question.command import command_with

__all__ = ["ask", "command_with"]
