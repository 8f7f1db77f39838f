"""How a batch is sent, told as steps: who carries them out, with threads or with tasks, decides nothing.

A flow is a generator that yields steps and is given their results (or their errors, raised where it waits):
``Call``: make this request; ``Work``: run this function, it blocks; ``Together``: run these flows, so many at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from serve_app import client_calls as calls
from serve_app.client_calls import Call, LocalFile
from serve_app.client_errors import FILE_CODES, ApiError, is_passing
from serve_app.file_names import clean_file_name, distinct_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

UPLOADS_AT_ONCE = 4
"""As many as a service takes at a time (``simultaneous_uploads``)."""
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; ``refusal`` is None for one that was taken."""

    path: Path
    refusal: ApiError | None = None


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """A step that reads files."""

    function: Callable[[], T]


@dataclass(frozen=True, slots=True)
class Together:
    """Flows that do not depend on each other. ``told`` hears each outcome, one after the other; it may raise."""

    flows: Sequence[Flow[Outcome]]
    told: Callable[[Outcome], None]
    at_once: int = UPLOADS_AT_ONCE


Step = Call[Any] | Work[Any] | Together
Flow = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Sending:
    """What is to be sent, and who wants to hear of it.

    ``resume`` is an open batch that holds a part of the files already. ``sent`` and ``refused`` are called for each
    file; without ``refused`` the first refusal ends everything, and so does the last when all files were refused.
    ``opened`` hears the identifier before the first file goes, ``waiting`` why the service makes it wait for that.
    """

    metadata: Mapping[str, Any]
    sent: Callable[[Path], None] = lambda _path: None
    refused: Callable[[Path, ApiError], None] | None = None
    opened: Callable[[str], None] = lambda _job_id: None
    waiting: Callable[[BaseException], None] = lambda _error: None
    resume: str | None = None
    idempotency_key: str | None = None
    patience_seconds: float = PATIENCE_SECONDS

    def flow(self, paths: Sequence[Path]) -> Flow[str]:
        """Open the batch, send what is missing, submit it; gives the job.

        A batch that was refused is deleted; one that was interrupted, at the service, on the way or here, stays open,
        and the error says how to go on.
        """
        job_id = self.resume or (
            yield from perform(
                calls.open_batch(self.metadata, patience_seconds=self.patience_seconds, waiting=self.waiting)
            )
        )
        self.opened(job_id)
        try:
            return (yield from self._fill(job_id, paths))
        except BaseException as error:
            if is_interruption(error) or self.resume:
                _say_how_to_go_on(error, job_id=job_id)
            else:
                yield from _discard(job_id)
            raise

    def _fill(self, job_id: str, paths: Sequence[Path]) -> Flow[str]:
        there: frozenset[tuple[str, str]] = frozenset()
        if self.resume:
            there = yield from perform(calls.arrived(job_id, patience_seconds=self.patience_seconds))
        refusals = 0

        def told(outcome: Outcome) -> None:
            nonlocal refusals
            if outcome.refusal is None:
                self.sent(outcome.path)
                return
            refusals += 1
            if self.refused is None or outcome.refusal.code not in FILE_CODES or refusals == len(paths):
                raise outcome.refusal
            self.refused(outcome.path, outcome.refusal)

        files = [self._one(job_id, path=path, name=name, there=there) for path, name in distinct_names(paths)]
        yield Together(files, told)
        return (
            yield from perform(
                calls.submit(
                    job_id, idempotency_key=self.idempotency_key, patience_seconds=self.patience_seconds
                )
            )
        )

    def _one(self, job_id: str, *, path: Path, name: str, there: frozenset[tuple[str, str]]) -> Flow[Outcome]:
        file: LocalFile = yield Work(lambda: local_file(path, name=name))
        if (file.name, file.sha256) in there:
            return Outcome(path)
        try:
            yield from perform(calls.send_file(job_id, file, patience_seconds=self.patience_seconds))
        except ApiError as error:
            if is_passing(error):
                raise
            return Outcome(path, error)
        return Outcome(path)


def perform(call: Call[T]) -> Flow[T]:
    """A flow of one request, for the type of its result."""
    result: T = yield call
    return result


def is_interruption(error: BaseException) -> bool:
    """Whether a batch that ended so far with this error can be gone on with: anything but a refusal."""
    return not isinstance(error, ApiError) or is_passing(error)


def _discard(job_id: str) -> Flow[None]:
    # It is of no use any more; if it cannot be deleted now, it expires by itself.
    try:
        yield from perform(calls.delete(job_id, keep=False))
    except Exception as error:  # noqa: BLE001  what is told is the error that led here
        del error


def _say_how_to_go_on(error: BaseException, *, job_id: str) -> None:
    error.add_note(
        f"Lo que ya llegó sigue en el servicio; el mismo envío con resume={job_id!r} envía el resto."
    )


def local_file(path: Path, *, name: str) -> LocalFile:
    """A file with its size and hash.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return LocalFile(path, name, hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def distinct_names(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Each path with a name that no other of them has."""
    taken: set[str] = set()
    for path in paths:
        name = distinct_name(clean_file_name(path.name), taken=taken)
        taken.add(name)
        yield path, name
