"""Packages and the standard library: what must be there, and what may not be used."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import surefoot
from surefoot import cli

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
OLDEST = (3, 11, 2)

NEWER_NAMES = dict.fromkeys(
    ["data_filter", "tar_filter", "fully_trusted_filter", "extraction_filter", "FilterError"],
    "tarfile, 3.11.4",
)
"""What a patch release of the oldest minor version has added; of minor versions mypy knows it."""

NEWER_ARGUMENTS = {
    **dict.fromkeys(["extract", "extractall", "unpack_archive"], ("filter", "3.11.4")),
    **dict.fromkeys(["getaddresses", "parseaddr"], ("strict", "3.11.10")),
}


def requirements(*extras):
    """What the package and its extras ask for: names of distributions, and their lower ends."""
    found, own = list(PROJECT["dependencies"]), list(extras)
    for extra in own:
        for requirement in PROJECT["optional-dependencies"][extra]:
            if match := re.fullmatch(r"surefoot\[(.*)\]", requirement):
                own += match[1].split(",")
            else:
                found.append(requirement)
    return {re.split(r"[<>=\[;]", text)[0]: text.partition(">=")[2] for text in found}


def test_the_quick_lane_s_packages_are_installed():
    assert [name for name in requirements("test") if not installed(name)] == []


@pytest.mark.real
def test_every_package_that_any_test_needs_is_installed():
    """Where one is missing, its tests are skipped: of all tests that may not be."""
    assert [name for name in requirements("test-all") if not installed(name)] == []


def test_the_lower_end_of_every_range_is_tested():
    """By `make test-oldest`; a release 8.4 is written 8.4.0 there."""
    lines = (ROOT / "constraints-oldest.txt").read_text(encoding="utf8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    pins = {plain(name): version for name, version in pins.items()}
    lower = requirements("test", "postgresql")
    assert {
        n: v for n, v in lower.items() if not re.fullmatch(rf"{re.escape(v)}(\.0)*", pins.get(plain(n), ""))
    } == {}


def plain(name):
    return name.lower().replace("_", "-")


def installed(name):
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def test_the_version_is_the_same_everywhere(capsys):
    assert "version" not in PROJECT
    cli.main(["--version"])
    assert capsys.readouterr().out == f"surefoot, version {surefoot.__version__}\n"
    assert metadata.version("surefoot") == surefoot.__version__
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf8")
    assert f"\nversion: {surefoot.__version__}\n" in cited


def test_the_oldest_python_is_said_everywhere():
    words = ".".join(map(str, OLDEST))
    assert PROJECT["requires-python"] == f">={words}"
    for file in ("README.md", "CONTRIBUTING.md", "Makefile"):
        assert words in (ROOT / file).read_text(encoding="utf8"), file


def test_nothing_is_used_that_came_after_the_oldest_python():
    found = []
    for folder in ("src", "tests", "benchmarks", "examples"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf8"), feature_version=OLDEST[:2])
            found += [f"{file.relative_to(ROOT)}:{text}" for text in newer(tree)]
    assert found == []


def newer(tree):
    """What a module uses of `NEWER_NAMES` and `NEWER_ARGUMENTS`, with its line."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [node.attr] if isinstance(node, ast.Attribute) else []
        yield from (f"{node.lineno}: {name} ({NEWER_NAMES[name]})" for name in names if name in NEWER_NAMES)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            argument, version = NEWER_ARGUMENTS.get(name, ("", ""))
            if argument in {keyword.arg for keyword in node.keywords} and argument:
                yield f"{node.lineno}: {name}({argument}=) ({version})"


@pytest.mark.parametrize(
    "line",
    ["archive.extractall(folder, filter='data')", "tarfile.data_filter", "from tarfile import tar_filter"],
)
def test_what_came_after_the_oldest_python_is_found(line):
    assert list(newer(ast.parse(line)))


SYSTEM = Path("/usr/bin/python3")
UNPACK = """
import importlib.util, pathlib, sys, tempfile
spec = importlib.util.spec_from_file_location("archive", sys.argv[1])
sys.path.insert(0, sys.argv[3])  # for the errors, which need nothing else
archive = importlib.util.module_from_spec(spec)
spec.loader.exec_module(archive)
here, there = pathlib.Path(tempfile.mkdtemp(dir=sys.argv[2])), pathlib.Path(tempfile.mkdtemp(dir=sys.argv[2]))
(here / "trunk.pt").write_text("state")
archive.unpack_folder(archive.pack_folder(here), there)
print((there / "trunk.pt").read_text())
"""


@pytest.mark.skipif(
    not SYSTEM.exists() or Path(sys.executable).resolve() == SYSTEM.resolve(), reason="no other Python here"
)
def test_the_system_s_own_python_compiles_everything_and_unpacks_trunks(tmp_path):
    """It is often the oldest that is supported, as Debian 12's is, and has none of our packages."""
    asked = "import sys; print(sys.version_info >= (3, 11, 2))"
    if call("-c", asked) != "True":
        pytest.skip("the system's Python is older than what is supported")
    sources = [str(file) for file in sorted((ROOT / "src").rglob("*.py"))]
    call(
        "-c", "import ast, sys; [ast.parse(open(f, encoding='utf8').read()) for f in sys.argv[1:]]", *sources
    )
    archive = ROOT / "src" / "surefoot" / "engines" / "ray" / "archive.py"
    assert call("-c", UNPACK, str(archive), str(tmp_path), str(ROOT / "src")) == "state"


def call(*words):
    done = subprocess.run(
        [SYSTEM, *words], capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": ""}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
