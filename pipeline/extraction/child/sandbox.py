"""Takes from the child, after its imports, whatever reading a PDF does not need.

Each measure is tried by itself: what a kernel or container refuses is reported as ``not in force: why``, never
fatal, and the others hold all the same.
Order matters: root leaves its user before the limits on processes mean anything (root is exempt), the signal on the
parent's death is asked for after the change of user (which clears it), the limit on open files comes after namespaces
and Landlock (which need a descriptor for a moment), and the filter of system calls comes last, for it forbids the rest.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys

from .landlock import deny_file_system
from .system_calls import allow_only_reading

IN_FORCE = "in force"

_NOBODY = 65534
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_ISOLATION = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS | _CLONE_NEWNS
_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache")
"""Where programs and their libraries are."""
_PROGRAM_FILES = 64
_CPU_GRACE_SECONDS = 5
_ONLY_LINUX = "not in force: only on Linux"
_OF_LINUX = (
    "user",
    "no_network",
    "no_capabilities",
    "dies_with_parent",
    "no_new_privileges",
    "no_file_system",
    "system_call_filter",
)
"""Elsewhere the process has its limits and an empty environment, and its loop ends when the parent is gone."""


def confine(*, parent: int, memory_bytes: int, cpu_seconds_total: int) -> dict[str, str]:
    """Confine this process for good and say, measure by measure, what is in force.

    Args:
        parent: Process id of the parent; when it is gone already, this process ends.
        memory_bytes: Address space the process may have.
        cpu_seconds_total: CPU time for the whole life of the process (hard limit). The limit of a
            single document is the soft one, see ``allow_cpu_seconds``.
    """
    linux = sys.platform == "linux"
    report = {"environment": "not in force: not empty" if _inherited_environment() else "empty"}
    shared = os.getpgrp() != os.getpid()
    report["process_group"] = "not in force: shared with the parent" if shared else IN_FORCE
    libc = ctypes.CDLL(None, use_errno=True)
    report.update(_linux_isolation(libc) if linux else dict.fromkeys(_OF_LINUX, _ONLY_LINUX))
    report.update(_set_limits(memory_bytes=memory_bytes, cpu_seconds_total=cpu_seconds_total))
    report["open_files"] = str(_close_the_door())
    if os.getppid() != parent:
        os._exit(0)
    if linux:
        report["system_call_filter"] = allow_only_reading(libc)
    return report


def confine_program(*, parent: int, memory_bytes: int, cpu_seconds: int, readable: list[str]) -> None:
    """Confine this process before it becomes another program, which has to open its libraries and its data.

    No network, no rights, no children, nothing to write to, and of the file system only what a program needs and
    ``readable``. The filter of system calls is left out: it is made for one program, and this is another one.

    Args:
        parent: Process id of the parent; when it is gone already, this process ends.
        memory_bytes: Address space the program may have.
        cpu_seconds: CPU time of the program.
        readable: Folders it may read.
    """
    if sys.platform == "linux":
        _linux_isolation(ctypes.CDLL(None, use_errno=True), readable=(*_SYSTEM_FOLDERS, *readable))
    # Beyond the soft limit there is a signal that says so; the hard one is for a program that does not listen.
    _set_limits(memory_bytes=memory_bytes, cpu_seconds_total=cpu_seconds + _CPU_GRACE_SECONDS)
    allow_cpu_seconds(cpu_seconds)
    _lowered(resource.RLIMIT_NOFILE, value=_PROGRAM_FILES)
    if os.getppid() != parent:
        os._exit(0)


def allow_cpu_seconds(seconds: int) -> None:
    """Give this process ``seconds`` of CPU time from now on; SIGXCPU ends it after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (min(wanted, hard), hard))


def _inherited_environment() -> list[str]:
    # C locale coercion of the interpreter itself sets LC_CTYPE; it comes from no one outside.
    return [name for name in os.environ if name != "LC_CTYPE"]


def _set_limits(*, memory_bytes: int, cpu_seconds_total: int) -> dict[str, str]:
    """Lower the limits for good; the report says what the system made of each."""
    limits = {
        "core_bytes": (resource.RLIMIT_CORE, 0),
        "file_size_bytes": (resource.RLIMIT_FSIZE, 0),
        "processes": (resource.RLIMIT_NPROC, 0),
        "memory_bytes": (resource.RLIMIT_AS, memory_bytes),
        "cpu_seconds_total": (resource.RLIMIT_CPU, cpu_seconds_total),
    }
    report = {name: _lowered(limit, value=value) for name, (limit, value) in limits.items()}
    if os.geteuid() == 0:
        report["processes"] = "not in force: root is exempt"
    return report


def _lowered(limit: int, *, value: int) -> str:
    _, hard = resource.getrlimit(limit)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(limit, (bound, bound))
    except (ValueError, OSError) as error:  # macOS refuses RLIMIT_AS
        return f"not in force: {error}"
    return str(bound)


def _close_the_door() -> int:
    """Forbid every further descriptor: no file, socket or pipe can be opened from now on."""
    probe = os.dup(0)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, probe))
    return probe


def _linux_isolation(libc: ctypes.CDLL, *, readable: tuple[str, ...] = ()) -> dict[str, str]:
    report: dict[str, str] = {}
    outcome = _attempt(libc.unshare(_ISOLATION)) if os.geteuid() == 0 else "not tried"
    report["user"] = _leave_root()
    if outcome != IN_FORCE:
        outcome = _attempt(libc.unshare(_CLONE_NEWUSER | _ISOLATION))
    report["no_network"] = outcome
    report["no_capabilities"] = _drop_capabilities(libc)
    report["dies_with_parent"] = _attempt(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    report["no_new_privileges"] = _attempt(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    report["no_file_system"] = deny_file_system(libc, but=readable)
    return report


def _leave_root() -> str:
    """Become nobody when started by root; otherwise stay the (unprivileged) user that started us."""
    if os.geteuid() != 0:
        return "unprivileged"
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError as error:
        return f"not in force: {error.strerror}"
    return "nobody"


def _drop_capabilities(libc: ctypes.CDLL) -> str:
    """Give up every capability; a new user namespace, or a root that could not be left, comes with all."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    return _attempt(libc.capset(header, bytes(24)))


def _attempt(result: int) -> str:
    return IN_FORCE if result == 0 else f"not in force: {os.strerror(ctypes.get_errno())}"
