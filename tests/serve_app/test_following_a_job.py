"""``/status``: the state of a job, its events as they happen, the list of jobs."""

# ruff: noqa: ASYNC110, ASYNC212  the server runs in its own thread; waiting here holds nobody up

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from artifacts_of_a_plan import sample_artifacts
from http_steps import accepted_job, aggregate, claim_next, pdf, refused, succeed

from actors.summaries import summarize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from http_steps import PlainServer

    from cluster.jobs import JobStore
    from cluster.storage import Storage


async def test_the_state_of_a_job_says_how_far_each_document_is(http: httpx.Client, store: JobStore) -> None:
    """Progress counts steps of documents; a running one names its node, a waiting one its place in the queue."""
    job_id = accepted_job(http, ("uno.pdf", pdf(mark="1")), ("dos.pdf", pdf(mark="2")))
    before = http.get(f"/status/{job_id}").json()
    claim = await claim_next(store, job_id)
    await store.progress(claim, step=5, total=13, node="embedding")

    now = http.get(f"/status/{job_id}").json()

    assert before["status"] == "queued"
    assert before["queue_position"] >= 1
    assert before["progress"] == {
        "current_step": "queued",
        "completed_steps": 0,
        "total_steps": 26,
        "progress_percentage": 0.0,
    }
    assert now["status"] == "processing"
    assert now["progress"]["current_step"] == "embedding"
    assert 0 < now["progress"]["completed_steps"] < 13
    assert now["documents_by_status"] == {"queued": 1, "running": 1}
    running = now["documents"][0]
    assert (running["attempts"], running["step"], running["total_steps"]) == (1, 5, 13)
    assert running["started_at"] is not None
    assert now["error_message"] is None


