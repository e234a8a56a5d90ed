"""The order of first looks, as the optimizers' files say it."""

from surefoot import optim
from surefoot.search.space.families import place_in_look


def test_one_of_each_family_comes_first():
    order = sorted([*optim.OPTIMIZERS, "momentum", "soap", "no_file.py:Mine"], key=place_in_look)
    assert order[:7] == ["AdamW", "SGD", "momentum", "Muon", "RMSprop", "Lion", "Adafactor"]
    assert len({place_in_look(name) for name in order[7:]}) == 1, "all others are equals"


def test_case_does_not_matter():
    assert place_in_look("adamw") == place_in_look("AdamW") < place_in_look("Momentum")
