"""The question: search space, race, confirmation, answer.

question    what is asked, as data
space       the candidates, from each optimizer's facts
constraints, extra      what the user fixes of them, and adds to them
label       a candidate's name for people
grid, policy, journal   the race: pure ask and tell
confirm, statistics     finalists on fresh seeds: pure ask and tell
ladder, fastest, times  with the goal "fastest": how long a run needs to the target
request     what passes between policies and the runner
runner      drives a policy over an engine and a store: the edge to the world
study       the phases in order
answer, snippet         what is handed over; interim: to whoever stops a study
"""

from surefoot.choose.question import Question
from surefoot.choose.runner import NoRunSucceededError
from surefoot.choose.study import Interrupted, choose_optimizer

__all__ = ["Interrupted", "NoRunSucceededError", "Question", "choose_optimizer"]
