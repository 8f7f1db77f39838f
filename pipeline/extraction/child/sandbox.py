"""Takes from the child, after its imports, whatever reading a PDF does not need.

Each measure is tried by itself: what a kernel or container refuses is reported, never fatal, except
for the resource limits, which every POSIX system has.
Order matters: root leaves its user before the limits on processes mean anything (root is exempt),
the signal on the parent's death is asked for after the change of user (which clears it), and the
limit on open files comes last because namespaces and Landlock need a descriptor for a moment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys

from .landlock import deny_file_system
from .system_calls import deny_system_calls

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


def confine(*, parent: int, memory_bytes: int, cpu_seconds_total: int) -> dict[str, str]:
    """Confine this process for good and say, measure by measure, what is in force.

    Args:
        parent: Process id of the parent; when it is gone already, this process ends.
        memory_bytes: Address space the process may have.
        cpu_seconds_total: CPU time for the whole life of the process (hard limit). The limit of a
            single document is the soft one, see ``allow_cpu_seconds``.
    """
    report = {"environment": "empty" if not _inherited_environment() else "not empty"}
    report["process_group"] = IN_FORCE if os.getpgrp() == os.getpid() else "shared with the parent"
    report.update(_linux_isolation() if sys.platform == "linux" else {"isolation": "only on Linux"})
    _set_limits(memory_bytes=memory_bytes, cpu_seconds_total=cpu_seconds_total)
    report["memory_bytes"] = str(memory_bytes)
    report["cpu_seconds_total"] = str(cpu_seconds_total)
    report["file_size_bytes"] = report["core_bytes"] = "0"
    report["processes"] = "0" if os.geteuid() != 0 else "not in force: root is exempt"
    report["open_files"] = str(_close_the_door())
    if os.getppid() != parent:
        os._exit(0)
    return report


def allow_cpu_seconds(seconds: int) -> None:
    """Give this process ``seconds`` of CPU time from now on; SIGXCPU ends it after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (min(wanted, hard), hard))


def _inherited_environment() -> list[str]:
    # C locale coercion of the interpreter itself sets LC_CTYPE; it comes from no one outside.
    return [name for name in os.environ if name != "LC_CTYPE"]


def _set_limits(*, memory_bytes: int, cpu_seconds_total: int) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds_total,
    }
    for name, value in limits.items():
        _, hard = resource.getrlimit(name)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS
            resource.setrlimit(name, (bound, bound))


def _close_the_door() -> int:
    """Forbid every further descriptor: no file, socket or pipe can be opened from now on."""
    probe = os.dup(0)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, probe))
    return probe


def _linux_isolation() -> dict[str, str]:
    libc = ctypes.CDLL(None, use_errno=True)
    report: dict[str, str] = {}
    outcome = _attempt(libc.unshare(_ISOLATION)) if os.geteuid() == 0 else "not tried"
    report["user"] = _leave_root()
    if outcome != IN_FORCE:
        outcome = _attempt(libc.unshare(_CLONE_NEWUSER | _ISOLATION))
    report["no_network"] = outcome
    report["no_capabilities"] = _drop_capabilities(libc)
    report["dies_with_parent"] = _attempt(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    report["no_new_privileges"] = _attempt(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    report["no_file_system"] = deny_file_system(libc)
    report["system_call_filter"] = deny_system_calls(libc)
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
