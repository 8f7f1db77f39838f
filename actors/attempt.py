"""One attempt at one claimed document: work in a thread, lease and progress beside it, and one end.

Nothing here decides whether the attempt still counts: the registry does (fencing by attempt number). A lost
lease or a cancelled job is noticed at the next renewal or report; the child is then killed, the thread stops
at its next step, and nothing is handed in.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog

from actors.bench import options_of, result_key
from actors.patience import until_answered
from actors.watch import Progress, Stopped, Watch
from cluster import tracing
from cluster.errors import ServiceError
from cluster.failpoints import Failpoint, reach
from cluster.identifiers import new_nonce
from cluster.logs import describe, new_reference
from cluster.records import DocumentSummary, Finish
from pipeline.errors import INTERNAL, TIMEOUT, LimitExceeded, PipelineError
from pipeline.extraction import ExtractionCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from actors.bench import Bench
    from actors.flights import Flights
    from cluster.jobs import JobStore
    from cluster.records import Claim, ClaimRefused, QueueEntry
    from cluster.settings import Settings
    from pipeline.model import EvaluationOptions

log = structlog.get_logger("attempt")

REPORT_SECONDS = 0.4
"""Between two reports of progress; each is one durable write of the registry."""
STOP_SECONDS = 10.0
"""How long the thread may take to notice that it was stopped, after its child was killed."""
CACHE_SECONDS = 60.0
"""How long taking a result from the cache, or putting one there, may last: any storage that works is far quicker.
Taking one also leaves half of the time to the evaluation."""

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, as the registry takes it."""

    code: str
    sentence: str
    retryable: bool
    reference: str
    attempts_max: int | None = None


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every attempt of an evaluator shares."""

    store: JobStore
    bench: Bench
    flights: Flights
    thread: Executor
    settings: Settings


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. ``stuck``: a thread of it could not be stopped, the process must go."""

    finish: Finish
    status: str
    """``succeeded``, ``failed``, ``retrying``, ``stopped`` or ``refused``."""
    seconds: float
    summary: DocumentSummary | None = None
    failure: Failure | None = None
    node_seconds: dict[str, float] | None = None
    stuck: bool = False


async def claimed(entry: QueueEntry, *, worker_id: str, store: JobStore) -> Claim | ClaimRefused:
    """Claim a document once, however often the registry has to be asked: a lost reply burns no attempt."""
    nonce = new_nonce()
    return await until_answered(lambda: store.claim(entry, worker_id=worker_id, nonce=nonce))


