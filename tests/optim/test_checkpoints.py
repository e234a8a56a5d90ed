"""Checkpoints: both ways between torch and ours, by name, refused with every difference, or converted."""

from __future__ import annotations

import copy
import io
import itertools
import warnings

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from surefoot import optim
from surefoot.formula.state_dict.detect import off
from tests.optim.configurations import (
    every_case,
    every_optimizer,
    for_loop,
    pair,
    parameters,
    shapes_for,
    step,
)


def saved(optimizer):
    """Its state dict as it comes back from a file."""
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def equal(a, b):
    """Whether two state dicts, or parts of them, are the same to the last bit."""
    if isinstance(a, torch.Tensor):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(itertools.starmap(equal, zip(a, b, strict=True)))
    return a == b


def trained(make, options, params, steps=7):
    if make.__name__ == "LBFGS":
        options, steps = {"max_iter": 4} | options, 3
    optimizer, generator = make(params, **copy.deepcopy(options)), torch.Generator().manual_seed(5)
    for _ in range(steps):
        step(optimizer, params, generator)
    return optimizer


def reloaded(state_dict, make, options, params):
    options = {"max_iter": 4} | options if make.__name__ == "LBFGS" else options
    optimizer = make(params, **copy.deepcopy(options))
    optimizer.load_state_dict(state_dict)
    return optimizer


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@every_case
def test_what_torch_saved_comes_back_from_ours_to_the_last_bit(name, settings, dtype):
    theirs, ours = pair(name)
    settings = for_loop(name, settings)

    def params():
        return parameters(dtype, shapes_for(name))

    state_dict = saved(trained(theirs, settings, params()))
    expected = reloaded(state_dict, theirs, settings, params()).state_dict()
    found = reloaded(saved(reloaded(state_dict, ours, settings, params())), theirs, settings, params())
    assert equal(found.state_dict(), expected)


@every_case
def test_training_goes_on_where_it_was_saved(name, settings):
    theirs, ours = pair(name)
    shapes, settings = shapes_for(name), for_loop(name, settings)
    settings = {"max_iter": 4} | settings if name == "LBFGS" else settings
    single = name == "Muon" and isinstance(settings.get("lr"), torch.Tensor)  # torch scales it in float32
    rtol = 1e-5 if single else 1e-8 if name == "LBFGS" else 1e-11
    for makes in ([theirs, ours, theirs], [ours, theirs, ours]):
        expected, found = parameters(shapes=shapes), parameters(shapes=shapes)
        for params, classes in ((expected, [theirs] * 3), (found, makes)):
            # torch's loading rounds some state, so the reference is reloaded as well
            state_dict, generator = None, torch.Generator().manual_seed(5)
            for make in classes:
                optimizer = make(params, **copy.deepcopy(settings))
                if state_dict is not None:
                    optimizer.load_state_dict(state_dict)
                for _ in range(3 if name == "LBFGS" else 10):
                    step(optimizer, params, generator)
                state_dict = saved(optimizer)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=rtol, atol=1e-12)


# What torch loads, ours loads ------------------------------------------------------------------------------


@every_optimizer
def test_a_checkpoint_without_any_state_loads(name):
    theirs, ours = pair(name)
    for make, other in ((theirs, ours), (ours, theirs)):
        params = parameters(shapes=shapes_for(name))
        optimizer = ours(params)
        optimizer.load_state_dict(make(parameters(shapes=shapes_for(name)), lr=0.25).state_dict())
        assert optimizer.param_groups[0]["lr"] == 0.25
        other(parameters(shapes=shapes_for(name))).load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Rprop", "ASGD"])
