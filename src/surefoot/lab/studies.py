"""The studies' part of the API: what the store holds, read and never written.

An answer about a study has an ETag of its state, which is cheap to ask: a page may look every few seconds,
and gets 304 while nothing has happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from surefoot.lab.answers import JobResult, Refused
from surefoot.lab.errors import problems
from surefoot.lab.job_queue import JobRequest
from surefoot.lab.options import LONGEST_NAME
from surefoot.lab.response_models import Anything, StudyList, file_of, unchanged
from surefoot.lab.service import respond, response_of, work
from surefoot.naming import nearest
from surefoot.report.study_figures import SERIES, SINGLE, sort_of

router = APIRouter(prefix="/api/studies", tags=["studies"])
OF_STUDY = problems(401, 404, 422, 429, 503)
Name = Annotated[str, Path(min_length=1, max_length=LONGEST_NAME, description="a study's name")]


@router.get("", response_model=StudyList, responses=problems(401, 429, 503))
async def studies(request: Request) -> Response:
    """Every study of the store, in order of creation; none where there is no store yet."""
    return await respond(request, _task(request, "studies", keep=False, quick=True))


@router.get("/{name:path}/report.html", response_class=Response, responses=OF_STUDY | file_of("text/html"))
async def report(name: Name, request: Request) -> Response:
    """The study's report: one file that opens anywhere."""
    return await _of_study(request, name, "report", slow=True)


@router.get("/{name:path}/answer.json", response_model=Anything, responses=OF_STUDY)
async def answer(name: Name, request: Request) -> Response:
    """The study's answer, as `surefoot choose --json` writes it."""
    return await _of_study(request, name, "answer")


@router.get("/{name:path}/landscape.json", response_model=Anything, responses=OF_STUDY)
async def landscape(name: Name, request: Request) -> Response:
    """The landscape of the study's model."""
    return await _of_study(request, name, "landscape")


@router.get(
    "/{name:path}/figures/{figure}.svg",
    response_class=Response,
    responses=OF_STUDY | file_of("image/svg+xml") | unchanged(),
)
async def figure(
    name: Name,
    figure: Annotated[
        str, Path(max_length=20, description="forest, progress, seconds, cost, looks, rates-0, …")
    ],
    request: Request,
) -> Response:
    """One of the study's figures."""
    sort = sort_of(figure)
    if sort is None:
        known = [*SINGLE, *(f"{series}-0" for series in SERIES)]
        raise Refused(404, f"there is no figure {figure!r}{nearest(figure, known)}")
    state = await _state(request, name)
    if _is_known(request, state):
        return _not_changed(state)
    drawn = await work(request, _task(request, "figures", {"name": name, "state": state, "sort": sort}))
    found = json.loads(drawn.body).get(figure)
    if found is None:
        raise Refused(404, f"study {name!r} has nothing to show in {figure!r}")
    return _with_state(JobResult(found.encode(), "image/svg+xml"), state)


@router.get(
    "/{name:path}/page.html",
    response_class=Response,
    responses=OF_STUDY | file_of("text/html") | unchanged(),
)
async def page(name: Name, request: Request) -> Response:
    """What the study's page shows, as HTML; the same sections as in its report, cut where they are long."""
    return await _of_study(request, name, "page")


async def _of_study(request: Request, name: str, job: str, slow: bool = False) -> Response:
    state = await _state(request, name)
    if _is_known(request, state):
        return _not_changed(state)
    found = await work(request, _task(request, job, {"name": name, "state": state}, slow=slow))
    return _with_state(found, state)


async def _state(request: Request, name: str) -> str:
    told = await work(request, _task(request, "state", {"name": name}, keep=False, quick=True))
    return f"{json.loads(told.body)}-{version('surefoot')}"


def _task(
    request: Request, job: str, arguments: Mapping[str, Any] = MappingProxyType({}), **sort: bool
) -> JobRequest:
    options = request.app.state.options
    return JobRequest(job, {"store": options.store, **arguments}, options.limits.study_seconds, **sort)


def _is_known(request: Request, state: str) -> bool:
    """Whether the client has what it would get."""
    tags = request.headers.get("if-none-match", "").split(",")
    return f'"{state}"' in [tag.strip().removeprefix("W/") for tag in tags]


def _not_changed(state: str) -> Response:
    return Response(status_code=304, headers=_headers(state))


def _with_state(found: JobResult, state: str) -> Response:
    response = response_of(found)
    response.headers.update(_headers(state))
    return response


def _headers(state: str) -> dict[str, str]:
    return {"ETag": f'"{state}"', "Cache-Control": "private, no-cache"}
