"""One OpenAPI description over all applications, and a page that shows it without anything from elsewhere."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from serve_app.asgi import VERSION
from serve_app.metadata import BatchMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

TITLE = "Decálogo"
SUMMARY = "Evaluates municipal development plans against the ten-point human-rights Decálogo, in batches."
METHODS = ("get", "post", "put", "delete")


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
            "license": {"name": "AGPL-3.0-or-later"},
        },
        "paths": {},
        "components": {"schemas": {"BatchMetadata": BatchMetadata.model_json_schema()}},
    }
    for prefix, app in apps.items():
        part = get_openapi(title=app.title, version=VERSION, routes=app.routes)
        for path, operations in part["paths"].items():
            whole = f"{prefix}{path}".rstrip("/") or "/"
            if whole in merged["paths"]:
                raise ValueError(f"two applications describe {whole}")
            merged["paths"][whole] = operations
        _add_schemas(merged["components"]["schemas"], part.get("components", {}).get("schemas", {}))
    return merged


def _add_schemas(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, schema in more.items():
        if known.setdefault(name, schema) != schema:
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


def page(description: dict[str, Any]) -> str:
    """The description as a plain HTML page, without scripts."""
    rows = []
    for path, operations in sorted(description["paths"].items()):
        for method in METHODS:
            if method in operations:
                rows.append(_operation(path, method=method, operation=operations[method]))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Decálogo API</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<link rel='stylesheet' href='/static/page.css'></head><body><main>"
        f"<h1>Decálogo API {escape(VERSION)}</h1><p>{escape(SUMMARY)}</p>"
        "<p>Machine-readable: <a href='/openapi.json'>openapi.json</a> (OpenAPI 3.1). "
        "Errors are RFC 9457 <code>application/problem+json</code>.</p>"
        + "".join(rows)
        + "</main></body></html>"
    )


def _operation(path: str, *, method: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{escape(p.get('description', ''))}</td></tr>"
        for p in operation.get("parameters", ())
    )
    table = f"<table><thead><tr><th>parameter</th><th>in</th><th></th></tr></thead><tbody>{parameters}</tbody></table>"
    body = ", ".join(operation.get("requestBody", {}).get("content", {}))
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2><p><strong>{escape(operation.get('summary', ''))}</strong>. "
        f"{escape(operation.get('description', ''))}</p>{table if parameters else ''}"
        f"<p>{'Body: ' + escape(body) + '. ' if body else ''}Answers: {escape(', '.join(operation['responses']))}</p></section>"
    )
