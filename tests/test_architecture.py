"""Arrows between folders point one way, and a reader finds each file's point on its first screen."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "surefoot"
MAY_IMPORT = {
    "formula": set(),
    "optim": {"formula"},
    "study": {"optim", "formula"},
    "store": {"study"},
    "tasks": {"study"},
    "training": {"tasks", "study", "optim", "formula"},
    "checks": {"training", "tasks", "study"},
    "scripts": {"training", "tasks", "study"},
    "engines": {"scripts", "training", "tasks", "study", "optim"},
    "testing": {"engines", "checks", "training", "tasks", "study", "formula"},
    "analysis": {"study"},
    "search": {"analysis", "engines", "scripts", "training", "tasks", "store", "study", "optim", "formula"},
    "report": {"analysis", "study", "formula"},
    "surfaces": {"report", "study", "optim", "formula"},
    "landscape": {"scripts", "training", "tasks", "study"},
    "lab": {"surfaces", "report", "analysis", "store", "study"},
    "api": {"report", "analysis", "search", "engines", "training", "tasks", "store", "study"},
    "cli": {
        *("api", "lab", "landscape", "surfaces", "report", "search", "engines", "checks", "training"),
        *("tasks", "store", "study", "optim"),
    },
}
"""From the bottom to the top: a folder imports only folders that stand before it."""

FILES = sorted(SOURCE.rglob("*.py"))
PURE = [
    "analysis/claim_words.py",
    "analysis/lr_windows.py",
    "analysis/race_history.py",
    "analysis/tables.py",
    "search/answer/answer.py",
    "search/answer/before_confirmation.py",
    "search/answer/claims.py",
    "search/answer/forecasts.py",
    "search/answer/partial.py",
    "search/answer/reasons.py",
    "search/answer/sentences.py",
    "search/answer/unconfirmed.py",
    "search/confirm/alpha_spending.py",
    "search/confirm/confirmation.py",
    "search/confirm/posterior.py",
    "search/confirm/sequential_test.py",
    "search/forecast/forecast.py",
    "search/forecast/reliability.py",
    "search/fastest/sentences.py",
    "search/fastest/stopwatch.py",
    "search/fastest/target_times.py",
    "search/question/command.py",
    "search/question/naming.py",
    "search/race/bracketing.py",
    "search/race/decisions.py",
    "search/race/ledger.py",
    "search/race/line_noise.py",
    "search/race/on_tables.py",
    "search/race/playoff.py",
    "search/race/race.py",
    "search/race/rungs.py",
    "search/race/screening.py",
    "search/race/smoothing.py",
    "search/race/standings.py",
    "search/replay/baselines.py",
    "search/space/table_priors.py",
    "search/replay/replay.py",
    "search/space/advice.py",
    "search/space/asked.py",
    "search/space/candidates.py",
    "search/space/constraints.py",
    "search/space/lr_grid.py",
    "search/space/single.py",
    "search/space/task_features.py",
    "study/claims.py",
    "study/cost.py",
    "study/format.py",
    "study/label.py",
    "study/question.py",
    "study/records.py",
    "study/requests.py",
    "study/run.py",
    "surfaces/catalogue.py",
    "surfaces/expression.py",
    "surfaces/inspection.py",
    "surfaces/animation.py",
    "surfaces/recipe.py",
    "surfaces/recipe_text.py",
    "surfaces/surface.py",
    "surfaces/tuning.py",
    "landscape/plane.py",
    "training/schedule.py",
]
IMPURE_MODULES = {
    "time",
    "datetime",
    "os",
    "pathlib",
    "subprocess",
    "multiprocessing",
    "threading",
    "sqlalchemy",
}


def imported(file: Path) -> set[str]:
    """Every module that the file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def tree(name: str) -> ast.Module:
    return ast.parse((SOURCE / name).read_text(encoding="utf8"))


