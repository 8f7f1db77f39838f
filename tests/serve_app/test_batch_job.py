"""A batch from a notebook: send, wait, look at results, evidence, tables and pictures, save."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from serve_app import batch_folder
from serve_app.batch_folder import send_folder
from serve_app.batch_job import Job
from serve_app.client import AsyncBatchClient, BatchClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Service

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
METADATA: dict[str, Any] = {
    "municipality": "Prueba",
    "department": "Caquetá",
    "year": 2024,
    "period": "2024-2027",
}


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[BatchClient]:
    """A client of the running service."""
    with BatchClient(service.url) as client:
        yield client


@pytest.fixture(scope="module")
def job(client: BatchClient) -> Job:
    """The sample plans, evaluated."""
    return client.submit(EXAMPLES, **METADATA).wait()


def test_results_are_typed_and_complete(job: Job) -> None:
    """300 answers for each plan, and what the service found when it checked the batch."""
    results = job.results()
    assert len(results.evaluated) == 3
    assert results._repr_html_().count("<tr>") == 4
    assert len(repr(results)) < 100
    assert results.summary["valid"]
    for _, found in results.evaluated:
        assert len(found.answers) == 300
        assert len(found.points) == 10
        assert found.overall.criteria_total == 1200


def test_evidence_of_an_answer_is_found_in_every_plan(job: Job) -> None:
    """Passages with page and quote, by document; a question that does not exist is a KeyError."""
    found = job.evidence("P1-D1-Q1")
    assert len(found) == 3
    assert any(one.page >= 1 and one.quote for passages in found.values() for one in passages)
    _, first = job.results().evaluated[0]
    assert "<td>" in first.answer("P1-D1-Q1")._repr_html_()
    with pytest.raises(KeyError):
        job.evidence("P11-D1-Q1")


def test_a_table_has_a_row_for_each_document_and_question(job: Job) -> None:
    """Scores lie between 0 and 3 and agree with the criteria that are met."""
    table = job.to_dataframe()
    assert len(table) == 900
    assert table["puntaje"].between(0, 3).all()
    met = table[["a", "b", "c", "d"]].astype(float).sum(axis=1)
    assert (table["puntaje"] == 3 * met / 4).all()


def test_the_heat_map_shows_ten_points_and_six_dimensions(job: Job, tmp_path: Path) -> None:
    """It can be drawn and saved without a screen."""
    figure = job.heatmap()
    figure.savefig(tmp_path / "map.png")
    assert figure.axes[0].images[0].get_array().shape == (10, 6)
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_everything_can_be_saved(job: Job, tmp_path: Path) -> None:
    """One file of each format."""
    saved = job.save(tmp_path / "out")
    assert [path.suffix for path in saved] == [".json", ".csv", ".pdf", ".zip"]
    assert len(json.loads(saved[0].read_text("utf-8"))["results"]) == 3
    assert saved[2].read_bytes().startswith(b"%PDF")


def test_a_notebook_shows_a_table_and_no_markup_of_others(client: BatchClient, tmp_path: Path) -> None:
    """Names of files come from senders: they are text."""
    (tmp_path / "<script>x<").mkdir()
    path = tmp_path / "<b>plan.pdf"
    path.write_bytes(b"%PDF-1.7\nnothing more")
    shown = client.submit(path, **METADATA).wait()._repr_html_()
    assert "<table>" in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;plan.pdf" in shown


async def test_the_awaiting_client_gives_the_same(service: Service, job: Job, tmp_path: Path) -> None:
    """Sent, waited for, read, drawn and saved without blocking; the answers are those of the other client."""
    async with AsyncBatchClient(service.url) as client:
        awaited = await client.submit(EXAMPLES, **METADATA)
        await awaited.wait()
        table, figure = await awaited.to_dataframe(), await awaited.heatmap()
        saved = await awaited.save(tmp_path, formats=["json", "zip"])
        passages = await awaited.evidence("P1-D1-Q1")

    columns = ["documento", "pregunta", "puntaje"]
    order = ["documento", "pregunta"]
    expected = job.to_dataframe()[columns].sort_values(order, ignore_index=True)
    assert table[columns].sort_values(order, ignore_index=True).equals(expected)
    assert figure.axes[0].images[0].get_array().shape == (10, 6)
    assert passages == job.evidence("P1-D1-Q1")
    assert [path.suffix for path in saved] == [".json", ".zip"]
    assert "puerto-arrayan.pdf" in awaited._repr_html_()


def test_what_names_no_pdf_is_said_before_anything_is_sent(client: BatchClient, tmp_path: Path) -> None:
    """An empty folder or a wrong pattern is an error with its name."""
    with pytest.raises(FileNotFoundError, match="ningún PDF"):
        client.submit(tmp_path, **METADATA)


def test_ctrl_c_leaves_the_job_running_and_says_how_to_come_back(
    service: Service, client: BatchClient
) -> None:
    """Who interrupts waiting is told the identifier; the job ends all the same."""
    code = f"""
import signal, sys
# A test run that was started in the background has handed down that interruptions are to be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from serve_app.client import BatchClient
client = BatchClient({service.url!r})
job = client.submit({str(EXAMPLES / "puerto-arrayan.pdf")!r}, **{METADATA!r})
client.watch = lambda job_id: iter(lambda: (__import__("time").sleep(0.1), client.status(job_id))[1], None)
print(job.job_id, flush=True)
job.wait()
print("went on", flush=True)
"""
    waiting = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert waiting.stdout
    job_id = waiting.stdout.readline().strip()
    time.sleep(1)
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=60)
    assert out.strip() == "went on"
    assert f"client.job('{job_id}').wait()" in err
    assert list(client.watch(job_id))[-1]["status"] == "completed"


def test_a_large_folder_becomes_several_jobs_and_is_sent_once(
    client: BatchClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken up again it gives the same jobs, also when the note of what was sent was lost; a changed part is new."""
    monkeypatch.setattr(batch_folder, "FILES_PER_JOB", 2)
    for number in range(5):
        content = (EXAMPLES / "puerto-arrayan.pdf").read_bytes() + f"\n%% folder {number}\n".encode()
        (tmp_path / f"{number}.pdf").write_bytes(content)

    first = [job.job_id for job in send_folder(client, tmp_path, **METADATA)]
    again = [job.job_id for job in send_folder(client, tmp_path, **METADATA)]
    (tmp_path / batch_folder.STATE_FILE).unlink()
    without_note = [job.job_id for job in send_folder(client, tmp_path, **METADATA)]
    (tmp_path / "4.pdf").write_bytes(b"%PDF-1.7\nchanged")
    changed = [job.job_id for job in send_folder(client, tmp_path, **METADATA)]

    assert len(set(first)) == 3
    assert first == again == without_note
    assert changed[:2] == first[:2]
    assert changed[2] != first[2]
    for job_id in [*first, changed[2]]:
        client.job(job_id).wait()
