"""Every Redis key of the service. No other module spells one.

| key                      | type   | TTL         | what it holds                      | written by          |
|--------------------------|--------|-------------|------------------------------------|---------------------|
| pdm:job:{id}             | hash   | of job      | state, metadata, times, summary    | scripts on jobs     |
| pdm:job:{id}:documents   | hash   | of job      | d0001.name, d0001.attempt, …       | document scripts    |
| pdm:job:{id}:states      | zset   | of job      | document → code of its state       | document scripts    |
| pdm:job:{id}:events      | stream | of job      | what happened, for clients         | all scripts         |
| pdm:tombstone:{id}       | string | + 7 d       | expired or deleted                 | create, delete      |
| pdm:idempotency:{sha256} | hash   | 24 h, job   | fingerprint, job_id                | reserve, submit     |
| pdm:result:{result_key}  | string | ttl_seconds | what a cached result is            | remember            |
| pdm:dead                 | list   | 30 d        | the last 1,000 dead letters        | fail, claim         |
| pdm_evaluation_queue     | stream | none        | one entry per document             | submit, promote, …  |
| pdm:waiting              | zset   | none        | document → µs when queued          | submit, claim, …    |
| pdm:delayed              | zset   | none        | document → ms when due again       | fail, promote, …    |
| pdm:aggregation          | zset   | none        | job → ms when to be taken          | ends of documents   |
| pdm:callbacks            | zset   | none        | job → ms when its callback is due  | ends of jobs        |
| pdm:jobs                 | zset   | none        | job → µs of creation               | create, delete, …   |
| pdm:unfinished           | zset   | none        | owner/job that is not final, all 0 | create, ends        |
| pdm:limit:…              | string | its window  | what a client used up of a limit   | serve_app.limiting  |
| pdm:totals               | hash   | none        | counters that outlive jobs         | most scripts        |
| pdm:identity             | string | none        | the random name of this registry   | take_identity       |

"Of job": 24 h from the last upload while it is open, 30 days from the last transition while it is not final,
ttl_seconds from its final state. What has no TTL is emptied by the work itself, or is of bounded size;
``pdm:jobs`` and ``pdm:unfinished`` are trimmed by the sweep. The states of documents stand in the sorted set and
nowhere else.
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
"""A submitted job is kept this long after each transition: it must never expire unfinished."""

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
    def callbacks(self) -> str:
        """Jobs whose callback has not ended, by the time of its next attempt."""
        return f"{self.prefix}:callbacks"

    @property
    def totals(self) -> str:
        """Counters that outlive jobs."""
        return f"{self.prefix}:totals"

    @property
    def identity(self) -> str:
        """The name of this registry, which the storage keeps as well."""
        return f"{self.prefix}:identity"

    @property
    def dead(self) -> str:
        """The last dead letters."""
        return f"{self.prefix}:dead"

    @property
    def jobs(self) -> str:
        """Index of jobs by time of creation."""
        return f"{self.prefix}:jobs"

    @property
    def unfinished(self) -> str:
        """Jobs that are not final, as ``owner/job``: in order of their names, so that one owner's stand together."""
        return f"{self.prefix}:unfinished"

    @property
    def limit_prefix(self) -> str:
        """What the counters of rate limits begin with."""
        return f"{self.prefix}:limit"

    @property
    def without_ttl(self) -> frozenset[str]:
        """The only keys that may live for ever."""
        return frozenset(
            {
                self.queue,
                self.waiting,
                self.delayed,
                self.aggregation,
                self.callbacks,
                self.totals,
                self.identity,
                self.jobs,
                self.unfinished,
            }
        )

    def of_job(self, job_id: str) -> list[str]:
        """KEYS of every script on one job, in the order in which ``scripts/prelude.lua`` names them."""
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
            self.unfinished,
            self.callbacks,
        ]


def member(job_id: str, document_id: str) -> str:
    """How a document is named inside the sorted sets ``waiting`` and ``delayed``."""
    return f"{job_id}/{document_id}"


def split_member(value: str) -> tuple[str, str]:
    """Job and document of a name made by ``member``."""
    job_id, _, document_id = value.partition("/")
    return job_id, document_id
