"""Which review of a document holds: its revision and hash. The review itself is a file, see ``cluster.storage``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.errors import DOCUMENT_NOT_FOUND, DOCUMENT_WITHOUT_RESULT, REVIEW_CONFLICT, ServiceError
from cluster.readings import Readings
from cluster.records import ReviewPointer
from cluster.scripts import REVIEW

if TYPE_CHECKING:
    from cluster.redis_access import RedisAccess


class Reviews(Readings):
    """What reviewers may change in the registry."""

    access: RedisAccess

    async def review(self, job_id: str, document_id: str, *, base: int, sha256: str) -> ReviewPointer:
        """Make the review with this hash the one that holds, in place of revision ``base``.

        The file must be stored before. Of two reviewers who began with the same revision one is refused; the same
        call again after a lost reply is not.

        Raises:
            ServiceError: REVIEW_CONFLICT, DOCUMENT_WITHOUT_RESULT, DOCUMENT_NOT_FOUND, JOB_NOT_FOUND and its kin,
                REDIS_UNAVAILABLE.
        """
        reply = await self.access.run(
            REVIEW, job_id=job_id, arguments={"document_id": document_id, "base": base, "sha256": sha256}
        )
        match reply.outcome:
            case "missing":
                await self.job(job_id)
                raise ServiceError(DOCUMENT_NOT_FOUND)
            case "without_result":
                raise ServiceError(DOCUMENT_WITHOUT_RESULT)
            case "conflict":
                raise ServiceError(REVIEW_CONFLICT, f"La revisión vigente es la {reply.revision}.")
        return ReviewPointer(reply.revision, sha256)
