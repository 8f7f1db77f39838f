"""Corrections over HTTP: beside the machine's answer, with who and when, in every format, and never lost."""

# ruff: noqa: ASYNC212  the server runs in its own thread; waiting here holds nobody up

from __future__ import annotations

import csv
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pymupdf
import pytest
from artifacts_of_a_plan import SAMPLE, sample_artifacts
from http_steps import PlainServer, accepted_job, aggregate, pdf, refused, succeed

from pipeline.schemas import load_schema
from pipeline.scoring import hundredths
from serve_app.batch_html import job_table
from serve_app.batch_results import BatchResults
from serve_app.client import AsyncBatchClient, BatchClient

if TYPE_CHECKING:
    from cluster.jobs import JobStore
    from cluster.settings import Settings
    from cluster.storage import Storage

HOSTILE = '=HYPERLINK("x") <script>alert(1)</script> #panic("x") $x$ \u202e\x07'


@pytest.fixture
async def finished(http: httpx.Client, store: JobStore, storage: Storage) -> str:
    """A job with one evaluated document."""
    job_id = accepted_job(http, ("plan.pdf", SAMPLE.read_bytes()))
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)
    return job_id


@pytest.fixture(scope="module")
def machine() -> dict[str, Any]:
    """What the machine says of the document."""
    result: dict[str, Any] = json.loads(sample_artifacts()["evaluation_results.json"])
    return result


def place(job_id: str) -> str:
    return f"/results/{job_id}/documents/d0001/corrections"


def put(http: httpx.Client, job_id: str, *, base: int = 0, **body: Any) -> httpx.Response:
    """Save corrections that were begun on revision ``base``."""
    return http.put(place(job_id), json={"reviewer": "Ana Pérez", **body}, headers={"If-Match": f'"{base}"'})


def first(machine: dict[str, Any], *, met: bool) -> str:
    """A criterion that the machine says is met, or not."""
    return next(
        f"{answer['question_id']}-{key}"
        for answer in machine["answers"]
        for key, criterion in answer["criteria"].items()
        if criterion["met"] is met
    )


def some(machine: dict[str, Any], *, reason: str = "Está en el anexo 2") -> dict[str, Any]:
    """A point that does not apply, and a criterion that is met."""
    return {
        "points": [{"point": "P9", "applicable": False, "reason": reason}],
        "criteria": [{"criterion": first(machine, met=False), "met": True, "reason": reason, "page": 2}],
    }


def test_before_anybody_corrects_there_is_revision_zero(
    http: httpx.Client, finished: str, machine: dict[str, Any]
) -> None:
    """Both sets of scores are the machine's."""
    answer = http.get(place(finished))
    body = answer.json()

    assert answer.headers["etag"] == '"0"'
    assert (body["revision"], body["corrections"], body["history"]) == (0, [], [])
    assert body["deterministic_hash"] == machine["deterministic_hash"]
    assert body["scores"]["machine"] == body["scores"]["corrected"]
    assert body["scores"]["machine"]["overall"]["score"] == machine["overall"]["score"]


def test_corrections_stand_beside_the_machines_answers(
    http: httpx.Client, finished: str, machine: dict[str, Any]
) -> None:
    """Who, when, why, and scores both ways; the artifacts are byte for byte what they were."""
    answer = put(http, finished, **some(machine))
    body = answer.json()

    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"1"'
    assert [(c["target"], c["value"], c["reviewer"]) for c in body["corrections"]] == [
        (first(machine, met=False), True, "Ana Pérez"),
        ("P9", False, "Ana Pérez"),
    ]
    assert body["corrections"][0]["at"] > "2026"
    assert body["scores"]["machine"]["overall"] == {
        name: machine["overall"][name] for name in ("score", "band", "criteria_met", "criteria_total")
    }
    assert body["scores"]["corrected"]["overall"]["criteria_total"] == 1080
    assert http.get(place(finished)).json() == body
    document = f"/results/{finished}/documents/d0001"
    for name, content in sample_artifacts().items():
        assert http.get(f"{document}/artifacts/{name}").content == content
    assert http.get(document).content == sample_artifacts()["evaluation_results.json"]
    assert http.get(f"/status/{finished}").json()["documents"][0]["corrections_revision"] == 1


