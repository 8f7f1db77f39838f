"""The client and the command line, against the real applications."""

# ruff: noqa: ASYNC240  the server runs in its own thread; waiting here holds nobody up

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from artifacts_of_a_plan import SAMPLE, sample_artifacts
from fickle_service import FickleService
from http_steps import FIELDS, PlainServer, accepted_job, aggregate, files_of, pdf, succeed

from cluster.errors import REFUSALS
from serve_app.batch_folder import STATE_FILE
from serve_app.cli.main import ADVICE, run
from serve_app.client import ApiError, BatchClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from cluster.jobs import JobStore
    from cluster.settings import Settings
    from cluster.storage import Storage

METADATA = ["--municipality", "Timbiquí", "--department", "Cauca", "--year", "2024", "--period", "2024-2027"]
Command = Any


@pytest.fixture
def client(server: PlainServer) -> Iterator[BatchClient]:
    """A client of the service."""
    with BatchClient(server.url) as found:
        yield found


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A folder with two plans, a letter that only looks like one, and a note."""
    folder = tmp_path / "planes"
    (folder / "otros").mkdir(parents=True)
    (folder / "a [bold].PDF").write_bytes(pdf(mark="a"))
    (folder / "b.pdf").write_bytes(pdf(mark="b"))
    (folder / "otros" / "b.pdf").write_bytes(pdf(mark="c"))
    (folder / "carta.pdf").write_bytes(b"hola")
    (folder / "nota.txt").write_text("nada", "utf-8")
    return folder


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: PlainServer
) -> Callable[..., tuple[int, str, str]]:
    """Runs ``decalogo`` with arguments; gives exit code, output and error output."""

    def call(*arguments: object, url: str | None = server.url) -> tuple[int, str, str]:
        place = ["--url", url] if url else []
        monkeypatch.setattr(sys, "argv", ["decalogo", *map(str, arguments), *place])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            run()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


# --------------------------------------------------------------------------- client


def test_a_batch_is_sent_file_by_file(client: BatchClient, plans: Path) -> None:
    """Files of one name are told apart; the job holds what was sent."""
    sent: list[Path] = []
    paths = [plans / "b.pdf", plans / "otros" / "b.pdf"]

    job_id = client.send(paths, metadata=FIELDS, sent=sent.append)

    job = client.status(job_id)
    assert sorted(sent) == sorted(paths)
    assert job["status"] == "queued"
    assert {document["name"] for document in job["documents"]} == {"b.pdf", "b (2).pdf"}


def test_a_refused_file_is_told_and_the_others_go_on(client: BatchClient, plans: Path) -> None:
    """Who asks to be told gets the file and its code; the batch is submitted without it."""
    refused: list[tuple[str, str]] = []

    job_id = client.send(
        [plans / "carta.pdf", plans / "b.pdf"],
        metadata=FIELDS,
        refused=lambda path, error: refused.append((path.name, error.code)),
    )

    assert refused == [("carta.pdf", "upload_not_pdf")]
    assert client.status(job_id)["document_count"] == 1


@pytest.mark.parametrize("told", [True, False])
def test_a_batch_that_cannot_be_sent_leaves_nothing(
    client: BatchClient, plans: Path, settings: Settings, *, told: bool
) -> None:
    """When every file is refused, or one and nobody asked to be told, the error is raised and the batch gone."""
    before = files_of(settings), {job["job_id"] for job in client.jobs(limit=200)}
    paths = [plans / "carta.pdf"] if told else [plans / "b.pdf", plans / "carta.pdf"]

    with pytest.raises(ApiError) as caught:
        client.send(paths, metadata=FIELDS, refused=(lambda _path, _error: None) if told else None)

    assert caught.value.code == "upload_not_pdf"
    assert (files_of(settings), {job["job_id"] for job in client.jobs(limit=200)}) == before


def test_a_busy_service_is_asked_again(
    client: BatchClient, server: PlainServer, settings: Settings, plans: Path
) -> None:
    """429 is no failure: the client waits as long as it is told and sends the file then."""
    head = b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    taken = [
        socket.create_connection(("127.0.0.1", server.port)) for _ in range(settings.simultaneous_uploads)
    ]
    for raw in taken:
        raw.sendall(head + b"Content-Length: 1000\r\n\r\n--b\r\n")

    def leave() -> None:
        for raw in taken:
            raw.close()

    free = threading.Timer(1.0, leave)
    free.start()

    job_id = client.send([plans / "b.pdf"], metadata=FIELDS)

    free.join()
    assert client.status(job_id)["document_count"] == 1


async def test_watching_ends_with_the_job(
    http: httpx.Client, client: BatchClient, store: JobStore, storage: Storage
) -> None:
    """States come until the final one; events tell the same story and can be continued."""
    job_id = accepted_job(http)
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)

    states = list(client.watch(job_id))
    events = list(client.events(job_id))

    assert states[-1]["status"] == "completed"
    assert events[-1].data == {"state": "completed"}
    assert list(client.events(job_id, after=events[1].event_id)) == events[2:]
    assert len(client.results(job_id)["results"][0]["evaluation"]["answers"]) == 300


def test_errors_say_what_the_service_says(client: BatchClient) -> None:
    """Code, status and a sentence for people."""
    with pytest.raises(ApiError, match="No existe ningún trabajo") as caught:
        client.status("a" * 26)
    assert (caught.value.status, caught.value.code) == (404, "job_not_found")
    with pytest.raises(ApiError, match="period: debe tener la forma"):
        client.send([SAMPLE], metadata={**FIELDS, "period": "2024"})


# --------------------------------------------------------------------------- commands


def test_submit_sends_folders_and_patterns(command: Command, client: BatchClient, plans: Path) -> None:
    """All PDFs of a folder, whatever the case of their suffix, and what a pattern names; bad ones are warned of.

    They are counted as well: exit code 1, and for programs the file with its code.
    """
    code, out, err = command("submit", plans, plans / "otros" / "*.pdf", *METADATA, "--json")

    assert code == 1, err
    assert json.loads(out)["refused"] == [{"file": str(plans / "carta.pdf"), "code": "upload_not_pdf"}]
    job = client.status(json.loads(out)["job_id"])
    assert {document["name"] for document in job["documents"]} == {"a [bold].PDF", "b.pdf", "b (2).pdf"}
    assert "carta.pdf" in err
    assert "upload_not_pdf" in err


def test_a_batch_that_was_followed_does_not_end_well_without_a_file(command: Command, plans: Path) -> None:
    """What was refused at the door is no document of the job: its state alone would say that all is well."""
    with FickleService(trouble=lambda name, _: "upload_not_pdf" if name == "carta.pdf" else "") as service:
        service.status = "completed"
        code, out, _ = command("submit", plans, *METADATA, "--watch", "--json", url=service.url)

    assert code == 1
    assert json.loads(out)["status"] == "completed"
    assert json.loads(out)["refused"] == [{"file": str(plans / "carta.pdf"), "code": "upload_not_pdf"}]


def test_more_files_than_a_job_takes_become_several_jobs(
    command: Command, client: BatchClient, tmp_path: Path
) -> None:
    """101 plans are two jobs; the same command again sends nothing twice; ``--resume`` and broken notes are refused."""
    before = {job["job_id"] for job in client.jobs(limit=200)}
    for number in range(101):
        (tmp_path / f"{number:03}.pdf").write_bytes(pdf(mark=f"plan {number}"))

    code, out, err = command("submit", tmp_path, *METADATA, "--json")
    again, told, _ = command("submit", tmp_path, *METADATA)
    refused, _, reason = command("submit", tmp_path, *METADATA, "--resume", "a" * 26)

    (tmp_path / STATE_FILE).write_text("[roto", "utf-8")
    broken, _, complaint = command("submit", tmp_path, *METADATA)

    assert (code, again, refused, broken) == (0, 0, 2, 2), err
    assert "nada se envió" in complaint.replace("\n", " ")
    jobs = json.loads(out)["job_ids"]
    assert [client.status(job_id)["document_count"] for job_id in jobs] == [100, 1]
    assert [f"decalogo watch {job_id}" in told for job_id in jobs] == [True, True]
    assert "2 trabajos, 101 archivos" in told
    assert {job["job_id"] for job in client.jobs(limit=200)} - before == set(jobs)
    assert "repita la orden sin --resume" in reason.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["submit", "no-existe.pdf", *METADATA], 2, "no existe"),
        (["submit", SAMPLE, *METADATA[:-1], "2024"], 3, "period"),
        (["submit", SAMPLE, *METADATA, "--option", "clave"], 2, "nombre=valor"),
        (["submit", SAMPLE, *METADATA, "--option", "clave=x"], 3, "este dato no existe"),
        (["watch", ""], 2, "no es el identificador"),
        (["results", ""], 2, "no es el identificador"),
        (["cancel", ".."], 2, "no es el identificador"),
        (["evaluate", SAMPLE, "--out", SAMPLE], 2, "--out"),
        (["watch", "a" * 26], 3, "No existe ningún trabajo"),
        (["results", "a" * 26], 3, "job_not_found"),
        (["jobs", "--state", "dormido"], 3, "invalid_request"),
        (["cancel", "a" * 26], 3, "«decalogo jobs»"),
        (["submit", SAMPLE, *METADATA, "--option", "callback_url=https://x.example"], 3, "CALLBACK_HOSTS"),
    ],
)
def test_mistakes_are_explained_with_an_exit_code(
    command: Command, arguments: list[object], code: int, words: str
) -> None:
    """2 for wrong use, 3 for what the service refuses; the sentence says what is wrong."""
    ended, _, err = command(*arguments, **({"url": None} if arguments[0] == "evaluate" else {}))

    assert ended == code, err
    assert words in err


def test_what_cannot_be_written_is_wrong_use(command: Command, http: httpx.Client, tmp_path: Path) -> None:
    """A sentence with the place and code 2: 1 would mean that the job ended with failures."""
    (tmp_path / "file").write_bytes(b"")
    job_id = accepted_job(http)

    cancelled, _, _ = command("cancel", job_id)
    code, _, err = command("results", job_id, "--format", "json", "--out", tmp_path / "file" / "all.json")

    assert (cancelled, code) == (0, 2)
    assert "no se puede escribir en" in err


def test_nothing_is_claimed_of_a_service_that_was_never_reached(command: Command) -> None:
    """It is not said that the job is still there."""
    code, _, err = command("watch", "a" * 26, url="http://127.0.0.1:1")

    assert code == 4
    assert "sigue en el servicio" not in err


async def test_results_are_shown_and_downloaded(
    command: Command, http: httpx.Client, store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    """A table with the scores and the reason of each failure; files under the name that was given."""
    job_id = accepted_job(http, ("[red]plan.pdf", pdf()), ("carta.pdf", b"hola"))
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)

    watched, table, _ = command("watch", job_id)
    downloaded, _, _ = command("results", job_id, "--format", "zip", "--out", tmp_path)
    _, as_json, _ = command("results", job_id, "--json")
    unknown, _, err = command("results", job_id, "--format", "docx")

    assert watched == 1
    assert "[red]plan.pdf" in table
    assert "1,50" in table
    assert "Un archivo no es un PDF." in table
    assert downloaded == 0
    assert (tmp_path / f"decalogo-{job_id}.zip").read_bytes().startswith(b"PK")
    assert json.loads(as_json)["status"] == "failed"
    assert unknown == 3
    assert "unknown_format" in err
    assert not Path(f"decalogo-{job_id}.docx").exists()


async def test_the_machines_score_is_marked_where_reviewers_corrected_it(
    command: Command, http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """The table of a job shows what the machine said, and that there are corrections."""
    job_id = accepted_job(http, ("plan.pdf", pdf()))
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)
    assert "†" not in command("watch", job_id)[1]
    body = {
        "reviewer": "Ana",
        "points": [{"point": "P9", "applicable": False, "reason": "No hay cárcel"}],
    }
    place = f"/results/{job_id}/documents/d0001/corrections"
    answer = await asyncio.to_thread(http.put, place, json=body, headers={"If-Match": '"0"'})
    assert answer.status_code == 200
    _, table, _ = command("watch", job_id)

    assert "1,50†" in table
    assert "† Puntaje automático" in table


def test_jobs_are_listed_and_cancelled(command: Command, http: httpx.Client, client: BatchClient) -> None:
    """The list shows a job, cancelling stops it, deleting removes it."""
    job_id = accepted_job(http)

    _, out, _ = command("jobs")
    assert job_id in out
    assert command("cancel", job_id)[0] == 0
    assert client.status(job_id)["status"] == "cancelled"
    assert command("cancel", job_id, "--delete")[0] == 0
    assert command("results", job_id)[0] == 3


def test_doctor_says_what_is_short_and_what_to_do(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No key, a taken port, too little memory and an unreachable Redis are named, and the exit code is 1."""
    monkeypatch.setenv("DECALOGO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DECALOGO_MIN_FREE_MEMORY_BYTES", str(2**60))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    # Who has just tried the service may have it running, and with it the usual port of the dashboard taken.
    monkeypatch.setenv("DECALOGO_DASHBOARD_PORT", "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("DECALOGO_HTTP_PORT", str(taken.getsockname()[1]))
        code, out, _ = command("doctor", "--json", url=None)

    findings = json.loads(out)
    short = {finding["topic"]: finding["sentence"] for finding in findings if finding["state"] == "falta"}
    assert code == 1
    assert set(short) == {"Llaves", "Memoria", "Puerto", "Redis"}
    assert "DECALOGO_HTTP_PORT" in short["Puerto"]
    assert "REDIS_URL" in short["Redis"]
    assert {"Python", "Disco", "Procesador", "Servicio", "Aislamiento"} <= {f["topic"] for f in findings}


def test_advice_is_given_for_codes_that_exist() -> None:
    """A code that was renamed would leave its advice behind."""
    assert set(ADVICE) <= {refusal.code for refusal in REFUSALS}
