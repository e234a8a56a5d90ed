"""Who goes on, pure ask and tell: successive halving over learning rates and settings, then the play-off.

rungs       how far runs are taken before they are compared
ledger      what was asked, told and paid
smoothing   what an arm is worth with its neighbours
standings   who is ahead, and who may still be
decisions   what was decided and why, in sentences
race        the rounds: a first look, a search of learning rates, rung after rung, full trainings
on_tables   the race on stored curves; `policy` is the plug-in of a replay
screening   the race over a study's candidates, on one seed
line_noise  how noisy runs are, from values along learning rates
bracketing  the learning rates of the best at full length
playoff     the best of each optimizer on a few more seeds
"""

from surefoot.search.race.on_tables import policy

__all__ = ["policy"]
