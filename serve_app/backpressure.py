"""Bodies and answers pass through a Serve replica no faster than they are taken at the other end.

A replica reads a body eagerly into a queue without bounds, to notice disconnects, and queues what the application
answers in the same way: one request of 20 × 50 MB held 600 MB, a slow reader would hold a whole archive.
``middlewares`` names what Serve puts around the replica's own HTTP server when the replica is started with
``REPLICA_ENVIRONMENT``; ``serve_app.edge`` is the other end. Server and application run in two threads of one
process, each with its own event loop. Without Serve there is one loop and no queue, and nothing of this is active.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.middleware import Middleware

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REPLICA_ENVIRONMENT = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_app.backpressure.middlewares"}
SCOPE_KEY = "decalogo.flow"
WINDOW_BYTES = 2 * 2**20
"""What may be under way in one direction: enough that neither thread waits for the other's next turn."""


class Window:
    """Counts bytes under way. Made, and waited on, in the event loop of the side that sends them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._room.set()
        self._guard = threading.Lock()
        self._under_way = 0

    async def wait(self) -> None:
        """Wait until there is room."""
        await self._room.wait()

    def sent(self, message: Message) -> None:
        """Count what was sent; called in the loop of the window."""
        with self._guard:
            self._under_way += _size(message)
            if self._under_way >= WINDOW_BYTES:
                self._room.clear()

    def taken(self, message: Message) -> None:
        """Count what the other side has taken. Safe from any thread."""
        with self._guard:
            was_full = self._under_way >= WINDOW_BYTES
            self._under_way -= _size(message)
            opens = was_full and self._under_way < WINDOW_BYTES
        if opens:
            self._loop.call_soon_threadsafe(self._open)

    def _open(self) -> None:
        with self._guard:
            if self._under_way < WINDOW_BYTES:
                self._room.set()


@dataclass(slots=True)
class Flow:
    """Both directions of one exchange; the application's end adds its window when it begins."""

    body: Window
    answer: Window | None = None


class ServerEnd:
    """The end at the replica's HTTP server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        flow = Flow(Window())

        async def paced_receive() -> Message:
            await flow.body.wait()
            message = await receive()
            flow.body.sent(message)
            return message

        async def paced_send(message: Message) -> None:
            # Returns once the client has taken enough of it.
            await send(message)
            if flow.answer is not None:
                flow.answer.taken(message)

        await self._app({**scope, SCOPE_KEY: flow}, paced_receive, paced_send)


def application_end(scope: Scope, *, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """The end at the application: what it should receive from and send to."""
    flow: Flow | None = scope.get(SCOPE_KEY)
    if flow is None:
        return receive, send
    answer = flow.answer = Window()

    async def taking_receive() -> Message:
        message = await receive()
        flow.body.taken(message)
        return message

    async def waiting_send(message: Message) -> None:
        await answer.wait()
        answer.sent(message)
        await send(message)

    return taking_receive, waiting_send


def middlewares() -> list[Middleware]:
    """What Serve asks for at the start of a replica."""
    return [Middleware(ServerEnd)]


def _size(message: Message) -> int:
    return len(message.get("body", b""))