def test_parameters_that_have_no_state_yet(name):
    theirs, ours = pair(name)
    options = {"momentum": 0.9} if name == "SGD" else {}
    first, second = parameters(), parameters()
    reference = theirs(first, **options, foreach=False)
    for p in first[:2]:
        p.grad = torch.ones_like(p)
    reference.step()
    optimizer = ours(second, **options)
    for a, b in zip(second, first, strict=True):
        a.data.copy_(b.data)
    optimizer.load_state_dict(saved(reference))
    for params, o in ((first, reference), (second, optimizer)):
        for p in params:
            p.grad = torch.ones_like(p)
        o.step()
    for a, b in zip(second, first, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


NEWER = {
    "foreach", "maximize", "capturable", "differentiable", "fused", "decoupled_weight_decay", "nesterov",
    "centered",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adamax", "Adagrad", "Rprop"]
)
@pytest.mark.parametrize("number", [False, True], ids=["step is a tensor", "step is a number"])
def test_checkpoints_of_older_torch_lack_keys(name, number):
    theirs, ours = pair(name)
    state_dict = saved(trained(theirs, {}, parameters()))
    for group in state_dict["param_groups"]:
        for key in NEWER:
            group.pop(key, None)
    for entries in state_dict["state"].values():
        for key in ("step", "mu_product") if number else ():
            if key in entries:
                entries[key] = entries[key].item()
    twin, params = parameters(), parameters()
    expected, found = theirs(twin), ours(params)
    expected.load_state_dict(copy.deepcopy(state_dict))
    found.load_state_dict(state_dict)
    assert found.param_groups[0].keys() == expected.param_groups[0].keys()
    for optimizer, each in ((expected, twin), (found, params)):
        for p in each:
            p.grad = p.detach().sin()
        optimizer.step()
    for a, b in zip(params, twin, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)
        for key, value in expected.state[b].items():
            torch.testing.assert_close(found.state[a][key], value, rtol=1e-6, atol=1e-13, check_dtype=False)


def test_keys_and_entries_of_the_users_own_stay():
    params = parameters()
    optimizer = trained(optim.Adam, {}, params)
    optimizer.param_groups[0] |= {"initial_lr": 0.5, "name": "all", "momentum": 0.9, "lr_scale": 0.1}
    optimizer.state[params[0]]["average"] = torch.ones(2, dtype=torch.float64)
    state_dict = saved(optimizer)
    other = optim.Adam(parameters(), lr=7.0, betas=(0.5, 0.5))
    other.load_state_dict(state_dict)
    assert equal(other.state_dict(), state_dict)


def test_hooks_run_as_in_torch():
    calls = {}
    for make in (torch.optim.Adam, optim.Adam):
        seen = calls[make] = []
        optimizer = trained(make, {}, parameters())
        optimizer.register_state_dict_pre_hook(lambda o, s=seen: s.append("saving"))
        optimizer.register_state_dict_post_hook(lambda o, d, s=seen: s.append("saved") or {**d, "extra": 1})

        def before(o, d, s=seen):
            s.append(("loading", sorted(d)))
            for group in d["param_groups"]:
                group["lr"] = 0.125
            return dict(d)

        optimizer.register_load_state_dict_pre_hook(before)
        optimizer.register_load_state_dict_post_hook(lambda o, s=seen: s.append(o.param_groups[0]["lr"]))
        for _ in range(2):
            optimizer.load_state_dict(optimizer.state_dict())
        assert len(optimizer._optimizer_load_state_dict_pre_hooks) == 1
    assert calls[optim.Adam] == calls[torch.optim.Adam]
    assert calls[optim.Adam][:4] == [
        "saving",
        "saved",
        ("loading", ["extra", "param_groups", "state"]),
        0.125,
    ]


# By name ---------------------------------------------------------------------------------------------------

NAMES = ["a.weight", "a.bias", "b.weight", "c"]


def named(groups, values=None, make=optim.Adam, **options):
    """An optimizer over groups of names; each parameter holds its name's number, all have one shape."""
    values = values or {n: torch.nn.Parameter(torch.full((2,), float(i))) for i, n in enumerate(NAMES)}
    listed = [{"params": [(n, values[n]) for n in names], "eps": 10.0 ** -len(names)} for names in groups]
    optimizer = make(listed, **options)
    for n, p in values.items():
        p.grad = torch.full((2,), 1.0 + NAMES.index(n))
    return optimizer, values


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parameters_are_found_by_name_in_any_order(data):
    order = data.draw(st.permutations(NAMES))
    cuts = sorted(data.draw(st.sets(st.integers(1, 3), max_size=3)))
    groups = [order[a:b] for a, b in itertools.pairwise([0, *cuts, 4])]
    first, values = named(groups)
    first.step()
    shuffled = [data.draw(st.permutations(g)) for g in data.draw(st.permutations(groups))]
    wrapper = data.draw(st.sampled_from(["", "module.", "_orig_mod.", "model."]))
    state_dict = saved(first)
    for group in state_dict["param_groups"]:
        group["param_names"] = [wrapper + n for n in group["param_names"]]
    second, others = named(shuffled)
    second.load_state_dict(state_dict)
    for n in NAMES:
        assert equal(second.state[others[n]], first.state[values[n]])
    for group, names in zip(second.param_groups, shuffled, strict=True):
        assert group["param_names"] == names
        assert group["eps"] == 10.0 ** -len(names)
        assert all(p is others[n] for p, n in zip(group["params"], names, strict=True))


def test_names_on_one_side_alone_go_by_order():
    first, _ = named([NAMES])
    first.step()
    plain = [torch.nn.Parameter(torch.zeros(2)) for _ in NAMES]
    second = optim.Adam(plain)
    second.load_state_dict(first.state_dict())
    assert [float(second.state[p]["exp_avg"][0]) for p in plain] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert second.param_groups[0]["param_names"] == NAMES
    third, values = named([NAMES[::-1]])
    third.load_state_dict(optim.Adam(plain).state_dict())
    assert third.param_groups[0]["param_names"] == NAMES[::-1]
    assert all(p is values[n] for p, n in zip(third.param_groups[0]["params"], NAMES[::-1], strict=True))


def test_torch_distributed_checkpoint_hands_over_names_as_ids():
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict

    def made(backwards):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
        names = list(model.named_parameters())
        return model, optim.AdamW(names[::-1] if backwards else names, lr=0.1)

    model, optimizer = made(False)
    model(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
    other, restored = made(True)
    set_optimizer_state_dict(other, restored, get_optimizer_state_dict(model, optimizer))
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert equal(optimizer.state[a], restored.state[b])


# Refused ---------------------------------------------------------------------------------------------------


def refusal(optimizer, state_dict, **options):
    """The message, after a check that nothing was changed."""
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match="Nothing was changed") as error:
        optimizer.load_state_dict(state_dict, **options)
    assert equal(optimizer.state_dict(), before)
    assert not optimizer._optimizer_load_state_dict_pre_hooks
    return str(error.value)


ELEMENTWISE = sorted(n for n in optim.OPTIMIZERS if n not in ("LBFGS", "RandomSearch", "SparseAdam", "Muon"))


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("there", ELEMENTWISE)
def test_another_algorithm_is_refused_and_named(name, there):
    ours = trained(optim.OPTIMIZERS[name], {}, parameters())
    for steps in (7, 0):  # with state, and known by its groups alone
        for make in {getattr(torch.optim, there, None), optim.OPTIMIZERS[there]} - {None}:
            state_dict = saved(trained(make, {}, parameters(), steps))
            if name == there:
                copy.deepcopy(ours).load_state_dict(state_dict)
            elif {name, there} == {"Adam", "AdamW"}:
                assert "decoupled_weight_decay" in refusal(ours, state_dict)
            elif steps or not harmless(name, there):
                message = refusal(ours, state_dict)
                assert message.startswith(f"loaded state dict does not fit this {name}:\n")
                assert there in message.split("it looks like")[-1]
                assert "convert=True" in message


def harmless(name, there):
    """Without any state, a group of ours has every setting that the other has: nothing is lost."""
    ours, theirs = (optim.OPTIMIZERS[n].hyperparameters for n in (name, there))
    missing = [h for n, h in ours.items() if n not in theirs and not h.fixed and not off(h)]
    return theirs.keys() <= ours.keys() and not missing


def test_the_message_lists_every_difference():
    adam = trained(optim.Adam, {}, parameters())
    message = refusal(adam, trained(torch.optim.SGD, {"momentum": 0.9}, parameters()).state_dict())
    assert message.splitlines() == [
        "loaded state dict does not fit this Adam:",
        "  setting 'betas' is missing",
        "  setting 'eps' is missing",
        "  state entry 'momentum_buffer' is unknown",
        "  state entry 'exp_avg' is missing",
        "  state entry 'exp_avg_sq' is missing",
        "  state entry 'step' is missing",
        "  it looks like SGD",
        "Nothing was changed; convert=True carries over what means the same in both.",
    ]


def test_a_subclass_that_only_adapts_an_optimizer_is_not_taken_for_another_algorithm():
    wrappers = [type("WrappedSGD", (optim.SGD,), {}) for _ in range(2)]  # as Lightning makes them
    message = refusal(optim.Adam(parameters()), optim.SGD(parameters(), momentum=0.9).state_dict())
    assert "it looks like SGD" in message
    assert wrappers[0].__name__ not in message


def test_other_shapes_are_refused_parameter_by_parameter():
    state_dict = trained(torch.optim.Adam, {}, parameters(shapes=[(2, 3), (4,), (5,)])).state_dict()
    model = torch.nn.ParameterDict({"w": torch.zeros(3, 2), "b": torch.zeros(4), "c": torch.zeros(4)})
    message = refusal(optim.Adam([model["w"], model["b"], model["c"]]), state_dict)
    assert "  parameter 0: 'exp_avg' has shape (2, 3), expected (3, 2)" in message.splitlines()
    assert "  parameter 2: 'exp_avg_sq' has shape (5,), expected (4,)" in message.splitlines()
    message = refusal(optim.Adam(model.named_parameters()), state_dict, convert=True)
    assert "parameter 'w'" in message
    assert "convert=True" not in message


def test_other_numbers_of_groups_and_parameters_are_refused_in_the_words_of_torch():
    for groups in ([NAMES[:2], NAMES[2:]], [NAMES[:3]]):
        for names in (True, False):
            first, _ = named([NAMES])
            first.step()
            state_dict = first.state_dict()
            if not names:
                del state_dict["param_groups"][0]["param_names"]
            second, _ = named(groups)
            with pytest.raises(ValueError, match="loaded state dict") as error:
                torch.optim.Adam([dict(g) for g in second.param_groups]).load_state_dict(state_dict)
            message = refusal(second, state_dict)
            assert message.startswith(f"{error.value}:\n  ")
            if names and len(groups) == 1:
                assert "parameter 'c' is unknown" in message
            if not names:
                assert "expected" in message


def test_other_names_are_refused():
    first, _ = named([NAMES[:2], NAMES[2:]])
    first.step()
    state_dict = saved(first)
    state_dict["param_groups"][1]["param_names"][0] = "head.weight"
    second, _ = named([NAMES[:2], NAMES[2:]])
    message = refusal(second, state_dict)
    assert "  parameter 'b.weight' is missing\n  parameter 'head.weight' is unknown\n" in message
    for group in state_dict["param_groups"]:
        del group["param_names"]
    second.load_state_dict(state_dict)
    message = refusal(named([[NAMES[0], NAMES[2]], [NAMES[1], NAMES[3]]])[0], saved(first))
    assert "no group of the loaded state dict holds exactly 'a.weight', 'b.weight'" in message


def test_many_differences_are_cut_short():
    shapes = [(2,)] * 40
    state_dict = trained(optim.Adam, {}, parameters(shapes=shapes)).state_dict()
    message = refusal(optim.Adam(parameters(shapes=[(3,)] * 40)), state_dict)
    assert "and 50 more differences" in message


def test_foreign_algorithms_are_refused():
    adan = saved(trained(optim.Adam, {}, parameters()))
    adan["param_groups"][0]["betas"] = (0.98, 0.92, 0.99)
    assert "setting 'betas' has 3 values, expected 2" in refusal(optim.Adam(parameters()), adan)
    lion = {
        "state": {i: {"exp_avg": torch.zeros_like(p)} for i, p in enumerate(parameters())},
        "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0, "params": [0, 1, 2, 3]}],
    }
    assert "state entry 'exp_avg_sq' is missing" in refusal(optim.Adam(parameters()), lion)
    assert "setting 'lr' is missing" in refusal(
        optim.SGD(parameters()), optim.RandomSearch(parameters()).state_dict()
    )


def test_lbfgs_is_refused_where_its_vectors_do_not_fit():
    state_dict = trained(torch.optim.LBFGS, {}, parameters(shapes=[(2, 3), (4,)])).state_dict()
    message = refusal(optim.LBFGS(parameters(shapes=[(4, 3), (4,)])), state_dict)
    assert "'old_dirs' has shape (10,), expected (16,)" in message
    adam = optim.Adam(parameters(shapes=[(2, 3), (4,)]))
    message = refusal(optim.LBFGS(parameters(shapes=[(2, 3), (4,)])), adam.state_dict())
    assert "setting 'max_iter' is missing" in message
    values = {n: torch.nn.Parameter(torch.ones(2)) for n in NAMES}
    backwards = optim.LBFGS([(n, values[n]) for n in NAMES[::-1]])
    message = refusal(backwards, optim.LBFGS([(n, values[n]) for n in NAMES]).state_dict())
    assert "order of the parameters: 'a.weight', 'a.bias', 'b.weight', 'c', expected 'c', " in message


# Converted, and whose learning rate ------------------------------------------------------------------------


def converted(optimizer, state_dict, **options):
    with pytest.warns(UserWarning, match="state dict converted") as caught:
        optimizer.load_state_dict(state_dict, convert=True, **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    return str(caught[0].message)


def test_adam_becomes_adamw():
    state_dict = saved(trained(torch.optim.Adam, {"lr": 0.5, "betas": (0.8, 0.99)}, parameters()))
    for lr, expected in (("saved", 0.5), ("mine", 0.125)):
        params = parameters()
        optimizer = optim.AdamW(params, lr=0.125)
        message = converted(optimizer, state_dict, lr=lr)
        assert message == (
            "AdamW: state dict converted; carried over: exp_avg, exp_avg_sq, step; dropped: nothing; "
            "started anew: nothing"
        )
        own = optim.AdamW(parameters(), lr=expected).param_groups[0]
        assert {**optimizer.param_groups[0], "params": 0} == {**own, "params": 0}
        assert equal(saved(optimizer)["state"], state_dict["state"])
        trained_on = torch.optim.AdamW(params, lr=expected)
        trained_on.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("there", [*ELEMENTWISE, "SparseAdam", "LBFGS", "RandomSearch"])
def test_every_conversion_takes_sane_steps(name, there):
    make, options = optim.OPTIMIZERS[name], {}
    if name == "SGD":
        options = {"momentum": 0.9}
    shapes = [(7, 5), (33,)]
    params, fresh = parameters(shapes=shapes), parameters(shapes=shapes)
    source = optim.OPTIMIZERS[there](params)
    for number in range(50):
        if there in ("LBFGS", "RandomSearch"):
            break
        for p in params:
            p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(number), dtype=p.dtype)
            p.grad = p.grad.to_sparse(1) if there == "SparseAdam" else p.grad
        source.step()
    optimizer, reference = make(params, **options), make(fresh, **options)
    converted(optimizer, saved(source), lr="mine")
    for each, o in ((params, optimizer), (fresh, reference)):
        before = [p.detach().clone() for p in each]
        for number in range(10):
            for p in each:
                p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(number), dtype=p.dtype)
            o.step()
        moved = sum(float((p.detach() - b).norm()) for p, b in zip(each, before, strict=True))
        if o is optimizer:
            distance = moved
    assert distance < 4 * moved, "the converted optimizer runs away"


