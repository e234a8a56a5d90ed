"""torch's learning-rate schedulers under this package's name: this is torch's very module."""

import sys

from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import *  # noqa: F403  (for type checkers)

sys.modules[__name__] = lr_scheduler
