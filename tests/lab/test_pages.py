"""The lab's pages in a real browser: what every room has in common."""

import pytest


@pytest.mark.parametrize("path", ["/", "/playground", "/studies", "/optimizers"])
def test_a_room_opens(page, lab, path):
    answer = page.goto(path)
    assert answer.status == 200
    assert "Surefoot lab" in page.title()
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
