import hashlib
import importlib.metadata

import pytest

from surefoot.tasks import TaskError
from surefoot.tasks.gallery import packaged
from surefoot.tasks.gallery.packaged import found, missing, packaged_file

CONTENT = b"carat,price\n0.23,326\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A distribution "jewels" as pip leaves it, whose module would fail if it were imported."""
    info = tmp_path / "jewels-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jewels\nVersion: 1.0\n")
    (info / "RECORD").write_text("jewels/__init__.py,,\njewels/data/table.csv,,\njewels/data/gone.csv,,\n")
    (tmp_path / "jewels" / "data").mkdir(parents=True)
    (tmp_path / "jewels" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "jewels" / "data" / "table.csv").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "jewels" / "data" / "table.csv"


@pytest.mark.parametrize("suffix", ["table.csv", "data/table.csv", "jewels/data/table.csv"])
def test_a_file_is_found_by_the_end_of_its_path_and_never_imported(installed, suffix):
    assert packaged_file("jewels", suffix, SHA256) == installed


@pytest.mark.parametrize(
    ("package", "suffix"),
    [
        ("jewels", "able.csv"),
        ("jewels", "other.csv"),
        ("jewels", "gone.csv"),
        ("no-such-jewels", "table.csv"),
    ],
)
def test_none_where_there_is_no_such_file(installed, package, suffix):
    assert packaged_file(package, suffix, SHA256) is None


def test_another_file_is_an_error_of_one_line(installed):
    installed.write_bytes(CONTENT + b"0.21,326\n")
    with pytest.raises(TaskError) as caught:
        packaged_file("jewels", "table.csv", SHA256)
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in [str(installed), "jewels", SHA256[:12], "surefoot[gallery]"])
    assert found("jewels", "table.csv") == installed


def test_a_file_is_read_once_per_process(installed, monkeypatch):
    packaged_file("jewels", "table.csv", SHA256)
    monkeypatch.setattr(packaged.hashlib, "file_digest", None)
    assert packaged_file("jewels", "table.csv", SHA256) == installed


def test_a_package_without_a_list_of_files(installed, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda package: None)
    assert found("jewels", "table.csv") is None


def test_what_is_missing_is_told_in_one_line():
    with pytest.warns(UserWarning, match=r"'gems' uses made-up stones.*pip install 'surefoot\[gallery\]'$"):
        missing("gems", "jewels", "stones")
    with pytest.warns(UserWarning, match=r"in jewels .*'gems' uses made-up data.*: apt-get install jewels$"):
        missing("gems", "jewels", how="apt-get install jewels")
