"""The order in which a kernel is given tensors, scalars and settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The order of the streams in a kernel's tables.

    Attributes:
        dtype: of the parameter, its gradient and its tensor states.
        tensors: tensor states, after `p` and `g`.
        scalars: scalar states.
        scalar_dtypes: "float32" or "float64" for each of them.
        settings: names of the numeric settings, in the order in which their values are passed.
        matrix: rows and columns, where they are compiled in: loops over a few of them are then unrolled.
    """

    dtype: str
    tensors: tuple[str, ...]
    scalars: tuple[str, ...]
    scalar_dtypes: tuple[str, ...]
    settings: tuple[str, ...]
    matrix: tuple[int, int] | None = None

    @property
    def streams(self) -> tuple[str, ...]:
        """Every tensor, `p` and `g` first."""
        return ("p", "g", *self.tensors)
