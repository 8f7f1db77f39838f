"""A small HTTP server that behaves like ``/upload`` and, on demand, like a service in trouble."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from cluster.errors import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = "a" * 26
PROBLEM = "application/problem+json"


class FickleService:
    """Counts what it is asked. ``trouble(name, attempt)`` says how a file fares: "", "cut" or the code of a refusal."""

    def __init__(self, *, trouble: Callable[[str, int], str] = lambda _name, _attempt: "") -> None:
        self.trouble = trouble
        self.attempts: Counter[str] = Counter()
        self.calls: list[str] = []
        self.files: dict[str, str] = {}
        self.most_at_once = 0
        self.busy_openings = 0
        """How often a batch is not opened yet."""
        self.busy_readings = 0
        """How often a GET is refused."""
        self.cut_readings = False
        """Whether every answer to a GET ends in its middle."""
        self.status = "open"
        """What it says of the job."""
        self.meeting: threading.Barrier | None = None
        """Where so many uploads wait for each other."""
        self._at_once = 0
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.calls.append(f"POST {self.path}")
                if service.busy_openings and self.path == "/upload/jobs":
                    service.busy_openings -= 1
                    self.refuse("not_ready")
                else:
                    self.reply(202, {"job_id": JOB})

            def do_DELETE(self) -> None:
                service.calls.append(f"DELETE {self.path}")
                self.reply(200, {})

            def do_GET(self) -> None:
                service.calls.append(f"GET {self.path}")
                service.give(self)

            def do_PUT(self) -> None:
                service.take(self)

            def refuse(self, code: str) -> None:
                refusal = next(one for one in REFUSALS if one.code == code)
                body = {"code": code, "title": refusal.sentence, "retryable": refusal.retryable}
                self.reply(refusal.status, body, **({"Retry_After": "0"} if refusal.retryable else {}))

            def reply(self, status: int, body: dict[str, Any], **headers: str) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if status < 400 else PROBLEM)
                self.send_header("Content-Length", str(len(content)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def give(self, request: Any) -> None:
        """Something is read: the job, or with it what a test takes for its results."""
        if self.busy_readings:
            self.busy_readings -= 1
            request.refuse("busy")
            return
        if self.cut_readings:
            request.send_response(200)
            request.send_header("Content-Length", "1000")
            request.end_headers()
            request.wfile.write(b"x" * 100)
            request.close_connection = True
            return
        files = [{"name": name, "sha256": sha256} for name, sha256 in self.files.items()]
        progress = {"total_steps": 1, "completed_steps": 0, "progress_percentage": 0.0}
        counts = {"document_count": len(files), "documents_by_status": {}, "estimated_seconds": None}
        job = {"job_id": JOB, "status": self.status, "progress": progress, **counts}
        request.reply(200, {**job, "files": files})

    def take(self, request: Any) -> None:
        """A file arrives."""
        name = unquote(request.path.rpartition("/")[2])
        with self._lock:
            self.attempts[name] += 1
            attempt = self.attempts[name]
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.meeting:
                self.meeting.wait(10)
            match self.trouble(name, attempt):
                case "cut":
                    request.close_connection = True
                    request.connection.close()
                    return
                case "":
                    pass
                case code:
                    request.rfile.read(int(request.headers["Content-Length"]))
                    request.refuse(code)
                    return
            body = request.rfile.read(int(request.headers["Content-Length"]))
            self.files[name] = hashlib.sha256(body).hexdigest()
            request.reply(200, {})
        finally:
            with self._lock:
                self._at_once -= 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
