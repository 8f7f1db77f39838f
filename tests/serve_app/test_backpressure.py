"""Memory of a Serve replica: what a server reads and an application answers never piles up between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from http_steps import roomy

from serve_app.backpressure import WINDOW_BYTES, ServerEnd
from serve_app.edge import Edge

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIECE = b"x" * 256 * 1024
PIECES = 100


class EagerReplica:
    """Stands between server and application as Serve does: two queues without bounds."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.most_inside = 0
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read eagerly, and take answers eagerly."""
        body: asyncio.Queue[Message] = asyncio.Queue()
        answer: asyncio.Queue[Message | None] = asyncio.Queue()

        async def read_on() -> None:
            while True:
                message = await receive()
                self._count(message, sign=1)
                await body.put(message)

        async def take() -> Message:
            message = await body.get()
            self._count(message, sign=-1)
            return message

        async def give(message: Message) -> None:
            self._count(message, sign=1)
            await answer.put(message)

        async def run() -> None:
            await self._app(scope, take, give)
            await answer.put(None)

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_on())
            tasks.create_task(run())
            while (message := await answer.get()) is not None:
                self._count(message, sign=-1)
                await send(message)
            reading.cancel()

    def _count(self, message: Message, *, sign: int) -> None:
        self._inside += sign * len(message.get("body", b""))
        self.most_inside = max(self.most_inside, self._inside)


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read a whole body, more slowly than it comes, then send as much back."""
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message["body"])
        more = message["more_body"]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(size // len(PIECE)):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def test_neither_a_large_body_nor_a_large_answer_piles_up() -> None:
    """25 MB in and out through unbounded queues, both ends slow: a few pieces more than the window are inside."""
    pieces = iter(range(PIECES))
    got = 0

    async def receive() -> Message:
        number = next(pieces, None)
        if number is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": PIECE, "more_body": number != PIECES - 1}

    async def slow_send(message: Message) -> None:
        nonlocal got
        got += len(message.get("body", b""))
        for _ in range(5):
            await asyncio.sleep(0)

    replica = EagerReplica(Edge(echo, settings_of=roomy))
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/upload",
        "headers": [(b"host", b"x")],
        "query_string": b"",
    }
    async with asyncio.timeout(30):
        await ServerEnd(replica)(scope, receive, slow_send)

    assert got == PIECES * len(PIECE)
    assert replica.most_inside <= WINDOW_BYTES + 2 * len(PIECE)


async def test_the_queues_would_pile_up_without_the_windows() -> None:
    """The same exchange without the server's end shows what is prevented: the test above can fail."""
    pieces = iter(range(PIECES))

    async def receive() -> Message:
        number = next(pieces, None)
        if number is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": PIECE, "more_body": number != PIECES - 1}

    async def send(_message: Message) -> None:
        """The client."""

    replica = EagerReplica(Edge(echo, settings_of=roomy))
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/upload",
        "headers": [(b"host", b"x")],
        "query_string": b"",
    }
    async with asyncio.timeout(30):
        await replica(scope, receive, send)

    assert replica.most_inside > 2 * WINDOW_BYTES
