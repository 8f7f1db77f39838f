"""Documents that cannot be read end with their own code and harm no other document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pymupdf
import pytest
from extraction_samples import (
    PROSE,
    endless_pdf,
    greedy_pdf,
    pdf_of,
    picture,
    prose_pdf,
    table_pdf,
    without_pages_pdf,
)

from pipeline.errors import DocumentFault, LimitExceeded, PipelineError
from pipeline.extraction import ExtractionLimits, ExtractionWorker

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = Path(__file__).resolve().parents[3] / ".." / "shared" / "hostile"


def _encrypted() -> bytes:
    document = pymupdf.open("pdf", prose_pdf())
    return bytes(document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="clave", owner_pw="otra"))


def _image_only() -> bytes:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_image(page.rect, stream=picture())
    page.insert_text((72, 800), "Página 1")
    return bytes(document.tobytes())


def _zip_with_mark() -> bytes:
    return b"PK\x03\x04" + b"\0" * 30 + b"%PDF-" + b"\0" * 200


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("empty_file", lambda: b""),
        ("not_a_pdf", lambda: b"<html><body>Plan de desarrollo</body></html>"),
        ("not_a_pdf", lambda: b"\0" * 2000 + prose_pdf()),
        ("encrypted", _encrypted),
        ("no_pages", without_pages_pdf),
        ("malformed", lambda: b"%PDF-1.7\n" + b"\x93" * 500),
        ("malformed", lambda: prose_pdf()[:300]),
        ("malformed", _zip_with_mark),
        ("no_text", _image_only),
        ("no_text", lambda: pdf_of([])),
    ],
)
def test_fault_of_the_document_has_its_code(
    worker: ExtractionWorker, code: str, make: Callable[[], bytes]
) -> None:
    """What is wrong with a document is told by a stable code, and the child goes on working."""
    restarts = worker.restarts
    with pytest.raises(DocumentFault) as raised:
        worker.extract(make())
    assert raised.value.kind.code == code
    assert len(worker.extract(prose_pdf()).pages) == 1
    assert worker.restarts == restarts


def test_document_with_an_empty_user_password_opens(worker: ExtractionWorker) -> None:
    """A PDF that only restricts printing is read like any other."""
    document = pymupdf.open("pdf", prose_pdf())
    pdf = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="otra")
    assert len(worker.extract(pdf).pages[0].lines) == 20


def test_damaged_document_is_read_as_far_as_it_goes(worker: ExtractionWorker) -> None:
    """A file cut near its end is repaired, and says so."""
    pdf = table_pdf()
    document = worker.extract(pdf[: len(pdf) - 60])
    assert "repaired" in document.warnings
    assert document.pages[0].tables


@pytest.mark.parametrize(
    ("code", "limits", "make"),
    [
        ("too_many_pages", ExtractionLimits(max_pages=3), lambda: prose_pdf(pages=4)),
        ("too_much_text", ExtractionLimits(max_text_chars=1_000), prose_pdf),
        ("memory", ExtractionLimits(memory_bytes=170 * 2**20), greedy_pdf),
        ("memory", ExtractionLimits(max_file_bytes=500), prose_pdf),
        ("timeout", ExtractionLimits(wall_seconds=0.7), endless_pdf),
        ("timeout", ExtractionLimits(cpu_seconds=1), endless_pdf),
    ],
)
def test_limit_is_held_and_the_next_document_is_fine(
    code: str, limits: ExtractionLimits, make: Callable[[], bytes]
) -> None:
    """A document over a limit ends with that limit's code; a good one after it is read."""
    with ExtractionWorker(limits=limits) as worker:
        with pytest.raises(LimitExceeded) as raised:
            worker.extract(make())
        assert raised.value.kind.code == code
        if limits.max_text_chars > 1_000 and limits.max_file_bytes > 500:
            assert len(worker.extract(prose_pdf()).pages) == 1


def test_time_limit_can_be_given_for_one_document(worker: ExtractionWorker) -> None:
    """``wall_seconds`` bounds a single document, whatever the worker's own limit is."""
    with pytest.raises(LimitExceeded) as raised:
        worker.extract(endless_pdf(), wall_seconds=0.4)
    assert raised.value.kind.code == "timeout"
    assert worker.extract(pdf_of([(72, 72, PROSE)])).pages[0].lines[0].text == PROSE


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the collection of hostile PDFs is not here")
def test_hostile_documents_end_with_a_document_or_a_code(worker: ExtractionWorker) -> None:
    """Every file of the synthetic attacks is read or refused with a code, and the next one is fine."""
    pdf = prose_pdf()
    good = worker.extract(pdf)
    for path in sorted((HOSTILE / "synthetic").glob("*.pdf")):
        try:
            document = worker.extract(path.read_bytes(), wall_seconds=2.0)
        except PipelineError as error:
            assert error.kind.code in {  # noqa: PT017  either ending is right
                "empty_file", "malformed", "no_pages", "no_text", "not_a_pdf", "timeout", "too_many_pages",
            }, path.name  # fmt: skip
        else:
            assert document.pages, path.name
        assert worker.extract(pdf) == good
