"""Names from users and texts from plans: they show as what they are and never become paths, markup or formulas."""

# ruff: noqa: ASYNC212  the server runs in its own thread; waiting here holds nobody up

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pymupdf
import pytest
from artifacts_of_a_plan import SAMPLE, sample_artifacts
from http_steps import (
    FIELDS,
    PlainServer,
    accepted_job,
    aggregate,
    claim_next,
    files_of,
    pdf,
    refused,
    succeed,
    upload,
)
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cluster.errors import ARTIFACT_ALTERED
from cluster.records import DocumentSummary
from pipeline.artifacts import artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions
from pipeline.report.table import FORMULA_STARTS

if TYPE_CHECKING:
    from cluster.jobs import JobStore
    from cluster.settings import Settings
    from cluster.storage import Storage

CANARIES = (
    "<script>alert(1)</script>",
    '#read("/etc/passwd")',
    "=HYPERLINK(1)",
    "@SUM(1)",
    "$ #eval(1) $",
    "<img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
)
HOSTILE_NAMES = (
    "../../x",
    "..\\..\\x",
    "/etc/passwd",
    "C:\\x",
    "a\r\nSet-Cookie: x=1",
    "a\u202efdp.exe",
    "=HYPERLINK(1)",
    "a\0b",
    'a"; filename="b.exe',
    "CON",
    "ñ" * 119,
    "<script>alert(1)</script>",
)


@cache
def canary_plan() -> bytes:
    """A plan whose title, headings, indicators, amounts and prose carry canaries."""
    with pymupdf.open("pdf", SAMPLE.read_bytes()) as document:
        page = document.new_page(pno=1)
        y = 60
        for canary in CANARIES:
            page.insert_text((60, y), f"Artículo 1. {canary} PROGRAMA {canary}", fontsize=14)
            page.insert_text(
                (60, y + 20),
                f"{canary} Meta de producto: 100 familias víctimas con reparación en 2027, línea base 20.",
                fontsize=8,
            )
            page.insert_text(
                (60, y + 34),
                f"{canary} La Secretaría de Gobierno protegerá el derecho a la vida por $ 1.000.000.000 {canary}",
                fontsize=8,
            )
            y += 90
        document.set_metadata({"title": " ".join(CANARIES), "author": CANARIES[0], "subject": CANARIES[1]})
        return bytes(document.tobytes())


@cache
def canary_artifacts() -> dict[str, bytes]:
    """What the pipeline makes of it."""
    with ExtractionWorker() as worker:
        document = worker.extract(canary_plan())
    return artifacts(evaluate(document, options=EvaluationOptions(), engine=Engine.load()))


@pytest.fixture
async def canary_job(http: httpx.Client, store: JobStore, storage: Storage) -> str:
    """A finished job whose file name, form and plan carry canaries."""
    job_id = accepted_job(
        http,
        (f"{CANARIES[0]}.pdf", canary_plan()),
        municipality=CANARIES[0],
        department=CANARIES[5],
        notes="\u202e".join(CANARIES),
    )
    await succeed(store, storage, job_id, artifacts=canary_artifacts())
    await aggregate(store, job_id)
    return job_id


def test_the_plan_brings_its_canaries_into_the_result() -> None:
    """The tests below would prove nothing if the pipeline had dropped the texts."""
    text = canary_artifacts()["evaluation_results.json"].decode()
    assert sum(json.dumps(canary, ensure_ascii=False)[1:-1] in text for canary in CANARIES) >= 3


def test_a_spreadsheet_runs_nothing_of_a_plan(http: httpx.Client, canary_job: str) -> None:
    """No cell begins like a formula, with commas or with semicolons between them."""
    text = http.get(f"/results/{canary_job}", params={"format": "csv"}).content.decode("utf-8-sig")

    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert len(cells) > 6000
    assert not [cell for cell in cells if cell.startswith(FORMULA_STARTS)]
    assert not [part for part in text.split(";") if part.lstrip(" \"'\n").startswith(FORMULA_STARTS[:1])]


