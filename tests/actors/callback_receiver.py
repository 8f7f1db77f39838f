"""A real HTTP server that callbacks may go to, or not, and that checks what it is told as any receiver would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "whsec_" + base64.b64encode(b"un secreto de treinta y dos byte").decode()


@dataclass(frozen=True)
class Message:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """The body."""
        said: dict[str, Any] = json.loads(self.body)
        return said

    @property
    def signature_holds(self) -> bool:
        """As the Standard Webhooks convention says how to check it."""
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        text = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
        return self.headers["webhook-signature"] == f"v1,{expected}"


class Receiver:
    """Listens on loopback. ``answer`` writes the whole answer to a connection; by default 204."""

    def __init__(
        self, answer: Callable[[Any, int], None] | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.messages: list[Message] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.messages.append(Message(self.path, headers, body))
                (answer or reply(204))(self, len(receiver.messages))

            def do_GET(self) -> None:
                receiver.messages.append(Message(self.path, {}, b""))
                reply(200)(self, 0)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def reply(status: int, **headers: str) -> Callable[[Any, int], None]:
    """Always the same answer."""

    def write(connection: Any, _count: int) -> None:
        connection.send_response(status)
        connection.send_header("Content-Length", "0")
        for name, value in headers.items():
            connection.send_header(name, value)
        connection.end_headers()

    return write
