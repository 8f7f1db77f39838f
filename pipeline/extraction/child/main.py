"""The loop of the extraction child: a request in, frames out, until the pipe closes.

A request is a JSON frame followed by a frame with the document's bytes. Answers are JSON frames told
apart by ``kind``: ``ready`` once at the start, then ``pages`` (many), ``document`` or ``fault`` at the
end; ``pages`` is followed by a frame of the numbers of all its lines, ``image`` by one of PNG bytes.
What is answered is untrusted on the other side: nothing here is relied upon for safety.
"""

from __future__ import annotations

import gc
import os
import sys
from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from .channel import Closed, read_frame, write_frame
from .engine import pymupdf
from .extracting import extract
from .faults import fault_of
from .pages import PageReading
from .rendering import render
from .sandbox import allow_cpu_seconds, confine

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH_CHARS = 256 * 1024
_CHARS_OF_AN_EMPTY_PAGE = 200
"""What a page counts towards a batch besides its text."""


def main(arguments: list[str]) -> None:
    """Confine the process, then serve until the parent closes the pipe.

    Args:
        arguments: Process id of the parent, bytes of memory, seconds of CPU in total.
    """
    parent, memory_bytes, cpu_seconds_total = (int(argument) for argument in arguments)
    answers = _keep_answers_apart()
    gc.disable()  # a page makes thousands of small objects and no cycles; collected after each document
    gc.freeze()  # what is loaded stays: looking through it takes as long as eight pages
    report = confine(parent=parent, memory_bytes=memory_bytes, cpu_seconds_total=cpu_seconds_total)
    _send(answers, kind="ready", sandbox=report)
    commands: dict[str, Callable[..., Any]] = {"extract": extract, "render": render}
    try:
        while True:
            request = msgspec.json.decode(read_frame(0))
            _serve(answers, request=request, pdf=read_frame(0), commands=commands, parent=parent)
            pymupdf.TOOLS.store_shrink(100)
            gc.collect()
    except (Closed, BrokenPipeError):
        return


def _keep_answers_apart() -> int:
    """Move the pipe of answers away from descriptor 1, so that nothing printed can spoil it."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _serve(
    answers: int,
    *,
    request: dict[str, Any],
    pdf: bytearray,
    commands: dict[str, Callable[..., Any]],
    parent: int,
) -> None:
    batch = _Batch(answers)
    try:
        allow_cpu_seconds(request["cpu_seconds"])
        for answer in commands[request["command"]](pdf, request=request):
            _end_with(parent)
            if isinstance(answer, PageReading):
                batch.add(answer)
            elif isinstance(answer, bytes):
                write_frame(answers, payload=answer)
            else:
                batch.send()
                _send(answers, **answer)
    except (Closed, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  whatever a PDF provokes becomes a code
        fault = fault_of(error)
        _send(answers, kind="fault", code=fault.code, detail=fault.detail)


class _Batch:
    """Pages that wait to be sent in one go."""

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._pages: list[dict[str, Any]] = []
        self._numbers: array[float] = array("f")
        self._chars = 0

    def add(self, reading: PageReading) -> None:
        self._pages.append(reading.page)
        self._numbers += reading.numbers
        self._chars += reading.characters + _CHARS_OF_AN_EMPTY_PAGE
        if self._chars > _BATCH_CHARS:
            self.send()

    def send(self) -> None:
        if self._pages:
            # Before the first frame is written: should memory end here, no second frame is expected yet.
            numbers = self._numbers.tobytes()
            _send(self._answers, kind="pages", pages=self._pages)
            write_frame(self._answers, payload=numbers)
        self._pages, self._numbers, self._chars = [], array("f"), 0


def _end_with(parent: int) -> None:
    """Where the kernel has no signal for it: end when the parent is gone."""
    if os.getppid() != parent:
        os._exit(0)


def _send(answers: int, **fields: Any) -> None:
    write_frame(answers, payload=msgspec.json.encode(fields))


if __name__ == "__main__":
    main(sys.argv[1:])
