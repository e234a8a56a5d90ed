"""The learning-rate priors of a replay: those of live studies, as far as there are any.

    lr_priors(["AdamW", "soap"], {"soap": (3e-3, 0.8)})  # {"adamw": (0.001, 0.7), "soap": (0.003, 0.8)}

An optimizer of `surefoot.optim` has the prior that its own file declares, whatever the table says.  Another
has the one that the JSON beside the table states under "lr_priors".  Of all others nothing is known: the race
begins in the middle of their learning rates in the table (`Grid.prior`).

A table may call something an optimizer that is a setting of ours: DeepOBS's "momentum" is `SGD` with
`momentum=0.9`.  The name says nothing to us, so without a statement in the JSON it is one of those others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from surefoot import optim
from surefoot.search.space import candidates as space
from surefoot.search.space.lr_grid import Priors
from surefoot.study.replay_scores import PriorSource

_OURS = {name.lower(): name for name in optim.OPTIMIZERS}


def lr_priors(names: Iterable[str], stated: Priors | None = None) -> dict[str, tuple[float, float]]:
    """What is known of these optimizers' learning rates.

    Args:
        names: of optimizers, as a table calls them; upper and lower case are the same.
        stated: what the JSON beside the table says of them.
    """
    asked = {name.lower() for name in names}
    known = {name: prior for name, prior in (stated or {}).items() if name in asked}
    return known | space.priors([_OURS[name] for name in sorted(asked & _OURS.keys())])


def prior_sources(names: Iterable[str], stated: Priors | None = None) -> Mapping[str, PriorSource]:
    """Where the prior of each of these optimizers comes from."""
    found = sorted(set(names))
    ours, known = lr_priors(found), lr_priors(found, stated)

    def source(name: str) -> PriorSource:
        if name.lower() in ours:
            return PriorSource.OPTIMIZER
        return PriorSource.TABLE if name.lower() in known else PriorSource.RATES

    return {name: source(name) for name in found}
