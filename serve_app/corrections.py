"""``/results/{job}/documents/{document}/corrections``: what reviewers correct, with who, when and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cluster.errors import INVALID_REQUEST, REVISION_REQUIRED, ServiceError
from pipeline.review import CHANGES_MAX, Correction, review_summary
from serve_app.access import CallerOf  # noqa: TC001  FastAPI reads it at run time
from serve_app.asgi import BackendOf, problem_responses
from serve_app.reviews import read_reviewed, save_corrections

if TYPE_CHECKING:
    from serve_app.reviews import Reviewed

CORRECTIONS_MAX = 1300
"""All points and criteria are 1,210."""
REVISION = re.compile(r'(?:W/)?"([0-9]{1,6})"')

router = APIRouter()


def _one_line(value: Any) -> Any:
    """Text without control and direction characters; line ends become spaces."""
    if not isinstance(value, str):
        return value
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())


Name = Annotated[str, Field(min_length=1, max_length=120), BeforeValidator(_one_line)]
Reason = Annotated[str, Field(min_length=1, max_length=1000), BeforeValidator(_one_line)]


class PointCorrection(BaseModel):
    """Whether a point applies to the municipality; one that does not leaves the averages."""

    model_config = ConfigDict(extra="forbid")

    point: Annotated[str, Field(pattern=r"^P([1-9]|10)$", examples=["P9"])]
    applicable: bool
    reason: Reason


class CriterionCorrection(BaseModel):
    """Whether a criterion is met, against what the machine says. ``page`` is where the reviewer read it."""

    model_config = ConfigDict(extra="forbid")

    criterion: Annotated[str, Field(pattern=r"^P([1-9]|10)-D[1-6]-Q[1-5]-[a-d]$", examples=["P1-D1-Q1-a"])]
    met: bool
    reason: Reason
    page: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Corrections(BaseModel):
    """All that is corrected in an evaluation: what is left out is withdrawn."""

    model_config = ConfigDict(extra="forbid")

    reviewer: Name = Field(description="Who corrects, as results name it", examples=["Personería de Cali"])
    points: list[PointCorrection] = Field(default=[], max_length=10)
    criteria: list[CriterionCorrection] = Field(default=[], max_length=CORRECTIONS_MAX)

    def wanted(self) -> list[Correction]:
        """The same, as the pipeline names it."""
        return [
            *(Correction(one.point, one.applicable, one.reason) for one in self.points),
            *(Correction(one.criterion, one.met, one.reason, one.page) for one in self.criteria),
        ]


class ChangeView(BaseModel):
    """A correction, or a step of the history. ``value`` null: withdrawn. ``target`` is a point or a criterion."""

    revision: int
    at: str
    reviewer: str
    client: str = Field(description="Client of the API key; empty without one")
    target: str
    value: bool | None
    reason: str
    page: int | None


class ReviewView(BaseModel):
    """What is corrected in an evaluation, how it came about, and the scores with and without."""

    document_id: str
    revision: int = Field(description="0: nobody has corrected anything")
    deterministic_hash: str = Field(description="Of the machine's evaluation, which corrections never change")
    corrections: list[ChangeView]
    history: list[ChangeView] = Field(max_length=CHANGES_MAX)
    scores: dict[str, Any] = Field(description="`machine` and `corrected`: `overall`, `points`, `dimensions`")


ETAG = {"headers": {"ETag": {"schema": {"type": "string"}, "description": "The revision, for If-Match"}}}


@router.get(
    "/{job_id}/documents/{document_id}/corrections",
    summary="What reviewers corrected in an evaluation",
    responses={**problem_responses(404, 409, 410, 422, 503), 200: ETAG},
)
async def read_corrections(
    job_id: str, document_id: str, backend: BackendOf, response: Response
) -> ReviewView:
    """Give the corrections that hold, their history, and the scores with and without them."""
    return _view(
        await read_reviewed(backend, job_id=job_id, document_id=document_id),
        document_id=document_id,
        response=response,
    )


@router.put(
    "/{job_id}/documents/{document_id}/corrections",
    summary="Correct an evaluation",
    responses={**problem_responses(404, 409, 410, 412, 413, 415, 422, 428, 503, 507), 200: ETAG},
)
async def put_corrections(  # noqa: PLR0917  parameters of the address
    job_id: str,
    document_id: str,
    wanted: Corrections,
    backend: BackendOf,
    caller: CallerOf,
    response: Response,
    if_match: Annotated[
        str | None, Header(description="`ETag` of the revision the corrections were begun on", max_length=40)
    ] = None,
) -> ReviewView:
    """Replace the corrections of an evaluation; the machine's answers, artifacts and hashes stay as they are.

    A point is set to apply or not, a criterion to met or not met, each with a reason. What is left out is withdrawn;
    the history keeps every change. 412 when another reviewer saved since the revision in ``If-Match``.
    """
    reviewed = await save_corrections(
        backend,
        job_id=job_id,
        document_id=document_id,
        corrections=wanted.wanted(),
        base=_base(if_match),
        reviewer=wanted.reviewer,
        client=caller.client,
    )
    return _view(reviewed, document_id=document_id, response=response)


def _base(if_match: str | None) -> int:
    if if_match is None:
        raise ServiceError(REVISION_REQUIRED)
    found = REVISION.fullmatch(if_match.strip())
    if not found:
        raise ServiceError(INVALID_REQUEST, 'If-Match debe ser el ETag de una lectura, por ejemplo "0".')
    return int(found[1])


def _view(reviewed: Reviewed, *, document_id: str, response: Response) -> ReviewView:
    response.headers["ETag"] = f'"{reviewed.review.revision}"'
    return ReviewView(document_id=document_id, **review_summary(reviewed.result, reviewed.review))
