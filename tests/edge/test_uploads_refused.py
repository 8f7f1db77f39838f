"""Uploads as no honest client sends them: refused early with a code, and nothing of them stays on disk."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

import httpx
import pytest
from edge_steps import FIELDS, Watched, pdf, until, uploads_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Service

MIB = 2**20
TOLERATED_GROWTH_BYTES = 60 * MIB
ABORTS = 100
ATTEMPTS = 5

pytestmark = pytest.mark.service


def open_job(web: httpx.Client) -> str:
    """A batch that waits for files."""
    answer = web.post("/upload/jobs", json=FIELDS)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["job_id"])


def raw(
    service: Service, *parts: bytes, endless: bytes = b"", keep_open: bool = True
) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are, then ``endless`` until an answer begins; its status and problem.

    The kernel resets a connection that is closed while what was sent is still under way, and the rest of the answer can
    be lost with it: then it is asked for again. The status arrives each time.
    """
    for _ in range(ATTEMPTS):
        status, problem = _raw_once(service, *parts, endless=endless, keep_open=keep_open)
        if problem:
            return status, json.loads(problem)
        assert endless, "the rest of the answer is missing, and nothing more was sent"
    raise AssertionError(f"only the beginning of the answer arrived, {ATTEMPTS} times")


def _raw_once(service: Service, *parts: bytes, endless: bytes, keep_open: bool) -> tuple[int, bytes]:
    """The status, and the problem in JSON; empty where its rest was lost."""
    with socket.create_connection(("127.0.0.1", service.running.http_port), timeout=60) as connection:
        for part in parts:
            connection.sendall(part)
        if not keep_open:
            connection.shutdown(socket.SHUT_WR)
        answered = threading.Event()
        headers: dict[bytes, bytes] = {}
        body = b""

        def go_on() -> None:
            while endless and not answered.is_set():
                try:
                    connection.sendall(endless)
                except OSError:
                    return

        sending = threading.Thread(target=go_on)
        sending.start()
        try:
            response = connection.makefile("rb")
            status = int(response.readline().split()[1])
            # Who goes on sending to a connection that is being closed may lose the rest of the answer.
            answered.set()
            with contextlib.suppress(ConnectionResetError):
                headers = dict(_header(line) for line in _up_to_the_blank_line(response))
                body = response.read(int(headers.get(b"content-length", b"0")))
        finally:
            answered.set()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            sending.join()
    if not body or len(body) < int(headers[b"content-length"]):
        return status, b""
    assert headers[b"content-type"] == b"application/problem+json"
    return status, body


def _up_to_the_blank_line(response: BinaryIO) -> Iterator[bytes]:
    while (line := response.readline()) not in {b"\r\n", b""}:
        yield line


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


@pytest.fixture
def nothing_left(service: Service) -> Iterator[None]:
    """Afterwards, storage holds what it held before."""
    before = uploads_in(service.settings)
    yield
    until(lambda: uploads_in(service.settings) <= before, "what was refused is gone from disk")


@pytest.mark.usefixtures("nothing_left")
def test_what_is_too_large_or_says_no_size_is_refused_before_it_is_taken(
    service: Service, web: httpx.Client
) -> None:
    """51 MB are a 413 by their declaration, an endless body without one a 411; memory does not follow either."""
    path = f"/upload/jobs/{open_job(web)}/files/a.pdf"
    put = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n".encode()
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with Watched(service.settings, service.running.keeper_pid) as watched:
        status, problem = raw(service, put, b"Content-Length: %d\r\n\r\n" % (51 * MIB), endless=b"x" * 65536)
        assert (status, problem["code"]) == (413, "file_too_large")
        status, problem = raw(service, put, chunked, endless=chunk)
        assert (status, problem["code"]) == (411, "length_required")
        form = (
            b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        )
        status, problem = raw(service, form, chunked, endless=chunk)
        assert (status, problem["code"]) == (411, "length_required")
        status, problem = raw(service, form, b"Content-Length: 99999999999\r\n\r\n", endless=b"x" * 65536)
        assert (status, problem["code"]) == (413, "request_too_large")
        json_head = b"POST /upload/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        status, problem = raw(service, json_head, chunked, endless=chunk)
        assert (status, problem["code"]) == (413, "request_too_large")
    assert watched.growth_bytes < TOLERATED_GROWTH_BYTES


@pytest.mark.usefixtures("nothing_left")
def test_a_file_of_51_megabytes_in_a_form_is_not_stored(service: Service, web: httpx.Client) -> None:
    """In a form the size of a file shows only while it streams: it is then refused, the good one goes on."""
    files = [("files", ("grande.pdf", pdf(51 * MIB))), ("files", ("buena.pdf", pdf(2048)))]
    with Watched(service.settings, service.running.keeper_pid) as watched:
        answer = web.post("/upload", data=FIELDS, files=files)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    documents = web.get(f"/status/{job_id}").json()["documents"]
    assert documents[0]["error_code"] == "file_too_large"
    assert watched.growth_bytes < TOLERATED_GROWTH_BYTES
    web.delete(f"/results/{job_id}")


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("declared", "sent"),
    [(4096, 2048), (10 * MIB, MIB)],
    ids=["a little less", "a tenth of what was declared"],
)
def test_a_body_shorter_than_declared_is_no_file(
    service: Service, web: httpx.Client, declared: int, sent: int
) -> None:
    """Who closes before the declared end has sent nothing, whatever arrived."""
    job_id = open_job(web)
    head = f"PUT /upload/jobs/{job_id}/files/a.pdf HTTP/1.1\r\nHost: localhost\r\nContent-Length: {declared}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.running.http_port), timeout=60) as connection:
        connection.sendall(head.encode() + pdf(sent))
    assert web.get(f"/upload/jobs/{job_id}").json()["files"] == []


