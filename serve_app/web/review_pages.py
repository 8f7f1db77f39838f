"""The page on which a reviewer corrects one criterion or says that a point does not apply."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cluster.errors import INVALID_CORRECTIONS, NOT_FOUND, ServiceError
from pipeline.review import Correction, criterion_of
from serve_app.access import CallerOf  # noqa: TC001  FastAPI reads it at run time
from serve_app.asgi import BackendOf  # noqa: TC001
from serve_app.corrections import Name, Reason  # noqa: TC001
from serve_app.problems import FieldsInvalid
from serve_app.reviews import Reviewed, read_reviewed, save_corrections
from serve_app.web import pages
from serve_app.web.plan_pages import ERROR_PAGE

TARGET = r"^P([1-9]|10)(-D[1-6]-Q[1-5]-[a-d])?$"
REVIEWER_COOKIE = "decalogo_revisor"
REVIEWER_SECONDS = 180 * 24 * 3600
REVIEWER = re.compile(r"[^\x00-\x1f]{1,120}")

router = APIRouter(tags=["service"], default_response_class=HTMLResponse)
Target = Annotated[str, Query(pattern=TARGET, description="A point or a criterion", examples=["P1-D1-Q1-a"])]


@router.get(
    "/jobs/{job_id}/documents/{document_id}/correct",
    summary="Web page of a correction",
    responses=dict.fromkeys((404, 409, 410, 503), ERROR_PAGE),
)
async def correction_page(
    job_id: str, document_id: str, target: Target, request: Request, backend: BackendOf
) -> HTMLResponse:
    """What the machine says of a criterion or point, with the form that says otherwise."""
    try:
        reviewed = await read_reviewed(backend, job_id=job_id, document_id=document_id)
        return HTMLResponse(
            _form(
                reviewed, job_id=job_id, document_id=document_id, target=target, reviewer=_remembered(request)
            )
        )
    except ServiceError as error:
        return HTMLResponse(pages.problem_page(error), status_code=error.refusal.status)


@router.post("/jobs/{job_id}/documents/{document_id}/correct", include_in_schema=False)
async def correct(  # noqa: PLR0917  fields of the form
    job_id: str,
    document_id: str,
    target: Annotated[str, Form(pattern=TARGET)],
    revision: Annotated[int, Form(ge=0)],
    reviewer: Annotated[Name, Form()],
    backend: BackendOf,
    caller: CallerOf,
    reason: Annotated[Reason, Form()] = "",
    page: Annotated[str, Form(pattern=r"^[0-9]{0,6}$")] = "",
    withdraw: Annotated[bool, Form()] = False,  # noqa: FBT002  a button of the form
) -> Response:
    """Save the correction of one target, or withdraw it; all others stay as they are."""
    where = {"job_id": job_id, "document_id": document_id}
    try:
        reviewed = await read_reviewed(backend, **where)
        wanted = _others(reviewed, target=target)
        if not withdraw:
            if not reason:
                raise ServiceError(INVALID_CORRECTIONS)  # noqa: TRY301  answered as a page below
            value = not _machine(reviewed, target=target)
            wanted.append(Correction(target, value, reason, int(page) if page else None))
        await save_corrections(
            backend, **where, corrections=wanted, base=revision, reviewer=reviewer, client=caller.client
        )
    except FieldsInvalid as error:
        notice = "; ".join(problem.message for problem in error.errors)
        form = _form(reviewed, **where, target=target, reviewer=reviewer, notice=notice)
        return HTMLResponse(form, status_code=error.refusal.status)
    except ServiceError as error:
        return HTMLResponse(pages.problem_page(error), status_code=error.refusal.status)
    answer = RedirectResponse(_back(job_id, document_id, target), status_code=303)
    answer.set_cookie(
        REVIEWER_COOKIE, _ascii(reviewer), max_age=REVIEWER_SECONDS, httponly=True, samesite="strict"
    )
    return answer


def _others(reviewed: Reviewed, *, target: str) -> list[Correction]:
    return [
        Correction(change.target, bool(change.value), change.reason, change.page)
        for change in reviewed.review.current().values()
        if change.target != target
    ]


def _machine(reviewed: Reviewed, *, target: str) -> bool:
    subject = _subject(reviewed, target=target)
    return bool(subject["applicable"] if "applicable" in subject else subject["met"])


def _subject(reviewed: Reviewed, *, target: str) -> dict[str, Any]:
    """The point, or the criterion."""
    criterion = criterion_of(target)
    if criterion is None:
        found = next((point for point in reviewed.result["points"] if point["id"] == target), None)
    else:
        answer = _answer(reviewed, question=criterion[0])
        found = answer["criteria"].get(criterion[1]) if answer else None
    if found is None:
        raise ServiceError(NOT_FOUND)
    return dict(found)


def _answer(reviewed: Reviewed, *, question: str) -> dict[str, Any] | None:
    return next((one for one in reviewed.result["answers"] if one["question_id"] == question), None)


def _form(
    reviewed: Reviewed, *, job_id: str, document_id: str, target: str, reviewer: str, notice: str = ""
) -> str:
    criterion = criterion_of(target)
    return pages.render(
        "correct.html",
        job_id=job_id,
        document_id=document_id,
        target=target,
        back=_back(job_id, document_id, target),
        subject=_subject(reviewed, target=target),
        answer=_answer(reviewed, question=criterion[0]) if criterion else None,
        machine=_machine(reviewed, target=target),
        held=reviewed.review.current().get(target),
        history=[change for change in reviewed.review.history if change.target == target],
        revision=reviewed.review.revision,
        pages_of_plan=reviewed.result["document"]["pages"],
        reviewer=reviewer,
        notice=notice,
    )


def _back(job_id: str, document_id: str, target: str) -> str:
    point, _, rest = target.partition("-")
    question = f"#{point}-{rest.rpartition('-')[0]}" if rest else ""
    return f"/jobs/{job_id}/documents/{document_id}/points/{point}{question}"


def _remembered(request: Request) -> str:
    found = request.cookies.get(REVIEWER_COOKIE, "")
    name = bytes(found, "ascii", "ignore").decode("unicode_escape") if found else ""
    return name if REVIEWER.fullmatch(name) else ""


def _ascii(name: str) -> str:
    """Cookies carry ASCII only."""
    return name.encode("unicode_escape").decode("ascii")
