"""``/results``: every format, single documents and artifacts, page images, cancelling and deleting."""

# ruff: noqa: ASYNC212  the server runs in its own thread; waiting here holds nobody up

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pymupdf
import pytest
from artifacts_of_a_plan import SAMPLE, sample_artifacts
from http_steps import accepted_job, aggregate, claim_next, files_of, pdf, refused, succeed

if TYPE_CHECKING:
    import httpx

    from cluster.jobs import JobStore
    from cluster.settings import Settings
    from cluster.storage import Storage


@pytest.fixture
async def finished(http: httpx.Client, store: JobStore, storage: Storage) -> str:
    """A job of which one document succeeded and one is no PDF."""
    job_id = accepted_job(http, ("=plan «raro».pdf", SAMPLE.read_bytes()), ("carta.pdf", b"hola"))
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)
    return job_id


def test_a_batch_as_json_holds_every_evaluation_as_it_was_written(http: httpx.Client, finished: str) -> None:
    """The state of the job, the summary, and 300 answers for each document that succeeded."""
    body = http.get(f"/results/{finished}").json()

    assert body["job"]["status"] == "failed"
    assert body["summary"] == {"documents": 1}
    assert [result["name"] for result in body["results"]] == ["=plan «raro».pdf", "carta.pdf"]
    assert body["results"][1] == {
        "document_id": "d0002",
        "name": "carta.pdf",
        "evaluation": None,
        "error_code": "upload_not_pdf",
        "error_message": "Un archivo no es un PDF.",
    }
    assert body["results"][0]["evaluation"] == json.loads(sample_artifacts()["evaluation_results.json"])
    assert len(body["results"][0]["evaluation"]["answers"]) == 300


def test_a_batch_as_csv_has_a_row_per_answer_and_runs_no_formula(http: httpx.Client, finished: str) -> None:
    """A spreadsheet opens it; a file name that begins like a formula is text; who has no answers has a row with why."""
    answer = http.get(f"/results/{finished}", params={"format": "csv"})

    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 302
    assert [value for value in rows[-1] if value] == [
        "carta.pdf",
        "Sin resultado: Un archivo no es un PDF.",
    ]
    assert rows[1][0].startswith("'=")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


def test_a_batch_as_zip_holds_all_artifacts_table_and_report(http: httpx.Client, finished: str) -> None:
    """Names inside are ours; the artifacts are byte for byte what was written."""
    answer = http.get(f"/results/{finished}", params={"format": "zip"})

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        folder = f"documents/001-{hashlib.sha256(SAMPLE.read_bytes()).hexdigest()[:12]}"
        assert set(names) == {
            *(f"{folder}/{name}" for name in sample_artifacts()),
            *(f"{folder}/causal/P{point}.svg" for point in range(1, 11)),
            "answers.csv",
            "no_evaluados.csv",
            "report.pdf",
        }
        assert b"carta.pdf" in archive.read("no_evaluados.csv")
        for name, content in sample_artifacts().items():
            assert archive.read(f"{folder}/{name}") == content
        assert archive.read("report.pdf").startswith(b"%PDF-")


