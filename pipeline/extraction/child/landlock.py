"""Landlock: this process may open no file at all any more.

Interface: ``landlock(7)`` of the Linux manual pages; the three system calls have the same numbers on
every architecture.
"""

from __future__ import annotations

import ctypes
import os
import struct

_CREATE_RULESET = 444
_RESTRICT_SELF = 446
_CREATE_RULESET_VERSION = 1
_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""Bits of ``LANDLOCK_ACCESS_FS_*`` each version of the interface knows; unknown bits are refused."""


def deny_file_system(libc: ctypes.CDLL) -> str:
    """Deny every access to files; returns ``in force`` or why not. Needs no_new_privs."""
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
    result = call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))
    error = ctypes.get_errno()
    os.close(ruleset)
    return "in force" if result == 0 else f"not in force: {os.strerror(error)}"
