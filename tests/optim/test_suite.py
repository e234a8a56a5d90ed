"""Every optimizer in the suite that ships for those of other people."""

from __future__ import annotations

from surefoot import optim
from surefoot.testing.optimizers import SHAPES, OptimizerSuite

MATRICES = ((7, 5), (4, 9))
WITH_ROWS = tuple(shape for shape in SHAPES if shape)


def suite(optimizer):
    """The class of its tests.

    How near other precisions come to float64 is held to torch's own distance in test_precision.py.
    """
    shapes = MATRICES if optimizer.matrices_only else WITH_ROWS if optimizer.sparse == "only" else SHAPES
    reloads = 1e-12 if optimizer is optim.NAdam else 0.0  # it keeps a product, which is loaded in float64
    members = {
        "reloads": reloads,
        "optimizer": optimizer,
        "shapes": shapes,
        "precisions": {},
        "__module__": __name__,
    }
    return type(f"Test{optimizer.__name__}", (OptimizerSuite,), members)


globals().update({f"Test{name}": suite(optimizer) for name, optimizer in optim.OPTIMIZERS.items()})
