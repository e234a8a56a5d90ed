"""What each optimizer's file says about itself besides its formula: families and meanings."""

from __future__ import annotations

from collections import Counter

import pytest

from surefoot import formula as f
from surefoot import optim


def test_every_optimizer_is_of_a_family_with_one_representative_at_most():
    declared = [optimizer._declared for optimizer in optim.OPTIMIZERS.values()]
    assert f.Family.OTHER not in {each.family for each in declared}
    represented = Counter(each.family for each in declared if each.represents_family)
    assert set(represented.values()) == {1}


@pytest.mark.parametrize("name", list(optim.OPTIMIZERS))
def test_every_state_entry_means_something_that_no_other_one_does(name):
    meanings = [slot.meaning for slot in optim.OPTIMIZERS[name]._declared.slots]
    assert "" not in meanings
    assert len(set(meanings)) == len(meanings)


def test_a_variation_of_a_representative_is_its_relative():
    class Mine(optim.AdamW):
        lr = f.learning_rate(1e-2, None)

    class Same(optim.AdamW):
        pass

    assert Mine._declared.family is f.Family.ADAPTIVE_MOMENTUM
    assert not Mine._declared.represents_family
    assert Same._declared.represents_family


def test_a_default_is_one_of_the_choices():
    with pytest.raises(ValueError, match=r"the default 'c' is none of the choices \('a', 'b'\)"):
        f.choice("c", "which", ("a", "b"))


@pytest.mark.parametrize(
    ("default", "kind", "taken", "refused"),
    [
        (0.1, "number", [1, 0.5, -2], [True, "1", None, float("inf"), 10**400, (1,)]),
        (False, "flag", [True], [1, None, "True"]),
        ((0.5, 1), "numbers", [(1, 2)], [(1,), 1, (1, None), (1, 2, 3), (True, 1)]),
        ((None, 1), "numbers", [(None, 2), (1, 2)], [(1, None)]),
        ("word", "word", ["other"], [1, None]),
        (None, "any", [1, "word", None, (1, 2)], []),
    ],
)
def test_the_kind_is_inferred_from_the_default(default, kind, taken, refused):
    setting = f.Hyperparameter(default, "")
    assert setting.kind == kind
    assert all(map(setting.takes, taken))
    assert not any(map(setting.takes, refused))
