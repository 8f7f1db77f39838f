"""Pages that are pictures become lines and tables with their places, read by the real Tesseract."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pymupdf
import pytest
from extraction_samples import prose_pdf, scanned

from pipeline.artifacts import artifacts
from pipeline.errors import OCR_LIMIT, DocumentFault, LimitExceeded, NotEquipped
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.extraction.ocr import OcrLimits, PageReader, Tesseract
from pipeline.model import EvaluationOptions, ExtractedDocument, Page
from pipeline.report import render_pdf

pytestmark = [pytest.mark.external, pytest.mark.timeout(900)]

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "puerto-arrayan.pdf"


@pytest.fixture(scope="module")
def tesseract() -> Tesseract:
    """The program of this machine: tests are left out where it is not installed, except in CI."""
    try:
        return Tesseract.find()
    except NotEquipped as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no Tesseract with Spanish: {error.detail}")


@pytest.fixture(scope="module")
def reader(tesseract: Tesseract) -> PageReader:
    """With the limits that are the default."""
    return PageReader(tesseract)


@pytest.fixture(scope="module")
def worker(reader: PageReader) -> Iterator[ExtractionWorker]:
    """A worker that reads pictures."""
    with ExtractionWorker(reader=reader) as reading:
        yield reading


@pytest.fixture(scope="module")
def original(worker: ExtractionWorker) -> ExtractedDocument:
    """A sample plan as it is, with text."""
    return worker.extract(SAMPLE.read_bytes())


@pytest.fixture(scope="module")
def read(worker: ExtractionWorker) -> ExtractedDocument:
    """The same plan as a scan."""
    return worker.extract(scanned(SAMPLE.read_bytes()))


def _result(document: ExtractedDocument, *, engine: Engine) -> dict[str, Any]:
    written = artifacts(evaluate(document, options=EvaluationOptions(), engine=engine))
    result: dict[str, Any] = msgspec.json.decode(written["evaluation_results.json"])
    return result


def test_a_scanned_plan_is_evaluated_like_the_original(
    original: ExtractedDocument, read: ExtractedDocument, reader: PageReader
) -> None:
    """Of 1,200 criteria at most one in fifty ends otherwise; page numbers are named with how sure the reading is."""
    engine = Engine.load(reader=reader)
    plan, scan = (_result(document, engine=engine) for document in (original, read))
    criteria = [
        {
            (answer["question_id"], key): found["met"]
            for answer in result["answers"]
            for key, found in answer["criteria"].items()
        }
        for result in (plan, scan)
    ]
    changed = [key for key, met in criteria[0].items() if criteria[1][key] != met]

    assert plan["overall"]["criteria_met"] > 100
    assert len(changed) <= 24, changed
    assert scan["document"]["municipality"] == plan["document"]["municipality"]
    assert "recognised_pages" in scan["warnings"]
    assert "scanned_pages" not in scan["warnings"]
    recognised = scan["document"]["recognised_pages"]
    assert [page["page"] for page in recognised["pages"]] == list(range(1, len(original.pages) + 1))
    assert recognised["confidence"] > 80
    with pymupdf.open(stream=render_pdf([scan])) as report:
        first = " ".join(" ".join(page.get_text() for page in report).split())
    assert f"(OCR): 1 a {len(original.pages)}; confianza media" in first
    assert "recognised_pages" not in plan["document"]


def test_a_passage_stands_where_it_stands_on_the_page(
    original: ExtractedDocument, read: ExtractedDocument
) -> None:
    """Lines read from the picture lie within four points of the same lines of the original."""
    compared = 0
    for plan, scan in zip(original.pages, read.pages, strict=True):
        found = {line.text: line for line in scan.lines}
        for line in plan.lines:
            if len(line.text) > 40 and line.text in found:
                box = found[line.text].box
                assert max(abs(a - b) for a, b in zip(line.box, box, strict=True)) < 4, line.text
                compared += 1
    assert compared > 20


def test_tables_keep_their_cells(original: ExtractedDocument, read: ExtractedDocument) -> None:
    """The borders drawn on the picture give the same rows and columns as those drawn in the PDF."""

    def shapes(document: ExtractedDocument) -> list[tuple[int, int, int]]:
        return [
            (page.number, len(table.rows), len(table.rows[0]))
            for page in document.pages
            for table in page.tables
        ]

    assert shapes(original)
    assert shapes(read) == shapes(original)


def test_only_pictures_are_read(worker: ExtractionWorker) -> None:
    """In a mixed document the page with text is what it is without OCR, byte by byte."""
    pdf = scanned(prose_pdf(pages=2), pages=[1])
    with ExtractionWorker() as plain:
        without = plain.extract(pdf)
    with_reading = worker.extract(pdf)

    assert without.warnings == ("scanned_pages",)
    assert with_reading.warnings == ("recognised_pages",)
    assert with_reading.pages[0] == without.pages[0]
    assert [page for page, _ in with_reading.recognised] == [2]
    assert "niñez rural" in _text(with_reading.pages[1])


def test_the_same_picture_gives_the_same_page(worker: ExtractionWorker, tesseract: Tesseract) -> None:
    """Again, with a reader of its own, and with the arithmetic of processors that have no AVX2."""
    pdf = scanned(prose_pdf(), dpi=120)
    slow = Tesseract(tesseract.program, tesseract.version, tesseract.data_folder, arithmetic="generic")
    with ExtractionWorker(reader=PageReader(slow)) as other:
        documents = [worker.extract(pdf), worker.extract(pdf), other.extract(pdf)]

    assert documents[0].recognised
    assert documents[1] == documents[0]
    assert documents[2] == documents[0]


def test_pictures_beyond_the_limit_stay_pictures_and_are_named(tesseract: Tesseract) -> None:
    """With a limit of one page the second one is counted as scanned, as it would be without OCR."""
    limited = PageReader(tesseract, limits=OcrLimits(pages=1))
    with ExtractionWorker(reader=limited) as worker:
        document = worker.extract(scanned(prose_pdf(pages=2)))

    assert [page for page, _ in document.recognised] == [1]
    assert document.warnings == ("recognised_pages", "scanned_pages")
    assert document.pages[1].lines == ()


def test_a_blank_sheet_is_no_text(worker: ExtractionWorker) -> None:
    """A picture on which there is nothing to read ends like any document without text."""
    with pymupdf.open() as document:
        document.new_page()
        blank = bytes(document.tobytes())
    with pytest.raises(DocumentFault) as raised:
        worker.extract(scanned(blank))
    assert raised.value.kind.code == "no_text"


def test_a_page_that_costs_too_much_ends_the_document(tesseract: Tesseract) -> None:
    """Processor time runs out on a dense page; the worker reads the next document."""
    dense = scanned((SAMPLE.parent / "villa-esperanza-del-yari.pdf").read_bytes(), pages=[3])
    strict = PageReader(tesseract, limits=OcrLimits(page_seconds=1))
    with ExtractionWorker(reader=strict) as worker:
        with pytest.raises(LimitExceeded) as raised:
            worker.extract(dense)
        assert raised.value.kind is OCR_LIMIT
        assert worker.extract(prose_pdf()).pages


def test_what_reads_pictures_is_part_of_the_freeze(tesseract: Tesseract, tmp_path: Path) -> None:
    """OCR on or off, its version, its language data and the number of pages it reads are told apart by the hash."""
    other_data = tmp_path / "tessdata"
    other_data.mkdir()
    (other_data / "spa.traineddata").write_bytes(b"another language")
    readers = (
        None,
        PageReader(tesseract),
        PageReader(tesseract, limits=OcrLimits(pages=7)),
        PageReader(Tesseract(tesseract.program, "5.9.9", tesseract.data_folder, tesseract.arithmetic)),
        PageReader(Tesseract(tesseract.program, tesseract.version, other_data, tesseract.arithmetic)),
    )
    options = EvaluationOptions()
    hashes = [Engine.load(reader=reader).freeze_hash(options) for reader in readers]

    assert len(set(hashes)) == len(readers)
    assert Engine.load(reader=PageReader(tesseract)).freeze_hash(options) == hashes[1]


def _text(page: Page) -> str:
    return " ".join(line.text for line in page.lines)


def test_a_page_laid_askew_keeps_its_lines_and_columns(worker: ExtractionWorker) -> None:
    """Turned by most of a degree, lines stay apart in their order, and the table has its eleven columns."""
    turned = pymupdf.Matrix(200 / 72, 200 / 72).prerotate(0.8)
    with pymupdf.open(SAMPLE.parent / "villa-esperanza-del-yari.pdf") as plan, pymupdf.open() as scan:
        picture = plan[6].get_pixmap(matrix=turned, colorspace=pymupdf.csGRAY).tobytes("jpeg")
        sheet = scan.new_page(width=plan[6].rect.width, height=plan[6].rect.height)
        sheet.insert_image(sheet.rect, stream=picture, keep_proportion=False)
        (page,) = worker.extract(bytes(scan.tobytes())).pages
    text = _text(page)

    assert "las mujeres urbanas y rurales, con énfasis en mujeres indígenas" in text
    assert "en el Comité de Mujer, con participación de la Red de Mujeres" in text
    assert len(page.tables[0].rows[0]) == 11
