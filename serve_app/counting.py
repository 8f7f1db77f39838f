"""How many bytes of uploads were received, and what was refused, by code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from serve_app.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHANGING_METHODS = frozenset({"POST", "PUT"})


class _Code(msgspec.Struct):
    """What matters here of a problem."""

    code: str


class Counting:
    """The outermost layer of the upload application; ``received`` and ``refused`` are told what happened."""

    def __init__(
        self, app: ASGIApp, *, received: Callable[[int], None], refused: Callable[[str], None]
    ) -> None:
        self._app = app
        self._received = received
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] not in CHANGING_METHODS:
            await self._app(scope, receive, send)
            return
        size = 0
        is_problem = False

        async def counting_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message

        async def reading_send(message: Message) -> None:
            nonlocal is_problem
            if message["type"] == "http.response.start":
                is_problem = (b"content-type", MEDIA_TYPE.encode()) in message["headers"]
            elif is_problem and message.get("body"):
                # A problem is one small message; its code is one of a fixed list.
                self._refused(msgspec.json.decode(message["body"], type=_Code).code)
                is_problem = False
            await send(message)

        try:
            await self._app(scope, counting_receive, reading_send)
        finally:
            self._received(size)