def test_what_a_conversion_leaves_behind():
    def message(there, here, here_options=None, **options):
        optimizer = optim.OPTIMIZERS[here](parameters(), **(here_options or {}))
        return converted(optimizer, saved(trained(optim.OPTIMIZERS[there], options, parameters())))

    momentum = {"momentum": 0.9}
    assert "dropped: momentum_buffer; started" in message("SGD", "RMSprop", momentum, **momentum)
    assert "dropped: momentum_buffer, square_avg, step; started" in message(
        "RMSprop", "SGD", momentum, **momentum
    )
    assert "carried over: momentum_buffer; dropped: nothing" in message("SGD", "SGD", momentum, **momentum)
    assert "dropped: momentum_buffer; started" in message("SGD", "SGD", {}, **momentum)
    assert (
        "carried over: nothing; dropped: exp_avg, exp_avg_sq, step; started anew: exp_avg, exp_inf, step"
        in message("Adam", "Adamax")
    )
    assert (
        "carried over: square_avg, step; dropped: exp_avg; started anew: nothing"
        in message("Adam", "RMSprop")  # other names, the same meaning
    )
    assert "started anew: max_exp_avg_sq" in message("Adam", "AdamW", {"amsgrad": True})
    assert "dropped: max_exp_avg_sq" in message("Adam", "AdamW", amsgrad=True)
    matrices = parameters(shapes=[(4, 3), (5, 5)])
    muon = optim.Muon(matrices)
    assert "dropped: momentum_buffer; started" in converted(
        muon, saved(trained(optim.SGD, momentum, parameters(shapes=[(4, 3), (5, 5)])))
    )
    assert "it looks like SGD" in refusal(muon, saved(trained(optim.SGD, momentum, matrices)))
    assert "it looks like Muon" in refusal(
        optim.SGD(matrices, **momentum), saved(trained(optim.Muon, {}, matrices))
    )
    assert "carried over: square_avg, step; dropped: nothing; started anew: acc_delta" in message(
        "RMSprop", "Adadelta"
    )


