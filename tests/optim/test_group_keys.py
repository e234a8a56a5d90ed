"""Keys of parameter groups: the user's own are kept, slips of a setting's name are refused."""

from __future__ import annotations

import warnings

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import NAMES, pair, parameters, shapes_for

# As they occur in training code.
OWN = """
    lr_scale lr_mult lr_multiplier lr_ratio lr_factor base_lr max_lr min_lr start_lr init_lr
    initial_lr peak_lr final_lr lr0 blr fix_lr custom_lr initial_lrs lr_decay_rate layer_decay
    decay_mult decay_rate wd wd_mult apply_wd weight_decay_mult weight_decay_scale base_weight_decay
    init_weight_decay initial_weight_decay weight_decays apply_weight_decay no_weight_decay
    use_weight_decay weight_decay_filter weight_decay_end initial_wd momentum_end base_momentum
    max_momentum init_momentum momentum_buffer_dtype eps2 eps_root eps1 betas2 beta1 beta2 beta3 ema
    ema_decay foreach_ fused_ param_name param_names_ name group_name names tag kind role layer_id
    layer_name block is_last_layer is_bias is_encoder use_muon use_adam muon rank update_proj_gap
    scale proj_type lora freeze frozen trainable no_decay decay ndim nesterov_scale k mode t_max
    warmup warmup_steps swa_lr ls_init clip max_grad_norm clip_threshold scale_parameter
    relative_step degenerated_to_sgd buffer weight weights weight_norm bias_lr head_lr visual_lr
    step_counter step_mode moments dtype _swa custom
""".split()  # noqa: SIM905

SLIPS = {
    "Adam": {
        "weigth_decay": "weight_decay", "weight_decey": "weight_decay", "wieght_deacy": "weight_decay",
        "weight_deca": "weight_decay", "weigh_decay": "weight_decay", "weightdecay": "weight_decay",
        "weight-decay": "weight_decay", "Weight_Decay": "weight_decay", "weight_dacay": "weight_decay",
        "weight_dcay": "weight_decay", "beta": "betas", "bteas": "betas", "bettas": "betas", "epss": "eps",
        "ep": "eps", "esp": "eps", "ls": "lr", "rl": "lr", "lr_": "lr", "LR": "lr", "lrr": "lr",
        "amsgard": "amsgrad", "amsgrade": None, "amgrad": "amsgrad", "maximze": "maximize",
        "decoupled_weigth_decay": "decoupled_weight_decay",
    },
    "SGD": {
        "momentm": "momentum", "momentun": "momentum", "momemtum": "momentum", "mommentum": "momentum",
        "nestrov": "nesterov", "nesterow": "nesterov", "dampning": "dampening", "damping": None,
        "moment": None, "minimize": None,
    },
    "RMSprop": {"alhpa": "alpha", "centerd": "centered", "centred": "centered"},
    "LBFGS": {"histroy_size": "history_size", "max_itr": "max_iter", "tolerence_grad": "tolerance_grad"},
    "Muon": {"ns_step": "ns_steps", "ns_coeficients": "ns_coefficients", "adjust_lr_fnn": None},
    "NAdam": {"momentum_deacy": "momentum_decay", "momentum_decey": "momentum_decay"},
}  # fmt: skip
CASES = [(name, key, meant) for name, keys in SLIPS.items() for key, meant in keys.items()]


def params_for(name):
    return parameters(shapes=shapes_for(name))


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_the_user_s_own_keys_are_kept_as_in_torch(name):
    taken = set(optim.OPTIMIZERS[name]._declared.hyperparameters) | {"params"}
    keys = {key: f"value of {key}" for key in OWN if key not in taken}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = optim.OPTIMIZERS[name]([{"params": params_for(name), **keys}])
    group = optimizer.param_groups[0]
    assert keys.items() <= group.items()
    assert keys.items() <= optimizer.state_dict()["param_groups"][0].items()


@pytest.mark.parametrize(("name", "key", "meant"), CASES)
def test_a_setting_with_a_slip_is_refused_and_a_word_further_away_is_not(name, key, meant):
    group = {"params": params_for(name), key: 0.1}
    if meant is None:
        assert optim.OPTIMIZERS[name]([group]).param_groups[0][key] == 0.1
    else:
        with pytest.raises(ValueError, match=f"unknown group option '{key}'; did you mean '{meant}'"):
            optim.OPTIMIZERS[name]([group])


def test_another_spelling_is_kept_and_warned_of():
    with pytest.warns(UserWarning, match="'maximise' does nothing; did you mean 'maximize'"):
        optimizer = optim.AdamW([{"params": parameters(), "maximise": True}])
    assert optimizer.param_groups[0]["maximise"] is True


