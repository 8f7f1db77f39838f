"""Uploads of the size that the contract allows, and badly behaved connections, against a service of their own.

    python -m benchmarks.uploads [--files N] [--megabytes N] [--parallel N] [--skip-slow]

Sends so many valid PDFs (one page, the rest incompressible) as ONE multipart request, and again one file per request;
meanwhile watches the memory of HAProxy and the HTTP replicas together, and asks for the status 20 times a second from
another process. Then 200 half-open connections, slow bodies and slow readers, at the time-outs of the defaults.
The service is as configured by default, on free ports; the batches are deleted, not evaluated.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import psutil

from benchmarks.crowds import Crowd
from benchmarks.machine import describe_machine
from benchmarks.own_service import own_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from cluster.lifecycle import RunningService

MIB = 2**20
PIECE_BYTES = 256 * 1024
POLLS_PER_SECOND = 20
SAMPLE_SECONDS = 0.2
FRONT = (
    "haproxy",
    "ray::ServeReplica:upload",
    "ray::ServeReplica:stat",
    "ray::ServeReplica:res",
    "ray::ServeReplica:home",
)
METADATA = {"municipality": "Prueba", "department": "Colombia", "year": "2024", "period": "2024-2027"}
BOUNDARY = "limite-de-la-prueba"
HALF_OPEN = b"GET /status HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_BODY = (
    f"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    f"Content-Length: 20000000\r\n\r\n--{BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n%PDF-1.7\n'
).encode()


@dataclass(frozen=True, slots=True)
class Pdf:
    """A valid PDF whose weight is one stream of noise; files share the noise and differ in where it begins."""

    head: bytes
    noise: memoryview
    tail: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.head) + len(self.noise) + len(self.tail)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The file, to be sent as it is made."""
        yield self.head
        for start in range(0, len(self.noise), PIECE_BYTES):
            yield self.noise[start : start + PIECE_BYTES]
        yield self.tail


def make_pdf(number: int, *, size: int, noise: memoryview) -> Pdf:
    """A PDF of exactly ``size`` bytes."""
    text = f"BT /F1 12 Tf 72 720 Td (Archivo {number}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    head, offsets = b"%PDF-1.7\n", []
    for name, content in enumerate(objects, start=1):
        offsets.append(len(head))
        head += b"%d 0 obj\n%s\nendobj\n" % (name, content)
    offsets.append(len(head))
    # Ten digits whatever the length, so that the sum can be computed.
    length = size - len(head) - 600
    head += b"6 0 obj\n<</Length %010d>>\nstream\n" % length
    after = b"\nendstream\nendobj\n"
    start = len(head) + length + len(after)
    table = b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in offsets)
    trailer = b"trailer\n<</Size 7/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
    padding = b" " * (size - start - len(table) - len(trailer))
    begin = number * 4096
    return Pdf(head, noise[begin : begin + length], after + table + trailer + padding)


