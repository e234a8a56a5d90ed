"""torch's base class of optimizers under this package's name: this is torch's very module."""

import sys

from torch.optim import optimizer
from torch.optim.optimizer import *  # noqa: F403  (for type checkers)
from torch.optim.optimizer import ParamsT as ParamsT

sys.modules[__name__] = optimizer
