"""Where uploads and artifacts lie: a folder of this node by default, any fsspec file system on a cluster.

    uploads/{job_id}/{sha256}.pdf             what was sent, under its own hash
    artifacts/{job_id}/{document_id}/{name}   what the evaluation gave
    reviews/{job_id}/{document_id}/{sha256}.json   what reviewers corrected, under its own hash
    cache/{result_key}/{name}                 the same artifacts, for the next document with equal bytes
    access/{client}.json                      hashes of API keys; mode 0600
    registry/identity                         the name of the registry that all of it belongs to
    temporary/{random}                        being written; nothing else ever sees a half file

No name that a user chose becomes part of a path. On a local disk a file appears under its final name only
when its bytes are on the disk, and what a method has written survives a power cut once it has returned: the
file's name and those of the folders above it are on the disk as well. All methods block: async code calls them
through ``asyncio.to_thread``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import fsspec
from fsspec.implementations.local import LocalFileSystem

from cluster.errors import STORAGE_FULL, STORAGE_UNAVAILABLE, ServiceError
from cluster.failpoints import Failpoint, reach
from cluster.identifiers import is_client, is_document_id, is_job_id, is_sha256
from cluster.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from cluster.settings import Settings

RETRY_AFTER_SECONDS = 60
S3_SCHEMES = ("s3://", "s3a://")
REVIEW_SECONDS = 600.0
"""A review that no longer holds is kept for so long: a report that began with it takes at most half of that."""
TEMPORARY_SECONDS = 3600.0
"""A temporary file older than this belongs to nobody: the longest upload is far shorter."""

_COMPLETE = "_complete"
"""Names of the artifacts of a cached result, one a line. No artifact can be called so."""
_ARTIFACT_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """An upload as it lies in storage."""

    sha256: str
    size_bytes: int


@cache
def _failures() -> tuple[type[Exception], ...]:
    """What a storage fails with; an unreachable S3 raises errors of its own library, where that is installed."""
    try:
        botocore = importlib.import_module("botocore.exceptions")
    except ModuleNotFoundError:
        return (OSError,)
    return (OSError, botocore.BotoCoreError)


@contextlib.contextmanager
def _storage_errors() -> Iterator[None]:
    """A full disk and an unreachable storage have their refusals; a missing file stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except _failures() as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise ServiceError(STORAGE_FULL, retry_after_seconds=RETRY_AFTER_SECONDS) from error
        raise ServiceError(STORAGE_UNAVAILABLE, retry_after_seconds=RETRY_AFTER_SECONDS) from error


def _file_system(address: str) -> tuple[Any, str]:
    """The file system of an address and the path in it."""
    try:
        # Object stores keep listings, from which they would say that what another node wrote is not there.
        files, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except ValueError as error:
        # What it says repeats no more of the address than its protocol.
        raise SettingsError(f"DECALOGO_STORAGE_URL: no se entiende la dirección ({error}).") from error
    except ImportError as error:
        advice = "pip install 'decalogo[s3]'" if address.startswith(S3_SCHEMES) else str(error)
        raise SettingsError(f"DECALOGO_STORAGE_URL: falta con qué leer esa dirección ({advice}).") from error
    return files, str(root).rstrip("/")


