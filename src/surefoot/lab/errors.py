"""Every error of the API as one line of JSON: {"detail": "optimizers[0].hyperparameters.lr: …"}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from surefoot.lab.answers import Refused, in_one_line
from surefoot.lab.request_models import InspectRequest, OptimizerRequest, RecipeRequest
from surefoot.naming import nearest

FIELDS = sorted(
    {name for body in (RecipeRequest, OptimizerRequest, InspectRequest) for name in body.model_fields}
)
LONGEST_SHOWN = 30
"""Characters of a value that is refused."""


class ProblemDetails(BaseModel):
    """Why there is no answer, in one line: what, where, and what would do."""

    detail: str


_MEANINGS = {
    400: "The request cannot be read",
    401: "The token is missing or wrong",
    403: "The request comes from another site",
    404: "There is no such thing; the nearest name is told",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is not allowed; what, where and what would do is told",
    429: "This page has too many requests waiting",
    503: "The lab has too much to do, or it took too long",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the description of the API: these statuses, each with its one line."""
    wait = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}, "required": False}}
    return {
        status: {"model": ProblemDetails, "description": _MEANINGS[status]}
        | ({"headers": wait} if status in (429, 503) else {})
        for status in statuses
    }


def handle_errors(app: FastAPI) -> None:
    """Answer every error with one line."""

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> JSONResponse:
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
        return JSONResponse({"detail": error.detail}, error.status, headers)

    @app.exception_handler(RequestValidationError)
    async def not_valid(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        status = 400 if found and found[0]["type"] == "json_invalid" else 422
        return JSONResponse({"detail": line_of(found)}, status)

    @app.exception_handler(HTTPException)
    async def not_there(request: Request, error: HTTPException) -> JSONResponse:
        detail = f"there is no {request.url.path}" if error.status_code == 404 else str(error.detail)
        return JSONResponse({"detail": in_one_line(ValueError(detail))}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": f"a mistake in the lab itself: {type(error).__name__}"}, 500)


def line_of(found: Sequence[Mapping[str, Any]]) -> str:
    """What pydantic refused, as `where: what`; the first of several, and how many there are more."""
    first = found[0]
    context = first.get("ctx") or {}
    if first["type"] == "json_invalid":
        return f"the body is not JSON: {context.get('error', 'cut off')} at character {first['loc'][-1]}"
    where = place_of([*first["loc"][1:], *([context["where"]] if "where" in context else [])])
    more = "" if len(found) == 1 else f" (and {len(found) - 1} more)"
    return in_one_line(ValueError(f"{where or 'the body'}: {_what(first)}{more}"))


def _what(error: Mapping[str, Any]) -> str:
    """What is wrong with a value, and the value where it is short."""
    if error["type"] in ("refused", "setting"):
        return str(error["msg"])
    if error["type"] == "value_error":
        return str((error.get("ctx") or {}).get("error", error["msg"]))
    if error["type"] == "extra_forbidden":
        return f"there is no such field{nearest(str(error['loc'][-1]), FIELDS)}"
    told = str(error["msg"]).removeprefix("Input ")
    value = error.get("input")
    short = isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= LONGEST_SHOWN)
    return told[:1].lower() + told[1:] + (f", not {str(value)[:LONGEST_SHOWN]}" if short else "")


def place_of(path: Sequence[str | int]) -> str:
    """`optimizers[0].hyperparameters.lr` of a path into JSON."""
    place = ""
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    return place
