"""From an HTTP request to the job queue and back; a job is given up when its client is gone."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import Request, Response

from surefoot.lab.answers import JobResult, Refused
from surefoot.lab.job_queue import JobQueue, JobRequest

SESSION = "surefoot-session"
"""The cookie that tells one page of an address from another, so that none takes every place in the queue."""


async def respond(request: Request, job: JobRequest) -> Response:
    """Let the job queue do a job and send what it gives."""
    return response_of(await work(request, job))


async def work(request: Request, job: JobRequest) -> JobResult:
    """Let the job queue do a job, for as long as the client is there.

    Raises:
        Refused: as `JobQueue.ask`; 499 where the client is gone, which nobody sees.
    """
    job_queue: JobQueue = request.app.state.job_queue
    asked = asyncio.create_task(job_queue.ask(job, client_of(request)))
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            raise Refused(499, "the client is gone")
        return asked.result()
    finally:
        gone.cancel()
        asked.cancel()


def client_of(request: Request) -> str:
    """The address, and the page's session."""
    address = request.client.host if request.client else ""
    return f"{address} {request.cookies.get(SESSION, '')[:64]}"


def response_of(answer: JobResult) -> Response:
    """What is sent; a file is offered for keeping under its name."""
    headers = {}
    if answer.name:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(answer.name, safe='')}"
    return Response(answer.body, media_type=answer.media, headers=headers)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
