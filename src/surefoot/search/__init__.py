"""From the question to the answer: search space, race, confirmation, what is said.

question/   from what the user gives to a question: checks, name, command
space/      what is tried: candidates, constraints, prior results of other tasks
race/       who goes on, pure ask and tell: successive halving, then the play-off of finalists
confirm/    how sure, pure ask and tell: finalists on fresh seeds, a sequential test
fastest/    with the goal "fastest": how long a run needs to the target
answer/     the answer, its reasons, its code; what is said to somebody who interrupts
replay/     the race scored on stored curves, beside baselines
runner      drives a policy over an engine and a store: the edge to the world
budget, deadline, pace    what a budget buys, the clock, and what a training takes as measured
study       the phases in order; pilot: one run of a script, to see how it trains
training_log    a full training, written down as a study of its own
"""

from surefoot.errors import NoRunSucceededError
from surefoot.search.question import ask
from surefoot.search.study import Interrupted, choose_optimizer

__all__ = ["Interrupted", "NoRunSucceededError", "ask", "choose_optimizer"]