class Attempt:
    """Runs once. All that it waits for has a limit, except the registry, without which no lease is renewed either."""

    def __init__(self, claim: Claim, *, workshop: Workshop) -> None:
        self._claim = claim
        self._shop = workshop
        self._watch = Watch(soft_limit_seconds=workshop.settings.soft_limit_seconds)
        self._stuck = False
        self._interrupted = asyncio.Event()
        self._left_alone: set[asyncio.Future[Any]] = set()
        self._claimed_at = time.time()
        self._log = log.bind(
            job_id=claim.job_id, document_id=claim.document_id, attempt=claim.attempt, worker=claim.worker_id
        )

    async def run(self) -> Ended:
        """Evaluate, and tell the registry; returns once it has answered.

        Cancelling gives the document back to the queue.
        """
        self._log.info("document_claimed", queued_seconds=round(self._claim.queued_seconds, 3))
        guards = [asyncio.create_task(self._renew()), asyncio.create_task(self._report())]
        try:
            # Whoever waits for this flight finds the result in the cache: it ends last.
            async with AsyncExitStack() as flight:
                outcome = await self._outcome(flight)
                handing_in_at = time.time()
                ended = await self._hand_in(outcome)
                await _over(guards)
                if ended.finish.applied and isinstance(outcome, DocumentSummary):
                    await self._remember(outcome)
        except asyncio.CancelledError:
            self._interrupt()
            # Cancellation must not leave a claimed document to the end of its lease.
            await asyncio.shield(until_answered(lambda: self._shop.store.stop(self._claim)))
            raise
        finally:
            await _over(guards)
        ended = replace(ended, stuck=self._stuck or await self._has_hanging_threads())
        self._tell(ended)
        tracing.emit(self._claim.job_id, *self._spans(ended, handing_in_at=handing_in_at))
        return ended

    # ------------------------------------------------------------------ work

    async def _outcome(self, flight: AsyncExitStack) -> DocumentSummary | Failure | None:
        """The result, the failure, or None when the attempt was stopped."""
        try:
            summary = await self._result(flight)
        except (Stopped, ExtractionCancelled):
            return None
        except LimitExceeded as error:
            # Also when the thread has obeyed: a document that is over its time must not begin anew, uncounted.
            return self._failure(error)
        except Exception as error:  # noqa: BLE001  whatever happens, the registry must be told
            return None if self._watch.stopped else self._failure(error)
        return None if self._watch.stopped else summary

    async def _result(self, flight: AsyncExitStack) -> DocumentSummary:
        options = options_of(self._claim)
        freeze_hash = self._shop.bench.engine.freeze_hash(options)
        key = result_key(self._claim.sha256, freeze_hash=freeze_hash)
        if not self._shop.settings.cache_enabled:
            return await self._evaluated(options, key=key)
        await flight.enter_async_context(self._shop.flights.alone(key, watch=self._watch))
        return await self._cached(key) or await self._evaluated(options, key=key)

    async def _evaluated(self, options: EvaluationOptions, *, key: str) -> DocumentSummary:
        bench, settings = self._shop.bench, self._shop.settings
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(
            self._shop.thread,
            lambda: bench.evaluate(self._claim, options=options, key=key, watch=self._watch),
        )
        try:
            done, _ = await asyncio.wait({work}, timeout=settings.hard_limit_seconds)
            if not done:
                self._interrupt()
                done, _ = await asyncio.wait({work}, timeout=STOP_SECONDS)
                self._stuck = not done
                raise LimitExceeded(TIMEOUT, "hard limit")
        except asyncio.CancelledError:
            self._interrupt()
            await asyncio.wait({work}, timeout=STOP_SECONDS)
            raise
        summary = work.result()
        details = {**summary.details, "node_seconds": _rounded(self._watch.node_seconds())}
        return replace(summary, details=details)

    async def _cached(self, key: str) -> DocumentSummary | None:
        store, claim = self._shop.store, self._claim
        try:
            value = await store.cached(key)
            if value is None:
                return None
            summary = msgspec.json.decode(value, type=DocumentSummary)
            there = await self._in_time(
                lambda: self._shop.bench.reuse(claim, summary=summary),
                seconds=min(CACHE_SECONDS, self._watch.left_seconds / 2),
            )
        except (ServiceError, msgspec.DecodeError, TimeoutError) as error:
            # The cache saves time; without it the document is evaluated.
            self._log.warning("cache_unusable", **describe(error))
            return None
        return replace(summary, cached=True) if there else None

    async def _remember(self, summary: DocumentSummary) -> None:
        """Cache a result that the registry has taken: what was cancelled or deleted meanwhile belongs nowhere."""
        if summary.cached or not self._shop.settings.cache_enabled:
            return
        claim, key, storage = self._claim, summary.result_key, self._shop.bench.storage
        try:
            kept = await self._in_time(
                lambda: storage.keep_result(key, job_id=claim.job_id, document_id=claim.document_id),
                seconds=CACHE_SECONDS,
            )
            if kept:
                value = msgspec.json.encode(summary).decode()
                await self._shop.store.remember(key, value=value, job_id=claim.job_id)
        except Exception as error:  # noqa: BLE001  the document has ended well, whatever becomes of the cache
            self._log.warning("cache_not_written", **describe(error))

    async def _in_time(self, work: Callable[[], Done], *, seconds: float) -> Done:
        """Do blocking work of the cache in a thread, and wait for it so long at most.

        Raises:
            TimeoutError: it takes longer. Its thread goes on.
            Stopped: the attempt was stopped meanwhile, and so was the waiting.
        """
        running = asyncio.ensure_future(asyncio.to_thread(work))
        stopped = asyncio.ensure_future(self._interrupted.wait())
        try:
            await asyncio.wait({running, stopped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if not running.done():
                self._left_alone.add(running)
                # Nobody waits for what it ends with.
                running.add_done_callback(lambda task: task.cancelled() or task.exception())
        if running.done():
            return running.result()
        if self._interrupted.is_set():
            raise Stopped
        raise TimeoutError("the storage of the cache does not answer")

    async def _has_hanging_threads(self) -> bool:
        """Whether work that was not waited for still goes on: each would hold a thread until none is left."""
        if not self._left_alone:
            return False
        _, hanging = await asyncio.wait(self._left_alone, timeout=STOP_SECONDS)
        return bool(hanging)

    def _interrupt(self) -> None:
        self._watch.stop()
        self._interrupted.set()
        self._shop.bench.extraction.cancel()

    # ------------------------------------------------------------------ beside the work

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._shop.settings.lease_renewal_seconds)
            try:
                kept = await self._shop.store.renew(self._claim)
            except ServiceError as error:
                # The lease may still be alive; if it is not, the end is refused.
                self._log.warning("renewal_failed", **describe(error))
                continue
            if not kept:
                self._interrupt()
                return

    async def _report(self) -> None:
        said: Progress | None = None
        while True:
            progress = self._watch.progress
            if progress is not None and progress != said:
                said = progress
                if not await self._say(progress):
                    self._interrupt()
                    return
            await asyncio.sleep(REPORT_SECONDS)

    async def _say(self, progress: Progress) -> bool:
        try:
            return await self._shop.store.progress(
                self._claim, step=progress.step, total=progress.total, node=progress.node
            )
        except ServiceError:
            return True

    # ------------------------------------------------------------------ end

    async def _hand_in(self, outcome: DocumentSummary | Failure | None) -> Ended:
        store, claim = self._shop.store, self._claim
        seconds = self._watch.elapsed_seconds
        if isinstance(outcome, DocumentSummary):
            summary = replace(outcome, seconds=round(seconds, 4))
            reach(Failpoint.ARTIFACTS_STORED, settings=self._shop.settings)
            finish = await until_answered(lambda: store.finish(claim, summary=summary))
            status = "succeeded" if finish.applied else "refused"
            return Ended(finish, status, seconds, summary=summary, node_seconds=self._watch.node_seconds())
        if outcome is None:
            finish = await until_answered(lambda: store.stop(claim))
            return Ended(finish, "stopped", seconds)
        failure = outcome
        finish = await until_answered(
            lambda: store.fail(
                claim,
                code=failure.code,
                sentence=failure.sentence,
                retryable=failure.retryable,
                reference=failure.reference,
                attempts_max=failure.attempts_max,
            )
        )
        status = "retrying" if finish.will_retry else "failed" if finish.applied else "refused"
        return Ended(finish, status, seconds, failure=failure)

    def _failure(self, error: Exception) -> Failure:
        reference = new_reference()
        if isinstance(error, PipelineError):
            kind = error.kind
            # The detail is the pipeline's own words, made for logs.
            self._log.warning("document_failed", code=kind.code, detail=error.detail, reference=reference)
            return Failure(kind.code, kind.sentence, kind.retryable, reference, kind.attempts_max)
        if isinstance(error, ServiceError):
            refusal = error.refusal
            self._log.warning("document_failed", code=refusal.code, reference=reference)
            return Failure(refusal.code, refusal.sentence, refusal.retryable, reference)
        self._log.error("document_failed", code=INTERNAL.code, reference=reference, **describe(error))
        return Failure(INTERNAL.code, INTERNAL.sentence, INTERNAL.retryable, reference)

    def _tell(self, ended: Ended) -> None:
        self._log.info(
            "attempt_ended",
            status=ended.status,
            code=ended.failure.code if ended.failure else None,
            reference=ended.failure.reference if ended.failure else None,
            seconds=round(ended.seconds, 3),
            reason=ended.finish.reason.value if ended.finish.reason else None,
            last=ended.finish.last,
            cached=bool(ended.summary and ended.summary.cached),
        )

    def _spans(self, ended: Ended, *, handing_in_at: float) -> Iterator[tracing.Span]:
        claim = self._claim
        key = f"{claim.document_id}/{claim.attempt}"
        attributes: dict[str, tracing.Attribute] = {
            "decalogo.document_id": claim.document_id,
            "decalogo.attempt": claim.attempt,
            "decalogo.status": ended.status,
        }
        if ended.failure:
            attributes |= {
                "decalogo.code": ended.failure.code,
                "decalogo.reference": ended.failure.reference,
            }
        if ended.summary:
            attributes |= {"decalogo.pages": ended.summary.pages, "decalogo.cached": ended.summary.cached}
        queued_at, now = self._claimed_at - claim.queued_seconds, time.time()
        yield tracing.Span("document", queued_at, now, key, attributes=attributes)
        yield tracing.Span("queue wait", queued_at, self._claimed_at, f"{key}/wait", key)
        for number, (node, began, over) in enumerate(self._watch.visits()):
            yield tracing.Span(node, began, min(over, handing_in_at), f"{key}/{number}", key)
        yield tracing.Span("finish", handing_in_at, now, f"{key}/finish", key)


async def _over(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End tasks, and wait for their end. Harmless to repeat."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {node: round(value, 4) for node, value in seconds.items()}
