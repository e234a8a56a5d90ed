"""Typed data of a study to JSON and back.

    write(decision)           # {"text": "…", "candidate": {"optimizer": "Adam", …}, "rung": 0.111, …}
    read(Stopped, document)   # the same decision

What is written is what `json` takes: mappings, lists, text and numbers; the store says how it keeps nan.
"""

from __future__ import annotations

from typing import Any, TypeVar

import cattrs
from cattrs.errors import BaseValidationError

from surefoot.errors import SurefootError

_T = TypeVar("_T")

_CONVERTER = cattrs.Converter(forbid_extra_keys=True)


class CodecError(SurefootError, ValueError):
    """A document is not one of the class it was read as."""


def write(value: Any) -> Any:
    """The document of a value: of a frozen dataclass a mapping with its fields."""
    return _CONVERTER.unstructure(value)


def read(made: type[_T], document: Any) -> _T:
    """The value of a document.

    Raises:
        CodecError: a field is missing, unknown, or of another type.
    """
    try:
        return _CONVERTER.structure(document, made)
    except (BaseValidationError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise CodecError(f"not a {made.__name__}: {document!r}") from error
