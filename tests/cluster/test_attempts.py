"""Claims, leases and fencing: at least one execution, exactly one effect."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from registry_steps import (
    claimed,
    eventually,
    failed,
    keys_without_ttl,
    next_entry,
    operator,
    recovered,
    submitted,
    summary,
)

from cluster.errors import ATTEMPTS_EXHAUSTED
from cluster.identifiers import new_job_id
from cluster.records import Claim, ClaimRefused, DocumentState, QueueEntry, RefusalReason
from cluster.retry_delays import retry_delay_seconds
from cluster.settings import Settings

if TYPE_CHECKING:
    from cluster.jobs import JobStore


async def test_a_leased_document_is_not_given_to_a_second_evaluator(store: JobStore) -> None:
    """Of twenty evaluators that ask for one entry, one gets it."""
    await submitted(store)
    entry = await next_entry(store)
    answers = await asyncio.gather(*(store.claim(entry, worker_id=str(number)) for number in range(20)))
    assert sum(isinstance(answer, Claim) for answer in answers) == 1
    refusals = [answer for answer in answers if isinstance(answer, ClaimRefused)]
    assert {refusal.reason for refusal in refusals} == {RefusalReason.LEASED}


async def test_a_document_whose_evaluator_died_is_evaluated_by_another(store: JobStore) -> None:
    """A lease that ends unrenewed brings the entry back; the dead one's writes no longer count."""
    job_id = await submitted(store)
    zombie = await claimed(store)
    entry = await recovered(store)
    assert entry.entry_id == zombie.entry.entry_id
    assert entry.deliveries > zombie.entry.deliveries
    second = await claimed(store, entry)
    assert second.attempt == 2

    assert not await store.renew(zombie)
    assert not await store.progress(zombie, step=9, total=13, node="late")
    assert (await store.finish(zombie, summary=summary())).reason is RefusalReason.SUPERSEDED
    assert (await failed(store, zombie)).reason is RefusalReason.SUPERSEDED
    assert (await store.stop(zombie)).reason is RefusalReason.SUPERSEDED

    assert (await store.finish(second, summary=summary())).last
    assert (await store.finish(zombie, summary=summary())).reason is RefusalReason.DUPLICATE
    assert (await store.finish(zombie, summary=summary("b" * 64))).reason is RefusalReason.DUPLICATE
    (document,) = await store.documents(job_id)
    assert document.summary
    assert document.summary.result_hash == "a" * 64
    totals = await store.totals()
    assert (totals["duplicates_equal"], totals["duplicates_different"]) == (1, 1)
    assert (totals["documents_succeeded"], totals["leases_expired"]) == (1, 1)


async def test_a_late_finish_counts_when_nobody_else_has_begun(store: JobStore) -> None:
    """The first valid result wins, even after its lease: the work is not thrown away."""
    await submitted(store)
    late = await claimed(store)
    entry = await recovered(store)
    assert (await store.finish(late, summary=summary())).applied
    refusal = await store.claim(entry, worker_id="second")
    assert isinstance(refusal, ClaimRefused)
    assert refusal.reason is RefusalReason.FINAL
    assert (await store.queue_figures()).pending == 0


async def test_a_renewed_lease_does_not_end(store: JobStore) -> None:
    """As long as the evaluator renews, nobody else is given the document."""
    await submitted(store)
    claim = await claimed(store)

    async def outlived() -> bool:
        assert await store.renew(claim)
        assert await store.recover_expired(consumer="other") == ()
        seconds, micros = await store.access.client.time()
        started = (await store.documents(claim.job_id))[0].started_at
        assert started
        return int(seconds) + int(micros) / 1e6 - started > 2.5 * store.access.settings.lease_seconds

    await eventually(outlived, "two leases have passed")
    assert (await store.finish(claim, summary=summary())).applied


async def test_entries_of_a_dispatcher_that_died_come_back(store: JobStore) -> None:
    """What was delivered and never claimed is delivered again, without counting as an attempt."""
    await submitted(store, documents=3)
    lost = await store.next_entries(consumer="dispatcher", count=10, block_ms=100)
    assert len(lost) == 3
    found: set[str] = set()

    async def all_back() -> bool:
        found.update(entry.entry_id for entry in await store.recover_expired(consumer="heir"))
        return len(found) == 3

    await eventually(all_back, "all three entries came back")
    assert (await claimed(store, lost[0])).attempt == 1


async def test_entries_that_a_dispatcher_holds_stay_with_it(store: JobStore) -> None:
    """Waiting is no reason to be delivered twice; a claimed entry is left to its own lease."""
    await submitted(store, documents=2)
    waiting, taken = await store.next_entries(consumer="dispatcher", count=2, block_ms=100)
    await claimed(store, taken)
    seen: list[QueueEntry] = []

    async def lease_of_the_taken_one_ends() -> bool:
        await store.hold((waiting, taken), consumer="dispatcher")
        seen.extend(await store.recover_expired(consumer="other"))
        return bool(seen)

    await eventually(lease_of_the_taken_one_ends, "the unrenewed claim came back")
    assert [entry.entry_id for entry in seen] == [taken.entry_id]


async def test_a_released_entry_is_given_out_at_once(store: JobStore) -> None:
    """A dispatcher that leaves hands back what it holds."""
    await submitted(store)
    entry = await next_entry(store)
    assert await store.recover_expired(consumer="other") == ()
    assert await store.release(entry)
    (again,) = await store.recover_expired(consumer="other")
    assert again.entry_id == entry.entry_id
    assert (await claimed(store, again)).attempt == 1


