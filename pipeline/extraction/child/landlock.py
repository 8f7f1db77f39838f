"""Landlock: this process may open no file at all any more, or only read what is named.

Interface: ``landlock(7)`` of the Linux manual pages; the three system calls have the same numbers on
every architecture.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_CREATE_RULESET_VERSION = 1
_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""Bits of ``LANDLOCK_ACCESS_FS_*`` each version of the interface knows; unknown bits are refused."""

_RULE_PATH_BENEATH = 1
_MAY_READ_FILE = 1 << 0 | 1 << 2
"""Execute and read a file."""
_MAY_READ = _MAY_READ_FILE | 1 << 3
"""And list a folder."""


def deny_file_system(libc: ctypes.CDLL, *, but: Sequence[str] = ()) -> str:
    """Deny every access to files, ``but`` reading beneath some; returns ``in force`` or why not. Needs no_new_privs."""
    call = libc.syscall
    call.restype = ctypes.c_long
    version = call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_CREATE_RULESET_VERSION))
    if version < 1:
        return f"not in force: {os.strerror(ctypes.get_errno())}"
    rights = _RIGHTS_BY_VERSION[min(version, max(_RIGHTS_BY_VERSION))]
    attributes = struct.pack("=Q", rights)
    ruleset = call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    if ruleset < 0:
        return f"not in force: {os.strerror(ctypes.get_errno())}"
    for path in but:
        _allow_reading(call, ruleset=ruleset, path=path)
    result = call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))
    error = ctypes.get_errno()
    os.close(ruleset)
    return "in force" if result == 0 else f"not in force: {os.strerror(error)}"


def _allow_reading(call: Any, *, ruleset: int, path: str) -> None:
    """Add a rule; what does not exist needs none."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights = _MAY_READ if os.path.isdir(path) else _MAY_READ_FILE  # noqa: PTH112  the child needs no pathlib
    rule = struct.pack("=Qi", rights, beneath)
    call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint(0))
    os.close(beneath)
