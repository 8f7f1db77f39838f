"""Pages, health, metrics, and the one description of the API."""

# ruff: noqa: ASYNC212  the server runs in its own thread; waiting here holds nobody up

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from artifacts_of_a_plan import sample_artifacts
from fastapi import FastAPI
from html_page import Page
from http_steps import FIELDS, accepted_job, aggregate, pdf, refused, succeed
from prometheus_client.parser import text_string_to_metric_families

from cluster.metrics import FAMILIES
from cluster.records import QueueFigures
from serve_app.federation import exposition
from serve_app.home import Cluster, make_home
from serve_app.openapi import describe

if TYPE_CHECKING:
    from cluster.jobs import JobStore
    from cluster.settings import Settings
    from cluster.storage import Storage


# --------------------------------------------------------------------------- pages


async def test_every_link_of_every_page_leads_somewhere(
    http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """All pages are one local site: each link and file is answered, nothing is loaded from elsewhere or inline."""
    job_id = accepted_job(http, ("<b>plan</b>.pdf", pdf()), municipality="<script>alert(1)</script>")
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)
    seen: set[str] = set()
    plan = f"/jobs/{job_id}/documents/d0001"
    for place in (
        "/",
        f"/jobs/{job_id}",
        f"/jobs/{job_id}/compare",
        plan,
        f"{plan}/points/P1",
        "/docs",
        "/jobs/nada",
    ):
        answer = http.get(place)
        page = Page(answer.text)
        seen |= set(page.targets)
        assert page.inline == []
        assert "<script>alert" not in answer.text
        assert "unsafe" not in answer.headers["content-security-policy"]

    assert all(target.startswith(("/", "#")) for target in seen)
    followed = {
        target.partition("#")[0] for target in seen if "/delete" not in target and "format=" not in target
    }
    for target in followed - {"", "/upload", "/idioma"}:
        assert http.get(target).status_code == 200, target


def test_the_form_of_the_page_is_accepted_as_a_browser_sends_it(http: httpx.Client) -> None:
    """With the fields the page has, and the values it proposes, a browser without scripts can submit."""
    fields = Page(http.get("/").text).fields
    mine = {"municipality": "Timbiquí", "department": "Cauca"}
    text = {
        name: mine.get(name, value)
        for name, value in fields.items()
        if name not in {"files", "not_applicable_points", "onward"}
    }

    answer = http.post(
        "/upload",
        data=text,
        files=[("files", ("plan.pdf", pdf()))],
        headers={
            "Accept": "text/html",
            "Origin": str(http.base_url).rstrip("/"),
            "Sec-Fetch-Site": "same-origin",
        },
    )

    assert set(FIELDS) < set(fields)
    assert answer.status_code == 303, answer.text


async def test_the_page_of_a_job_shows_scores_and_reasons(
    http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """A score as people here write it, the band, and for a failed document its sentence and code."""
    job_id = accepted_job(http, ("plan.pdf", pdf()), ("carta.pdf", b"hola"))
    await succeed(store, storage, job_id, artifacts={"evaluation_results.json": b"{}"})
    await aggregate(store, job_id)

    text = http.get(f"/jobs/{job_id}").text

    assert "1,50" in text
    assert "aceptable" in text
    assert "Un archivo no es un PDF." in text
    assert "upload_not_pdf" in text


def test_the_buttons_of_a_job_cancel_and_delete_it(http: httpx.Client) -> None:
    """They are forms: they work without scripts."""
    job_id = accepted_job(http)

    assert http.post(f"/jobs/{job_id}/cancel").headers["location"] == f"/jobs/{job_id}"
    assert http.get(f"/status/{job_id}").json()["status"] == "cancelled"
    assert http.post(f"/jobs/{job_id}/delete").headers["location"] == "/"
    refused(http.get(f"/status/{job_id}"), status=410, code="job_deleted")
    assert http.get(f"/jobs/{job_id}").status_code == 410


# --------------------------------------------------------------------------- machines


def test_health_and_readiness(http: httpx.Client) -> None:
    """Alive says nothing but that; ready says that documents can be received."""
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json()["status"] == "ready"


async def test_without_an_evaluator_the_service_is_not_ready(settings: Settings) -> None:
    """What is accepted would only wait."""

    async def none() -> int:
        return 0

    async def nowhere() -> tuple[str, ...]:
        return ()

    app = make_home(settings, cluster=Cluster(count_evaluators=none, metrics_addresses=nowhere))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://t") as http,
    ):
        refused(await http.get("/readyz"), status=503, code="not_ready")