def test_every_format_says_what_was_corrected(
    http: httpx.Client, finished: str, machine: dict[str, Any]
) -> None:
    """JSON of batch and document, table, report and archive: with the reviewer, and with the machine's score."""
    put(http, finished, **some(machine))
    batch = http.get(f"/results/{finished}").json()["results"][0]
    document = http.get(f"/results/{finished}/documents/d0001", params={"corrected": "true"}).json()
    table = http.get(f"/results/{finished}", params={"format": "csv"}).content.decode("utf-8-sig")
    report = http.get(f"/results/{finished}", params={"format": "pdf"}).content
    archive = http.get(f"/results/{finished}", params={"format": "zip"}).content

    assert batch["evaluation"] == machine
    assert batch["review"]["corrections"][0]["reviewer"] == "Ana Pérez"
    assert document["overall"] == {
        **machine["overall"],
        **batch["review"]["scores"]["corrected"]["overall"],
    }
    assert document["review"] == batch["review"]
    row = next(csv.DictReader(io.StringIO(table)))
    assert row["pregunta"] == "P1-D1-Q1"
    corrected = [row for row in csv.DictReader(io.StringIO(table)) if row["revisado_por"]]
    assert {row["punto"] for row in corrected} >= {"P9"}
    assert any(row["puntaje_corregido"] != row["puntaje"] for row in corrected)
    with pymupdf.open(stream=report, filetype="pdf") as pages:
        text = " ".join(" ".join(page.get_text() for page in pages).split())
    assert "Ana Pérez" in text
    assert "Está en el anexo 2" in text
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        record = json.loads(files.read(next(name for name in files.namelist() if "review" in name)))
    jsonschema.validate(record, load_schema("review.json"))
    assert record["history"][0]["reviewer"] == "Ana Pérez"


async def test_every_page_gives_the_corrected_scores_and_marks_them(
    http: httpx.Client, store: JobStore, storage: Storage, machine: dict[str, Any]
) -> None:
    """A criterion not met after all, and a point that does not apply: pages of job, plan, points, comparison."""
    files = [(name, SAMPLE.read_bytes()) for name in ("a.pdf", "b.pdf")]
    job_id = accepted_job(http, *files)
    await succeed(store, storage, job_id, artifacts=sample_artifacts(), count=2)
    await aggregate(store, job_id)
    target = first(machine, met=True)
    saved = put(
        http,
        job_id,
        points=[{"point": "P9", "applicable": False, "reason": "No hay cárcel"}],
        criteria=[{"criterion": target, "met": False, "reason": "Habla de otro municipio"}],
    ).json()
    here = f"/jobs/{job_id}"
    score = str(hundredths(saved["scores"]["corrected"]["overall"]["score"])).replace(".", ",")
    met = saved["scores"]["corrected"]["overall"]["criteria_met"]

    for address in (here, f"{here}/compare"):
        page = http.get(address).text
        rows = [row.partition("</tr>")[0] for row in page.split("<tr>") if 'scope="row"' in row]
        row = next(row for row in rows if "a.pdf" in row)
        assert f"<strong>{score}</strong>" in row
        assert f'<td class="number">{met}</td>' in row
        assert "*" in row
        assert row.count("–") >= 1
        assert "* Con las correcciones de revisores." in page
        assert "*" not in next(row for row in rows if "b.pdf" in row)
    plan = http.get(f"{here}/documents/d0001").text
    assert f">{score}</strong>" in plan
    row = next(row for row in plan.split("<tr>") if "/points/P9" in row and "no aplica" in row)
    assert row.count(">–<") == 7
    assert "band-ausente" not in row
    for point in (target.partition("-")[0], "P9"):
        answer = http.get(f"{here}/documents/d0001/points/{point}")
        assert answer.status_code == 200, answer.text
    page = http.get(f"{here}/documents/d0001/points/{target.partition('-')[0]}").text
    assert "Habla de otro municipio" in page
    assert "La evaluación automática se apoyaba en:" in page


