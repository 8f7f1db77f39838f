"""Errors as RFC 9457 ``application/problem+json``: a stable code, a Spanish sentence, a reference; never a trace."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from cluster.errors import (
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    UNEXPECTED,
    Refusal,
    ServiceError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:decalogo:error:"
_BY_STATUS: dict[int, Refusal] = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 422: INVALID_REQUEST}


class FieldProblem(BaseModel):
    """One value that is not valid."""

    field: str
    message: str


class Problem(BaseModel):
    """The body of every error."""

    type: str = Field(examples=[f"{TYPE_PREFIX}job_not_found"])
    title: str = Field(description="A sentence in Spanish")
    status: int
    detail: str = ""
    code: str = Field(description="Stable; see docs/errors.md")
    retryable: bool = Field(description="Whether the same request may succeed later")
    reference: str = Field(description="Also in the service's log")
    errors: list[FieldProblem] = []


def problem(
    refusal: Refusal,
    *,
    detail: str = "",
    retry_after_seconds: int | None = None,
    errors: list[FieldProblem] | None = None,
    reference: str | None = None,
) -> JSONResponse:
    """The response for a refusal."""
    body = Problem(
        type=f"{TYPE_PREFIX}{refusal.code}",
        title=refusal.sentence,
        status=refusal.status,
        detail=detail,
        code=refusal.code,
        retryable=refusal.retryable,
        reference=reference or secrets.token_hex(6),
        errors=errors or [],
    )
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    return JSONResponse(body.model_dump(), status_code=refusal.status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""
    app.add_exception_handler(ServiceError, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)  # noqa: S101  the handler is registered for it alone
    retry_after = error.retry_after_seconds
    if retry_after is None and error.refusal.status in {429, 503}:
        retry_after = 5
    return problem(error.refusal, detail=error.detail, retry_after_seconds=retry_after)


async def _not_valid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  the handler is registered for it alone
    return problem(INVALID_REQUEST, errors=field_problems(error.errors()))


def field_problems(errors: Any) -> list[FieldProblem]:
    """Pydantic's errors without the input, which may be large or private."""
    return [
        FieldProblem(field=".".join(str(part) for part in item["loc"]), message=str(item["msg"]))
        for item in errors
    ]


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  the handler is registered for it alone
    refusal = _BY_STATUS.get(error.status_code)
    if refusal is None:
        refusal = Refusal(UNEXPECTED.code, error.status_code, retryable=False, sentence=UNEXPECTED.sentence)
    response = problem(refusal)
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    reference = secrets.token_hex(6)
    log.error(
        "request_failed", reference=reference, method=request.method, route=request.url.path, exc_info=error
    )
    return problem(UNEXPECTED, reference=reference)
