"""What the four HTTP applications share: store, storage, errors, security headers, and how Serve wraps them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Request

from cluster import logs, tracing
from cluster.errors import REDIS_UNAVAILABLE, ServiceError
from cluster.jobs import JobStore
from cluster.settings import Settings
from cluster.storage import Storage
from serve_app import problems
from serve_app.access import Access, Guard, own_job
from serve_app.edge import Edge
from serve_app.head import Head

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import APIRouter

VERSION = "0.1.0"


@dataclass(slots=True)
class Backend:
    """What a request works with. The store connects when it is first used: an application starts without Redis."""

    settings: Settings
    storage: Storage
    _store: JobStore | None = None

    @property
    def store(self) -> JobStore:
        """The registry of jobs.

        Raises:
            ServiceError: REDIS_UNAVAILABLE when no address of a Redis is known.
        """
        if self._store is None:
            self._store = JobStore.lazily(self.settings)
        return self._store

    async def close(self) -> None:
        """Close the connections."""
        if self._store is not None:
            await self._store.close()


def backend_of(request: Request) -> Backend:
    """The backend of the application that handles this request."""
    backend: Backend = request.app.state.backend
    return backend


BackendOf = Annotated[Backend, Depends(backend_of)]


def make_app(
    router: APIRouter,
    *,
    title: str,
    settings: Settings | None = None,
    prepare: Callable[[FastAPI], None] | None = None,
) -> FastAPI:
    """A FastAPI application around one router, with its backend opened at start and closed at the end.

    ``prepare`` runs once the backend is open; it may put more on ``app.state``.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        chosen = settings or Settings.load()
        logs.configure(chosen)
        tracing.configure(chosen, component=title.lower())
        backend = Backend(chosen, Storage(chosen))
        app.state.backend = backend
        app.state.guard = Guard(backend)
        if prepare is not None:
            prepare(app)
        try:
            yield
        finally:
            await backend.close()

    app = FastAPI(
        title=title,
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # An address is right or it is not; a redirection would repeat the Host that the caller claims.
        redirect_slashes=False,
    )
    problems.install(app)
    app.include_router(router, dependencies=[Depends(own_job)])
    # The last one added is the outermost: edge, then HEAD, then who may.
    app.add_middleware(Access, guard_of=lambda: app.state.guard)
    app.add_middleware(Head)
    app.add_middleware(Edge, settings_of=lambda: app.state.backend.settings)
    return app


def unavailable() -> ServiceError:
    """The refusal for a registry that cannot be reached."""
    return ServiceError(REDIS_UNAVAILABLE, retry_after_seconds=5)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors an operation answers with; ``serve_app.openapi`` says what they look like."""
    return {status: {"description": "Error"} for status in statuses}
