"""A race as a moving picture: GIF and WebP by Pillow, MP4 by ffmpeg.

save_gif(race, "race.gif"), save_webp(race, "race.webp"), save_mp4(race, "race.mp4")

The same race gives the same bytes.  The last frame stays for two seconds.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from surefoot.landscape.race import Race
from surefoot.show.style import PALETTE
from surefoot.show.surfaces.frames import FRAMES, Film, Picture, Progress

SECONDS = 6.0
"""How long a film runs, besides its last frame."""

HOLD = 2.0
"""Seconds for which the last frame stays."""

_SHORTEST = 50  # milliseconds of a frame; GIF counts in hundredths of a second
_LONGEST = 200
_FREQUENT = 80
_COLOURS = 255  # and one that means: as in the frame before


def save_gif(
    race: Race, path: str | Path, progress: Progress = lambda done, total: None, frames: int = FRAMES
) -> None:
    """Write a GIF that runs for ever."""
    film = Film(race, frames)
    palette = _palette(film)
    images = _changes(Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
                      for picture in film.pictures(progress))  # fmt: skip
    first, *rest = images
    first.save(
        path, "GIF", save_all=True, append_images=rest, duration=durations(len(film.times)), loop=0,
        disposal=1, transparency=_COLOURS, optimize=False,
    )  # fmt: skip


def save_webp(
    race: Race, path: str | Path, progress: Progress = lambda done, total: None, frames: int = FRAMES
) -> None:
    """Write an animated WebP that runs for ever."""
    film = Film(race, frames)
    first, *rest = [Image.fromarray(picture) for picture in film.pictures(progress)]
    first.save(
        path, "WEBP", save_all=True, append_images=rest, duration=durations(len(film.times)), loop=0,
        quality=80, method=4, minimize_size=True,
    )  # fmt: skip


def save_mp4(
    race: Race, path: str | Path, progress: Progress = lambda done, total: None, frames: int = FRAMES
) -> None:
    """Write an MP4 (H.264) that every browser plays.

    Raises:
        ValueError: ffmpeg is not installed, or it failed.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise ValueError(
            "an MP4 takes ffmpeg, which is not there: install the package ffmpeg, or write .webp"
        )
    film = Film(race, frames)
    *spans, hold = durations(len(film.times))
    step = spans[0] if spans else hold
    command = [
        *(program, "-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(*film.size)),
        *("-framerate", f"1000/{step}", "-i", "-"),
        *("-c:v", "libx264", "-preset", "medium", "-crf", "20", "-threads", "1", "-pix_fmt", "yuv420p"),
        *("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart"),
        *("-f", "mp4", str(Path(path).absolute())),
    ]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        assert process.stdin is not None
        try:
            picture = None
            for picture in film.pictures(progress):
                process.stdin.write(picture.tobytes())
            for _ in range(round(hold / step) - 1):
                process.stdin.write(picture.tobytes())  # type: ignore[union-attr]
            process.stdin.close()
        except BrokenPipeError:
            pass
        finally:
            code = process.wait()
        if code:
            errors.seek(0)
            said = errors.read().decode("utf8", "replace").strip().splitlines() or ["it said nothing"]
            raise ValueError(f"ffmpeg failed: {said[-1]}")


def durations(frames: int) -> list[int]:
    """Milliseconds of each frame: equal, but the last one stays."""
    each = round(1000 * SECONDS / frames / 10) * 10
    return [min(max(each, _SHORTEST), _LONGEST)] * (frames - 1) + [round(1000 * HOLD)]


def _palette(film: Film) -> Image.Image:
    """One for all frames, or colours would flicker: the exact ones of the strokes, and the most frequent."""
    places = np.linspace(0, len(film.times) - 1, 4).round().astype(int)
    some = np.concatenate([film.picture(film.times[place]) for place in places])
    known = [tuple(bytes.fromhex(colour.light[1:])) for colour in PALETTE]
    packed, counts = np.unique(some.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    frequent = [tuple(int(colour).to_bytes(3, "big")) for colour in packed[order[:_FREQUENT]]]
    exact = list(dict.fromkeys([*known, *frequent]))
    image = Image.fromarray(some)
    blends = image.quantize(_COLOURS - len(exact), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    numbers = [number for colour in exact for number in colour] + (blends.getpalette() or [])
    palette = Image.new("P", (1, 1))
    palette.putpalette(numbers[: 3 * _COLOURS])
    return palette


def _changes(images: Iterable[Image.Image]) -> list[Image.Image]:
    """The first image, then only the pixels that differ from the image before."""
    found: list[Image.Image] = []
    before: Picture | None = None
    for image in images:
        now = np.asarray(image)
        if before is None:
            found.append(image)
        else:
            change = Image.fromarray(np.where(now == before, np.uint8(_COLOURS), now))
            change.putpalette(image.getpalette() or [])
            found.append(change)
        before = now
    return found
