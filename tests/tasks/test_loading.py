import pytest

from surefoot.tasks import Task, TaskError, as_trained, builtin_tasks, command_words, load_task, with_data
from surefoot.tasks.reference import Parts, split

GOOD = """
from torch import nn
import helper

class Mine:
    name, steps, measure = "mine", 10, "validation loss"
    def model(self): return nn.Linear(1, 1)
    def batches(self, seed):
        while True: yield None
    def loss(self, model, batch): return model.weight.sum()
    def validate(self, model): return 0.0

def make(): return Mine()
def make_of(size): return Mine()
def broken():
    helper.fail()
TASK = Mine()
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "helper.py").write_text("def fail():\n    raise KeyError('label')\n")
    path = tmp_path / "my_task.py"
    path.write_text(GOOD)
    return path


def message(reference: str) -> str:
    with pytest.raises(TaskError) as caught:
        load_task(reference)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_builtin_tasks_are_found_and_are_tasks():
    tasks = builtin_tasks()
    assert {"line", "digits"} <= tasks.keys()
    for name, task in tasks.items():
        assert isinstance(task, Task)
        assert load_task(name) is task


@pytest.mark.parametrize("name", ["TASK", "Mine", "make"])
def test_an_instance_a_class_or_a_function_in_a_file(file, name):
    assert load_task(f"{file}:{name}").name == "mine"


def test_a_relative_path(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    assert load_task("my_task.py:TASK").name == "mine"


def test_an_object_in_a_module():
    assert load_task("surefoot.tasks.gallery.line:Line").name == "line"


def test_a_file_named_like_a_module_in_use_leaves_that_alone(tmp_path):
    import json

    path = tmp_path / "json.py"
    path.write_text(GOOD.replace("import helper", ""))
    assert load_task(f"{path}:TASK").name == "mine"
    import json as again

    assert again is json


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("digit", ["unknown task 'digit'", "did you mean 'digits'?", "file.py:object"]),
        ("zzz", ["unknown task 'zzz'", "digits", "line"]),
        ("train.py", ["train.py:NAME"]),
        ("train.py:", ["expected file.py:object"]),
        (
            "surefoot.tasks.gallery.lin:TASK",
            ["no module 'surefoot.tasks.gallery.lin'", "did you mean 'line'?"],
        ),
        ("no_such_package.tasks:TASK", ["no module 'no_such_package'"]),
        ("surefoot.tasks.gallery.line:TAKS", ["no object 'TAKS'", "did you mean 'TASK'?"]),
        ("surefoot.tasks.gallery.line:SLOPE", ["is not a task", "float lacks name, steps, measure, model"]),
    ],
)
def test_errors_say_what_and_the_nearest_name(reference, words):
    text = message(reference)
    assert all(word in text for word in words), text


def test_a_missing_file_names_the_nearest(file):
    assert f"did you mean {str(file)!r}?" in message(f"{file.parent}/my_tasks.py:TASK")


def test_a_factory_with_arguments(file):
    assert "requires size" in message(f"{file}:make_of")


def test_an_error_in_the_users_code_is_placed_in_the_users_file(file):
    text = message(f"{file}:broken")
    assert "KeyError: 'label'" in text
    assert text.endswith(f"({file}:{1 + GOOD.splitlines().index('    helper.fail()')})")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import torch\nimport no_such_library\n", ["ModuleNotFoundError", "no_such_library", ":2)"]),
        ("x = 1\ndef f(:\n", ["SyntaxError", ":2)"]),
        ("\n\n1 / 0\n", ["ZeroDivisionError: division by zero", ":3)"]),
        ("import sys\nsys.exit('no data')\n", ["SystemExit: no data", ":2)"]),
    ],
)
def test_a_file_that_cannot_be_imported(tmp_path, code, words):
    path = tmp_path / "bad.py"
    path.write_text(code)
    text = message(f"{path}:TASK")
    assert all(word in text for word in [*words, str(path)]), text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def validate", "def validat", ["lacks validate", "'validat' is near"]),
        ("10,", "0,", ["steps must be a whole number of at least 1, not 0"]),
        ("10,", "1e3,", ["steps must be a whole number"]),
        ('"mine"', '"a/b"', ["name must be", "'a/b'"]),
        ('"validation loss"', "None", ["measure must be text"]),
    ],
)
def test_members_that_are_missing_or_wrong(file, old, new, words):
    file.write_text(GOOD.replace(old, new, 1))
    text = message(f"{file}:TASK")
    assert all(word in text for word in words), text


def test_a_member_that_is_no_function(file):
    file.write_text(GOOD + "\nMine.loss = 3\n")
    assert "loss must be a function" in message(f"{file}:TASK")


@pytest.mark.parametrize(
    "name", ["photos", "my photos 2024", "a&b=c?d%20+e#f", "ümläut:x", 'it\'s "so"', "a\nb"]
)
def test_any_folder_can_stand_in_a_reference(tmp_path, monkeypatch, name):
    folder = tmp_path / name
    folder.mkdir()
    reference = with_data("images?size=64", str(folder))
    assert ":" not in reference
    assert "\n" not in reference
    assert split(reference) == Parts("images", folder, {"size": "64"})
    assert with_data(reference, None) == reference
    assert command_words(reference) == ["images?size=64", "--data", str(folder)]
    monkeypatch.chdir(tmp_path)
    assert with_data("images?size=64", name) == reference


def test_a_relative_folder_in_a_reference_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert with_data("images?data=photos/../p", None) == f"images?data={tmp_path}/p"


@pytest.mark.parametrize(
    "task", ["digits", "no_such_task", "file.py:object", "package.module:object", "a?b.py:x"]
)
def test_without_data_every_other_reference_stays_as_it_is(task):
    assert with_data(task, None) == task
    assert command_words(task) == [task]


@pytest.mark.parametrize(
    ("task", "data", "words"),
    [
        ("images", None, "images needs your data: --data DIR"),
        ("segmentation?classes=3", None, "segmentation needs your data: --data DIR"),
        ("digits", "x", "digits takes no --data; only images and segmentation do"),
        ("my.py:task", "x", "my.py:task takes no --data"),
        ("images?data=/x", "y", "images has its data already, /x: leave out --data"),
        ("images?data=/x&data=/y", None, "says data twice"),
        ("images?data=/a&b", None, "expected key=value, not 'b'"),
    ],
)
def test_a_folder_goes_with_the_tasks_that_need_one(task, data, words):
    with pytest.raises(TaskError) as caught:
        with_data(task, data)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("images", "images needs your data: --data DIR"),
        ("digits?data=/x", "only images and segmentation take data"),
        ("image?data=/x", "did you mean 'images'?"),
        ("image", "unknown task 'image'; did you mean 'images'?"),
    ],
)
def test_a_task_is_not_loaded_without_its_folder_or_with_one_too_many(reference, words):
    assert words in message(reference)


@pytest.mark.parametrize(
    ("task", "trained", "reference"),
    [
        ("images", "images?data=/x&size=64&model=vgg", "images?size=64&model=vgg"),
        ("images?size=32&data=/y", "images?data=/x&size=64&model=vgg", "images?data=/y&size=32&model=vgg"),
        ("images", "images?data=/x", "images"),
        ("images", "segmentation?data=/x&tile=64", "images"),
        ("digits", "digits", "digits"),
        ("my.py:task", "my.py:task", "my.py:task"),
    ],
)
def test_a_model_predicts_with_the_options_it_was_trained_with(task, trained, reference):
    assert as_trained(task, trained) == reference
