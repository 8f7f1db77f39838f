"""Commands that talk to a service: submit, watch, results, jobs, cancel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import typer
from rich.markup import escape
from rich.table import Table

from serve_app.batch_folder import FILES_PER_JOB, STATE_FILE, NotesUnusable, send_in_parts
from serve_app.cli.bars import evaluation_bar, sending_bar
from serve_app.cli.output import advise, console, number, show_json, warn, writing
from serve_app.client_sending import is_interruption
from serve_app.pdf_files import pdf_files
from serve_app.web.pages import DOCUMENT_STATES, POINTS, STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from serve_app.cli.service import Server
    from serve_app.client import ApiError


def named_files(paths: Iterable[Path]) -> list[Path]:
    """The PDFs that paths name.

    Raises:
        typer.BadParameter: one of them names nothing.
    """
    try:
        return pdf_files(paths)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error)) from error


def metadata_of(
    municipality: str, *, department: str, year: int, period: str, options: Iterable[str] = ()
) -> dict[str, Any]:
    """The fields of a batch; ``options`` are ``name=value``."""
    fields: dict[str, Any] = {
        "municipality": municipality,
        "department": department,
        "year": year,
        "period": period,
    }
    for option in options:
        name, separator, value = option.partition("=")
        if not separator:
            raise typer.BadParameter(f"se espera nombre=valor: {option}")
        fields[name.strip()] = value.strip()
    return fields


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that the service did not take, and the code of why."""

    file: str
    code: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """Identifiers of the jobs that files became, and the files that became part of none."""

    jobs: list[str]
    refused: list[Refused]


class _Telling:
    """Tells who sends files how it goes: a bar, what was refused, once why the service has to be waited for."""

    def __init__(self, told: Callable[[Path], None]) -> None:
        self._told = told
        self._waits: set[str] = set()
        self.refused: list[Refused] = []

    def sent(self, path: Path) -> None:
        self._told(path)

    def refuse(self, path: Path, error: ApiError) -> None:
        self.refused.append(Refused(str(path), error.code))
        warn(f"{path.name}: {error}", code=error.code)
        self._told(path)

    def wait(self, error: BaseException) -> None:
        code = getattr(error, "code", "not_connected")
        if code not in self._waits:
            warn(f"Esperando al servicio: {error}", code=code)
        self._waits.add(code)


def submit(
    server: Server,
    *,
    paths: Sequence[Path],
    metadata: Mapping[str, Any],
    resume: str = "",
    quiet: bool = False,
) -> Submitted:
    """Send files with a progress bar. A refused file does not stop the others.

    More files than a job takes become several jobs; what was sent is noted beside the first file, or here where that
    folder may only be read, so that the same command goes on after an interruption.

    Raises:
        typer.BadParameter: more files than a job takes are to complete one job, or what is sent cannot be noted.
    """
    if len(paths) <= FILES_PER_JOB:
        return _submit_one(server, paths=paths, metadata=metadata, resume=resume, quiet=quiet)
    if resume:
        raise typer.BadParameter(
            f"--resume completa un solo trabajo, de {FILES_PER_JOB} archivos como máximo; "
            "repita la orden sin --resume: lo que ya llegó no se envía otra vez"
        )
    # Plans often lie where one may only read.
    folder = next((one for one in (paths[0].parent, Path()) if os.access(one, os.W_OK)), Path())
    state = folder / STATE_FILE
    try:
        with server.client() as client, sending_bar(len(paths), quiet=quiet) as told:
            telling = _Telling(told)
            jobs = send_in_parts(client, paths, state=state, metadata=dict(metadata), listener=telling)
    except NotesUnusable as error:
        raise typer.BadParameter(f"no se puede anotar lo que se envía, y nada se envió: {error}") from error
    except BaseException as error:
        if is_interruption(error):
            advise(
                "Lo que ya llegó queda en el servicio; repita la misma orden y se enviará solo lo que falta"
            )
        raise
    if not quiet:
        taken = f"{len(paths) - len(telling.refused)} de {len(paths)}" if telling.refused else len(paths)
        console.print(f"{len(jobs)} trabajos, {taken} archivos (anotados en {state})", highlight=False)
    return Submitted(jobs, telling.refused)


def _submit_one(
    server: Server, *, paths: Sequence[Path], metadata: Mapping[str, Any], resume: str, quiet: bool
) -> Submitted:
    opened: list[str] = [resume] if resume else []
    try:
        with server.client() as client, sending_bar(len(paths), quiet=quiet) as told:
            telling = _Telling(told)
            job_id = client.send(
                paths,
                metadata=metadata,
                sent=telling.sent,
                refused=telling.refuse,
                opened=opened.append,
                waiting=telling.wait,
                resume=resume or None,
            )
    except BaseException as error:
        if opened and is_interruption(error):
            advise(f"Lo que ya llegó queda en el servicio; repita la orden con --resume {opened[-1]}")
        raise
    if not quiet:
        taken = f"{len(paths) - len(telling.refused)} de {len(paths)}" if telling.refused else len(paths)
        console.print(f"Trabajo [bold]{job_id}[/], {taken} archivos", highlight=False)
    return Submitted([job_id], telling.refused)


