"""Data classes as JSON and back: a new field of a class is a new key of its document, and nothing else.

    document = encode(answer)          # dicts, lists, text, numbers, True, False and None; nan stays a float
    decode(Answer, document)           # the same answer

What is read is checked against the types of the fields, so that whoever has the object need not doubt them.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from surefoot.errors import SurefootError

Kind = TypeVar("Kind")


class DocumentError(SurefootError, ValueError):
    """A document does not fit the class that it is read as; the message names the field."""


def encode(value: Any) -> Any:
    """`value` as JSON types: data classes and mappings become dicts, tuples lists, enums their values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(kind: type[Kind], document: Any) -> Kind:
    """The object of class `kind` that `document` describes.

    A field that the document lacks takes its default; a key that the class lacks is left out. None stands for
    nan where a number has to be, as in strict JSON. Where a field may be anything, lists become tuples.

    Raises:
        DocumentError: a field is missing, or its value is not of its type.
    """
    found: Kind = _decode(kind, document, kind.__name__)
    return found


def as_tuples(value: Any) -> Any:
    """JSON types with tuples in place of lists: `(0.9, 0.999)` compares equal wherever it comes from."""
    if isinstance(value, Mapping):
        return {key: as_tuples(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(as_tuples(item) for item in value)
    return value


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return as_tuples(value)
    if origin in (Union, types.UnionType):
        return _optional(arguments, value, where)
    if origin is Literal:
        return value if value in arguments else _refuse(where, value, f"one of {arguments}")
    if origin is tuple:
        if not isinstance(value, list | tuple):
            _refuse(where, value, "a list")
        return tuple(_decode(arguments[0], item, f"{where}[{place}]") for place, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            _refuse(where, value, "an object")
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if is_dataclass(kind):
        return _object(kind, value, where)
    if issubclass(kind, Enum):
        known = [member.value for member in kind]
        return (
            kind(value) if value in known else _refuse(where, value, f"one of {', '.join(map(str, known))}")
        )
    return _plain(kind, value, where)


def _optional(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    """`X | None`, the one kind of union there is."""
    if value is None:
        return None
    (inner,) = (argument for argument in arguments if argument is not types.NoneType)
    return _decode(inner, value, where)


def _object(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        _refuse(where, value, "an object")
    hints, made = _hints(kind), {}
    for field in fields(kind):
        if field.name in value:
            made[field.name] = _decode(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DocumentError(f"{where} has no {field.name}")
    try:
        return kind(**made)
    except ValueError as error:  # its fields contradict each other
        raise DocumentError(f"{where}: {error}") from error


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        if value is None:
            return math.nan
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    return _refuse(where, value, {str: "text", bool: "true or false"}.get(kind, "a number"))


def _refuse(where: str, value: Any, wanted: str) -> Any:
    raise DocumentError(f"{where} must be {wanted}, not {str(value)[:80]!r}")


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
