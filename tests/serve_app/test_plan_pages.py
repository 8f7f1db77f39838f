"""The pages of an evaluated plan: from its scores to the passage they rest on, as a reader clicks through them."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from artifacts_of_a_plan import SAMPLE, sample_artifacts
from html_page import Page
from http_steps import accepted_job, aggregate, pdf, succeed

from pipeline.scoring import hundredths

if TYPE_CHECKING:
    import httpx

    from cluster.jobs import JobStore
    from cluster.storage import Storage

POINTS = tuple(f"P{number}" for number in range(1, 11))


@pytest.fixture
async def plan(http: httpx.Client, store: JobStore, storage: Storage) -> str:
    """The page of an evaluated plan."""
    job_id = accepted_job(http, ("puerto-arrayan.pdf", SAMPLE.read_bytes()), ("carta.pdf", b"hola"))
    await succeed(store, storage, job_id, artifacts=sample_artifacts())
    await aggregate(store, job_id)
    return f"/jobs/{job_id}/documents/d0001"


def evaluation() -> dict[str, Any]:
    """What the pages show."""
    found: dict[str, Any] = json.loads(sample_artifacts()["evaluation_results.json"])
    return found


def words_of(answer: httpx.Response) -> str:
    """The text of a page as it is read."""
    assert answer.status_code == 200, answer.text
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def test_from_the_job_to_the_heat_map(http: httpx.Client, plan: str) -> None:
    """The job's page leads to the plan's; there each of 60 cells shows its score and leads to its questions."""
    assert plan in Page(http.get(plan.partition("/documents")[0]).text).targets
    answer = http.get(plan)
    targets = Page(answer.text).targets
    for point in evaluation()["points"]:
        for dimension, value in point["dimensions"].items():
            target = f"{plan}/points/{point['id']}#{dimension}"
            assert target in targets
            shown = str(hundredths(value)).replace(".", ",")
            assert re.search(rf'href="{target}"[^>]*>{shown}</a>', answer.text)
    overall = evaluation()["overall"]
    assert overall["band"] in words_of(answer)
    assert f"{overall['criteria_met']} de {overall['criteria_total']} criterios" in words_of(answer)


@pytest.mark.parametrize("point", POINTS)
def test_a_point_shows_its_questions_with_what_was_found_and_what_was_not(
    http: httpx.Client, plan: str, point: str
) -> None:
    """30 questions with 4 criteria: explanation, quotes with their page, and for the unmet what was looked for."""
    answer = http.get(f"{plan}/points/{point}")
    text, targets = words_of(answer), Page(answer.text).targets
    answers = [one for one in evaluation()["answers"] if one["point"] == point]
    assert len(answers) == 30
    for one in answers:
        assert f'id="{one["question_id"]}"' in answer.text
        assert re.sub(r"\s+", " ", one["explanation"]) in text
        for criterion in one["criteria"].values():
            assert criterion["text"] in text
            for evidence in criterion["evidence"]:
                assert f"{plan}/evidence/{evidence['id']}?point={point}" in targets
                assert re.sub(r"\s+", " ", evidence["quote"]) in text
            if not criterion["met"]:
                assert f"Se buscó: {criterion['looked_for']}." in text


def test_the_passages_of_a_point_are_walked_from_the_first_to_the_last(http: httpx.Client, plan: str) -> None:
    """Each shows its quote, the page as an image with a mark, and its criteria; none is left out."""
    registry = json.loads(sample_artifacts()["evidence_registry.json"])["evidence"]
    expected = [
        entry for entry in registry if any(criterion.startswith("P1-") for criterion in entry["serves"])
    ]
    address: str | None = f"{plan}/evidence/{expected[0]['id']}?point=P1"
    walked = []
    while address:
        answer = http.get(address)
        entry = expected[len(walked)]
        assert re.sub(r"\s+", " ", entry["quote"]) in words_of(answer)
        for criterion in entry["serves"]:
            target = f"{plan}/points/P1#{criterion[:-2]}"
            assert (target in Page(answer.text).targets) == criterion.startswith("P1-")
        for image in (target for target in Page(answer.text).targets if ".png" in target):
            drawn = http.get(image)
            assert drawn.headers["content-type"] == "image/png"
            assert drawn.content != http.get(image.partition("?")[0]).content
        walked.append(entry["id"])
        onward = re.search(r'rel="next"[^>]*href="([^"]+)"', answer.text)
        address = html.unescape(onward[1]) if onward else None
    assert walked == [entry["id"] for entry in expected]


@pytest.mark.parametrize("rest", ["/points/P11", "/points/P0", "/evidence/ev_0", "/evidence/nada?point=P1"])
def test_what_is_not_there_is_a_page_that_says_so(http: httpx.Client, plan: str, rest: str) -> None:
    """404, in words, with a way back."""
    answer = http.get(plan + rest)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "/" in Page(answer.text).targets


def test_a_document_without_result_says_why(http: httpx.Client, plan: str) -> None:
    """One that failed with its sentence, one that waits with the advice to wait."""
    failed = http.get(plan.replace("d0001", "d0002"))
    assert failed.status_code == 409
    assert "PDF" in failed.text
    waiting = accepted_job(http, ("otro.pdf", pdf()))
    assert http.get(f"/jobs/{waiting}/documents/d0001").status_code == 409
