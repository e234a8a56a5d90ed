from hypothesis import given
from hypothesis import strategies as st

from surefoot.study.run import Schedule
from surefoot.training.schedule import branch, evaluations, factor

FULL = st.integers(1, 3000)
PROGRESS = st.floats(1e-3, 1)
SCHEDULES = st.builds(
    Schedule, st.sampled_from(["trunk", "constant", "cosine"]), st.floats(0, 0.5), st.floats(0, 1)
)


def factors(schedule: Schedule, steps: int, full: int) -> list[float]:
    return [factor(schedule, step, steps, full) for step in range(steps)]


@given(SCHEDULES, PROGRESS, FULL)
def test_every_step_moves_and_none_exceeds_the_base_rate(schedule, progress, full):
    steps = evaluations(progress, full)
    assert all(0 < f <= 1 for f in factors(schedule, steps, full))


@given(SCHEDULES, PROGRESS, FULL)
def test_it_rises_then_stays_then_falls(schedule, progress, full):
    values = factors(schedule, evaluations(progress, full), full)
    top = values.index(max(values))
    assert values[: top + 1] == sorted(values[: top + 1])
    assert values[top:] == sorted(values[top:], reverse=True)


@given(SCHEDULES, PROGRESS, FULL)
def test_only_a_constant_schedule_ends_above_zero(schedule, progress, full):
    steps = evaluations(progress, full)
    end = factor(schedule, steps, steps, full)
    assert end > 0 if schedule.kind == "constant" else end < 1e-12


@given(SCHEDULES.filter(lambda s: s.kind != "cosine"), PROGRESS, PROGRESS, FULL)
def test_a_longer_run_contains_the_trunk_of_a_shorter_one(schedule, one, other, full):
    short, long = sorted([evaluations(one, full), evaluations(other, full)])
    trunk = branch(schedule, short)
    assert trunk <= branch(schedule, long)
    assert factors(schedule, short, full)[:trunk] == factors(schedule, long, full)[:trunk]


@given(st.floats(0, 0.5), FULL, FULL)
def test_cosine_is_rescaled_to_the_rung(warmup, steps, full):
    schedule = Schedule("cosine", warmup)
    assert branch(schedule, steps) == 0
    assert factors(schedule, steps, full) == factors(schedule, steps, steps)


def test_the_default_by_hand():
    values = factors(Schedule(), steps=50, full=100)  # warmup 5, cooldown 10
    assert values[:6] == [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1]
    assert values[6:41] == [1.0] * 35
    assert values[41:] == [k / 10 for k in range(9, 0, -1)]


def test_a_branch_during_warmup_cools_down_from_where_it_is():
    values = factors(Schedule(warmup=0.5), steps=10, full=100)
    assert max(values) == 9 / 51
    assert values[-2:] == [9 / 51, 9 / 102]
