"""A child that was taken over cannot get anything but valid documents past the parent."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from extraction_samples import prose_pdf

from pipeline.errors import ExtractionFailure
from pipeline.extraction import ExtractionLimits, ExtractionWorker
from pipeline.extraction import worker as worker_module
from pipeline.extraction.answers import Pages, ProtocolViolation, checked_page, decode
from pipeline.extraction.child_process import ChildProcess

LINE = {
    "text": "una línea",
    "box": [0, 0, 50, 10],
    "word_edges": [0, 20, 25, 50],
    "font_size": 11,
    "bold": False,
}
CELL = {"text": "una línea", "box": [0, 0, 50, 10], "lines": [0]}
PAGE: dict[str, Any] = {
    "number": 1,
    "width": 595,
    "height": 842,
    "lines": [LINE],
    "tables": [{"box": [0, 0, 50, 10], "rows": [[CELL, None]], "ruled": True}],
    "image_share": 0,
}


def _read(page: dict[str, Any]) -> None:
    answer = decode(json.dumps({"kind": "pages", "pages": [page]}).encode())
    assert isinstance(answer, Pages)
    checked_page(answer.pages[0], number=1, limits=ExtractionLimits())


def test_an_honest_page_passes() -> None:
    """The page that the other tests spoil is valid."""
    _read(PAGE)


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
        {"lines": [LINE | {"word_edges": [0, 20]}]},
        {"lines": [LINE | {"word_edges": [0, 20, 25, 1e9]}]},
        {"lines": [LINE | {"text": "una\u0000 línea"}]},
        {"lines": [LINE | {"text": "   ", "word_edges": []}]},
        {"lines": [LINE | {"box": [50, 0, 0, 10]}]},
        {"lines": [LINE | {"font_size": -3}]},
        {"lines": [LINE | {"text": 7}]},
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
