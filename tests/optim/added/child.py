"""What an added optimizer is put through, in a process of its own: `python child.py NAME`.

NAME is "Odd" where the file lies in `surefoot/optim/`, else "path/odd.py:Odd".
"""

import io
import itertools
import sys
import warnings

import torch

from surefoot import formula, optim
from surefoot.formula import Family, Kind, cpu
from surefoot.study.build import build_optimizer
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate


def parameters():
    generator = torch.Generator().manual_seed(1)
    shapes = [(7, 5), (33,), (), (3, 4, 3, 3)]
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [torch.nn.Parameter(values) for values in drawn]


def train(optimizer, params, steps=5, *, seed=2, sparse=False):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype) + 0.3 * p.detach()
            if sparse:
                rows = torch.tensor([0, 3])
                p.grad = torch.sparse_coo_tensor(rows[None], p.grad[rows], p.shape, check_invariants=False)
        optimizer.step()


def saved(optimizer):
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


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


def equal(ours, theirs, tolerance=1e-12):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def it_is_fused(make):
    words, flags = (None, "root", "sign"), (False, True)
    for number, (bend, anchored, maximize) in enumerate(itertools.product(words, flags, flags)):
        given = {"bend": bend, "anchored": anchored, "maximize": maximize, "power": 1 + number % 3}
        given["rates"] = (0.9, 0.99, 0.5) if number % 2 else (0.5, 0.9, 0.1)
        fused, eager = parameters(), parameters()
        before = cpu.kernel_for.cache_info()
        train(make(fused, **given), fused)
        after = cpu.kernel_for.cache_info()
        assert after.misses + after.hits > before.misses + before.hits, "no kernel ran"
        with formula.backend("eager"):
            train(make(eager, **given), eager)
        equal(fused, eager)


def rows_that_a_gradient_does_not_touch_stay(make):
    fused, eager = ([torch.nn.Parameter(torch.ones(6, 4))] for _ in range(2))
    train(make(fused, anchored=True), fused, sparse=True)
    with formula.backend("eager"):
        train(make(eager, anchored=True), eager, sparse=True)
    equal(fused, eager, 1e-6)
    assert bool((fused[0][[1, 2, 4, 5]] == 1).all())
    assert not bool((fused[0][[0, 3]] == 1).any())


def a_checkpoint_goes_on_as_if_nothing_had_happened(make):
    through, stopped = parameters(), parameters()
    settings = {"bend": "root", "power": 3, "anchored": True}
    one = make(through, **settings)
    train(one, through)
    train(one, through, seed=3)
    first = make(stopped, **settings)
    train(first, stopped)
    second = make(stopped)
    second.load_state_dict(saved(first))
    assert second.param_groups[0]["bend"] == "root"
    train(second, stopped, seed=3)
    assert all(map(torch.equal, through, stopped))


def a_checkpoint_of_adam_is_converted_by_meaning(make):
    params = parameters()
    adam = torch.optim.Adam(params)
    train(adam, params)
    told = {p: {name: value.clone() for name, value in adam.state[p].items()} for p in params}
    assert "it looks like Adam" in refusal(lambda: make(params).load_state_dict(saved(adam)))
    odd = make(params)
    report = converted(odd, saved(adam))
    assert report == "carried over: mean, square, step; dropped: nothing; started anew: bias", report
    for p in params:
        assert torch.equal(odd.state[p]["mean"], told[p]["exp_avg"])
        assert torch.equal(odd.state[p]["square"], told[p]["exp_avg_sq"])
        assert float(odd.state[p]["bias"]) == 0.0  # its limit: Adam's means are old
    train(odd, params, 1)
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
    it_is_fused(make)
    rows_that_a_gradient_does_not_touch_stay(make)
    a_checkpoint_goes_on_as_if_nothing_had_happened(make)
    a_checkpoint_of_adam_is_converted_by_meaning(make)
    a_study_sees_its_settings(name, make)
    refusals_are_in_words(name)
    if ":" not in name:
        assert name in optim.OPTIMIZERS
        the_lab_shows_and_checks_it()
        a_search_looks_at_it_before_the_relatives_of_others()


if __name__ == "__main__":
    main(sys.argv[1])