def test_a_report_reads_no_file_and_shows_markup_as_text(http: httpx.Client, canary_job: str) -> None:
    """Typst markup of a plan stands in the PDF as it is; nothing in it links, runs or turns the text around."""
    content = http.get(f"/results/{canary_job}", params={"format": "pdf"}).content

    with pymupdf.open("pdf", content) as document:
        text = "".join("".join(page.get_text() for page in document).split()).replace("\u200b", "")
        foreign = [link for page in document for link in page.get_links() if "uri" in link or "file" in link]
    assert '#read("/etc/passwd")' in text
    assert "root:x:0" not in text
    assert "\u202e" not in text
    assert foreign == []
    assert b"/JavaScript" not in content
    assert b"/Launch" not in content


def test_pages_escape_what_users_and_plans_say(http: httpx.Client, canary_job: str) -> None:
    """Neither the page of the job nor the list holds a canary as markup, and no inline script could run."""
    plan = f"/jobs/{canary_job}/documents/d0001"
    registry = json.loads(canary_artifacts()["evidence_registry.json"])
    evidence = [f"{plan}/evidence/{entry['id']}" for entry in registry["evidence"]]
    points = [f"{plan}/points/P{number}" for number in range(1, 11)]
    shown = 0
    for address in (f"/jobs/{canary_job}", "/", plan, *points, *evidence):
        answer = http.get(address, headers={"Accept": "text/html"})
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        # What a page does not show cannot be escaped on it; the passages of the plan stand on those of its points.
        assert "&lt;script&gt;" in answer.text or address.startswith(plan)
        shown += answer.text.count("&lt;script&gt;alert(1)")
        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy.split("style-src")[0]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert shown > 2


def test_json_cannot_be_taken_for_a_page(http: httpx.Client, canary_job: str) -> None:
    """What a plan says goes out as JSON that no browser sniffs."""
    place = f"/results/{canary_job}/documents/d0001"
    for address in (f"/results/{canary_job}", place, f"{place}/artifacts/evidence_registry.json"):
        headers = http.get(address).headers
        assert headers["content-type"] == "application/json"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_the_same_job_gives_the_same_archive_everywhere(  # noqa: PLR0917  fixtures
    http: httpx.Client, store: JobStore, storage: Storage, settings: Settings, tmp_path: Path, name: str
) -> None:
    """Downloaded twice, from another server and whatever the names: equal bytes, which stay in their folder."""
    answer = upload(http, (f"{name}.pdf", SAMPLE.read_bytes()), municipality=name, department=name)
    assert answer.status_code == 202, answer.text
    job_id = str(answer.json()["job_id"])
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)

    first = http.get(f"/results/{job_id}", params={"format": "zip"})
    with (
        PlainServer(settings) as other,
        httpx.Client(base_url=other.url, timeout=60, trust_env=False) as again,
    ):
        second = again.get(f"/results/{job_id}", params={"format": "zip"})

    assert first.content == second.content
    disposition = first.headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.isprintable()
    assert "set-cookie" not in first.headers
    assert disposition.count('"') == 2
    _assert_harmless(first.content, folder=tmp_path)