async def test_metrics_are_well_formed_and_true(
    http: httpx.Client, store: JobStore, storage: Storage
) -> None:
    """Without Ray the page has what the registry knows: documents by how they ended, and the queues."""
    before = _samples(http.get("/metrics").text)
    job_id = accepted_job(http, ("plan.pdf", pdf()))
    await succeed(store, storage, job_id, artifacts={"evaluation_results.json": b"{}"})

    after = _samples(http.get("/metrics").text)

    key = ("documents_processed_total", (("status", "succeeded"),))
    assert after[key] == before[key] + 1
    assert ("queue_depth", (("queue_name", "pdm_evaluation_queue"),)) in after
    assert after["decalogo_claims_total", ()] > before["decalogo_claims_total", ()]


RAY_PAGE = """# HELP ray_worker_utilization x
# TYPE ray_worker_utilization gauge
ray_worker_utilization{Component="core_worker",NodeAddress="127.0.0.1",WorkerId="a",worker_id="e1"} 0.5
ray_worker_utilization{Component="core_worker",NodeAddress="127.0.0.1",WorkerId="b",worker_id="e\\"2"} 0.25
# HELP ray_batch_document_processing_latency_seconds x
# TYPE ray_batch_document_processing_latency_seconds histogram
ray_batch_document_processing_latency_seconds_bucket{WorkerId="a",le="1.0"} 1
ray_batch_document_processing_latency_seconds_bucket{WorkerId="a",le="+Inf"} 2
ray_batch_document_processing_latency_seconds_count{WorkerId="a"} 2
ray_batch_document_processing_latency_seconds_sum{WorkerId="a"} 3.5
# HELP ray_documents_processed_total x
# TYPE ray_documents_processed_total counter
ray_documents_processed_total{WorkerId="a",status="succeeded"} 2
# HELP ray_queue_depth x
# TYPE ray_queue_depth gauge
ray_queue_depth{WorkerId="a",queue_name="delayed"} 7
ray_queue_depth{WorkerId="dead",queue_name="delayed"} 9
"""


def test_metrics_of_several_nodes_become_one_page() -> None:
    """Ray's prefix and labels are gone, histograms of processes add up, and every family is there once."""
    page = exposition([RAY_PAGE, RAY_PAGE], totals=None, figures=None)

    samples = _samples(page)
    assert samples["worker_utilization", (("worker_id", "e1"),)] == 0.5
    assert samples["worker_utilization", (("worker_id", 'e"2'),)] == 0.25
    assert samples["batch_document_processing_latency_seconds_bucket", (("le", "+Inf"),)] == 4
    assert samples["batch_document_processing_latency_seconds_sum", ()] == 7
    assert samples["documents_processed_total", (("status", "succeeded"),)] == 4
    assert samples["queue_depth", (("queue_name", "delayed"),)] == 9
    families = re.findall("^# TYPE ([a-z_]+)", page, re.MULTILINE)
    assert len(families) == len(set(families))
    assert "ray_" not in page


def test_what_has_not_happened_yet_is_zero() -> None:
    """A counter that appears as 1 has, for Prometheus, not grown; one that a silent node keeps is not guessed at."""
    for name in ("evaluator_deaths_total", "evaluators_outgrown_total", "registry_data_losses_total"):
        assert _samples(exposition([RAY_PAGE], totals=None, figures=None))[name, ()] == 0
        assert (name, ()) not in _samples(exposition([RAY_PAGE, ""], totals=None, figures=None))
    # The registry counts these; while it is away nothing is known of them, least of all that they are 0.
    page = _samples(exposition([RAY_PAGE], totals=None, figures=None))
    assert not {name for name, _ in page} & {"leases_expired_total", "documents_submitted_total"}


