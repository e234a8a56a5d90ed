import itertools
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from surefoot.surfaces.pictures import moving
from surefoot.surfaces.pictures.frames import FRAMES, Film
from surefoot.surfaces.pictures.moving import durations
from surefoot.surfaces.pictures.saving import save_picture
from surefoot.surfaces.recipe import OptimizerSpec
from tests.surfaces.pictures.animations import DIVERGING, small_animation

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg")
STEPS = 12


def frames(path):
    """Each frame as it is shown, and its milliseconds."""
    with Image.open(path) as image:
        for place in range(image.n_frames):
            image.seek(place)
            yield np.asarray(image.convert("RGB")), image.info["duration"]


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_every_frame_is_there_and_the_last_one_stays(ending, tmp_path):
    told = []
    save_picture(small_animation(), tmp_path / f"paths.{ending}", progress=lambda *done: told.append(done))
    shown = list(frames(tmp_path / f"paths.{ending}"))
    assert [time for _, time in shown] == durations(STEPS + 1)
    assert shown[-1][1] == 2000
    assert told == [(done, STEPS + 1) for done in range(1, STEPS + 2)]
    for (before, _), (after, _) in itertools.pairwise(shown):
        assert (before != after).any()
    picture = shown[-1][0]
    assert picture.shape[1] == 900
    assert 0.2 < (picture < 250).any(-1).mean() < 0.95


@pytest.mark.parametrize("ending", ["gif", "webp", pytest.param("mp4", marks=needs_ffmpeg)])
def test_the_same_animation_gives_the_same_bytes(ending, tmp_path):
    animation = small_animation(steps=3)
    found = []
    for name in ("one", "two"):
        save_picture(animation, tmp_path / f"{name}.{ending}")
        found.append((tmp_path / f"{name}.{ending}").read_bytes())
    assert found[0] == found[1]


def test_a_gif_shows_what_was_drawn(tmp_path):
    """Each frame, put together from the changes, is the picture up to the palette; white stays white."""
    animation = small_animation(optimizers=DIVERGING, steps=6)
    save_picture(animation, tmp_path / "paths.gif")
    film = Film(animation)
    for (shown, _), evaluations in zip(frames(tmp_path / "paths.gif"), film.times, strict=True):
        drawn = film.picture(evaluations)
        assert np.abs(shown.astype(int) - drawn).max(-1).mean() < 2.0
        assert (shown[2:20, -20:] == 255).all()


@needs_ffmpeg
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe")
def test_an_mp4_has_its_frames(tmp_path):
    save_picture(small_animation(), tmp_path / "paths.mp4")
    asked = "stream=codec_name,pix_fmt,width,height,nb_read_frames:format=duration"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", asked, "-of", "default=nw=1"]
    said = subprocess.run(
        [*command, tmp_path / "paths.mp4"], capture_output=True, text=True, check=True
    ).stdout
    found = dict(line.split("=") for line in said.split())
    each, last = durations(STEPS + 1)[0], durations(STEPS + 1)[-1]
    assert found["codec_name"] == "h264"
    assert found["pix_fmt"] == "yuv420p"
    assert int(found["width"]) == 900
    assert int(found["height"]) % 2 == 0
    assert int(found["nb_read_frames"]) == STEPS + round(last / each)
    assert float(found["duration"]) == pytest.approx((STEPS * each + last) / 1000, abs=0.25)


def test_without_ffmpeg_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(moving.shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="install the package ffmpeg"):
        save_picture(small_animation(), tmp_path / "paths.mp4")
    assert not (tmp_path / "paths.mp4").exists()


@needs_ffmpeg
def test_what_ffmpeg_says_is_passed_on(tmp_path):
    with pytest.raises(ValueError, match=r"ffmpeg failed: .*[Nn]o such file"):
        save_picture(small_animation(steps=2), tmp_path / "nowhere" / "paths.mp4")


@pytest.mark.parametrize("ending", ["gif", "webp", pytest.param("mp4", marks=needs_ffmpeg)])
def test_drawing_can_be_stopped(ending, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_picture(small_animation(steps=2), tmp_path / f"paths.{ending}", progress=stop)


def test_frames_are_at_equal_progress_and_end_at_the_end():
    film = Film(small_animation(steps=400))
    assert len(film.times) == FRAMES
    assert film.times[0] == 0
    assert film.times[-1] == 400
    gaps = np.diff(film.times)
    assert gaps.max() - gaps.min() <= 1


def test_an_optimizer_that_goes_beyond_the_end_is_shown_to_its_end():
    animation = small_animation(optimizers=(OptimizerSpec("LBFGS"), OptimizerSpec("SGD")), steps=7)
    assert Film(animation).times[-1] == animation.paths[0].evaluations[-1] > 7


def test_a_frame_shows_only_what_has_happened():
    animation = small_animation(optimizers=DIVERGING)
    film = Film(animation)
    gone = animation.paths[1].evaluations[-1]
    for evaluations in (0, gone - 1, gone, STEPS):
        film.picture(evaluations)
        for trail, path in zip(film._trails, animation.paths, strict=True):
            seen = [point for n, point in zip(path.evaluations, path.points, strict=True) if n <= evaluations]
            assert list(zip(*trail.line.get_data(orig=True), strict=True)) == seen
            lost = bool(path.end) and evaluations >= path.evaluations[-1]
            assert [artist.get_visible() for artist in trail.lost] == [lost] * len(trail.lost)
            assert trail.head.get_visible() != lost
        assert film._counter.get_text() == f"{evaluations} of {STEPS} gradients"
        assert (film._endings[1].get_text() == "✕ diverged") == (evaluations >= gone)


def test_frames_do_not_depend_on_those_before():
    film = Film(small_animation(optimizers=DIVERGING))
    first = film.picture(3)
    film.picture(STEPS)
    assert (film.picture(3) == first).all()


@pytest.mark.parametrize("count", [1, 2, 30, 90])
def test_durations(count):
    found = durations(count)
    assert len(found) == count
    assert found[-1] == 2000
    assert all(50 <= time <= 200 and time % 10 == 0 for time in found[:-1])


def test_one_palette_serves_all_frames(tmp_path):
    save_picture(small_animation(steps=4), tmp_path / "paths.gif")
    with Image.open(tmp_path / "paths.gif") as image:
        whole = image.global_palette.getdata()[1]
        for place in range(image.n_frames):
            image.seek(place)
            assert not any(kind == "local" for kind, *_ in image.tile)
    assert bytes([255, 255, 255]) in {whole[i : i + 3] for i in range(0, len(whole), 3)}
