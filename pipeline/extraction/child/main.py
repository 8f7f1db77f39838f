"""The loop of the extraction child: a request in, frames out, until the pipe closes.

A request is a JSON frame followed by a frame with the document's bytes. Answers are JSON frames told
apart by ``kind``: ``ready`` once at the start, then ``pages`` (many), ``document`` or ``fault`` at the
end; ``image`` is followed by a frame of PNG bytes.
What is answered is untrusted on the other side: nothing here is relied upon for safety.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from .channel import Closed, read_frame, write_frame
from .engine import pymupdf
from .extracting import extract
from .faults import fault_of
from .rendering import render
from .sandbox import allow_cpu_seconds, confine

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH_CHARS = 256 * 1024


def main(arguments: list[str]) -> None:
    """Confine the process, then serve until the parent closes the pipe.

    Args:
        arguments: Process id of the parent, bytes of memory, seconds of CPU in total.
    """
    parent, memory_bytes, cpu_seconds_total = (int(argument) for argument in arguments)
    answers = _keep_answers_apart()
    gc.disable()  # a page makes thousands of small objects and no cycles; collected after each document
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
    batch: list[dict[str, Any]] = []
    batch_chars = 0
    try:
        allow_cpu_seconds(request["cpu_seconds"])
        for answer in commands[request["command"]](pdf, request=request):
            _end_with(parent)
            if isinstance(answer, bytes):
                write_frame(answers, payload=answer)
            elif answer["kind"] != "page":
                batch, batch_chars = _flush(answers, batch=batch), 0
                _send(answers, **answer)
            else:
                batch.append(answer["page"])
                batch_chars += answer["characters"]
                if batch_chars > _BATCH_CHARS:
                    batch, batch_chars = _flush(answers, batch=batch), 0
    except (Closed, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  whatever a PDF provokes becomes a code
        batch.clear()
        fault = fault_of(error)
        _send(answers, kind="fault", code=fault.code, detail=fault.detail)


def _end_with(parent: int) -> None:
    """Where the kernel has no signal for it: end when the parent is gone."""
    if os.getppid() != parent:
        os._exit(0)


def _flush(answers: int, *, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if batch:
        _send(answers, kind="pages", pages=batch)
    return []


def _send(answers: int, **fields: Any) -> None:
    write_frame(answers, payload=msgspec.json.encode(fields))


if __name__ == "__main__":
    main(sys.argv[1:])
