"""State dicts that cannot lie: each is fitted to an optimizer, or refused with every difference.

fit      the state dict that torch then loads; a refusal changes nothing
match    which saved parameter is which of ours, and whether shapes agree
detect   which algorithm wrote it
convert  another algorithm's state, as far as it means the same here
restore  what older state dicts lack, after loading

All but `restore` only read.
"""

from surefoot.formula.state_dict.convert import ConversionReport
from surefoot.formula.state_dict.fit import LR, fit
from surefoot.formula.state_dict.restore import complete, normalise, scalar_dtype

__all__ = ["LR", "ConversionReport", "complete", "fit", "normalise", "scalar_dtype"]
