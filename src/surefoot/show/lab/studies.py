"""The studies' part of the API: what the store holds, read and never written."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from surefoot.show.lab.desk import Task
from surefoot.show.lab.errors import problems
from surefoot.show.lab.service import respond

router = APIRouter(prefix="/api")


@router.get("/studies", responses=problems(401, 429, 503))
async def studies(request: Request) -> Response:
    """Every study of the store, in order of creation; none where there is no store yet."""
    options = request.app.state.options
    task = Task("studies", {"store": options.store}, options.limits.study_seconds, keep=False)
    return await respond(request, task)