class FrontMemory:
    """Peak memory of HAProxy and the HTTP replicas together, in bytes, sampled five times a second."""

    def __init__(self, service: RunningService) -> None:
        self._keeper = psutil.Process(service.keeper_pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.first_pss = self.peak_pss = self.peak_rss = 0

    def __enter__(self) -> Self:
        self.first_pss, _ = self._now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            pss, rss = self._now()
            self.peak_pss, self.peak_rss = max(self.peak_pss, pss), max(self.peak_rss, rss)

    def _now(self) -> tuple[int, int]:
        pss = rss = 0
        for process in self._keeper.children(recursive=True):
            with suppress(psutil.Error):
                if process.name().startswith(FRONT):
                    sizes = process.memory_full_info()
                    pss, rss = pss + sizes.pss, rss + sizes.rss
        return pss, rss


def poll_status(port: int, over: Connection, answers: Connection) -> None:
    """Ask for the status until told to end; seconds of each answer. Runs in a process of its own."""
    seconds: list[float] = []
    while not over.poll(1 / POLLS_PER_SECOND):
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/status?limit=1")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        seconds.append(time.perf_counter() - begun if answer.status == http.client.OK else float("inf"))
    answers.send(seconds)


@contextmanager
def polling(port: int) -> Iterator[list[float]]:
    """Times of status calls, in seconds, filled in when the block ends."""
    context = multiprocessing.get_context("spawn")
    over_here, over_there = context.Pipe()
    answers_here, answers_there = context.Pipe()
    process = context.Process(target=poll_status, args=(port, over_there, answers_there))
    process.start()
    seconds: list[float] = []
    try:
        yield seconds
    finally:
        over_here.send(None)
        if answers_here.poll(60):
            seconds.extend(answers_here.recv())
        process.join(10)


def call(
    port: int, method: str, path: str, *, body: object = None, headers: dict[str, str]
) -> tuple[int, bytes, str]:
    """One request on a connection of its own: status, body, Retry-After."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)
    try:
        connection.request(method, path, body=body, headers=headers)  # type: ignore[arg-type]
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Retry-After") or "1"
    finally:
        connection.close()


def in_one_request(port: int, pdfs: list[Pdf]) -> str:
    """All files as one multipart form; the job."""
    fields = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in METADATA.items()
    ).encode()
    heads = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{number}.pdf"\r\n'
        f"Content-Type: application/pdf\r\n\r\n".encode()
        for number in range(len(pdfs))
    ]
    end = f"--{BOUNDARY}--\r\n".encode()

    def body() -> Iterator[bytes | memoryview]:
        yield fields
        for head, pdf in zip(heads, pdfs, strict=True):
            yield head
            yield from pdf.pieces()
            yield b"\r\n"
        yield end

    size = (
        len(fields) + sum(len(head) + pdf.size + 2 for head, pdf in zip(heads, pdfs, strict=True)) + len(end)
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(size)}
    status, answer, _ = call(port, "POST", "/upload", body=body(), headers=headers)
    assert status == http.client.ACCEPTED, answer
    return str(json.loads(answer)["job_id"])


def one_by_one(port: int, pdfs: list[Pdf], *, parallel: int) -> tuple[str, int]:
    """One file per request; the job, and how often a sender was told to come back."""
    body = json.dumps(METADATA | {"year": 2024}).encode()
    _, answer, _ = call(port, "POST", "/upload/jobs", body=body, headers={"Content-Type": "application/json"})
    job_id = str(json.loads(answer)["job_id"])
    refused = 0

    def send(number: int) -> None:
        nonlocal refused
        pdf = pdfs[number]
        headers = {"Content-Type": "application/pdf", "Content-Length": str(pdf.size)}
        while True:
            path = f"/upload/jobs/{job_id}/files/{number}.pdf"
            status, answer, wait = call(port, "PUT", path, body=pdf.pieces(), headers=headers)
            if status == http.client.OK:
                return
            assert status == http.client.TOO_MANY_REQUESTS, answer
            refused += 1
            time.sleep(float(wait))

    with ThreadPoolExecutor(parallel) as senders:
        list(senders.map(send, range(len(pdfs))))
    return job_id, refused


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] * 1000


def measured(service: RunningService, name: str, pdfs: list[Pdf], *, parallel: int) -> None:
    """Send the files one way, print what was seen, delete the batch."""
    port = service.http_port
    refused = 0
    with polling(port) as seconds, FrontMemory(service) as memory:
        begun = time.perf_counter()
        if parallel:
            job_id, refused = one_by_one(port, pdfs, parallel=parallel)
        else:
            job_id = in_one_request(port, pdfs)
        took = time.perf_counter() - begun
    call(port, "DELETE", f"/results/{job_id}", headers={})
    megabytes = sum(pdf.size for pdf in pdfs) / MIB
    print(
        f"{name}: {megabytes:,.0f} MB in {took:.1f} s, {megabytes / took:.0f} MB/s; told to come back {refused} times; "
        f"front PSS {memory.first_pss / MIB:.0f} -> peak {memory.peak_pss / MIB:.0f} MB "
        f"(RSS {memory.peak_rss / MIB:.0f}); "
        f"status: {len(seconds)} calls, p50 {statistics.median(seconds) * 1000:.0f} ms, "
        f"p95 {percentile(seconds, 0.95):.0f} ms, max {max(seconds) * 1000:.0f} ms; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def crowd_measured(service: RunningService, name: str, *, count: int, head: bytes, drip: bytes) -> None:
    """How long a crowd is borne, and how status calls fare meanwhile."""
    with (
        polling(service.http_port) as seconds,
        Crowd(service.http_port, count=count, head=head, drip=drip) as crowd,
    ):
        deadline = time.monotonic() + 180
        while crowd.living and time.monotonic() < deadline:
            time.sleep(0.5)
        closed = sorted(guest.closed_after_seconds or float("inf") for guest in crowd.guests)
    print(
        f"{name}: closed after {closed[0]:.1f} to {closed[-1]:.1f} s; status p95 {percentile(seconds, 0.95):.0f} ms; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main() -> None:
    """Run it all and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--skip-slow", action="store_true")
    chosen = parser.parse_args()
    size = chosen.megabytes * MIB
    noise = memoryview(os.urandom(size + chosen.files * 4096))
    pdfs = [make_pdf(number, size=size, noise=noise) for number in range(chosen.files)]
    print(describe_machine(), f"; load at start {os.getloadavg()[0]:.1f}", flush=True)
    with own_service() as (_, service):
        measured(service, "one multipart request", pdfs, parallel=0)
        measured(service, f"one file per request, {chosen.parallel} parallel", pdfs, parallel=chosen.parallel)
        if not chosen.skip_slow:
            crowd_measured(service, "200 half-open headers", count=200, head=HALF_OPEN, drip=b"")
            crowd_measured(service, "200 headers of 1 byte/s", count=200, head=HALF_OPEN, drip=b"x")
            crowd_measured(service, "50 bodies of 1 KB/s", count=50, head=SLOW_BODY, drip=b"x" * 1024)


if __name__ == "__main__":
    main()
