"""What the child may not do, tried from inside a child that is started and confined like the real one."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from extraction_samples import prose_pdf

from pipeline.extraction.child_process import ChildProcess

if TYPE_CHECKING:
    from pipeline.extraction import ExtractionWorker

_PROBE = """
import ctypes, errno, json, mmap, os, signal, socket, sys
sys.path[:0] = sys.argv[1:3]
from child.channel import write_frame
from child.sandbox import confine
report = confine(parent=int(sys.argv[3]), memory_bytes=400 * 2**20, cpu_seconds_total=20)
outcome = {"report": report}
def attempt(name, action):
    try:
        action()
        outcome[name] = "done"
    except BaseException as error:
        outcome[name] = type(error).__name__
def fork():
    if os.fork() == 0:
        os._exit(0)
def signal_parent():
    os.kill(os.getppid(), 0)
attempt("connect", lambda: socket.socket().connect(("127.0.0.1", int(sys.argv[4]))))
attempt("read a file", lambda: open("/etc/passwd").read())
attempt("write a file", lambda: open("/tmp/extraction-probe", "w"))
attempt("list a folder", lambda: os.listdir("/"))
attempt("start a program", lambda: os.execv("/bin/true", ["true"]))
attempt("fork", fork)
attempt("signal the parent", signal_parent)
attempt("allocate", lambda: bytearray(600 * 2**20))
outcome["environment"] = {name: value for name, value in os.environ.items() if name != "LC_CTYPE"}
outcome["folder"] = os.getcwd()
outcome["user"] = os.geteuid()
outcome["session"] = os.getsid(0) == os.getpid()
write_frame(1, payload=json.dumps(outcome).encode())
"""


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    """What a confined child reports of its attempts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        child = ChildProcess((str(os.getpid()), str(port)), boot=_PROBE)
        try:
            frame = child.receive(deadline=time.monotonic() + 20, max_bytes=100_000)
        finally:
            child.end()
    return dict(msgspec.json.decode(frame))


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("connect", {"OSError", "PermissionError"}),
        ("read a file", {"OSError", "PermissionError"}),
        ("write a file", {"OSError", "PermissionError"}),
        ("list a folder", {"OSError", "PermissionError"}),
        ("allocate", {"MemoryError"}),
    ],
)
def test_child_is_denied(outcome: dict[str, Any], action: str, error: set[str]) -> None:
    """The child can open no connection, no file and no folder, and has no more memory than allowed."""
    assert outcome[action] in error


@pytest.mark.skipif(sys.platform != "linux", reason="needs measures that only Linux has")
@pytest.mark.parametrize("action", ["fork", "start a program", "signal the parent"])
def test_child_is_denied_processes(outcome: dict[str, Any], action: str) -> None:
    """Where the filter of system calls is in force the child can start and signal no process."""
    report = outcome["report"]
    if report["system_call_filter"] != "in force":
        pytest.skip(f"system call filter: {report['system_call_filter']}")
    assert outcome[action] in {"PermissionError", "BlockingIOError"}


def test_child_inherits_nothing(outcome: dict[str, Any]) -> None:
    """No environment, no working folder, no session and no rights of root."""
    assert outcome["environment"] == {}
    assert outcome["folder"] == "/"
    assert outcome["session"]
    assert outcome["user"] != 0 or outcome["report"]["no_capabilities"] == "in force"


def test_report_names_every_measure(worker: ExtractionWorker) -> None:
    """Operators can see, measure by measure, what is in force for the running child."""
    worker.extract(prose_pdf())
    report = worker.sandbox_report()
    assert {"environment", "no_network", "memory_bytes", "open_files", "system_call_filter"} <= report.keys()
    assert report["environment"] == "empty"
