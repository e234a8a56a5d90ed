"""Tests for what others write: an optimizer, a task, an engine.  Our own tests are made of the same.

    from surefoot.testing.optimizers import OptimizerSuite

    class TestMine(OptimizerSuite):  # pytest finds it by its name
        optimizer = Mine

optimizers   OptimizerSuite: trajectories, kernels, precisions, checkpoints, copies, its card
tasks        TaskSuite: what `surefoot check` finds, and whether a run repeats itself and goes on
engines      EngineSuite: jobs, slots, timeouts, failures, stops
sample_tasks small tasks for engines to run, well and badly behaved

Nothing here needs pytest; each test is a method that raises AssertionError, or unittest's SkipTest.
"""

import sys

if "pytest" in sys.modules:  # then a failed assertion shows its values
    sys.modules["pytest"].register_assert_rewrite(
        *(f"{__name__}.{n}" for n in ("engines", "optimizers", "tasks"))
    )
