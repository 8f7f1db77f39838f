"""A seccomp filter: the system calls a PDF reader never needs answer ``EPERM``.

A classic BPF program as ``seccomp(2)`` describes it: check the architecture, compare the number of the
call with each forbidden one. Written out here because it is forty lines and the Python bindings need
the shared library libseccomp, which is not everywhere.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_RET_ALLOW = 0x7FFF0000
_RET_ERRNO = 0x00050000
_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER_OR_EQUAL = 0x35
_RETURN = 0x06
_OFFSET_NUMBER = 0
_OFFSET_ARCHITECTURE = 4
_X32_BIT = 0x40000000
_INSTRUCTION = struct.Struct("=HBBI")

# Names for the reader, numbers from <asm/unistd.h> of each architecture.
_FORBIDDEN: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "open": 2, "socket": 41, "connect": 42, "bind": 49, "listen": 50, "socketpair": 53, "clone": 56,
            "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "rename": 82, "mkdir": 83, "rmdir": 84,
            "creat": 85, "link": 86, "unlink": 87, "symlink": 88, "chmod": 90, "chown": 92, "ptrace": 101,
            "mknod": 133, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "tkill": 200,
            "keyctl": 250, "openat": 257, "mkdirat": 258, "unlinkat": 263, "unshare": 272,
            "perf_event_open": 298, "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308,
            "process_vm_readv": 310, "process_vm_writev": 311, "memfd_create": 319, "bpf": 321,
            "execveat": 322, "userfaultfd": 323, "pidfd_send_signal": 424, "io_uring_setup": 425,
            "pidfd_open": 434, "clone3": 435, "openat2": 437, "pidfd_getfd": 438,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "mknodat": 33, "mkdirat": 34, "unlinkat": 35, "umount2": 39, "mount": 40, "pivot_root": 41,
            "chroot": 51, "openat": 56, "unshare": 97, "ptrace": 117, "kill": 129, "tkill": 130,
            "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "connect": 203, "keyctl": 219,
            "clone": 220, "execve": 221, "perf_event_open": 241, "name_to_handle_at": 264,
            "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
            "memfd_create": 279, "bpf": 280, "execveat": 281, "userfaultfd": 282, "pidfd_send_signal": 424,
            "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435, "openat2": 437, "pidfd_getfd": 438,
        },
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_system_calls(libc: ctypes.CDLL) -> str:
    """Install the filter; returns ``in force`` or why not. Needs no_new_privs."""
    known = _FORBIDDEN.get(platform.machine())
    if known is None:
        return f"not in force: no list of calls for {platform.machine()}"
    instructions = _assemble(architecture=known[0], numbers=tuple(known[1].values()))
    program = _Program(len(instructions) // _INSTRUCTION.size, instructions)
    result = libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    return "in force" if result == 0 else f"not in force: {os.strerror(ctypes.get_errno())}"


def _assemble(*, architecture: int, numbers: tuple[int, ...]) -> bytes:
    """The program: another architecture or a forbidden number jumps to the last instruction, EPERM."""
    body = [
        (_LOAD_WORD, 0, 0, _OFFSET_ARCHITECTURE),
        (_JUMP_EQUAL, 0, len(numbers) + 3, architecture),
        (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
        (_JUMP_GREATER_OR_EQUAL, len(numbers) + 1, 0, _X32_BIT),
    ]
    body += [(_JUMP_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    body += [(_RETURN, 0, 0, _RET_ALLOW), (_RETURN, 0, 0, _RET_ERRNO | errno.EPERM)]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in body)
