"""What the child may not do, tried from inside a child that is started and confined like the real one."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from extraction_samples import prose_pdf
from sandbox_probe import WITHOUT, WITHOUT_ALL, probe

from pipeline.extraction import ExtractionWorker
from pipeline.extraction import worker as worker_module
from pipeline.extraction.child_process import _BOOT, ChildProcess

ROOT = Path(__file__).resolve().parents[3]
DENIED = {"EPERM", "EACCES", "EMFILE", "EAGAIN", "ValueError", "MemoryError", "gaierror"}
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs measures that only Linux has")
only_x86_64 = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="plays a kernel with numbers of x86_64"
)

NETWORK = ("connect over IPv4", "connect over IPv6", "connect to an abstract socket", "ask a name server",
           "send a datagram", "listen", "open a raw socket")  # fmt: skip
FILES = ("read passwords", "read accounts", "read its program", "read the parent's environment",
         "read the parent's memory", "list a home", "list a folder", "write a file", "link a file", "remove a file",
         "make a folder", "write in memory files", "open a pipe")  # fmt: skip
LIMITS = ("open files again", "allow itself cores", "allow itself memory", "allocate")
PROCESSES = ("start a program", "fork", "signal the parent", "leave its group", "become root", "mount")
CALLS = ("forget its parent", "make code", "trace the parent", "read the parent by call", "limit the parent",
         "signal a thread of the parent", "clone", "clone3", "type into the terminal", "have signals sent for it",
         "io_uring", "bpf", "userfaultfd", "keyctl", "add_key", "perf_event_open", "shared memory", "unshare",
         "a call of 32 bits")  # fmt: skip


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """Servers that would answer, and a folder that anybody may write in: arguments of a probe."""
    name = f"pdm-probe-{secrets.token_hex(8)}"
    folder = Path(tmp_path_factory.mktemp("open"))
    for level in (folder, folder.parent):
        level.chmod(0o777)
    (folder / "mark.there").touch(0o666)
    with contextlib.ExitStack() as stack:
        four = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        six_port = 9
        if socket.has_dualstack_ipv6():
            six = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
            six_port = six.getsockname()[1]
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        if sys.platform == "linux":
            abstract.bind(f"\0{name}")
            abstract.listen()
        yield str(four.getsockname()[1]), str(six_port), name, str(folder / "mark")
        assert [path.name for path in folder.iterdir()] == ["mark.there"]


@pytest.fixture(scope="module")
def outcome(targets: tuple[str, ...]) -> dict[str, Any]:
    """What a confined child reports of its attempts."""
    return probe(*targets)


@pytest.mark.parametrize("action", [*NETWORK, *FILES, *LIMITS])
def test_child_reaches_neither_network_nor_files_nor_more_than_its_limits(
    outcome: dict[str, Any], action: str
) -> None:
    """No connection, no name server, no file, no folder, no descriptor and no memory beyond the limit."""
    assert outcome[action] in DENIED


@only_linux
@pytest.mark.parametrize("action", PROCESSES)
def test_child_starts_and_touches_no_process(outcome: dict[str, Any], action: str) -> None:
    """No fork, no program, no signal to its parent, no way out of its process group."""
    assert outcome[action] in DENIED


@only_linux
@pytest.mark.parametrize("action", CALLS)
def test_child_may_call_nothing_that_reading_does_not_need(outcome: dict[str, Any], action: str) -> None:
    """Tracing, BPF, io_uring, keys, terminals, executable memory: refused by the filter of system calls."""
    if outcome["report"]["system_call_filter"] != "in force" or action not in outcome:
        pytest.skip("no filter of system calls here")
    assert outcome[action] == "EPERM"


@only_x86_64
@pytest.mark.parametrize("lacking", sorted(WITHOUT))
def test_any_one_measure_may_be_missing(targets: tuple[str, ...], lacking: str) -> None:
    """On a kernel without namespaces, Landlock or seccomp the others still keep network, files and processes shut."""
    outcome = probe(*targets, before=WITHOUT[lacking])

    missing = {name for name, value in outcome["report"].items() if value.startswith("not in force")}
    assert lacking in missing
    shut = (*NETWORK, *FILES, *LIMITS, "fork", "start a program", "signal the parent")
    assert {outcome[action] for action in shut} <= DENIED


@only_x86_64
def test_documents_are_read_where_the_kernel_allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without namespaces, Landlock and seccomp the child runs with its limits, and its report says what is missing."""

    class Bare(ChildProcess):
        def __init__(self, arguments: tuple[str, ...]) -> None:
            super().__init__(arguments, boot=f"{WITHOUT_ALL}\n{_BOOT}")

    monkeypatch.setattr(worker_module, "ChildProcess", Bare)
    with ExtractionWorker() as worker:
        assert len(worker.extract(prose_pdf()).pages) == 1
        report = worker.sandbox_report()

    missing = {name for name, value in report.items() if value.startswith("not in force")}
    assert {"no_network", "no_file_system", "system_call_filter"} <= missing
    assert report["environment"] == "empty"
    assert report["file_size_bytes"] == "0"


