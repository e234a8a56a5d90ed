"""The words of a formula: what may stand in it at all, and next to what.

    Words("2x² + sin(y)", functions={"sin"}, names={"x", "y"}).written    # "2 * x ** 2 + sin ( y )"

What comes out holds only known words, numbers, operators and closed brackets, so that Python's parser meets
no keyword, string, comment or anything else that could surprise.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest

LONGEST = 400
"""Characters of a formula."""

DEEPEST = 60
"""Levels of nesting."""

_SPELLINGS = {"·": "*", "×": "*", "−": "-", "–": "-", "^": "**"}
_OTHER_NAMES = {"π": "pi", "ln": "log", "atan": "arctan"}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

_WORD = re.compile(
    r"""(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>π|[A-Za-z_][A-Za-z_0-9]*)
    |(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
    |(?P<sign>\*\*|[-+*/^(),·×−–])
    |(?P<blank>[ \t]+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class ExpressionError(InvalidInputError):
    """A formula cannot be read; the message is one line: what, where, and the nearest valid word."""


class Word(NamedTuple):
    """A word with its kind and where it starts in the user's text."""

    kind: str
    text: str
    start: int


class Words:
    """The words of a text, checked.

    Attributes:
        text: as the user wrote it.
        written: as Python's parser gets it.

    Raises:
        ExpressionError: a word is unknown, stands in the wrong place, or the text is too long or too deep.
    """

    def __init__(self, text: str, functions: Collection[str], names: Collection[str]) -> None:
        if len(text) > LONGEST:
            raise ExpressionError(f"a formula has at most {LONGEST} characters, not {len(text)}")
        self.text, self._functions, self._names = text, functions, names
        self._starts: list[tuple[int, int]] = []
        self.written = ""
        words = [Word(str(found.lastgroup), found.group(), found.start()) for found in _WORD.finditer(text)]
        words = [self._known(word) for word in words if word.kind != "blank"]
        if not words:
            raise self.error("is empty")
        self._check_brackets(words)
        for before, word in zip([Word("sign", "", 0), *words], words, strict=False):
            self._write(before, word)
        if words[-1].text in self._functions:
            raise self.error(f"needs brackets around what {words[-1].text} is taken of")

    def error(self, what: str) -> ExpressionError:
        """The error that says what is wrong with this formula."""
        shown = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return ExpressionError(f"formula {shown!r} {what}")

    def where(self, start: int, end: int | None = None) -> str:
        """How a message goes on about a place in `written`."""
        first = self._original(start)
        part = self.text[first : len(self.text) if end is None else self._original(end)].strip()
        return f" at {part if len(part) <= 16 else part[:15] + '…'!r}" if part else " at its end"

    def _place(self, word: Word) -> str:
        return f" at {self.text[word.start : word.start + 16]!r}"

    def _original(self, place: int) -> int:
        """Where in `text` the word begins that is at this place in `written`, or comes next."""
        return next((own for at, own in self._starts if at >= place), len(self.text))

    def _known(self, word: Word) -> Word:
        if word.kind == "other":
            raise self.error(f"may not hold {word.text!r}")
        if word.kind == "sign":
            return word._replace(text=_SPELLINGS.get(word.text, word.text))
        if word.kind != "name":
            return word
        name = _OTHER_NAMES.get(word.text, word.text)
        if name in self._functions or name in self._names:
            return word._replace(text=name)
        raise self.error(f"holds {word.text!r}{self._advice(word.text)}")

    def _advice(self, name: str) -> str:
        known = "|".join(sorted(map(re.escape, self._names), key=len, reverse=True))
        if re.fullmatch(f"(?:{known})+", name):
            return f"; write {'*'.join(re.findall(known, name))}"
        if found := re.fullmatch(f"({known})([0-9]+)", name):
            return f"; write {found[1]}*{found[2]} or {found[1]}^{found[2]}"
        return nearest(name, [*self._names, *self._functions])

    def _check_brackets(self, words: list[Word]) -> None:
        opened: list[Word] = []
        for word in words:
            if word.text == "(":
                opened.append(word)
            elif word.text == ")":
                if not opened:
                    raise self.error(
                        f"closes a bracket that it never opens at {self.text[word.start :][:16]!r}"
                    )
                opened.pop()
            if len(opened) > DEEPEST:
                raise self.error(f"is nested deeper than {DEEPEST} levels")
        if opened:
            raise self.error(f"never closes the bracket{self._place(opened[-1])}")

    def _write(self, before: Word, word: Word) -> None:
        """Append a word to what Python reads, with the `*` that is left out after a number."""
        begins = word.kind in ("number", "name") or word.text == "("
        if before.text in self._functions:
            if word.text != "(":
                raise self.error(f"needs brackets around what {before.text} is taken of: {before.text}(…)")
        elif begins and (before.kind in ("number", "raised") and word.kind != "number"):
            self.written += " *"
        elif begins and (before.kind != "sign" or before.text == ")"):
            left = self._shown(before)
            right = "(…)" if word.text == "(" else self._shown(word)
            raise self.error(f"leaves something out between {left} and {right}; write {left}*{right}")
        if before.kind == "raised" and (word.kind == "raised" or word.text == "**"):
            raise self.error(f"has a power of a power; set brackets{self._place(word)}")
        text = word.text
        if word.kind == "raised":
            text = f"** {int(text.translate(_RAISED))}"
        elif word.kind == "number" and text.isdigit():
            text = str(int(text))
        self.written += " " * bool(self.written)
        self._starts.append((len(self.written), word.start))
        self.written += text

    def _shown(self, word: Word) -> str:
        return "(…)" if word.text == ")" else word.text
