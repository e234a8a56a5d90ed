import io
from dataclasses import dataclass, field

from rich.console import Console

from surefoot.report.explain import explain, listing


@dataclass(frozen=True)
class Argument:
    name: str
    default: object
    meaning: str
    usual: str = ""


@dataclass(frozen=True)
class Card:
    name: str = "Adam"
    summary: str = "Scales each step by the gradient's recent size."
    equation: str = "m = β₁ m + (1 − β₁) g\np = p − lr m / (√v + ε)[/]"
    family: str = "a kind of its own"
    hyperparameters: tuple[Argument, ...] = (
        Argument("lr", 1e-3, "size of a step", "1e-4 to 1e-2"),
        Argument("betas", (0.9, 0.999), "decay rates [of averages]"),
    )
    state: tuple[str, ...] = ("exp_avg", "exp_avg_sq")
    state_bytes_per_parameter: str = "8 bytes in float32"
    takes: str = "sparse gradients"
    good_at: str = "nearly everything"
    bad_at: str = "sharp minima"
    paper: str = "https://arxiv.org/abs/1412.6980"
    tags: list[str] = field(default_factory=list)


def shown(renderable, width=100) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(renderable)
    return file.getvalue()


def test_the_card_says_it_all():
    text = shown(explain(Card()))
    for words in (
        "Adam\nScales", "    m = β₁ m + (1 − β₁) g\n", "(√v + ε)[/]", "(0.9, 0.999)", "[of averages]",
        "exp_avg, exp_avg_sq", "per parameter  8 bytes in float32", "sharp", "https://arxiv.org/abs/1412.6980",
    ):  # fmt: skip
        assert words in text


def test_a_stateless_optimizer_keeps_nothing():
    assert "none" in shown(explain(Card(state=())))


def test_the_card_fits_a_narrow_terminal():
    assert max(map(len, shown(explain(Card()), width=60).splitlines())) <= 60


def test_a_listing_sets_numbers_to_the_right_and_takes_text_as_it_is():
    text = shown(listing([("digits", 12, None), ("[red]line", 3, "x\x1b[2J")], ("task", "runs", "verdict")))
    assert "[red]line" in text
    assert "\x1b" not in text
    assert "   3 " in text
    assert "–" in text


def test_an_empty_listing_has_its_heading():
    assert "task" in shown(listing([], ("task",)))
