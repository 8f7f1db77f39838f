"""The commands. Each is a few lines: what it does stands in the modules beside this one."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import typer

from cluster.errors import ServiceError
from cluster.lifecycle import AnotherRegistryError, LifecycleError
from cluster.settings import CLIENT_KEY_VARIABLE, PREFIX, SettingsError
from pipeline.errors import NotEquipped, PipelineError
from serve_app.batch_job import FORMATS
from serve_app.cli import batch, grafana, keys, service
from serve_app.cli import dead_letters as dead_letters_of_registry
from serve_app.cli import doctor as doctor_of_this_machine
from serve_app.cli.output import advise, fail, keep_logs_quiet, show_json
from serve_app.client import ApiError, NoIdentifier
from serve_app.web.pages import POINTS, STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

app = typer.Typer(
    name="decalogo",
    help="Evalúa planes de desarrollo municipal frente al Decálogo de derechos humanos.",
    epilog="Salida: 0 bien, 1 terminó con fallas o falta algo, 2 uso incorrecto, 3 el servicio rechazó la petición, "
    "4 el servicio no responde, 5 el documento no se puede evaluar, 6 el servicio no se puede iniciar o no se puede "
    "usar un archivo, 7 los archivos guardados son de otro registro de trabajos (no se inició ni se borró nada), "
    "130 interrumpido.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(keys.app, name="keys")

ADVICE = {
    "job_not_found": "«decalogo jobs» lista los trabajos que hay.",
    "job_expired": "Envíe de nuevo los planes: los resultados se guardan un tiempo limitado.",
    "job_deleted": "«decalogo jobs» lista los trabajos que hay.",
    "results_not_ready": "«decalogo watch TRABAJO» espera hasta que termine.",
    "key_required": f"Indique la llave con --api-key o en {CLIENT_KEY_VARIABLE}.",
    "key_invalid": "Pida otra llave a quien administra el servicio («decalogo keys create»).",
    "scope_missing": "Pida una llave con ese permiso a quien administra el servicio («decalogo keys create --scope»).",
    "callback_refused": "Quien administra el servicio nombra los destinos en DECALOGO_CALLBACK_HOSTS.",
    "callbacks_off": "Quien administra el servicio lo activa con DECALOGO_CALLBACK_HOSTS y DECALOGO_CALLBACK_SECRET.",
    "not_ready": "«decalogo doctor» dice qué falta en la máquina del servicio.",
    "no_files": "Revise que los archivos sean PDF de planes.",
}
"""What to do about what the service refuses, where its own sentence does not say it."""

REASONS = {
    errno.EACCES: "permiso denegado",
    errno.EPERM: "permiso denegado",
    errno.EROFS: "está en un disco de solo lectura",
    errno.ENOSPC: "el disco está lleno",
    errno.ENOENT: "no existe",
    errno.ENOTDIR: "una parte de la ruta no es una carpeta",
}
WRONG_PLACE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

Url = Annotated[str, typer.Option(help="Dirección del servicio; vacía: el de esta máquina")]
Key = Annotated[
    str, typer.Option("--api-key", envvar=CLIENT_KEY_VARIABLE, show_envvar=True, help="Llave de acceso")
]
AsJson = Annotated[bool, typer.Option("--json", help="Salida para programas")]
Municipality = Annotated[str, typer.Option(help="Municipio, o descripción del lote")]
Department = Annotated[str, typer.Option(help="Departamento")]
Year = Annotated[int, typer.Option(help="Año del envío")]
Period = Annotated[str, typer.Option(help="Periodo de gobierno, por ejemplo 2024-2027")]
Paths = Annotated[list[Path], typer.Argument(help="PDF, carpetas con PDF o patrones como «planes/*.pdf»")]


@app.command()
def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Quedarse y reiniciar lo que muera (portátil, systemd)")
    ] = False,
    grafana_dir: Annotated[
        Path | None, typer.Option(help="Carpeta de tableros de Grafana en la que se dejan los del servicio")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Inicia el servicio en esta máquina."""
    if foreground and as_json:
        raise typer.BadParameter("--foreground se queda y habla con personas; no admite --json")
    if grafana_dir is not None:
        try:
            grafana.put_dashboards(grafana_dir, quiet=as_json)
        except OSError as error:
            raise typer.BadParameter(f"no se puede escribir en {grafana_dir}: {error.strerror}") from error
    if foreground:
        service.stay()
    else:
        started = service.start(quiet=as_json)
        if as_json:
            show_json({"url": started.url, "already_running": started.already_running})


@app.command()
def down(as_json: AsJson = False) -> None:
    """Detiene exactamente lo que se inició; los datos quedan."""
    service.stop(as_json=as_json)


