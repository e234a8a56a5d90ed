"""A Keras 3 model on the torch backend as the torch module that everything else here expects.

    KerasModule(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]))

A `keras.Model` is a torch module already, but three habits of it are not a torch module's: dropout and batch
normalisation ask a `training` argument and not `train()`; layers that have no name are numbered through the
whole process, so that the second model's weights are not called what the first's are; and what is no weight
(moving means, the state of a seed) counts as a parameter.  Keras is never imported here.
"""

from __future__ import annotations

import copy
import re
import sys
from typing import Any

from torch import nn

from surefoot.errors import InvalidInputError


class KerasModule(nn.Module):
    """Calls a Keras model in its own mode; holds its weights as parameters, what else it keeps as buffers.

    Names are those of the layers, such as "conv2d.kernel" and "dense_1.bias", numbered within the model.

    Args:
        model: built, on the torch backend.  It stays at hand as the attribute `keras`.

    Raises:
        InvalidInputError: it runs on another backend, or is not built yet.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not isinstance(model, nn.Module):
            raise InvalidInputError(
                "this Keras model is not on torch: set KERAS_BACKEND=torch before keras is imported"
            )
        if not model.variables:
            raise InvalidInputError(
                "this Keras model has no weights before it is built: begin it with keras.Input(shape)"
            )
        # Not registered as a part of this module: its parameters have other names there.
        self._held = (model,)
        self._kept: list[tuple[nn.Module, str, Any]] = []
        kinds, variables = _kinds(model), list[Any](self.keras.variables)
        for variable, (*layers, name) in zip(variables, _paths(model), strict=True):
            holder = _holder(self, layers, kinds.get(id(variable), "Layer"))
            if variable.trainable:
                holder.register_parameter(name, variable.value)
            else:
                holder.register_buffer(name, variable.value.data)  # Keras writes into the same memory
                self._kept.append((holder, name, variable))

    def __deepcopy__(self, memo: dict[int, Any]) -> KerasModule:
        # Keras copies a model by building another one, whose weights are others than this module's copies.
        twin = KerasModule(copy.deepcopy(self.keras, memo))
        twin.load_state_dict(self.state_dict())
        for own, other in zip(self.parameters(), twin.parameters(), strict=True):
            other.requires_grad_(own.requires_grad)
        return twin.train(self.training)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        # What moves to another device must stay one memory.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for holder, name, variable in self._kept:
            variable.value.data = holder.get_buffer(name)
        return self

    @property
    def keras(self) -> Any:
        """The Keras model."""
        return self._held[0]

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The model's output, with dropout and the like as `train()` and `eval()` say."""
        return self.keras(*inputs, **{"training": self.training, **named})


def is_keras(model: Any, kind: str = "Model") -> bool:
    """Whether this is a `keras.Model` (or a loss, and so on), without importing keras."""
    keras = sys.modules.get("keras")
    found = {"Model": ("models", "Model"), "Loss": ("losses", "Loss")}[kind]
    made = getattr(getattr(keras, found[0], None), found[1], None)
    return isinstance(made, type) and isinstance(model, made)


def _kinds(model: Any) -> dict[int, str]:
    """By variable, the class of the layer that it belongs to, the innermost."""
    layers = getattr(model, "_flatten_layers", lambda: model.layers)()
    return {id(variable): type(layer).__name__ for layer in layers for variable in layer.variables}


def _paths(model: Any) -> list[tuple[str, ...]]:
    """The names of layers around each variable and its own, the same for every model made alike."""
    raw = [tuple(variable.path.split("/")) for variable in model.variables]
    if all(len(path) > 2 and path[0] == raw[0][0] for path in raw if not _is_seed(path)):
        raw = [path if _is_seed(path) else path[1:] for path in raw]  # the model's own name
    numbered: dict[tuple[str, ...], str] = {}
    used: dict[tuple[str, ...], int] = {}
    found = []
    for path in raw:
        names: list[str] = []
        for depth, name in enumerate(path, 1):
            if path[:depth] not in numbered:
                base = (*names, re.sub(r"_\d+$", "", name).replace(".", "_"))
                count = used[base] = used.get(base, -1) + 1
                numbered[path[:depth]] = f"{base[-1]}_{count}" if count else base[-1]
            names.append(numbered[path[:depth]])
        found.append(tuple(names))
    return found


def _is_seed(path: tuple[str, ...]) -> bool:
    return path[-1] == "seed_generator_state"


def _holder(module: nn.Module, layers: list[str], kind: str) -> nn.Module:
    """The part of the module at this path, made where it is missing, of a class named as Keras names it."""
    for depth, name in enumerate(layers, 1):
        while hasattr(module, name) and not isinstance(getattr(module, name), nn.Module):
            name += "_"  # a layer that is called as a method of a module is
        inner = getattr(module, name, None)
        if not isinstance(inner, nn.Module):
            inner = type(kind if depth == len(layers) else "Layer", (nn.Module,), {})()
            module.add_module(name, inner)
        module = inner
    return module
