"""What pages may send: strict types, finite numbers, bounded sizes, and no field that is not known.

RecipeRequest.model_validate({"surface": "beale", "optimizers": [{"optimizer": "Adam"}]})
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from surefoot.errors import InvalidInputError
from surefoot.lab.options import (
    LARGEST,
    LONGEST_FORMULA,
    MOST_OPTIMIZERS,
    MOST_STEPS,
    SMALLEST_WIDTH,
)
from surefoot.surfaces.optimizer_cards import check_setting, find_card

MOST_PARTS, LONGEST_WORD, LARGEST_SETTING = 3, 40, 1e300

Coordinate = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Pair = Annotated[list[Coordinate], Field(min_length=2, max_length=2, description="two numbers")]


def _setting(value: Any) -> Any:
    """A value as JSON may hold it, of bounded size; whether it fits is for the optimizer's card to say."""
    if isinstance(value, list) and len(value) <= MOST_PARTS:
        return [_part(part) for part in value]
    if isinstance(value, str) and len(value) <= LONGEST_WORD:
        return value
    return _part(value)


def _part(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) <= LARGEST_SETTING:  # nan is not
        return value
    number = isinstance(value, int | float)
    what = "a finite number" if number else "a number, true, false, a short word or a short list"
    raise PydanticCustomError("setting", "it should be {what}", {"what": what})


Setting = Annotated[
    Any,
    PlainValidator(_setting),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "boolean"},
                {"type": "string", "maxLength": LONGEST_WORD},
                {"type": "null"},
                {"type": "array", "items": {"type": ["number", "null"]}, "maxItems": MOST_PARTS},
            ]
        }
    ),
]
SurfaceText = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_FORMULA, description="a surface's name, or a formula of x and y"),
]


class RequestModel(BaseModel):
    """Whatever is sent: nothing is converted, and nothing unknown is ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class OptimizerRequest(RequestModel):
    """An optimizer with what is set of its settings; the rest stays as its constructor has it."""

    optimizer: Annotated[str, Field(min_length=1, max_length=40, examples=["Adam"])]
    hyperparameters: Annotated[
        dict[Annotated[str, Field(max_length=40)], Setting],
        Field(max_length=20, examples=[{"lr": 0.1}]),
    ] = {}

    @field_validator("optimizer")
    @classmethod
    def _known(cls, name: str) -> str:
        return find_card(name).name

    @model_validator(mode="after")
    def _settings_fit(self) -> OptimizerRequest:
        for name, value in self.hyperparameters.items():
            try:
                check_setting(self.optimizer, name, value)
            except InvalidInputError as error:
                raise refused(f"hyperparameters.{name}", str(error)) from None
        return self


class SurfaceRequest(RequestModel):
    """A surface, and what of it is looked at."""

    surface: SurfaceText
    x: Annotated[Pair | None, Field(description="its domain: [low, high]; null: the surface's own")] = None
    y: Annotated[Pair | None, Field(description="as x")] = None

    @field_validator("x", "y")
    @classmethod
    def _in_order(cls, domain: list[float] | None) -> list[float] | None:
        if domain is not None and domain[1] - domain[0] < SMALLEST_WIDTH:
            raise ValueError(
                f"the second number must be larger than the first, by {SMALLEST_WIDTH:g} at least"
            )
        return domain


class RecipeRequest(SurfaceRequest):
    """All that fixes an animation; see `surefoot.surfaces.recipe.Recipe`."""

    optimizers: Annotated[list[OptimizerRequest], Field(min_length=1, max_length=MOST_OPTIMIZERS)]
    tuning: Literal["default", "same-lr", "tuned"] = "default"
    lr: Annotated[float | None, Field(gt=0, le=LARGEST, description='for all, with "same-lr"')] = None
    start: Annotated[Pair | None, Field(description="null: the surface's own")] = None
    steps: Annotated[
        int, Field(ge=1, le=MOST_STEPS, description="gradient evaluations of each optimizer")
    ] = 200
    noise: Annotated[
        float | None,
        Field(ge=0, le=LARGEST, description="on each part of the gradient; null: the surface's own"),
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    strips: Annotated[bool, Field(description="measure each optimizer's learning-rate strip too")] = False


class InspectRequest(RequestModel):
    """A step of one optimizer of an animation."""

    recipe: RecipeRequest
    path: Annotated[
        int, Field(ge=0, lt=MOST_OPTIMIZERS, description="the place of its optimizer in the recipe, from 0")
    ]
    step: Annotated[int, Field(ge=0, lt=MOST_STEPS, description="of the optimizer, from 0")]

    @model_validator(mode="after")
    def _path_is_there(self) -> InspectRequest:
        if self.path >= len(self.recipe.optimizers):
            last = len(self.recipe.optimizers) - 1
            raise refused("path", f"there is no path {self.path}; the last one is {last}")
        return self


def refused(where: str, what: str) -> PydanticCustomError:
    """An error at a place below the one that is checked."""
    found: Any = {"where": where, "what": what}
    return PydanticCustomError("refused", "{what}", found)