def watch(server: Server, *, job_id: str, quiet: bool = False) -> dict[str, Any]:
    """Show the progress of a job until it is final; returns its last state."""
    state: dict[str, Any] = {}
    try:
        with server.client() as client, evaluation_bar(quiet=quiet) as show:
            for state in client.watch(job_id):
                show(state)
    except (KeyboardInterrupt, httpx.TransportError) as error:
        # Of a service that was never reached nobody knows what it holds.
        if not state and isinstance(error, httpx.TransportError):
            raise
        advise(f"El trabajo sigue en el servicio. Para volver a él: decalogo watch {job_id}")
        raise
    return state


def state_of(server: Server, *, job_id: str) -> dict[str, Any]:
    """The state of a job."""
    with server.client() as client:
        return client.status(job_id)


def show_scores(state: Mapping[str, Any]) -> None:
    """The table of a job: a row per document, why not where there is no score."""
    # Narrow on purpose: fourteen columns have to fit into a terminal of 80.
    table = Table(
        title=f"Trabajo {state['job_id']}: {STATES[state['status']]}",
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("Documento", overflow="fold", min_width=12, max_width=40)
    for title in ("Total", *POINTS, "Crit.", "s"):
        table.add_column(title, justify="right", no_wrap=True)
    # Files arrive several at a time: their numbers say nothing.
    documents = sorted(state["documents"], key=lambda document: document["name"])
    for document in documents:
        table.add_row(*_row(document))
    console.print(table)
    if any(document["corrections_revision"] for document in documents):
        console.print(
            "† Puntaje automático: revisores lo corrigieron; con sus correcciones lo dan CSV, PDF y página web."
        )
    for document in documents:
        if document["error_code"]:
            console.print(
                f"[red]{escape(document['name'])}[/]: {document['error_message']} [dim]({document['error_code']})[/]",
                highlight=False,
            )
    callback = state["callback"]
    if callback and callback["status"] == "failed":
        warn(
            f"No se pudo avisar a {callback['host']} tras {callback['attempts']} intentos",
            code=callback["error"],
        )


def _row(document: Mapping[str, Any]) -> list[str]:
    # A name is the sender's: it must not be read as markup.
    name = escape(document["name"])
    if document["status"] != "succeeded":
        return [name, DOCUMENT_STATES[document["status"]], *[""] * len(POINTS), "", _seconds(document)]
    points = [number(document["points"].get(point)) for point in POINTS]
    mark = "†" if document["corrections_revision"] else ""
    total = f"[bold]{number(document['overall_score'])}[/]{mark}"
    return [name, total, *points, str(document["criteria_met"]), _seconds(document)]


def _seconds(document: Mapping[str, Any]) -> str:
    if document["seconds"] is None:
        return ""
    return f"{document['seconds']:.1f}".replace(".", ",") + ("*" if document["cached"] else "")


def download(server: Server, *, job_id: str, kind: str, out: Path | None, as_json: bool) -> None:
    """Write the results of a job to a file."""
    name = f"decalogo-{job_id}.{kind}"
    target = Path(name) if out is None else out / name if out.is_dir() else out
    with writing(target), server.client() as client:
        size = client.download(job_id, kind=kind, target=target)
    if as_json:
        show_json({"file": str(target), "bytes": size})
        return
    console.print(f"{target}: {size:,} bytes".replace(",", "."), highlight=False)


def show_jobs(server: Server, *, state: str | None, limit: int, as_json: bool) -> None:
    """The list of jobs."""
    with server.client() as client:
        found = client.jobs(state=state, limit=limit)
    if as_json:
        show_json(found)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for title in ("Trabajo", "Enviado", "Municipio", "Estado", "Doc."):
        # An identifier that is cut cannot be copied; on a narrow terminal the municipality gives way.
        table.add_column(title, no_wrap=title != "Municipio")
    for job in found:
        sent = local_time(job["submission_time"])
        table.add_row(
            job["job_id"],
            sent,
            escape(job["municipality"]),
            STATES[job["status"]],
            str(job["document_count"]),
        )
    console.print(table)


def local_time(iso: str | None) -> str:
    """A time of the service as it is on this machine's clock."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M") if iso else ""


def cancel(server: Server, *, job_id: str, delete: bool, as_json: bool) -> None:
    """Cancel a job, or delete all of it."""
    with server.client() as client:
        (client.delete if delete else client.cancel)(job_id)
    if as_json:
        show_json({"job_id": job_id, "deleted": delete})
        return
    console.print("Borrado." if delete else "Cancelado.", highlight=False)
