"""How a batch comes into being, is accepted, cancelled and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cluster.errors import (
    IDEMPOTENCY_CONFLICT,
    JOB_DELETED,
    JOB_NOT_OPEN,
    NO_FILES,
    TOO_MANY_FILES,
    Refusal,
    ServiceError,
)
from cluster.failpoints import Failpoint, reach
from cluster.identifiers import digest, new_job_id
from cluster.keys import IDEMPOTENCY_SECONDS
from cluster.readings import Readings
from cluster.redis_access import redis_errors
from cluster.result_cache import Bookkeeping
from cluster.scripts import ADD_DOCUMENT, CANCEL, CREATE, DELETE, DESCRIBE, RESERVE, SUBMIT

if TYPE_CHECKING:
    from cluster.records import DocumentRecord, JobMetadata, JobRecord
    from cluster.scripts import Flag

_ADD_REFUSALS: dict[str, Refusal] = {"not_open": JOB_NOT_OPEN, "too_many": TOO_MANY_FILES}


class Submissions(Readings, Bookkeeping):
    """What senders may do. Every call may be repeated after a lost connection."""

    async def create(self, metadata: JobMetadata, *, owner: str = "") -> str:
        """Open a batch; files may be added until it is submitted. It is forgotten after 24 h without one.

        Returns:
            The identifier of the job: 128 random bits. ``owner`` is the client it belongs to, empty for none.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        job_id = new_job_id()
        await self.access.run(
            CREATE,
            job_id=job_id,
            arguments={"metadata": msgspec.json.encode(metadata).decode(), "owner": owner},
        )
        return job_id

    async def describe(self, job_id: str, metadata: JobMetadata) -> None:
        """Replace what the sender said about a batch that is still open.

        Raises:
            ServiceError: JOB_NOT_OPEN, JOB_NOT_FOUND and its kin, REDIS_UNAVAILABLE.
        """
        reply = await self.access.run(
            DESCRIBE, job_id=job_id, arguments={"metadata": msgspec.json.encode(metadata).decode()}
        )
        if reply.outcome == "not_open":
            raise ServiceError(JOB_NOT_OPEN)
        if reply.outcome == "missing":
            await self.job(job_id)

    async def add_document(
        self, job_id: str, *, name: str, sha256: str, size_bytes: int, refused: Refusal | None = None
    ) -> DocumentRecord:
        """Add a document whose file is already in storage; with ``refused`` one that failed at the door.

        A document is known in its job by ``name``: the same name with the same content returns the record
        there is (also after the submission), other content under the name replaces it. So files of one
        request that share a name must be given different ones before.

        Raises:
            ServiceError: JOB_NOT_OPEN, TOO_MANY_FILES, JOB_NOT_FOUND and its kin, REDIS_UNAVAILABLE.
        """
        reply = await self.access.run(
            ADD_DOCUMENT,
            job_id=job_id,
            arguments={
                "name": name,
                "name_key": digest(name),
                "sha256": sha256,
                "size": size_bytes,
                "max_files": self.access.settings.max_files,
                "refused_code": refused.code if refused else "",
                "refused_sentence": refused.sentence if refused else "",
            },
        )
        if reply.outcome in _ADD_REFUSALS:
            raise ServiceError(_ADD_REFUSALS[reply.outcome])
        # Says what there is to say when the job is missing.
        return await self.document(job_id, reply.document_id)

    async def reserve_idempotency(self, key: str, *, fingerprint: str) -> str | None:
        """Remember what ``key`` is used for, for 24 h (once submitted: as long as its job).

        Returns:
            The job that was submitted under this key, or None: go on. Several requests with one key may be
            told None at a time; ``submit`` lets one of them win.

        Raises:
            ServiceError: IDEMPOTENCY_CONFLICT, the key was used with another fingerprint; REDIS_UNAVAILABLE.
        """
        with redis_errors():
            reply = await RESERVE.run(
                self.access.client,
                keys=[self.access.keys.idempotency(digest(key))],
                arguments={"fingerprint": fingerprint, "idempotency_ms": IDEMPOTENCY_SECONDS * 1000},
            )
        if reply.conflict:
            raise ServiceError(IDEMPOTENCY_CONFLICT)
        return reply.job_id

    async def submit(self, job_id: str, *, idempotency_key: str | None = None) -> JobRecord:
        """Accept the batch. Once this returns, every document reaches exactly one final state.

        Submitting again returns the job as it is. When another job was already submitted under
        ``idempotency_key``, this one is discarded and the other is returned: compare ``job_id`` and, if it
        differs, delete the discarded job's files.

        Raises:
            ServiceError: NO_FILES, JOB_NOT_FOUND and its kin, REDIS_UNAVAILABLE (then nothing is known:
            repeat).
        """
        extra = (self.access.keys.idempotency(digest(idempotency_key)),) if idempotency_key else ()
        reply = await self.access.run(SUBMIT, job_id=job_id, extra_keys=extra)
        reach(Failpoint.BATCH_ACCEPTED, settings=self.access.settings)
        if reply.outcome == "empty":
            raise ServiceError(NO_FILES)
        return await self.job(reply.job_id or job_id)

    async def cancel(self, job_id: str) -> JobRecord:
        """Stop a job: what waits is cancelled at once, what runs at its next renewal or step.

        The job is ``cancelled`` (final) as soon as nothing of it runs; until then ``cancel_requested`` is
        set. A final job stays as it is.

        Raises:
            ServiceError: JOB_NOT_FOUND and its kin, REDIS_UNAVAILABLE.
        """
        await self.access.run(CANCEL, job_id=job_id)
        return await self.job(job_id)

    async def discard(self, job_id: str) -> bool:
        """Forget a batch that was not accepted; one that was stays as it is, and so must its files.

        For whoever does not know how a ``submit`` went: asked in one step with the deletion, the registry does.

        Returns:
            Whether it is gone.

        Raises:
            ServiceError: REDIS_UNAVAILABLE (then nothing is known).
        """
        return not (await self._run_delete(job_id, only_open=True)).kept

    async def delete(self, job_id: str) -> None:
        """Forget a job, whatever its state, and the cached results of its documents. Files are the storage's.

        Evaluators at work on it find it gone. Deleting again is harmless as long as the tombstone stands.

        Raises:
            ServiceError: JOB_NOT_FOUND, JOB_EXPIRED, REDIS_UNAVAILABLE.
        """
        try:
            await self.job(job_id)
        except ServiceError as error:
            if error.refusal is JOB_DELETED:
                return
            raise
        await self._run_delete(job_id, only_open=False)

    # ------------------------------------------------------------------ parts

    async def _run_delete(self, job_id: str, *, only_open: bool) -> Flag:
        return await self.access.run(
            DELETE,
            job_id=job_id,
            arguments={"only_open": int(only_open), "result_prefix": self.access.keys.result("")},
        )
