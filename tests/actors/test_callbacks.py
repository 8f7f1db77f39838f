"""Telling the sender that a job has ended: against a real registry and real HTTP servers; only evaluation is played."""

from __future__ import annotations

import datetime as dt
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
from callback_receiver import SECRET, Receiver, reply
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from service_steps import until

from actors import callbacks
from actors.callbacks import ATTEMPTS_MAX, CallbackSender
from cluster import callbacks as registry
from cluster import embedded_redis
from cluster.errors import ServiceError
from cluster.jobs import JobStore
from cluster.records import CallbackState, Claim, DocumentSummary, JobMetadata
from cluster.settings import Settings
from serve_app.views import job_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from cluster.records import CallbackRecord

SHA256 = "0" * 64


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Valkey for the tests of this file."""
    settings = Settings.load(data_dir=tmp_path_factory.mktemp("callbacks"))
    embedded_redis.start(settings)
    yield settings
    embedded_redis.stop(settings)


@pytest.fixture
async def store(valkey: Settings) -> AsyncIterator[JobStore]:
    """The registry."""
    connected = await JobStore.connect(valkey)
    yield connected
    await connected.close()


def sender(store: JobStore, *, hosts: str, ask: Any = None, **chosen: Any) -> CallbackSender:
    """Who sends callbacks to these hosts, soon again when that fails."""
    settings = Settings.load(
        **{
            "callback_hosts": hosts,
            "callback_secret": SECRET,
            "callback_private_addresses": True,
            "retry_base_seconds": 0.001,
            **chosen,
        }
    )
    return CallbackSender(store, settings, ask)


async def ended_job(store: JobStore, url: str, *, cancel: bool = False) -> str:
    """A job that asked to be told, and has ended."""
    job_id = await store.create(JobMetadata(municipality="Tumaco", callback_url=url))
    await store.add_document(job_id, name="plan.pdf", sha256=SHA256, size_bytes=1)
    await store.submit(job_id)
    assert job_id not in await store.callbacks_due(limit=1000)
    if cancel:
        await store.cancel(job_id)
        return job_id
    (entry,) = await store.next_entries(consumer="tests", count=1, block_ms=1000)
    claim = await store.claim(entry, worker_id="tests")
    assert isinstance(claim, Claim)
    await store.finish(claim, summary=DocumentSummary(result_hash="a" * 64, answers=300))
    aggregation = await store.claim_aggregation(job_id)
    assert aggregation
    await store.complete(aggregation, summary={"documents": 1})
    return job_id


async def send_all(calls: CallbackSender, job_id: str) -> CallbackRecord:
    """Play the Dispatcher until nothing is left to be done."""

    async def over() -> bool:
        if job_id in await calls.store.callbacks_due(limit=1000):
            await calls.send_next(job_id)
        return (await record(calls, job_id)).state is not CallbackState.PENDING

    await until(over, what="the end of the callback")
    return await record(calls, job_id)


async def record(calls: CallbackSender, job_id: str) -> CallbackRecord:
    """How it goes."""
    found = (await calls.store.job(job_id)).callback
    assert found
    return found


@pytest.mark.parametrize("cancel", [False, True])
async def test_the_end_of_a_job_is_told_once_and_signed(store: JobStore, *, cancel: bool) -> None:
    """A receiver can check who says it, and learns the job, how it ended and where its results are."""
    with Receiver() as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        job_id = await ended_job(store, f"{hosts}/aviso?cliente=7", cancel=cancel)
        found = await send_all(sender(store, hosts=hosts), job_id)

    assert (found.state, found.attempt, found.error) == (CallbackState.DELIVERED, 1, "")
    (message,) = receiver.messages
    assert message.path == "/aviso?cliente=7"
    assert message.signature_holds
    assert message.headers["webhook-id"] == f"job_{job_id}"
    assert abs(int(message.headers["webhook-timestamp"]) - time.time()) < 60
    state = "cancelled" if cancel else "completed"
    assert message.said["type"] == f"job.{state}"
    assert message.said["data"] == {
        "job_id": job_id,
        "status": state,
        "document_count": 1,
        "documents_by_status": {"cancelled" if cancel else "succeeded": 1},
        "links": {"status": f"/status/{job_id}", "results": f"/results/{job_id}"},
    }
    assert await store.callbacks_due() == ()


async def test_a_receiver_in_trouble_is_told_again_with_the_same_identifier(store: JobStore) -> None:
    """Twice 503, then taken: three messages that are one."""
    with Receiver(lambda connection, count: reply(503 if count < 3 else 200)(connection, count)) as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        job_id = await ended_job(store, f"{hosts}/")
        found = await send_all(sender(store, hosts=hosts), job_id)

    assert (found.state, found.attempt) == (CallbackState.DELIVERED, 3)
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    assert all(message.signature_holds for message in receiver.messages)


async def test_a_receiver_that_never_takes_it_is_given_up_visibly(store: JobStore) -> None:
    """``/status`` says how it failed after how many attempts, and shows nothing of the address but its host."""
    with Receiver(reply(500)) as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        job_id = await ended_job(store, f"{hosts}/secreto")
        found = await send_all(sender(store, hosts=hosts, retry_base_seconds=1e-6), job_id)

    assert (found.state, found.attempt, found.error) == (CallbackState.FAILED, ATTEMPTS_MAX, "http_500")
    job = await store.job(job_id)
    view = job_view(job, documents=await store.documents(job_id), queue_position=None, now=time.time())
    assert view.callback
    assert (view.callback.status, view.callback.host) == ("failed", "127.0.0.1")
    assert view.callback.ended_at
    assert "secreto" not in view.model_dump_json()


async def test_a_receiver_that_says_gone_is_not_asked_again(store: JobStore) -> None:
    """410 is final, as the convention says."""
    with Receiver(reply(410)) as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        found = await send_all(sender(store, hosts=hosts), await ended_job(store, f"{hosts}/"))

    assert (found.state, found.attempt, found.error) == (CallbackState.FAILED, 1, "http_410")


async def test_a_redirect_is_not_followed(store: JobStore) -> None:
    """Where it leads to nobody has allowed."""
    with Receiver() as inside, Receiver(reply(307, Location=f"http://127.0.0.1:{inside.port}/")) as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        calls = sender(store, hosts=hosts)
        job_id = await ended_job(store, f"{hosts}/")
        await calls.send_next(job_id)

    assert (await record(calls, job_id)).error == "http_307"
    assert inside.messages == []


async def test_an_answer_that_never_ends_is_not_listened_to(store: JobStore) -> None:
    """A few KB are read, whatever the length it promises; what the status says counts."""
    sent = 0

    def pour(connection: Any, _count: int) -> None:
        nonlocal sent
        connection.send_response(200)
        connection.send_header("Content-Length", str(2**40))
        connection.end_headers()
        try:
            while not receiver.closing.is_set():
                connection.wfile.write(b"x" * 65536)
                sent += 65536
        except OSError:
            connection.close_connection = True

    with Receiver(pour) as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        found = await send_all(sender(store, hosts=hosts), await ended_job(store, f"{hosts}/"))

    assert found.state is CallbackState.DELIVERED
    # What fits into the buffers of two sockets.
    assert sent < 16 * 2**20


async def test_a_receiver_that_does_not_answer_is_left(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that says nothing, and one that says a byte now and then."""

    def drip(connection: Any, count: int) -> None:
        connection.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while count > 1 and not receiver.closing.wait(0.05):
            connection.wfile.write(b"x")
            connection.wfile.flush()
        receiver.closing.wait(30)

    monkeypatch.setattr(callbacks, "WHOLE_SECONDS", 0.5)
    with Receiver(drip) as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        calls = sender(store, hosts=hosts, retry_base_seconds=1e-6)
        job_id = await ended_job(store, f"{hosts}/")
        for _ in range(2):
            await calls.send_next(job_id)

    found = await record(calls, job_id)
    assert (found.state, found.attempt, found.error) == (CallbackState.PENDING, 2, "no_answer")


