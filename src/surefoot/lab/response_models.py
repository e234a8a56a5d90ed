"""What the API answers, for its description: the shape of each document, and files by their media type."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

Pair = tuple[float, float]
Responses = dict[int | str, dict[str, Any]]


class ResponseModel(BaseModel):
    """Whatever is answered."""

    model_config = ConfigDict(extra="allow")


class Anything(ResponseModel):
    """A document that is described where it is made, in the file that the description names."""


class SurfaceDocument(ResponseModel):
    """A surface; see `surefoot.surfaces.surface.Surface`."""

    name: str
    formula: str
    x: Pair
    y: Pair
    start: Pair
    minima: list[Pair]
    saddles: list[Pair]
    stable_lr: float | None
    noise: float
    about: str
    floor: float


class SurfaceList(BaseModel):
    """Every surface in the table."""

    surfaces: list[SurfaceDocument]


class StrokeDocument(BaseModel):
    """How an optimizer is drawn: colour's name in the palette, dash in widths of the line, marker."""

    colour: str
    dash: list[float]
    marker: str


class SettingDocument(BaseModel):
    """One argument of an optimizer's constructor."""

    name: str
    default: JsonValue
    meaning: str
    usual: str
    kind: str
    choices: list[str | None]


class OptimizerDocument(BaseModel):
    """An optimizer, with the settings that a page may offer."""

    name: str
    summary: str
    lr: float | None
    hyperparameters: list[SettingDocument]
    needs_closure: bool
    matrices_only: bool
    stroke: StrokeDocument


class OptimizerList(BaseModel):
    """Every optimizer."""

    optimizers: list[OptimizerDocument]


class CardDocument(OptimizerDocument):
    """An optimizer's whole card."""

    equation: str
    family: str
    state: list[str]
    state_bytes_per_parameter: str
    takes: str
    good_at: str
    bad_at: str
    paper: str


class StripDocument(BaseModel):
    """An optimizer's score against its learning rate: 0 at the floor at once, 1 no progress at all."""

    setting: str
    rates: list[float]
    scores: list[float]
    diverged: list[bool]
    best: float
    low: float
    high: float
    decades: float


class PathDocument(BaseModel):
    """Where an optimizer went; null stands where a value is not finite."""

    optimizer: str
    label: str
    hyperparameters: dict[str, JsonValue]
    lifted: bool
    evaluations: list[int]
    x: list[float | None]
    y: list[float | None]
    values: list[float | None]
    end: str
    strip: StripDocument | None


class AnimationDocument(ResponseModel):
    """An animation, with what makes it again: the command line, the address, the Python code."""

    surface: SurfaceDocument
    start: Pair
    steps: int
    noise: float
    seed: int
    tuning: str
    lr: float | None
    paths: list[PathDocument]
    command: str
    query: str
    snippet: str
    strokes: list[StrokeDocument]
    link: str
    seconds: float


class InspectionDocument(ResponseModel):
    """One step of an optimizer, seen from inside."""

    optimizer: str
    settings: dict[str, JsonValue]
    lifted: bool
    step: int
    evaluation: int
    point: list[float | None]
    value: float | None
    gradient: list[float | None]
    update: list[float | None]
    effective_lr: list[float | None]
    state: dict[str, JsonValue]
    next: list[float | None]


class LevelDocument(BaseModel):
    """One height, and its lines as x0, y0, x1, y1, …"""

    value: float
    lines: list[list[float]]


class ShadeDocument(BaseModel):
    """Heights from 0 to 1 on a grid, row by row from low y; null where the surface has no value."""

    size: int
    values: list[float | None]


class ContourDocument(ResponseModel):
    """The contour lines and shades of a surface."""

    levels: list[LevelDocument]
    shade: ShadeDocument
    low: float
    high: float


class StudySummaryDocument(BaseModel):
    """One line in the list of studies."""

    name: str
    task: str
    created: str
    finished: bool
    runs: int
    verdict: str | None


class StudyList(BaseModel):
    """Every study of the store."""

    studies: list[StudySummaryDocument]


class Health(BaseModel):
    """How the lab is, and how much it has to do."""

    status: str
    waiting: int
    running: int
    longest: int


def file_of(*media: str) -> Responses:
    """For the description: a file of one of these types."""
    kinds = [kind.partition(";")[0] for kind in media]
    content: dict[str, Any] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    if "application/json" in content:
        content["application/json"] = {"schema": {"type": "object"}}
    return {200: {"description": "The file", "content": content}}


def unchanged() -> Responses:
    """For the description: the client has it already."""
    return {304: {"description": "Nothing has changed since the ETag that was sent"}}
