"""API keys: who may use the service, and for what.

``pdm_<public id>_<secret>``: the public id finds the key, the secret (32 random bytes) proves it. Stored is only
the SHA-256 of the secret, one small file per client in the service's storage, so that keys can be made before
the service runs, survive a Redis that lost its data, and reach every node. Processes read the files anew every
few seconds: what is revoked is refused everywhere within ``KNOWN_SECONDS_MAX``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterator, Mapping  # noqa: TC003  msgspec reads types at run time
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
import structlog
from filelock import FileLock

from cluster.errors import STORAGE_UNAVAILABLE, ServiceError
from cluster.identifiers import is_client
from cluster.storage import Storage

if TYPE_CHECKING:
    from cluster.settings import Settings

log = structlog.get_logger()

KEYS_PER_CLIENT_MAX = 2
"""The old key and the new one, while a client changes over."""
READ_SECONDS = 4.0
READ_AGAIN_SECONDS = 1.0
"""For a key that is not known: a new one serves at once, and guessing costs one read a second at most."""
KNOWN_SECONDS_MAX = 10.0
"""After this, what was read is no longer believed: without the storage nobody can say what has been revoked."""
SECRET_BYTES = 32
PUBLIC_ID_BYTES = 5
LOCK_FILE = "access.lock"
LOCK_SECONDS = 10.0
DAY_SECONDS = 24 * 3600

_KEY = re.compile(r"pdm_([a-z2-7]{8})_([A-Za-z0-9_-]{43})")
_NOBODY = "0" * 64


class Scope(StrEnum):
    """What a key is good for; each includes those before it."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether this scope allows what ``other`` allows."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


class KeyProblem(ValueError):
    """A key cannot be made or found as asked; the message is a Spanish sentence for the operator."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored. Times in seconds since 1970; ``expires_at`` None: it does not expire."""

    key_id: str
    sha256: str
    scope: Scope
    created_at: float
    expires_at: float | None = None
    client: str = ""

    def live(self, *, now: float) -> bool:
        """Whether it may be used at ``now``."""
        return self.expires_at is None or now < self.expires_at


class _KeyFile(msgspec.Struct, frozen=True):
    client: str
    keys: tuple[ApiKey, ...]


def split_key(presented: str) -> tuple[str, str] | None:
    """Public id and secret of something that looks like a key; None for everything else."""
    found = _KEY.fullmatch(presented)
    return (found[1], found[2]) if found else None


