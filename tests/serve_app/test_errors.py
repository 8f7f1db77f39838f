"""Errors: one form for all of them, quick answers when something is away, and the table of codes."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from http_steps import PlainServer, accepted_job, files_of, pdf, refused, roomy, upload

from cluster import embedded_redis
from cluster.errors import REFUSALS
from pipeline.errors import FAULTS
from serve_app.asgi import make_app
from serve_app.error_table import error_table
from serve_app.home import router as home_router

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nada", 404, "not_found"),
        ("GET", "/static/..%2fproblems.py", 404, "not_found"),
        ("GET", "/static/nada.css", 404, "not_found"),
        ("GET", "/upload/jobs/x/y/z", 404, "not_found"),
        ("GET", "/upload", 405, "method_not_allowed"),
        ("POST", "/status", 405, "method_not_allowed"),
        ("DELETE", "/upload/jobs", 405, "method_not_allowed"),
        ("PUT", "/", 405, "method_not_allowed"),
    ],
)
def test_addresses_that_do_not_exist_are_problems_too(
    http: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    """No application answers in another form than the others."""
    answer = http.request(method, path)

    refused(answer, status=status, code=code)
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 405:
        assert answer.headers["allow"]


async def test_an_error_nobody_foresaw_shows_a_reference_and_no_trace() -> None:
    """The reference is the only thing that leads from the answer to the log."""
    app = make_app(home_router, title="t", settings=roomy())

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secreto de /ruta/interna")

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/broken")

    body = refused(answer, status=500, code="unexpected")
    assert "secreto" not in answer.text
    assert re.fullmatch("[0-9a-f]{12}", body["reference"])
    assert answer.headers["content-security-policy"]


# --------------------------------------------------------------------------- away, full, short


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Settings]:
    """Settings with a Valkey of their own, which the test may stop."""
    settings = roomy(data_dir=tmp_path)
    embedded_redis.start(settings)
    yield settings
    embedded_redis.stop(settings)


def test_without_redis_every_call_is_refused_quickly_and_works_again_afterwards(lonely: Settings) -> None:
    """503 with Retry-After and nothing stored; the page and the metrics are there; no restart is needed."""
    with PlainServer(lonely) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        job_id = accepted_job(http)
        embedded_redis.stop(lonely)
        before = files_of(lonely)

        # The client's own limit is the time within which the answer has to come.
        for answer in (
            upload(http, ("plan.pdf", pdf())),
            http.get(f"/status/{job_id}", timeout=2),
            http.get(f"/status/{job_id}/events", timeout=2),
            http.get(f"/results/{job_id}", timeout=2),
            http.delete(f"/results/{job_id}", timeout=2),
            http.get("/readyz", timeout=2),
        ):
            assert refused(answer, status=503, code="redis_unavailable")["retryable"]
            assert answer.headers["retry-after"]
        assert "no está disponible" in http.get("/").text
        assert http.get("/healthz").status_code == 200
        assert http.get("/metrics").status_code == 200
        assert files_of(lonely) == before

        embedded_redis.start(lonely)
        assert http.get(f"/status/{job_id}").json()["status"] == "queued"


def test_a_redis_that_hangs_is_not_waited_for(lonely: Settings) -> None:
    """A server that takes connections and says nothing is as good as none, within two seconds."""
    with PlainServer(lonely) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        job_id = accepted_job(http)
        address = embedded_redis.running(lonely)
        assert address is not None
        os.kill(address.pid, signal.SIGSTOP)
        try:
            refused(http.get(f"/status/{job_id}", timeout=2), status=503, code="redis_unavailable")
            refused(http.post("/upload/jobs", json={}, timeout=2), status=503, code="redis_unavailable")
        finally:
            os.kill(address.pid, signal.SIGCONT)


def test_a_full_disk_refuses_uploads_and_nothing_else(lonely: Settings) -> None:
    """507 before a byte is stored; what is there can be read."""
    full = lonely.model_copy(update={"storage_floor_bytes": 2**62})
    with PlainServer(full) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        refused(upload(http, ("plan.pdf", pdf())), status=507, code="storage_full")
        refused(http.get("/readyz"), status=507, code="storage_full")
        assert http.get("/status").status_code == 200
    assert files_of(lonely) == set()


@pytest.mark.parametrize(
    ("short", "status", "code", "word"),
    [
        ({"min_free_memory_bytes": 2**60}, 503, "not_ready", "memoria"),
        ({"min_free_disk_bytes": 2**60}, 503, "not_ready", "disco"),
    ],
)
def test_what_is_short_before_a_batch_is_named(
    lonely: Settings, short: dict[str, int], status: int, code: str, word: str
) -> None:
    """The answer says what is missing and how much of it is needed."""
    settings = lonely.model_copy(update=short)
    with PlainServer(settings) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        answer = upload(http, ("plan.pdf", pdf()))

    body = refused(answer, status=status, code=code)
    assert word in body["detail"]
    assert "GB" in body["detail"]
    assert answer.headers["retry-after"]


# --------------------------------------------------------------------------- table


def test_the_table_of_errors_is_the_one_that_the_code_has() -> None:
    """``python -m serve_app.error_table > docs/errors.md`` after every change of a code."""
    assert (ROOT / "docs" / "errors.md").read_text("utf-8") == error_table()


def test_no_code_stands_for_two_things() -> None:
    """Codes are what programs decide on."""
    codes = [refusal.code for refusal in REFUSALS] + [fault.code for fault in FAULTS]
    assert sorted(codes) == sorted(set(codes))


def test_a_client_that_sends_everything_before_it_reads_gets_its_answer(http: httpx.Client) -> None:
    """A refusal is not lost in a reset connection, though the body was large and refused at its first byte."""
    answer = http.put(f"/upload/jobs/{'a' * 26}/files/a.pdf", content=b"x" * (255 * 1024))
    refused(answer, status=404, code="job_not_found")
    answer = http.put(f"/upload/jobs/{'a' * 26}/files/a.pdf", content=b"x" * (30 * 2**20))
    refused(answer, status=413, code="file_too_large")