def test_a_notebook_shows_the_corrected_scores_and_marks_them(
    http: httpx.Client, finished: str, machine: dict[str, Any]
) -> None:
    """In the table of results with a mark; in that of the job, which has the machine's, with a word."""
    saved = put(http, finished, **some(machine)).json()
    results = BatchResults.model_validate(http.get(f"/results/{finished}").json())
    table = results._repr_html_()
    state = http.get(f"/status/{finished}").json()

    assert results.results[0].scores[0] == saved["scores"]["corrected"]["overall"]["score"]
    assert results.results[0].scores[1]["P9"] is None
    assert "plan.pdf *" in table
    assert "* Con las correcciones de la revisión." in table
    assert "(sin las correcciones de revisores)" in job_table(finished, state=state, refused={})


async def test_the_comparison_marks_what_may_be_a_part_of_a_plan(
    http: httpx.Client, store: JobStore, storage: Storage, machine: dict[str, Any]
) -> None:
    """Beside its name, with a word on what that means."""
    job_id = accepted_job(http, ("tomo-1.pdf", SAMPLE.read_bytes()))
    part = json.dumps({**machine, "warnings": ["perhaps_a_part"]}).encode()
    await succeed(store, storage, job_id, artifacts={**sample_artifacts(), "evaluation_results.json": part})
    await aggregate(store, job_id)
    page = http.get(f"/jobs/{job_id}/compare").text

    assert "tomo-1.pdf</a>&nbsp;†" in page
    assert "† Puede ser solo una parte del plan" in page


async def test_an_unreadable_record_keeps_nobody_from_the_page_of_the_job(
    http: httpx.Client, finished: str, settings: Settings, machine: dict[str, Any]
) -> None:
    """The page is there with the machine's scores, and says that corrections cannot be read."""
    put(http, finished, **some(machine))
    (record,) = (settings.data_dir / "storage" / "reviews" / finished).rglob("*.json")
    record.write_bytes(record.read_bytes().replace(b"Ana", b"Eva"))
    answer = http.get(f"/jobs/{finished}")

    assert answer.status_code == 200
    assert "(sus correcciones no se pueden leer ahora)" in answer.text


def test_two_reviewers_do_not_overwrite_each_other(
    http: httpx.Client, finished: str, machine: dict[str, Any]
) -> None:
    """Eight save at once what they began on the same revision: one is saved, the others are told to read again."""

    def save(number: int) -> httpx.Response:
        return put(http, finished, **some(machine, reason=f"razón {number}"))

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(save, range(8)))
    lost = [answer for answer in answers if answer.status_code != 200]

    assert len(lost) == 7
    for answer in lost:
        refused(answer, status=412, code="review_conflict")
    saved = next(answer for answer in answers if answer.status_code == 200).json()
    assert http.get(place(finished)).json() == saved


def test_a_later_change_keeps_history(http: httpx.Client, finished: str, machine: dict[str, Any]) -> None:
    """What was said first, what replaced it and who withdrew it are all there."""
    target = first(machine, met=False)
    put(http, finished, **some(machine))
    put(
        http,
        finished,
        base=1,
        reviewer="Luz",
        criteria=[{"criterion": target, "met": True, "reason": "Mejor: página 3", "page": 3}],
    )
    body = put(http, finished, base=2, reviewer="Eva").json()

    assert body["revision"] == 3
    assert body["corrections"] == []
    assert [(c["revision"], c["reviewer"], c["target"], c["value"]) for c in body["history"]] == [
        (1, "Ana Pérez", target, True),
        (1, "Ana Pérez", "P9", False),
        (2, "Luz", target, True),
        (2, "Luz", "P9", None),
        (3, "Eva", target, None),
    ]
    assert body["scores"]["machine"] == body["scores"]["corrected"]


def test_corrections_do_not_live_in_a_process(
    http: httpx.Client, finished: str, settings: Settings, machine: dict[str, Any]
) -> None:
    """Another server of the same service gives them, and saves the next revision."""
    saved = put(http, finished, **some(machine)).json()

    with (
        PlainServer(settings) as other,
        httpx.Client(base_url=other.url, timeout=60, trust_env=False) as again,
    ):
        assert again.get(place(finished)).json() == saved
        assert put(again, finished, base=1, reviewer="Luz").json()["revision"] == 2
    refused(put(http, finished, base=1, **some(machine)), status=412, code="review_conflict")


