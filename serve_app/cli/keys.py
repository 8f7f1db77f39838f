"""``decalogo keys``: who may use the service. Works on the service's storage, whether it runs or not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cluster.api_keys import KNOWN_SECONDS_MAX, ApiKey, KeyProblem, KeyRegister, Scope
from cluster.settings import Settings
from serve_app.cli.output import console, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(help="Llaves de acceso: crear, listar, cambiar, revocar.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Salida para programas")]
Client = Annotated[str, typer.Argument(help="Nombre del cliente: minúsculas, cifras, punto y guiones")]
Expires = Annotated[float | None, typer.Option("--expires-days", min=0.001, help="Días hasta que vence")]


@app.command()
def create(
    client: Client,
    scope: Annotated[Scope, typer.Option(help="Qué permite; cada uno incluye los anteriores")] = Scope.SUBMIT,
    expires_days: Expires = None,
    as_json: AsJson = False,
) -> None:
    """Crea una llave y la muestra una sola vez. Cada cliente tiene como máximo dos vigentes."""
    try:
        key, text = _register().create(client, scope=scope, expires_days=expires_days)
    except KeyProblem as problem:
        raise typer.BadParameter(str(problem)) from problem
    _show_new(key, text=text, as_json=as_json)


@app.command()
def rotate(client: Client, expires_days: Expires = None, as_json: AsJson = False) -> None:
    """Crea la llave que sigue; la actual sirve hasta que la revoque, las anteriores dejan de servir."""
    try:
        key, text = _register().rotate(client, expires_days=expires_days)
    except KeyProblem as problem:
        raise typer.BadParameter(str(problem)) from problem
    _show_new(key, text=text, as_json=as_json)


@app.command()
def revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="ID", help="Identificador público, de «decalogo keys list»")
    ],
    as_json: AsJson = False,
) -> None:
    """Revoca una llave."""
    try:
        key = _register().revoke(key_id)
    except KeyProblem as problem:
        raise typer.BadParameter(str(problem)) from problem
    if as_json:
        show_json(_shown(key) | {"state": "revoked"})
        return
    console.print(
        f"Llave {key.key_id} de {key.client} revocada; deja de servir en menos de {KNOWN_SECONDS_MAX:.0f} s.",
        highlight=False,
    )


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Lista las llaves, sin sus secretos."""
    keys = _register().listed()
    if as_json:
        show_json([_shown(key) for key in keys])
    else:
        _show_table(keys)


def _register() -> KeyRegister:
    return KeyRegister(Settings.load())


def _show_new(key: ApiKey, *, text: str, as_json: bool) -> None:
    if as_json:
        show_json(_shown(key) | {"key": text})
        return
    console.print(
        f"Llave de {key.client}, permiso «{key.scope.value}», identificador {key.key_id}:", highlight=False
    )
    # On a line of its own and unbroken, to be copied.
    typer.echo(text)
    console.print("Guárdela ahora: no se puede volver a mostrar.", highlight=False)


def _show_table(keys: Sequence[ApiKey]) -> None:
    if not keys:
        console.print("No hay llaves; se crean con «decalogo keys create CLIENTE».", highlight=False)
        return
    table = Table()
    for title in ("ID", "Cliente", "Permiso", "Creada", "Vence", "Estado"):
        table.add_column(title, no_wrap=title == "ID")
    for key in keys:
        said = _shown(key)
        state = "vigente" if said["state"] == "live" else "vencida"
        expires = said["expires_at"][:10] if said["expires_at"] else "nunca"
        table.add_row(key.key_id, key.client, key.scope.value, said["created_at"][:10], expires, state)
    console.print(table)


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "client": key.client,
        "scope": key.scope.value,
        "created_at": _iso(key.created_at),
        "expires_at": None if key.expires_at is None else _iso(key.expires_at),
        "state": "live" if key.live(now=time.time()) else "expired",
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
