"""I1 to I9: what must hold after every fault, whatever it was."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from fault_records import HOLDS
from ground import PATIENCE_SECONDS, until

from cluster.errors import REFUSALS
from cluster.keys import GROUP, Keys
from cluster.records import FINAL_DOCUMENT_STATES, FINAL_JOB_STATES, DocumentState
from pipeline.errors import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    from fault_records import FaultRecord
    from ground import Ground

    from cluster.records import DocumentRecord, JobRecord

KEYS = Keys()
CODES = {refusal.code for refusal in REFUSALS} | {fault.code for fault in FAULTS}
FINAL_WORDS = {state.value for state in (*FINAL_DOCUMENT_STATES, *FINAL_JOB_STATES)}


def check_invariants(
    service: Ground, record: FaultRecord | None = None, *, totals: bool = True
) -> dict[str, str]:
    """Wait until all accepted jobs have ended and the queue is at rest, then check I1 to I7 and I9.

    I8, the bounds of recovery, is checked by the tests themselves (``FaultRecord.recovered``).

    Args:
        service: the service that was harmed.
        record: takes what was found.
        totals: whether the counters are those of this service's whole life; not after Redis lost its data.

    Raises:
        AssertionError: with every invariant that does not hold.
    """
    for job_id in service.jobs:
        service.ended(job_id)
    jobs = {job_id: service.job(job_id) for job_id in service.jobs}
    documents = {job_id: service.documents(job_id) for job_id in service.jobs}
    with contextlib.closing(service.redis_client()) as client:
        at_rest(client)
        findings = {
            "I1": lambda: _accepted_is_final(jobs, documents),
            "I2": lambda: _ends_never_change(service, client, documents),
            "I3": lambda: _results_are_golden(service, jobs, documents),
            "I4": lambda: _deliveries(service, client, documents),
            "I5": lambda: _nothing_waits_and_everything_expires(client),
            "I6": lambda: _nothing_is_left(service),
            "I7": lambda: _codes_are_known(documents),
            "I9": lambda: _sums(service) if totals else iter(()),
        }
        found = {name: "; ".join(check()) or HOLDS for name, check in findings.items()}
    found["I8"] = HOLDS
    if record is not None:
        record.invariants = dict(sorted(found.items()))
    broken = {name: what for name, what in found.items() if what != HOLDS}
    assert not broken, f"invariants broken: {broken}"
    return found


def at_rest(client: redis.Redis) -> None:
    """Wait until nothing is queued, pending, delayed or to be aggregated."""

    def empty() -> bool:
        waiting = (client.zcard(name) for name in (KEYS.waiting, KEYS.delayed, KEYS.aggregation))
        return not client.xlen(KEYS.queue) and not any(waiting)

    until(empty, what="an empty queue", within_seconds=PATIENCE_SECONDS)


def _accepted_is_final(
    jobs: dict[str, JobRecord], documents: dict[str, tuple[DocumentRecord, ...]]
) -> Iterator[str]:
    for job_id, job in jobs.items():
        if not job.state.final:
            yield f"job {job_id} is {job.state.value}"
        for document in documents[job_id]:
            if not document.state.final:
                yield f"{job_id}/{document.document_id} is {document.state.value}"
        succeeded = all(document.state is DocumentState.SUCCEEDED for document in documents[job_id])
        if job.state.value == "completed" and not succeeded:
            yield f"job {job_id} is completed without all its documents"


def _ends_never_change(
    service: Ground, client: redis.Redis, documents: dict[str, tuple[DocumentRecord, ...]]
) -> Iterator[str]:
    for job_id, found in documents.items():
        ends: Counter[str] = Counter()
        for _, fields in client.xrange(KEYS.events(job_id)):
            data = msgspec.json.decode(fields["data"])
            if fields["kind"] in {"job", "document"} and data.get("state") in FINAL_WORDS:
                ends[data.get("document_id", "job")] += 1
        # What was refused at the door ended before the job was accepted, in the same way.
        for name in ("job", *(document.document_id for document in found)):
            if ends[name] != 1:
                yield f"{job_id}/{name} ended {ends[name]} times"
        for document in found:
            end = (document.state.value, document.code, getattr(document.summary, "result_hash", ""))
            first = service.first_ends.setdefault((job_id, document.document_id), end)
            if first != end:
                yield f"{job_id}/{document.document_id} was {first} and is {end}"


def _results_are_golden(
    service: Ground, jobs: dict[str, JobRecord], documents: dict[str, tuple[DocumentRecord, ...]]
) -> Iterator[str]:
    storage = service.storage()
    for job_id, found in documents.items():
        options = jobs[job_id].metadata.options
        for document in found:
            name_of_document = (job_id, document.document_id)
            if document.state is not DocumentState.SUCCEEDED or document.sha256 not in service.pdfs:
                continue
            if name_of_document in service.compared:
                continue
            service.compared.add(name_of_document)
            pdf = service.pdfs[document.sha256]
            golden = service.golden.result_hash(pdf, options=options)
            if document.summary is None or document.summary.result_hash != golden:
                yield f"{job_id}/{document.document_id} has another result"
            for name, content in service.golden.artifacts(pdf, options=options).items():
                try:
                    stored = storage.read_artifact(job_id, document.document_id, name)
                except FileNotFoundError:
                    yield f"{job_id}/{document.document_id} has no {name}"
                    continue
                if stored != content:
                    yield f"{job_id}/{document.document_id}: {name} has other bytes"


def _deliveries(
    service: Ground, client: redis.Redis, documents: dict[str, tuple[DocumentRecord, ...]]
) -> Iterator[str]:
    for job_id, found in documents.items():
        for document in found:
            returned = client.hget(KEYS.documents(job_id), f"{document.document_id}.returned") or 0
            if document.attempt - int(returned) > service.settings.max_attempts:
                yield f"{job_id}/{document.document_id} was tried {document.attempt} times"


def _nothing_waits_and_everything_expires(client: redis.Redis) -> Iterator[str]:
    if client.exists(KEYS.queue):
        pending = sum(group["pending"] for group in client.xinfo_groups(KEYS.queue) if group["name"] == GROUP)
        if pending or client.xlen(KEYS.queue):
            yield f"{pending} entries pending, {client.xlen(KEYS.queue)} in the stream"
    for key in client.scan_iter(count=1000):
        # -1: lives for ever; -2: gone meanwhile.
        if key not in KEYS.without_ttl and client.ttl(key) == -1:
            yield f"{key} has no TTL"


def _nothing_is_left(service: Ground) -> Iterator[str]:
    temporary = service.direct.data_dir / "storage" / "temporary"
    left = [path.name for path in temporary.iterdir()] if temporary.is_dir() else []
    if left:
        yield f"temporary files: {left}"
    with contextlib.suppress(AssertionError):
        # A worker that was killed a moment ago may not be buried yet.
        until(lambda: not service.left_processes(), what="no orphans", within_seconds=10)
    orphans = service.left_processes()
    if orphans:
        yield f"orphans: {orphans}"


def _codes_are_known(documents: dict[str, tuple[DocumentRecord, ...]]) -> Iterator[str]:
    for job_id, found in documents.items():
        for document in found:
            if document.state is DocumentState.FAILED and document.code not in CODES:
                yield f"{job_id}/{document.document_id}: code {document.code!r}"
            if document.state is DocumentState.FAILED and not document.sentence:
                yield f"{job_id}/{document.document_id}: no sentence"


def _sums(service: Ground) -> Iterator[str]:
    totals = service.totals()
    ended = sum(totals[f"documents_{state}"] for state in ("succeeded", "failed", "cancelled"))
    if totals["documents_submitted"] != ended:
        yield f"{totals['documents_submitted']} documents submitted, {ended} ended"
    if totals["duplicates_different"]:
        yield f"{totals['duplicates_different']} late results differed"
