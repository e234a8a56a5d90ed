"""The store is read and never touched, and a study's answers are told anew only when it has gone on."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from surefoot.lab import study_jobs
from surefoot.lab.answers import Refused, file_name
from surefoot.report.report import report_html
from surefoot.store.store import Store
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Phase, Point
from surefoot.study.strict_json import without_nan
from tests.lab.asking import ask
from tests.lab.conftest import FINISHED, fill
from tests.report.sample_study import HOSTILE, sample_study
from tests.store.conftest import cluster, postgresql, schema  # noqa: F401  fixtures
from tests.store.test_migrations import next_version  # noqa: F401  a fixture

GO_ON = {"candidate": Candidate("Adam", {"lr": 1.0}), "seed": 0, "phase": Phase.SCREEN}


def raw(job: str, store: object, **arguments: object) -> bytes:
    return study_jobs.JOBS[job]({"store": store, "state": "", **arguments}, lambda: False).body


def do(job: str, store: object, **arguments: object) -> object:
    return json.loads(raw(job, store, **arguments))


def refusal(job: str, store: object, **arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        do(job, store, **arguments)
    return caught.value


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("stored") / "evidence of mine.db"
    fill(store, sample_study())
    return store


@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_a_store_that_is_not_there_is_empty_and_is_not_made(tmp_path, prefix):
    place = f"{prefix}{tmp_path / 'folder' / 'evidence.db'}"
    assert do("studies", place) == {"studies": []}
    assert refusal("state", place, name="x").status == 404
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_an_empty_store_and_stays_empty(tmp_path):
    (tmp_path / "evidence.db").touch()
    assert do("studies", str(tmp_path / "evidence.db")) == {"studies": []}
    assert (tmp_path / "evidence.db").stat().st_size == 0


def test_a_lab_without_a_store_has_no_studies():
    assert do("studies", None) == {"studies": []}
    assert refusal("state", None, name="x").detail == "no study 'x'; there is no store yet"


def test_looking_changes_nothing_in_the_file(stored):
    before = hashlib.sha256(stored.read_bytes()).hexdigest()
    (summary,) = do("studies", str(stored))["studies"]
    assert (summary["name"], summary["finished"], summary["verdict"]) == (FINISHED, True, "win")
    for job in ("state", "answer", "page"):
        raw(job, str(stored), name=FINISHED)
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == before


def test_the_store_is_opened_so_that_nothing_can_be_written(stored):
    with study_jobs.opened(str(stored)) as store, pytest.raises(Exception, match="readonly"):
        store.begin(Question("digits", study="new"), None, {})


@pytest.mark.parametrize(
    "content", [b"not a database at all, but text", b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_store_is_told_in_a_line_and_left_alone(tmp_path, content):
    file = tmp_path / "evidence.db"
    file.write_bytes(content)
    refused = refusal("studies", str(file))
    assert refused.status == 503
    assert refused.detail.startswith(f"store {file}: ")
    assert "\n" not in refused.detail
    assert file.read_bytes() == content


def test_a_store_of_an_older_version_is_told_with_what_to_do(tmp_path, request):
    fill(tmp_path / "evidence.db", sample_study(finished=False))
    request.getfixturevalue("next_version")
    refused = refusal("studies", str(tmp_path / "evidence.db"))
    assert refused.status == 503
    assert f"surefoot list studies --store {tmp_path / 'evidence.db'}" in refused.detail


def test_what_is_no_url_is_told_without_what_may_be_a_password():
    refused = refusal("studies", "postgresql://me:secret@[host/name")
    assert refused.status == 503
    assert "secret" not in refused.detail


def test_an_unknown_study_is_told_with_the_nearest_and_the_store_as_the_user_calls_it(stored):
    refused = refusal("state", f"sqlite:///{stored}", name="digit")
    assert refused.status == 404
    assert refused.detail == f"store sqlite:///{stored}: no study 'digit'; the nearest is '{FINISHED}'"


def test_a_study_without_an_answer_or_a_landscape_has_no_file_of_it(tmp_path):
    study = sample_study(finished=False)
    fill(tmp_path / "evidence.db", study)
    for job in ("answer", "landscape"):
        refused = refusal(job, str(tmp_path / "evidence.db"), name=study.name)
        assert (refused.status, "yet" in refused.detail) == (404, True)


def test_postgresql_is_read_and_cannot_be_written_to(postgresql):  # noqa: F811
    assert refusal("studies", postgresql).status == 503  # nothing there, and nothing is made
    with Store.at(postgresql) as store:
        store.begin(Question("digits", study="mine"), None, {})
    assert [study["name"] for study in do("studies", postgresql)["studies"]] == ["mine"]
    with study_jobs.opened(postgresql) as store, pytest.raises(Exception, match="read-only"):
        store.begin(Question("digits", study="new"), None, {})


def test_a_server_that_does_not_answer_is_told_soon():
    refused = refusal("studies", "postgresql://me:secret@127.0.0.1:1/evidence")
    assert refused.status == 503
    assert refused.retry_after is not None
    assert "secret" not in refused.detail


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("digits", "digits"),
        ("../../etc/passwd", "etc-passwd"),
        (HOSTILE, "script-alert-x-script"),
        ("..", "surefoot"),
        ("é\r\nSet-Cookie: x", "Set-Cookie-x"),
        ("x" * 300, "x" * 80),
    ],
)
def test_names_of_files_are_safe(name, safe):
    assert file_name(name, ".json") == f"{safe}.json"


# Over HTTP.


def test_a_study_is_told_anew_only_when_it_has_gone_on(lab):
    path = f"/api/studies/{lab.unfinished}/page.html"
    first = ask(lab.url, path)
    assert first.status == 200
    assert first.headers["cache-control"] == "private, no-cache"
    known = {"If-None-Match": f'W/"other", {first.headers["etag"]}'}
    again = ask(lab.url, path, headers=known)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    study = sample_study(finished=False, seed=1)
    with Store.at(lab.store) as store:
        log = store.begin(replace(study.question, study=lab.unfinished), study.profile, study.environment)
        log.add_point(log.start_run(**GO_ON), Point(0.5, 1.0, 0.25))
    after = ask(lab.url, path, headers=known)
    assert after.status == 200
    assert after.headers["etag"] != first.headers["etag"]


def test_every_figure_that_the_page_shows_is_drawn_without_styles(lab):
    path = f"/api/studies/{lab.finished}"
    names = re.findall(r'figures/([\w-]+)\.svg"', ask(lab.url, f"{path}/page.html").body.decode())
    assert {"forest", "progress", "rates-0", "rung-0"} <= set(names)
    for name in names:
        told = ask(lab.url, f"{path}/figures/{name}.svg")
        assert (told.status, told.headers["content-type"]) == (200, "image/svg+xml"), name
        root = ElementTree.fromstring(told.body)
        assert not any("style" in element.attrib or element.tag.endswith("}style") for element in root.iter())
        assert b"var(--" in told.body
        known = {"If-None-Match": told.headers["etag"]}
        assert ask(lab.url, f"{path}/figures/{name}.svg", headers=known).status == 304


def test_a_figure_that_is_not_there_is_told(lab):
    path = f"/api/studies/{lab.finished}/figures"
    assert "did you mean 'forest'" in ask(lab.url, f"{path}/forrest.svg").json["detail"]
    for name in ("forrest", "rates-99", "rates-", "rates-0.svg", "landscape-0", "x" * 20):
        assert ask(lab.url, f"{path}/{name}.svg").status == 404


def test_the_report_and_the_answer_are_those_of_the_commands(lab):
    with Store.at(lab.store) as store:
        study = store.study(lab.finished)
    report = ask(lab.url, f"/api/studies/{lab.finished}/report.html")
    assert report.headers["content-disposition"] == f"attachment; filename*=UTF-8''{lab.finished}.html"
    assert report.body.decode() == report_html(study)
    answer = ask(lab.url, f"/api/studies/{lab.finished}/answer.json")
    assert answer.json == json.loads(json.dumps(without_nan(study.answer.to_document())))
    assert ask(lab.url, f"/api/studies/{lab.unfinished}/answer.json").status == 404


def test_names_with_everything_in_them_are_found(lab):
    from urllib.parse import quote

    odd = f"a/b c?d#e%2F{HOSTILE}é"
    study = sample_study(finished=False)
    named = replace(study, question=replace(study.question, study=odd), runs=(), decisions=())
    fill(lab.store, named)
    told = ask(lab.url, f"/api/studies/{quote(odd, safe='')}/page.html")
    assert (told.status, told.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert odd in unescape(told.body.decode())
    assert ask(lab.url, f"/studies/{quote(odd, safe='')}").status == 200
    report = ask(lab.url, f"/api/studies/{quote(odd, safe='')}/report.html")
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.-]+\.html", report.headers["content-disposition"])
