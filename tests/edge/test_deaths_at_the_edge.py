"""Row "kill upload/status replica, kill proxy": in-flight calls fail cleanly, and status is readable soon after."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

import httpx
import psutil
import pytest
from edge_steps import FIELDS, pdf, until

from cluster import lifecycle

if TYPE_CHECKING:
    from conftest import Service

pytestmark = [pytest.mark.service, pytest.mark.faults]

POLLS_PER_SECOND = 20
READABLE_AGAIN_SECONDS = 10.0
SLACK = 3.0
"""Times the bound, on a machine that does other things as well."""


class Polling:
    """Asks for the status of the service 20 times a second, each time on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self.seen: Counter[str] = Counter()
        self.impolite: list[str] = []
        self.last_good = self.longest_gap_seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.seen["200"], "the first answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._over.wait(1 / POLLS_PER_SECOND):
            try:
                answer = httpx.get(f"{self._url}/status?limit=1", trust_env=False, timeout=30)
            except httpx.HTTPError as error:
                self.seen[type(error).__name__] += 1
                continue
            self.seen[str(answer.status_code)] += 1
            if answer.status_code == 200:
                now = time.monotonic()
                self.longest_gap_seconds = max(self.longest_gap_seconds, now - (self.last_good or now))
                self.last_good = now
            elif (
                answer.headers["content-type"] != "application/problem+json"
                or "retry-after" not in answer.headers
            ):
                self.impolite.append(answer.text[:200])


def _replica(service: Service, application: str) -> psutil.Process | None:
    found = [one for one in lifecycle.replicas(service.settings) if one.application == application]
    try:
        return psutil.Process(found[0].pid) if found else None
    except psutil.NoSuchProcess:
        # Serve does not know yet.
        return None


def _proxy(service: Service) -> psutil.Process | None:
    below = psutil.Process(service.running.keeper_pid).children(recursive=True)
    with contextlib.suppress(psutil.NoSuchProcess):
        living = [one for one in below if one.name() == "haproxy" and one.status() != psutil.STATUS_ZOMBIE]
        return max(living, key=lambda one: one.create_time()) if living else None
    return None


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, marks=pytest.mark.quick_faults, id="kill"),
        pytest.param(signal.SIGTERM, id="term"),
    ],
)
@pytest.mark.parametrize("victim", ["status", "upload", "proxy"])
def test_status_is_readable_soon_after_a_death(
    service: Service, web: httpx.Client, victim: str, number: signal.Signals
) -> None:
    """P5: callers get an answer or a problem with Retry-After meanwhile, and uploads work again."""

    def living() -> psutil.Process | None:
        return _proxy(service) if victim == "proxy" else _replica(service, victim)

    until(living, "the one before")
    first = living()
    assert first
    with Polling(service.url) as polling:
        first.send_signal(number)
        until(lambda: (found := living()) and found.pid != first.pid, "another one in its place")
        until(lambda: polling.last_good > time.monotonic() - 0.5, "status answers")
        files = [("files", ("a.pdf", pdf()))]
        until(lambda: web.post("/upload", data=FIELDS, files=files).status_code == 202, "uploads work again")
    assert polling.impolite == []
    assert set(polling.seen) <= {"200", "503", "ConnectError", "RemoteProtocolError", "ReadError"}
    sys.stderr.write(f"{victim} {number.name}: {polling.longest_gap_seconds:.1f} s, {dict(polling.seen)}\n")
    assert polling.longest_gap_seconds < READABLE_AGAIN_SECONDS * SLACK
    if victim == "upload":
        assert set(polling.seen) == {"200"}


def test_an_upload_whose_replica_dies_fails_cleanly(service: Service, web: httpx.Client) -> None:
    """Its sender is told to come back; sent again, the file is taken, and only once."""
    until(lambda: _replica(service, "upload"), "an upload replica")
    replica = _replica(service, "upload")
    assert replica
    job_id = web.post("/upload/jobs", json=FIELDS).json()["job_id"]
    path = f"/upload/jobs/{job_id}/files/a.pdf"
    content = pdf(20 * 2**20)
    halfway = threading.Event()

    def pieces() -> object:
        yield content[: 10 * 2**20]
        halfway.set()
        until(
            lambda: not replica.is_running() or replica.status() == psutil.STATUS_ZOMBIE,
            "the death of the replica",
        )
        yield content[10 * 2**20 :]

    def kill() -> None:
        halfway.wait()
        replica.kill()

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        answer = web.put(path, content=pieces(), headers={"Content-Length": str(len(content))})
    except httpx.TransportError:
        # The proxy may close while its client still sends; that is clean as well.
        pass
    else:
        assert answer.status_code == 503
        assert answer.json()["code"] == "service_unavailable"
        assert answer.headers["retry-after"]
    finally:
        killing.join()

    def sent_again() -> bool:
        try:
            return web.put(path, content=content).status_code == 200
        except httpx.TransportError:
            return False

    until(sent_again, "the file is taken")
    assert [found["name"] for found in web.get(f"/upload/jobs/{job_id}").json()["files"]] == ["a.pdf"]
    web.delete(f"/results/{job_id}")