def test_sending_again_what_was_saved_is_harmless(
    http: httpx.Client, finished: str, machine: dict[str, Any]
) -> None:
    """A client whose answer was lost gets the same answer, not a conflict."""
    saved = put(http, finished, **some(machine)).json()

    assert put(http, finished, **some(machine)).json() == saved


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"points": [{"point": "P9", "applicable": True, "reason": "x"}]}, "invalid_corrections", "coincide"),
        ({"points": [{"point": "P11", "applicable": False, "reason": "x"}]}, "invalid_request", "forma"),
        ({"points": [{"point": "P9", "applicable": False}]}, "invalid_request", "falta"),
        (
            {"points": [{"point": "P9", "applicable": False, "reason": " \u200b "}]},
            "invalid_request",
            "vacío",
        ),
        ({"points": [{"point": "P9", "applicable": False, "reason": "x" * 1001}]}, "invalid_request", "1000"),
        (
            {"points": [{"point": "P9", "applicable": False, "reason": "x"}] * 2},
            "invalid_corrections",
            "dos veces",
        ),
        ({"reviewer": ""}, "invalid_request", "vacío"),
        ({"score": 3}, "invalid_request", "no existe"),
        (
            {"criteria": [{"criterion": "P1-D1-Q1-a", "met": True, "reason": "x", "page": 0}]},
            "invalid_request",
            "1",
        ),
    ],
)
def test_what_is_not_valid_is_refused_whole(
    http: httpx.Client, finished: str, body: dict[str, Any], code: str, said: str
) -> None:
    """422 that names the value and the fault; nothing is saved."""
    problem = refused(put(http, finished, **body), status=422, code=code)

    assert said in " ".join(error["message"] for error in problem["errors"])
    assert http.get(place(finished)).json()["revision"] == 0


def test_a_correction_at_fault_is_named_as_in_the_body(
    http: httpx.Client, finished: str, machine: dict[str, Any]
) -> None:
    """Points and criteria are two lists there, each counted from 0."""
    good, bad = first(machine, met=False), first(machine, met=True)
    problem = refused(
        put(
            http,
            finished,
            points=[{"point": "P9", "applicable": False, "reason": "x"}],
            criteria=[{"criterion": one, "met": True, "reason": "x"} for one in (good, bad)],
        ),
        status=422,
        code="invalid_corrections",
    )

    assert [error["field"] for error in problem["errors"]] == ["criteria.1"]


@pytest.mark.parametrize("value", ["*", "1", '"uno"', '"9999999"', '"0", "1"'])
def test_the_revision_must_be_one(http: httpx.Client, finished: str, value: str) -> None:
    """An If-Match that is no single revision of ours would not protect anybody."""
    answer = http.put(place(finished), json={"reviewer": "Ana"}, headers={"If-Match": value})

    refused(answer, status=422, code="invalid_request")
    refused(http.put(place(finished), json={"reviewer": "Ana"}), status=428, code="revision_required")


def test_what_is_too_large_is_not_read(http: httpx.Client, finished: str) -> None:
    """A megabyte of corrections is refused before it is parsed."""
    answer = put(http, finished, reviewer="x" * 2**20)

    refused(answer, status=413, code="request_too_large")


def test_hostile_text_stays_text(http: httpx.Client, finished: str, machine: dict[str, Any]) -> None:
    """Neither a spreadsheet, nor the typesetter, nor a reader of bidirectional text is led astray."""
    saved = put(http, finished, reviewer=HOSTILE, **some(machine, reason=HOSTILE))
    table = http.get(f"/results/{finished}", params={"format": "csv"}).content.decode("utf-8-sig")
    report = http.get(f"/results/{finished}", params={"format": "pdf"}).content

    assert saved.status_code == 200, saved.text
    assert not set(saved.text) & set("\u202e\x07")
    row = next(row for row in csv.DictReader(io.StringIO(table)) if row["revisado_por"])
    assert row["revisado_por"].startswith("'=")
    with pymupdf.open(stream=report, filetype="pdf") as pages:
        text = "".join(page.get_text() for page in pages)
    assert '#panic("x")' in text


