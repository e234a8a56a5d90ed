"""text: write on, one character after the other, with a small transformer.

    surefoot predict text --model DIR --input prompt.txt --out continued.txt

Data: the reference texts behind `help("if")` and the like, which Python itself ships as `pydoc_data.topics`:
about 370 kB after what stands in several topics is counted once.  The Python Documentation, copyright Python
Software Foundation, Python Software Foundation License Version 2, https://docs.python.org/3/license.html.
They change a little from one Python release to the next, and so do measured values.
Where a system leaves that module out: made-up words, announced by a warning and named in `measure`.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from surefoot.study.user_code import TaskError
from surefoot.tasks.images.pictures import result_file

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
OTHER = len(ALPHABET)  # stands for every character beyond ASCII
SYMBOLS = OTHER + 1

CONTEXT = 32
BATCH = 8
HELD_OUT_WINDOWS = 128
EVERY_TENTH = 10  # every tenth paragraph is held out

CONTINUATION = 400  # characters
TEMPERATURE = 0.7  # below 1, likely characters are drawn more often than the model has it

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Size:
    """Of a transformer.

    Attributes:
        context: characters that it sees at most.
        width: numbers for each of them.
        heads: of each attention; they share the width.
        blocks: how many.
    """

    context: int = CONTEXT
    width: int = 32
    heads: int = 4
    blocks: int = 1


def _real() -> list[str]:
    # Imported here: a third of a megabyte, which listing the tasks should not read.
    from pydoc_data.topics import topics

    return [paragraph for topic in topics.values() for paragraph in topic.split("\n\n")]


def made_up() -> list[str]:
    """Paragraphs of words from a made-up vocabulary, short and frequent ones first, as in any language."""
    generator = torch.Generator().manual_seed(0)

    def word(rank: int) -> str:
        letters = torch.randint(13, (2 + rank // 40, 2), generator=generator).tolist()
        return "".join("bdfgklmnprstv"[consonant] + "aeiou"[vowel % 5] for consonant, vowel in letters)

    words = [word(rank) for rank in range(200)]
    frequencies = 1 / torch.arange(1.0, len(words) + 1)
    drawn = torch.multinomial(frequencies, 60_000, replacement=True, generator=generator).tolist()
    return [
        " ".join(words[index] for index in drawn[start : start + 60]) for start in range(0, len(drawn), 60)
    ]


def _encoded(text: str) -> Tensor:
    number = {character: index for index, character in enumerate(ALPHABET)}
    return torch.tensor([number.get(character, OTHER) for character in text])


def _windows(text: Tensor, starts: Tensor, length: int) -> Batch:
    """At each start `length` characters from there, and the same moved on by one: what to predict."""
    rows = text[starts[:, None] + torch.arange(length + 1)]
    return rows[:, :-1], rows[:, 1:]


class Block(nn.Module):
    """One block of a transformer: attention, then a feed-forward layer, each on a normalised copy."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.before_forward = nn.LayerNorm(width)
        self.widened = nn.Linear(width, 4 * width)
        self.narrowed = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, length, width) to the same shape."""
        parts = self.queries_keys_values(self.before_attention(x)).unflatten(2, (3 * self.heads, -1))
        queries, keys, values = parts.transpose(1, 2).chunk(3, dim=1)
        seen = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.attended(seen.transpose(1, 2).flatten(2))
        further: Tensor = self.narrowed(nn.functional.gelu(self.widened(self.before_forward(x))))
        return x + further


class Transformer(nn.Module):
    """Characters to logits of the next one: embeddings, blocks, a norm and a linear layer."""

    def __init__(self, size: Size = Size()) -> None:
        super().__init__()
        self.characters = nn.Embedding(SYMBOLS, size.width)
        self.places = nn.Embedding(size.context, size.width)
        self.blocks = nn.Sequential(*(Block(size.width, size.heads) for _ in range(size.blocks)))
        self.norm = nn.LayerNorm(size.width)
        self.logits = nn.Linear(size.width, SYMBOLS)

    def forward(self, text: Tensor) -> Tensor:
        """(batch, length) whole numbers to (batch, length, SYMBOLS)."""
        x = self.characters(text) + self.places.weight[: text.shape[1]]
        found: Tensor = self.logits(self.norm(self.blocks(x)))
        return found


class Text:
    """Next-character prediction; every tenth paragraph is held out, and no paragraph occurs twice."""

    name = "text"
    steps = 300
    size = Size()
    batch = BATCH
    held_out_windows = HELD_OUT_WINDOWS

    @property
    def measure(self) -> str:
        """The cross-entropy of a held-out character, in nats; says so if the text is made up."""
        return "validation loss" if self._installed() else "validation loss on made-up words"

    def _installed(self) -> bool:
        return importlib.util.find_spec("pydoc_data") is not None

    def _read(self) -> list[str]:
        """All paragraphs; of made-up words, with a warning, where the real ones are missing."""
        if self._installed():
            return _real()
        warnings.warn(
            "this Python comes without pydoc_data: 'text' uses made-up words; "
            "for real ones install Python's whole standard library",
            stacklevel=2,
        )
        return made_up()

    @functools.cached_property
    def _paragraphs(self) -> tuple[list[str], list[str]]:
        """Those to train on, and those held out."""
        paragraphs = list(dict.fromkeys(self._read()))
        training = [paragraph for number, paragraph in enumerate(paragraphs) if number % EVERY_TENTH]
        return training, paragraphs[::EVERY_TENTH]

    @functools.cached_property
    def _data(self) -> tuple[Tensor, Batch]:
        """The training text, and windows spread evenly over the held-out text."""
        training, held_out = (_encoded("\n\n".join(part)) for part in self._paragraphs)
        starts = torch.linspace(0, len(held_out) - self.size.context - 1, self.held_out_windows).long()
        return training, _windows(held_out, starts, self.size.context)

    def model(self) -> nn.Module:
        """One block of width 32 with four heads: 20,097 parameters."""
        return Transformer(self.size)

    def batches(self, seed: int) -> Iterator[Batch]:
        """8 windows of 32 characters, drawn anew from all places of the training text."""
        generator = torch.Generator().manual_seed(seed)
        text, length = self._data[0], self.size.context
        while True:
            starts = torch.randint(len(text) - length, (self.batch,), generator=generator)
            yield _windows(text, starts, length)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy of the next character, in nats."""
        seen, following = batch
        return nn.functional.cross_entropy(model(seen).flatten(0, 1), following.flatten())

    def validate(self, model: nn.Module) -> float:
        """Cross-entropy on 4,096 held-out characters, in nats."""
        with torch.no_grad():
            return self.loss(model, self._data[1]).item()

    def predict(self, model: nn.Module, source: Path, out: Path) -> list[str]:
        """Write the text in `source` on by 400 characters, drawn with a fixed seed.

        Args:
            model: a trained one.
            source: a text file; the model sees its last characters.
            out: where the text and what follows goes: a name that ends in .txt, or a folder for
                "continuation.txt".

        Returns:
            The lines that follow.

        Raises:
            TaskError: there is no text in the file.
        """
        try:
            prompt = source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise TaskError(f"{source}: {reason}") from None
        if not prompt:
            raise TaskError(f"{source}: it is empty; write the beginning of a text in it")
        written = continued(model, prompt, self.size.context)
        result_file(out, "continuation.txt").write_text(prompt + written, encoding="utf-8")
        return written.split("\n")


def continued(model: nn.Module, prompt: str, context: int) -> str:
    """What the model writes after `prompt`: CONTINUATION characters, the same each time."""
    generator = torch.Generator().manual_seed(0)
    text = _encoded(prompt[-context:])[None]
    written = []
    model.eval()
    with torch.no_grad():
        for _ in range(CONTINUATION):
            # The last symbol stands for many characters, so it can be read but not written.
            logits = model(text[:, -context:])[0, -1, :OTHER] / TEMPERATURE
            following = torch.multinomial(logits.softmax(0), 1, generator=generator)
            text = torch.cat([text, following[None]], 1)
            written.append(ALPHABET[int(following)])
    return "".join(written)


TASK = Text()
