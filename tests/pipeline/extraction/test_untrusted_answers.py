"""A child that was taken over cannot get anything but valid documents past the parent."""

from __future__ import annotations

import functools
import json
from array import array
from typing import Any

import msgspec
import pytest
from extraction_samples import prose_pdf

from pipeline.errors import ExtractionFailure
from pipeline.extraction import ExtractionLimits, ExtractionWorker
from pipeline.extraction import worker as worker_module
from pipeline.extraction.answers import Pages, ProtocolViolation, decode
from pipeline.extraction.child_process import ChildProcess
from pipeline.extraction.page_checks import checked_page, checked_pages
from pipeline.model import Line, Page

NUMBERS = (0.0, 0.0, 50.0, 10.0, 0.0, 20.0, 25.0, 50.0)
"""Of one line of two words: its box, then the edges of its words."""
LINE = Line("una línea", box=NUMBERS[:4], word_edges=NUMBERS[4:], font_size=11.0, bold=False)
CELL = {"text": "una línea", "box": [0, 0, 50, 10], "lines": [0]}
PAGE: dict[str, Any] = {
    "number": 1,
    "width": 595,
    "height": 842,
    "texts": ["una línea"],
    "sizes": [11],
    "bold": [False],
    "tables": [{"box": [0, 0, 50, 10], "rows": [[CELL, None]], "ruled": True}],
    "image_share": 0,
}


def _read(page: dict[str, Any], *, numbers: bytes | None = None) -> Page:
    answer = decode(json.dumps({"kind": "pages", "pages": [page]}).encode())
    assert isinstance(answer, Pages)
    numbers = array("f", NUMBERS).tobytes() if numbers is None else numbers
    (read,) = checked_pages(answer.pages, untrusted_numbers=numbers, first=1, limits=ExtractionLimits())
    return read


def test_an_honest_page_passes() -> None:
    """The page that the other tests spoil is valid, and its columns become lines."""
    assert _read(PAGE).lines == (LINE,)


def test_places_become_hundredths_of_a_point() -> None:
    """Halves go up, and there is one zero."""
    numbers = array("f", [-0.004, 0.126, 50.004, 10.006, *NUMBERS[4:]]).tobytes()

    assert repr(_read(PAGE, numbers=numbers).lines[0].box) == "(0.0, 0.13, 50.0, 10.01)"


@pytest.mark.parametrize(
    "change",
    [
        {"number": 2},
        {"width": -1},
        {"width": 1e300},
        {"image_share": 1.5},
        {"width": float("nan")},
        {"height": float("inf")},
        {"surprise": "field", "number": "1"},
        {"texts": ["una"]},
        {"texts": ["una línea más"]},
        {"texts": ["una línea", ""]},
        {"texts": ["una\u0000 línea"]},
        {"texts": ["una\u2003de línea"]},
        {"texts": ["una\u00adde \u2003"]},
        {"texts": ["una  línea"]},
        {"texts": ["línea "]},
        {"texts": ["   "]},
        {"texts": [""]},
        {"texts": [7]},
        {"texts": [], "sizes": [], "bold": [], "tables": []},
        {"sizes": [-3]},
        {"sizes": [1e300]},
        {"sizes": []},
        {"bold": [False, False]},
        {"bold": [0]},
        {"tables": [{"box": [0, 0, 50, 10], "rows": [[CELL | {"lines": [1]}]], "ruled": True}]},
        {"tables": [{"box": [0, 0, 50, 10], "rows": [[CELL | {"lines": [-1]}]], "ruled": True}]},
        {"tables": [{"box": [0, 0, 50, 10], "rows": [[CELL], [CELL, CELL]], "ruled": True}]},
        {"tables": [{"box": [0, 0, 50, 10], "rows": [[CELL | {"text": "\u0007"}]], "ruled": True}]},
    ],
)
def test_an_impossible_page_is_refused(change: dict[str, Any]) -> None:
    """Wrong numbers, indices out of range, control characters and wrong types are violations."""
    with pytest.raises(ProtocolViolation):
        _read(PAGE | change)