class UploadWriter:
    """Takes one upload piece by piece, hashing and counting; leaves nothing behind unless committed."""

    def __init__(self, storage: Storage, *, job_id: str) -> None:
        self._storage = storage
        self._job_id = job_id
        self._hash = hashlib.sha256()
        self._temporary, self._stream = storage.open_temporary()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with _storage_errors():
            self._stream.write(chunk)
        self._hash.update(chunk)
        self.size_bytes += len(chunk)

    @property
    def sha256(self) -> str:
        """Hash of what was written so far."""
        return self._hash.hexdigest()

    def commit(self) -> StoredUpload:
        """Make the upload durable under its hash. The same bytes may be committed any number of times.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        sha256 = self._hash.hexdigest()
        self._storage.settle(
            self._temporary, self._stream, final=self._storage.upload_path(self._job_id, sha256)
        )
        reach(Failpoint.UPLOAD_STORED, settings=self._storage.settings)
        return StoredUpload(sha256, self.size_bytes)

    def abort(self) -> None:
        """Remove what was written. Harmless to repeat, and after ``commit``."""
        self._storage.discard(self._temporary, self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a commit there is no temporary file any more; a cut connection ends here as any other error.
        self.abort()


class Storage:
    """Files of jobs. Safe for threads; every process makes its own."""

    def __init__(self, settings: Settings) -> None:
        """Open the storage and make its folders.

        Raises:
            SettingsError: nothing here understands its address.
            ServiceError: STORAGE_UNAVAILABLE.
        """
        self.settings = settings
        with _storage_errors():
            self._files, self._root = _file_system(settings.storage_address)
            self._local = isinstance(self._files, LocalFileSystem)
            for folder in ("uploads", "artifacts", "reviews", "cache", "temporary", "access", "registry"):
                self._files.makedirs(f"{self._root}/{folder}", exist_ok=True)
            if self._local:
                _sync_folder(Path(self._root))

    # ------------------------------------------------------------------ uploads

    def begin_upload(self, job_id: str) -> UploadWriter:
        """A writer for one upload; use it as a context manager and ``commit`` at the end.

        Raises:
            ServiceError: STORAGE_FULL when less than ``storage_floor_bytes`` are free, STORAGE_UNAVAILABLE.
        """
        self.require_space()
        return UploadWriter(self, job_id=job_id)

    def open_upload(self, job_id: str, sha256: str) -> IO[bytes]:
        """The upload for reading.

        Raises:
            FileNotFoundError: it is not there (swept, or lost).
            ServiceError: STORAGE_UNAVAILABLE.
        """
        with _storage_errors():
            stream: IO[bytes] = self._files.open(self.upload_path(job_id, sha256), "rb")
        return stream

    def read_upload(self, job_id: str, sha256: str) -> bytes:
        """All bytes of the upload; same errors as ``open_upload``."""
        with _storage_errors(), self.open_upload(job_id, sha256) as stream:
            return stream.read()

    def has_upload(self, job_id: str, sha256: str) -> bool:
        """Whether this content has arrived for this job."""
        with _storage_errors():
            return bool(self._files.exists(self.upload_path(job_id, sha256)))

    # ------------------------------------------------------------------ artifacts

    def write_artifacts(self, job_id: str, document_id: str, artifacts: Mapping[str, bytes]) -> None:
        """Write the artifacts of a document, each whole or not at all; equal content may be written again.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        for name in sorted(artifacts):
            self._write(self.artifact_path(job_id, document_id, name), artifacts[name], named=False)
        self._make_names_durable(self._artifact_folder(job_id, document_id))

    def read_artifact(self, job_id: str, document_id: str, name: str) -> bytes:
        """The bytes of one artifact.

        Raises:
            FileNotFoundError: the document has no such artifact.
            ServiceError: STORAGE_UNAVAILABLE.
        """
        with _storage_errors():
            content: bytes = self._files.cat_file(self.artifact_path(job_id, document_id, name))
        return content

    def artifact_names(self, job_id: str, document_id: str) -> tuple[str, ...]:
        """The names of a document's artifacts, sorted; empty when there are none."""
        return self._names(self._artifact_folder(job_id, document_id))

    # ------------------------------------------------------------------ reviews

    def write_review(self, job_id: str, document_id: str, content: bytes) -> str:
        """Store a review of a document under its SHA-256, which is returned. The registry says which one holds.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        self._write(self._review_path(job_id, document_id, sha256), content)
        return sha256

    def read_review(self, job_id: str, document_id: str, sha256: str) -> bytes:
        """The bytes of one review.

        Raises:
            FileNotFoundError: it is not there.
            ServiceError: STORAGE_UNAVAILABLE.
        """
        with _storage_errors():
            content: bytes = self._files.cat_file(self._review_path(job_id, document_id, sha256))
        return content

    def delete_review(self, job_id: str, document_id: str, sha256: str) -> None:
        """Remove a review that does not hold. Harmless to repeat.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        self._remove(self._review_path(job_id, document_id, sha256))

    def prune_reviews(self, job_id: str, document_id: str, *, keep: str) -> None:
        """Remove the reviews of a document before the one that holds, once no reader can be on its way to them.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        folder = f"{self._job_folder('reviews', job_id)}/{document_id}"
        for entry in self._listing(folder, detail=True):
            old = time.time() - _modified(entry) >= REVIEW_SECONDS
            if old and not entry["name"].endswith(f"/{keep}.json"):
                with contextlib.suppress(FileNotFoundError), _storage_errors():
                    self._files.rm(entry["name"])

    # ------------------------------------------------------------------ cache

    def keep_result(self, result_key: str, *, job_id: str, document_id: str) -> bool:
        """Put a document's artifacts into the cache; False when they, or the cache, were swept meanwhile.

        Several writers do no harm: equal keys have equal bytes.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        cache = self._cache_folder(result_key)
        names = self.artifact_names(job_id, document_id)
        if not names:
            return False
        try:
            self._copy(names, source=self._artifact_folder(job_id, document_id), target=cache)
            # Last: without it the rest is no result, whatever interrupted the copying.
            self._write(f"{cache}/{_COMPLETE}", "\n".join(names).encode())
        except FileNotFoundError:
            return False
        return True

    def reuse_result(self, result_key: str, *, job_id: str, document_id: str) -> bool:
        """Give a document the artifacts of the cache, all of them; False when the cache has not all.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        cache = self._cache_folder(result_key)
        try:
            with _storage_errors():
                names = self._files.cat_file(f"{cache}/{_COMPLETE}").decode().splitlines()
            self._copy(names, source=cache, target=self._artifact_folder(job_id, document_id))
            self._make_names_durable(self._artifact_folder(job_id, document_id))
        except FileNotFoundError:
            return False
        return bool(names)

    def delete_result(self, result_key: str) -> None:
        """Remove a result from the cache; documents that use it keep their artifacts."""
        self._remove(self._cache_folder(result_key))

    # ------------------------------------------------------------------ API keys

    def write_keys(self, client: str, content: bytes) -> None:
        """Replace the key file of a client, whole or not at all; readable by the service's user alone.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        self._write(self._keys_path(client), content)

    def read_keys(self) -> dict[str, bytes]:
        """The key files of all clients, by client.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        found: dict[str, bytes] = {}
        for name in self._names(f"{self._root}/access"):
            client = name.removesuffix(".json")
            if is_client(client) and name == f"{client}.json":
                # One that goes at this very moment is gone.
                with contextlib.suppress(FileNotFoundError), _storage_errors():
                    found[client] = self._files.cat_file(self._keys_path(client))
        return found

    def delete_keys(self, client: str) -> None:
        """Remove the key file of a client. Harmless to repeat.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        self._remove(self._keys_path(client))

    # ------------------------------------------------------------------ whose files these are

    def registry(self) -> str | None:
        """The name of the registry these files belong to, see ``registry_identity``; None: of none yet.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        with contextlib.suppress(FileNotFoundError), _storage_errors():
            content: bytes = self._files.cat_file(self._registry_path)
            return content.decode("ascii", "replace").strip()
        return None

    def keep_registry(self, name: str) -> None:
        """From now on these files belong to the registry ``name``.

        Raises:
            ServiceError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        self._write(self._registry_path, f"{name}\n".encode("ascii"))

    @property
    def _registry_path(self) -> str:
        return f"{self._root}/registry/identity"

    # ------------------------------------------------------------------ removal and space

    def delete_job(self, job_id: str) -> None:
        """Remove all files of a job. Harmless to repeat.

        Raises:
            ServiceError: STORAGE_UNAVAILABLE.
        """
        self._remove(self._job_folder("uploads", job_id))
        self._remove(self._job_folder("artifacts", job_id))
        self._remove(self._job_folder("reviews", job_id))

    def stored_jobs(self) -> tuple[str, ...]:
        """Jobs that have files, sorted; ``sweeping`` deletes those the registry no longer knows."""
        folders = ("uploads", "artifacts", "reviews")
        found = {name for folder in folders for name in self._names(f"{self._root}/{folder}")}
        return tuple(sorted(filter(is_job_id, found)))

    def stored_results(self) -> tuple[str, ...]:
        """Result keys in the cache, sorted."""
        return tuple(filter(is_sha256, self._names(f"{self._root}/cache")))

    def sweep_temporary(self, *, older_than_seconds: float = TEMPORARY_SECONDS) -> int:
        """Remove temporary files whose writer has died; returns how many."""
        swept = 0
        for entry in self._listing(f"{self._root}/temporary", detail=True):
            if time.time() - _modified(entry) >= older_than_seconds:
                # Its writer may have ended after all, and taken it along.
                with contextlib.suppress(FileNotFoundError), _storage_errors():
                    self._files.rm(entry["name"])
                    swept += 1
        return swept

    def free_bytes(self) -> int | None:
        """Free space where the storage is; None where there is no such figure (object stores)."""
        if not self._local:
            return None
        with _storage_errors():
            return shutil.disk_usage(self._root).free

    def require_space(self, *, bytes_needed: int = 0) -> None:
        """Refuse early, before anything is read from the sender.

        Raises:
            ServiceError: STORAGE_FULL when less than ``storage_floor_bytes`` would stay free.
        """
        free = self.free_bytes()
        if free is not None and free - bytes_needed < self.settings.storage_floor_bytes:
            raise ServiceError(STORAGE_FULL, retry_after_seconds=RETRY_AFTER_SECONDS)

    # ------------------------------------------------------------------ paths

    def _keys_path(self, client: str) -> str:
        if not is_client(client):
            raise ValueError("not the name of a client")
        return f"{self._root}/access/{client}.json"

    def upload_path(self, job_id: str, sha256: str) -> str:
        """Path of an upload in the file system; ``ValueError`` for what is no identifier of ours."""
        if not is_sha256(sha256):
            raise ValueError("not a SHA-256")
        return f"{self._job_folder('uploads', job_id)}/{sha256}.pdf"

    def artifact_path(self, job_id: str, document_id: str, name: str) -> str:
        """Path of an artifact in the file system; ``ValueError`` for what is no identifier of ours."""
        if not _ARTIFACT_NAME.fullmatch(name):
            raise ValueError("not the name of an artifact")
        return f"{self._artifact_folder(job_id, document_id)}/{name}"

    def _job_folder(self, kind: str, job_id: str) -> str:
        if not is_job_id(job_id):
            raise ValueError("not a job identifier")
        return f"{self._root}/{kind}/{job_id}"

    def _artifact_folder(self, job_id: str, document_id: str) -> str:
        if not is_document_id(document_id):
            raise ValueError("not a document identifier")
        return f"{self._job_folder('artifacts', job_id)}/{document_id}"

    def _review_path(self, job_id: str, document_id: str, sha256: str) -> str:
        if not (is_document_id(document_id) and is_sha256(sha256)):
            raise ValueError("not a document identifier and a SHA-256")
        return f"{self._job_folder('reviews', job_id)}/{document_id}/{sha256}.json"

    def _cache_folder(self, result_key: str) -> str:
        if not is_sha256(result_key):
            raise ValueError("a result key is a SHA-256")
        return f"{self._root}/cache/{result_key}"

    # ------------------------------------------------------------------ whole files

    def open_temporary(self) -> tuple[str, IO[bytes]]:
        """A new temporary file, for ``settle`` or ``discard``."""
        path = f"{self._root}/temporary/{secrets.token_hex(16)}"
        with _storage_errors():
            if self._local:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                return path, os.fdopen(descriptor, "wb")
            return path, self._files.open(path, "wb")

    def settle(self, temporary: str, stream: IO[bytes], *, final: str, named: bool = True) -> None:
        """Close a temporary file and move it to ``final``, durable on a local disk when this returns.

        Without ``named`` only its bytes are: for several files of one folder, whose names are then made durable
        together.
        """
        with _storage_errors():
            if not self._local:
                stream.close()
                self._files.mv(temporary, final)
                return
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
            folder = Path(final).parent
            folder.mkdir(parents=True, exist_ok=True)
            Path(temporary).replace(final)
        if named:
            self._make_names_durable(str(folder))

    def discard(self, temporary: str, stream: IO[bytes]) -> None:
        """Close and remove a temporary file, if it is still there."""
        # A full disk makes closing fail as well; the file goes all the same.
        with contextlib.suppress(OSError):
            stream.close()
        with contextlib.suppress(FileNotFoundError), _storage_errors():
            self._files.rm_file(temporary)

    def _make_names_durable(self, folder: str) -> None:
        """Bring the entries of a folder, and those of the folders that lead to it, to the disk."""
        if not self._local:
            return
        with _storage_errors():
            steps = Path(folder).relative_to(self._root).parts
            for depth in range(len(steps), 0, -1):
                _sync_folder(Path(self._root, *steps[:depth]))

    def _write(self, path: str, content: bytes, *, named: bool = True) -> None:
        if not self._local:
            # An object appears whole or not at all; a temporary one would cost two requests more.
            with _storage_errors():
                self._files.pipe_file(path, content)
            return
        temporary, stream = self.open_temporary()
        try:
            with _storage_errors():
                stream.write(content)
            self.settle(temporary, stream, final=path, named=named)
        finally:
            self.discard(temporary, stream)

    def _copy(self, names: Iterable[str], *, source: str, target: str) -> None:
        for name in names:
            with _storage_errors():
                if not self._local:
                    # The object store copies by itself; nothing passes through this node.
                    self._files.cp_file(f"{source}/{name}", f"{target}/{name}")
                elif not _hard_link(f"{source}/{name}", f"{target}/{name}"):
                    self._write(f"{target}/{name}", self._files.cat_file(f"{source}/{name}"))

    def _names(self, folder: str) -> tuple[str, ...]:
        paths = self._listing(folder, detail=False)
        return tuple(sorted(path.rstrip("/").rpartition("/")[2] for path in paths))

    def _listing(self, folder: str, *, detail: bool) -> list[Any]:
        """What is in a folder: paths, or what is known of each. An empty one does not exist on an object store."""
        with _storage_errors():
            try:
                # Object stores would answer from an older listing.
                self._files.invalidate_cache(folder)
                found: list[Any] = self._files.ls(folder, detail=detail)
            except FileNotFoundError:
                return []
        return found

    def _remove(self, folder: str) -> None:
        with contextlib.suppress(FileNotFoundError), _storage_errors():
            self._files.rm(folder, recursive=True)


def _modified(entry: Mapping[str, Any]) -> float:
    value = entry.get("mtime") or entry.get("LastModified") or entry.get("created") or 0.0
    return float(value.timestamp() if hasattr(value, "timestamp") else value)


def _hard_link(source: str, target: str) -> bool:
    """Whether ``target`` is now the same file as ``source``; False where the disk has no hard links."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        # Artifacts are never written in place, and equal names of one result have equal bytes.
        return True
    except FileNotFoundError:
        raise
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
