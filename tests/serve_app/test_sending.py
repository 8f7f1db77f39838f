"""How both clients send a batch: several files at a time, again after trouble but not after a refusal, and resumed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fickle_service import JOB, FickleService
from http_steps import FIELDS, PlainServer, files_of, pdf, until

from cluster.errors import REFUSALS
from serve_app.batch_folder import STATE_FILE
from serve_app.client import ApiError, AsyncBatchClient, BatchClient, NoIdentifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.settings import Settings

    Submit = Callable[..., Any]

ROOT = Path(__file__).resolve().parents[2]


def submit_blocking(url: str, source: object, **fields: Any) -> Any:
    """With the client that blocks."""
    with BatchClient(url) as client:
        return client.submit(source, **{**FIELDS, **fields})


def submit_awaiting(url: str, source: object, **fields: Any) -> Any:
    """With the client that awaits."""

    async def send() -> Any:
        async with AsyncBatchClient(url) as client:
            return await client.submit(source, **{**FIELDS, **fields})

    return asyncio.run(send())


@pytest.fixture(params=[submit_blocking, submit_awaiting])
def submit(request: pytest.FixtureRequest) -> Submit:
    """Each of the two clients."""
    chosen: Submit = request.param
    return chosen


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A folder with eight plans."""
    folder = tmp_path / "planes"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.pdf").write_bytes(pdf(mark=f"sending {number}"))
    return folder


def test_four_files_travel_at_a_time(submit: Submit, plans: Path) -> None:
    """Four uploads meet at the service, which would wait in vain for the fourth of three; never five."""
    with FickleService() as service:
        service.meeting = threading.Barrier(4)
        job = submit(service.url, plans)

    assert job.job_id == JOB
    assert service.most_at_once == 4
    assert len(service.files) == 8
    assert service.calls[-1] == f"POST /upload/jobs/{JOB}/submit"


PASSING = sorted(
    refusal.code for refusal in REFUSALS if refusal.retryable and refusal.code != "results_not_ready"
)


@pytest.mark.parametrize("trouble", ["cut", *PASSING])
def test_a_passing_trouble_is_tried_again(submit: Submit, plans: Path, trouble: str) -> None:
    """Each file fails once; all arrive, none more than twice."""
    with FickleService(trouble=lambda _name, attempt: trouble if attempt == 1 else "") as service:
        submit(service.url, plans)

    assert len(service.files) == 8
    assert set(service.attempts.values()) == {2}


