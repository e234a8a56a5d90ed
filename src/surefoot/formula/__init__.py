"""The small language that optimizers are written in, and what runs it.

language     what a formula may use
parts        pieces of mathematics that several optimizers share
trace        a formula called with symbols, as a graph
autocast     which no step obeys
eager        the formula called with tensors: the reference
sweeps       what has to be computed when
llvm         nodes of the graph as instructions
kernels/     the graph printed as IR, and compiled
cpu          which compiled graph serves a parameter
chunks       how its work is cut
numbers      a group's settings: what is compiled in, and the numbers that may move at every step
unchanged    whether tensors are still laid out as they were
gather       many addresses in one compiled call
memory       where tensors lie, and what overlaps
launch       the one place that hands addresses to a kernel, and runs it over all parameters at once
hyperparameter          one constructor argument
shared_hyperparameters  those that several optimizers share
facts        what an optimizer declares about itself, and its card
declaration  the declarations of a class, collected, and the constructor with torch's signature
declared     the class behind all optimizers: groups, settings, checkpoints
slips        is an unknown key of a group a misspelt setting?
optimizer    the torch.optim.Optimizer that runs a formula
matrices     the class behind rules that see whole matrices
state_dict   state dicts, fitted to an optimizer or refused: match, detect, convert, restore
history, line_search   the parts of LBFGS
"""

from surefoot.formula.declared import Declared
from surefoot.formula.facts import STEP, Facts, Family, Meaning, StateSlot
from surefoot.formula.hyperparameter import Choices, Hyperparameter, Kind, LogNormal, check_tensor
from surefoot.formula.language import (
    Value,
    add,
    addcmul,
    lerp,
    maximum,
    mean,
    minimum,
    root_mean_square,
    sign,
    sqrt,
    state_product,
    where,
)
from surefoot.formula.matrices import MatrixOptimizer, add_, lerp_
from surefoot.formula.names import Settings, State
from surefoot.formula.optimizer import Optimizer, backend
from surefoot.formula.parts import decayed
from surefoot.formula.shared_hyperparameters import (
    SHRINKS,
    at_least,
    choice,
    decay_pair,
    decoupled_decay,
    epsilon,
    flag,
    hyperparameter,
    learning_rate,
    non_negative,
    weight_decay,
)
from surefoot.formula.trace import FormulaError

__all__ = [
    "SHRINKS",
    "STEP",
    "Choices",
    "Declared",
    "Facts",
    "Family",
    "FormulaError",
    "Hyperparameter",
    "Kind",
    "LogNormal",
    "MatrixOptimizer",
    "Meaning",
    "Optimizer",
    "Settings",
    "State",
    "StateSlot",
    "Value",
    "add",
    "add_",
    "addcmul",
    "at_least",
    "backend",
    "check_tensor",
    "choice",
    "decay_pair",
    "decayed",
    "decoupled_decay",
    "epsilon",
    "flag",
    "hyperparameter",
    "learning_rate",
    "lerp",
    "lerp_",
    "maximum",
    "mean",
    "minimum",
    "non_negative",
    "root_mean_square",
    "sign",
    "sqrt",
    "state_product",
    "weight_decay",
    "where",
]  # fmt: skip