async def test_the_death_of_an_evaluator_ends_its_lease_when_it_is_known(store: JobStore) -> None:
    """A dispatcher that saw its call die breaks exactly that claim; the next attempt comes after a pause."""
    long_leases = store.access.settings.model_copy(update={"lease_seconds": 600.0})
    store.access = replace(store.access, settings=long_leases)
    await submitted(store)
    entry = await next_entry(store)
    await claimed(store, entry)
    assert not await store.release(entry)
    assert await store.release(entry, evaluator_died=True)
    again = await recovered(store)
    second = await claimed(store, again)
    assert second.attempt == 2
    assert not await store.release(entry, evaluator_died=True)
    assert await store.renew(second)


async def test_a_document_that_kills_its_evaluators_ends(store: JobStore) -> None:
    """After the last attempt nobody gets it any more; it fails with its own code and leaves a dead letter."""
    job_id = await submitted(store)
    entry = await next_entry(store)
    for _ in range(store.access.settings.max_attempts):
        await claimed(store, entry)
        await store.release(entry, evaluator_died=True)
        entry = await recovered(store)
    refusal = await store.claim(entry, worker_id="evaluator")
    assert refusal == ClaimRefused(RefusalReason.EXHAUSTED, last=True)
    (document,) = await store.documents(job_id)
    assert (document.state, document.code) == (DocumentState.FAILED, ATTEMPTS_EXHAUSTED.code)
    assert document.sentence == ATTEMPTS_EXHAUSTED.sentence
    assert [letter.code for letter in await store.dead_letters()] == [ATTEMPTS_EXHAUSTED.code]
    assert await store.jobs_to_aggregate() == (job_id,)


async def test_an_evaluator_that_leaves_gives_its_document_back_uncounted(store: JobStore) -> None:
    """Being told to leave is no failure of the document: any number of times leaves all attempts."""
    await submitted(store)
    entry = await next_entry(store)
    for round_ in range(1, 6):
        claim = await claimed(store, entry)
        assert claim.attempt == round_
        assert (await store.stop(claim)).will_retry
        (entry,) = await store.recover_expired(consumer="dispatcher")
    assert (await store.finish(await claimed(store, entry), summary=summary())).applied


async def test_an_entry_without_its_job_is_dropped_and_counted(store: JobStore) -> None:
    """An entry whose job is gone is acknowledged, so that it cannot come back for ever."""
    await submitted(store)
    entry = await next_entry(store)
    ghost = QueueEntry(entry.entry_id, new_job_id(), "d0001")
    refusal = await store.claim(ghost, worker_id="evaluator")
    assert refusal == ClaimRefused(RefusalReason.ORPHANED)
    assert (await store.totals())["orphaned"] == 1
    assert (await store.queue_figures()).pending == 0
    assert await keys_without_ttl(store) <= store.access.keys.without_ttl


async def test_the_entry_of_an_earlier_round_is_refused(store: JobStore) -> None:
    """After a failure the old entry is void; only the one that the delay put into the queue counts."""
    await submitted(store)
    old = await next_entry(store)
    claim = await claimed(store, old)
    first = await failed(store, claim)
    assert (await failed(store, claim)).will_retry == first.will_retry
    assert (await store.totals())["retries"] == 1
    assert await store.claim(old, worker_id="late") == ClaimRefused(RefusalReason.SUPERSEDED)
    await eventually(store.promote_delayed, "the delayed document is due")
    assert (await claimed(store)).attempt == 2


async def test_one_of_many_last_documents_makes_the_job_ready(store: JobStore) -> None:
    """However the ends of documents race, exactly one of them is the last."""
    await submitted(store, documents=12)
    claims = [await claimed(store) for _ in range(12)]
    ends = await asyncio.gather(*(store.finish(claim, summary=summary()) for claim in claims))
    assert [end.last for end in ends].count(True) == 1


async def test_scripts_are_loaded_again_after_a_flush(store: JobStore) -> None:
    """A server that has forgotten the scripts is given them again, with nothing lost in between."""
    job_id = await submitted(store)
    for step in ("claim", "progress", "finish"):
        async with operator(store) as client:
            await client.script_flush()
        if step == "claim":
            claim = await claimed(store)
        elif step == "progress":
            assert await store.progress(claim, step=1, total=2, node="n")
        else:
            assert (await store.finish(claim, summary=summary())).last
    assert (await store.job(job_id)).counts[DocumentState.SUCCEEDED] == 1


def test_delays_between_attempts_double_up_to_the_cap_and_spread() -> None:
    """2, 4, 8 … seconds, at most the cap; chance takes off up to half."""
    settings = Settings.load(retry_base_seconds=2, retry_cap_seconds=10)
    assert [retry_delay_seconds(n, settings=settings, chance=1.0) for n in (1, 2, 3, 4)] == [2, 4, 8, 10]
    assert retry_delay_seconds(2, settings=settings, chance=0.0) == 2
    assert retry_delay_seconds(50, settings=settings, chance=1.0) == 10


async def test_a_dispatcher_goes_on_with_what_its_predecessor_held(store: JobStore) -> None:
    """A new dispatcher gets what was read and not claimed at once, and leaves alone what is claimed."""
    await submitted(store, documents=3)
    entries = [await next_entry(store) for _ in range(3)]
    await claimed(store, entries[0])
    held = await store.take_over(consumer="dispatcher", count=10)
    assert [entry.entry_id for entry in held] == [entry.entry_id for entry in entries[1:]]
    assert [entry.deliveries for entry in held] == [2, 2]
    assert await store.take_over(consumer="nobody", count=10) == ()
    assert (await claimed(store, held[0])).attempt == 1