def test_a_service_that_is_not_ready_is_waited_for_and_that_is_said(
    submit: Submit, plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody stares at a bar that does not move without knowing why; said once."""
    with FickleService() as service:
        service.busy_openings = 3
        submit(service.url, plans)

    assert service.calls.count("POST /upload/jobs") == 4
    assert capsys.readouterr().err.count("Esperando al servicio: El servicio no está listo") == 1


def test_a_refusal_is_not_tried_again_and_harms_no_other_file(
    submit: Submit, plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job says which file was refused and why, in a notebook too."""
    with FickleService(trouble=lambda name, _attempt: "upload_not_pdf" if name == "3.pdf" else "") as service:
        job = submit(service.url, plans)

    assert service.attempts["3.pdf"] == 1
    assert len(service.files) == 7
    assert {name: error.code for name, error in job.refused.items()} == {"3.pdf": "upload_not_pdf"}
    assert "3.pdf no se recibió: Un archivo no es un PDF." in capsys.readouterr().err


def test_when_every_file_is_refused_nothing_is_left(submit: Submit, plans: Path) -> None:
    """The open batch is deleted, and the error is the service's."""
    with (
        FickleService(trouble=lambda _name, _attempt: "upload_not_pdf") as service,
        pytest.raises(ApiError) as caught,
    ):
        submit(service.url, plans)

    assert caught.value.code == "upload_not_pdf"
    assert service.calls[-1] == f"DELETE /results/{JOB}"


def test_what_was_cut_off_for_good_is_resumed_with_the_rest(submit: Submit, plans: Path) -> None:
    """The error says how; what has arrived, by name and hash, is not sent again, what has changed is."""
    with FickleService(trouble=lambda name, _attempt: "cut" if name in {"6.pdf", "7.pdf"} else "") as service:
        with pytest.raises(httpx.TransportError) as caught:
            submit(service.url, plans, patience_seconds=0.5)
        assert f"resume='{JOB}'" in caught.value.__notes__[0]
        assert not any(call.startswith("DELETE") for call in service.calls)
        until(lambda: len(service.files) >= 2, "nothing has arrived")
        there = dict(service.files)
        (plans / "0.pdf").write_bytes(pdf(mark="changed"))
        service.attempts.clear()
        service.trouble = lambda _name, _attempt: ""

        submit(service.url, plans, resume=JOB)

    assert set(service.attempts) == {f"{number}.pdf" for number in range(8)} - (set(there) - {"0.pdf"})
    assert len(service.files) == 8
    assert service.calls.count("POST /upload/jobs") == 1


@pytest.mark.parametrize(
    "code", ["request_too_slow", "upload_interrupted", "hash_mismatch", "storage_full", "unexpected"]
)
def test_what_may_succeed_later_never_costs_what_has_arrived(submit: Submit, plans: Path, code: str) -> None:
    """Patience is over: the batch stays open, the error says how to go on, and going on sends the rest."""
    with FickleService(trouble=lambda name, _attempt: code if name == "5.pdf" else "") as service:
        with pytest.raises(ApiError) as caught:
            submit(service.url, plans, patience_seconds=0.5)
        assert caught.value.code == code
        assert f"resume='{JOB}'" in caught.value.__notes__[0]
        assert not any(call.startswith("DELETE") for call in service.calls)
        service.trouble = lambda _name, _attempt: ""

        submit(service.url, plans, resume=JOB)

    assert len(service.files) == 8


def test_a_file_that_cannot_be_read_here_does_not_cost_the_others(submit: Submit, plans: Path) -> None:
    """It vanished after the folder was listed; the batch can be gone on with."""

    def vanish(name: str, _attempt: int) -> str:
        (plans / "7.pdf").unlink(missing_ok=True)
        return ""

    with FickleService(trouble=vanish) as service, pytest.raises(FileNotFoundError) as caught:
        submit(service.url, plans)

    assert f"resume='{JOB}'" in caught.value.__notes__[0]
    assert not any(call.startswith("DELETE") for call in service.calls)


def test_the_command_line_says_how_to_go_on_after_a_failure_that_passes(plans: Path) -> None:
    """Exit code 3, the option named, nothing deleted."""
    code = """
from serve_app import client
from serve_app.cli import main
client.BatchClient.send.__kwdefaults__["patience_seconds"] = 0.5
main.run()
"""
    fields = [f"--{name}={value}" for name, value in FIELDS.items()]
    with FickleService(trouble=lambda name, _attempt: "storage_full" if name == "5.pdf" else "") as service:
        ended = subprocess.run(
            [sys.executable, "-c", code, "submit", str(plans), *fields, "--url", service.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert ended.returncode == 3, ended.stderr
    assert f"--resume {JOB}" in ended.stderr.replace("\n", " ")
    assert not any(call.startswith("DELETE") for call in service.calls)


def test_a_service_that_is_not_there_is_said_at_once(submit: Submit, plans: Path) -> None:
    """Nobody waits two minutes for a wrong address."""
    with pytest.raises(httpx.ConnectError) as caught:
        submit("http://127.0.0.1:1", plans, patience_seconds=60)
    assert not hasattr(caught.value, "__notes__")


def test_both_clients_say_the_same_of_a_job(server: PlainServer, plans: Path, tmp_path: Path) -> None:
    """State, list, results, files and errors."""

    async def awaiting(job_id: str) -> list[Any]:
        async with AsyncBatchClient(server.url) as client:
            job = client.job(job_id)
            with pytest.raises(ApiError) as caught:
                await client.status("b" * 26)
            size = await client.download(job_id, kind="json", target=tmp_path / "awaiting.json")
            events = [event async for event in client.events(job_id)]
            listed = [one["job_id"] for one in await client.jobs(state="cancelled")]
            return [
                [state async for state in client.watch(job_id)][-1],
                (await client.results(job_id))["results"],
                size,
                events,
                listed,
                caught.value.code,
                (await job.wait())._repr_html_(),
            ]

    with BatchClient(server.url) as client:
        job = client.submit(plans, **FIELDS)
        job.cancel()
        with pytest.raises(ApiError) as caught:
            client.status("b" * 26)
        blocking: list[Any] = [
            list(client.watch(job.job_id))[-1],
            client.results(job.job_id)["results"],
            client.download(job.job_id, kind="json", target=tmp_path / "blocking.json"),
            list(client.events(job.job_id)),
            [one["job_id"] for one in client.jobs(state="cancelled")],
            caught.value.code,
            job.wait()._repr_html_(),
        ]
        assert asyncio.run(awaiting(job.job_id)) == blocking
        assert job.job_id in blocking[4]
        assert "Trabajo" in blocking[-1]


def asked(url: str, ask: str, *, awaiting: bool, **arguments: Any) -> Any:
    """A method of either client, called."""
    if not awaiting:
        with BatchClient(url) as client:
            found = getattr(client, ask)(**arguments)
            return [*found] if ask == "events" else found

    async def call() -> Any:
        async with AsyncBatchClient(url) as client:
            found = getattr(client, ask)(**arguments)
            return [event async for event in found] if ask == "events" else await found

    return asyncio.run(call())


@pytest.mark.parametrize("awaiting", [False, True])
@pytest.mark.parametrize("ask", ["status", "results", "download", "events"])
def test_what_is_only_read_waits_for_a_busy_service_too(tmp_path: Path, ask: str, *, awaiting: bool) -> None:
    """As its ``Retry-After`` says; what was refused once is no error."""
    more = {"kind": "json", "target": tmp_path / "all.json"} if ask == "download" else {}
    with FickleService() as service:
        service.busy_readings = 2
        asked(service.url, ask, awaiting=awaiting, job_id=JOB, **more)

    assert len(service.calls) == 3


@pytest.mark.parametrize("awaiting", [False, True])
def test_a_download_that_is_cut_leaves_the_file_that_was_there(tmp_path: Path, *, awaiting: bool) -> None:
    """Under the name stands the old file or the whole new one; nothing else is left in the folder."""
    target = tmp_path / "all.zip"
    target.write_bytes(b"good")
    with FickleService() as service:
        service.cut_readings = True
        with pytest.raises(httpx.TransportError):
            asked(service.url, "download", awaiting=awaiting, job_id=JOB, kind="zip", target=target)
        assert target.read_bytes() == b"good"
        service.cut_readings = False
        asked(service.url, "download", awaiting=awaiting, job_id=JOB, kind="zip", target=target)

    assert target.read_bytes().startswith(b"{")
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]


@pytest.mark.parametrize("awaiting", [False, True])
@pytest.mark.parametrize("ask", ["status", "results", "cancel", "delete"])
def test_an_identifier_never_becomes_another_address(ask: str, *, awaiting: bool) -> None:
    """One that could is refused before anything is asked, any other stays one part of the path."""
    with FickleService() as service:
        for given in ("", ".", ".."):
            with pytest.raises(NoIdentifier, match="no es el identificador"):
                asked(service.url, ask, awaiting=awaiting, job_id=given)
        assert service.calls == []
        asked(service.url, ask, awaiting=awaiting, job_id="../../healthz?x")

    (call,) = service.calls
    assert "/..%2F..%2Fhealthz%3Fx" in call


@pytest.mark.parametrize("awaiting", [False, True])
def test_a_service_that_was_never_there_is_not_watched(*, awaiting: bool) -> None:
    """Said at once; one that goes away later is waited for."""

    async def awaited() -> None:
        async with AsyncBatchClient("http://127.0.0.1:1") as client:
            async for _ in client.watch(JOB):
                pass

    def watch() -> None:
        if awaiting:
            asyncio.run(awaited())
        else:
            list(BatchClient("http://127.0.0.1:1").watch(JOB))

    began = time.monotonic()
    with pytest.raises(httpx.ConnectError):
        watch()
    assert time.monotonic() - began < 20


SENDER = """
import sys, time
from pathlib import Path
from serve_app import batch_folder
from serve_app.client import BatchClient
batch_folder.FILES_PER_JOB = 5
url, folder, name, arrived = sys.argv[1:]
client = BatchClient(url)
if int(arrived):
    # A hurried sender is dead before anybody can end it in the middle.
    plain = batch_folder.SendingBar.sent
    def sent(bar, path):
        plain(bar, path)
        sent.count += 1
        while sent.count >= int(arrived):
            print("half", flush=True)
            time.sleep(0.1)
    sent.count = 0
    batch_folder.SendingBar.sent = sent
fields = {"municipality": name, "department": "Cauca", "year": 2024, "period": "2024-2027"}
for job in batch_folder.send_folder(client, Path(folder), **fields):
    print(job.job_id, flush=True)
"""


def test_a_sender_that_is_killed_is_taken_up_again_without_sending_twice(
    server: PlainServer, settings: Settings, tmp_path: Path
) -> None:
    """Killed in the second of three parts, with uploads under way: then every plan is in exactly one job, once."""
    folder = tmp_path / "muchos"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.pdf").write_bytes(pdf(mark=f"killed {number}"))
    command = [sys.executable, "-c", SENDER, server.url, str(folder), "Reanudado"]
    before = files_of(settings)
    killed = subprocess.Popen([*command, "7"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert killed.stdout
        assert killed.stdout.readline() == b"half\n"
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=30)
    noted = json.loads((folder / STATE_FILE).read_text("utf-8"))
    assert sorted(name.partition(":")[0] == "begun" for name in noted) == [False, True]

    again = subprocess.run([*command, "0"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    once_more = subprocess.run(
        [*command, "0"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    job_ids = again.stdout.split()
    assert once_more.stdout.split() == job_ids
    assert set(noted.values()) == set(job_ids[:2])
    with BatchClient(server.url) as client:
        ours = [job for job in client.jobs(limit=200) if job["municipality"] == "Reanudado"]
        names = [document["name"] for job_id in job_ids for document in client.status(job_id)["documents"]]
    assert sorted(job["job_id"] for job in ours) == sorted(job_ids)
    assert {job["status"] for job in ours} == {"queued"}
    assert sorted(names) == [f"{number:02}.pdf" for number in range(12)]
    assert len(files_of(settings) - before) == 12


def test_ctrl_c_while_sending_says_how_to_go_on(server: PlainServer, plans: Path) -> None:
    """The command ends with 130 and names the option; given it, the batch is submitted, each plan once."""
    code = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from serve_app.cli import bars, batch, main
plain = bars.Progress.advance
def slow(self, task, advance=1):
    plain(self, task, advance)
    print("one", flush=True)
    time.sleep(60)
if "--resume" not in sys.argv:
    bars.Progress.advance = slow
main.run()
"""
    fields = [f"--{name}={value}" for name, value in FIELDS.items()]
    command = [sys.executable, "-c", code, "submit", str(plans), *fields, "--url", server.url]
    environment = {**os.environ, "COLUMNS": "200"}
    sending = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert sending.stdout
    while sending.stdout.readline().strip() != "one":
        assert sending.poll() is None
    sending.send_signal(signal.SIGINT)
    _, err = sending.communicate(timeout=60)
    assert sending.returncode == 130, err
    job_id = err.partition("--resume ")[2].split()[0]

    resumed = subprocess.run(
        [*command, "--resume", job_id, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment,
    )

    assert json.loads(resumed.stdout)["job_id"] == job_id
    with BatchClient(server.url) as client:
        state = client.status(job_id)
    assert state["status"] == "queued"
    assert sorted(document["name"] for document in state["documents"]) == [f"{n}.pdf" for n in range(8)]
