"""The faults of a chaos run: what each harms, for how long, and when its harm is over."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import psutil
from chaos_senders import Batch
from fault_pdfs import fault_plan
from harness import FIELDS, variant

from cluster import lifecycle
from cluster.lifecycle_serve import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from chaos_senders import Senders
    from harness import FaultService

UPLOAD, STATUS = "Upload", "Status"
REDIS_AWAY_SECONDS = 1.0
STOPPED_SECONDS = (0.5, 5.0)
LINK_SECONDS = (0.5, 4.0)
GLANCE_SECONDS = 0.5
POISONS: Mapping[str, frozenset[str]] = {
    "hang": frozenset({"timeout"}),
    "hang-gil": frozenset({"timeout"}),
    "oom": frozenset({"memory"}),
    "segv": frozenset({"parser_crash"}),
    "exit": frozenset({"parser_crash"}),
    "garbage": frozenset({"child_protocol"}),
    "evaluator-exit:embedding": frozenset({"attempts_exhausted"}),
}
"""Documents that harm whoever reads them, and the codes with which they may end. Killed evaluators may use up
their attempts as well."""
WEIGHTS: Mapping[str, int] = {
    "kill Evaluator": 6,
    "kill Dispatcher": 2,
    "kill Aggregator": 2,
    "kill Upload": 2,
    "kill Status": 2,
    "kill Redis": 2,
    "stop Evaluator": 3,
    "stop Dispatcher": 2,
    "stop Redis": 2,
    "poison": 4,
    "cut upload": 3,
    "cut link": 2,
    "slow link": 2,
}


@dataclass(eq=False)
class Fault:
    """One fault that happened. ``recovered_seconds`` is None until whatever it harmed works again."""

    kind: str
    target: str
    at_seconds: float
    recovered_seconds: float | None = None


@dataclass(frozen=True)
class Harm:
    """A fault on its way: ``heal`` ends it (late, from another thread), ``is_over`` says when all is well."""

    target: str
    is_over: Callable[[], bool]
    heal_after_seconds: float = 0.0
    heal: Callable[[], None] = lambda: None


class Glance:
    """How the service looks to whoever waits for its recovery; asked anew after half a second, for all at once.

    For one thread.
    """

    def __init__(self, service: FaultService) -> None:
        self._service = service
        self._pids: dict[str, set[int]] = {}
        self._pids_at = self._answers_at = -GLANCE_SECONDS
        self._answers = False

    def pids(self, deployment: str) -> set[int]:
        """Process ids of the running replicas of a deployment."""
        if time.monotonic() - self._pids_at > GLANCE_SECONDS:
            self._pids = {}
            with contextlib.suppress(DeployError):
                for replica in lifecycle.replicas(self._service.settings):
                    if psutil.pid_exists(replica.pid):
                        self._pids.setdefault(replica.deployment, set()).add(replica.pid)
            self._pids_at = time.monotonic()
        return self._pids.get(deployment, set())

    def answers(self) -> bool:
        """Whether reading and uploading work."""
        if time.monotonic() - self._answers_at > GLANCE_SECONDS:
            self._answers = self._ask()
            self._answers_at = time.monotonic()
        return self._answers

    def _ask(self) -> bool:
        try:
            with httpx.Client(base_url=self._service.url, timeout=5, trust_env=False) as client:
                if not client.get("/status/", params={"limit": "1"}).is_success:
                    return False
                opened = client.post("/upload/jobs", json=FIELDS)
                if opened.status_code == httpx.codes.CREATED:
                    client.delete(f"/results/{opened.json()['job_id']}")
                return opened.status_code == httpx.codes.CREATED
        except httpx.TransportError:
            return False


class Faults:
    """Draws faults and causes them. ``rng`` decides everything that is not the machine's doing."""

    def __init__(
        self, service: FaultService, *, rng: Random, senders: Senders, plans: Sequence[bytes]
    ) -> None:
        self._service = service
        self._rng = rng
        self._senders = senders
        self._plans = plans
        self._poisons = 0
        self._glance = Glance(service)
        self._busy_until: dict[str, float] = {}

    def next_kind(self) -> str:
        """What comes next."""
        return self._rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]

    def cause(self, kind: str) -> Harm | None:
        """Do it; None when there is nothing to harm at this moment (it is down already)."""
        # Drawn before anything is looked at: the same seed gives the same draws on every machine.
        share = self._rng.random()
        verb, _, target = kind.partition(" ")
        if kind in {"kill Redis", "stop Redis", "cut link", "slow link"}:
            return self._harm_redis(kind, share=share)
        if verb == "kill":
            return self._kill(target, share=share)
        if verb == "stop":
            return self._stop(target, share=share)
        if kind == "poison":
            return self._poison(share)
        return self._cut_upload(share)

    # ------------------------------------------------------------------ replicas

    def _kill(self, deployment: str, *, share: float) -> Harm | None:
        pids = sorted(self._service.pids(deployment).values())
        if not pids:
            return None
        pid = pids[int(share * len(pids))]
        wanted = min(len(pids), self._service.settings.evaluators_min)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

        def over() -> bool:
            found = self._glance.pids(deployment)
            if pid in found or len(found) < wanted:
                return False
            return deployment not in {UPLOAD, STATUS} or self._glance.answers()

        return Harm(f"process {pid}", over)

    def _stop(self, deployment: str, *, share: float) -> Harm | None:
        pids = sorted(self._service.pids(deployment).values())
        if not pids:
            return None
        process = psutil.Process(pids[int(share * len(pids))])
        process.suspend()

        def resume() -> None:
            with contextlib.suppress(psutil.Error):
                process.resume()

        # Serve may have replaced it meanwhile: then another one counts.
        return Harm(
            f"process {process.pid}",
            lambda: bool(self._glance.pids(deployment)),
            heal_after_seconds=_between(STOPPED_SECONDS, share),
            heal=resume,
        )

    # ------------------------------------------------------------------ Redis

    def _harm_redis(self, kind: str, *, share: float) -> Harm | None:
        if time.monotonic() < self._busy_until.get("redis", 0.0):
            return None
        redis, proxy = self._service.redis, self._service.proxy
        seconds = _between(LINK_SECONDS, share)
        if kind == "kill Redis":
            seconds = REDIS_AWAY_SECONDS
            redis.kill()
            heal = redis.start
        elif kind == "stop Redis":
            redis.stop_signal()
            heal = redis.continue_signal
        elif kind == "cut link":
            proxy.cut_after(int(share * 20_000))
            heal = proxy.pass_through
        else:
            proxy.delay(0.1 + share)
            heal = proxy.pass_through
        self._busy_until["redis"] = time.monotonic() + seconds + 2.0
        return Harm(f"{seconds:.1f} s", self._glance.answers, heal_after_seconds=seconds, heal=heal)

    # ------------------------------------------------------------------ senders

    def _poison(self, share: float) -> Harm:
        names = list(POISONS)
        name = names[int(share * len(names))]
        self._poisons += 1
        plan = variant(self._plans[self._poisons % len(self._plans)], number=900_000 + self._poisons)
        batch = Batch([fault_plan(plan, fault=name)], poison=name)
        threading.Thread(target=self._senders.send, args=(batch,), daemon=True).start()
        return Harm(name, lambda: batch.final)

    def _cut_upload(self, share: float) -> Harm:
        """A sender that breaks off in the middle of a file."""
        address = urlsplit(self._service.url)
        body = self._plans[0]
        head = (
            f"PUT /upload/jobs/{{job}}/files/corte.pdf HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with contextlib.suppress(httpx.HTTPError, OSError, KeyError, json.JSONDecodeError):
            opened: Any = httpx.post(
                f"{self._service.url}/upload/jobs", json=FIELDS, timeout=5, trust_env=False
            ).json()
            with socket.create_connection((address.hostname, address.port), timeout=5) as line:
                line.sendall(head.format(job=opened["job_id"]).encode() + body[: int(len(body) * share)])
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        return Harm(f"after {share:.0%}", lambda: True)


def _between(bounds: tuple[float, float], share: float) -> float:
    low, high = bounds
    return low + (high - low) * share
