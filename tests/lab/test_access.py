"""Who is let in, and what every answer tells browsers; the application itself, in this process."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from surefoot.lab import access
from surefoot.lab.app import create_app
from surefoot.lab.options import LabOptions, is_loopback

TOKEN = "a-token-of-thirty-two-characters"
LOCAL, PUBLIC = "http://127.0.0.1:8642", "http://192.0.2.7:8642"
HTML = {"Accept": "text/html"}


def client(token: str | None = None, host: str = "127.0.0.1", base: str = LOCAL) -> TestClient:
    """Without workers: what is asked for here needs none."""
    app = create_app(LabOptions(token=token, host=host))
    return TestClient(app, base_url=base, follow_redirects=False, raise_server_exceptions=False)


@pytest.fixture
def local() -> TestClient:
    return client()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(access, "SECONDS_AFTER_A_WRONG_TRY", 0.0)
    return client(TOKEN, "0.0.0.0", PUBLIC)


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost", "localhost:1", "[::1]:8642", "127.1.2.3"])
def test_a_loopback_name_is_let_in(local, host):
    assert local.get("/api/optimizers", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example:8642", "127.0.0.1.evil.example", "192.0.2.7:8642", "[::2]", ""],
)
@pytest.mark.parametrize("path", ["/", "/api/health", "/api/optimizers", "/static/main.js"])
def test_another_name_for_this_machine_is_refused(local, host, path):
    answer = local.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert list(answer.json()) == ["detail"]


def test_an_address_that_others_reach_needs_a_token():
    with pytest.raises(ValueError, match="needs a token"):
        LabOptions(host="0.0.0.0")
    assert LabOptions(host="0.0.0.0", token=TOKEN)
    assert all(map(is_loopback, ("127.0.0.1", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.7", "example.org", "")))


@pytest.mark.parametrize(
    "path",
    ["/", "/studies", "/api/optimizers", "/api/studies/x", "/static/main.js", "/api/openapi.json", "/no"],
)
def test_without_the_token_there_is_nothing(public, path):
    answer = public.get(path)
    assert answer.status_code == 401
    assert list(answer.json()) == ["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_browser_without_the_token_gets_a_page_that_says_what_to_do(public):
    answer = public.get("/studies", headers=HTML)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert "?token=" in answer.text
    assert TOKEN not in answer.text


def test_whether_it_is_there_may_be_asked_by_all(public):
    assert public.get("/api/health").json()["status"] == "ok"


def test_the_token_in_a_link_becomes_a_cookie_and_leaves_the_address(public):
    answer = public.get(f"/playground?surface=beale&token={TOKEN}&optimizers=Adam%3Alr%3D0.1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/playground?surface=beale&optimizers=Adam%3Alr%3D0.1"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert public.get("/playground").status_code == 200
    assert public.get("/api/optimizers").status_code == 200


def test_a_link_cannot_lead_elsewhere(public):
    for path in ("//evil.example/", "/\\evil.example/", "///evil.example"):
        answer = public.get(f"{PUBLIC}{path}?token={TOKEN}")
        if answer.status_code == 303:
            assert not answer.headers["location"].startswith(("//", "/\\", "http"))


def test_programs_send_the_token_as_bearer(public):
    assert public.get("/api/optimizers", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert public.get("/api/optimizers", headers={"Authorization": f"bearer  {TOKEN}"}).status_code == 200
    assert public.get("/api/optimizers", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401


@pytest.mark.parametrize("wrong", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é" * 32])
def test_a_wrong_token_opens_nothing(public, wrong):
    answer = public.get("/api/optimizers", params={"token": wrong})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    cookie = {"Cookie": f"surefoot-lab-8642={wrong.strip('é')}"}
    assert public.get("/api/optimizers", headers=cookie).status_code == 401


def test_one_right_token_beside_a_wrong_one_opens_nothing(public):
    assert public.get(f"/api/optimizers?token=wrong&token={TOKEN}").status_code == 401


def test_after_many_wrong_tokens_even_the_right_one_waits(public):
    for _ in range(access.WRONG_TRIES):
        assert public.get("/", params={"token": "wrong"}).status_code == 401
    answer = public.get("/", params={"token": TOKEN})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= access.WRONG_TRIES_SECONDS + 1


def test_who_is_in_already_does_not_wait_for_the_wrong_tries_of_others(public):
    assert public.get("/", params={"token": TOKEN}).status_code == 303
    for _ in range(access.WRONG_TRIES + 1):
        public.get("/", params={"token": "wrong"})
    assert public.get("/api/optimizers").status_code == 200


def test_wrong_tries_of_countless_addresses_take_bounded_memory():
    tries = access.Tries()
    for number in range(5000):
        tries.add(f"2001:db8::{number:x}")
    assert len(tries._times) <= 1000


def test_a_token_may_be_asked_for_on_this_machine_too():
    guarded = client(TOKEN)
    assert guarded.get("/api/optimizers").status_code == 401
    assert guarded.get("/api/optimizers", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/optimizers", "/api/no", "/static/main.js", "/static/no", "/no"])
def test_every_answer_tells_browsers_to_trust_nothing_else(local, path):
    headers = local.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_answers_are_not_kept_and_modules_are_asked_for_by_their_tag(local):
    assert local.get("/api/optimizers").headers["cache-control"] == "no-store"
    module = local.get("/static/main.js")
    assert module.headers["cache-control"] == "no-cache"
    again = local.get("/static/main.js", headers={"If-None-Match": module.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_s_page_cannot_send_work(local, headers):
    answer = local.post("/api/contours", json={"surface": "beale"}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_only_json_is_taken(local, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = local.post("/api/animate", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert list(answer.json()) == ["detail"]


def test_own_pages_may_send(local):
    headers = {"Origin": LOCAL, "Sec-Fetch-Site": "same-origin"}
    assert local.post("/api/animate", json={}, headers=headers).status_code == 422


def test_the_static_folder_is_no_way_out(local):
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"):
        assert local.get(path).status_code == 404


def test_what_there_is_not_is_told_in_a_line(local):
    assert local.get("/api/no").json() == {"detail": "there is no /api/no"}
    assert local.put("/api/animate").status_code == 405
    assert local.get("/playground", headers=HTML).headers["content-type"].startswith("text/html")


def test_a_page_has_a_session_of_its_own_that_scripts_cannot_read(local):
    cookie = local.get("/").headers["set-cookie"]
    assert cookie.startswith("surefoot-session=")
    assert "HttpOnly" in cookie
    assert "set-cookie" not in local.get("/").headers
