"""Redis closed: the service's user can do what the service does and nothing else; TLS with a real server."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import redis
from registry_steps import PATIENCE_SECONDS, claimed, operator, refused, submitted, summary

from cluster import embedded_redis, lifecycle
from cluster.errors import REDIS_UNAVAILABLE
from cluster.jobs import JobStore
from cluster.lifecycle import LifecycleError
from cluster.redis_acl import COMMANDS, application_rules, sha256_of
from cluster.server_check import server_weaknesses
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORBIDDEN: tuple[tuple[str, ...], ...] = (
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("MONITOR",),
    ("SHUTDOWN",),
    ("REPLICAOF", "NO", "ONE"),
    ("ACL", "SETUSER", "decalogo", "+@all"),
    ("ACL", "LIST"),
    ("CLIENT", "LIST"),
    ("MODULE", "LIST"),
    ("SCRIPT", "FLUSH"),
    ("SWAPDB", "0", "1"),
    ("PUBLISH", "pdm:canal", "x"),
    ("GET", "de-otros"),
    ("SET", "de-otros", "x"),
    ("DEL", "de-otros"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A Valkey of this test alone."""
    made = Settings.load(data_dir=tmp_path)
    embedded_redis.start(made)
    yield made
    embedded_redis.stop(made)


@pytest.mark.parametrize("command", FORBIDDEN, ids=" ".join)
def test_the_user_of_the_service_may_not(settings: Settings, command: tuple[str, ...]) -> None:
    """Neither directly nor inside a script."""
    address = embedded_redis.running(settings)
    assert address
    with redis.Redis.from_url(address.url, password=address.password) as client:
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)
        words = ", ".join(f"'{word}'" for word in command)
        with pytest.raises(redis.ResponseError, match=r"ACL|permission|not allowed|key"):
            client.eval(f"return redis.call({words})", 0)


async def test_a_whole_job_needs_no_more_than_the_list(settings: Settings) -> None:
    """With the embedded Valkey's own user and the usual prefix a job goes its way; nothing was denied."""
    store = await JobStore.connect(settings)
    job_id = await submitted(store, documents=2)
    for _ in range(2):
        claim = await claimed(store)
        assert await store.renew(claim)
        assert await store.progress(claim, step=1, total=2, node="n")
        await store.finish(claim, summary=summary())
    right = await store.claim_aggregation(job_id)
    assert right
    await store.complete(right, summary={})
    assert await store.sweep_index() == 0
    assert await server_weaknesses(store) == ()
    async with operator(store) as client:
        assert await client.acl_log() == []
    await store.close()


def test_the_rule_names_single_commands_only() -> None:
    """A category would let in whatever a newer server counts among it; the password stands only as a digest."""
    rules = application_rules(password_sha256=sha256_of("clara"))
    assert "clara" not in " ".join(rules)
    assert [word for word in rules if "@" in word] == ["-@all"]
    assert len(set(COMMANDS)) == len(COMMANDS)
    with pytest.raises(ValueError, match="SHA-256"):
        application_rules(password_sha256="clara")


def test_the_printed_command_makes_the_user(settings: Settings) -> None:
    """What `python -m cluster.redis_acl` prints for an external server is accepted by one, and lets us in."""
    text = subprocess.run(
        [sys.executable, "-m", "cluster.redis_acl"], capture_output=True, text=True, check=True
    ).stdout
    lines = text.splitlines()
    command = next(line for line in lines if line.startswith("ACL SETUSER "))
    password = next(line for line in lines if line.startswith("REDIS_PASSWORD=")).partition("=")[2]
    address = embedded_redis.running(settings)
    assert address
    with redis.Redis(
        port=address.port, username="operator", password=address.operator_password
    ) as administrator:
        administrator.execute_command(*command.split())
    with redis.Redis.from_url(address.url, password=password) as client:
        assert client.ping()


# --------------------------------------------------------------------------- TLS


def _certificates(folder: Path) -> None:
    """An authority, a server's certificate for 127.0.0.1 signed by it, and another authority."""

    def openssl(words: str) -> None:
        subprocess.run(["openssl", *shlex.split(words)], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.crt"
        )
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req -newkey rsa:2048 -nodes -subj /CN=redis -keyout server.key -out server.csr")
    openssl(
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.crt"
    )


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Debian's redis-server with TLS and no plain port: an external Redis as an operator should run it."""
    binary = shutil.which("redis-server")
    if binary is None or shutil.which("openssl") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("redis-server or openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    _certificates(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rules = " ".join(application_rules(password_sha256=sha256_of("clave")))
    configuration = (
        f"port 0\ntls-port {port}\nbind 127.0.0.1\ntls-auth-clients no\ntls-cert-file server.crt\n"
        f"tls-key-file server.key\ntls-ca-cert-file ca.crt\nappendonly yes\nmaxmemory-policy noeviction\n"
        f"user default off\nuser {rules}\n"
    )
    (folder / "redis.conf").write_text(configuration)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([binary, "redis.conf"], cwd=folder, stdout=log, stderr=log)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    yield port, folder
    process.terminate()
    process.wait()


def _external(tmp_path: Path, *, url: str, password: str) -> Settings:
    return Settings.load(data_dir=tmp_path, redis_url=url, redis_password=password)


@pytest.mark.external
async def test_an_external_redis_over_tls_works_with_the_limited_user(
    tls_server: tuple[int, Path], tmp_path: Path
) -> None:
    """Certificate checked against the operator's authority; a job goes its way; nothing to complain about."""
    port, folder = tls_server
    url = f"rediss://decalogo@127.0.0.1:{port}/0?ssl_ca_certs={folder / 'ca.crt'}"
    store = await JobStore.connect(_external(tmp_path, url=url, password="clave"))
    await submitted(store)
    assert (await store.finish(await claimed(store), summary=summary())).last
    assert await server_weaknesses(store) == ()
    await store.close()


def test_a_start_without_its_redis_is_refused_at_once(tmp_path: Path) -> None:
    """An address at which nobody answers is named before Ray is started."""
    with pytest.raises(LifecycleError, match="REDIS_URL"):
        lifecycle.up(
            Settings.load(
                data_dir=tmp_path,
                redis_url="redis://127.0.0.1:1/0",
                http_port=0,
                dashboard_port=0,
                allow_anonymous=True,
            )
        )


@pytest.mark.external
@pytest.mark.parametrize("fault", ["other authority", "no authority", "plain text", "other name", "password"])
async def test_a_server_that_cannot_be_trusted_is_not_used(
    tls_server: tuple[int, Path], tmp_path: Path, fault: str
) -> None:
    """Nothing is sent to it: the registry counts as not available."""
    port, folder = tls_server
    urls = {
        "other authority": f"rediss://decalogo@127.0.0.1:{port}/0?ssl_ca_certs={folder / 'other.crt'}",
        "no authority": f"rediss://decalogo@127.0.0.1:{port}/0",
        "plain text": f"redis://decalogo@127.0.0.1:{port}/0",
        # The certificate is for the address, not for this name.
        "other name": f"rediss://decalogo@localhost:{port}/0?ssl_ca_certs={folder / 'ca.crt'}",
        "password": f"rediss://decalogo@127.0.0.1:{port}/0?ssl_ca_certs={folder / 'ca.crt'}",
    }
    password = "falsa" if fault == "password" else "clave"
    settings = _external(tmp_path, url=urls[fault], password=password)
    await refused(JobStore.connect(settings), REDIS_UNAVAILABLE)
