"""Who sends documents during a chaos run: as people do, they try again until they are told yes or no."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
from harness import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import FaultService

ASK_AGAIN = frozenset({404, 408, 429, 500, 502, 503, 504, 507})
"""Answers of a service in trouble. A route is also unknown for a moment while its replica is replaced."""
PAUSE_SECONDS = 0.5
PAUSE_MAX_SECONDS = 5.0
WATCH_SECONDS = 1.0
FINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass(eq=False)
class Batch:
    """Documents to send together. ``poison`` names the fault that its one document asks for."""

    pdfs: list[bytes]
    poison: str = ""
    job_id: str = ""
    final: bool = False
    ends_seen: set[str] = field(default_factory=set)
    """Final states that were ever shown; more than one breaks the promise."""


class Senders:
    """Sends batches, each in the thread of its caller; counts what it was answered."""

    def __init__(self, service: FaultService) -> None:
        self._service = service
        self._lock = threading.Lock()
        self.left = threading.Event()
        self.answers: Counter[str] = Counter()
        """By status and code, or by kind of broken connection."""
        self.unexpected: list[str] = []
        """Answers that no fault explains."""
        self.batches: list[Batch] = []
        """What was accepted."""

    def leave(self) -> None:
        """Send nothing more and stop watching."""
        self.left.set()

    def send(self, batch: Batch) -> None:
        """Send a batch until it is accepted, then watch it until it is final."""
        with httpx.Client(base_url=self._service.url, timeout=30, trust_env=False) as client:
            while not batch.job_id and not self.left.is_set():
                job_id = self._at_once(client, batch) if len(batch.pdfs) % 2 else self._by_file(client, batch)
                if not job_id:
                    self.left.wait(PAUSE_SECONDS)
                    continue
                batch.job_id = job_id
                self._service.accepted(job_id, batch.pdfs)
                with self._lock:
                    self.batches.append(batch)
            while not batch.final and not self.left.wait(WATCH_SECONDS):
                self._look(client, batch)

    # ------------------------------------------------------------------ two ways to send

    def _at_once(self, client: httpx.Client, batch: Batch) -> str:
        """One multipart request, with a key that makes its repetition harmless."""
        key = uuid.uuid4().hex
        files = [("files", (f"plan-{n}.pdf", pdf, "application/pdf")) for n, pdf in enumerate(batch.pdfs)]
        data = {name: str(value) for name, value in FIELDS.items()}
        answer = self._until_answered(
            lambda: client.post("/upload/", files=files, data=data, headers={"Idempotency-Key": key})
        )
        return str(answer["job_id"]) if answer else ""

    def _by_file(self, client: httpx.Client, batch: Batch) -> str:
        """One file per request into an open batch; empty when the batch was forgotten meanwhile."""
        opened = self._until_answered(lambda: client.post("/upload/jobs", json=FIELDS))
        if not opened:
            return ""
        job_id = str(opened["job_id"])
        for number, pdf in enumerate(batch.pdfs):
            url = f"/upload/jobs/{job_id}/files/{quote(f'plan-{number}.pdf')}"
            if not self._until_answered(lambda url=url, pdf=pdf: client.put(url, content=pdf)):  # type: ignore[misc]
                return ""
        submitted = self._until_answered(lambda: client.post(f"/upload/jobs/{job_id}/submit"))
        return job_id if submitted else ""

    def _until_answered(self, call: Callable[[], httpx.Response]) -> dict[str, Any]:
        """Repeat a call that is harmless to repeat until it succeeds; empty when that is hopeless."""
        pause = PAUSE_SECONDS
        while not self.left.is_set():
            answer = self._counted(call)
            if answer is not None and answer.is_success:
                return dict(answer.json())
            wait = pause
            if answer is not None:
                if answer.status_code not in ASK_AGAIN:
                    self.unexpected.append(
                        f"{answer.request.url.path}: {answer.status_code} {answer.text[:200]}"
                    )
                    return {}
                if '"job_not_found"' in answer.text:
                    self.unexpected.append(f"{answer.request.url.path}: an open batch was forgotten")
                    return {}
                asked = answer.headers.get("Retry-After", "")
                wait = min(float(asked), PAUSE_MAX_SECONDS) if asked.isdigit() else pause
            self.left.wait(wait)
            pause = min(2 * pause, PAUSE_MAX_SECONDS)
        return {}

    def _counted(self, call: Callable[[], httpx.Response]) -> httpx.Response | None:
        try:
            answer = call()
        except httpx.TransportError as error:
            with self._lock:
                self.answers[type(error).__name__] += 1
            return None
        with self._lock:
            self.answers[_name(answer)] += 1
        return answer

    # ------------------------------------------------------------------ watching

    def _look(self, client: httpx.Client, batch: Batch) -> None:
        answer = self._counted(lambda: client.get(f"/status/{batch.job_id}"))
        if answer is None or not answer.is_success:
            if answer is not None and '"job_not_found"' in answer.text:
                self.unexpected.append(f"job {batch.job_id} is unknown")
            return
        state = str(answer.json()["status"])
        if state in FINAL:
            batch.ends_seen.add(state)
            batch.final = True


def _name(answer: httpx.Response) -> str:
    if answer.is_success:
        return str(answer.status_code)
    with contextlib.suppress(ValueError):
        return f"{answer.status_code} {answer.json()['code']}"
    return f"{answer.status_code} {answer.text[:60]}"


def paced(senders: Senders, batches: list[Batch], *, over_seconds: float, threads: int) -> None:
    """Send batches evenly over a time, at most ``threads`` at once; returns at once."""
    began = time.monotonic()
    waiting = list(enumerate(batches))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                number, batch = waiting.pop(0)
            due = began + over_seconds * number / max(1, len(batches))
            if senders.left.wait(max(0.0, due - time.monotonic())):
                return
            senders.send(batch)

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()
