"""The pool: each replica holds the models once and evaluates one document at a time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import os
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec
import structlog
from ray import serve
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from actors.attempt import Attempt, Ended, Workshop, claimed
from actors.bench import Bench, give_back_memory, give_back_what_is_free, options_of
from actors.flights import Flights
from actors.footprint import Footprint
from actors.growth import Growth
from actors.shared_encoder import NodeEncoder
from actors.watch import Watch
from actors.watchdog import watchdog
from cluster import metrics, tracing
from cluster.jobs import JobStore
from cluster.logs import configure
from cluster.records import ClaimRefused
from cluster.settings import Settings
from cluster.slots import Slots
from cluster.storage import Storage
from pipeline.equipment import page_reader
from pipeline.errors import FreezeMismatch, PipelineError
from pipeline.evaluation import Engine
from pipeline.extraction import ExtractionLimits, ExtractionWorker
from pipeline.model import EvaluationOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster.records import Claim, QueueEntry
    from pipeline.extraction.ocr import PageReader

log = structlog.get_logger("evaluator")

T = TypeVar("T")

UTILIZATION_WINDOW_SECONDS = 60.0
HOUSEKEEPING_SECONDS = 5.0
UNCLAIMED = {"status": "unclaimed", "last": False}
"""Nothing happened to the document; it is for somebody else."""
MEMORY_IDLE_SECONDS = 2.0
"""After so long without a document the memory of the last ones is given back."""
CHILD_IDLE_SECONDS = 20.0
"""After so long the process that reads PDFs is ended."""


class Utilization:
    """Share of the last minute in which a document was worked on."""

    def __init__(self) -> None:
        self._spans: deque[tuple[float, float]] = deque()
        self._since: float | None = None
        self._began = time.monotonic()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Count the time inside as work."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._spans.append((self._since, time.monotonic()))
            self._since = None

    def share(self) -> float:
        """Percent, 0 to 100."""
        now = time.monotonic()
        window = now - UTILIZATION_WINDOW_SECONDS
        while self._spans and self._spans[0][1] < window:
            self._spans.popleft()
        spans = [*self._spans, *([(self._since, now)] if self._since is not None else [])]
        worked = sum(end - max(begin, window) for begin, end in spans)
        return 100 * min(1.0, worked / max(1.0, min(UTILIZATION_WINDOW_SECONDS, now - self._began)))


def extraction_limits(settings: Settings) -> ExtractionLimits:
    """What reading one PDF may cost, as the settings say."""
    return ExtractionLimits(
        max_file_bytes=settings.max_file_bytes,
        memory_bytes=settings.extraction_memory_bytes,
        wall_seconds=settings.extraction_seconds,
        # More CPU than time has passed is never needed: it ends a child whose parent is stopped.
        cpu_seconds=math.ceil(settings.extraction_seconds),
        documents_per_child=settings.child_documents,
    )


def picture_reader(settings: Settings) -> PageReader | None:
    """What reads pages that are pictures, if that is switched on.

    Raises:
        NotEquipped: it is, and cannot be done here.
    """
    if not settings.ocr:
        return None
    return page_reader(pages=settings.ocr_pages_max)


def _load_engine(settings: Settings, *, reader: PageReader | None) -> Engine:
    # data_dir may be shared between nodes; each has tables of its own.
    folder = settings.run_dir / "encoder" / socket.gethostname()
    encoder = NodeEncoder.named(settings.encoder, folder=folder)
    engine = Engine.load(threads=1, encoder=encoder, reader=reader)
    # What is loaded stays for good: the collector need not look at it after every document.
    gc.collect()
    gc.freeze()
    log.info("engine_loaded")
    return engine


class Evaluator:
    """A replica. Deployed by ``actors.application``; its methods are called through a deployment handle.

    Up to ``in_flight_per_evaluator`` calls may be with it; all but one wait without a claim, so that a
    document is always either queued or worked on.
    """

    def __init__(self) -> None:
        settings = Settings.load()
        configure(settings)
        tracing.configure(settings, component="evaluator")
        # BLAS threads of several evaluators would fight over the cores: 15 times slower on two of them.
        threadpool_limits(limits=1)
        reader = picture_reader(settings)
        extraction = ExtractionWorker(
            limits=extraction_limits(settings), fault_documents=settings.fault_documents, reader=reader
        )
        self._settings = settings
        self._bench = Bench(
            _load_engine(settings, reader=reader),
            extraction,
            Storage(settings),
            fault_documents=settings.fault_documents,
        )
        metrics.add(metrics.ENGINE_LOADS)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evaluation")
        self._store = JobStore.lazily(settings)
        self._shop = Workshop(self._store, self._bench, Flights(settings), self._thread, settings)
        self._slots = Slots(settings)
        self._turn = asyncio.Lock()
        self._growth = Growth(settings.evaluator_growth_bytes)
        self._unfit: str | None = None
        self._child_restarts = 0
        self._utilization = Utilization()
        self._footprint = Footprint()
        self._worked_at = self._gave_back_at = time.monotonic()
        context = serve.get_replica_context()
        self._worker_id = context.replica_id.unique_id
        self._label = f"evaluator-{context.rank.rank}"
        self._first_of_the_node = context.rank.local_rank == 0
        self._housekeeping = asyncio.get_running_loop().create_task(self._keep_house())
        log.info("evaluator_ready", worker=self._worker_id, pid=os.getpid(), label=self._label)

    async def evaluate(self, entry: QueueEntry) -> dict[str, Any]:
        """Claim and evaluate a queue entry.

        A registry that does not answer is waited for: a claim whose reply was lost is asked for again as the same
        one, so that no attempt is burnt.

        Returns:
            ``status`` (see ``Ended``, or ``unclaimed``: nothing happened, give it to somebody else), and
            ``last``: the job waits for its aggregation.
        """
        with self._growth.inside():
            async with self._turn:
                if self._growth.leaving:
                    return dict(UNCLAIMED)
                async with self._slots.acquire():
                    return await self._work_on(entry)

    async def reproduce(self, claim: Claim, *, freeze_hash: str, other_than: str = "") -> dict[str, Any]:
        """Evaluate a finished document again, without the cache and without a trace.

        Args:
            claim: the document.
            freeze_hash: what it was evaluated under; another version of the service gives other results.
            other_than: the evaluator that must not be the one to do it.

        Returns:
            ``evaluator`` (its identity), ``another_version`` (this one has another freeze hash), and ``hash``, the
            deterministic hash, or None when this evaluator is not the one to do it.

        Raises:
            PipelineError, ServiceError, FileNotFoundError: it could not be evaluated.
        """
        here = {
            "evaluator": self._worker_id,
            "hash": None,
            "another_version": self._bench.engine.freeze_hash(options_of(claim)) != freeze_hash,
        }
        if here["another_version"] or self._worker_id == other_than:
            return here
        pdf = await asyncio.to_thread(self._bench.storage.read_upload, claim.job_id, claim.sha256)
        options = options_of(claim)
        found = await self._beside_the_queue(
            lambda watch: self._bench.result_hash(pdf, options=options, watch=watch)
        )
        return here | {"hash": found}

    async def assess(self, pdf: bytes, options: dict[str, Any]) -> dict[str, Any]:
        """Evaluate a PDF that belongs to no batch, for programs inside the cluster; nothing of it is kept.

        Args:
            pdf: the whole file.
            options: fields of ``EvaluationOptions``.

        Returns:
            ``artifacts`` by name, or ``code`` and ``sentence`` of what is wrong with the document.

        Raises:
            RuntimeError: what decides has changed on disk since this process started.
        """
        if not await self._fit():
            raise RuntimeError(self._unfit)
        chosen = msgspec.convert(options, EvaluationOptions)
        try:
            files = await self._beside_the_queue(
                lambda watch: self._bench.artifacts_of(pdf, options=chosen, watch=watch)
            )
        except PipelineError as error:
            # Such errors do not pass between processes.
            return {"code": error.kind.code, "sentence": error.kind.sentence}
        return {"artifacts": files}

    async def _beside_the_queue(self, work: Callable[[Watch], T]) -> T:
        """Do what no claim stands behind, in turn with the documents of the queue."""
        watch = Watch(soft_limit_seconds=self._settings.soft_limit_seconds)
        with self._growth.inside():
            async with self._turn, self._slots.acquire():
                with watchdog(seconds=self._settings.watchdog_seconds), self._utilization.busy():
                    running = asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(watch))
                    done, _ = await asyncio.wait({running}, timeout=self._settings.hard_limit_seconds)
                    if not done:
                        self._end_stuck()
                    self._worked_at = time.monotonic()
                    return running.result()

    async def check_health(self) -> None:
        """Called by Serve, which replaces a replica that raises.

        Raises:
            RuntimeError: what decides has changed on disk since this process started.
        """
        if self._unfit:
            raise RuntimeError(self._unfit)

    # ------------------------------------------------------------------ parts

    async def _work_on(self, entry: QueueEntry) -> dict[str, Any]:
        if not await self._fit():
            return dict(UNCLAIMED)
        claim = await claimed(entry, worker_id=self._worker_id, store=self._store)
        if isinstance(claim, ClaimRefused):
            return {"status": claim.reason.value, "last": claim.last}
        metrics.observe(metrics.QUEUE_WAIT, claim.queued_seconds)
        ended = await self._attempt(claim)
        if ended.stuck:
            self._end_stuck()
        self._count(ended)
        self._growth.look(give_back=give_back_what_is_free)
        return {"status": ended.status, "last": ended.finish.last}

    def _end_stuck(self) -> NoReturn:
        # A thread cannot be ended from outside; the process can, and the registry has been told.
        log.error("thread_stuck", worker=self._worker_id)
        os._exit(1)

    async def _attempt(self, claim: Claim) -> Ended:
        try:
            with watchdog(seconds=self._settings.watchdog_seconds), self._utilization.busy():
                return await Attempt(claim, workshop=self._shop).run()
        finally:
            self._worked_at = time.monotonic()

    async def _fit(self) -> bool:
        """Whether the freeze still holds. Asked before the claim, so that a mismatch costs no attempt."""
        try:
            await asyncio.to_thread(self._bench.engine.verify_freeze)
        except FreezeMismatch as error:
            self._unfit = f"freeze mismatch: {error.detail}"
            log.error(  # noqa: TRY400  the detail says it, the trace nothing
                "freeze_mismatch", worker=self._worker_id, detail=error.detail
            )
        return self._unfit is None

    def _count(self, ended: Ended) -> None:
        restarts = self._bench.extraction.restarts
        metrics.add(metrics.CHILD_STARTS, amount=restarts - self._child_restarts)
        self._child_restarts = restarts
        if ended.status == "retrying" and ended.failure:
            metrics.add(metrics.RETRIES, code=ended.failure.code)
        if ended.status in {"succeeded", "failed"}:
            metrics.add(metrics.DOCUMENTS_PROCESSED, status=ended.status)
            metrics.observe(metrics.LATENCY, ended.seconds)
        for node, seconds in (ended.node_seconds or {}).items():
            metrics.add(metrics.NODE_SECONDS, amount=seconds, node=node)
        if ended.summary and ended.summary.cached:
            metrics.add(metrics.CACHE_HITS)
        elif ended.summary:
            metrics.add(metrics.PAGES_PROCESSED, amount=ended.summary.pages)

    async def _tell_confinement(self) -> None:
        """Say what confines the process that reads PDFs on this node; what the kernel refuses is a warning."""
        try:
            report = await asyncio.to_thread(self._bench.extraction.sandbox_report)
        except PipelineError as error:
            log.warning("extraction_confinement_unknown", code=error.kind.code, detail=error.detail)
            return
        lacking = sorted(name for name, value in report.items() if value.startswith("not in force"))
        tell = log.warning if lacking else log.info
        tell("extraction_confinement", lacking=lacking, **report)

    async def _keep_house(self) -> None:
        if self._first_of_the_node:
            # The others start theirs with their first document: one that waits holds 30 MB.
            await self._tell_confinement()
        while True:
            metrics.put(metrics.WORKER_UTILIZATION, self._utilization.share(), worker_id=self._label)
            self._footprint.publish(self._label)
            if not self._turn.locked():
                async with self._turn:
                    await self._let_go(idle_seconds=time.monotonic() - self._worked_at)
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def _let_go(self, *, idle_seconds: float) -> None:
        """Give back what is kept for the next document, if none has come for a while."""
        if idle_seconds > MEMORY_IDLE_SECONDS and self._gave_back_at < self._worked_at:
            self._gave_back_at = time.monotonic()
            await asyncio.to_thread(give_back_memory)
        if idle_seconds > CHILD_IDLE_SECONDS and self._bench.extraction.child_pid:
            # It comes back with the next document, in a tenth of a second; idle, it would hold 40 MB.
            await asyncio.to_thread(self._bench.extraction.close)
