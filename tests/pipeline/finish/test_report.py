"""Reports: readable, harmless whatever a plan contains, and the same bytes for the same results."""

from __future__ import annotations

import csv
import io
import zipfile
from copy import deepcopy
from typing import Any

import pymupdf
import pytest

from pipeline import coverage
from pipeline.extraction import worker
from pipeline.report import ZipEntry, render_csv, render_pdf, write_zip
from pipeline.report.table import FORMULA_STARTS
from pipeline.report.wording import RECOGNISED, WARNINGS

MARGIN_PT = 60
"""A little less than the margins of the report."""
HOSTILE = '#panic("x") $ \\ = *título* `raw` <label> @cita //c \u202e\x07 ' + "x" * 400


def _pages(pdf: bytes) -> list[str]:
    with pymupdf.open(stream=pdf, filetype="pdf") as document:
        return [page.get_text() for page in document]


def test_the_report_of_a_plan_says_what_an_analyst_looks_for(result: dict[str, Any]) -> None:
    """Municipality, overall score, all ten points and the hash of the result stand in the report."""
    text = " ".join("".join(_pages(render_pdf([result]))).split())

    assert "Villa Esperanza del Yarí" in text
    assert f"{result['overall']['score']:.2f}".replace(".", ",") in text
    assert all(f"{point['id']}. {point['name']}" in text for point in result["points"])
    assert result["deterministic_hash"] in text.replace(" ", "")


def test_a_batch_begins_with_a_comparison(result: dict[str, Any]) -> None:
    """The report of several plans opens with a table of all of them; every page holds something."""
    other = deepcopy(result)
    other["document"]["municipality"] = "Puerto Arrayán"
    pages = _pages(render_pdf([result, other]))

    assert "Comparación de 2 planes" in pages[0]
    assert "Puerto Arrayán" in pages[0]
    assert all(len(page.split()) > 10 for page in pages)


def test_the_same_results_give_the_same_pdf(result: dict[str, Any]) -> None:
    """A report can be compared by its bytes."""
    assert render_pdf([result]) == render_pdf([deepcopy(result)])


def test_text_of_a_plan_is_never_markup(result: dict[str, Any]) -> None:
    """Whatever stands in a quote or a title appears as it is and runs nothing."""
    result["document"]["municipality"] = HOSTILE
    for answer in result["answers"]:
        for criterion in answer["criteria"].values():
            for entry in criterion["evidence"]:
                entry["quote"] = HOSTILE
    text = "".join(_pages(render_pdf([result])))

    assert '#panic("x")' in text
    assert "*título*" in text
    assert not set(text) & set("\u202e\x07")


def test_nothing_runs_off_the_page(result: dict[str, Any]) -> None:
    """Words of any length, as web addresses have, are broken inside the margins of every page."""
    address = "https://" + "W" * 200
    result["file_name"] = result["document"]["title"] = result["document"]["municipality"] = address
    for item in result["findings"]["indicators"]["items"]:
        item["name"] = item["baseline"] = item["target"] = address
    for answer in result["answers"]:
        for criterion in answer["criteria"].values():
            for entry in criterion["evidence"]:
                entry["quote"] = entry["section"] = address
    with pymupdf.open(stream=render_pdf([result, result]), filetype="pdf") as document:
        beyond = [
            (page.number, word[4])
            for page in document
            for word in page.get_text("words")
            if word[0] < MARGIN_PT or word[2] > page.rect.width - MARGIN_PT
        ]

    assert beyond == []


def test_a_name_longer_than_a_line_keeps_its_letters(result: dict[str, Any]) -> None:
    """Breaking a long file name changes none of its characters."""
    name = "plan-de-desarrollo-municipal-de-la-peña-2020-2023-versión-aprobada.pdf"
    result["file_name"] = name
    text = "".join("".join(_pages(render_pdf([result]))).split()).replace("\u200b", "")

    assert name in text


def test_a_reader_is_told_what_limits_the_result(result: dict[str, Any]) -> None:
    """Skipped nodes, scanned pages and points that do not apply stand in words on the first page."""
    result["warnings"] = ["scanned_pages", "nodes_skipped", "points_not_applicable"]
    result["findings"]["skipped"] = ["monetary_detection", "causal_detection"]
    result["points"][9]["applicable"] = False
    pages = [" ".join(page.split()) for page in _pages(render_pdf([result]))]

    assert "la detección de montos y el análisis causal" in pages[0]
    assert "imágenes sin texto" in pages[0]
    assert "Migración transfronteriza (no aplica)" in pages[0]
    assert "No aplica a este municipio" in " ".join(pages)


def test_every_warning_has_a_spanish_sentence() -> None:
    """No warning that an evaluation can carry is passed over in silence; skipped nodes are named one by one."""
    codes = {
        *worker._WARNINGS,
        "scanned_pages",
        RECOGNISED,
        coverage.NOT_A_PLAN,
        coverage.POINTS_NOT_APPLICABLE,
    }

    assert codes == set(WARNINGS)


def test_nothing_to_report_is_refused() -> None:
    """An empty list is a mistake of the caller."""
    with pytest.raises(ValueError, match="nothing"):
        render_pdf([])


def test_the_table_has_one_row_per_answer(result: dict[str, Any]) -> None:
    """300 rows and a head, readable by a spreadsheet with its accents."""
    content = render_csv([result])
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))

    assert content.startswith(b"\xef\xbb\xbf")
    assert len(rows) == 300
    assert rows[0]["pregunta"] == "P1-D1-Q1"
    assert float(rows[0]["puntaje"]) == result["answers"][0]["score"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "\u200b=", "  @"])
def test_cells_are_safe_for_spreadsheets(result: dict[str, Any], start: str) -> None:
    """A passage that begins like a formula is written so that no spreadsheet runs it."""
    result["answers"][0]["explanation"] = f"{start}HYPERLINK(1)"
    row = next(csv.DictReader(io.StringIO(render_csv([result]).decode("utf-8-sig"))))

    assert row["explicacion"].startswith("'")


@pytest.mark.parametrize(
    "text",
    ['meta; =HYPERLINK("x")', "meta\n=1+1", 'meta;"=1+1', 'meta;""\'@SUM(1)', "meta;\u200b＝1", "meta;\n;-1"],
)
def test_cells_are_safe_where_semicolons_separate(result: dict[str, Any], text: str) -> None:
    """A spreadsheet set to Spanish splits at semicolons, even inside quotes: no part begins like a formula."""
    result["answers"][0]["explanation"] = text
    content = render_csv([result]).decode("utf-8-sig")
    cells = [cell.lstrip(' "') for line in content.splitlines() for cell in line.split(";")]

    assert not [cell for cell in cells if cell.startswith(FORMULA_STARTS)]


def test_archives_depend_on_their_content_alone() -> None:
    """The same entries give the same bytes, with fixed dates and plain files."""
    entries = [ZipEntry("documents/001/a.json", b"{}" * 1000), ZipEntry("answers.csv", b"x")]
    first, second = io.BytesIO(), io.BytesIO()
    write_zip(entries, target=first)
    write_zip(iter(entries), target=second)

    assert first.getvalue() == second.getvalue()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [entry.name for entry in entries]
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