async def test_the_zip_of_a_batch_holds_the_whole_report_of_each_plan(
    http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """The batch's own report has each plan in brief."""
    job_id = accepted_job(http, ("uno.pdf", SAMPLE.read_bytes()), ("dos.pdf", pdf(mark="2")))
    await succeed(store, storage, job_id, artifacts=sample_artifacts(), count=2)
    await aggregate(store, job_id)
    answer = http.get(f"/results/{job_id}", params={"format": "zip"})

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        reports = [name for name in archive.namelist() if name.endswith("report.pdf")]
        assert len(reports) == 3
        assert all(archive.read(name).startswith(b"%PDF-") for name in reports)


def test_a_causal_graph_is_drawn(http: httpx.Client, finished: str) -> None:
    """SVG that is well formed, the same each time, and larger when more passages are asked for."""
    address = f"/results/{finished}/documents/d0001/causal/P4.svg"
    answer = http.get(address)

    assert answer.headers["content-type"] == "image/svg+xml"
    assert ET.fromstring(answer.content).tag.endswith("svg")
    assert http.get(address).content == answer.content
    assert len(http.get(address, params={"per_link": 12}).content) >= len(answer.content)


@pytest.mark.parametrize("kind", ["pdf", "zip", "csv"])
def test_a_download_is_saved_under_a_safe_name(http: httpx.Client, finished: str, kind: str) -> None:
    """A plain name for all clients, one with accents for the rest; never sniffed, never kept by caches."""
    headers = http.get(f"/results/{finished}", params={"format": kind}).headers

    assert headers["content-disposition"].startswith(f'attachment; filename="decalogo-{finished}.{kind}"')
    assert "filename*=UTF-8''Dec%C3%A1logo%20Timbiqu%C3%AD%202024-2027." in headers["content-disposition"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert int(headers["content-length"]) > 0


def test_one_document_is_given_as_it_was_written(http: httpx.Client, finished: str) -> None:
    """Its evaluation, its artifacts and its report; the failed one says why there is nothing."""
    place = f"/results/{finished}/documents/d0001"

    assert http.get(place).content == sample_artifacts()["evaluation_results.json"]
    for name, content in sample_artifacts().items():
        assert http.get(f"{place}/artifacts/{name}").content == content
    assert http.get(place, params={"format": "pdf"}).content.startswith(b"%PDF-")
    assert http.get(place, params={"format": "csv"}).text.count("\r\n") >= 301
    body = refused(
        http.get(f"/results/{finished}/documents/d0002"), status=409, code="document_without_result"
    )
    assert body["detail"] == "Un archivo no es un PDF."


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/results/{job}?format=docx", 422, "unknown_format"),
        ("/results/{job}/documents/d0001?format=xml", 422, "unknown_format"),
        ("/results/{job}/documents/d0099", 404, "document_not_found"),
        ("/results/{job}/documents/d0001/artifacts/secreto.json", 404, "artifact_not_found"),
        ("/results/{job}/documents/d0001/artifacts/..%2f..%2fsecreto", 404, "not_found"),
        ("/results/{job}/documents/d0001/pages/999.png", 404, "page_not_found"),
        ("/results/{job}/documents/d0001/pages/0.png", 422, "invalid_request"),
        ("/results/{job}/documents/d0001/pages/uno.png", 422, "invalid_request"),
        ("/results/{job}/documents/d0001/pages/1.png?evidence=nada", 404, "evidence_not_found"),
        ("/results/{job}/documents/d0001/pages/1.png?width=100000", 422, "invalid_request"),
        ("/results/{job}/documents/d0001/causal/P11.svg", 422, "invalid_request"),
        ("/results/{unknown}", 404, "job_not_found"),
        ("/results/{unknown}/documents/d0001", 404, "job_not_found"),
    ],
)
def test_what_does_not_exist_is_refused(
    http: httpx.Client, finished: str, path: str, status: int, code: str
) -> None:
    """Each kind of mistake has its own code."""
    refused(http.get(path.format(job=finished, unknown="b" * 26)), status=status, code=code)


