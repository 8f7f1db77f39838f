"""The parent's side of extraction: one confined child, replaced whenever it is no longer to be trusted."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar

import msgspec

from pipeline import errors
from pipeline.errors import DocumentFault, ExtractionFailure, LimitExceeded, PipelineError
from pipeline.extraction import answers
from pipeline.extraction.answers import ProtocolViolation
from pipeline.extraction.child_process import ChildGone, ChildProcess, DeadlinePassed, FrameTooLong
from pipeline.extraction.limits import ExtractionLimits
from pipeline.extraction.page_checks import checked_page, checked_pages
from pipeline.extraction.scans import page_has_text, scanned_pages
from pipeline.model import ExtractedDocument, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from pipeline.extraction.ocr import PageReader
    from pipeline.model import Box

_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1024
_PNG_MARK = b"\x89PNG\r\n\x1a\n"
_MAX_TITLE_CHARS = 500

_DOCUMENT_FAULTS = {
    kind.code: kind
    for kind in (
        errors.ENCRYPTED,
        errors.MALFORMED,
        errors.NOT_A_PDF,
        errors.NO_PAGES,
        errors.FAULT_DOCUMENT,
    )
}
_LIMITS = {kind.code: kind for kind in (errors.MEMORY, errors.TOO_MANY_PAGES, errors.TOO_MUCH_TEXT)}
_OF_THE_READER = (errors.OCR_FAILED, errors.OCR_LIMIT)
"""After these the child waits for the next document as before."""
_WARNINGS = frozenset({"repaired", "unreadable_pages", "hidden_text"})


Result = TypeVar("Result")
Wanted = TypeVar("Wanted", bound=answers.Answer)


class ExtractionCancelled(ExtractionFailure):
    """``cancel`` was called while the document was being read."""


class NoSuchPage(ValueError):
    """``render_page`` was asked for a page that the document does not have."""


class ExtractionWorker:
    """Reads PDFs in a child process that holds the parser and nothing else.

    One document at a time; calls from several threads wait for one another, except ``cancel``.
    The child is started at the first document and replaced after ``documents_per_child`` documents or
    after any failure that is not the plain answer "this document cannot be read".
    """

    def __init__(
        self,
        *,
        limits: ExtractionLimits | None = None,
        fault_documents: bool = False,
        reader: PageReader | None = None,
    ) -> None:
        """Make a worker; it starts nothing yet.

        Args:
            limits: what a document may cost.
            fault_documents: obey documents that name a fault (for tests), instead of refusing them.
            reader: reads pages that are pictures; without one they stay pictures.
        """
        self._reader = reader
        self._limits = limits or ExtractionLimits()
        self._fault_documents = fault_documents
        self._one_at_a_time = threading.Lock()
        self._child: ChildProcess | None = None
        self._cancelled = False
        self._busy = False
        self._served = 0
        self._started = 0
        self._sandbox: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def restarts(self) -> int:
        """How many children were started after the first one."""
        return max(self._started - 1, 0)

    @property
    def child_pid(self) -> int | None:
        """Process id of the present child, for memory figures; ``None`` while there is none."""
        child = self._child
        return child.pid if child is not None else None

    def sandbox_report(self) -> dict[str, str]:
        """What confines the child, measure by measure (starts the child if there is none yet)."""
        with self._one_at_a_time, self._coded_errors():
            self._ready_child()
            return dict(self._sandbox)

    def extract(self, pdf: bytes, *, wall_seconds: float | None = None) -> ExtractedDocument:
        """Read ``pdf``. Equal bytes give equal documents.

        Args:
            pdf: The whole file.
            wall_seconds: Time this document may take, when that is less than the limits allow.

        Raises:
            DocumentFault: Empty file, no PDF, encrypted, damaged, without pages or without text.
            LimitExceeded: Too large, too many pages, too much text, memory, time.
            ExtractionFailure: The child crashed or answered rubbish; a fresh child may succeed.
        """
        self._refuse_early(pdf)
        end = math.inf if wall_seconds is None else time.monotonic() + wall_seconds
        header = {
            "command": "extract",
            "max_pages": self._limits.max_pages,
            "max_text_chars": self._limits.max_text_chars,
            "cpu_seconds": self._limits.cpu_seconds,
            "fault_documents": self._fault_documents,
        }
        with self._one_at_a_time, self._coded_errors():
            pages, finished = self._asked(
                header, pdf=pdf, wall_seconds=wall_seconds, collect=self._collect_pages
            )
            recognised = self._read_pictures(pdf, pages=pages, end=end) if self._reader else ()
        return self._document(pdf, pages=pages, finished=finished, recognised=recognised)

    def render_page(
        self, pdf: bytes, *, page: int, highlights: Sequence[Box] = (), width_px: int = 1000
    ) -> bytes:
        """Draw one page as PNG, ``highlights`` (boxes in points) marked in translucent yellow.

        Raises:
            NoSuchPage: The document has no such page.
            ValueError: The width is not sensible.
            DocumentFault: See ``extract``; further ``LimitExceeded`` and ``ExtractionFailure``.
        """
        if not 1 <= width_px <= self._limits.max_width_px:
            raise ValueError(f"width_px must be 1..{self._limits.max_width_px}")
        self._refuse_early(pdf)
        header = self._to_draw(page, width_px=width_px) | {"highlights": list(highlights)}
        with self._one_at_a_time, self._coded_errors():
            return self._asked(header, pdf=pdf, wall_seconds=None, collect=self._collect_png)

    def cancel(self) -> None:
        """Kill the child of a running call, which raises ``ExtractionCancelled``; any thread may call."""
        if self._busy:
            self._cancelled = True
            if self._reader is not None:
                self._reader.cancel()
            child = self._child
            if child is not None:
                child.kill()

    def close(self) -> None:
        """End the child. The worker may be used again; it starts a new one."""
        with self._one_at_a_time:
            self._end_child()

    def _refuse_early(self, pdf: bytes) -> None:
        if not pdf:
            raise DocumentFault(errors.EMPTY_FILE)
        if _PDF_MARK not in pdf[:_PDF_MARK_WITHIN]:
            raise DocumentFault(errors.NOT_A_PDF)
        if len(pdf) > self._limits.max_file_bytes:
            raise LimitExceeded(errors.MEMORY, f"{len(pdf)} bytes")

    def _asked(
        self,
        header: dict[str, object],
        *,
        pdf: bytes,
        wall_seconds: float | None,
        collect: Callable[[ChildProcess, float], Result],
    ) -> Result:
        """Send one request to a child that waits for one, and collect its answers."""
        child = self._ready_child()
        self._go_on()
        allowed = self._limits.wall_seconds if wall_seconds is None else wall_seconds
        deadline = time.monotonic() + min(allowed, self._limits.wall_seconds)
        self._served += 1
        child.send((msgspec.json.encode(header), pdf), deadline=deadline)
        result = collect(child, deadline)
        if self._served >= self._limits.documents_per_child:
            self._end_child()
        return result

    def _go_on(self) -> None:
        if self._cancelled:
            raise ExtractionCancelled(errors.PARSER_CRASH, "cancelled")

    def _to_draw(self, page: int, *, width_px: int) -> dict[str, object]:
        return {
            "command": "render",
            "max_pages": self._limits.max_pages,
            "cpu_seconds": self._limits.cpu_seconds,
            "page": page,
            "highlights": [],
            "width_px": width_px,
        }

    def _read_pictures(self, pdf: bytes, *, pages: list[Page], end: float) -> tuple[tuple[int, float], ...]:
        """Exchange pages that are pictures for what the reader finds on them; their numbers, and how sure it is."""
        reader = self._reader
        assert reader is not None  # noqa: S101  asked before
        recognised: list[tuple[int, float]] = []
        for number in scanned_pages(pages)[: reader.limits.pages]:
            page = pages[number - 1]
            width_px = reader.width_px(page, most=self._limits.max_width_px)
            header = self._to_draw(number, width_px=width_px) | {"grey": True}
            left = end - time.monotonic()
            untrusted_pgm = self._asked(header, pdf=pdf, wall_seconds=left, collect=self._collect_image)
            try:
                read = reader.read(untrusted_pgm, page=page, deadline=end)
            except (ExtractionFailure, LimitExceeded) as error:
                self._go_on()
                if time.monotonic() >= end:
                    raise LimitExceeded(errors.TIMEOUT, "while pictures were read") from error
                raise
            if page_has_text(read.page):
                limits = self._limits
                pages[number - 1] = checked_page(read.page, number=number, limits=limits)
                recognised.append((number, read.confidence))
        if sum(len(line.text) for page in pages for line in page.lines) > self._limits.max_text_chars:
            raise LimitExceeded(errors.TOO_MUCH_TEXT)
        return tuple(recognised)

    @contextlib.contextmanager
    def _coded_errors(self) -> Iterator[None]:
        """Whatever goes wrong inside becomes a coded error; a child that may be harmed is ended."""
        self._busy = True
        try:
            yield
        except (DocumentFault, NoSuchPage):
            raise
        except PipelineError as error:
            if error.kind not in _OF_THE_READER:
                self._end_child()
            raise
        except DeadlinePassed as error:
            self._end_child()
            raise LimitExceeded(errors.TIMEOUT) from error
        except (ProtocolViolation, FrameTooLong) as error:
            self._end_child()
            raise ExtractionFailure(errors.CHILD_PROTOCOL, str(error)) from error
        except ChildGone as error:
            self._raise_gone(error)
        except OSError as error:
            self._end_child()
            raise ExtractionFailure(errors.PARSER_CRASH, f"no child: {error.strerror}") from error
        except BaseException:
            self._end_child()
            raise
        finally:
            self._busy = self._cancelled = False

    def _ready_child(self) -> ChildProcess:
        if self._child is not None:
            if self._child.waits and self._served < self._limits.documents_per_child:
                return self._child
            self._end_child()
        limits = self._limits
        total = limits.cpu_seconds * limits.documents_per_child
        child = ChildProcess((str(os.getpid()), str(limits.memory_bytes), str(total)))
        self._child = child
        self._started += 1
        self._served = 0
        deadline = time.monotonic() + limits.start_seconds
        greeting = answers.decode(child.receive(deadline=deadline, max_bytes=limits.max_frame_bytes))
        if not isinstance(greeting, answers.Ready):
            raise ProtocolViolation("no greeting")
        self._sandbox = greeting.sandbox
        return child

    def _end_child(self) -> int | None:
        child, self._child = self._child, None
        return child.end() if child is not None else None

    def _raise_gone(self, error: ChildGone) -> NoReturn:
        """The child's pipe closed: say whether it was cancelled, ran out of CPU time or crashed."""
        cancelled = self._cancelled
        if self._child is not None:
            self._child.wait_for_end(seconds=1.0)
        status = self._end_child()
        if cancelled:
            raise ExtractionCancelled(errors.PARSER_CRASH, "cancelled") from error
        if status is not None and -status == signal.SIGXCPU:
            raise LimitExceeded(errors.TIMEOUT, "CPU time") from error
        raise ExtractionFailure(errors.PARSER_CRASH, _ending(status)) from error

    def _collect_pages(self, child: ChildProcess, deadline: float) -> tuple[list[Page], answers.Finished]:
        limits = self._limits
        pages: list[Page] = []
        left_bytes = limits.max_answer_bytes
        left_chars = limits.max_text_chars
        while True:
            frame = child.receive(deadline=deadline, max_bytes=min(limits.max_frame_bytes, left_bytes))
            left_bytes -= len(frame)
            answer = answers.decode(frame)
            if isinstance(answer, answers.Finished):
                if answer.pages != len(pages) or not pages or not _WARNINGS.issuperset(answer.warnings):
                    raise ProtocolViolation("the end of a document")
                return pages, answer
            columns = _expected(answer, kind=answers.Pages).pages
            left_chars -= sum([sum(map(len, page.texts)) for page in columns])
            if len(pages) + len(columns) > limits.max_pages or left_chars < 0:
                raise ProtocolViolation("more than was asked for")
            numbers = child.receive(deadline=deadline, max_bytes=min(limits.max_frame_bytes, left_bytes))
            left_bytes -= len(numbers)
            pages += checked_pages(columns, untrusted_numbers=numbers, first=len(pages) + 1, limits=limits)

    def _collect_png(self, child: ChildProcess, deadline: float) -> bytes:
        untrusted_png = self._collect_image(child, deadline)
        if not untrusted_png.startswith(_PNG_MARK):
            raise ProtocolViolation("no PNG")
        return untrusted_png

    def _collect_image(self, child: ChildProcess, deadline: float) -> bytes:
        max_bytes = self._limits.max_frame_bytes
        _expected(answers.decode(child.receive(deadline=deadline, max_bytes=max_bytes)), kind=answers.Image)
        return child.receive(deadline=deadline, max_bytes=max_bytes)

    @staticmethod
    def _document(
        pdf: bytes,
        *,
        pages: list[Page],
        finished: answers.Finished,
        recognised: tuple[tuple[int, float], ...],
    ) -> ExtractedDocument:
        if not any(page_has_text(page) for page in pages):
            raise DocumentFault(errors.NO_TEXT)
        warnings = set(finished.warnings)
        if scanned_pages(pages):
            warnings.add("scanned_pages")
        if recognised:
            warnings.add("recognised_pages")
        return ExtractedDocument(
            sha256=hashlib.sha256(pdf).hexdigest(),
            pages=tuple(pages),
            title=answers.without_controls(finished.title)[:_MAX_TITLE_CHARS].strip(),
            warnings=tuple(sorted(warnings)),
            recognised=recognised,
        )


def _expected(answer: answers.Answer, *, kind: type[Wanted]) -> Wanted:
    """The answer, if it is of the kind that is due; a fault is raised as the error it stands for."""
    if isinstance(answer, kind):
        return answer
    if not isinstance(answer, answers.Fault):
        raise ProtocolViolation("an answer out of turn")
    if answer.code == "no_such_page":
        raise NoSuchPage("the document has no such page")
    detail = answers.without_controls(answer.detail)[:300]
    if answer.code in _DOCUMENT_FAULTS:
        raise DocumentFault(_DOCUMENT_FAULTS[answer.code], detail)
    if answer.code in _LIMITS:
        raise LimitExceeded(_LIMITS[answer.code], detail)
    raise ProtocolViolation("an unknown code")


def _ending(status: int | None) -> str:
    if status is None:
        return "did not end"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"exit status {status}"
