"""Who is let in: programs of this machine, or who knows the token; and no page of another site in their name.

    app.add_middleware(Access, token="…", host="0.0.0.0")

On a loopback address the Host header must be a loopback name: a page of another site could otherwise reach
the lab through a name of its own that it lets point here.  A token comes once in the query, from the link
that the start line shows, and is exchanged for a cookie; programs send it as `Authorization: Bearer`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict, deque
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from surefoot.lab.answers import Refused
from surefoot.lab.options import is_loopback

OPEN_TO_ALL = "/api/health"
SECONDS_AFTER_A_WRONG_TRY = 0.5
WRONG_TRIES, WRONG_TRIES_SECONDS = 10, 60.0
"""So many in so many seconds from one address, and it has to wait."""

_MOST_ADDRESSES = 1000

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

_WITHOUT_TOKEN = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Surefoot lab</title></head>
<body><h1>This lab asks for its token</h1>
<p>Open the whole link that <code>surefoot lab</code> printed: it ends in <code>?token=…</code></p>
<p>If you have just come from there: <a href="">open this page again</a>.</p></body></html>
"""


def only_json(request: Request) -> None:
    """Let pass what says that it is JSON: a form of another site's page cannot.

    Raises:
        Refused: it says something else.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Refused(415, f"send application/json, not {media[:80] or 'a body without a type'}")


class SecurityHeaders:
    """Puts the headers on every answer that keep a browser from trusting anything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                extra = dict(HEADERS) | ({} if b"cache-control" in there else {"Cache-Control": "no-store"})
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in extra.items()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Access:
    """Lets a request pass, or answers it.

    Args:
        app: what it guards.
        token: who knows it is let in; None: everybody on this machine.
        host: the address that the server is bound to.
    """

    def __init__(self, app: ASGIApp, token: str | None, host: str) -> None:
        self._app = app
        self._token = token
        self._loopback = is_loopback(host)
        self._tries = Tries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = None
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            refusal = self._refuse_host(headers) or _refuse_site(scope, headers)
            if refusal is None and self._token is not None and scope["path"] != OPEN_TO_ALL:
                refusal = await self._ask_for_token(scope, headers, self._token)
        await (refusal or self._app)(scope, receive, send)

    def _refuse_host(self, headers: Headers) -> Response | None:
        """On a loopback address only its own names count."""
        host = headers.get("host", "")
        if not self._loopback or is_loopback(_name_of(host)):
            return None
        return _problem(403, f"this lab answers under 127.0.0.1 or localhost, not under {host[:80]!r}")

    async def _ask_for_token(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        """None where it is there and right."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        told = [value for name, value in query if name == "token"]
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            told.append(bearer.strip())
        name, value = _cookie(scope, token)
        if not told:
            if hmac.compare_digest(_cookies(headers).get(name, "").encode(), value.encode()):
                return None
            return _no_token(scope, headers)
        address = scope["client"][0] if scope.get("client") else ""
        if wait := self._tries.wait(address):
            return _problem(429, f"too many wrong tokens; try again in {wait} s", {"Retry-After": str(wait)})
        if not all(hmac.compare_digest(word.encode(), token.encode()) for word in told):
            self._tries.add(address)
            await asyncio.sleep(SECONDS_AFTER_A_WRONG_TRY)
            return _no_token(scope, headers)
        if scope["method"] not in ("GET", "HEAD") or "token" not in dict(query):
            return None
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        here = "/" + scope["path"].lstrip("/\\")  # "//host" would lead to another site
        response = RedirectResponse(here + (f"?{rest}" if rest else ""), 303)
        response.set_cookie(name, value, httponly=True, samesite="strict")
        return response


class Tries:
    """Wrong tokens by address, of the last while."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, address: str) -> None:
        """Note one more."""
        self._times.setdefault(address, deque(maxlen=WRONG_TRIES)).append(time.monotonic())
        self._times.move_to_end(address)
        if len(self._times) > _MOST_ADDRESSES:
            self._times.popitem(last=False)

    def wait(self, address: str) -> int:
        """Seconds before this address may try again; 0: now."""
        times = self._times.get(address)
        if times is None or len(times) < WRONG_TRIES:
            return 0
        left = times[0] + WRONG_TRIES_SECONDS - time.monotonic()
        return max(0, round(left + 0.5))


def _refuse_site(scope: Scope, headers: Headers) -> Response | None:
    """What changes or costs something is only done for the lab's own pages, or for programs."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    origin = headers.get("origin")
    own = origin is None or urlsplit(origin).netloc == headers.get("host", "")
    if not own or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return _problem(403, "this request comes from a page of another site")
    return None


def _no_token(scope: Scope, headers: Headers) -> Response:
    challenge = {"WWW-Authenticate": "Bearer"}
    if scope["path"].startswith("/api/") or "text/html" not in headers.get("accept", ""):
        return _problem(401, "open the link with ?token=… that surefoot lab printed", challenge)
    return HTMLResponse(_WITHOUT_TOKEN, 401, challenge)


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


def _cookie(scope: Scope, token: str) -> tuple[str, str]:
    """Name and value; browsers give cookies to every port of a host, and the token itself is not shown."""
    port = (scope.get("server") or ("", 0))[1]
    return f"surefoot-lab-{port}", hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: part.value for name, part in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _name_of(host: str) -> str:
    """The name in a Host header, without the port."""
    if host.startswith("["):
        return host.partition("]")[0].strip("[")
    return host.partition(":")[0]
