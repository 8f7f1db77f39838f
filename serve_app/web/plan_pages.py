"""Pages of one evaluated plan: scores of points and dimensions, the questions of a point, the passages they rest on."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from cluster.errors import EVIDENCE_NOT_FOUND, NOT_FOUND, ServiceError
from pipeline.report.doubt import DOUBTFUL, unsure_criteria
from pipeline.report.wording import warnings
from serve_app.asgi import BackendOf  # noqa: TC001  FastAPI reads it at run time
from serve_app.delivery import EVIDENCE_REGISTRY
from serve_app.documents import artifact, succeeded
from serve_app.reviews import read_corrected
from serve_app.web import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cluster.records import DocumentRecord
    from serve_app.asgi import Backend

ERROR_PAGE: dict[str, Any] = {"description": "The error as a page", "content": {"text/html": {}}}
ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys((404, 409, 410, 503), ERROR_PAGE)
POINT = r"^P(10|[1-9])$"
CRITERION = re.compile(r"((P[0-9]+)-(D[0-9]+)-Q[0-9]+)-([a-d])")
KINDS = {
    "parrafo": "párrafo",
    "elemento_de_lista": "elemento de lista",
    "fila_de_tabla": "fila de tabla",
    "titulo": "título",
}

router = APIRouter(tags=["service"], default_response_class=HTMLResponse)


@router.get("/jobs/{job_id}/documents/{document_id}", summary="Web page of a plan", responses=ERRORS)
async def plan_page(job_id: str, document_id: str, backend: BackendOf) -> HTMLResponse:
    """Overall score, and a heat map of points and dimensions that leads to the questions."""

    def page(document: DocumentRecord, plan: dict[str, Any]) -> str:
        shown = {**plan, "warnings": warnings(plan)}
        return pages.render(
            "plan.html", job_id=job_id, document=document, plan=shown, unsure=unsure_criteria(plan["answers"])
        )

    return await _page(page, backend, job_id=job_id, document_id=document_id)


@router.get(
    "/jobs/{job_id}/documents/{document_id}/points/{point}",
    summary="Web page of the questions of a point",
    responses=ERRORS,
)
async def point_page(job_id: str, document_id: str, point: str, backend: BackendOf) -> HTMLResponse:
    """The 30 questions of a point by dimension: each criterion with its passages, or with what was looked for."""

    def page(document: DocumentRecord, plan: dict[str, Any]) -> str:
        found = next((one for one in plan["points"] if one["id"] == point), None)
        if found is None:
            raise ServiceError(NOT_FOUND)
        questions = {
            dimension["id"]: [
                answer
                for answer in plan["answers"]
                if answer["point"] == point and answer["dimension"] == dimension["id"]
            ]
            for dimension in plan["dimensions"]
        }
        return pages.render(
            "point.html",
            job_id=job_id,
            document=document,
            plan=plan,
            point=found,
            questions=questions,
            doubtful=DOUBTFUL,
        )

    return await _page(page, backend, job_id=job_id, document_id=document_id)


@router.get(
    "/jobs/{job_id}/documents/{document_id}/evidence/{evidence_id}",
    summary="Web page of a passage, where it stands in the plan",
    responses=ERRORS,
)
async def evidence_page(
    job_id: str,
    document_id: str,
    evidence_id: str,
    backend: BackendOf,
    point: Annotated[str | None, Query(pattern=POINT, description="Walk through this point's alone")] = None,
) -> HTMLResponse:
    """The page as an image with the passage marked, the criteria that rest on it, the passages before and after."""

    def page(document: DocumentRecord, plan: dict[str, Any], registry: dict[str, Any]) -> str:
        walk = [one for one in registry["evidence"] if point is None or point in points_of(one["serves"])]
        place = next((place for place, one in enumerate(walk) if one["id"] == evidence_id), None)
        if place is None:
            raise ServiceError(EVIDENCE_NOT_FOUND)
        evidence = walk[place]
        return pages.render(
            "evidence.html",
            job_id=job_id,
            document=document,
            plan=plan,
            point=point,
            evidence=evidence,
            kind=KINDS.get(evidence["kind"], evidence["kind"]),
            image_pages=sorted({box["page"] for box in evidence["boxes"]}) or [evidence["page"]],
            served=served_criteria(plan["answers"], serves=evidence["serves"], point=point),
            number=place + 1,
            total=len(walk),
            before=walk[place - 1]["id"] if place else None,
            after=walk[place + 1]["id"] if place + 1 < len(walk) else None,
        )

    names = (EVIDENCE_REGISTRY,)
    return await _page(page, backend, job_id=job_id, document_id=document_id, names=names)


def points_of(serves: Iterable[str]) -> set[str]:
    """The points of criteria such as ``P1-D1-Q1-a``."""
    return {criterion.partition("-")[0] for criterion in serves}


def served_criteria(
    answers: Iterable[dict[str, Any]], *, serves: Iterable[str], point: str | None
) -> list[dict[str, Any]]:
    """The criteria that rest on a passage, with their question and text, in the order of the questionnaire.

    With ``point`` only those of this point.
    """
    wanted: dict[str, list[str]] = {}
    for criterion in serves:
        found = CRITERION.fullmatch(criterion)
        if found and point in {None, found[2]}:
            wanted.setdefault(found[1], []).append(found[4])
    return [
        {"answer": answer, "criteria": [(key, answer["criteria"][key]) for key in sorted(keys)]}
        for answer in answers
        if (keys := wanted.get(answer["question_id"]))
    ]


async def _page(
    make: Callable[..., str],
    backend: Backend,
    *,
    job_id: str,
    document_id: str,
    names: tuple[str, ...] = (),
) -> HTMLResponse:
    """A page made of a document, its corrected evaluation and its artifacts of these names; a refusal is one too."""
    try:
        document = await succeeded(backend, job_id=job_id, document_id=document_id)
        contents = [await artifact(backend, job_id=job_id, document=document, name=name) for name in names]

        def made() -> str:
            plan = read_corrected(backend, job_id=job_id, document=document)
            return make(document, plan, *map(msgspec.json.decode, contents))

        # Of a large plan a megabyte of JSON and a few hundred rows: not on the loop that serves the others.
        text = await asyncio.to_thread(made)
    except ServiceError as error:
        return HTMLResponse(pages.problem_page(error), status_code=error.refusal.status)
    return HTMLResponse(text)