@app.command("new-registry")
def new_registry(
    yes: Annotated[bool, typer.Option("--yes", help="No preguntar")] = False, as_json: AsJson = False
) -> None:
    """Deja los archivos guardados al registro de trabajos que se use desde ahora; los que no conozca se borran."""
    service.accept_new_registry(confirmed=yes, as_json=as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Dice qué le falta a esta máquina."""
    raise typer.Exit(doctor_of_this_machine.examine(as_json=as_json))


@app.command("dead-letters")
def dead_letters(limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, as_json: AsJson = False) -> None:
    """Lista los documentos que fallaron tras agotar sus intentos."""
    dead_letters_of_registry.show(limit=limit, as_json=as_json)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Carpeta con planes en PDF", exists=True)] = Path("examples"),
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Inicia el servicio, evalúa los planes de una carpeta por HTTP y muestra los puntajes."""
    server = service.Server(service.start(quiet=as_json).url, api_key)
    paths = batch.named_files([folder])
    metadata = batch.metadata_of(
        "Municipios de ejemplo", department="Colombia", year=2024, period="2024-2027"
    )
    submitted = batch.submit(server, paths=paths, metadata=metadata, quiet=as_json)
    (job_id,) = submitted.jobs
    final = batch.watch(server, job_id=job_id, quiet=as_json)
    if not as_json:
        batch.show_scores(final)
        service.show_places(server.url, job_id=job_id)
        raise typer.Exit(0 if final["status"] == "completed" and not submitted.refused else 1)
    _conclude(final, refused=submitted.refused, as_json=True)


@app.command()
def evaluate(
    pdf: Annotated[Path, typer.Argument(help="El plan", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option(help="Carpeta para los tres artefactos", file_okay=False)],
    responsibility_detection: Annotated[bool, typer.Option(help="Nodo 5")] = True,
    contradiction_detection: Annotated[bool, typer.Option(help="Nodo 6")] = True,
    monetary_detection: Annotated[bool, typer.Option(help="Nodo 7")] = True,
    feasibility_scoring: Annotated[bool, typer.Option(help="Nodo 8")] = True,
    causal_analysis: Annotated[bool, typer.Option(help="Nodos 9 a 11")] = True,
    evaluate_non_plans: Annotated[bool, typer.Option(help="Evaluar aunque no parezca un plan")] = False,
    not_applicable: Annotated[list[str] | None, typer.Option(help="Punto que no aplica, p. ej. P10")] = None,
    ocr: Annotated[
        bool | None, typer.Option(help="Leer páginas que son imágenes; por defecto lo que diga DECALOGO_OCR")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evalúa un solo plan sin el servicio."""
    from serve_app.cli.evaluate import evaluate_file  # noqa: PLC0415  loads the models' code

    choices = {
        "enable_responsibility_detection": responsibility_detection,
        "enable_contradiction_detection": contradiction_detection,
        "enable_monetary_detection": monetary_detection,
        "enable_feasibility_scoring": feasibility_scoring,
        "enable_causal_analysis": causal_analysis,
        "evaluate_non_plans": evaluate_non_plans,
        "not_applicable_points": _points(not_applicable or ()),
    }
    evaluate_file(pdf, out=out, choices=choices, ocr=ocr, as_json=as_json)


@app.command()
def compare(
    pdfs: Annotated[list[Path], typer.Argument(help="Dos planes o más", exists=True, dir_okay=False)],
    evaluate_non_plans: Annotated[bool, typer.Option(help="Evaluar aunque no parezca un plan")] = False,
    as_json: AsJson = False,
) -> None:
    """Muestra planes lado a lado, sin el servicio."""
    from pipeline.model import EvaluationOptions  # noqa: PLC0415  only what evaluates here needs it
    from serve_app.cli.compare import compare_files  # noqa: PLC0415  loads the models' code

    if len(pdfs) < 2:  # noqa: PLR2004
        raise typer.BadParameter("se comparan dos planes o más")
    compare_files(pdfs, options=EvaluationOptions(evaluate_non_plans=evaluate_non_plans), as_json=as_json)


@app.command()
def submit(
    paths: Paths,
    municipality: Municipality,
    department: Department,
    year: Year,
    period: Period,
    url: Url = "",
    api_key: Key = "",
    option: Annotated[
        list[str] | None, typer.Option(help="Opción del lote, p. ej. enable_causal_analysis=false")
    ] = None,
    resume: Annotated[
        str, typer.Option(metavar="JOB_ID", help="Envío interrumpido: se manda solo lo que no llegó")
    ] = "",
    wait: Annotated[bool, typer.Option("--watch", help="Seguir el avance hasta el final")] = False,
    as_json: AsJson = False,
) -> None:
    """Envía un lote de planes; más de 100 se reparten en varios trabajos."""
    metadata = batch.metadata_of(
        municipality, department=department, year=year, period=period, options=option or ()
    )
    files = batch.named_files(paths)
    server = service.server(url, api_key=api_key)
    sent = batch.submit(server, paths=files, metadata=metadata, resume=resume, quiet=as_json)
    if wait:
        finals = [batch.watch(server, job_id=job_id, quiet=as_json) for job_id in sent.jobs]
        _conclude(*finals, refused=sent.refused, as_json=as_json)
    if as_json:
        show_json({"job_id": sent.jobs[0], "job_ids": sent.jobs, "url": server.url, "refused": sent.refused})
    else:
        for job_id in sent.jobs:
            typer.echo(f"Para seguirlo: decalogo watch {job_id}")
    raise typer.Exit(1 if sent.refused else 0)


@app.command()
def watch(job_id: str, url: Url = "", api_key: Key = "", as_json: AsJson = False) -> None:
    """Sigue el avance de un trabajo hasta el final."""
    _conclude(
        batch.watch(service.server(url, api_key=api_key), job_id=job_id, quiet=as_json), as_json=as_json
    )


@app.command()
def results(
    job_id: str,
    kind: Annotated[
        str, typer.Option("--format", help="json, csv, pdf o zip", autocompletion=lambda: list(FORMATS))
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Archivo de destino")] = None,
    url: Url = "",
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Muestra los puntajes de un trabajo o descarga sus resultados."""
    server = service.server(url, api_key=api_key)
    if kind or out:
        chosen = kind or (out.suffix[1:] if out else "") or "json"
        batch.download(server, job_id=job_id, kind=chosen, out=out, as_json=as_json)
        return
    state = batch.state_of(server, job_id=job_id)
    if as_json:
        show_json(state)
    else:
        batch.show_scores(state)


@app.command()
def jobs(
    state: Annotated[
        str, typer.Option(help="Solo los de este estado", autocompletion=lambda: sorted(STATES))
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    url: Url = "",
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Lista los trabajos."""
    batch.show_jobs(service.server(url, api_key=api_key), state=state or None, limit=limit, as_json=as_json)


@app.command()
def cancel(
    job_id: str,
    delete: Annotated[bool, typer.Option(help="Borrar también los archivos y resultados")] = False,
    url: Url = "",
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Cancela un trabajo."""
    batch.cancel(service.server(url, api_key=api_key), job_id=job_id, delete=delete, as_json=as_json)


def _points(given: Iterable[str]) -> tuple[str, ...]:
    unknown = sorted(set(given) - set(POINTS))
    if unknown:
        raise typer.BadParameter(f"los puntos son P1 a P10: {', '.join(unknown)}")
    return tuple(point for point in POINTS if point in given)


def _conclude(*finals: dict[str, Any], as_json: bool, refused: Sequence[batch.Refused] | None = None) -> None:
    """Show the last states of jobs and end: 0 when all were completed and no file was refused.

    As JSON one state, or a list when there are several; after sending with ``refused`` in each, files of any of them.
    """
    if as_json:
        shown = list(finals) if refused is None else [final | {"refused": refused} for final in finals]
        show_json(shown if len(shown) > 1 else shown[0])
    else:
        for final in finals:
            batch.show_scores(final)
    done = all(final["status"] == "completed" for final in finals) and not refused
    raise typer.Exit(0 if done else 1)


def _about_file(error: OSError) -> str:
    reason = REASONS.get(error.errno or 0, error.strerror)
    sentence = f"No se puede usar {error.filename}: {reason}."
    if error.errno in WRONG_PLACE:
        sentence += (
            f" Use el usuario del servicio, o elija otra carpeta ({PREFIX}DATA_DIR para las del servicio)."
        )
    return sentence


def _refused(error: ServiceError) -> str:
    """On this machine, what is wrong with a folder may be said; over HTTP it is not."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in WRONG_PLACE and cause.filename:
        return _about_file(cause)
    return error.refusal.sentence


def _told(error: Exception) -> int:
    """Say an expected error as a sentence that says what to do; its exit code. One that is not expected is raised."""
    code = ""
    match error:
        case ApiError():
            sentence, code, exit_code = str(error), error.code, 3
        case httpx.TransportError():
            sentence, exit_code = "El servicio no responde; inícielo con «decalogo up» o indique --url.", 4
        case NotEquipped():
            sentence, code, exit_code = f"{error.kind.sentence} ({error.detail})", error.kind.code, 6
        case PipelineError():
            sentence, code, exit_code = error.kind.sentence, error.kind.code, 5
        case ServiceError():
            sentence, code, exit_code = _refused(error), error.refusal.code, 6
        case AnotherRegistryError():
            sentence, code, exit_code = str(error), "registry_mismatch", 7
        case LifecycleError() | SettingsError() | NoIdentifier():
            sentence, exit_code = str(error), 2 if isinstance(error, NoIdentifier) else 6
        case OSError() if error.filename is not None:
            sentence, exit_code = _about_file(error), 6
        case _:
            raise error
    ended = fail(sentence, code=code, exit_code=exit_code)
    if code in ADVICE:
        advise(ADVICE[code])
    return ended


def run() -> None:
    """Entry point: every expected error is a sentence that says what to do, and an exit code of its own."""
    keep_logs_quiet()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  raised again when nobody expects it
        sys.exit(_told(error))
