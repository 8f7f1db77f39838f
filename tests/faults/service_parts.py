"""Parts of the service as processes of their own, without Ray: see ``failing_process``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from ground import until
from harness import FIELDS

from cluster.lifecycle_processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ground import Ground

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROCESS_SECONDS = 120


def started(
    ground: Ground, *arguments: str, prefix: Sequence[str] = (), chosen: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a part; ``prefix`` stands before its command, ``chosen`` are settings of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DECALOGO_")}
    return subprocess.Popen(
        [*prefix, sys.executable, str(HERE / "failing_process.py"), *arguments],
        env={**inherited, **ground.settings.to_environment(), **(chosen or {})},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        # What stands before a command may be a process of its own that does not pass signals on.
        start_new_session=True,
    )


def done(ground: Ground, *arguments: str, prefix: Sequence[str] = ()) -> None:
    """Run a part to its end."""
    assert started(ground, *arguments, prefix=prefix).wait(PROCESS_SECONDS) == 0


@contextlib.contextmanager
def http_service(ground: Ground, *, prefix: Sequence[str] = (), **chosen: str) -> Iterator[httpx.Client]:
    """A client of the HTTP applications while they live; ends only this process."""
    port = free_ports(1)[0]
    process = started(ground, "serve", str(port), prefix=prefix, chosen=chosen)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:

        def answers() -> bool:
            assert process.poll() is None
            with contextlib.suppress(httpx.TransportError):
                return client.get("/healthz").status_code == httpx.codes.OK
            return False

        try:
            until(answers, what="the HTTP applications")
            yield client
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PROCESS_SECONDS)


def sent(client: httpx.Client, *pdfs: bytes) -> httpx.Response:
    """Send a batch in one request."""
    files = [("files", (f"plan-{n}.pdf", pdf, "application/pdf")) for n, pdf in enumerate(pdfs)]
    return client.post("/upload", data={name: str(value) for name, value in FIELDS.items()}, files=files)
