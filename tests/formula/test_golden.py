"""What is printed for one formula is what was reviewed, on every processor."""

import re

from tests.formula.kernel_page import GOLDEN, PAGE, golden, page

ANEW = "python -m tests.formula.kernel_page writes it anew; look at the difference"


def test_the_ir_is_the_reviewed_one():
    assert golden() == GOLDEN.read_text(encoding="utf8"), ANEW


def test_the_page_is_true():
    assert page() == PAGE.read_text(encoding="utf8"), ANEW


def test_nothing_in_it_is_of_one_processor():
    text = golden()
    assert re.findall(r'^target .* = "(.*)"', text, re.M) == ["unknown-unknown-unknown", ""]
    assert "target-cpu" not in text