def name_of(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


def test_every_folder_has_its_arrows():
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert folders == set(MAY_IMPORT)
    order = list(MAY_IMPORT)
    assert [f for f, below in MAY_IMPORT.items() if not below <= set(order[: order.index(f)])] == []


def test_arrows_point_one_way():
    wrong = []
    for file in FILES:
        folder = file.relative_to(SOURCE).parts[0]
        parts = [name.split(".") for name in imported(file) if name.startswith("surefoot.")]
        others = {p[1] for p in parts if p[1] in MAY_IMPORT} - {folder}
        if folder in MAY_IMPORT and (
            more := others - MAY_IMPORT[folder]
        ):  # others are __main__.py, run.py, …
            wrong.append(f"{name_of(file)} imports {', '.join(sorted(more))}")
    assert wrong == []


def test_errors_stand_below_every_folder():
    assert [name for name in imported(SOURCE / "errors.py") if name.startswith("surefoot")] == []


def test_the_command_line_catches_no_built_in_error_at_its_edge():
    tree = ast.parse((SOURCE / "cli" / "main.py").read_text(encoding="utf8"))
    caught = {
        name.id
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler) and handler.type is not None
        for name in ast.walk(handler.type)
        if isinstance(name, ast.Name)
    }
    assert caught & {"Exception", "ValueError", "TypeError", "OSError", "RuntimeError"} == set()


def test_a_user_s_script_imports_nothing_that_only_a_study_needs():
    parts = [name.split(".") for name in imported(SOURCE / "run.py") if name.startswith("surefoot.")]
    assert {p[1] for p in parts} <= {"scripts", "training", "study"}


def test_pure_parts_know_no_clock_file_or_process():
    wrong = []
    for name in PURE:
        roots = {module.partition(".")[0] for module in imported(SOURCE / name)}
        called = [node.func for node in ast.walk(tree(name)) if isinstance(node, ast.Call)]
        prints = any(isinstance(function, ast.Name) and function.id == "print" for function in called)
        wrong += [f"{name} imports {module}" for module in sorted(roots & IMPURE_MODULES)]
        wrong += [f"{name} prints"] * prints
    assert wrong == []


def test_nothing_is_unpickled():
    texts = {name_of(file): file.read_text(encoding="utf8") for file in FILES}
    assert [name for name, text in texts.items() if "import pickle" in text] == []
    loads = {
        name: (text.count("torch.load("), text.count("weights_only=True")) for name, text in texts.items()
    }
    assert [name for name, (loaded, safely) in loads.items() if loaded != safely] == []


def test_tasks_by_value_come_from_this_process_alone():
    """Bytes are unpacked in one place, and only a worker asks for it: of the file that it has inherited."""
    texts = {name_of(file): file.read_text(encoding="utf8") for file in FILES}
    assert [name for name, text in texts.items() if "cloudpickle." in text] == ["tasks/by_value.py"]
    readers = [name for name, text in texts.items() if "tasks.by_value import" in text and " read" in text]
    assert "engines/local/worker.py" in readers
    assert not [name for name in readers if "by_value import" in texts[name] and ", read\n" in texts[name]
                and name != "engines/local/worker.py"]  # fmt: skip


def test_no_folder_is_removed_as_a_tree():
    """Not even by mistake: what is ours goes one by one, by `training/own_files.py`."""
    texts = {name_of(file): file.read_text(encoding="utf8") for file in FILES}
    assert [name for name, text in texts.items() if "rmtree(" in text] == []


def test_every_file_says_its_point_first():
    texts = {name_of(file): file.read_text(encoding="utf8").strip() for file in FILES}
    assert [name for name, text in texts.items() if text and not ast.get_docstring(ast.parse(text))] == []


def test_the_face_of_a_folder_names_every_file_in_it():
    """A reader sees how the files of a folder follow one another before opening any."""
    folders = (
        "analysis",
        "study",
        "report",
        "training",
        "scripts",
        "engines",
        "surfaces",
        "checks",
        "landscape",
        "lab",
    )
    for folder in folders:
        face = ast.get_docstring(ast.parse((SOURCE / folder / "__init__.py").read_text(encoding="utf8")))
        named = {name.strip(",") for line in face.splitlines()[2:] for name in line.split("  ")[0].split()}
        files = {file.stem for file in (SOURCE / folder).glob("*.py")} - {"__init__"}
        files |= {file.parent.name for file in (SOURCE / folder).glob("*/__init__.py")}
        assert named == files, folder
