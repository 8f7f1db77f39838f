"""Every Redis key of the service. No other module spells one.

| key                        | type   | holds                                              | TTL                        | written by                     |
|----------------------------|--------|----------------------------------------------------|----------------------------|--------------------------------|
| pdm:job:{id}               | hash   | state, metadata, times, cancel flag, summary       | open 24 h, alive 30 d, then ttl_seconds | every job script  |
| pdm:job:{id}:documents     | hash   | fields ``d0001.name``, ``d0001.attempt``, …        | as the job                 | every document script          |
| pdm:job:{id}:states        | zset   | document id → state code: the only place of states | as the job                 | every document script          |
| pdm:job:{id}:events        | stream | what happened, for SSE; about 2,000 entries        | as the job                 | every job and document script  |
| pdm:tombstone:{id}         | string | ``expired`` or ``deleted``: what to say afterwards | 7 d longer than the job    | create, transitions, delete    |
| pdm:idempotency:{sha256}   | hash   | fingerprint, job_id                                | 24 h, then as the job      | reserve, submit                |
| pdm:result:{result_key}    | string | what a cached result is                            | ttl_seconds                | remember                       |
| pdm:dead                   | list   | the last 1,000 dead letters, JSON                  | 30 d from the last one     | fail, claim                    |
| pdm_evaluation_queue       | stream | one entry per document to evaluate; one group      | none                       | submit, promote, finish, …     |
| pdm:waiting                | zset   | job/document → µs when queued: depth, age, position| none (emptied by claims)   | submit, promote, claim, cancel |
| pdm:delayed                | zset   | job/document → ms when the next attempt is due     | none (emptied by promote)  | fail, promote, cancel          |
| pdm:aggregation            | zset   | job → ms from when an aggregator may take it       | none (emptied by complete) | last finish, claim_aggregation |
| pdm:jobs                   | zset   | job → µs of creation, for listing                  | none (trimmed by sweep)    | create, delete, sweep          |
| pdm:totals                 | hash   | counters that outlive jobs                         | none (a dozen fields)      | most scripts                   |

One job has four keys of its own, which always expire together. Times are Redis TIME, never a client's clock.
The service needs one Redis node (or a replicated primary): the scripts touch keys of several hash slots.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "evaluators"
"""The consumer group of the queue."""

OPEN_SECONDS = 24 * 3600
"""How long a batch may stay open without an upload."""

ALIVE_SECONDS = 30 * 24 * 3600
"""A submitted job that is not final is kept this long after its last transition: it must never expire unfinished."""

TOMBSTONE_SECONDS = 7 * 24 * 3600
"""How much longer than the job itself the answer "expired" or "deleted" is known."""

IDEMPOTENCY_SECONDS = 24 * 3600
DEAD_LETTER_SECONDS = 30 * 24 * 3600
DEAD_LETTERS_MAX = 1000
EVENTS_MAX = 2000
"""Per job: 13 steps of 100 documents and their changes of state; older ones are dropped."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds the keys. A prefix of its own lets several services or tests share one Redis."""

    prefix: str = "pdm"

    def job(self, job_id: str) -> str:
        """Hash of a job."""
        return f"{self.prefix}:job:{job_id}"

    def documents(self, job_id: str) -> str:
        """Hash of all documents of a job."""
        return f"{self.prefix}:job:{job_id}:documents"

    def states(self, job_id: str) -> str:
        """Sorted set of the states of a job's documents."""
        return f"{self.prefix}:job:{job_id}:states"

    def events(self, job_id: str) -> str:
        """Stream of a job's events."""
        return f"{self.prefix}:job:{job_id}:events"

    def tombstone(self, job_id: str) -> str:
        """What is said about a job that is gone."""
        return f"{self.prefix}:tombstone:{job_id}"

    def idempotency(self, key_sha256: str) -> str:
        """Which job an Idempotency-Key belongs to."""
        return f"{self.prefix}:idempotency:{key_sha256}"

    def result(self, result_key: str) -> str:
        """A cached result."""
        return f"{self.prefix}:result:{result_key}"

    @property
    def queue(self) -> str:
        """The stream of documents to evaluate."""
        return f"{self.prefix}_evaluation_queue"

    @property
    def waiting(self) -> str:
        """What is queued and not yet claimed, by time."""
        return f"{self.prefix}:waiting"

    @property
    def delayed(self) -> str:
        """What waits for its next attempt, by due time."""
        return f"{self.prefix}:delayed"

    @property
    def aggregation(self) -> str:
        """Jobs whose documents are all final, by the time an aggregator may take them."""
        return f"{self.prefix}:aggregation"

    @property
    def totals(self) -> str:
        """Counters that outlive jobs."""
        return f"{self.prefix}:totals"

    @property
    def dead(self) -> str:
        """The last dead letters."""
        return f"{self.prefix}:dead"

    @property
    def jobs(self) -> str:
        """Index of jobs by time of creation."""
        return f"{self.prefix}:jobs"

    @property
    def without_ttl(self) -> frozenset[str]:
        """The only keys that may live for ever."""
        return frozenset({self.queue, self.waiting, self.delayed, self.aggregation, self.totals, self.jobs})

    def of_job(self, job_id: str) -> list[str]:
        """KEYS of every script that speaks of one job, in the order that ``scripts/prelude.lua`` names them."""
        return [
            self.job(job_id),
            self.documents(job_id),
            self.states(job_id),
            self.events(job_id),
            self.tombstone(job_id),
            self.queue,
            self.waiting,
            self.delayed,
            self.aggregation,
            self.totals,
            self.dead,
            self.jobs,
        ]


def member(job_id: str, document_id: str) -> str:
    """How a document is named inside the sorted sets ``waiting`` and ``delayed``."""
    return f"{job_id}/{document_id}"


def split_member(value: str) -> tuple[str, str]:
    """Job and document of a name made by ``member``."""
    job_id, _, document_id = value.partition("/")
    return job_id, document_id