def test_what_the_registry_knows_wins_over_ray() -> None:
    """Ray's counters begin anew with each process; the registry's do not."""
    figures = QueueFigures(depth=3, oldest_age_seconds=1.5, delayed=1, pending=0, dead=0)

    samples = _samples(exposition([RAY_PAGE], totals={"documents_succeeded": 40}, figures=figures))

    assert samples["documents_processed_total", (("status", "succeeded"),)] == 40
    assert samples["queue_depth", (("queue_name", "pdm_evaluation_queue"),)] == 3
    assert samples["queue_depth", (("queue_name", "delayed"),)] == 1
    assert samples["work_present", ()] == 1


def test_what_is_seen_while_answering_is_on_the_page(http: httpx.Client) -> None:
    """Redis and free space are looked at for each page, so that an alert needs nobody else alive."""
    samples = _samples(http.get("/metrics").text)

    assert samples["redis_up", ()] == 1
    assert samples["registry_mismatch", ()] == 0
    assert samples["storage_free_bytes", ()] > 0
    assert ("storage_needed_bytes", ()) in samples


def _samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = list(text_string_to_metric_families(page))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    known = {family.name.removesuffix("_total") for family in FAMILIES}
    assert all(name in known or name.startswith("decalogo_") for name in names)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


# --------------------------------------------------------------------------- description


def test_one_description_holds_every_operation_of_the_contract(http: httpx.Client) -> None:
    """All four applications under their prefixes, names unique, references resolved, errors as problems."""
    api = http.get("/openapi.json").json()

    operations = {(method.upper(), path) for path, found in api["paths"].items() for method in found}
    assert operations >= {
        ("POST", "/upload"),
        ("POST", "/upload/jobs"),
        ("GET", "/upload/jobs/{job_id}"),
        ("PUT", "/upload/jobs/{job_id}/files/{name}"),
        ("POST", "/upload/jobs/{job_id}/submit"),
        ("GET", "/status"),
        ("GET", "/status/{job_id}"),
        ("GET", "/status/{job_id}/events"),
        ("GET", "/results/{job_id}"),
        ("DELETE", "/results/{job_id}"),
        ("GET", "/results/{job_id}/documents/{document_id}"),
        ("GET", "/results/{job_id}/documents/{document_id}/artifacts/{name}"),
        ("GET", "/results/{job_id}/documents/{document_id}/pages/{page}.png"),
        *(("GET", path) for path in ("/", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")),
    }
    every = [operation for found in api["paths"].values() for operation in found.values()]
    identifiers = [operation["operationId"] for operation in every]
    assert len(identifiers) == len(set(identifiers))
    assert all(operation["summary"] for operation in every)
    for operation in every:
        for status, answer in operation["responses"].items():
            if status >= "400":
                is_page = operation["summary"].startswith("Web page of") and status in {
                    "404",
                    "409",
                    "410",
                    "503",
                }
                wanted = "text/html" if is_page else "application/problem+json"
                assert list(answer["content"]) == [wanted]
    for reference in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(api)):
        assert reference in api["components"]["schemas"]


def test_a_path_described_twice_is_an_error() -> None:
    """Two applications cannot silently hide each other."""

    async def answer() -> None:
        """Anything."""

    one, other = FastAPI(), FastAPI()
    one.get("/b/x")(answer)
    other.get("/x")(answer)
    apps = {"/a": one, "/a/b": other}

    with pytest.raises(ValueError, match="/a/b/x"):
        describe(apps)


def test_answers_have_the_form_that_the_description_promises(http: httpx.Client) -> None:
    """The state of a job and the list of jobs are validated against their published schemas."""
    jsonschema = pytest.importorskip("jsonschema")
    api = http.get("/openapi.json").json()
    job_id = accepted_job(http)

    for path, described in (
        (f"/status/{job_id}", "/status/{job_id}"),
        ("/status", "/status"),
        (f"/upload/jobs/{job_id}", "/upload/jobs/{job_id}"),
    ):
        schema = _schema(api, path=described)
        jsonschema.validate(http.get(path).json(), {**schema, "components": api["components"]})
    problem = http.get("/status/nada").json()
    jsonschema.validate(problem, {"$ref": "#/components/schemas/Problem", "components": api["components"]})


def _schema(api: dict[str, Any], *, path: str) -> dict[str, Any]:
    schema: dict[str, Any] = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    return schema