async def test_the_connection_goes_to_the_address_that_was_checked(store: JobStore) -> None:
    """A name that has another address a moment later is asked for once; the receiver sees the name."""
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with Receiver() as receiver:
        hosts = f"http://avisos.example:{receiver.port}"
        job_id = await ended_job(store, f"{hosts}/")
        found = await send_all(sender(store, hosts=hosts, ask=rebinding), job_id)

    assert found.state is CallbackState.DELIVERED
    assert asked == ["avisos.example"]
    assert receiver.messages[0].headers["host"] == f"avisos.example:{receiver.port}"


@pytest.mark.parametrize(
    ("addresses", "private"),
    [
        (["127.0.0.1"], False),
        (["10.1.2.3"], False),
        (["192.168.0.1"], False),
        (["100.64.0.1"], False),
        (["::1"], False),
        (["fd00::1"], False),
        (["::ffff:127.0.0.1"], False),
        (["64:ff9b::7f00:1"], False),
        (["2002:7f00:1::"], False),
        (["93.184.215.14", "127.0.0.1"], False),
        (["169.254.169.254"], True),
        (["fe80::1"], True),
        (["224.0.0.1"], True),
        (["ff02::1"], True),
        (["0.0.0.0"], True),  # noqa: S104  an address to be refused
        (["::ffff:169.254.169.254"], True),
    ],
)
async def test_addresses_inside_are_not_called(
    store: JobStore, addresses: list[str], *, private: bool
) -> None:
    """Loopback and private ones only with the setting; link-local and multicast never. Nothing arrives anywhere."""

    async def ask(_host: str, _port: int) -> list[str]:
        return addresses

    with Receiver() as receiver:
        hosts = f"http://avisos.example:{receiver.port}"
        calls = sender(store, hosts=hosts, ask=ask, callback_private_addresses=private)
        job_id = await ended_job(store, f"{hosts}/")
        await calls.send_next(job_id)

    assert (await record(calls, job_id)).error == "address_refused"
    assert receiver.messages == []


