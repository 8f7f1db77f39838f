"""``/results/{job}/documents/{document}/causal/{point}.svg``: the causal graph of a point as a picture."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Response

from cluster.errors import ARTIFACT_NOT_FOUND, ServiceError
from pipeline.report import causal_svg
from serve_app.asgi import BackendOf, problem_responses
from serve_app.delivery import EVALUATION_RESULTS
from serve_app.documents import artifact, succeeded

SVG = "image/svg+xml"
PER_LINK_MAX = 20

router = APIRouter()


class _Findings(msgspec.Struct):
    causal_graphs: list[dict[str, Any]]


class _Results(msgspec.Struct):
    """The part of ``evaluation_results.json`` that is drawn; the rest is skipped while decoding."""

    findings: _Findings


@router.get(
    "/{job_id}/documents/{document_id}/causal/{point}.svg",
    summary="The causal graph of a point as a picture",
    response_class=Response,
    responses={**problem_responses(404, 409, 410, 422, 503), 200: {"content": {SVG: {}}}},
)
async def causal_picture(
    job_id: str,
    document_id: str,
    point: Annotated[str, Path(pattern=r"^P([1-9]|10)$")],
    backend: BackendOf,
    per_link: Annotated[
        int, Query(ge=1, le=PER_LINK_MAX, description="At most so many passages of each link")
    ] = 4,
) -> Response:
    """Draw problem, causes, activities, products, results and impact of a point and what joins them.

    A link that the plan lacks stands as an empty row. 404 where the causal analysis was switched off.
    """
    document = await succeeded(backend, job_id=job_id, document_id=document_id)
    content = await artifact(backend, job_id=job_id, document=document, name=EVALUATION_RESULTS)
    svg = await asyncio.to_thread(_draw, content, point=point, per_link=per_link)
    return Response(svg, media_type=SVG)


def _draw(content: bytes, *, point: str, per_link: int) -> str:
    graphs = msgspec.json.decode(content, type=_Results).findings.causal_graphs
    for graph in graphs:
        if graph["point"] == point:
            return causal_svg(graph, title=f"Grafo causal de {point}", per_link=per_link)
    raise ServiceError(ARTIFACT_NOT_FOUND, "El documento se evaluó sin análisis causal.")
