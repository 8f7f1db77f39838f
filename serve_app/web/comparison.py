"""The page that compares the plans of a batch: a table by point, small heat maps, and what few plans have."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from cluster.errors import DOCUMENT_WITHOUT_RESULT, RESULTS_NOT_READY, ServiceError
from cluster.records import DocumentState
from pipeline.report.wording import PART
from serve_app.asgi import BackendOf  # noqa: TC001  FastAPI reads it at run time
from serve_app.delivery import Evaluated, Evaluations
from serve_app.web import pages
from serve_app.web.plan_pages import ERROR_PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.records import DocumentRecord
    from serve_app.asgi import Backend

RARE_SHOWN = 12
"""How many of the criteria that fewest plans meet are listed."""

router = APIRouter(tags=["service"], default_response_class=HTMLResponse)


class Criterion(msgspec.Struct):
    """Whether a criterion is met, and what it says."""

    met: bool
    text: str


class Answer(msgspec.Struct):
    """Of an answer, what is compared."""

    question_id: str
    dimension: str
    applicable: bool
    criteria: dict[str, Criterion]


class Point(msgspec.Struct):
    """A point's scores; none where it does not apply."""

    id: str
    name: str
    applicable: bool
    score: float | None
    dimensions: dict[str, float | None]

    def __post_init__(self) -> None:
        """What was found about a point that does not apply is no score of the plan."""
        if not self.applicable:
            self.score, self.dimensions = None, dict.fromkeys(self.dimensions)


class Dimension(msgspec.Struct):
    """A dimension over all points."""

    id: str
    name: str
    score: float | None


class Overall(msgspec.Struct):
    """The whole plan."""

    score: float | None
    band: str | None
    criteria_met: int


class Plan(msgspec.Struct):
    """The part of ``evaluation_results.json`` that is compared; the rest is skipped while decoding."""

    points: list[Point]
    dimensions: list[Dimension]
    overall: Overall
    answers: list[Answer]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan of the batch with its scores, corrected where reviewers did."""

    document: DocumentRecord
    plan: Plan
    corrected: bool

    @property
    def perhaps_a_part(self) -> bool:
        """Whether what is missing may stand in another file."""
        return PART in self.plan.warnings


@dataclass(frozen=True, slots=True)
class Rare:
    """A criterion of a base question, such as ``D2-Q4-c``, and the share of plans and points that meet it, 0 to 1."""

    key: str
    text: str
    share: float


@router.get(
    "/jobs/{job_id}/compare",
    summary="Web page of the plans of a batch, compared",
    responses=dict.fromkeys((404, 409, 410, 503), ERROR_PAGE),
)
async def compare_page(job_id: str, backend: BackendOf) -> HTMLResponse:
    """Scores of all plans side by side, a small heat map of each, and the criteria that fewest of them meet."""
    try:
        job = await backend.store.job(job_id)
        compared = await _plans(backend, job_id=job_id)
    except ServiceError as error:
        return HTMLResponse(pages.problem_page(error), status_code=error.refusal.status)
    rare = await asyncio.to_thread(rarest, [one.plan for one in compared])
    return HTMLResponse(pages.render("compare.html", job=job, compared=compared, rare=rare))


async def _plans(backend: Backend, *, job_id: str) -> list[Compared]:
    """The plans that have a result, by name: files arrive in any order.

    Raises:
        ServiceError: RESULTS_NOT_READY or DOCUMENT_WITHOUT_RESULT while or because there is none.
    """
    documents = await backend.store.documents(job_id)
    good = sorted(
        (document for document in documents if document.state is DocumentState.SUCCEEDED),
        key=lambda document: document.name,
    )
    if not good:
        final = all(document.state.final for document in documents)
        raise ServiceError(DOCUMENT_WITHOUT_RESULT if final else RESULTS_NOT_READY)
    evaluated = Evaluated.of(good)
    evaluations = Evaluations(backend.storage, job_id=job_id, documents=evaluated)

    def read() -> list[Compared]:
        return [
            Compared(document, _plan(evaluations, number=number), corrected=document.review is not None)
            for number, document in enumerate(good)
        ]

    return await asyncio.to_thread(read)


def _plan(evaluations: Evaluations, *, number: int) -> Plan:
    """One of the plans; of what nobody corrected only the part that is compared is decoded."""
    document = evaluations.documents[number]
    if document.review is not None:
        return msgspec.convert(evaluations[number], type=Plan)
    return msgspec.json.decode(evaluations.artifact(document), type=Plan)


def rarest(plans: Sequence[Plan], *, count: int = RARE_SHOWN) -> list[Rare]:
    """The criteria of base questions that the fewest points of the plans meet, rarest first.

    Points that do not apply are not counted; equal shares stand in the order of the questionnaire.
    """
    asked: Counter[str] = Counter()
    met: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for plan in plans:
        for answer in plan.answers:
            if not answer.applicable:
                continue
            base = answer.question_id.partition("-")[2]
            for letter, criterion in sorted(answer.criteria.items()):
                key = f"{base}-{letter}"
                asked[key] += 1
                met[key] += criterion.met
                texts[key] = criterion.text
    shares = [Rare(key, texts[key], met[key] / total) for key, total in asked.items()]
    return sorted(shares, key=lambda one: one.share)[:count]
