"""From the question to the answer: search space, race, confirmation, what is said.

question/   from what the user gives to a question: checks, name, command
space/      what is tried: candidates, constraints, prior results of other tasks
race/       who goes on, pure ask and tell: successive halving, then the play-off of finalists
confirm/    how sure, pure ask and tell: finalists on fresh seeds, a sequential test
fastest/    with the goal "fastest": how long a run needs to the target
forecast/   what shorter trainings say of full ones, by what they said on stored trainings
answer/     the answer, its reasons, its code; what is said to somebody who interrupts
replay/     the race scored on stored curves, beside baselines
runner      drives a policy over an engine and a store: the edge to the world
budget, deadline, pace    what a budget buys, the clock, and what a training takes as measured
sitting     a study in this process: where it is recorded and run, its clock and its seeds
pilot, look    one run of a script, to see how it trains; what a task or a script is
budget_plan    the budget over the phases
state       what the study has come to
phases      race, play-off, confirmation: each makes its policy and has it driven
answer_so_far    what it answers at any moment
study       the phases in order
training_log    a full training, written down as a study of its own
"""

from surefoot.errors import NoRunSucceededError
from surefoot.search.question import ask
from surefoot.search.study import Interrupted, choose_optimizer

__all__ = ["Interrupted", "NoRunSucceededError", "ask", "choose_optimizer"]
