"""Who sends too slowly, or too much for what it is, is refused in time and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from http_steps import PlainServer, accepted_job, files_of, pdf, refused, roomy, until, upload

from cluster import embedded_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.settings import Settings

PATIENCE_SECONDS = 20.0
FORM = (
    b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 10000000\r\n\r\n--b\r\n"
    b'Content-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n%PDF-1.7\n'
)
METADATA = (
    b"POST /upload/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n{"
)


@pytest.fixture(scope="module")
def hasty_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Half a second of patience, 100 KB/s at least, and a Valkey."""
    chosen = roomy(
        data_dir=tmp_path_factory.mktemp("hasty"),
        body_silence_seconds=0.5,
        body_bytes_per_second_min=100_000,
        max_file_bytes=16 * 2**20,
    )
    embedded_redis.start(chosen)
    yield chosen
    embedded_redis.stop(chosen)


@pytest.fixture(scope="module")
def hasty(hasty_settings: Settings) -> Iterator[PlainServer]:
    """The applications with little patience."""
    with PlainServer(hasty_settings) as running:
        yield running


@pytest.mark.parametrize("head", [FORM, METADATA], ids=["file", "metadata"])
def test_silence_ends_a_request(hasty: PlainServer, hasty_settings: Settings, head: bytes) -> None:
    """A body that stops is answered with 408, also where the framework reads it; its place is free again."""
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(head)
        answer = raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_too_slow"' in answer
    until(lambda: not files_of(hasty_settings), "a file stayed behind")


def test_a_trickle_ends_though_it_never_stops(hasty: PlainServer) -> None:
    """Who was fast once has no credit for ever: bytes now and then do not keep a place."""
    over = threading.Event()
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(FORM + b"x" * 1_000_000)

        def trickle() -> None:
            while not over.wait(0.05):
                try:
                    raw.sendall(b"x" * 50)
                except OSError:
                    return

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            answer = raw.recv(65536)
        finally:
            over.set()
            trickling.join()
    assert b"request_too_slow" in answer


def test_a_sender_with_pauses_is_fast_enough(hasty: PlainServer, hasty_settings: Settings) -> None:
    """A body that takes longer than the patience with silence is taken when it keeps the least rate."""
    total = pdf(600_000)

    def pieces() -> Iterator[bytes]:
        pause = threading.Event()
        for start in range(0, len(total), 60_000):
            yield total[start : start + 60_000]
            pause.wait(0.1)

    with httpx.Client(base_url=hasty.url, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        metadata = {"municipality": "Pasto", "department": "Nariño", "year": 2024, "period": "2024-2027"}
        job_id = http.post("/upload/jobs", json=metadata).json()["job_id"]
        headers = {"Content-Length": str(len(total))}
        answer = http.put(f"/upload/jobs/{job_id}/files/a.pdf", content=pieces(), headers=headers)
        assert answer.status_code == 200, answer.text
        assert accepted_job(http)
        assert files_of(hasty_settings)


def test_metadata_of_megabytes_are_not_gathered(http: httpx.Client) -> None:
    """A batch that is opened without files is small; what is larger is refused, declared or not."""
    body = b'{"notes": "' + b"x" * (2 * 2**20) + b'"}'
    headers = {"Content-Type": "application/json"}
    refused(http.post("/upload/jobs", content=body, headers=headers), status=413, code="request_too_large")
    refused(
        http.post("/upload/jobs", content=iter([body]), headers=headers),
        status=413,
        code="request_too_large",
    )
    assert upload(http, ("plan.pdf", pdf())).status_code == 202