def test_counts_take_the_form_of_the_new_optimizer():
    embedding = [torch.nn.Parameter(torch.ones(4, 2))]
    embedding[0].grad = torch.ones(4, 2)
    adam = optim.Adam(embedding)
    adam.step()
    sparse = optim.SparseAdam(embedding)
    converted(sparse, saved(adam))
    assert type(sparse.state[embedding[0]]["step"]) is int
    converted(adam, saved(sparse))
    assert adam.state[embedding[0]]["step"].dtype == torch.float32


def test_the_learning_rate_of_mine():
    source = trained(optim.Adam, {"lr": 0.5, "weight_decay": 0.25}, parameters())
    source.param_groups[0]["initial_lr"] = 0.75
    optimizer = optim.Adam(parameters(), lr=0.125)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.load_state_dict(saved(source), lr="mine")
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"], "initial_lr" in group) == (0.125, 0.25, False)
    torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    optimizer.load_state_dict(saved(source), lr="mine")
    assert optimizer.param_groups[0]["initial_lr"] == 0.125
    optimizer.load_state_dict(saved(source))
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["initial_lr"]) == (0.5, 0.75)
    with pytest.raises(ValueError, match="lr='yours' is neither 'saved' nor 'mine'"):
        optimizer.load_state_dict(saved(source), lr="yours")


def test_random_search_has_nothing_but_settings():
    optimizer = optim.RandomSearch(parameters(), scale=0.5)
    other = optim.RandomSearch(parameters())
    other.load_state_dict(saved(optimizer))
    assert other.param_groups[0]["scale"] == 0.5
    assert "setting 'scale' is missing" in refusal(other, saved(optim.SGD(parameters())))
