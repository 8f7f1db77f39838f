"""Half-open, trickling and sluggish connections: each is cut within a bound, and nobody else notices."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from edge_steps import FIELDS, held_by_proxy, pdf, until, uploads_in

from benchmarks.crowds import Crowd
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from conftest import Service

pytestmark = pytest.mark.service

HEADER = b"GET /status HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = (
    b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 20000000\r\n\r\n--b\r\n"
    b'Content-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n%PDF-1.7\n'
)
SLACK_SECONDS = 20.0
"""Beyond the settings, on a machine that does other things as well."""


def _normal_life(web: httpx.Client) -> None:
    """Status and an upload, as anybody else would want them meanwhile."""
    assert web.get("/status", timeout=10).status_code == 200
    job_id = web.post("/upload/jobs", json=FIELDS).json()["job_id"]
    path = f"/upload/jobs/{job_id}/files/plan.pdf"
    until(lambda: web.put(path, content=pdf(3_000_000)).status_code == 200, "an upload gets its turn")
    assert web.delete(f"/results/{job_id}").status_code < 300


@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "one byte a second"])
def test_two_hundred_half_open_headers(web: httpx.Client, service: Service, drip: bytes) -> None:
    """Headers have to be complete in time, whether the sender stops or trickles; others are served meanwhile."""
    with Crowd(service.running.http_port, count=200, head=HEADER, drip=drip) as crowd:
        _normal_life(web)
        until(lambda: crowd.living == 0, "all half-open connections are closed")
    assert crowd.last_closed_after_seconds < service.settings.header_seconds + SLACK_SECONDS


def test_fifty_bodies_of_one_kilobyte_a_second(web: httpx.Client, service: Service) -> None:
    """Most are refused at once, the few that took a place lose it; nothing of them stays on disk."""
    before = uploads_in(service.settings)
    with Crowd(service.running.http_port, count=50, head=BODY, drip=b"x" * 1024) as crowd:
        _normal_life(web)
        until(lambda: crowd.living == 0, "all slow senders are cut")
        answers = {bytes(guest.got[:12]) for guest in crowd.guests}
    assert b"HTTP/1.1 429" in answers
    assert answers <= {b"HTTP/1.1 429", b"HTTP/1.1 408", b""}
    assert crowd.last_closed_after_seconds < 2 * service.settings.body_silence_seconds + SLACK_SECONDS
    until(lambda: uploads_in(service.settings) <= before, "files of the slow senders are gone")


def test_fifty_readers_of_one_kilobyte_a_second(
    web: httpx.Client, service: Service, sample_plans: tuple[bytes, ...]
) -> None:
    """Who takes results too slowly is cut, before he has them all, and blocks neither results nor status."""
    files = [("files", (f"{number}.pdf", content)) for number, content in enumerate(sample_plans)]
    job_id = web.post("/upload", data=FIELDS, files=files).json()["job_id"]
    with BatchClient(service.url) as client:
        list(client.events(job_id))
    assert web.get(f"/status/{job_id}").json()["status"] == "completed"
    whole = len(web.get(f"/results/{job_id}").content)
    head = f"GET /results/{job_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    with Crowd(service.running.http_port, count=50, head=head, sip_bytes=1024) as crowd:
        _normal_life(web)
        assert len(web.get(f"/results/{job_id}").content) == whole
        keeper = service.running.keeper_pid
        until(lambda: held_by_proxy(keeper, crowd) == 0, "all slow readers are cut")
        assert max(len(guest.got) for guest in crowd.guests) < whole


def test_one_address_cannot_take_all_connections(web: httpx.Client, service: Service) -> None:
    """Beyond the limit another address is told 429 as a problem, beyond twice of it nothing; loopback goes on."""
    most = service.settings.connections_per_address
    held: list[socket.socket] = []

    def one_more() -> socket.socket:
        there = ("127.0.0.1", service.running.http_port)
        # Any address of the loopback network but the first stands for a machine elsewhere.
        connection = socket.create_connection(there, timeout=30, source_address=("127.0.0.7", 0))
        held.append(connection)
        return connection

    def ask() -> bytes:
        # Who is cut off may learn it while connecting, while sending or while waiting.
        try:
            connection = one_more()
            connection.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return connection.recv(65536)
        except ConnectionError:
            return b""

    try:
        # One after the other: what waits to be taken by the proxy is not counted yet.
        answers = [ask() for _ in range(most + 1)]
        assert {answer[:12] for answer in answers[:-1]} == {b"HTTP/1.1 200"}
        assert answers[-1].startswith(b"HTTP/1.1 429 ")
        assert b"retry-after:" in answers[-1]
        assert b'"code": "too_many_connections"' in answers[-1]
        for _ in range(most + 8):
            with contextlib.suppress(ConnectionError):
                one_more()
        until(lambda: ask() == b"", "connections are not taken any more")
        assert web.get("/status").status_code == 200
    finally:
        for connection in held:
            connection.close()
