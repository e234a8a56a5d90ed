"""Subclasses behave as those of torch's: arguments, groups, state dicts, names of one's own."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import time

import pytest
import torch

from surefoot import formula as f
from surefoot import optim
from tests.optim.configurations import (
    closure,
    distance,
    every_optimizer,
    for_loop,
    pair,
    parameters,
    run,
    set_gradients,
    shapes_for,
    step,
    takes,
)

SWITCHED = [
    ("Adagrad", {"maximize": True}), ("RAdam", {"foreach": True}), ("SGD", {"fused": True, "momentum": 0.9}),
    ("Rprop", {"maximize": True}), ("ASGD", {"foreach": False}), ("Adafactor", {"maximize": True}),
    ("Adadelta", {"capturable": True}), ("NAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("Adam", {"fused": True, "amsgrad": True}), ("SparseAdam", {"maximize": True}),
]  # fmt: skip


def params_for(name):
    return parameters(shapes=shapes_for(name))


def empty_subclass(base):
    return type(base.__name__, (base,), {"__doc__": "Nothing changed."})


@every_optimizer
def test_an_empty_subclass_takes_what_its_base_takes(name):
    for base in pair(name):
        own = empty_subclass(base)
        assert inspect.signature(own) == inspect.signature(base)
        assert list(own(params_for(name)).param_groups[0]) == list(base(params_for(name)).param_groups[0])


@pytest.mark.parametrize(("name", "settings"), SWITCHED)
def test_a_subclass_steps_as_its_base_with_every_switch(name, settings):
    base = optim.OPTIMIZERS[name]
    expected, found = params_for(name), params_for(name)
    run(base, settings, expected, 5)
    twice = type(name, (empty_subclass(base),), {})
    optimizer = run(twice, settings, found, 5)
    assert distance(found, expected) == 0
    assert {key: optimizer.param_groups[0][key] for key in settings} == settings


def forwarding(base):
    class Forwarding(base):
        def __init__(
            self,
            params,
            lr=1e-3,
            betas=(0.9, 0.999),
            eps=1e-8,
            weight_decay=1e-2,
            amsgrad=False,
            *,
            maximize=False,
            foreach=None,
            capturable=False,
            differentiable=False,
            fused=None,
            scale=2.0,
        ):
            super().__init__(
                params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                maximize=maximize, foreach=foreach, capturable=capturable, differentiable=differentiable,
                fused=fused,
            )  # fmt: skip
            self.scale = scale

    return Forwarding


def test_a_subclass_may_forward_every_argument_and_shows_its_own_signature():
    expected, found = parameters(), parameters()
    for base, params in ((torch.optim.AdamW, expected), (optim.AdamW, found)):
        own = forwarding(base)
        assert list(inspect.signature(own).parameters)[-1] == "scale"
        optimizer = own(params, 0.01, maximize=True, foreach=False, scale=3.0)
        generator = torch.Generator().manual_seed(2)
        for _ in range(5):
            step(optimizer, params, generator)
    assert distance(found, expected) <= 1e-12
    assert optimizer.scale == 3.0


@pytest.mark.parametrize("name", ["AdamW", "NAdam", "SGD", "RMSprop", "Muon", "LBFGS", "SparseAdam"])
def test_a_subclass_may_hide_arguments_or_take_fewer(name):
    for base in pair(name):

        class Hiding(base):
            def __init__(self, model_params, *args, **kwargs):
                self.made_with = kwargs
                super().__init__(model_params, *args, **kwargs)

        class Fewer(base):
            def __init__(self, params, rate):
                super().__init__(params, lr=rate)

        assert list(inspect.signature(Hiding).parameters) == ["model_params", "args", "kwargs"]
        assert list(inspect.signature(Fewer).parameters) == ["params", "rate"]
        assert Hiding(params_for(name), lr=0.25).param_groups[0]["lr"] == 0.25
        assert Hiding(params_for(name), 0.25).made_with == {}
        assert Fewer(params_for(name), 0.25).param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "LBFGS", "Muon"])
def test_state_dicts_go_between_a_subclass_its_base_and_torch(name):
    theirs, ours = pair(name)
    own = empty_subclass(ours)
    trained = {cls: params_for(name) for cls in (theirs, ours, own)}
    settings = {theirs: for_loop(name, {"lr": 0.01})}
    states = {
        cls: copy.deepcopy(run(cls, settings.get(cls, {"lr": 0.01}), params, 3).state_dict())
        for cls, params in trained.items()
    }
    for state in states.values():
        for target in (ours, own, theirs):
            target(params_for(name), lr=0.5).load_state_dict(copy.deepcopy(state))
    assert list(states[own]["param_groups"][0]) == list(states[theirs]["param_groups"][0])


class Counting:
    """A mixin in front: its methods come first, and call on."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.count = 0

    def step(self, closure=None):
        self.count += 1
        return super().step(closure)


