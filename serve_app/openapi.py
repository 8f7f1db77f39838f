"""One OpenAPI description over all applications, and what the page ``/docs`` shows of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from serve_app.access import COOKIE, OPEN_PATHS
from serve_app.asgi import VERSION
from serve_app.metadata import BatchMetadata
from serve_app.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI

TITLE = "Decálogo"
SUMMARY = "Evaluates municipal development plans against the ten-point human-rights Decálogo, in batches."
METHODS = ("get", "post", "put", "delete")
SCHEMA_REFERENCE = "#/components/schemas/{model}"
PROBLEM_RESPONSE = {
    "description": "Error",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key; `decalogo keys` makes them"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "What /entrar gives a browser",
    },
}
# The empty one: callers without a key, where the operator allows them.
SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}, {"cookie": []}, {}]
ANYWHERE = ("400", "503")
"""What the proxy in front may answer whatever was asked: no HTTP, nobody behind it."""
OF_KEYS = ("401", "403", "429")
FASTAPIS_OWN_ERRORS = frozenset({"HTTPValidationError", "ValidationError"})
"""What FastAPI would answer with, and this service does not."""


def describe(apps: Mapping[str, FastAPI]) -> dict[str, Any]:
    """Merge the descriptions of applications, each under its route prefix.

    Raises:
        ValueError: two applications describe the same path, or different schemas under one name.
    """
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "summary": SUMMARY,
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "paths": {},
        "components": {"schemas": _own_schemas(), "securitySchemes": SECURITY_SCHEMES},
    }
    for prefix, app in apps.items():
        part = get_openapi(title=app.title, version=VERSION, routes=app.routes)
        for path, operations in part["paths"].items():
            whole = f"{prefix}{path}".rstrip("/") or "/"
            if whole in merged["paths"]:
                raise ValueError(f"two applications describe {whole}")
            merged["paths"][whole] = {
                method: _with_our_errors(operation, is_open=bool(OPEN_PATHS.fullmatch(whole)))
                for method, operation in operations.items()
            }
        _add_schemas(merged["components"]["schemas"], part.get("components", {}).get("schemas", {}))
    return merged


def _own_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in (BatchMetadata, Problem):
        schema = model.model_json_schema(ref_template=SCHEMA_REFERENCE)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    return schemas


def _with_our_errors(operation: dict[str, Any], *, is_open: bool) -> dict[str, Any]:
    responses = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    errors = {status for status in operation["responses"] if status >= "400"} | set(ANYWHERE)
    if not is_open:
        errors |= set(OF_KEYS)
    return {
        **operation,
        **({} if is_open else {"security": SECURITY}),
        "responses": responses
        | dict.fromkeys(sorted(errors | {"500"}), PROBLEM_RESPONSE)
        # A page says its errors as a page.
        | {
            status: answer
            for status, answer in operation["responses"].items()
            if "text/html" in answer.get("content", {})
        },
    }


def _add_schemas(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, schema in more.items():
        if name not in FASTAPIS_OWN_ERRORS and known.setdefault(name, schema) != schema:
            raise ValueError(f"two schemas are named {name}")


@cache
def whole_description() -> dict[str, Any]:
    """The description of everything this service answers."""
    # Imported late: home is one of the applications that are described.
    from serve_app import home, results, status, upload  # noqa: PLC0415

    apps = {
        "/upload": upload.make_upload(),
        "/status": status.make_status(),
        "/results": results.make_results(),
        "": home.make_home(),
    }
    return describe(apps)


# --------------------------------------------------------------------------- as a page


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation, or a field of a form."""

    name: str
    where: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the contract."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    bodies: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.method} {self.path}".lower()).strip("-")


def operations(description: Mapping[str, Any]) -> Iterator[Operation]:
    """Every operation, by path."""
    for path, found in sorted(description["paths"].items()):
        for method in METHODS:
            if method in found:
                yield _operation(path, method=method, said=found[method])


def batch_fields(description: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The fields of a batch."""
    schema = description["components"]["schemas"]["BatchMetadata"]
    return tuple(
        Parameter(name, "body", _type(field), name in schema["required"], field.get("description", ""))
        for name, field in schema["properties"].items()
    )


def _operation(path: str, *, method: str, said: Mapping[str, Any]) -> Operation:
    return Operation(
        method=method.upper(),
        path=path,
        summary=said.get("summary", ""),
        description=said.get("description", ""),
        parameters=tuple(
            Parameter(
                p["name"], p["in"], _type(p["schema"]), p.get("required", False), p.get("description", "")
            )
            for p in said.get("parameters", ())
        ),
        bodies=tuple(said.get("requestBody", {}).get("content", {})),
        answers=tuple(said["responses"]),
    )


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(kind for kind in map(_type, schema["anyOf"]) if kind != "null")
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", ""))