class KeyRegister:
    """The keys of all clients, to be managed. Blocks; for the command line and for ``up``."""

    def __init__(self, settings: Settings) -> None:
        """Open the storage.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        self._settings = settings
        self._storage = Storage(settings)

    def listed(self) -> tuple[ApiKey, ...]:
        """All keys, expired ones included, by client and time.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        found = [key for keys in read_register(self._storage).values() for key in keys]
        return tuple(sorted(found, key=lambda key: (key.client, key.created_at)))

    def create(self, client: str, *, scope: Scope, expires_days: float | None = None) -> tuple[ApiKey, str]:
        """Make a key; returns it and the text that is shown once and stored nowhere.

        Raises:
            KeyProblem: no such name is possible, or the client has two live keys.
            ServiceError: STORAGE_UNAVAILABLE, STORAGE_FULL.
        """
        if not is_client(client):
            raise KeyProblem(
                "El nombre del cliente lleva solo minúsculas sin tilde, cifras, punto, guion y guion bajo (máximo 40)."
            )
        with self._alone():
            live = self._live(client)
            if len(live) >= KEYS_PER_CLIENT_MAX:
                raise KeyProblem(
                    f"{client} ya tiene dos llaves vigentes ({', '.join(key.key_id for key in live)}); "
                    "revoque una con «decalogo keys revoke»."
                )
            key, text = _new_key(client, scope=scope, expires_days=expires_days)
            self._write(client, (*live, key))
        return key, text

    def rotate(self, client: str, *, expires_days: float | None = None) -> tuple[ApiKey, str]:
        """Make a key with the scope of the newest; that one stays live for changing over, older ones go.

        Raises:
            KeyProblem: the client has no live key.
            ServiceError: STORAGE_UNAVAILABLE, STORAGE_FULL.
        """
        with self._alone():
            live = self._live(client)
            if not live:
                raise KeyProblem(f"{client} no tiene ninguna llave vigente.")
            key, text = _new_key(client, scope=live[-1].scope, expires_days=expires_days)
            self._write(client, (live[-1], key))
        return key, text

    def revoke(self, key_id: str) -> ApiKey:
        """Remove a key; running services refuse it within ``KNOWN_SECONDS_MAX``.

        Raises:
            KeyProblem: there is no such key.
            ServiceError: STORAGE_UNAVAILABLE, STORAGE_FULL.
        """
        with self._alone():
            found = next((key for key in self.listed() if key.key_id == key_id), None)
            if found is None:
                raise KeyProblem(f"No hay ninguna llave {key_id}.")
            rest = tuple(key for key in self._live(found.client) if key.key_id != key_id)
            if rest:
                self._write(found.client, rest)
            else:
                self._storage.delete_keys(found.client)
        return found

    def _live(self, client: str) -> tuple[ApiKey, ...]:
        now = time.time()
        return tuple(key for key in self.listed() if key.client == client and key.live(now=now))

    def _write(self, client: str, keys: tuple[ApiKey, ...]) -> None:
        self._storage.write_keys(client, msgspec.json.encode(_KeyFile(client, keys)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands of one machine at a time would lose one of their keys."""
        self._settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._settings.run_dir / LOCK_FILE, timeout=LOCK_SECONDS):
            yield


class KeyRing:
    """The keys as an HTTP application sees them: in memory, read anew every few seconds. For one event loop."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._keys: Mapping[str, ApiKey] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, presented: str) -> ApiKey | None:
        """The live key that ``presented`` is, or None.

        Takes the same time for an unknown id as for a wrong secret.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE for so long that nobody can say what has been revoked.
        """
        await self._refresh()
        split = split_key(presented)
        if split is None:
            return None
        key_id, secret = split
        if key_id not in self._keys:
            # It may have been made a moment ago.
            await self._refresh(older_than_seconds=READ_AGAIN_SECONDS)
        key = self._keys.get(key_id)
        same = hmac.compare_digest(_sha256(secret), key.sha256 if key else _NOBODY)
        return key if key is not None and same and key.live(now=time.time()) else None

    async def _refresh(self, *, older_than_seconds: float = READ_SECONDS) -> None:
        if time.monotonic() - self._read_at < older_than_seconds:
            return
        async with self._reading:
            began = time.monotonic()
            if began - self._read_at < older_than_seconds:
                return
            try:
                found = await asyncio.to_thread(read_register, self._storage)
            except ServiceError as error:
                log.warning("api_keys_not_read", code=error.refusal.code)
                if began - self._read_at > KNOWN_SECONDS_MAX:
                    raise ServiceError(STORAGE_UNAVAILABLE, retry_after_seconds=5) from error
                return
            self._keys = {key.key_id: key for keys in found.values() for key in keys}
            self._read_at = began


def read_register(storage: Storage) -> dict[str, tuple[ApiKey, ...]]:
    """The keys of each client; a file that cannot be understood gives none and is named in the log.

    Raises:
        ServiceError: STORAGE_UNAVAILABLE.
    """
    found: dict[str, tuple[ApiKey, ...]] = {}
    for client, content in storage.read_keys().items():
        try:
            keys = msgspec.json.decode(content, type=_KeyFile).keys
        except msgspec.DecodeError:
            log.error("api_keys_damaged", client=client)  # noqa: TRY400  the message quotes the file
            continue
        # The name of the file decides, whatever stands in it.
        found[client] = tuple(msgspec.structs.replace(key, client=client) for key in keys)
    return found


def _new_key(client: str, *, scope: Scope, expires_days: float | None) -> tuple[ApiKey, str]:
    key_id = base64.b32encode(secrets.token_bytes(PUBLIC_ID_BYTES)).decode().lower()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    now = time.time()
    expires_at = None if expires_days is None else now + expires_days * DAY_SECONDS
    key = ApiKey(
        key_id=key_id,
        sha256=_sha256(secret),
        scope=scope,
        created_at=now,
        expires_at=expires_at,
        client=client,
    )
    return key, f"pdm_{key_id}_{secret}"


def _sha256(secret: str) -> str:
    # Not a slow hash: 256 random bits cannot be guessed, however fast one tries.
    return hashlib.sha256(secret.encode()).hexdigest()
