"""The pages: one HTML file for every room, and the modules beside it, which the browser checks by ETag."""

from __future__ import annotations

import secrets
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from surefoot.lab.service import SESSION
from surefoot.report.pages import STUDY_STYLE

STATIC = Path(__file__).parent / "static"
ROOMS = ("/", "/playground", "/studies", "/studies/{name:path}", "/optimizers", "/optimizers/{name}")

router = APIRouter(include_in_schema=False)


class Modules(StaticFiles):
    """The files of the pages; kept by browsers, but never used without asking."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or 304 where the browser has it."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def page(request: Request) -> FileResponse:
    """The page of every room; its script finds the room by the address."""
    response = FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})
    if SESSION not in request.cookies:
        response.set_cookie(SESSION, secrets.token_urlsafe(12), httponly=True, samesite="strict")
    return response


@router.get("/static/study.css")
async def study_style() -> FileResponse:
    """The look of a study's sections, which the report has too."""
    return FileResponse(STUDY_STYLE, headers={"Cache-Control": "no-cache"})


for room in ROOMS:
    router.add_api_route(room, page, methods=["GET", "HEAD"], response_model=None)
