"""What the docs show is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf8"), re.S)


def test_the_first_page_finds_w_and_b_both_ways(capsys):
    exec(blocks(ROOT / "docs" / "first-steps.md")[0], {})
    found = re.findall(r"w = ([\d.-]+)  b = ([\d.-]+)", capsys.readouterr().out)
    assert len(found) == 2
    for w, b in found:
        assert float(w) == pytest.approx(2, abs=0.1)
        assert float(b) == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("code", blocks(ROOT / "README.md"))
def test_the_code_in_the_readme_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(code, {})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_inside_the_project_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf8")):
        assert target.startswith("http") or (page.parent / target).exists(), target
