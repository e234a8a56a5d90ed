"""The API against its own description: whatever is sent, the answer is one of those that it describes."""

from __future__ import annotations

import socket
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

pytest.importorskip("schemathesis")

import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as described

from surefoot.lab.app import create_app
from surefoot.lab.files import FORMATS
from surefoot.lab.options import LabOptions, QueueLimits
from tests.lab.conftest import FINISHED, PATIENCE, fill
from tests.report.sample_study import sample_study

QUICK = QueueLimits(animation_seconds=1.0, picture_seconds=1.0, grace_seconds=20.0)
"""So that an animation of 12 optimizers and 2000 steps, or a film of it, is given up soon."""

pytestmark = pytest.mark.real

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
    while len(app.state.job_queue.workers) < QUICK.workers and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    bound.close()


schema = schemathesis.openapi.from_dict(create_app(LabOptions()).openapi())


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_is_described(case, address):
    if case.meta.generation.mode.is_positive:
        meaningful(case)
    answer = case.call(base_url=address, timeout=PATIENCE / 1000)
    given_up = answer.status_code == 503  # described, and right where an animation takes too long
    case.validate_response(answer, checks=CHECKS if given_up else [checks.not_a_server_error, *CHECKS])


def meaningful(case: Any) -> None:
    """Give what keeps to the description names that mean something: by chance no text is one.

    Some are left as they are: they shall be refused in a line.
    """
    for parameter, names in (
        ("name", [FINISHED, "adam"]),
        ("figure", ["forest", "rates-0", "rung-1", "cost"]),
    ):
        if parameter in (case.path_parameters or {}):
            case.path_parameters[parameter] = one_of(names, case.path_parameters[parameter])
    sent = case.body if isinstance(case.body, dict) else {}
    body = sent.get("recipe", sent)
    if "surface" in body:
        body["surface"] = one_of(["beale", "saddle", "x^2 + sin(3y)"], body["surface"])
        for axis in ("x", "y"):
            low, high = sorted(body.get(axis) or (0, 0))
            body[axis] = [low, high] if high - low > 1 else None
    if "optimizers" in body:
        body["steps"] = 1 + body.get("steps", 200) % 40
        for spec in body["optimizers"]:
            spec["optimizer"] = one_of(["Adam", "SGD", "Muon", "LBFGS"], spec["optimizer"])
            spec["hyperparameters"] = {"lr": 0.1} if len(spec.get("hyperparameters", ())) % 2 else {}
        if "path" in sent:
            sent["path"], sent["step"] = sent["path"] % len(body["optimizers"]), sent["step"] % 3


def one_of(names: Sequence[str], text: str) -> str:
    """One of the names, by what the text is; of some texts the text itself."""
    names = [*names, *names, *names, text]
    return names[zlib.crc32(text.encode("utf-8", "replace")) % len(names)]


@pytest.mark.parametrize("ending", [*FORMATS])
def test_every_kind_of_file_is_described(address, ending):
    """Chance does not try them all."""
    case = schema["/api/picture/{format}"]["POST"].Case(
        path_parameters={"format": ending},
        body={"surface": "beale", "optimizers": [{"optimizer": "Adam"}], "steps": 2},
        media_type="application/json",
    )
    answer = case.call(base_url=address, timeout=PATIENCE / 1000)
    assert answer.status_code in (200, 503, *([422] if ending == "mp4" else []))
    case.validate_response(answer, checks=CHECKS)