async def test_a_pending_callback_survives_who_was_sending_it(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between claim and answer: nobody else may try before the lease ends, then somebody does."""
    monkeypatch.setattr(registry, "LEASE_MS", 300)
    with Receiver() as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        job_id = await ended_job(store, f"{hosts}/")
        died = await store.claim_callback(job_id)
        assert died
        assert await store.claim_callback(job_id) is None
        calls = sender(store, hosts=hosts)
        found = await send_all(calls, job_id)

    assert (found.state, found.attempt) == (CallbackState.DELIVERED, 2)
    assert not await store.end_callback(died, error="late")
    assert (await record(calls, job_id)).state is CallbackState.DELIVERED


async def test_a_deleted_job_is_not_told_of(store: JobStore) -> None:
    """Nothing is left of it, also no callback."""
    with Receiver() as receiver:
        hosts = f"http://127.0.0.1:{receiver.port}"
        job_id = await ended_job(store, f"{hosts}/")
        await store.delete(job_id)
        await sender(store, hosts=hosts).send_next(job_id)

    assert job_id not in await store.callbacks_due(limit=1000)
    assert receiver.messages == []
    with pytest.raises(ServiceError):
        await store.job(job_id)


@pytest.mark.parametrize("named", ["avisos.example", "otro.example"])
async def test_over_https_the_certificate_must_be_that_of_the_name(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """The connection goes to an address, what is checked is the name; a certificate for another name is no good."""

    async def ask(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    tls = _certificate(tmp_path, name=named)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with Receiver(tls=tls) as receiver:
        hosts = f"avisos.example:{receiver.port}"
        calls = sender(store, hosts=hosts, ask=ask)
        job_id = await ended_job(store, f"https://{hosts}/")
        await calls.send_next(job_id)

    found = await record(calls, job_id)
    right = named == "avisos.example"
    assert found.error == ("" if right else "not_connected")
    assert len(receiver.messages) == right


def _certificate(folder: Path, *, name: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
