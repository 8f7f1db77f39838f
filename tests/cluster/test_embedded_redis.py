"""The Valkey of our own: private, detached, and only ever ours to stop."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster import embedded_redis
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A folder whose Valkey is stopped afterwards."""
    made = Settings.load(data_dir=tmp_path)
    yield made
    embedded_redis.stop(made)


def client(address: embedded_redis.Address, *, password: str | None = None) -> redis.Redis:
    """A connection that does not try twice."""
    secret = password or address.password
    return redis.Redis.from_url(
        address.url, password=secret, decode_responses=True, retry=Retry(NoBackoff(), 0)
    )


def operator(address: embedded_redis.Address) -> redis.Redis:
    """A connection that may do everything."""
    return redis.Redis(
        port=address.port, username="operator", password=address.operator_password, decode_responses=True
    )


def test_it_keeps_its_data_and_its_port_over_a_restart(settings: Settings) -> None:
    """Stopped and started again, it answers at the same place with the same data."""
    first = embedded_redis.start(settings)
    with client(first) as connection:
        connection.set("pdm:clave", "valor")
    with operator(first) as connection:
        wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
        assert {name: connection.config_get(name)[name] for name in wanted} == wanted
        assert connection.config_get("bind")["bind"] == "127.0.0.1"
    assert embedded_redis.stop(settings)
    assert not embedded_redis.stop(settings)
    second = embedded_redis.start(settings)
    assert (second.port, second.password) == (first.port, first.password)
    assert second.operator_password == first.operator_password
    assert second.pid != first.pid
    with client(second) as connection:
        assert connection.get("pdm:clave") == "valor"


def test_it_is_private(settings: Settings) -> None:
    """No password, no answer; the password is in files of the owner only and on no command line."""
    address = embedded_redis.start(settings)
    with client(address, password="falsa") as connection, pytest.raises(redis.AuthenticationError):
        connection.ping()
    with redis.Redis(port=address.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    process = psutil.Process(address.pid)
    for password in (address.password, address.operator_password):
        assert password not in " ".join(process.cmdline())
        assert password not in repr(address)
        assert password not in (settings.run_dir / "redis.conf").read_text("utf-8")
    assert {item.laddr.ip for item in process.net_connections() if item.status == "LISTEN"} == {"127.0.0.1"}
    for name in ("redis.json", "redis.conf"):
        assert stat.S_IMODE((settings.run_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.run_dir.stat().st_mode) == 0o700


def test_many_starts_make_one(settings: Settings) -> None:
    """Two shells that start the service at a time get the same Valkey."""
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: embedded_redis.start(settings), range(4)))
    assert len(found) == 1


def test_it_outlives_whoever_started_it(settings: Settings) -> None:
    """The starting shell may go; the Valkey is in a session of its own."""
    code = "from cluster import embedded_redis as e, settings as s; e.start(s.Settings.load())"
    subprocess.run(
        [sys.executable, "-c", code], env={"PATH": "/usr/bin:/bin", **settings.to_environment()}, check=True
    )
    address = embedded_redis.running(settings)
    assert address
    assert os.getsid(address.pid) == address.pid
    with client(address) as connection:
        assert connection.ping()


def test_a_process_that_is_not_ours_is_never_signalled(settings: Settings) -> None:
    """After a reboot the noted number may belong to somebody else: it is left alone."""
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            started = psutil.Process(stranger.pid).create_time()
            note = embedded_redis.Address(
                port=1, password="p", operator_password="o", pid=stranger.pid, started=started
            )
            settings.run_dir.mkdir(parents=True)
            embedded_redis.write_secret(settings.run_dir / "redis.json", msgspec.json.encode(note))
            assert embedded_redis.running(settings) is None
            assert not embedded_redis.stop(settings)
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere start times do not move with the clock")
def test_a_step_of_the_clock_leaves_it_ours(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's time of the boot moves with the wall clock: the same Valkey is found, and can be stopped."""
    first = embedded_redis.start(settings)
    real = psutil._pslinux.boot_time
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: real() + 10)
    assert embedded_redis.running(settings) == first
    assert embedded_redis.start(settings) == first
    assert embedded_redis.stop(settings)


def test_what_an_earlier_build_noted_is_still_ours(settings: Settings) -> None:
    """An upgrade ends the Valkey that the version before has started."""
    first = embedded_redis.start(settings)
    note = {
        name: value for name, value in msgspec.structs.asdict(first).items() if name not in {"ticks", "boot"}
    }
    embedded_redis.write_secret(settings.run_dir / "redis.json", msgspec.json.encode(note))
    assert embedded_redis.running(settings)
    assert embedded_redis.stop(settings)


def test_there_is_never_a_second_one_on_the_same_data(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when nobody remembers the first: what it acknowledges is there after a restart."""
    monkeypatch.setattr(embedded_redis, "STOP_SECONDS", 0.5)
    first = embedded_redis.start(settings)
    (settings.run_dir / "redis.json").unlink()
    try:
        with pytest.raises(embedded_redis.EmbeddedRedisError, match="another Valkey"):
            embedded_redis.start(settings)
        with client(first) as connection:
            connection.set("pdm:clave", "valor")
    finally:
        process = psutil.Process(first.pid)
        process.terminate()
        process.wait()
    with client(embedded_redis.start(settings)) as connection:
        assert connection.get("pdm:clave") == "valor"


def test_one_that_is_just_ending_is_waited_for(settings: Settings) -> None:
    """Asked to end and not yet gone, it gives way to the next, which has its data."""
    first = embedded_redis.start(settings)
    (settings.run_dir / "redis.json").unlink()
    os.kill(first.pid, signal.SIGSTOP)
    os.kill(first.pid, signal.SIGTERM)
    going_on = threading.Timer(0.5, os.kill, (first.pid, signal.SIGCONT))
    going_on.start()
    second = embedded_redis.start(settings)
    going_on.join()
    assert second.pid != first.pid


def test_a_fixed_port_that_is_taken_is_an_error(settings: Settings) -> None:
    """The message says what the server's log says."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        fixed = Settings.load(data_dir=settings.data_dir, redis_port=taken.getsockname()[1])
        with pytest.raises(embedded_redis.EmbeddedRedisError, match="in use"):
            embedded_redis.start(fixed)
    assert embedded_redis.running(fixed) is None


def test_a_port_that_was_taken_meanwhile_is_changed(settings: Settings) -> None:
    """Without a fixed port the next free one is used."""
    first = embedded_redis.start(settings)
    embedded_redis.stop(settings)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first.port))
        taken.listen()
        assert embedded_redis.start(settings).port != first.port
