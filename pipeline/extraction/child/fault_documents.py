"""Documents that say in their metadata how reading them goes wrong: for fault tests, refused everywhere else.

The keywords of such a PDF are ``decalogo-fault: NAME`` or ``decalogo-fault: NAME:ARGUMENT``. The names below are
obeyed here, those that begin with ``evaluator-`` by the process that evaluates (``actors.fault_documents``).
"""

from __future__ import annotations

import ctypes
import os
import time
from typing import TYPE_CHECKING, Any

from .faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "decalogo-fault:"
PARENTS = "evaluator-"
FOR_EVER_SECONDS = 3600
_HOARD_BYTES = 64 * 2**20


class _Overstated(bytes):
    """A payload that announces more bytes than any answer may have: 4 GB, the most that a frame can say."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0xFFFFFFFF


def obey(document: Any, *, allowed: bool) -> bytes | None:
    """Do what the document asks for, if it asks for anything.

    Returns:
        A frame to answer instead of the document, or None: go on.

    Raises:
        Fault: ``fault_document`` when such documents are not allowed, or name what does not exist.
    """
    named = _named(document)
    if not named:
        return None
    name, _, argument = named.partition(":")
    if not allowed or (name not in _BEHAVIOURS and not name.startswith(PARENTS)):
        raise Fault("fault_document", name[:40])
    behaviour = _BEHAVIOURS.get(name)
    return behaviour(argument) if behaviour else None


def _named(document: Any) -> str:
    try:
        keywords = str(document.metadata.get("keywords") or "")
    except Exception:  # noqa: BLE001  a broken dictionary names nothing
        return ""
    return keywords[len(MARK) :].strip() if keywords.startswith(MARK) else ""


def _hang(_argument: str) -> None:
    time.sleep(FOR_EVER_SECONDS)


def _spin(_argument: str) -> None:
    while True:
        pass


def _hang_with_lock(_argument: str) -> None:
    # Called through PyDLL, a C function keeps the interpreter lock.
    ctypes.PyDLL(None).sleep(FOR_EVER_SECONDS)


def _hoard(_argument: str) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(_HOARD_BYTES))


def _crash(_argument: str) -> None:
    ctypes.string_at(0)


def _exit(_argument: str) -> None:
    os._exit(3)


def _take(seconds: str) -> None:
    time.sleep(float(seconds))


def _rubbish(_argument: str) -> bytes:
    return b"\xff\x00 no answer of an honest child"


def _overstate(_argument: str) -> bytes:
    return _Overstated(b"the beginning of it")


_BEHAVIOURS: dict[str, Callable[[str], bytes | None]] = {
    "hang": _hang,
    "hang-busy": _spin,
    "hang-gil": _hang_with_lock,
    "oom": _hoard,
    "segv": _crash,
    "exit": _exit,
    "slow": _take,
    "garbage": _rubbish,
    "too-long": _overstate,
}
