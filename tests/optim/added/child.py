"""What an added optimizer is put through, in a process of its own: `python child.py NAME`.

NAME is "Odd" where the file lies in `surefoot/optim/`, else "path/odd.py:Odd".
"""

import contextlib
import itertools
import sys
import unittest
import warnings

import torch

from surefoot import optim
from surefoot.formula import Family, Kind
from surefoot.study.build import build_optimizer
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate
from surefoot.testing import trajectories
from surefoot.testing.optimizers import SHAPES, OptimizerSuite
from surefoot.testing.trajectories import saved, steps


def parameters():
    return trajectories.parameters(SHAPES)


def converted(optimizer, state_dict):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizer.load_state_dict(state_dict, convert=True)
    return str(caught[-1].message).partition("; ")[2]


def refusal(action):
    """What a refused action says; empty if it is not refused."""
    try:
        action()
    except ValueError as error:
        return str(error)
    return ""


def it_passes_the_suite_that_ships(make):
    words, flags, settings = (None, "root", "sign"), (False, True), []
    for number, (bend, anchored, maximize) in enumerate(itertools.product(words, flags, flags)):
        given = {"bend": bend, "anchored": anchored, "maximize": maximize, "power": 1 + number % 3}
        settings.append(given | {"rates": (0.9, 0.99, 0.5) if number % 2 else (0.5, 0.9, 0.1)})
    suite = type("Suite", (OptimizerSuite,), {"optimizer": make, "settings": settings})()
    for name in dir(suite):
        if name.startswith("test_"):
            with contextlib.suppress(unittest.SkipTest):
                getattr(suite, name)()


def a_checkpoint_of_adam_is_converted_by_meaning(make):
    params = parameters()
    adam = torch.optim.Adam(params)
    steps(adam, params)
    told = {p: {name: value.clone() for name, value in adam.state[p].items()} for p in params}
    assert "it looks like Adam" in refusal(lambda: make(params).load_state_dict(saved(adam)))
    odd = make(params)
    report = converted(odd, saved(adam))
    assert report == "carried over: mean, square, step; dropped: nothing; started anew: bias", report
    for p in params:
        assert torch.equal(odd.state[p]["mean"], told[p]["exp_avg"])
        assert torch.equal(odd.state[p]["square"], told[p]["exp_avg_sq"])
        assert float(odd.state[p]["bias"]) == 0.0  # its limit: Adam's means are old
    steps(odd, params, 1)
    back = optim.AdamW(params)
    report = converted(back, saved(odd))
    assert report == "carried over: exp_avg, exp_avg_sq, step; dropped: bias; started anew: nothing", report
    for p in params:
        assert torch.equal(back.state[p]["exp_avg"], odd.state[p]["mean"])


def a_study_sees_its_settings(name, make):
    known = find_algorithm(name)
    kinds = {n: h.kind for n, h in known.hyperparameters.items()}
    assert kinds == {
        "lr": Kind.NUMBER,
        "rates": Kind.DECAYS,
        "power": Kind.WHOLE,
        "bend": Kind.CHOICE,
        "anchored": Kind.FLAG,
    }
    assert known.sparse == "rows"
    assert make.facts().family is Family.OTHER
    made = build_optimizer(Candidate(name, {"bend": "sign", "rates": [0.8, 0.9, 0.7]}), parameters())
    assert made.param_groups[0]["rates"] == (0.8, 0.9, 0.7)


def refusals_are_in_words(name):
    from surefoot.search.space.constraints import check, parse

    def told(text):
        return refusal(lambda: check([parse(text)], [find_algorithm(name)]))

    assert "takes a whole number, not 1.5; usual: 1 to 3" in told("odd.power=1.5")
    assert "unknown 'rot'; did you mean 'root'?" in told("odd.bend=rot")
    assert "takes true or false, not 2" in told("odd.anchored=2")
    assert "takes 3 numbers, not 0.9" in told("odd.rates=0.9")
    assert "Invalid power: 0" in told("odd.power=0")
    assert told("odd.rates=0.9,0.8,0.7") == told("odd.bend=None") == ""


def the_lab_shows_and_checks_it():
    import json

    from surefoot.lab import playground
    from surefoot.lab.request_models import OptimizerRequest
    from surefoot.lab.response_models import CardDocument

    card = CardDocument.model_validate(json.loads(playground.optimizer("odd").body))
    assert card.family == Family.OTHER
    shown = {each.name: (each.kind, each.choices) for each in card.hyperparameters}
    assert shown["bend"] == ("choice", [None, "root", "sign"])
    assert shown["power"] == ("whole", [])
    OptimizerRequest.model_validate(
        {"optimizer": "odd", "hyperparameters": {"power": 9, "rates": [0.5, 0.5, 0.5]}}
    )
    for wrong in ({"power": 10}, {"power": 2.5}, {"bend": "rot"}, {"anchored": 1}, {"rates": [0.5, 0.5]}):
        body = {"optimizer": "odd", "hyperparameters": wrong}
        assert "Odd takes " in refusal(lambda body=body: OptimizerRequest.model_validate(body))


def a_search_looks_at_it_before_the_relatives_of_others():
    from surefoot.search.space.families import place_in_look

    order = sorted(["Adam", "Odd", "Adafactor", "AdamW"], key=place_in_look)
    assert order == ["AdamW", "Adafactor", "Odd", "Adam"]


def main(name):
    make = find_algorithm(name).make
    it_passes_the_suite_that_ships(make)
    a_checkpoint_of_adam_is_converted_by_meaning(make)
    a_study_sees_its_settings(name, make)
    refusals_are_in_words(name)
    if ":" not in name:
        assert name in optim.OPTIMIZERS
        the_lab_shows_and_checks_it()
        a_search_looks_at_it_before_the_relatives_of_others()


if __name__ == "__main__":
    main(sys.argv[1])
