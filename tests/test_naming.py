"""Names in messages."""

import pytest

from surefoot.naming import closest, listed, nearest


@pytest.mark.parametrize(
    ("items", "most", "text"),
    [
        ([], None, ""), (["a"], None, "a"), (["a", "b"], None, "a and b"),
        (["a", "b", "c"], None, "a, b and c"), (["a", "b", "c", "d"], 3, "a, b and 2 more"),
        (["a", "b", "c"], 3, "a, b and c"), (["a", "b"], 1, "2 more"),
    ],
)  # fmt: skip
def test_a_list_in_a_sentence(items, most, text):
    assert listed(items, most) == text


def test_the_nearest_name_is_one_of_the_valid_ones():
    assert closest("ADMW", ["Adam", "AdamW", "SGD"]) == "AdamW"
    assert closest("zzz", ["Adam"]) is None
    assert closest("zzz", ["Adam"], cutoff=0.0) == "Adam"
    assert nearest("admw", ["Adam", "AdamW"]) == "; did you mean 'AdamW'?"
    assert nearest("zzz", ["SGD", "Adam"]) == "; there are Adam, SGD"
    assert nearest("zzz", []) == ""
