"""What any input may do to a parser of ours: give a value, or its one declared error. Anything else is a finding.

Each target takes bytes and raises only on a finding. ``test_fuzz_*.py`` feeds them from Hypothesis, ``fuzz.py`` from
atheris, which looks for new paths through the code.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

from cluster.errors import ServiceError
from pipeline.extraction import ExtractionLimits
from pipeline.extraction.answers import (
    Finished,
    Pages,
    ProtocolViolation,
    decode,
    without_controls,
)
from pipeline.extraction.page_checks import checked_pages
from pipeline.findings.money_tables import cell_value
from pipeline.model import ColumnRole, EvaluationOptions, ExtractedDocument, Line, Page, RowCell
from pipeline.spanish_numbers import find_numbers, parse_amount
from pipeline.text import fold
from serve_app.file_names import FILE_NAME_CHARS_MAX, clean_file_name, distinct_name
from serve_app.metadata import BatchMetadata, read_metadata
from serve_app.multipart import FileData, FileEnd, FilePart, Part, boundary_of, parts

ROW_PARTS = 8


def text_of(data: bytes) -> str:
    """Text of any bytes: UTF-8 where it is, and no lone surrogates, which cannot arrive."""
    return data.decode("utf-8", "replace")


# --------------------------------------------------------------------------- at the door


def parse_form(body: bytes, *, boundary: bytes, cuts: tuple[int, ...] = ()) -> list[Part] | str:
    """The parts of a body that arrives in pieces cut at these places, or the code of the refusal."""

    async def chunks() -> AsyncIterator[bytes]:
        edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
        for start, end in pairwise(edges):
            yield body[start:end]

    async def read() -> list[Part]:
        return [part async for part in parts(chunks(), boundary=boundary)]

    try:
        return asyncio.run(read())
    except ServiceError as error:
        assert error.refusal.status in {400, 413, 415, 422}  # noqa: PT017  a finding, not a test
        return error.refusal.code


def joined(found: list[Part] | str) -> list[Any] | str:
    """The same parts whatever the pieces they came in."""
    if isinstance(found, str):
        return found
    whole: list[Any] = []
    for part in found:
        if isinstance(part, FileData) and whole and isinstance(whole[-1], bytes):
            whole[-1] += part.data
        else:
            whole.append(part.data if isinstance(part, FileData) else part)
    return whole


def multipart(data: bytes) -> None:
    """Any body, cut anywhere: the parts in their order, or a refusal; and the same however it is cut."""
    cuts, _, body = data.partition(b"|")
    whole = parse_form(body, boundary=b"x")
    pieces = parse_form(body, boundary=b"x", cuts=tuple(cuts))
    if not isinstance(whole, str):
        _assert_in_order(whole)
    # Garbage before the first boundary is skipped or refused by python-multipart, depending on where it is cut.
    if body.startswith(b"--x") and not isinstance(whole, str):
        assert joined(whole) == joined(pieces)


def _assert_in_order(found: list[Part]) -> None:
    inside = False
    for part in found:
        if isinstance(part, FilePart):
            assert not inside
            assert part.name == "" or clean_file_name(part.name) == part.name
            inside = True
        elif isinstance(part, FileData | FileEnd):
            assert inside
            inside = isinstance(part, FileData)
        else:
            assert not inside
    assert not inside


def content_type(data: bytes) -> None:
    """Any Content-Type: a boundary of sensible length, or a refusal."""
    with contextlib.suppress(ServiceError):
        assert 0 < len(boundary_of(data.decode("latin-1"))) <= 200


def metadata(data: bytes) -> None:
    """Any fields: a form that is clean and says the same when it is read again, or a refusal."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        fields = {
            "municipality": text_of(data),
            "department": "x",
            "year": "2024",
            "period": text_of(data[:12]),
        }
    if not isinstance(fields, dict):
        return
    try:
        read = read_metadata(fields)
    except ServiceError as error:
        assert error.refusal.status == 422  # noqa: PT017  a finding, not a test
        return
    assert isinstance(read, BatchMetadata)
    for text in (read.municipality, read.department, read.notes, read.requester_name, read.requester_email):
        assert all(char.isprintable() for char in text)
    assert read_metadata(read.model_dump()) == read
    json.dumps(read.to_job().options)


def file_name(data: bytes) -> None:
    """Any name: one that is no path, shows on one line, fits, and stays what it is when cleaned again."""
    clean = clean_file_name(text_of(data))
    assert 0 < len(clean) <= FILE_NAME_CHARS_MAX
    assert clean.isprintable()
    assert "/" not in clean
    assert "\\" not in clean
    assert clean_file_name(clean) == clean
    other = distinct_name(clean, taken={clean})
    assert other != clean
    assert "/" not in other


# --------------------------------------------------------------------------- from the child


def answer(data: bytes) -> None:
    """Any frame of the child: an answer whose pages are possible, or a violation of the protocol.

    What stands after the first line break is the frame of numbers that follows pages.
    """
    frame, _, numbers = data.partition(b"\n")
    try:
        found = decode(frame)
        if isinstance(found, Pages):
            checked_pages(found.pages, untrusted_numbers=numbers, first=1, limits=ExtractionLimits())
    except ProtocolViolation:
        return
    if isinstance(found, Finished):
        without_controls(found.title)


# --------------------------------------------------------------------------- of the text


def numbers(data: bytes) -> None:
    """Any text: figures in order, each finite and inside the text."""
    text = fold(text_of(data))
    last = 0
    for found in find_numbers(text):
        assert last <= found.start < found.end <= len(text)
        assert isinstance(found.value, Decimal)
        assert found.value.is_finite()
        last = found.end


def amount(data: bytes) -> None:
    """Any cell of a table about money: an amount or none."""
    text = text_of(data)
    value = cell_value(RowCell(start=0, end=len(text), text=text, head="", role=ColumnRole.BUDGET))
    assert value is None or value.is_finite()
    digits = "".join(char for char in text if char in "0123456789.,'")
    if digits[:1].isdigit() and digits[-1:].isdigit():
        read = parse_amount(digits)
        assert read is None or read.is_finite()


_ENGINE: list[Any] = []


def plan_text(data: bytes) -> None:
    """Any lines, as prose or as a table: the eleven nodes end with 300 answers."""
    from pipeline.evaluation import Engine, evaluate  # the other targets need none of it, and start sooner

    if not _ENGINE:
        _ENGINE.append(Engine.load(threads=1))
    lines = [line for line in map(_visible, text_of(data).split("\n")) if line]
    if not lines:
        return
    step = 800.0 / len(lines)
    page = Page(
        number=1,
        width=600.0,
        height=850.0,
        lines=tuple(_line(line, y=20 + step * row, height=step * 0.8) for row, line in enumerate(lines)),
        tables=(),
        image_share=0.0,
    )
    document = ExtractedDocument(sha256="0" * 64, pages=(page,), title=lines[0][:100], warnings=())
    found = evaluate(document, options=EvaluationOptions(evaluate_non_plans=True), engine=_ENGINE[0])
    assert len(found.answers) == 300


def _visible(line: str) -> str:
    return " ".join(without_controls(line).split())


def _line(text: str, *, y: float, height: float) -> Line:
    words = len(text.split())
    edges = tuple(50 + index * 500.0 / (2 * words) for index in range(2 * words))
    return Line(text=text, box=(50.0, y, 550.0, y + height), word_edges=edges, font_size=9.0, bold=False)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "multipart": multipart,
    "content_type": content_type,
    "metadata": metadata,
    "file_name": file_name,
    "answer": answer,
    "numbers": numbers,
    "amount": amount,
    "plan_text": plan_text,
}