@only_x86_64
def test_doctor_says_what_is_not_in_force() -> None:
    """``decalogo doctor`` warns of each measure that the kernel refuses and goes on."""
    code = f"{WITHOUT_ALL}\nimport sys\nsys.argv[1:] = ['doctor', '--json']\nfrom serve_app.cli.main import run\nrun()"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DECALOGO_DATA_DIR": "/nonexistent/decalogo",
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )

    said = {
        item["sentence"]: item["state"] for item in json.loads(ended.stdout) if item["topic"] == "Aislamiento"
    }
    for measure in ("no_network", "no_file_system", "system_call_filter"):
        (sentence,) = (one for one in said if one.startswith(f"{measure}: "))
        assert "not in force" in sentence
        assert said[sentence] == "aviso"
    assert said["environment: empty"] == "bien"


def test_child_inherits_nothing(outcome: dict[str, Any]) -> None:
    """No environment and no rights of root."""
    assert outcome["environment"] == {}
    assert outcome["core"] == 0
    assert outcome["ids"][0] != 0 or outcome["report"]["no_capabilities"] == "in force"


def test_secrets_of_the_parent_stay_there(monkeypatch: pytest.MonkeyPatch, targets: tuple[str, ...]) -> None:
    """A password in the environment of the evaluator never reaches the process that reads PDFs."""
    monkeypatch.setenv("REDIS_PASSWORD", "una-clave")
    assert "una-clave" not in json.dumps(probe(*targets))


_BECOME_NOBODY = (
    "import os; os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)"
)


@only_linux
def test_an_unprivileged_parent_confines_as_well(targets: tuple[str, ...]) -> None:
    """A child of an ordinary user gets the same measures through a user namespace."""
    root = os.geteuid() == 0
    if root and not _readable_by_others(ROOT):
        pytest.skip("the checkout is not readable for other users")
    outcome = probe(*targets, before=_BECOME_NOBODY if root else "")

    assert outcome["report"]["user"] == "unprivileged"
    assert outcome["report"]["no_capabilities"] == "in force"
    assert outcome["report"]["processes"] == "0"
    assert {outcome[action] for action in (*NETWORK, *FILES, *LIMITS, *PROCESSES)} <= DENIED


def _readable_by_others(folder: Path) -> bool:
    return all(level.stat().st_mode & 0o005 == 0o005 for level in (folder, *folder.parents))


_STUBBORN = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
from child.sandbox import confine
confine(parent=int(sys.argv[3]), memory_bytes=400 * 2**20, cpu_seconds_total=1)
for name in (signal.SIGXCPU, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
    signal.signal(name, signal.SIG_IGN)
while True:
    pass
"""


def test_child_that_ignores_every_signal_still_ends_with_its_processor_time() -> None:
    """The hard limit of CPU time cannot be caught."""
    child = ChildProcess((str(os.getpid()),), boot=_STUBBORN)
    try:
        assert child.wait_for_end(seconds=60) == -signal.SIGKILL
    finally:
        child.end()


_PARENT = """
import os, sys, time
from pipeline.extraction.child_process import ChildProcess
child = ChildProcess((str(os.getpid()),), boot=sys.argv[1].replace("cpu_seconds_total=1", "cpu_seconds_total=60"))
print(child.pid, flush=True)
time.sleep(60)
"""


@only_linux
def test_child_that_ignores_every_signal_does_not_outlive_its_parent() -> None:
    """Kill -9 of the parent ends a child that was taken over and spins, for the kernel sends the signal."""
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, _STUBBORN], stdout=subprocess.PIPE, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        _wait_for_signals_ignored(pid)
        parent.kill()
        deadline = time.monotonic() + 20
        while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def _wait_for_signals_ignored(pid: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        ignored = int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16)
        if ignored & 1 << signal.SIGTERM - 1:
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


_OTHER_SYSTEM = """
import os, sys
sys.platform = "darwin"
for name in ("setresuid", "setresgid", "memfd_create"):
    delattr(os, name)
sys.path[:0] = sys.argv[1:3]
from child.main import main
main(sys.argv[3:])
"""


def test_another_system_has_limits_and_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no Linux, documents are read under resource limits and each missing measure is named."""

    class Elsewhere(ChildProcess):
        def __init__(self, arguments: tuple[str, ...]) -> None:
            super().__init__(arguments, boot=_OTHER_SYSTEM)

    monkeypatch.setattr(worker_module, "ChildProcess", Elsewhere)
    with ExtractionWorker() as worker:
        assert len(worker.extract(prose_pdf()).pages) == 1
        report = worker.sandbox_report()

    assert report["no_network"] == report["system_call_filter"] == "not in force: only on Linux"
    assert report["environment"] == "empty"
    assert int(report["open_files"]) < 10


def test_report_names_every_measure(worker: ExtractionWorker) -> None:
    """Operators can see, measure by measure, what is in force for the running child."""
    worker.extract(prose_pdf())
    report = worker.sandbox_report()
    assert {"environment", "no_network", "memory_bytes", "open_files", "system_call_filter"} <= report.keys()
    assert report["environment"] == "empty"
