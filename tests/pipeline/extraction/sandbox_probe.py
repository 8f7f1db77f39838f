"""Code that runs inside a confined child and tries what a parser that was taken over would try.

``PROBE`` is the program of a child of ``pipeline.extraction.child_process``: it confines itself as the real one
does and answers one frame of JSON: the report, and for each attempt ``done`` or the name of the error. ``WITHOUT``
programs come before it and play a kernel that lacks something: their filter of system calls cannot be taken off.
"""

from __future__ import annotations

import os
import time
from typing import Any

import msgspec

from pipeline.extraction.child_process import ChildProcess

PROBE = """
import ctypes, errno, json, mmap, os, resource, signal, socket, sys
sys.path[:0] = sys.argv[1:3]
from child.channel import write_frame
from child.sandbox import confine
if "--before" in sys.argv:
    exec(sys.argv[sys.argv.index("--before") + 1])
parent, tcp4, tcp6, abstract, marker = int(sys.argv[3]), *sys.argv[4:8]
libc = ctypes.CDLL(None, use_errno=True)
outcome = {"report": confine(parent=parent, memory_bytes=400 * 2**20, cpu_seconds_total=20)}

def attempt(name, action):
    try:
        action()
        outcome[name] = "done"
    except OSError as error:
        outcome[name] = errno.errorcode.get(error.errno, type(error).__name__)
    except BaseException as error:
        outcome[name] = type(error).__name__

def call(number, *arguments):
    def action():
        ctypes.set_errno(0)
        if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
            raise OSError(ctypes.get_errno(), "")
    return action

def fork_bomb():
    for _ in range(20):
        if os.fork() == 0:
            os._exit(0)

def forget_parent():
    ctypes.set_errno(0)
    if libc.prctl(1, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "")

def read_back(path):
    def action():
        with open(path, "rb") as stream:
            stream.read(1)
    return action

attempt("connect over IPv4", lambda: socket.socket().connect(("127.0.0.1", int(tcp4))))
attempt("connect over IPv6", lambda: socket.socket(socket.AF_INET6).connect(("::1", int(tcp6))))
attempt("connect to an abstract socket", lambda: socket.socket(socket.AF_UNIX).connect("\\0" + abstract))
attempt("ask a name server", lambda: socket.getaddrinfo(b"example.org", 80))
attempt("send a datagram", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53)))
attempt("listen", lambda: socket.create_server(("127.0.0.1", 0)))
attempt("open a raw socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("read passwords", read_back("/etc/shadow"))
attempt("read accounts", read_back("/etc/passwd"))
attempt("read its program", read_back(sys.argv[1] + "/child/main.py"))
attempt("read the parent's environment", read_back(f"/proc/{parent}/environ"))
attempt("read the parent's memory", read_back(f"/proc/{parent}/mem"))
attempt("list a home", lambda: os.listdir(os.path.expanduser("~root")))
attempt("list a folder", lambda: os.listdir("/"))
attempt("write a file", lambda: open(marker, "w"))
attempt("link a file", lambda: os.symlink("/etc/passwd", marker))
attempt("remove a file", lambda: os.unlink(marker + ".there"))
attempt("make a folder", lambda: os.mkdir(marker))
attempt("write in memory files", lambda: os.memfd_create("x"))
attempt("open a pipe", os.pipe)
attempt("open files again", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)))
attempt("allow itself cores", lambda: resource.setrlimit(resource.RLIMIT_CORE, (2**20, 2**20)))
attempt("allow itself memory", lambda: resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40)))
attempt("start a program", lambda: os.execv("/bin/true", ["true"]))
attempt("fork", fork_bomb)
attempt("signal the parent", lambda: os.kill(parent, 0))
attempt("leave its group", os.setsid)
attempt("forget its parent", forget_parent)
attempt("become root", lambda: os.setresuid(0, 0, 0))
attempt("mount", lambda: call(165, 0, 0, 0, 0, 0)())
attempt("allocate", lambda: bytearray(600 * 2**20))
attempt("make code", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))
X86_64 = {
    "trace the parent": (101, 16, parent, 0, 0),
    "read the parent by call": (310, parent, 0, 0, 0, 0, 0),
    "limit the parent": (302, parent, 7, 0, 0),
    "signal a thread of the parent": (234, parent, parent, 0),
    "clone": (56, 17, 0, 0, 0, 0),
    "clone3": (435, 0, 0),
    "type into the terminal": (16, 0, 0x5412, 0),
    "have signals sent for it": (72, 0, 8, parent),
    "io_uring": (425, 1, 0),
    "bpf": (321, 0, 0, 0),
    "userfaultfd": (323, 0),
    "keyctl": (250, 0, 0, 0),
    "add_key": (248, 0, 0, 0, 0, 0),
    "perf_event_open": (298, 0, 0, 0, 0, 0),
    "shared memory": (29, 0, 4096, 0o1600),
    "unshare": (272, 0x10000000),
    "a call of 32 bits": (0x40000000 + 39,),
}
if os.uname().machine == "x86_64":
    for name, arguments in X86_64.items():
        attempt(name, call(*arguments))
outcome["environment"] = {name: value for name, value in os.environ.items() if name != "LC_CTYPE"}
outcome["core"] = resource.getrlimit(resource.RLIMIT_CORE)[1]
outcome["ids"] = [os.geteuid(), os.getegid()]
write_frame(1, payload=json.dumps(outcome).encode())
"""

_PLAYED_KERNEL = """
import ctypes, struct
def lack(calls, seccomp):
    rows = [(0x20, 0, 0, 0)]
    for number in calls:
        rows += [(0x15, 0, 1, number), (6, 0, 0, 0x00050000 | 1)]
    if seccomp:
        rows += [(0x15, 0, 3, 157), (0x20, 0, 0, 16), (0x15, 0, 1, 22), (6, 0, 0, 0x00050000 | 22)]
    rows += [(6, 0, 0, 0x7FFF0000)]
    data = b"".join(struct.pack("=HBBI", *row) for row in rows)
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("rows", ctypes.c_char_p))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)
    assert libc.prctl(22, 2, ctypes.byref(Program(len(rows), data)), 0, 0) == 0
"""
"""Numbers of x86_64; the tests that use it are skipped elsewhere."""

WITHOUT = {
    "no_network": _PLAYED_KERNEL + "lack([272], False)",
    "no_file_system": _PLAYED_KERNEL + "lack([444, 445, 446], False)",
    "system_call_filter": _PLAYED_KERNEL + "lack([], True)",
}
"""Measure → program after which this measure, and only this one, is not to be had."""
WITHOUT_ALL = _PLAYED_KERNEL + "lack([272, 444, 445, 446], True)"


def probe(*arguments: str, before: str = "", seconds: float = 30.0) -> dict[str, Any]:
    """What a child reports of its attempts; ``before`` runs in it before it is confined."""
    extra = ("--before", before) if before else ()
    child = ChildProcess((str(os.getpid()), *arguments, *extra), boot=PROBE)
    try:
        frame = child.receive(deadline=time.monotonic() + seconds, max_bytes=100_000)
    finally:
        child.end()
    return dict(msgspec.json.decode(frame))