@pytest.mark.parametrize("name", ["Adam", "SGD", "LBFGS", "RMSprop"])
def test_a_mixin_may_stand_in_front(name):
    own = type("Counted", (Counting, optim.OPTIMIZERS[name]), {})
    expected, found = params_for(name), params_for(name)
    more = {"max_iter": 4} if name == "LBFGS" else {}
    optimizer = own(found, lr=0.01, **more)
    reference = optim.OPTIMIZERS[name](expected, lr=0.01, **more)
    for o, params in ((optimizer, found), (reference, expected)):
        generator = torch.Generator().manual_seed(2)
        for _ in range(3):
            if name == "LBFGS":
                o.step(closure(o, params))
            else:
                set_gradients(params, generator)
                o.step()
    assert optimizer.count == 3
    assert distance(found, expected) == 0


def test_the_class_of_an_instance_may_be_changed_as_wrappers_do():
    params = parameters()
    optimizer = optim.NAdam(params, lr=0.01)
    wrapped = optimizer.__class__
    optimizer.__class__ = type("Wrapped" + wrapped.__name__, (Counting, wrapped), {})
    optimizer.count = 0
    set_gradients(params, torch.Generator().manual_seed(2))
    optimizer.step()
    assert optimizer.count == 1


def test_hooks_run_once_though_a_subclass_has_a_step_of_its_own():
    class Own(optim.Adadelta):
        def step(self, closure=None):
            return super().step(closure)

    calls, params = [], parameters()
    optim.Adadelta(params)  # after which torch's own runs them twice
    optimizer = Own(params)
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    set_gradients(params, torch.Generator().manual_seed(2))
    optimizer.step()
    assert calls == ["before", "after"]


NAMES = """settings slots signature update step_group init_state hyperparameters state_shapes sparse facts
    equation elementwise adapts params arguments keys algorithm check_together check_given needs_closure
    takes_complex matrices_only warmup_matters state_at_start one_vector paper plans closure state_names
    check_gradient kept plain declared switches""".split()  # noqa: SIM905
BASES = ["Adam", "SGD", "Muon", "Adagrad", "Adafactor", "LBFGS"]


def as_method(name):
    def method(self, batch=None, *more):
        return "mine", batch, more

    method.__name__ = name
    return method


def check_that_it_works(own, name, expected):
    params = params_for(name)
    more = {"max_iter": 4} if name == "LBFGS" else {}
    optimizer, generator = own(params, lr=0.01, **more), torch.Generator().manual_seed(2)
    for _ in range(3):
        if name == "LBFGS":
            optimizer.step(closure(optimizer, params))
        else:
            set_gradients(params, generator)
            optimizer.step()
    assert distance(params, expected) == 0
    twin = own(params_for(name), lr=0.01)
    twin.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    twin.add_param_group({"params": params_for(name)}) if name != "LBFGS" else None
    copy.deepcopy(optimizer)
    return optimizer


@pytest.fixture(scope="module")
def plain():
    """What each base does by itself."""
    return {name: _trained(name) for name in BASES}


def _trained(name):
    params = params_for(name)
    settings = {"lr": 0.01} | ({"max_iter": 4} if name == "LBFGS" else {})
    run(optim.OPTIMIZERS[name], settings, params, 3)
    return params


