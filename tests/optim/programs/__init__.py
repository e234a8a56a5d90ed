"""Programs for optimizers: drawn, run on torch and on Surefoot in a child process, compared, shrunk.

`python -m tests.optim.programs --help` tells how to run many by hand.
"""