def test_no_setting_of_one_optimizer_is_a_slip_of_another_s():
    for target in sorted(optim.OPTIMIZERS):
        known = optim.OPTIMIZERS[target]._declared.hyperparameters
        for source, cls in optim.OPTIMIZERS.items():
            keys = {n: h.default for n, h in cls._declared.hyperparameters.items() if n not in known}
            group = {"params": params_for(target), **keys}
            assert optim.OPTIMIZERS[target]([group]).param_groups[0].keys() >= keys.keys(), source


SCHEDULERS = {
    "one cycle": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=9, cycle_momentum=False),
    "one cycle with momentum": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=9),
    "cyclic": lambda o: optim.lr_scheduler.CyclicLR(o, 0.01, 0.1, cycle_momentum=False),
    "cyclic with momentum": lambda o: optim.lr_scheduler.CyclicLR(o, 0.01, 0.1),
    "averaging": lambda o: optim.swa_utils.SWALR(o, 0.05),
    "warm restarts": lambda o: optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
}  # fmt: skip


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS)
@pytest.mark.parametrize("target", ["SGD", "Adam", "NAdam", "RMSprop", "Lion"])
def test_groups_move_on_after_a_scheduler(scheduler, target):
    for source in (torch.optim.SGD, optim.SGD, torch.optim.AdamW, optim.RMSprop, optim.Adamax):
        more = {"momentum": 0.9} if "momentum" in source(parameters()).defaults else {}
        before = source([{"params": parameters(), "lr_scale": 0.5}], lr=0.1, **more)
        scheduler(before)
        after = optim.OPTIMIZERS[target](before.param_groups)
        assert after.param_groups[0].keys() >= before.param_groups[0].keys()
        assert after.param_groups[0]["lr_scale"] == 0.5


def bad_groups():
    """Groups to be added after one of the parameters `a` and `b`, by name."""
    return {
        "twice in two groups": lambda a, b: {"params": [a]},
        "twice in one group": lambda a, b: {"params": [c := torch.nn.Parameter(torch.ones(2, 2)), c]},
        "both": lambda a, b: {"params": [b, b]},
        "a set": lambda a, b: {"params": {torch.nn.Parameter(torch.ones(2, 2))}},
        "no tensor": lambda a, b: {"params": ["weight"]},
        "no parameters": lambda a, b: {"lr": 0.1},
        "misnamed": lambda a, b: {"param": [torch.nn.Parameter(torch.ones(2, 2))]},
        "no group": lambda a, b: [torch.nn.Parameter(torch.ones(2, 2))],
        "no leaf": lambda a, b: {"params": [a * 2]},
        "names for some": lambda a, b: {"params": [("c", torch.nn.Parameter(torch.ones(2, 2))), b]},
        "names at last": lambda a, b: {"params": [("c", torch.nn.Parameter(torch.ones(2, 2)))]},
        "one tensor": lambda a, b: {"params": torch.nn.Parameter(torch.ones(2, 2))},
        "none": lambda a, b: None,
    }


@pytest.mark.parametrize("what", bad_groups())
@pytest.mark.parametrize("name", [n for n in NAMES if n != "LBFGS"])
def test_a_group_is_refused_taken_or_warned_of_as_in_torch(name, what):
    outcomes = []
    for make in pair(name):
        a, b = (torch.nn.Parameter(torch.ones(2, 2)) for _ in "ab")
        optimizer = make([a, b])
        before = [dict(group) for group in optimizer.param_groups]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                optimizer.add_param_group(bad_groups()[what](a, b))
                outcome = "taken"
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"
                assert [dict(group) for group in optimizer.param_groups] == before
        told = [(w.category, str(w.message)) for w in caught if "deprecated" not in str(w.message)]
        outcomes.append((outcome, told, len(optimizer.param_groups)))
    assert outcomes[1] == outcomes[0]


def test_a_refused_group_changes_nothing():
    optimizer = optim.Adam(parameters())
    for wrong in ({"betas": [0.9, 1.5]}, {"weigth_decay": 0.1}, {"lr": -1}, {"eps": "small"}):
        with pytest.raises((ValueError, TypeError)):
            optimizer.add_param_group({"params": parameters(), **wrong})
        assert len(optimizer.param_groups) == 1


def test_a_group_stays_the_dict_that_was_given():
    for make in pair("Adamax"):
        group = {"params": parameters(), "betas": [0.5, 0.9], "mine": [1, 2]}
        optimizer = make([group])
        assert optimizer.param_groups[0] is group
        assert group["mine"] == [1, 2]
