"""The part of the API for the playground and the optimizers: surfaces, cards, animations, steps, pictures."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from surefoot.errors import InvalidInputError
from surefoot.lab.access import only_json
from surefoot.lab.answers import JobResult, Refused, as_json
from surefoot.lab.errors import problems
from surefoot.lab.files import FORMATS, QUICK
from surefoot.lab.job_queue import JobRequest
from surefoot.lab.request_models import InspectRequest, RecipeRequest, SurfaceRequest
from surefoot.lab.response_models import (
    AnimationDocument,
    CardDocument,
    ContourDocument,
    InspectionDocument,
    OptimizerList,
    SurfaceList,
    file_of,
)
from surefoot.lab.service import respond
from surefoot.surfaces.optimizer_cards import cards, find_card
from surefoot.surfaces.pictures.document import surface_document
from surefoot.surfaces.pictures.strokes import optimizer_strokes, stroke_document
from surefoot.surfaces.surfaces import SURFACES

router = APIRouter(prefix="/api", tags=["playground"])
JSON = [Depends(only_json)]
BY_BODY = problems(400, 401, 403, 413, 415, 422, 429, 503)


@router.get("/surfaces", response_model=SurfaceList, responses=problems(401))
def surfaces() -> Response:
    """Every surface in the table."""
    return _sent(_surfaces())


@router.get("/optimizers", response_model=OptimizerList, responses=problems(401))
def optimizers() -> Response:
    """Every optimizer, with the settings that a page may offer."""
    return _sent(_optimizers())


@router.get("/optimizers/{name}", response_model=CardDocument, responses=problems(401, 404))
def optimizer(name: str) -> Response:
    """An optimizer's whole card."""
    try:
        card = find_card(name)
    except InvalidInputError as error:
        raise Refused(404, str(error)) from None
    more = {
        "equation": card.equation,
        "family": card.family,
        "state": card.state,
        "state_bytes_per_parameter": card.state_bytes_per_parameter,
        "takes": card.takes,
        "good_at": card.good_at,
        "bad_at": card.bad_at,
        "paper": card.paper,
    }
    return _sent(as_json(_short(card.name) | more))


@router.post("/animate", response_model=AnimationDocument, dependencies=JSON, responses=BY_BODY)
async def animate(body: RecipeRequest, request: Request) -> Response:
    """Let the optimizers run on the surface: every path, with what makes it again."""
    seconds = request.app.state.options.limits.animation_seconds
    return await respond(request, JobRequest("animate", body.model_dump(), seconds))


@router.post("/inspect", response_model=InspectionDocument, dependencies=JSON, responses=BY_BODY)
async def inspect(body: InspectRequest, request: Request) -> Response:
    """One step of one optimizer: what gradient it got, what it remembers, how far it went."""
    seconds = request.app.state.options.limits.animation_seconds
    return await respond(request, JobRequest("inspect", body.model_dump(), seconds, quick=True))


@router.post("/contours", response_model=ContourDocument, dependencies=JSON, responses=BY_BODY)
async def contours(body: SurfaceRequest, request: Request) -> Response:
    """The contour lines and shades of a surface."""
    seconds = request.app.state.options.limits.animation_seconds
    return await respond(request, JobRequest("contours", body.model_dump(), seconds, quick=True))


@router.post(
    "/picture/{format}",
    response_class=Response,
    dependencies=JSON,
    responses=BY_BODY | file_of(*dict.fromkeys(FORMATS.values())),
)
async def picture(
    format: Literal["png", "svg", "gif", "webp", "mp4", "html", "json", "py"],
    body: RecipeRequest,
    request: Request,
    view: Annotated[
        Literal["contour", "3d", "both"],
        Query(description="of a still picture: from above, as a solid, or both"),
    ] = "contour",
) -> Response:
    """The animation as a file: a picture, a page that plays it, its numbers, or the code that makes it."""
    arguments = {"recipe": body.model_dump(), "format": format, "view": view}
    seconds = request.app.state.options.limits.picture_seconds
    return await respond(request, JobRequest("picture", arguments, seconds, slow=format not in QUICK))


def _short(name: str) -> dict[str, Any]:
    card = cards()[name]
    return {
        "name": name,
        "summary": card.summary,
        "lr": next((float(h.default) for h in card.hyperparameters if h.name == "lr"), None),
        "hyperparameters": [
            {
                "name": h.name,
                "default": h.default,
                "meaning": h.meaning,
                "usual": h.usual,
                "kind": h.kind,
                "choices": h.choices,
            }
            for h in card.hyperparameters
        ],
        "needs_closure": card.needs_closure,
        "matrices_only": card.matrices_only,
        "stroke": stroke_document(optimizer_strokes([name])[0]),
    }


@functools.cache
def _surfaces() -> JobResult:
    return as_json({"surfaces": [surface_document(surface) for surface in SURFACES.values()]})


@functools.cache
def _optimizers() -> JobResult:
    return as_json({"optimizers": [_short(name) for name in cards()]})


def _sent(answer: JobResult) -> Response:
    return Response(answer.body, media_type=answer.media)