def _assert_harmless(content: bytes, *, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [info.filename for info in archive.infolist()]
        assert names == [
            f"documents/001-{hashlib.sha256(SAMPLE.read_bytes()).hexdigest()[:12]}/{part}"
            for part in (
                *("evaluation_results.json", "evidence_registry.json", "coverage_report.json"),
                *(f"causal/P{point}.svg" for point in range(1, 11)),
            )
        ] + ["answers.csv", "report.pdf"]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
        archive.extractall(folder / "out")
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == sorted(f"out/{name}" for name in names)


@examples(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=st.text(min_size=1, max_size=300), city=st.text(max_size=120))
def test_no_name_becomes_a_path(http: httpx.Client, settings: Settings, name: str, city: str) -> None:
    """Whatever a file or a municipality is called, what is stored is called by hashes and identifiers."""
    root = settings.data_dir / "storage"
    outside = _outside(settings.data_dir)
    answer = upload(
        http,
        (name.encode("utf-8", "replace").decode(), pdf(mark="siempre igual")),
        municipality=city.encode("utf-8", "replace").decode() or "x",
    )
    assert answer.status_code in {202, 400, 422}, answer.text
    for path in files_of(settings):
        assert path.is_relative_to(root)
        assert all(
            part.isascii() and part.replace(".pdf", "").isalnum() for part in path.relative_to(root).parts
        )
    assert _outside(settings.data_dir) == outside
    if answer.status_code == 202:
        http.delete(f"/results/{answer.json()['job_id']}")


def _outside(folder: Path) -> set[str]:
    """Names beside the storage, without what Valkey writes."""
    return {path.name for path in folder.iterdir()}


async def _finished(http: httpx.Client, store: JobStore, storage: Storage) -> str:
    """A job of one document whose artifacts the registry knows by their hashes."""
    job_id = accepted_job(http, ("plan.pdf", SAMPLE.read_bytes()))
    claim = await claim_next(store, job_id)
    files = sample_artifacts()
    storage.write_artifacts(job_id, claim.document_id, files)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    await store.finish(claim, summary=DocumentSummary(result_hash="a" * 64, answers=300, artifacts=hashes))
    await aggregate(store, job_id)
    return job_id


@pytest.mark.parametrize(
    "name", ["coverage_report.json", "evaluation_results.json", "evidence_registry.json"]
)
async def test_an_artifact_that_was_altered_is_not_given_out(
    http: httpx.Client, store: JobStore, storage: Storage, settings: Settings, name: str
) -> None:
    """One byte flipped in storage: refused with its code as artifact, in archives, reports and for highlights."""
    job_id = await _finished(http, store, storage)
    place = f"/results/{job_id}/documents/d0001"
    assert http.get(f"{place}/artifacts/{name}").content == sample_artifacts()[name]
    path = settings.data_dir / "storage" / "artifacts" / job_id / "d0001" / name
    spoiled = bytearray(path.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    path.write_bytes(spoiled)

    addresses = [f"{place}/artifacts/{name}", f"{place}?format=zip", f"/results/{job_id}?format=zip"]
    if name == "evaluation_results.json":
        addresses += [place, f"/results/{job_id}?format=csv", f"/results/{job_id}?format=pdf"]
        shown = _only_result(http, job_id)
        assert shown.pop("error_message") == ARTIFACT_ALTERED.sentence
        assert shown == {
            "document_id": "d0001", "name": "plan.pdf", "evaluation": None, "error_code": "artifact_altered",
        }  # fmt: skip
    if name == "evidence_registry.json":
        addresses.append(f"{place}/pages/1.png?evidence=x")
    for address in addresses:
        refused(http.get(address), status=500, code="artifact_altered")


def _only_result(http: httpx.Client, job_id: str) -> dict[str, Any]:
    (result,) = http.get(f"/results/{job_id}").json()["results"]
    return dict(result)


def test_forms_with_hostile_fields_are_taken_or_refused(http: httpx.Client) -> None:
    """Every field of the form with every hostile name: accepted and cleaned, or a 422; never a 500."""
    for field in (
        "municipality",
        "department",
        "requester_name",
        "requester_email",
        "notes",
        "period",
        "year",
    ):
        for name in HOSTILE_NAMES:
            answer = upload(http, ("a.pdf", pdf()), **{**FIELDS, field: name})
            assert answer.status_code in {202, 422}, (field, name, answer.text)
            if answer.status_code == 202:
                job = http.get(f"/status/{answer.json()['job_id']}").json()
                assert all(char.isprintable() for char in str(job["metadata"].get(field, "")))
                http.delete(f"/results/{answer.json()['job_id']}")