@pytest.mark.usefixtures("nothing_left")
def test_a_body_longer_than_declared_is_cut_at_its_declaration(service: Service, web: httpx.Client) -> None:
    """What comes after is another request, and no good one: it cannot smuggle anything in."""
    job_id = open_job(web)
    whole = pdf(4096)
    head = (
        f"PUT /upload/jobs/{job_id}/files/a.pdf HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2048\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.running.http_port), timeout=60) as connection:
        connection.sendall(head.encode() + whole)
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 200 ") == 1
    assert b"HTTP/1.1 400 " in answers or b"HTTP/1.1 408 " in answers
    assert [found["size_bytes"] for found in web.get(f"/upload/jobs/{job_id}").json()["files"]] == [2048]
    web.delete(f"/results/{job_id}")


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("cut_bytes", [4, 8, 600], ids=["last dashes", "closing boundary", "file"])
def test_a_truncated_form_is_refused_whole(web: httpx.Client, cut_bytes: int) -> None:
    """Without its closing boundary a form is no form, though its length is as declared."""
    request = web.build_request("POST", "/upload", data=FIELDS, files=[("files", ("a.pdf", pdf(4096)))])
    body = request.read()[:-cut_bytes]
    headers = {"Content-Type": request.headers["content-type"]}
    answer = web.post("/upload", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "malformed_upload"


@pytest.mark.usefixtures("nothing_left")
def test_fifty_uploads_at_once_are_taken_or_told_to_come_back(service: Service, web: httpx.Client) -> None:
    """More than the limit of the node are 429 with Retry-After at once; who obeys it gets his file in."""
    job_id = open_job(web)
    content = pdf(4 * MIB)
    together = threading.Barrier(50)

    def send(number: int) -> tuple[int, bool]:
        with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
            together.wait()
            answer = client.put(f"/upload/jobs/{job_id}/files/{number}.pdf", content=content)
            return answer.status_code, answer.status_code == 200 or int(answer.headers["retry-after"]) > 0

    with Watched(service.settings, service.running.keeper_pid) as watched, ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(send, range(50)))
    taken = sum(status == 200 for status, _ in answers)
    assert taken >= service.settings.simultaneous_uploads
    assert {status for status, _ in answers} <= {200, 429}
    assert {status for status, _ in answers} == {200, 429}
    assert all(polite for _, polite in answers)
    assert len(web.get(f"/upload/jobs/{job_id}").json()["files"]) == taken
    assert watched.growth_bytes < 2 * TOLERATED_GROWTH_BYTES
    path = f"/upload/jobs/{job_id}/files/late.pdf"
    until(lambda: web.put(path, content=content).status_code == 200, "a late one gets its place")
    web.delete(f"/results/{job_id}")


def _leave(connection: socket.socket, *, reset: bool) -> None:
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.usefixtures("nothing_left")
def test_a_hundred_senders_that_leave_leave_nothing(service: Service, web: httpx.Client) -> None:
    """Cut at 1 %, 50 % and 99 %, politely or by reset: no job, no file, no place that stays taken."""
    form = web.build_request("POST", "/upload", data=FIELDS, files=[("files", ("a.pdf", pdf(MIB)))])
    body = form.read()
    head = (
        f"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: {form.headers['content-type']}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    jobs = [job["job_id"] for job in web.get("/status?limit=200").json()["jobs"]]

    def cut(number: int) -> None:
        share = (0.01, 0.5, 0.99)[number % 3]
        connection = socket.create_connection(("127.0.0.1", service.running.http_port), timeout=60)
        connection.sendall(head + body[: int(len(body) * share)])
        _leave(connection, reset=number % 2 == 1)

    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(cut, range(ABORTS)))

    def post(_: int) -> int:
        return web.post(
            "/upload", content=body, headers={"Content-Type": form.headers["content-type"]}
        ).status_code

    places = service.settings.simultaneous_uploads
    with ThreadPoolExecutor(places) as crowd:
        until(lambda: list(crowd.map(post, range(places))) == [202] * places, "every place is free again")

    def unexpected() -> list[str]:
        after = {
            job["job_id"]: job
            for job in web.get("/status?limit=200").json()["jobs"]
            if job["job_id"] not in jobs
        }
        return [job_id for job_id, job in after.items() if job["document_count"] != 1]

    until(lambda: not unexpected(), "no job of those who left")
    for job in web.get("/status?limit=200").json()["jobs"]:
        if job["job_id"] not in jobs:
            web.delete(f"/results/{job['job_id']}")