async def test_a_failed_document_says_why_and_the_job_ends_as_failed(
    http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """The code, the sentence and the reference of a failure are there; the other document has its scores."""
    job_id = accepted_job(http, ("uno.pdf", pdf(mark="1")), ("dos.pdf", pdf(mark="2")))
    claim = await claim_next(store, job_id)
    await store.fail(claim, code="encrypted", sentence="Está protegido.", retryable=False, reference="r-1")
    await succeed(store, storage, job_id, artifacts={"evaluation_results.json": b"{}"})
    await aggregate(store, job_id)

    job = http.get(f"/status/{job_id}").json()

    assert job["status"] == "failed"
    assert job["progress"]["progress_percentage"] == 100.0
    assert "1 de 2" in job["error_message"]
    assert job["expires_at"] > job["finished_at"]
    by_name = {document["name"]: document for document in job["documents"]}
    assert by_name["uno.pdf"]["error_code"] == "encrypted"
    assert by_name["uno.pdf"]["error_message"] == "Está protegido."
    assert by_name["uno.pdf"]["error_reference"] == "r-1"
    assert by_name["dos.pdf"]["overall_score"] == 1.5
    assert by_name["dos.pdf"]["points"] == {"P1": 2.0, "P10": None}


async def test_a_point_that_does_not_apply_has_no_score(
    http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """The evaluation scores all ten; what a reader of the state may average is those that count."""
    artifacts = sample_artifacts(not_applicable=("P10",))
    job_id = accepted_job(http)
    claim = await claim_next(store, job_id)
    storage.write_artifacts(job_id, claim.document_id, artifacts)
    await store.finish(claim, summary=summarize(artifacts["evaluation_results.json"], key="k"))

    (document,) = http.get(f"/status/{job_id}").json()["documents"]

    assert [point for point, score in document["points"].items() if score is None] == ["P10"]


@pytest.mark.parametrize("route", ["", "/events"])
@pytest.mark.parametrize("job_id", ["nada", "a" * 26, "' OR 1=1", "*"])
def test_an_unknown_job_is_said_to_be_unknown(http: httpx.Client, job_id: str, route: str) -> None:
    """Also its events, before any stream begins."""
    refused(http.get(f"/status/{job_id}{route}"), status=404, code="job_not_found")


def test_a_deleted_job_is_gone(http: httpx.Client) -> None:
    """410 and not 404: it existed."""
    job_id = accepted_job(http)
    assert http.delete(f"/results/{job_id}").status_code == 204

    refused(http.get(f"/status/{job_id}"), status=410, code="job_deleted")


# --------------------------------------------------------------------------- events


async def events(
    server: PlainServer, job_id: str, *, after: str | None = None
) -> AsyncIterator[dict[str, Any]]:
    """The events of a job until the stream ends."""
    headers = {"Last-Event-ID": after} if after else {}
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=20, trust_env=False) as client,
        client.stream("GET", f"/status/{job_id}/events", headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name in {"id", "event"}:
                event[name] = value
            elif name == "data":
                event["data"] = json.loads(value)
            elif not line and "id" in event:
                yield event
                event = {}


async def test_events_arrive_as_they_happen_and_end_with_the_job(
    http: httpx.Client, server: PlainServer, store: JobStore, storage: Storage
) -> None:
    """Who watches sees the claim, the progress and the end of each document, then the end of the job."""
    job_id = accepted_job(http)
    seen: list[dict[str, Any]] = []

    async def watch() -> None:
        async for event in events(server, job_id):
            seen.append(event)  # noqa: PERF401  what came so far is looked at while it goes on

    watching = asyncio.create_task(watch())
    async with asyncio.timeout(15):
        while not seen:
            await asyncio.sleep(0.01)
    await succeed(store, storage, job_id, artifacts={"evaluation_results.json": b"{}"})
    await aggregate(store, job_id)
    await asyncio.wait_for(watching, 15)

    assert [event["data"] for event in seen if event["event"] == "job"][-1] == {"state": "completed"}
    assert [event["data"]["state"] for event in seen if event["event"] == "document"][-1] == "succeeded"
    assert {"sanitization"} == {event["data"]["node"] for event in seen if event["event"] == "progress"}


async def test_a_watcher_that_comes_back_misses_nothing_and_sees_nothing_twice(
    http: httpx.Client, server: PlainServer, store: JobStore, storage: Storage
) -> None:
    """``Last-Event-ID`` goes on after that event; after the last one there is nothing to come back for."""
    job_id = accepted_job(http)
    await succeed(store, storage, job_id, artifacts={"evaluation_results.json": b"{}"})
    await aggregate(store, job_id)
    everything = [event async for event in events(server, job_id)]

    rest = [event async for event in events(server, job_id, after=everything[2]["id"])]
    after_the_end = http.get(f"/status/{job_id}/events", headers={"Last-Event-ID": everything[-1]["id"]})

    assert rest == everything[3:]
    assert after_the_end.status_code == 204


async def test_a_stream_of_a_job_that_is_deleted_ends(http: httpx.Client, server: PlainServer) -> None:
    """The watcher is told that it was stopped or is gone, and does not wait for ever."""
    job_id = accepted_job(http)
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=20, trust_env=False) as client,
        client.stream("GET", f"/status/{job_id}/events") as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        http.delete(f"/results/{job_id}")
        rest = [line async for line in lines]

    assert {'data: {"state":"cancelled"}', 'data: {"code":"job_deleted"}'} & set(rest)


# --------------------------------------------------------------------------- list


def test_the_list_is_read_page_by_page(http: httpx.Client) -> None:
    """Newest first; the cursor goes on where the page before ended."""
    mine = [accepted_job(http, municipality=f"Lista {number}") for number in range(3)]

    first = http.get("/status", params={"limit": 2}).json()
    second = http.get("/status", params={"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [job["job_id"] for job in first["jobs"] + second["jobs"]][:3] == mine[::-1]
    assert first["jobs"][0]["municipality"] == "Lista 2"


def test_the_list_can_be_of_one_state(http: httpx.Client) -> None:
    """Only jobs in the state that was asked for."""
    cancelled = accepted_job(http)
    http.delete(f"/results/{cancelled}", params={"keep": "true"})

    jobs = http.get("/status", params={"state": "cancelled", "limit": 200}).json()["jobs"]

    assert cancelled in {job["job_id"] for job in jobs}
    assert {job["status"] for job in jobs} == {"cancelled"}


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "mil"}, {"state": "dormido"}, {"cursor": "x"}])
def test_what_the_list_does_not_understand_is_refused(http: httpx.Client, query: dict[str, str]) -> None:
    """A wrong value is an error and not silently the default."""
    refused(http.get("/status", params=query), status=422, code="invalid_request")
