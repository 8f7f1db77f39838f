"""``/``: pages for people, health and readiness for machines, metrics, and the description of the API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, FastAPI, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel

from cluster.errors import NOT_FOUND, NOT_READY, STORAGE_FULL, ServiceError
from cluster.registry_identity import is_another
from cluster.validators import ANOTHER_REGISTRY
from serve_app import openapi
from serve_app.access import COOKIE, PAGE_PATHS, CallerOf, Guard, address_of
from serve_app.asgi import BackendOf, make_app, problem_responses
from serve_app.removal import remove_job
from serve_app.reviews import corrected_scores
from serve_app.status import view_of
from serve_app.web import comparison, pages, plan_pages, review_pages
from serve_app.web.languages import LANGUAGE_COOKIE, LANGUAGES, Language
from serve_app.web.municipalities import by_department

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ray.serve import Application

    from cluster.records import QueueFigures
    from cluster.settings import Settings
    from serve_app.asgi import Backend

STATIC_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
JOBS_SHOWN = 20
COOKIE_SECONDS = 12 * 3600
LANGUAGE_SECONDS = 365 * 24 * 3600
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["service"])
router.include_router(plan_pages.router)
router.include_router(comparison.router)
router.include_router(review_pages.router)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the pages ask of whoever runs the evaluators; without Ray nobody counts them."""

    count_evaluators: Callable[[], Awaitable[int | None]]
    metrics_addresses: Callable[[], Awaitable[Sequence[str]]]


class Ready(BaseModel):
    """The service takes documents and evaluates them."""

    status: str
    evaluators: int | None


# --------------------------------------------------------------------------- pages


@router.get("/", response_class=HTMLResponse, summary="Web page")
async def home(
    backend: BackendOf, caller: CallerOf, cursor: Annotated[str | None, Query(max_length=40)] = None
) -> HTMLResponse:
    """A form to upload a batch, and the latest jobs. It is there without the registry too, and says so."""
    try:
        page = await backend.store.jobs(owner=caller.sees_only, limit=JOBS_SHOWN, cursor=cursor)
    except ServiceError as error:
        return HTMLResponse(
            pages.home_page(backend.settings, page=None, notice=error.detail or error.refusal.sentence)
        )
    return HTMLResponse(pages.home_page(backend.settings, page=page))


@router.get(
    "/jobs/{job_id}",
    response_class=HTMLResponse,
    summary="Web page of a job",
    responses=dict.fromkeys((404, 410, 503), plan_pages.ERROR_PAGE),
)
async def job_page(job_id: str, backend: BackendOf) -> HTMLResponse:
    """Progress, scores and downloads of a job."""
    try:
        job = await view_of(backend, job_id)
        reviewed = any(document.corrections_revision for document in job.documents)
        corrected = await corrected_scores(backend, job_id=job_id) if reviewed else {}
        return HTMLResponse(pages.job_page(job, corrected=corrected))
    except ServiceError as error:
        return HTMLResponse(pages.problem_page(error), status_code=error.refusal.status)


@router.post("/jobs/{job_id}/cancel", include_in_schema=False)
async def cancel_form(job_id: str, backend: BackendOf) -> RedirectResponse:
    """The button of a job's page; programs use ``DELETE /results/{job_id}?keep=true``."""
    await backend.store.cancel(job_id)
    return RedirectResponse(f"/jobs/{job_id}", status_code=303)


@router.post("/jobs/{job_id}/delete", include_in_schema=False)
async def delete_form(job_id: str, backend: BackendOf) -> RedirectResponse:
    """The button of a job's page; programs use ``DELETE /results/{job_id}``."""
    await remove_job(backend, job_id)
    return RedirectResponse("/", status_code=303)


@router.get("/entrar", include_in_schema=False)
async def sign_in() -> HTMLResponse:
    """The form that takes a key."""
    return HTMLResponse(pages.sign_in_page())


@router.post("/entrar", include_in_schema=False)
async def take_key(
    request: Request, key: Annotated[str, Form(max_length=200)], onward: Annotated[str, Form()] = "/"
) -> Response:
    """Keep a key that is right in a cookie that no script and no other site gets hold of."""
    guard: Guard = request.app.state.guard
    try:
        await guard.recognise(key.strip(), address=address_of(request.scope), headers=request.headers)
    except ServiceError as error:
        page = pages.sign_in_page(notice=error.refusal.sentence, onward=_own_path(onward))
        return HTMLResponse(page, status_code=error.refusal.status)
    answer = RedirectResponse(_own_path(onward), status_code=303)
    answer.set_cookie(
        COOKIE,
        key.strip(),
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        # Behind a proxy that ends TLS the scheme is what it says.
        secure="https" in {request.url.scheme, request.headers.get("x-forwarded-proto")},
    )
    return answer


@router.post("/salir", include_in_schema=False)
async def sign_out() -> RedirectResponse:
    """Forget the key in this browser."""
    answer = RedirectResponse("/entrar", status_code=303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@router.post("/idioma", include_in_schema=False)
async def choose_language(
    language: Annotated[str, Form(max_length=8)], onward: Annotated[str, Form(max_length=2000)] = "/"
) -> Response:
    """Remember in which language this browser reads, and show the same page again."""
    answer = RedirectResponse(_own_path(onward), status_code=303)
    if language in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, language, max_age=LANGUAGE_SECONDS, httponly=True, samesite="strict"
        )
    return answer


