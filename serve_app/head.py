"""HEAD is answered as GET without the body, on every route."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Turns HEAD into GET, passes the head of the answer on, and tells the application that the client has left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        answered = False

        async def leaving_receive() -> Message:
            # An endless stream of events would otherwise be made for nobody.
            return {"type": "http.disconnect"} if answered else await receive()

        async def head_only(message: Message) -> None:
            nonlocal answered
            if answered:
                return
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                answered = True

        await self._app({**scope, "method": "GET"}, leaving_receive, head_only)
