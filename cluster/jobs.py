"""The registry of jobs in Redis: the only truth about what was accepted, what runs and what ended.

    clients      create → add_document … → submit → job / documents / events → cancel / delete
    dispatcher   next_entries, recover_expired, promote_delayed, hold, release
    evaluator    claim → renew / progress … → finish | fail | stop
    aggregator   jobs_to_aggregate → claim_aggregation → complete; callbacks_due → claim_callback → end_callback
    reviewers    review

States of a document:

    queued → running → succeeded | failed | cancelled
               ↓ ↑
            retrying → (delayed, then queued again) …
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cluster.aggregation import Aggregation
from cluster.callbacks import Callbacks
from cluster.keys import Keys
from cluster.leases import Leases
from cluster.queueing import Queue
from cluster.redis_access import RedisAccess, redis_errors
from cluster.registry_identity import Identity
from cluster.reviews import Reviews
from cluster.submissions import Submissions

if TYPE_CHECKING:
    from cluster.settings import Settings


class JobStore(Submissions, Queue, Leases, Aggregation, Reviews, Callbacks, Identity):
    """All that can be done with jobs. Safe for many tasks of one event loop; one per process is enough.

    Every method raises ``ServiceError(REDIS_UNAVAILABLE)`` when Redis cannot be used now, within about
    ``redis_timeout_seconds``; the next call connects anew.
    """

    def __init__(self, access: RedisAccess) -> None:
        self.access = access

    @classmethod
    async def connect(cls, settings: Settings, *, keys: Keys | None = None) -> Self:
        """Connect to ``redis_url``, else to the embedded Valkey of ``data_dir``; make the consumer group.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        store = cls(RedisAccess.open(settings, keys=keys or Keys()))
        try:
            await store.ensure_group()
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    def lazily(cls, settings: Settings, *, keys: Keys | None = None) -> Self:
        """A store that has not asked Redis anything yet, for processes that must start while Redis is away.

        Raises:
            ServiceError: REDIS_UNAVAILABLE when no address is known at all.
        """
        return cls(RedisAccess.open(settings, keys=keys or Keys()))

    async def ping(self) -> None:
        """Ask whether Redis answers.

        Raises:
            ServiceError: REDIS_UNAVAILABLE.
        """
        with redis_errors():
            await self.access.client.ping()

    async def close(self) -> None:
        """Close the connections. Harmless to repeat."""
        await self.access.close()