@router.get("/municipios.json", include_in_schema=False)
async def municipality_names() -> JSONResponse:
    """The municipalities of each department, for the form's suggestions."""
    return JSONResponse(by_department(), headers={"Cache-Control": "public, max-age=86400"})


@router.get("/docs", response_class=HTMLResponse, summary="This description as a page")
async def docs() -> HTMLResponse:
    """The same for people."""
    return HTMLResponse(pages.docs_page(await asyncio.to_thread(openapi.whole_description)))


@router.get("/static/{name}", include_in_schema=False)
async def static(name: str) -> Response:
    """Style sheets and scripts, from this package alone."""
    suffix = name[name.rfind(".") :]
    folder = files("serve_app.web") / "static"
    if suffix not in STATIC_TYPES or "/" in name or not (folder / name).is_file():
        raise ServiceError(NOT_FOUND)
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response((folder / name).read_bytes(), media_type=STATIC_TYPES[suffix], headers=headers)


# --------------------------------------------------------------------------- machines


@router.get("/healthz", summary="Liveness: this process answers")
async def healthz() -> dict[str, str]:
    """Always ``ok``; it looks at nothing else."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    response_model=Ready,
    summary="Readiness: registry, storage and evaluators",
    responses=problem_responses(503, 507),
)
async def readyz(request: Request, backend: BackendOf) -> Ready:
    """Say whether documents can be received and evaluated now."""
    await backend.store.ping()
    if await is_another(backend.store, storage=backend.storage):
        raise ServiceError(NOT_READY, ANOTHER_REGISTRY, retry_after_seconds=60)
    free = await asyncio.to_thread(backend.storage.free_bytes)
    if free is not None and free < backend.settings.storage_floor_bytes:
        raise ServiceError(STORAGE_FULL, retry_after_seconds=60)
    evaluators = await _cluster(request).count_evaluators()
    if evaluators == 0:
        raise ServiceError(NOT_READY, "No hay ningún evaluador en marcha.", retry_after_seconds=5)
    return Ready(status="ready", evaluators=evaluators)


@router.get(
    "/metrics",
    summary="Batch metrics of all nodes",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(request: Request, backend: BackendOf) -> PlainTextResponse:
    """Our families of every Ray node without Ray's prefix, and the totals of the registry when it answers."""
    from serve_app.federation import exposition, look, node_pages  # noqa: PLC0415  it loads Ray: a second

    cluster = _cluster(request)

    async def pages_of_nodes() -> list[str]:
        return await node_pages(await cluster.metrics_addresses())

    pages, (totals, figures), evaluators, free, mismatch = await asyncio.gather(
        pages_of_nodes(),
        _registry_figures(backend),
        cluster.count_evaluators(),
        _free_bytes(backend),
        _mismatch(backend),
    )
    settings = backend.settings
    seen = look(
        redis_up=figures is not None,
        registry_mismatch=mismatch,
        evaluators=evaluators,
        free_bytes=free,
        needed_bytes=settings.min_free_disk_bytes,
        running_places=settings.running_per_node * max(1, len(pages)),
    )
    page = exposition(pages, totals=totals, figures=figures, seen=seen)
    return PlainTextResponse(page, media_type=METRICS_TYPE)


@router.get("/openapi.json", summary="Description of the whole API")
async def description() -> JSONResponse:
    """OpenAPI 3.1 over all applications."""
    return JSONResponse(await asyncio.to_thread(openapi.whole_description))


# --------------------------------------------------------------------------- parts


def _own_path(onward: str) -> str:
    """Where to go after signing in: a page of ours, whatever the form says."""
    path = onward.partition("?")[0]
    return onward if PAGE_PATHS.fullmatch(path) and not onward.startswith("//") else "/"


async def _registry_figures(
    backend: Backend,
) -> tuple[dict[str, int], QueueFigures] | tuple[None, None]:
    try:
        return dict(await backend.store.totals()), await backend.store.queue_figures()
    except ServiceError:
        return None, None


async def _mismatch(backend: Backend) -> bool | None:
    try:
        return await is_another(backend.store, storage=backend.storage)
    except ServiceError:
        return None


async def _free_bytes(backend: Backend) -> int | None:
    try:
        return await asyncio.to_thread(backend.storage.free_bytes)
    except ServiceError:
        return 0


def _cluster(request: Request) -> Cluster:
    cluster: Cluster = request.app.state.cluster
    return cluster


async def _uncounted() -> None:
    return None


async def _nowhere() -> Sequence[str]:
    return ()


WITHOUT_RAY = Cluster(count_evaluators=_uncounted, metrics_addresses=_nowhere)


def make_home(settings: Settings | None = None, *, cluster: Cluster = WITHOUT_RAY) -> FastAPI:
    """The application, for Serve or for any ASGI server."""

    def prepare(app: FastAPI) -> None:
        app.state.cluster = cluster

    app = make_app(router, title="Home", settings=settings, prepare=prepare)
    app.add_middleware(Language)
    return app


def build(_arguments: dict[str, Any] | None = None) -> Application:
    """The Serve application ``home``."""
    from serve_app.deployments import count_evaluators, deploy, metrics_addresses  # noqa: PLC0415  Ray only here

    cluster = Cluster(count_evaluators=count_evaluators, metrics_addresses=metrics_addresses)
    return deploy(lambda: make_home(cluster=cluster), name="Home")