@pytest.mark.parametrize(
    "numbers",
    [
        b"",
        array("f", NUMBERS[:7]).tobytes(),
        array("f", NUMBERS).tobytes() + b"\0",
        array("f", (*NUMBERS, 0.0)).tobytes(),
        *(array("f", (*NUMBERS[:7], value)).tobytes() for value in (1e9, -1e9, float("nan"), float("inf"))),
        array("f", NUMBERS[:7]).tobytes() + b"\x01\x00\xa0\x7f",
        array("f", (50.0, 0.0, 0.0, *NUMBERS[3:])).tobytes(),
        array("f", (0.0, 10.0, 50.0, 0.0, *NUMBERS[4:])).tobytes(),
    ],
)
def test_impossible_places_are_refused(numbers: bytes) -> None:
    """Too few and too many, out of range, not finite, of boxes that are inside out."""
    with pytest.raises(ProtocolViolation):
        _read(PAGE, numbers=numbers)


@pytest.mark.parametrize(
    "change",
    [
        {"box": (50.0, 0.0, 0.0, 10.0)},
        {"word_edges": NUMBERS[4:6]},
        {"word_edges": (*NUMBERS[4:7], float("nan"))},
        {"font_size": -3.0},
        {"text": "una\u0007 línea"},
        {"text": "una  línea"},
    ],
)
def test_an_impossible_line_of_a_recognised_page_is_refused(change: dict[str, Any]) -> None:
    """A page that was put together from a picture is held against the same limits."""
    page = Page(1, 595.0, 842.0, (LINE, msgspec.structs.replace(LINE, **change)), (), 1.0)
    with pytest.raises(ProtocolViolation):
        checked_page(page, number=1, limits=ExtractionLimits())


@pytest.mark.parametrize(
    "frame", [b"", b"{}", b"\x80\x04K\x01.", b'{"kind":"pages"}', b'{"kind":"x"}', b"[" * 9999]
)
def test_what_is_no_answer_is_refused(frame: bytes) -> None:
    """Pickle, cut JSON, unknown kinds and deep nesting are violations."""
    with pytest.raises(ProtocolViolation):
        decode(frame)


_EVIL = """
import os, struct, sys
def send(data, size=None):
    os.write(1, struct.pack(">I", len(data) if size is None else size) + data)
send(b'{"kind":"ready","sandbox":{}}')
os.read(0, 10)
%s
os.read(0, 1 << 30)
while True:
    os.read(0, 1 << 20)
"""


@pytest.mark.parametrize(
    "deed",
    [
        "send(b'', size=0xFFFFFFFF)",
        'send(b\'{"kind":"document","title":"","pages":1,"warnings":[]}\')',
        'send(b\'{"kind":"fault","code":"../../etc/passwd","detail":""}\')',
        'send(b\'{"kind":"ready","sandbox":{}}\')',
        "send(b'{\"kind\":\"pages\",\"pages\":[' + b'{},' * 9 + b'{}]}')",
        'send(b\'{"kind":"pages","pages":[]}\'); send(b\'\', size=0xFFFFFFFF)',
        'send(b\'{"kind":"pages","pages":[]}\'); send(b\'1234\')',
        "send(bytes(range(256)))",
    ],
)
def test_a_lying_child_is_a_protocol_failure_and_replaced(monkeypatch: pytest.MonkeyPatch, deed: str) -> None:
    """Whatever a hostile child sends, the call ends with one code and the next child is an honest one."""
    with ExtractionWorker(limits=ExtractionLimits(wall_seconds=10)) as worker:
        with monkeypatch.context() as patch:
            patch.setattr(worker_module, "ChildProcess", functools.partial(ChildProcess, boot=_EVIL % deed))
            with pytest.raises(ExtractionFailure) as raised:
                worker.extract(prose_pdf())
        assert raised.value.kind.code == "child_protocol"
        assert len(worker.extract(prose_pdf()).pages) == 1
