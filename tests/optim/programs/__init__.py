"""Programs for optimizers: drawn, run on torch and on Surefoot in a child process, compared, shrunk.

`python -m tests.optim.programs --help` runs many by hand.
"""
