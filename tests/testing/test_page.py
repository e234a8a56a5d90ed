"""What docs/testing.md shows is collected and passes, and the suites need no pytest."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.test_docs import ROOT, blocks

BLOCKS = blocks(ROOT / "docs" / "testing.md")


@pytest.mark.parametrize(("number", "least"), [(0, 10), (1, 8), (2, 7)], ids=["optimizer", "task", "engine"])
def test_what_the_page_shows_passes(tmp_path, number, least):
    (tmp_path / "test_mine.py").write_text(BLOCKS[number], encoding="utf8")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= least


def test_a_failed_assertion_shows_its_values(tmp_path):
    text = BLOCKS[0].replace("p.grad.sign()", "torch.rand_like(p)")
    (tmp_path / "test_mine.py").write_text(text, encoding="utf8")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py", "-k", "Signs and precisions"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert re.search(r"float32 ends [\d.e+-]+ from float64\n\s*E?\s*assert", done.stdout), done.stdout


def test_the_suites_need_no_pytest():
    names = ", ".join(f"surefoot.testing.{name}" for name in ("optimizers", "tasks", "engines"))
    code = f"import sys; sys.modules['pytest'] = None; del sys.modules['pytest']\nimport {names}\n"
    code += "assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
