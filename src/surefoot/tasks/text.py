"""text: write on, one character after the other, with a small transformer.

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

import torch
from torch import Tensor, nn

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
OTHER = len(ALPHABET)  # stands for every character beyond ASCII
SYMBOLS = OTHER + 1

CONTEXT = 32
BATCH = 8
HELD_OUT_WINDOWS = 128
EVERY_TENTH = 10  # every tenth paragraph is held out

WIDTH, HEADS, BLOCKS = 32, 4, 1

Batch = tuple[Tensor, Tensor]


def _real() -> list[str]:
    # Imported here: a third of a megabyte, which listing the tasks should not read.
    from pydoc_data.topics import topics

    return [paragraph for topic in topics.values() for paragraph in topic.split("\n\n")]


def _synthetic() -> list[str]:
    """Paragraphs of words from a made-up vocabulary, short and frequent ones first, as in any language."""
    warnings.warn(
        "this Python comes without pydoc_data: 'text' uses made-up words; "
        "for real ones install Python's whole standard library",
        stacklevel=2,
    )
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


def _real_data_installed() -> bool:
    return importlib.util.find_spec("pydoc_data") is not None


def _encoded(paragraphs: list[str]) -> Tensor:
    number = {character: index for index, character in enumerate(ALPHABET)}
    return torch.tensor([number.get(character, OTHER) for character in "\n\n".join(paragraphs)])


def _windows(text: Tensor, starts: Tensor) -> Batch:
    """At each start the CONTEXT characters from there, and the same moved on by one: what to predict."""
    rows = text[starts[:, None] + torch.arange(CONTEXT + 1)]
    return rows[:, :-1], rows[:, 1:]


class Block(nn.Module):
    """One block of a transformer: attention, then a feed-forward layer, each on a normalised copy."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.before_forward = nn.LayerNorm(WIDTH)
        self.widened = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrowed = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, length, WIDTH) to the same shape."""
        parts = self.queries_keys_values(self.before_attention(x)).unflatten(2, (3 * HEADS, -1))
        queries, keys, values = parts.transpose(1, 2).chunk(3, dim=1)
        seen = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.attended(seen.transpose(1, 2).flatten(2))
        further: Tensor = self.narrowed(nn.functional.gelu(self.widened(self.before_forward(x))))
        return x + further


class Transformer(nn.Module):
    """Characters to logits of the next one: embeddings, blocks, a norm and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.characters = nn.Embedding(SYMBOLS, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.logits = nn.Linear(WIDTH, SYMBOLS)

    def forward(self, text: Tensor) -> Tensor:
        """(batch, length) whole numbers to (batch, length, SYMBOLS)."""
        x = self.characters(text) + self.places.weight[: text.shape[1]]
        found: Tensor = self.logits(self.norm(self.blocks(x)))
        return found


class Text:
    """Next-character prediction; every tenth paragraph is held out, and no paragraph occurs twice."""

    name = "text"
    steps = 300

    @property
    def measure(self) -> str:
        """The cross-entropy of a held-out character, in nats; says so if the text is made up."""
        return "validation loss" if _real_data_installed() else "validation loss on made-up words"

    @functools.cached_property
    def _paragraphs(self) -> tuple[list[str], list[str]]:
        """Those to train on, and those held out."""
        paragraphs = list(dict.fromkeys(_real() if _real_data_installed() else _synthetic()))
        training = [paragraph for number, paragraph in enumerate(paragraphs) if number % EVERY_TENTH]
        return training, paragraphs[::EVERY_TENTH]

    @functools.cached_property
    def _data(self) -> tuple[Tensor, Batch]:
        """The training text, and windows spread evenly over the held-out text."""
        training, held_out = map(_encoded, self._paragraphs)
        starts = torch.linspace(0, len(held_out) - CONTEXT - 1, HELD_OUT_WINDOWS).long()
        return training, _windows(held_out, starts)

    def model(self) -> nn.Module:
        """One block of width 32 with four heads: 20,097 parameters."""
        return Transformer()

    def batches(self, seed: int) -> Iterator[Batch]:
        """8 windows of 32 characters, drawn anew from all places of the training text."""
        generator = torch.Generator().manual_seed(seed)
        text = self._data[0]
        while True:
            yield _windows(text, torch.randint(len(text) - CONTEXT, (BATCH,), generator=generator))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy of the next character, in nats."""
        seen, following = batch
        return nn.functional.cross_entropy(model(seen).flatten(0, 1), following.flatten())

    def validate(self, model: nn.Module) -> float:
        """Cross-entropy on 4,096 held-out characters, in nats."""
        with torch.no_grad():
            return self.loss(model, self._data[1]).item()


TASK = Text()
