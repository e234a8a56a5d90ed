"""torch's averaging of weights under this package's name: this is torch's very module."""

import sys

from torch.optim import swa_utils
from torch.optim.swa_utils import *  # noqa: F403  (for type checkers)

sys.modules[__name__] = swa_utils
