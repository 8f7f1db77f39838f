"""The outermost layer of every HTTP application: what holds for each request, whatever its route."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from http.client import REQUEST_TIMEOUT
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from cluster.errors import CROSS_SITE, UNEXPECTED
from cluster.logs import describe
from serve_app.backpressure import application_end
from serve_app.pace import Pace
from serve_app.problems import problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cluster.settings import Settings

log = structlog.get_logger()

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
DRAIN_BYTES_MAX = 64 * 2**20
DRAIN_SECONDS_MAX = 20.0
"""How much of a refused body is still read. A client that is cut off while it sends never sees the answer."""
DRAIN_SILENCE_SECONDS_MAX = 1.0
"""Who has stopped sending is waiting for the answer, or gone."""
STREAMED = re.compile(r"/upload/?|/upload/jobs/[^/]*/files/.*")
"""Bodies of these are judged by their handlers as they come; all others are gathered whole, and small."""
GATHERED_BYTES_MAX = 2**20
CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Edge:
    """Security headers, errors nobody foresaw, requests forged by foreign pages, unread bodies, bare prefixes."""

    def __init__(self, app: ASGIApp, *, settings_of: Callable[[], Settings]) -> None:
        self._app = app
        self._settings_of = settings_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Serve hands over the whole path with the prefix as root_path; without this, ``POST /upload`` would
        # be answered by a redirect to ``/upload/``.
        if scope["path"] in {"", scope.get("root_path", "")}:
            scope = {**scope, "path": scope["path"] + "/"}
        exchange = Exchange(scope, receive=receive, send=send, settings_of=self._settings_of)
        if _forged(scope):
            await problem(CROSS_SITE)(scope, exchange.receive, exchange.send)
            return
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # the last resort: whatever it is, the caller gets a problem
            reference = secrets.token_hex(6)
            # Not log.exception: the message of an error may quote what somebody sent.
            fields = describe(error)
            log.error("request_failed", reference=reference, method=scope["method"], **fields)  # noqa: TRY400
            if exchange.answered:
                raise
            await problem(UNEXPECTED, reference=reference)(scope, exchange.receive, exchange.send)


class Exchange:
    """One request and its answer, watched on their way."""

    def __init__(
        self, scope: Scope, *, receive: Receive, send: Send, settings_of: Callable[[], Settings]
    ) -> None:
        self._receive, self._send = application_end(scope, receive=receive, send=send)
        self._headers = Headers(scope=scope)
        self._body_begun = self._too_slow = False
        self._body_ended = not (
            "transfer-encoding" in self._headers or self._headers.get("content-length", "0") != "0"
        )
        self._pace = None if self._body_ended else Pace(settings_of(), most_bytes=_most_bytes(scope))
        self.answered = False

    async def receive(self) -> Message:
        """The next message of the client; a body that is too slow or too large ends in an HTTPException."""
        if self._body_ended or self._pace is None:
            return await self._receive()
        try:
            message = await self._pace.next(self._receive)
        except HTTPException as error:
            self._body_begun = True
            self._too_slow = error.status_code == REQUEST_TIMEOUT
            raise
        self._noted(message)
        return message

    async def send(self, message: Message) -> None:
        """Pass a message of the application on, the headers completed."""
        if message["type"] == "http.response.start":
            self.answered = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            await self._drain()
            if not self._body_ended:
                # Otherwise the server would go on reading what nobody wants, for as long as somebody sends it.
                headers["Connection"] = "close"
        await self._send(message)

    async def _drain(self) -> None:
        """Read what is left of the body, within bounds, so that the client gets to read the answer."""
        if self._body_ended or self._too_slow or not self._worth_draining():
            return
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        left = DRAIN_BYTES_MAX
        with contextlib.suppress(TimeoutError):
            while not self._body_ended and left > 0 and time.monotonic() < deadline:
                async with asyncio.timeout(DRAIN_SILENCE_SECONDS_MAX):
                    message = await self._receive()
                self._noted(message)
                left -= len(message.get("body", b""))

    def _noted(self, message: Message) -> None:
        self._body_begun = True
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._body_ended = True

    def _worth_draining(self) -> bool:
        # Who asked whether to continue has not sent the body yet, and will not after a refusal.
        if not self._body_begun and self._headers.get("expect", "").lower() == "100-continue":
            return False
        declared = self._headers.get("content-length", "")
        return not declared.isdigit() or int(declared) <= DRAIN_BYTES_MAX or self._body_begun


def _most_bytes(scope: Scope) -> int | None:
    return None if STREAMED.fullmatch(scope["path"]) else GATHERED_BYTES_MAX


def _forged(scope: Scope) -> bool:
    """Whether a browser says that the page of another site wants to change something here.

    A browser sends the cookie of the web pages by itself, and on loopback the service may trust whoever reaches
    it: a foreign page in the browser of somebody let in must not be able to upload or delete.
    """
    if scope["method"] not in CHANGING_METHODS:
        return False
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")
