"""Errors as RFC 9457 ``application/problem+json``: a stable code, a Spanish sentence, a reference; no trace."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, cast

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from cluster.errors import (
    BAD_REQUEST,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    REQUEST_TOO_LARGE,
    REQUEST_TOO_SLOW,
    UNEXPECTED,
    UNSUPPORTED_MEDIA_TYPE,
    UPLOAD_INTERRUPTED,
    Refusal,
    ServiceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi import FastAPI, Request

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:decalogo:error:"
NOT_UTF8 = "no está en UTF-8"
JSON_TYPE = re.compile(r"\s*application/([\w.+-]+\+)?json\s*(;|$)", re.IGNORECASE)
RETRY_AFTER_SECONDS = 5
RETRY_STATUSES = frozenset({429, 503})
_BY_STATUS: dict[int, Refusal] = {
    400: BAD_REQUEST,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    408: REQUEST_TOO_SLOW,
    413: REQUEST_TOO_LARGE,
    422: INVALID_REQUEST,
}
_SENTENCES = {
    "missing": "falta este dato",
    "extra_forbidden": "este dato no existe",
    "bool_parsing": "debe ser true o false",
    "bool_type": "debe ser true o false",
    "int_parsing": "debe ser un número entero",
    "int_type": "debe ser un número entero",
    "int_from_float": "debe ser un número entero",
    "string_type": "debe ser texto",
    "string_too_short": "no puede estar vacío",
    "string_too_long": "admite como máximo {max_length} caracteres",
    "string_pattern_mismatch": "no tiene la forma esperada",
    "greater_than_equal": "debe ser {ge} o más",
    "less_than_equal": "debe ser {le} o menos",
    "enum": "debe ser uno de: {expected}",
    "dict_type": "debe ser un objeto JSON",
    "model_type": "debe ser un objeto JSON",
    "model_attributes_type": "debe ser un objeto JSON",
    "list_type": "debe ser una lista",
    "too_long": "admite como máximo {max_length} elementos",
    "too_short": "debe tener al menos {min_length} elementos",
    "json_invalid": "no es JSON válido",
    "value_error": "{error}",
}
"""What pydantic's kinds of error are called for those who sent the value."""


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
    reference: str = Field(description="Cite it when reporting the error")
    errors: list[FieldProblem] = []


class FieldsInvalid(ServiceError):
    """A refusal that names every value at fault."""

    def __init__(self, refusal: Refusal, errors: list[FieldProblem]) -> None:
        super().__init__(refusal, "; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


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
    if retry_after_seconds is None and refusal.status in RETRY_STATUSES:
        retry_after_seconds = RETRY_AFTER_SECONDS
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    return JSONResponse(body.model_dump(), status_code=refusal.status, media_type=MEDIA_TYPE, headers=headers)


def refused_response(refused: ServiceError) -> JSONResponse:
    """The response for an error of the service."""
    return problem(
        refused.refusal,
        detail=refused.detail,
        retry_after_seconds=refused.retry_after_seconds,
        errors=refused.errors if isinstance(refused, FieldsInvalid) else None,
    )


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem. What nobody foresaw is the business of ``serve_app.edge``."""
    app.add_exception_handler(ServiceError, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)


def field_problems(errors: Iterable[Mapping[str, Any]]) -> list[FieldProblem]:
    """Pydantic's errors in Spanish and without the input, which may be large or private."""
    return [
        # Of what is no JSON FastAPI names the byte.
        FieldProblem(
            field="body" if item["type"] == "json_invalid" else _field_name(item["loc"]),
            message=_sentence(item),
        )
        for item in errors
    ]


def _field_name(location: Iterable[str | int]) -> str:
    parts = [str(part) for part in location]
    # Where FastAPI found it is no part of its name.
    if len(parts) > 1 and parts[0] in {"body", "query", "path", "header"}:
        parts = parts[1:]
    return ".".join(parts)


def _sentence(item: Mapping[str, Any]) -> str:
    try:
        return _SENTENCES[item["type"]].format(**item.get("ctx", {}))
    except KeyError:
        return "no es válido"


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    return refused_response(cast("ServiceError", error))


async def _not_valid(request: Request, error: Exception) -> JSONResponse:
    errors = cast("RequestValidationError", error).errors()
    whole_body = any(tuple(item["loc"]) == ("body",) and item["type"] != "missing" for item in errors)
    if whole_body and not JSON_TYPE.match(request.headers.get("content-type", "")):
        # Unread: it may well be JSON.
        return problem(UNSUPPORTED_MEDIA_TYPE, detail="Se espera application/json (Content-Type).")
    return problem(INVALID_REQUEST, errors=field_problems(errors))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    raised = cast("HTTPException", error)
    if isinstance(raised.__cause__, UnicodeDecodeError):
        return problem(INVALID_REQUEST, errors=[FieldProblem(field="body", message=NOT_UTF8)])
    refusal = _BY_STATUS.get(raised.status_code)
    if refusal is None:
        refusal = Refusal(UNEXPECTED.code, raised.status_code, retryable=False, sentence=UNEXPECTED.sentence)
    response = problem(refusal)
    response.headers.update(raised.headers or {})
    return response


async def _gone(request: Request, _error: Exception) -> JSONResponse:
    log.info("client_gone", method=request.method)
    return problem(UPLOAD_INTERRUPTED)