async def test_results_are_not_given_too_early_unless_partial_ones_are_asked_for(
    http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """409 while documents run; ``partial=true`` gives the ones that are done."""
    job_id = accepted_job(http, ("uno.pdf", pdf(mark="1")), ("dos.pdf", pdf(mark="2")))
    await succeed(store, storage, job_id, artifacts=sample_artifacts())

    early = http.get(f"/results/{job_id}")
    partial = http.get(f"/results/{job_id}", params={"partial": "true"}).json()

    assert refused(early, status=409, code="results_not_ready")["retryable"]
    assert early.headers["retry-after"]
    assert [(one["name"], one.get("error_code")) for one in partial["results"]] == [
        ("uno.pdf", None),
        ("dos.pdf", "results_not_ready"),
    ]
    refused(http.get(f"/results/{job_id}/documents/d0002"), status=409, code="results_not_ready")


@pytest.mark.parametrize("count", [2, 3])
async def test_a_report_says_of_which_documents_it_does_not_speak(
    http: httpx.Client, store: JobStore, storage: Storage, count: int
) -> None:
    """Before the end it is called partial, in it and in its name; after cancelling it names who is missing and why."""
    plans = [(f"plan {number}.pdf", pdf(mark=f"absent {count} {number}")) for number in range(count)]
    job_id = accepted_job(http, *plans, ("carta.pdf", b"hola"))
    await succeed(store, storage, job_id, artifacts=sample_artifacts(), count=count - 1)

    early = http.get(f"/results/{job_id}", params={"partial": "true", "format": "pdf"})
    http.delete(f"/results/{job_id}", params={"keep": "true"})
    final = http.get(f"/results/{job_id}", params={"format": "pdf"})

    said = f"Sin resultado: 2 de los {count + 1} documentos del envío"
    texts = [_text(early.content), _text(final.content)]
    assert all(said in text and "carta.pdf Un archivo no es un PDF." in text for text in texts)
    assert "Informe parcial" in texts[0]
    assert "aún no se ha evaluado" in texts[0]
    assert f"decalogo-{job_id}-parcial.pdf" in early.headers["content-disposition"]
    assert "%28parcial%29.pdf" in early.headers["content-disposition"]
    assert "parcial" not in texts[1] + final.headers["content-disposition"]
    assert "El documento fue cancelado." in texts[1]


def _text(report: bytes) -> str:
    with pymupdf.open(stream=report, filetype="pdf") as document:
        return " ".join(" ".join(page.get_text() for page in document).split())


def test_partial_results_of_a_job_without_any_say_so_of_each_document(http: httpx.Client) -> None:
    """JSON can say nothing but that; a report of nothing is refused."""
    job_id = accepted_job(http)

    (result,) = http.get(f"/results/{job_id}", params={"partial": "true"}).json()["results"]
    assert (result["evaluation"], result["error_code"]) == (None, "results_not_ready")
    answer = http.get(f"/results/{job_id}", params={"partial": "true", "format": "pdf"})
    refused(answer, status=409, code="document_without_result")


def test_a_page_is_drawn_with_its_evidence_marked(http: httpx.Client, finished: str) -> None:
    """The image with a quote marked differs from the one without, and only evidence of that page is drawn."""
    registry = json.loads(sample_artifacts()["evidence_registry.json"])
    entry = registry["evidence"][0]
    address = f"/results/{finished}/documents/d0001/pages/{entry['page']}.png"

    plain = http.get(address, params={"width": 400})
    marked = http.get(address, params={"width": 400, "evidence": entry["id"]})

    assert plain.headers["content-type"] == "image/png"
    assert plain.content.startswith(b"\x89PNG")
    assert marked.content.startswith(b"\x89PNG")
    assert marked.content != plain.content


async def test_deleting_stops_the_job_and_removes_its_files(
    http: httpx.Client, store: JobStore, settings: Settings
) -> None:
    """What runs learns that it must stop; uploads are gone; asking again says that it was deleted."""
    before = files_of(settings)
    job_id = accepted_job(http)
    claim = await claim_next(store, job_id)

    assert http.delete(f"/results/{job_id}").status_code == 204

    assert not await store.renew(claim)
    assert files_of(settings) == before
    refused(http.get(f"/results/{job_id}"), status=410, code="job_deleted")
    refused(http.delete(f"/results/{job_id}"), status=410, code="job_deleted")


async def test_cancelling_keeps_what_there_is(http: httpx.Client, store: JobStore, storage: Storage) -> None:
    """The job ends as cancelled; the document that was done can still be fetched."""
    job_id = accepted_job(http, ("uno.pdf", pdf(mark="1")), ("dos.pdf", pdf(mark="2")))
    await succeed(store, storage, job_id, artifacts=sample_artifacts())

    assert http.delete(f"/results/{job_id}", params={"keep": "true"}).status_code == 204

    job = http.get(f"/status/{job_id}").json()
    assert job["status"] == "cancelled"
    assert [document["status"] for document in job["documents"]] == ["succeeded", "cancelled"]
    results = http.get(f"/results/{job_id}").json()["results"]
    assert [(one["name"], one.get("error_code")) for one in results] == [
        ("uno.pdf", None),
        ("dos.pdf", "cancelled"),
    ]


def test_an_artifact_that_is_lost_spoils_nothing_else(
    http: httpx.Client, settings: Settings, finished: str
) -> None:
    """JSON stays JSON and says that it is missing; a report names the document instead of leaving it out."""
    for path in (settings.data_dir / "storage" / "artifacts" / finished).rglob("*.json"):
        path.unlink()

    assert http.get(f"/results/{finished}").json()["results"][0]["evaluation"] is None
    for kind in ("csv", "pdf", "zip"):
        body = refused(
            http.get(f"/results/{finished}", params={"format": kind}),
            status=409,
            code="document_without_result",
        )
        assert body["detail"] == "=plan «raro».pdf"
