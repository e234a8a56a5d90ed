"""A formula's state and settings: values by attribute, and no name that was not declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surefoot.formula.language import Value


class Names:
    """Values by attribute; a name that was never declared is an error, read or written."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"`{name}` is not declared; declared are: {', '.join(self.__dict__)}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dict__:
            getattr(self, name)
        self.__dict__[name] = value


class Settings(Names):
    """The hyperparameters of a formula; a setting of value zero is the Python number 0.

    `machine_epsilon` is always there: the gap between 1 and the next number of the parameter's type.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Value: ...


class State(Names):
    """The state of a formula: read it, and assign the new value to the same name."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Value: ...
        def __setattr__(self, name: str, value: Value | float) -> None: ...
