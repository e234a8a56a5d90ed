"""An animation as a file that moves: GIF and WebP by Pillow, MP4 by ffmpeg.

save_gif(animation, "paths.gif"), save_webp(animation, "paths.webp"), save_mp4(animation, "paths.mp4")

The same animation gives the same bytes.  The last frame stays for two seconds.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from surefoot.errors import InvalidInputError
from surefoot.report.style import PALETTE
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.pictures.frames import FRAMES, Film, Picture, Progress

SECONDS = 6.0
"""How long a film runs, besides its last frame."""

HOLD = 2.0
"""Seconds for which the last frame stays."""

_SHORTEST = 50  # milliseconds of a frame; GIF counts in hundredths of a second
_LONGEST = 200
_FREQUENT = 80
_COLOURS = 255  # and one that means: as in the frame before


def save_gif(
    animation: Animation,
    path: str | Path,
    progress: Progress = lambda done, total: None,
    frames: int = FRAMES,
) -> None:
    """Write a GIF that runs for ever."""
    film = Film(animation, frames)
    pictures = _changes(film.pictures(progress), _Palette(film))
    _save(path, "GIF", film, pictures, disposal=1, transparency=_COLOURS, optimize=False)


def save_webp(
    animation: Animation,
    path: str | Path,
    progress: Progress = lambda done, total: None,
    frames: int = FRAMES,
) -> None:
    """Write an animated WebP that runs for ever."""
    film = Film(animation, frames)
    pictures = map(Image.fromarray, film.pictures(progress))
    _save(path, "WEBP", film, pictures, quality=80, method=4, minimize_size=True)


def _save(path: str | Path, kind: str, film: Film, pictures: Iterable[Image.Image], **options: Any) -> None:
    first, *rest = pictures
    spans = durations(len(film.times))
    first.save(path, kind, save_all=True, append_images=rest, duration=spans, loop=0, **options)


def save_mp4(
    animation: Animation,
    path: str | Path,
    progress: Progress = lambda done, total: None,
    frames: int = FRAMES,
) -> None:
    """Write an MP4 (H.264) that every browser plays.

    Raises:
        InvalidInputError: ffmpeg is not installed, or it failed.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise InvalidInputError(
            "an MP4 takes ffmpeg, which is not there: install the package ffmpeg, or write .webp"
        )
    film = Film(animation, frames)
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
        try:
            _feed(process, film, round(hold / step), progress)
        except BaseException:  # it would wait for more pictures for ever
            process.kill()
            raise
        finally:
            process.wait()
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode("utf8", "replace").strip().splitlines() or ["it said nothing"]
            raise InvalidInputError(f"ffmpeg failed: {said[-1]}")


def _feed(process: subprocess.Popen[bytes], film: Film, last: int, progress: Progress) -> None:
    """Give ffmpeg every picture, and the last one so many times; if it fails, its exit status tells."""
    assert process.stdin is not None
    picture = b""
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        for each in film.pictures(progress):
            picture = each.tobytes()
            pipe.write(picture)
        pipe.write(picture * (last - 1))


def durations(frames: int) -> list[int]:
    """Milliseconds of each frame: equal, but the last one stays."""
    each = round(1000 * SECONDS / frames / 10) * 10
    return [min(max(each, _SHORTEST), _LONGEST)] * (frames - 1) + [round(1000 * HOLD)]


class _Palette:
    """One for all frames, or colours would flicker: exact ones for the strokes and what is most frequent.

    Pillow's own search for the nearest colour looks at six bits, which makes white grey.
    """

    def __init__(self, film: Film) -> None:
        places = np.linspace(0, len(film.times) - 1, 4).round().astype(int)
        some = np.concatenate([film.picture(film.times[place]) for place in places])
        counted, counts = np.unique(_packed(some), return_counts=True)
        frequent = counted[np.argsort(-counts, kind="stable")[:_FREQUENT]].tolist()
        exact = dict.fromkeys([*(int(colour.light[1:], 16) for colour in PALETTE), *frequent])
        numbers = [number for colour in exact for number in colour.to_bytes(3, "big")]
        image = Image.fromarray(some)
        blends = image.quantize(_COLOURS - len(exact), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        self.numbers = (numbers + (blends.getpalette() or []))[: 3 * _COLOURS]
        self._colours = np.array(self.numbers).reshape(-1, 3)
        self._nearest = np.full(1 << 24, _COLOURS, np.uint8)

    def places(self, picture: Picture) -> Picture:
        """For each pixel the place of the nearest colour."""
        packed = _packed(picture)
        found = self._nearest[packed]
        unknown = np.unique(packed[found == _COLOURS])
        if len(unknown):
            colours = np.stack([unknown >> 16, unknown >> 8 & 255, unknown & 255], axis=-1).astype(int)
            apart = np.square(colours[:, None] - self._colours).sum(-1)
            self._nearest[unknown] = apart.argmin(1)
            found = self._nearest[packed]
        return found


def _packed(picture: Picture) -> NDArray[np.uint32]:
    red, green, blue = picture.astype(np.uint32).transpose(2, 0, 1)
    packed: NDArray[np.uint32] = red << 16 | green << 8 | blue
    return packed


def _changes(pictures: Iterable[Picture], palette: _Palette) -> list[Image.Image]:
    """The first picture, then only the pixels that differ from the picture before."""
    found: list[Image.Image] = []
    before: Picture | None = None
    for picture in pictures:
        now = palette.places(picture)
        image = Image.fromarray(now if before is None else np.where(now == before, np.uint8(_COLOURS), now))
        image.putpalette(palette.numbers)
        found.append(image)
        before = now
    return found
