"""The four HTTP applications behind one ASGI server, without Ray: for tests and for working on them.

    DECALOGO_DATA_DIR=var uvicorn --factory serve_app.plain:make_service

Routes and prefixes are those of ``ray_config.yaml``; what evaluates documents is not part of it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from serve_app.home import make_home
from serve_app.results import make_results
from serve_app.status import make_status
from serve_app.upload import make_upload

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from cluster.settings import Settings


class PlainService:
    """Hands each request to the application of its route prefix, as Serve's proxy does."""

    def __init__(self, apps: dict[str, FastAPI]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or start and end the applications."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        prefix = next(p for p in self._apps if p in {"", path} or path.startswith(f"{p}/"))
        await self._apps[prefix]({**scope, "root_path": prefix}, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            for app in self._apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def make_service(settings: Settings | None = None) -> PlainService:
    """All applications, by the longest prefix first."""
    return PlainService(
        {
            "/upload": make_upload(settings),
            "/status": make_status(settings),
            "/results": make_results(settings),
            "": make_home(settings),
        }
    )
