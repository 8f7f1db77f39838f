"""``/status``: how jobs are doing, as JSON and as a stream of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from cluster.errors import ServiceError
from cluster.records import JobState  # noqa: TC001  FastAPI reads it at run time
from serve_app.access import CallerOf  # noqa: TC001  FastAPI reads it at run time
from serve_app.asgi import Backend, BackendOf, make_app, problem_responses
from serve_app.views import JobList, JobView, job_line, job_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ray.serve import Application

    from cluster.settings import Settings

EVENTS_WAIT_MS = 1000
HEARTBEAT_SECONDS = 10
RECONNECT_MS = 2000

router = APIRouter(tags=["status"])


async def view_of(backend: Backend, job_id: str) -> JobView:
    """The state of a job as clients see it.

    Raises:
        ServiceError: JOB_NOT_FOUND and its kin, REDIS_UNAVAILABLE.
    """
    job = await backend.store.job(job_id)
    documents = await backend.store.documents(job_id)
    position = None if job.state.final else await backend.store.queue_position(job_id)
    now = (job.finished_at or 0.0) if job.state.final else await backend.store.now()
    return job_view(job, documents=documents, queue_position=position, now=now)


@router.get(
    "/", response_model=JobList, summary="List of jobs, newest first", responses=problem_responses(422, 503)
)
async def list_jobs(
    backend: BackendOf,
    caller: CallerOf,
    state: Annotated[JobState | None, Query(description="Only jobs in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=40, description="``next_cursor`` of the page before")
    ] = None,
) -> JobList:
    """List the client's jobs, an administrator's key sees all.

    A page may be shorter than ``limit``; it is the last when ``next_cursor`` is null.
    """
    page = await backend.store.jobs(state=state, owner=caller.sees_only, limit=limit, cursor=cursor)
    return JobList(jobs=[job_line(job) for job in page.jobs], next_cursor=page.next_cursor)


@router.get(
    "/{job_id}", response_model=JobView, summary="State of a job", responses=problem_responses(404, 410, 503)
)
async def job_status(job_id: str, backend: BackendOf) -> JobView:
    """Say how far the job and each of its documents is."""
    return await view_of(backend, job_id)


@router.get(
    "/{job_id}/events",
    summary="Events of a job as they happen",
    response_class=EventSourceResponse,
    responses=problem_responses(404, 410, 503),
)
async def job_events(
    job_id: str,
    request: Request,
    backend: BackendOf,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=60)] = None,
) -> Response:
    """Server-Sent Events, from the first kept or after ``Last-Event-ID``; ends with the job.

    Kinds: ``job`` (state), ``document`` (state of one document), ``progress`` (node of one document) and
    ``problem`` (code; the registry is away or the job is gone: ask again). Who comes back after the last event
    of a job that has ended gets 204, which tells browsers not to come again.
    """
    job = await backend.store.job(job_id)
    if job.state.final and last_event_id and not await backend.store.events(job_id, after=last_event_id):
        return Response(status_code=204)
    return EventSourceResponse(
        _events(backend, job_id=job_id, after=last_event_id, request=request), ping=HEARTBEAT_SECONDS
    )


async def _events(
    backend: Backend, *, job_id: str, after: str | None, request: Request
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(retry=RECONNECT_MS, comment="decalogo")
    while not await request.is_disconnected():
        try:
            # The state is read before the events: what led to it is then among them.
            final = (await backend.store.job(job_id)).state.final
            events = await backend.store.events(job_id, after=after, block_ms=0 if final else EVENTS_WAIT_MS)
        except ServiceError as error:
            yield ServerSentEvent(event="problem", data=_json({"code": error.refusal.code}))
            return
        for event in events:
            after = event.event_id
            yield ServerSentEvent(id=event.event_id, event=event.kind, data=_json(event.data))
        if final and not events:
            return


def _json(data: dict[str, Any]) -> str:
    return msgspec.json.encode(data).decode()


def make_status(settings: Settings | None = None) -> FastAPI:
    """The application, for Serve or for any ASGI server."""
    return make_app(router, title="Status", settings=settings)


def build(_arguments: dict[str, Any] | None = None) -> Application:
    """The Serve application ``status``."""
    from serve_app.deployments import deploy  # noqa: PLC0415  Ray is needed only here

    return deploy(make_status, name="Status")
