"""Reading jobs and documents back from the registry."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import msgspec

from cluster.errors import (
    DOCUMENT_NOT_FOUND,
    INVALID_REQUEST,
    JOB_DELETED,
    JOB_EXPIRED,
    JOB_NOT_FOUND,
    ServiceError,
)
from cluster.identifiers import is_job_id
from cluster.keys import member
from cluster.records import (
    STATE_CODES,
    CallbackRecord,
    CallbackState,
    DocumentRecord,
    DocumentState,
    DocumentSummary,
    JobEvent,
    JobMetadata,
    JobPage,
    JobRecord,
    JobState,
    ReviewPointer,
)
from cluster.redis_access import RedisAccess, redis_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JOBS_PER_PAGE_MAX = 200
SCAN_BATCH = 200
SCANNED_PER_PAGE_MAX = 2000
"""A list filtered by state looks at this many jobs per call at most; the cursor goes on from there."""
EVENTS_PER_READ = 200
LAST_UNFINISHED = max(code for code, state in STATE_CODES.items() if not state.final)

_EVENT_ID = re.compile(r"[0-9]{1,19}(-[0-9]{1,19})?")
_DOCUMENT_PARTS = (
    "name",
    "sha256",
    "size",
    "attempt",
    "step",
    "total_steps",
    "node",
    "worker",
    "queued_ms",
    "started_ms",
    "finished_ms",
    "retry_ms",
    "code",
    "sentence",
    "reference",
    "summary",
    "review",
)
"""What ``_document_record`` reads of a document."""
_CURSOR = re.compile(r"[0-9]{1,17}")


class Readings:
    """What clients may know. Nothing here changes the registry, except that listing drops expired names."""

    access: RedisAccess

    async def job(self, job_id: str) -> JobRecord:
        """One job.

        Raises:
            ServiceError: JOB_NOT_FOUND, JOB_EXPIRED, JOB_DELETED, REDIS_UNAVAILABLE.
        """
        (record,) = await self._jobs_by_id([job_id] if is_job_id(job_id) else []) or (None,)
        return record or await self._missing(job_id)

    async def now(self) -> float:
        """The time of the registry, in seconds since 1970: what its records are compared with.

        A machine whose clock is wrong must not show that work takes hours.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            seconds, micros = await self.access.client.time()
        return int(seconds) + int(micros) / 1e6

    async def documents(self, job_id: str) -> tuple[DocumentRecord, ...]:
        """All documents of a job in the order they were added.

        Raises:
            ServiceError: JOB_NOT_FOUND, JOB_EXPIRED, JOB_DELETED, REDIS_UNAVAILABLE.
        """
        if not is_job_id(job_id):
            await self._missing(job_id)
        keys = self.access.keys
        with redis_errors():
            async with self.access.client.pipeline(transaction=True) as pipeline:
                pipeline.exists(keys.job(job_id))
                pipeline.hgetall(keys.documents(job_id))
                pipeline.zrange(keys.states(job_id), 0, -1, withscores=True)
                there, fields, states = await pipeline.execute()
        if not there:
            await self._missing(job_id)
        return _document_records(fields, states=states)

    async def document(self, job_id: str, document_id: str) -> DocumentRecord:
        """One document of a job; much cheaper than all of them in a large batch.

        Raises:
            ServiceError: DOCUMENT_NOT_FOUND, JOB_NOT_FOUND, JOB_EXPIRED, JOB_DELETED, REDIS_UNAVAILABLE.
        """
        if not is_job_id(job_id):
            await self._missing(job_id)
        keys = self.access.keys
        with redis_errors():
            async with self.access.client.pipeline(transaction=True) as pipeline:
                pipeline.exists(keys.job(job_id))
                pipeline.zscore(keys.states(job_id), document_id)
                pipeline.hmget(keys.documents(job_id), [f"{document_id}.{part}" for part in _DOCUMENT_PARTS])
                there, code, values = await pipeline.execute()
        if not there:
            await self._missing(job_id)
        if code is None:
            raise ServiceError(DOCUMENT_NOT_FOUND)
        fields = {
            part: value for part, value in zip(_DOCUMENT_PARTS, values, strict=True) if value is not None
        }
        return _document_record(document_id, fields=fields, state=STATE_CODES[int(code)])

    async def jobs(
        self,
        *,
        state: JobState | None = None,
        owner: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> JobPage:
        """Jobs, newest first, from ``cursor`` on; with ``state`` or ``owner`` a page may hold fewer than ``limit``.

        Raises:
            ServiceError: INVALID_REQUEST for a cursor this service did not give, REDIS_UNAVAILABLE.
        """
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise ServiceError(INVALID_REQUEST, "El cursor no es válido.")
        limit = max(1, min(limit, JOBS_PER_PAGE_MAX))
        found: list[JobRecord] = []
        scanned = 0
        while scanned < SCANNED_PER_PAGE_MAX:
            wanted = limit - len(found) if state is owner is None else SCAN_BATCH
            names = await self._names_before(cursor, count=wanted)
            records = await self._jobs_by_id([name for name, _ in names])
            scanned += len(names)
            for (name, score), record in zip(names, records, strict=True):
                if record is None:
                    await self._forget_name(name)
                elif state in {None, record.state} and owner in {None, record.owner}:
                    found.append(record)
                cursor = str(int(score))
                if len(found) == limit:
                    return JobPage(tuple(found), cursor)
            if len(names) < wanted:
                return JobPage(tuple(found), None)
        return JobPage(tuple(found), cursor)

    async def owner(self, job_id: str) -> str | None:
        """Whose the job is, or was while something is still said about it; None when nothing is known of it.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        if not is_job_id(job_id):
            return None
        keys = self.access.keys
        with redis_errors():
            async with self.access.client.pipeline(transaction=True) as pipeline:
                pipeline.exists(keys.job(job_id))
                pipeline.hget(keys.job(job_id), "owner")
                pipeline.get(keys.tombstone(job_id))
                there, owner, said = await pipeline.execute()
        if there:
            return owner or ""
        return None if said is None else str(said).partition(" ")[2]

    async def unfinished_documents(self, owner: str) -> int:
        """How many documents of a client have not ended, those of batches that are still open included.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        keys = self.access.keys
        with redis_errors():
            # "0" follows "/": the range holds what begins with the owner's name and a slash.
            names = await self.access.client.zrange(keys.unfinished, f"[{owner}/", f"({owner}0", bylex=True)
            if not names:
                return 0
            async with self.access.client.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.exists(keys.job(name.rpartition("/")[2]))
                    pipeline.zcount(keys.states(name.rpartition("/")[2]), "-inf", LAST_UNFINISHED)
                answers = await pipeline.execute()
            gone = [name for name, there in zip(names, answers[::2], strict=True) if not there]
            if gone:
                # An open batch that nobody went on with expires by itself.
                await self.access.client.zrem(keys.unfinished, *gone)
        return sum(answers[1::2])

    async def queue_position(self, job_id: str) -> int | None:
        """How many documents are to be claimed until the first waiting one of this job is, itself included.

        None when nothing of the job waits. Documents that wait for a retry are not counted.
        """
        with redis_errors():
            first = await self.access.client.zrangebyscore(
                self.access.keys.states(job_id), 0, 0, start=0, num=1
            )
            if not first:
                return None
            rank = await self.access.client.zrank(self.access.keys.waiting, member(job_id, first[0]))
        return None if rank is None else rank + 1

    async def events(
        self, job_id: str, *, after: str | None = None, block_ms: int = 0
    ) -> tuple[JobEvent, ...]:
        """Events after ``after``, waiting up to ``block_ms`` for the first.

        ``after`` is an ``event_id``; None, or anything else, means from the oldest kept. Returns nothing when
        none came. Events of a job keep their order; the oldest are dropped beyond about 2,000. For jobs that
        are gone there are none: ask ``job`` first.
        """
        position = after if after and _EVENT_ID.fullmatch(after) else "0-0"
        answer = await self._read_events(self.access.keys.events(job_id), after=position, block_ms=block_ms)
        entries = answer[0][1] if answer else []
        return tuple(
            JobEvent(event_id=event_id, kind=values["kind"], data=msgspec.json.decode(values["data"]))
            for event_id, values in entries
        )

    # ------------------------------------------------------------------ parts

    async def _read_events(self, key: str, *, after: str, block_ms: int) -> Any:
        wait_ms = self.access.wait_ms(block_ms)
        if wait_ms > 0 and not self.access.free_waits.locked():
            async with self.access.free_waits:
                with redis_errors():
                    return await self.access.blocking.xread(
                        {key: after}, count=EVENTS_PER_READ, block=wait_ms
                    )
        # With very many watchers a connection each is too much; the others look, and wait here.
        with redis_errors():
            answer = await self.access.client.xread({key: after}, count=EVENTS_PER_READ)
        if not answer and wait_ms > 0:
            await asyncio.sleep(wait_ms / 1000)
        return answer

    async def _missing(self, job_id: str) -> JobRecord:
        said = None
        if is_job_id(job_id):
            with redis_errors():
                said = await self.access.client.get(self.access.keys.tombstone(job_id))
        word = (said or "").partition(" ")[0]
        raise ServiceError({"expired": JOB_EXPIRED, "deleted": JOB_DELETED}.get(word, JOB_NOT_FOUND))

    async def _jobs_by_id(self, job_ids: Sequence[str]) -> list[JobRecord | None]:
        if not job_ids:
            return []
        keys = self.access.keys
        with redis_errors():
            async with self.access.client.pipeline(transaction=True) as pipeline:
                for job_id in job_ids:
                    pipeline.hgetall(keys.job(job_id))
                    for code in STATE_CODES:
                        pipeline.zcount(keys.states(job_id), code, code)
                answers = await pipeline.execute()
        width = 1 + len(STATE_CODES)
        rows = [answers[start : start + width] for start in range(0, len(answers), width)]
        return [
            _job_record(job_id, fields=fields, counts=dict(zip(DocumentState, counts, strict=True)))
            if fields
            else None
            for job_id, (fields, *counts) in zip(job_ids, rows, strict=True)
        ]

    async def _names_before(self, cursor: str | None, *, count: int) -> list[tuple[str, float]]:
        with redis_errors():
            return list(
                await self.access.client.zrevrangebyscore(
                    self.access.keys.jobs,
                    "+inf" if cursor is None else f"({cursor}",
                    "-inf",
                    start=0,
                    num=count,
                    withscores=True,
                )
            )

    async def _forget_name(self, job_id: str) -> None:
        with redis_errors():
            await self.access.client.zrem(self.access.keys.jobs, job_id)


# --------------------------------------------------------------------------- from fields to records


def _seconds(fields: Mapping[str, str], name: str) -> float | None:
    value = fields.get(name)
    return int(value) / 1000 if value else None


def _job_record(job_id: str, *, fields: Mapping[str, str], counts: Mapping[DocumentState, int]) -> JobRecord:
    summary: dict[str, Any] | None = msgspec.json.decode(fields["summary"]) if "summary" in fields else None
    return JobRecord(
        job_id=job_id,
        state=JobState(fields["state"]),
        metadata=msgspec.json.decode(fields["metadata"], type=JobMetadata),
        document_count=sum(counts.values()),
        counts=counts,
        created_at=int(fields["created_ms"]) / 1000,
        submitted_at=_seconds(fields, "submitted_ms"),
        started_at=_seconds(fields, "started_ms"),
        finished_at=_seconds(fields, "finished_ms"),
        expires_at=_seconds(fields, "expires_ms"),
        cancel_requested="cancel" in fields,
        summary=summary,
        owner=fields.get("owner", ""),
        callback=_callback_record(fields) if "callback_state" in fields else None,
    )


def _callback_record(fields: Mapping[str, str]) -> CallbackRecord:
    return CallbackRecord(
        state=CallbackState(fields["callback_state"]),
        attempt=int(fields.get("callback_attempt", 0)),
        error=fields.get("callback_error", ""),
        retry_at=_seconds(fields, "callback_retry_ms"),
        ended_at=_seconds(fields, "callback_ms"),
    )


def _document_records(
    fields: Mapping[str, str], *, states: Sequence[tuple[str, float]]
) -> tuple[DocumentRecord, ...]:
    grouped: dict[str, dict[str, str]] = {document_id: {} for document_id, _ in states}
    for name, value in fields.items():
        document_id, _, part = name.partition(".")
        if document_id in grouped:
            grouped[document_id][part] = value
    codes = dict(states)
    return tuple(
        _document_record(document_id, fields=grouped[document_id], state=STATE_CODES[int(codes[document_id])])
        for document_id in sorted(grouped)
    )


def _document_record(document_id: str, *, fields: Mapping[str, str], state: DocumentState) -> DocumentRecord:
    summary = fields.get("summary")
    ended_well = state is DocumentState.SUCCEEDED
    return DocumentRecord(
        document_id=document_id,
        name=fields["name"],
        sha256=fields["sha256"],
        size_bytes=int(fields["size"]),
        state=state,
        attempt=int(fields.get("attempt", 0)),
        step=int(fields.get("step", 0)),
        total_steps=int(fields.get("total_steps", 0)),
        node=fields.get("node", ""),
        worker_id=fields.get("worker", ""),
        queued_at=_seconds(fields, "queued_ms"),
        started_at=_seconds(fields, "started_ms"),
        finished_at=_seconds(fields, "finished_ms"),
        retry_at=_seconds(fields, "retry_ms"),
        # The failure of an earlier attempt is no longer of interest once a later one succeeded.
        code="" if ended_well else fields.get("code", ""),
        sentence="" if ended_well else fields.get("sentence", ""),
        reference="" if ended_well else fields.get("reference", ""),
        summary=msgspec.json.decode(summary, type=DocumentSummary) if summary else None,
        review=_review_pointer(fields.get("review")),
    )


def _review_pointer(value: str | None) -> ReviewPointer | None:
    if not value:
        return None
    revision, _, sha256 = value.partition(" ")
    return ReviewPointer(int(revision), sha256)
