"""The lab as an ASGI application: pages, API, and what guards them.

app = create_app(LabOptions(store="sqlite:///.surefoot/evidence.db"))
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from surefoot.lab import pages, playground, studies
from surefoot.lab.access import Access, SecurityHeaders
from surefoot.lab.bodylimit import BodyLimit
from surefoot.lab.errors import handle_errors
from surefoot.lab.job_queue import JobQueue
from surefoot.lab.options import MOST_BODY_BYTES, LabOptions
from surefoot.lab.response_models import Health

_NOTHING_OUTSIDE: Any = {
    "docs_url": None,  # these pages load scripts from other hosts
    "redoc_url": None,
    "telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
}


def create_app(options: LabOptions) -> FastAPI:
    """The application; its workers start with its lifespan and end with it."""
    job_queue = JobQueue(options.limits)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await job_queue.open()
        yield
        await job_queue.close()

    app = FastAPI(
        title="Surefoot lab",
        description="Paths of real optimizers on surfaces, and the studies of a store.",
        version=version("surefoot"),
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
        **_NOTHING_OUTSIDE,
    )
    app.state.options, app.state.job_queue = options, job_queue
    handle_errors(app)
    app.add_middleware(BodyLimit, most=MOST_BODY_BYTES)
    app.add_middleware(Access, token=options.token, host=options.host)
    app.add_middleware(SecurityHeaders)  # the last one added is the first to see a request

    @app.get("/api/health")
    async def health() -> Health:
        """Whether the lab is there, and how much it has to do."""
        return Health(
            status="ok", waiting=job_queue.waiting, running=job_queue.running, longest=job_queue.longest
        )

    app.include_router(playground.router)
    app.include_router(studies.router)
    app.include_router(pages.router)
    app.mount("/static", pages.Modules(directory=pages.STATIC), name="static")
    return app
