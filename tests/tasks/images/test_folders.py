"""What lies in a folder, what is counted, and how it is split."""

import hashlib
import os

import pytest

from surefoot.tasks import TaskError
from surefoot.tasks.images.folders import (
    Problems,
    check_folder,
    check_options,
    hold_out,
    leaks,
    pictures,
    same_but_for_case,
    whole_number,
)


def digests(count):
    return [hashlib.sha256(bytes([n])).hexdigest() for n in range(count)]


def test_problems_are_counted_by_kind_and_refused_in_one_line(tmp_path):
    found = Problems()
    for name in ("a", "b\nc", "d", "e"):
        found.add("corrupt files", name)
    found.add("odd files", "x", fatal=False)
    assert [(problem.kind, problem.count, problem.fatal) for problem in found] == [
        ("corrupt files", 4, True),
        ("odd files", 1, False),
    ]
    assert found.lines() == ["corrupt files: 4 (a, b?c, d, …)", "odd files: 1 (x)"]
    with pytest.raises(TaskError) as caught:
        found.refuse("images", tmp_path)
    assert str(caught.value) == f"images: {tmp_path} cannot be trained on: corrupt files: 4 (a, …)"
    with pytest.warns(UserWarning, match=r"odd files: 1 \(x\)") as told:
        found.warn("images")
    assert len(told) == 1


def test_harmless_problems_refuse_nothing(tmp_path):
    found = Problems()
    found.add("odd files", "x", fatal=False)
    found.refuse("images", tmp_path)


def test_every_file_is_an_image_or_counted(tmp_path):
    for name in ("a.JPG", "b.png", "deep/er/c.webp", ".DS_Store", "._b.png", "notes.txt", "d.heic", "none"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    found = Problems()
    assert [p.name for p in pictures(tmp_path, found)] == ["a.JPG", "b.png", "c.webp"]
    assert [(problem.kind, problem.count, problem.fatal) for problem in found] == [
        ("files that are no images, left out", 4, False),
        ("images in formats that cannot be read", 1, True),
    ]


def test_a_fifth_is_held_out_whatever_the_order_and_equal_files_stay_together():
    many = digests(100)
    held_out = {many[place] for place in hold_out(many)}
    assert len(held_out) == 20
    assert {many[::-1][place] for place in hold_out(many[::-1])} == held_out
    assert len(held_out & {digest for n, digest in enumerate(many) if n in hold_out(many[:99])}) >= 18
    twice = [*many, *many]
    assert {twice[place] for place in hold_out(twice)} == held_out
    assert all((place + 100) % 200 in hold_out(twice) for place in hold_out(twice))


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 1), (3, 1), (10, 2)])
def test_one_example_is_held_out_at_least_and_one_is_left(count, expected):
    assert len(hold_out(digests(count))) == expected


def test_names_that_differ_only_in_case():
    assert same_but_for_case(["cat", "dog", "Cat", "cat"]) == ["Cat and cat"]


def test_files_in_both_parts_are_counted():
    found = Problems()
    leaks({"train/a": "1", "train/b": "2"}, {"val/c": "2", "val/d": "3"}, found)
    assert found.lines() == [
        "files in both training and validation, which flatters the measure: 1 (val/c = train/b)"
    ]
    assert not any(problem.fatal for problem in found)


def test_a_missing_folder_names_the_nearest(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "file").touch()
    check_folder(tmp_path / "photos")
    with pytest.raises(TaskError, match=f"photo does not exist; did you mean '{tmp_path}{os.sep}photos'"):
        check_folder(tmp_path / "photo")
    with pytest.raises(TaskError, match="is a file, not a folder"):
        check_folder(tmp_path / "file")


def test_options_are_checked():
    assert whole_number("images", {"size": "64"}, "size", 224, 32, 2048) == 64
    assert whole_number("images", {}, "size", 224, 32, 2048) == 224
    for text in ("31", "2049", "9" * 5000, "-64", "6.4", "x", "", "٣٣"):
        with pytest.raises(TaskError, match="size must be a whole number from 32 to 2,048"):
            whole_number("images", {"size": text}, "size", 224, 32, 2048)
    with pytest.raises(TaskError, match="no option 'siez'; did you mean 'size'"):
        check_options("images", {"siez": "64"}, ("size", "model"))
