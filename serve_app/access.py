"""Who may: every request is judged by its key, its scope and its limits before a byte of its body is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse

from cluster.api_keys import KeyRing, Scope
from cluster.errors import JOB_NOT_FOUND, KEY_INVALID, KEY_REQUIRED, SCOPE_MISSING, ServiceError
from cluster.open_door import anonymous_allowed, is_loopback
from serve_app.limiting import Limits
from serve_app.problems import refused_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as AsgiScope

    from serve_app.asgi import Backend

COOKIE = "decalogo_key"
SCOPE_KEY = "decalogo.caller"
OPEN_PATHS = re.compile(
    r"/healthz|/readyz|/docs|/openapi\.json|/static/[^/]*|/entrar|/salir|/idioma|/municipios\.json|/favicon\.ico"
)
"""What anybody may ask: nothing of it speaks of jobs."""
PAGE_PATHS = re.compile(r"/|/jobs/[^/]*(/compare|/documents/[^/]*(/correct|/(points|evidence)/[^/]*)?)?")
"""Where a browser without a key is shown the form that takes one."""
UPLOAD_PATHS = {"POST": re.compile(r"/upload/?"), "PUT": re.compile(r"/upload/jobs/[^/]*/files/.*")}
LENGTH = re.compile(r"[0-9]{1,15}")
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``client`` is empty for somebody without a key, who owns what nobody else does."""

    client: str
    scope: Scope
    limits: Limits

    @property
    def limited(self) -> bool:
        """Limits are those of keys: who needs none sits at this machine."""
        return bool(self.client)

    @property
    def sees_only(self) -> str | None:
        """Whose jobs alone the caller may see; None: all."""
        return None if self.scope is Scope.ADMIN else self.client

    async def count_file(self) -> None:
        """Count a file that is about to arrive.

        Raises:
            ServiceError: TOO_MANY_UPLOADS, REDIS_UNAVAILABLE.
        """
        if self.limited:
            await self.limits.file(self.client)


class Guard:
    """Knows the keys and the limits of one HTTP application."""

    def __init__(self, backend: Backend) -> None:
        self._settings = backend.settings
        self._ring = KeyRing(backend.storage)
        self._limits = Limits(backend.settings, store_of=lambda: backend.store)

    async def admit(self, scope: AsgiScope) -> Caller | None:
        """Who asks for what ``scope`` describes; None for what is open to anybody.

        Raises:
            ServiceError: KEY_REQUIRED, KEY_INVALID, SCOPE_MISSING, TOO_MANY_…, STORAGE_UNAVAILABLE.
        """
        path, method = scope["path"], scope["method"]
        if OPEN_PATHS.fullmatch(path):
            return None
        headers = Headers(scope=scope)
        caller = await self.recognise(presented_key(headers), address=address_of(scope), headers=headers)
        needed = Scope.READ if method in READING_METHODS else Scope.SUBMIT
        if not caller.scope.includes(needed):
            raise ServiceError(SCOPE_MISSING, f"Se necesita una llave con permiso «{needed.value}».")
        if caller.limited:
            await self._count(caller, path=path, method=method, headers=headers)
        return caller

    async def recognise(self, presented: str | None, *, address: str, headers: Headers) -> Caller:
        """Who presents this key, or none.

        Raises:
            ServiceError: KEY_REQUIRED, KEY_INVALID, TOO_MANY_WRONG_KEYS, STORAGE_UNAVAILABLE.
        """
        if presented is None:
            # A name that is not this machine's comes from a page that has bent its own name to our address.
            if anonymous_allowed(self._settings) and is_loopback(_host(headers)):
                return Caller("", Scope.SUBMIT, self._limits)
            raise ServiceError(KEY_REQUIRED)
        key = await self._ring.find(presented)
        if key is None:
            await self._limits.wrong_key(address)
            raise ServiceError(KEY_INVALID)
        return Caller(key.client, key.scope, self._limits)

    async def _count(self, caller: Caller, *, path: str, method: str, headers: Headers) -> None:
        pattern = UPLOAD_PATHS.get(method)
        if pattern is None or not pattern.fullmatch(path):
            await self._limits.request(caller.client)
            return
        declared = headers.get("content-length", "")
        # What declares no length, or an impossible one, is refused by its handler.
        size = int(declared) if LENGTH.fullmatch(declared) else 0
        await self._limits.upload(caller.client, size_bytes=size)


class Access:
    """The layer inside ``serve_app.edge`` that lets a request through, with its caller, or answers it."""

    def __init__(self, app: ASGIApp, *, guard_of: Callable[[], Guard]) -> None:
        self._app = app
        self._guard_of = guard_of

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._guard_of().admit(scope)
        except ServiceError as error:
            await _answer(error, scope)(scope, receive, send)
            return
        await self._app({**scope, SCOPE_KEY: caller}, receive, send)


def caller_of(request: Request) -> Caller:
    """The caller of a request that ``Access`` has let through.

    Raises:
        ServiceError: KEY_REQUIRED, for a route that is open to anybody and needs a caller all the same.
    """
    caller: Caller | None = request.scope.get(SCOPE_KEY)
    if caller is None:
        raise ServiceError(KEY_REQUIRED)
    return caller


CallerOf = Annotated[Caller, Depends(caller_of)]


async def own_job(request: Request) -> None:
    """Every route with a job in its path depends on this: the job of another client does not exist.

    Raises:
        ServiceError: JOB_NOT_FOUND, REDIS_UNAVAILABLE.
    """
    job_id = request.path_params.get("job_id")
    if job_id is None:
        return
    only = caller_of(request).sees_only
    if only is None:
        return
    backend: Backend = request.app.state.backend
    owner = await backend.store.owner(job_id)
    if owner is not None and owner != only:
        raise ServiceError(JOB_NOT_FOUND)


def presented_key(headers: Headers) -> str | None:
    """The key of a request: ``Authorization: Bearer``, ``X-API-Key``, or the cookie of the web pages."""
    authorization = headers.get("authorization")
    if authorization is not None:
        kind, _, value = authorization.partition(" ")
        return value.strip() if kind.lower() == "bearer" else ""
    plain = headers.get("x-api-key")
    if plain is not None:
        return plain.strip()
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None


def _answer(error: ServiceError, scope: AsgiScope) -> Response:
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if error.refusal.status == KEY_REQUIRED.status:
        if wants_page and scope["method"] == "GET" and PAGE_PATHS.fullmatch(scope["path"]):
            from serve_app.web import pages  # noqa: PLC0415  the pages know the applications, which know this

            notice = "" if error.refusal is KEY_REQUIRED else error.refusal.sentence
            page = pages.sign_in_page(notice=notice, onward=scope["path"])
            return HTMLResponse(page, status_code=error.refusal.status, headers=CHALLENGE)
        response = refused_response(error)
        response.headers.update(CHALLENGE)
        return response
    return refused_response(error)


CHALLENGE = {"WWW-Authenticate": 'Bearer realm="decalogo"'}


def _host(headers: Headers) -> str:
    host = headers.get("host", "")
    if host.startswith("["):
        return host.partition("]")[0]
    return host.partition(":")[0]


def address_of(scope: AsgiScope) -> str:
    """From where a request comes, as far as that can be known."""
    # The proxy on this machine connects from loopback and says for whom; from elsewhere the header is a claim.
    client = scope.get("client")
    address = str(client[0]) if client else ""
    if is_loopback(address):
        said = Headers(scope=scope).get("x-forwarded-for", "").rpartition(",")[2].strip()
        return said[:64] or address
    return address
