"""The wheel and the sdist: built, installed and used as pip would do it, not the editable install."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import surefoot

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "surefoot"

pytestmark = [pytest.mark.slow, pytest.mark.real]

USE_DATA = """
import importlib.resources, json, pathlib, sys
import surefoot
from surefoot.report.pages import environment
from surefoot.search.space.prior_results import load_experience

package = importlib.resources.files("surefoot")
assert pathlib.Path(surefoot.__file__).is_relative_to(sys.argv[1]), surefoot.__file__
for name in json.loads(sys.argv[2]):
    assert package.joinpath(name).is_file(), name
templates = {
    "surefoot.report": "report.html",
    "surefoot.lab": "study_page.html",
    "surefoot.surfaces.pictures": "animation.html",
}
assert all(file in environment(owner).list_templates() for owner, file in templates.items())
assert load_experience()
"""


def run(*words, folder, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, words)),
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def built(source, folder, *targets):
    """Build in a source tree, with the build backend that is installed: no network is needed."""
    options = [word for target in targets for word in ("--target", target)]
    path = os.environ.get("PYTHONPATH", "")
    run(
        *(sys.executable, "-m", "hatchling", "build", "--directory", folder, *options),
        folder=source,
        PYTHONPATH=path,
    )


def content(wheel):
    """The files of a wheel with their bytes, but for the list of them."""
    with zipfile.ZipFile(wheel) as archive:
        return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/RECORD")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The wheel, the sdist, and the wheel that is built from the sdist."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    built(ROOT, folder, "wheel", "sdist")
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source")  # our own
    (source,) = (folder / "source").iterdir()
    built(source, folder / "again", "wheel")
    (again,) = (folder / "again").glob("*.whl")
    return wheel, sdist, again


def tracked():
    """Every file of the package in the repository, relative to it; without git, every one that is there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "."], cwd=PACKAGE, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        return {name for name in listed.stdout.split("\0") if name and (PACKAGE / name).is_file()}
    files = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(PACKAGE).as_posix() for path in files}


def test_the_wheel_holds_the_package_and_nothing_else(made):
    names = content(made[0])
    packaged = {name.removeprefix("surefoot/") for name in names if name.startswith("surefoot/")}
    assert packaged == tracked()
    others = {name.partition("/")[0] for name in names} - {"surefoot"}
    assert [bool(re.fullmatch(r"surefoot-[\w.]+\.dist-info", name)) for name in others] == [True]


def test_the_sdist_gives_the_same_wheel(made):
    wheel, _, again = made
    assert content(again) == content(wheel)


@pytest.fixture(scope="module", params=["wheel", "wheel of the sdist"])
def installed(made, request, tmp_path_factory):
    """An environment of its own with the wheel; dependencies are those of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    wheel = made[0 if request.param == "wheel" else 2]
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"]
    run(*pip, wheel, folder=folder)
    own = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip()
    )
    # A folder named in a .pth file is searched after this one, and its own .pth files are not read: so the
    # editable install that it may hold is not seen.
    places = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (own / "dependencies.pth").write_text("".join(f"{place}\n" for place in places))
    return folder, python, own


def test_it_is_imported_and_used_as_installed(installed):
    folder, python, own = installed
    run(python, "-c", "import surefoot, surefoot.optim; surefoot.optim.AdamW", folder=folder)
    program = "from importlib import metadata; import surefoot; print(surefoot.__version__)"
    program += "; print(metadata.version('surefoot'))"
    assert run(python, "-c", program, folder=folder).split() == [surefoot.__version__] * 2
    run(python, "-c", USE_DATA, own, json.dumps(sorted(tracked())), folder=folder)
    command = python.parent / "surefoot"
    assert surefoot.__version__ in run(command, "--version", folder=folder)
    assert "AdamW" in run(command, "list", "optimizers", folder=folder)


def test_it_answers_as_installed(installed):
    folder, python, _ = installed
    asked = ["choose", "line", "--runs", "12", "--optimizers", "adam,sgd", "--report", "line.html"]
    shown = run(python.parent / "surefoot", *asked, folder=folder, OMP_NUM_THREADS="1")
    assert "optim." in shown
    assert "<svg" in (folder / "line.html").read_text(encoding="utf8")