async def test_what_has_no_result_is_not_corrected(http: httpx.Client, finished: str) -> None:
    """A document that waits, one that is not there, a job that is not there."""
    waiting = accepted_job(http, ("otro.pdf", pdf(mark="espera")))

    refused(put(http, waiting), status=409, code="results_not_ready")
    missing = f"/results/{finished}/documents/d0002/corrections"
    refused(http.get(missing), status=404, code="document_not_found")
    refused(http.get(place("b" * 26)), status=404, code="job_not_found")


def test_a_spoiled_record_is_never_served(
    http: httpx.Client, finished: str, settings: Settings, machine: dict[str, Any]
) -> None:
    """Corrections that were changed on the disk are named as such, in JSON and in files."""
    put(http, finished, **some(machine))
    (record,) = (settings.data_dir / "storage" / "reviews" / finished).rglob("*.json")
    record.write_bytes(record.read_bytes().replace(b"Ana", b"Eva"))

    refused(http.get(place(finished)), status=500, code="artifact_altered")
    answer = http.get(f"/results/{finished}", params={"format": "csv"})
    refused(answer, status=500, code="artifact_altered")
    assert http.get(f"/results/{finished}").json()["results"][0]["error_code"] == "artifact_altered"


def test_corrections_go_with_the_job(
    http: httpx.Client, finished: str, settings: Settings, machine: dict[str, Any]
) -> None:
    """After deleting, neither the record nor the address is left."""
    put(http, finished, **some(machine))
    folder = settings.data_dir / "storage" / "reviews" / finished
    assert list(folder.rglob("*.json"))
    http.delete(f"/results/{finished}")

    assert not folder.exists()
    refused(http.get(place(finished)), status=410, code="job_deleted")


# --------------------------------------------------------------------------- notebooks


async def test_tables_and_pictures_leave_out_points_that_do_not_apply(
    http: httpx.Client, server: PlainServer, store: JobStore, storage: Storage
) -> None:
    """The mean of the table is the score of the plan, and the heat map gives no figure for the point."""
    artifacts = sample_artifacts(not_applicable=("P10",))
    overall = json.loads(artifacts["evaluation_results.json"])["overall"]
    job_id = accepted_job(http, ("plan.pdf", SAMPLE.read_bytes()))
    await succeed(store, storage, job_id, artifacts=artifacts)
    await aggregate(store, job_id)

    with BatchClient(server.url) as client:
        results = client.job(job_id).results()
        table, figure = results.to_dataframe(), results.heatmap()

    assert overall["criteria_total"] == 1080
    assert round(table["puntaje"].mean(), 4) == overall["score"]
    assert set(table[~table["aplica"]]["punto"]) == {"P10"}
    assert table["puntaje_corregido"].equals(table["puntaje"])
    assert not table["revisado_por"].any()
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert [one == "–" for one in shown] == [False] * 54 + [True] * 6
    assert results._repr_html_().count("<td>–</td>") == 1


async def test_a_job_that_was_read_before_shows_what_was_corrected_since(
    http: httpx.Client, server: PlainServer, finished: str, machine: dict[str, Any]
) -> None:
    """Results, table and picture of the same object; results that nobody corrected are fetched once."""
    async with AsyncBatchClient(server.url) as awaiting:
        with BatchClient(server.url) as client:
            job, awaited = client.job(finished), awaiting.job(finished)
            before = job.results()
            await awaited.results()
            assert job.results() is before

            scores = put(http, finished, **some(machine)).json()["scores"]
            table, figure = job.to_dataframe(), job.heatmap()
            shown = job.results()._repr_html_()
            same = (await awaited.to_dataframe()).equals(table)

            http.delete(f"/results/{finished}")
            assert job.to_dataframe().equals(table)

    assert same
    assert round(table["puntaje"].mean(), 4) == scores["machine"]["overall"]["score"]
    assert round(table["puntaje_corregido"].mean(), 4) == scores["corrected"]["overall"]["score"]
    assert set(table[~table["aplica_corregido"]]["punto"]) == {"P9"}
    assert table["aplica"].all()
    assert (table["revisado_por"] == "Ana Pérez").sum() == 31
    assert "con correcciones" in figure.axes[0].get_title()
    assert "plan.pdf *" in shown
    assert "Con las correcciones de la revisión" in shown
