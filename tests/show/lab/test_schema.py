"""The API against its own description: whatever is sent, the answer is one of those that it describes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from sample_study import sample_study
from schemathesis import checks
from schemathesis.specs.openapi import checks as described

from surefoot.show.lab.app import create_app
from surefoot.show.lab.options import LabOptions, Limits
from tests.show.lab.conftest import fill

QUICK = Limits(race_seconds=0.3, picture_seconds=0.5, grace_seconds=20.0)
"""So that a race of 12 racers and 2000 steps, or a film of it, is given up soon."""

CHECKS = [
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_headers_conformance,
    described.response_schema_conformance,
    described.negative_data_rejection,
    described.unsupported_method,
    described.allow_header_conformance,
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a lab that is served in a thread of this process."""
    store = tmp_path_factory.mktemp("store") / "evidence.db"
    fill(store, sample_study())
    app = create_app(LabOptions(store=str(store), limits=QUICK))
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    bound.close()


schema = schemathesis.openapi.from_dict(create_app(LabOptions()).openapi())


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_is_described(case, address):
    answer = case.call(base_url=address)
    given_up = answer.status_code == 503  # described, and right where a race takes too long
    case.validate_response(answer, checks=CHECKS if given_up else [checks.not_a_server_error, *CHECKS])