@pytest.mark.parametrize("name", BASES)
def test_a_subclass_may_use_any_name_for_methods_and_values_of_its_own(name, plain):
    base = optim.OPTIMIZERS[name]
    for make in (as_method, lambda _: {"a": 1}, lambda _: (), lambda _: "mine", lambda _: 3,
                 lambda n: property(lambda self: n), lambda n: staticmethod(as_method(n))):  # fmt: skip
        check_that_it_works(type("Own", (base,), {n: make(n) for n in NAMES}), name, plain[name])


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("value", [{"a": 1}, None, 0, "mine", True], ids=repr)
def test_an_instance_may_use_any_name_for_values_of_its_own(name, value, plain):
    class Own(optim.OPTIMIZERS[name]):
        def __init__(self, *args, **kwargs):
            for attribute in NAMES:
                setattr(self, attribute, value)
            super().__init__(*args, **kwargs)
            for attribute in NAMES:
                setattr(self, attribute, value)

    optimizer = check_that_it_works(Own, name, plain[name])
    assert all(getattr(optimizer, attribute) == value for attribute in NAMES)


class Pickled(optim.RAdam):
    """Importable, so that it can be pickled."""

    def __init__(self, params, lr=0.05, note=""):
        super().__init__(params, lr=lr)
        self.note = note


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_of_a_subclass_go_on_alike(duplicate):
    params = parameters()
    optimizer, generator = Pickled(params, note="first"), torch.Generator().manual_seed(2)
    step(optimizer, params, generator)
    twin = duplicate(optimizer)
    twins = twin.param_groups[0]["params"]
    for o, group in ((optimizer, params), (twin, twins)):
        set_gradients(group, torch.Generator().manual_seed(9))
        o.step()
    assert type(twin) is Pickled
    assert distance(twins, params) == 0
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    buffer.seek(0)
    Pickled(parameters()).load_state_dict(torch.load(buffer, weights_only=True))


def test_an_algorithm_of_one_s_own_still_declares_itself():
    class Signed(optim.SGD):
        """SGD by the sign, with a hyperparameter more."""

        share: float = f.hyperparameter(0.5, "share of the sign", "0 to 1")
        slots = ()

        @staticmethod
        def update(p, g, s, h):
            return p - h.lr * (h.share * f.sign(g) + (1 - h.share) * g)

    assert list(inspect.signature(Signed).parameters)[5:8] == ["nesterov", "share", "maximize"]
    assert list(Signed.hyperparameters)[-1] == "share"
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([4.0, -2.0])
    optimizer = Signed([p], lr=1.0, share=1.0, maximize=True)
    optimizer.step()
    assert p.tolist() == [1.0, -1.0]
    assert not optimizer.state[p]
    assert optim.SGD.hyperparameters.keys() == Signed.hyperparameters.keys() - {"share"}

    class Louder(Signed):
        """Nothing changed but the formula."""

        @staticmethod
        def update(p, g, s, h):
            return p - 2 * h.lr * g

    optimizer = Louder([p], lr=1.0)
    optimizer.step()
    assert p.tolist() == [-7.0, 3.0]


def test_a_formula_is_traced_where_it_is_declared_and_no_more():
    def defined(count):
        start = time.process_time()
        for number in range(count):
            type(f"Own{number}", (optim.Adam,), {})
        return time.process_time() - start

    defined(10)
    assert defined(100) < 0.1, "tracing takes some milliseconds for each class"


@every_optimizer
def test_every_switch_of_torch_s_is_taken_by_a_subclass(name):
    own = empty_subclass(optim.OPTIMIZERS[name])
    for switch, value in (
        ("foreach", False),
        ("maximize", True),
        ("capturable", True),
        ("differentiable", True),
    ):
        if takes(name, switch):
            assert own(params_for(name), **{switch: value}).param_groups[0][switch] == value
        else:
            with pytest.raises(TypeError, match=f"unexpected keyword argument '{switch}'"):
                own(params_for(name), **{switch: value})
