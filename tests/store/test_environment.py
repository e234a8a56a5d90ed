import getpass
import json
import os
import platform
import subprocess

from surefoot.store.environment import environment


def test_it_names_what_is_needed_to_repeat_a_study():
    found = environment()
    assert found["versions"].keys() == {"python", "surefoot", "torch", "llvmlite", "numpy"}
    assert found["versions"]["python"] == platform.python_version()
    assert all(found["versions"].values())
    assert found["cpus"] == os.cpu_count()
    assert found["processor"]
    assert json.loads(json.dumps(found)) == found


def test_it_tells_nothing_about_who_ran_it():
    found = environment()
    values = {str(value) for value in [*found.values(), *found["versions"].values()]}
    assert not values & {platform.node(), getpass.getuser()}
    assert os.getcwd() not in json.dumps(found)
    assert os.path.expanduser("~") not in json.dumps(found)


def test_the_commit_is_that_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert environment()["git_commit"] is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert environment()["git_commit"] is None, "a repository without a commit"
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert environment()["git_commit"] == head
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment()["git_commit"] is None, "git is not installed"
