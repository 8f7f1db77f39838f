"""Documents that harm the process that evaluates them: for fault tests (setting ``fault_documents``) only.

The keywords of such a PDF, not compressed, are ``decalogo-fault: NAME:NODE[:SECONDS]``; the extraction child
lets them pass when the setting is on and refuses them as ``fault_document`` when it is off. ``NODE`` is the step
before which it happens: ``extraction``, a node, ``answering``, ``artifacts`` or ``writing``.
"""

from __future__ import annotations

import ctypes
import os
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Observe = Callable[[str, int, int], None]

FOR_EVER_SECONDS = 3600
_REQUEST = re.compile(
    rb"decalogo-fault: evaluator-(exit|hang-gil|wait|grow):([a-z_]{1,40})(?::([0-9.]{1,12}))?"
)
_hoard: list[bytearray] = []
"""What ``grow`` takes and never gives back."""


def harming(pdf: bytes, *, observe: Observe) -> Observe:
    """``observe``, which also does what ``pdf`` asks for before the step that it names."""
    found = _REQUEST.search(pdf)
    if found is None:
        return observe
    name, node, argument = (part.decode() if part else "" for part in found.groups())

    def harm(step: str, number: int, total: int) -> None:
        observe(step, number, total)
        if step == node:
            _BEHAVIOURS[name](argument)

    return harm


def _exit(_argument: str) -> None:
    os._exit(3)


def _hang_with_lock(_argument: str) -> None:
    # Called through PyDLL, a C function keeps the interpreter lock.
    ctypes.PyDLL(None).sleep(FOR_EVER_SECONDS)


def _wait(seconds: str) -> None:
    time.sleep(float(seconds))


def _grow(mebibytes: str) -> None:
    # A pattern, not zeros: memory that was never written is not resident.
    _hoard.append(bytearray(b"x" * (int(mebibytes) * 2**20)))


_BEHAVIOURS: dict[str, Callable[[str], None]] = {
    "exit": _exit,
    "hang-gil": _hang_with_lock,
    "wait": _wait,
    "grow": _grow,
}
