"""One attempt at telling the sender of a batch that it has ended: what is said, how it is signed, where it goes.

The form is that of the Standard Webhooks convention: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import httpx
import msgspec
import structlog

from actors.patience import until_answered
from cluster.callback_targets import resolve, signing_key, target_of
from cluster.errors import CALLBACKS_OFF, ServiceError
from cluster.identifiers import new_nonce
from cluster.settings import SettingsError

if TYPE_CHECKING:
    import ssl

    from cluster.callback_targets import Resolve, Target
    from cluster.jobs import JobStore
    from cluster.records import CallbackClaim, JobRecord
    from cluster.settings import Settings

log = structlog.get_logger("callbacks")

ATTEMPTS_MAX = 8
GROWTH = 4.0
DELAY_MAX = timedelta(hours=2)
"""2 s, 8 s, 32 s, 2 min, 9 min, 34 min, 2 h: given up after less than three hours, long before the job is gone."""
TIME_OUTS = httpx.Timeout(5.0, connect=3.0)
WHOLE_SECONDS = 15.0
"""For an answer that comes drop by drop; below ``LEASE_MS`` of ``cluster.callbacks``."""
ANSWER_BYTES_MAX = 4096
GONE = 410


@dataclass(frozen=True, slots=True)
class Told:
    """How an attempt went. ``error`` is empty when it was taken; ``final``: the receiver wants no other."""

    error: str = ""
    final: bool = False


@dataclass(frozen=True)
class CallbackSender:
    """Sends the callbacks of one service. ``ask`` finds the addresses of a name; None asks the system."""

    store: JobStore
    settings: Settings
    ask: Resolve | None = None

    async def send_next(self, job_id: str) -> None:
        """Make the next attempt for a job, if it is due and nobody else does.

        A registry that does not answer is waited for, so that a lost reply burns no attempt.
        """
        nonce = new_nonce()
        claim = await until_answered(lambda: self.store.claim_callback(job_id, nonce=nonce))
        if claim is None:
            return
        told = await self._attempt(await until_answered(lambda: self.store.job(job_id)))
        retry_in = None if self._over(told, claim) else delay(claim.attempt, settings=self.settings)
        await until_answered(lambda: self.store.end_callback(claim, error=told.error, retry_in=retry_in))
        self._log(claim, told=told, over=retry_in is None)

    async def _attempt(self, job: JobRecord) -> Told:
        try:
            target = target_of(job.metadata.callback_url, settings=self.settings)
            key = signing_key(self.settings)
            address = await resolve(target, settings=self.settings, ask=self.ask)
        except SettingsError:
            return Told("not_configured")
        except ServiceError as error:
            return Told("not_configured" if error.refusal is CALLBACKS_OFF else "address_refused")
        except OSError:
            return Told("not_resolved")
        content = body_of(job)
        headers = signed(content, message_id=f"job_{job.job_id}", key=key or b"", now=int(time.time()))
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await self._post(target, address=address, content=content, headers=headers)
        except (httpx.TimeoutException, TimeoutError):
            return Told("no_answer")
        except httpx.HTTPError:
            return Told("not_connected")

    async def _post(self, target: Target, *, address: str, content: bytes, headers: dict[str, str]) -> Told:
        # The connection goes to the address that was checked; name and certificate stay those of the host.
        url = target.url.copy_with(host=address)
        named = {**headers, "Host": target.url.netloc.decode("ascii")}
        async with (
            httpx.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=TIME_OUTS, verify=self._trusted
            ) as http,
            http.stream(
                "POST", url, content=content, headers=named, extensions={"sni_hostname": target.host}
            ) as answer,
        ):
            # A receiver may say something; only so much is listened to.
            read = 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read > ANSWER_BYTES_MAX:
                    break
            status = answer.status_code
        if answer.is_success:
            return Told()
        return Told(f"http_{status}", final=status == GONE)

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """The authorities that httpx brings along, or those of ``SSL_CERT_FILE``."""
        return httpx.create_ssl_context(trust_env=True)

    @staticmethod
    def _over(told: Told, claim: CallbackClaim) -> bool:
        return not told.error or told.final or claim.attempt >= ATTEMPTS_MAX

    @staticmethod
    def _log(claim: CallbackClaim, *, told: Told, over: bool) -> None:
        # Never the address: what stands in it may be a secret of its owner.
        event = "callback_delivered" if not told.error else "callback_failed" if over else "callback_delayed"
        tell = log.error if event == "callback_failed" else log.info
        tell(event, job_id=claim.job_id, attempt=claim.attempt, error=told.error)


def delay(attempt: int, *, settings: Settings) -> timedelta:
    """How long to wait after an attempt."""
    return min(DELAY_MAX, timedelta(seconds=settings.retry_base_seconds * GROWTH ** (attempt - 1)))


def body_of(job: JobRecord) -> bytes:
    """What is said: enough to know which job ended how, nothing of what its plans contain."""
    ended = datetime.fromtimestamp(job.finished_at or 0.0, UTC)
    return msgspec.json.encode(
        {
            "type": f"job.{job.state.value}",
            "timestamp": ended.isoformat(timespec="milliseconds"),
            "data": {
                "job_id": job.job_id,
                "status": job.state.value,
                "document_count": job.document_count,
                "documents_by_status": {state.value: count for state, count in job.counts.items() if count},
                "links": {"status": f"/status/{job.job_id}", "results": f"/results/{job.job_id}"},
            },
        }
    )


def signed(content: bytes, *, message_id: str, key: bytes, now: int) -> dict[str, str]:
    """Headers of a message; repeated attempts have the same identifier, so that a receiver takes it once."""
    signature = hmac.digest(key, f"{message_id}.{now}.".encode() + content, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "User-Agent": "decalogo",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
