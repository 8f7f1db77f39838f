"""``/``: a plain page for people, health and readiness for machines, metrics, and the description of the API."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from cluster.errors import NOT_FOUND, NOT_READY, ServiceError
from serve_app import openapi
from serve_app.asgi import BackendOf, make_app, problem_responses
from serve_app.pages import home_page

if TYPE_CHECKING:
    from ray.serve import Application

    from cluster.settings import Settings

STATIC_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
JOBS_SHOWN = 20

router = APIRouter(tags=["service"])


@router.get("/", response_class=HTMLResponse, summary="Web page")
async def home(backend: BackendOf) -> HTMLResponse:
    """A form to upload a batch, and the latest jobs. It works without the registry too, and says so."""
    try:
        jobs = (await backend.store.jobs(limit=JOBS_SHOWN)).jobs
    except ServiceError as error:
        return HTMLResponse(home_page(jobs=(), notice=error.refusal.sentence))
    return HTMLResponse(home_page(jobs=jobs))


@router.get("/healthz", summary="Liveness: this process answers")
async def healthz() -> dict[str, str]:
    """Always ``ok``; it looks at nothing else."""
    return {"status": "ok"}


@router.get(
    "/readyz", summary="Readiness: the registry and the storage answer", responses=problem_responses(503)
)
async def readyz(backend: BackendOf) -> JSONResponse:
    """Say whether documents can be received and evaluated now."""
    await backend.store.ping()
    free = await asyncio.to_thread(backend.storage.free_bytes)
    if free is not None and free < backend.settings.storage_floor_bytes:
        raise ServiceError(NOT_READY, "No hay espacio suficiente en disco.", retry_after_seconds=60)
    return JSONResponse({"status": "ready"})


@router.get(
    "/metrics",
    summary="Batch metrics of all nodes",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(backend: BackendOf) -> PlainTextResponse:
    """Our families of every Ray node without Ray's prefix, and the totals of the registry when it answers."""
    from serve_app.federation import federated, node_addresses  # noqa: PLC0415  Ray is needed only here

    try:
        totals = await backend.store.totals()
    except ServiceError:
        totals = {}
    addresses = await asyncio.to_thread(node_addresses)
    return PlainTextResponse(
        await federated(addresses, totals=totals), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


@router.get("/openapi.json", summary="Description of the whole API")
async def description() -> JSONResponse:
    """OpenAPI 3.1 over all applications."""
    return JSONResponse(await asyncio.to_thread(openapi.whole_description))


@router.get("/docs", response_class=HTMLResponse, summary="The description as a page")
async def docs() -> HTMLResponse:
    """The same for people."""
    return HTMLResponse(openapi.page(await asyncio.to_thread(openapi.whole_description)))


@router.get("/static/{name}", include_in_schema=False)
async def static(name: str) -> Response:
    """Style sheets and scripts, from this package alone."""
    suffix = name[name.rfind(".") :]
    folder = files("serve_app") / "static"
    if suffix not in STATIC_TYPES or "/" in name or not (folder / name).is_file():
        raise ServiceError(NOT_FOUND)
    return Response((folder / name).read_bytes(), media_type=STATIC_TYPES[suffix])


def make_home(settings: Settings | None = None) -> FastAPI:
    """The application, for Serve or for any ASGI server."""
    return make_app(router, title="Home", settings=settings)


def build(_arguments: dict[str, Any] | None = None) -> Application:
    """The Serve application ``home``."""
    from serve_app.deployments import deploy  # noqa: PLC0415  Ray is needed only here

    return deploy(make_home, name="Home")
