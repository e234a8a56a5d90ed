"""`surefoot lab`: the server on one process, its link on one line, and an end without noise.

serve("127.0.0.1", port=None, store="sqlite:///.surefoot/evidence.db")     # until Ctrl-C
"""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import socket
import webbrowser
from collections.abc import Callable
from typing import Any

import uvicorn

from surefoot.errors import SurefootError
from surefoot.lab.app import create_app
from surefoot.lab.options import DEFAULT_PORT, LabOptions, QueueLimits, is_loopback
from surefoot.termination import Terminated

TOKEN_VARIABLE = "SUREFOOT_LAB_TOKEN"
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")
MOST_WORKERS = 8
"""By themselves: one page keeps few of them busy."""

PORTS_TRIED = 20
"""From the default one on, where it is taken and none was asked for."""

SHUTDOWN_SECONDS = 3
"""How long requests in progress may still take when the server ends."""


def _say(line: str) -> None:
    print(line, flush=True)  # whoever waits for the link at a pipe must not wait for more


class CannotServe(SurefootError, OSError):  # noqa: N818 - reads as what it says
    """The lab cannot be started; the message is one line."""


def serve(
    host: str = "127.0.0.1",
    port: int | None = None,
    store: str | None = None,
    token: str | None = None,
    limits: QueueLimits | None = None,
    open_browser: bool = False,
    announce: Callable[[str], None] = _say,
) -> int:
    """Serve the lab until it is interrupted.

    Args:
        host: the address to bind to; one that other machines can reach demands a token, and makes one where
            none is given.
        port: None: 8642, or the next one that is free.
        store: URL of the evidence store, or the path of a SQLite file; None: no studies.
        token: None: what `SUREFOOT_LAB_TOKEN` says.
        limits: what the lab does at most; None: the defaults, with a worker for each core, but two at least.
        open_browser: open the link in the user's browser.
        announce: gets the one line with the link, once it can be opened.

    Returns:
        The exit status: 0.

    Raises:
        CannotServe: the address or the port cannot be had, or the token is too short.
    """
    options = LabOptions(store, _token(host, token), host, limits or QueueLimits(workers=_cores()))
    bound = _bind(host, port)
    link = link_of(bound, host, options.token)

    def ready() -> None:
        announce(f"Surefoot lab: {link}  (Ctrl-C ends it)")
        if open_browser:
            webbrowser.open(link)

    config = uvicorn.Config(
        create_app(options),
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        proxy_headers=False,  # a header must not say who asks
        server_header=False,
        limit_concurrency=options.limits.connections,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    server = _Server(config, ready)
    try:
        server.run(sockets=[bound])
    except Terminated:
        raise
    except KeyboardInterrupt:
        pass
    finally:
        bound.close()
    if not server.started:
        raise CannotServe(f"the lab could not start on {host}")
    return 0


def link_of(bound: socket.socket, host: str, token: str | None) -> str:
    """What to open: with the token, and with a name under which other machines know this one."""
    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{bound.getsockname()[1]}/" + (f"?token={token}" if token else "")


class _Server(uvicorn.Server):
    """One that tells when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def _cores() -> int:
    """Those of this process; two at least, so that an animation goes on beside a slow picture."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    return min(max(2, cores), MOST_WORKERS)


def _token(host: str, given: str | None) -> str | None:
    token = given or os.environ.get(TOKEN_VARIABLE) or None
    if token is None:
        return None if is_loopback(host) else secrets.token_urlsafe(24)
    if not TOKEN.fullmatch(token):
        raise CannotServe("a token has 16 to 200 characters: letters, digits, - and _")
    return token


def _bind(host: str, port: int | None) -> socket.socket:
    """A socket on the port, or on the first free one from the default on."""
    ports = range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED) if port is None else (port,)
    for number in ports:
        try:
            return _bound(host, number)
        except OverflowError:
            raise CannotServe(f"port {number}: a port is a number from 0 to 65535") from None
        except socket.gaierror as error:
            raise CannotServe(f"address {host!r}: {error.strerror}") from None
        except OSError as error:
            reason: Any = error
            if port is None and error.errno == errno.EADDRINUSE:
                continue
            break
    if port is None:
        return _bound(host, 0)
    if reason.errno == errno.EADDRINUSE:
        raise CannotServe(f"port {port} of {host} is taken; without --port the next free one is used")
    raise CannotServe(f"{host}:{port}: {reason.strerror or reason}")


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except BaseException:
        found.close()
        raise
    return found
