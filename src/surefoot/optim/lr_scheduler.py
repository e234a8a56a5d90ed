"""Learning rate schedulers: torch's own module, by the name that it has below `torch.optim`.

from surefoot.optim.lr_scheduler import StepLR
"""

import sys

from torch.optim.lr_scheduler import *  # noqa: F403 - for readers and type checkers; whoever imports it gets torch's

# Not a copy: what is private is there too, and what somebody replaces in one is replaced in the other.
sys.modules[__name__] = sys.modules["torch.optim.lr_scheduler"]
