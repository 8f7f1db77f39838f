"""``decalogo doctor``: what is short on this machine, in words, and what to do about it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import platform
import shutil
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil
from rich.markup import escape
from rich.table import Table

from cluster import lifecycle, registry_identity
from cluster.errors import ServiceError
from cluster.jobs import JobStore
from cluster.lifecycle_doors import outer_doors
from cluster.lifecycle_serve import DeployError
from cluster.open_door import open_door
from cluster.registry_identity import is_another
from cluster.server_check import UNUSABLE, ask_server
from cluster.settings import GIB, PREFIX, Settings, SettingsError
from cluster.storage import Storage
from pipeline.equipment import check_equipment, tesseract_version
from pipeline.errors import NotEquipped
from pipeline.rendering import sandbox_report
from serve_app.cli.output import console, show_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cluster.lifecycle import RunningService
    from cluster.records import JobRecord

PYTHON_MIN = (3, 11)
CORES_WISHED = 2
JOBS_LOOKED_AT = 50
HEALTH_SECONDS = 5.0
ANY_FREE = frozenset({"http_port", "dashboard_port", "metrics_port", "redis_port"})
COLOURS = {"bien": "green", "aviso": "yellow", "falta": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``state``: bien, aviso (works, but) or falta (does not work)."""

    topic: str
    state: str
    sentence: str


def examine(*, as_json: bool) -> int:
    """Look at the machine; exit code 1 when something is missing."""
    found = list(findings(Settings.load()))
    if as_json:
        show_json([asdict(finding) for finding in found])
    else:
        _show(found)
    return int(any(finding.state == "falta" for finding in found))


def _show(found: Iterable[Finding]) -> None:
    table = Table.grid(padding=(0, 1, 0, 0))
    for finding in found:
        state = f"[{COLOURS[finding.state]}]{finding.state:5}[/]"
        table.add_row(state, f"{finding.topic:12}", escape(finding.sentence))
        if not console.is_terminal:
            # A line each: what is kept or searched must not be broken where some terminal would end.
            line = f"{state} {finding.topic:12} {escape(finding.sentence)}"
            console.print(line, highlight=False, soft_wrap=True)
    if console.is_terminal:
        console.print(table)


def findings(settings: Settings) -> Iterator[Finding]:
    """What there is to say, topic by topic; about a service that runs, by the settings it was started with."""
    running = lifecycle.status(settings)
    if running is not None:
        here, settings = settings, lifecycle.settings_in_force(settings)
        yield from _differing(here, in_force=settings)
    enough = sys.version_info >= PYTHON_MIN
    advice = "" if enough else "; se necesita 3.11 o más reciente"
    yield Finding("Python", "bien" if enough else "falta", platform.python_version() + advice)
    cores = os.cpu_count() or 1
    yield Finding(
        "Procesador",
        "bien" if cores >= CORES_WISHED else "aviso",
        f"{cores} núcleos; {settings.running_per_node} documentos a la vez",
    )
    yield _memory(settings)
    yield _disk(settings)
    if running is None:
        yield Finding("Servicio", "aviso", "no está en marcha; se inicia con «decalogo up»")
        yield from _ports(settings)
    else:
        yield _service(running, settings=settings)
        yield _doors(settings)
        yield _evaluators(settings)
        yield from _last_batch(settings)
    yield _access(settings)
    yield from _redis(settings, started=running is not None)
    yield _recognition(settings)
    yield _encoder(settings)
    yield from _sandbox()


def _differing(here: Settings, *, in_force: Settings) -> Iterator[Finding]:
    """Names of the settings in which this shell is not the one that started the service; no values: some are secret."""
    names = [
        f"{PREFIX}{name.upper()}"
        for name in Settings.model_fields
        # 0 is any free port, and the service has got one.
        if getattr(here, name) != getattr(in_force, name) and (getattr(here, name) or name not in ANY_FREE)
    ]
    if names:
        yield Finding(
            "Ajustes",
            "aviso",
            f"el servicio se inició con otros valores que los de esta consola ({', '.join(names)}); "
            "lo que sigue vale para los suyos",
        )


def _service(running: RunningService, *, settings: Settings) -> Finding:
    if not lifecycle.answers(running, patience_seconds=HEALTH_SECONDS):
        return Finding("Servicio", "falta", lifecycle.NO_ANSWER.format(url=running.url))
    size = lifecycle.footprint(settings)
    sentence = f"{running.url}, {size.processes} procesos, {_gb(size.pss_bytes)} de memoria"
    return Finding("Servicio", "bien", sentence)


def _memory(settings: Settings) -> Finding:
    there, needed = psutil.virtual_memory().available, settings.min_free_memory_bytes
    sentence = f"{_gb(there)} disponibles; se necesitan {_gb(needed)} para recibir un lote"
    if there >= needed:
        return Finding("Memoria", "bien", sentence)
    advice = f"; cierre programas o baje {PREFIX}MIN_FREE_MEMORY_BYTES"
    return Finding("Memoria", "falta", sentence + advice)


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    there, needed = shutil.disk_usage(folder).free, settings.min_free_disk_bytes
    sentence = f"{_gb(there)} libres en {folder}; se necesitan {_gb(needed)} para recibir un lote"
    if not _writable(folder):
        advice = f"; use el usuario del servicio o elija otra carpeta con {PREFIX}DATA_DIR"
        return Finding("Disco", "falta", f"no se puede escribir en {folder}{advice}")
    if there >= needed:
        return Finding("Disco", "bien", sentence)
    advice = f"; libere espacio o elija otra carpeta con {PREFIX}DATA_DIR"
    return Finding("Disco", "falta", sentence + advice)


def _writable(folder: Path) -> bool:
    """Whether a file can be made there, whatever the permissions say; a full disk is another matter."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return True


def _access(settings: Settings) -> Finding:
    door = open_door(settings)
    state = "falta" if door.refusal else "aviso" if door.anonymous and door.live_keys else "bien"
    return Finding("Llaves", state, door.sentence)


def _doors(settings: Settings) -> Finding:
    outer = outer_doors(settings)
    if not outer:
        return Finding("Puertos", "bien", "ningún puerto del servicio se puede alcanzar desde otra máquina")
    named = ", ".join(map(str, outer))
    return Finding("Puertos", "aviso", f"se pueden alcanzar desde otras máquinas: {named}")


def _evaluators(settings: Settings) -> Finding:
    try:
        count = sum(replica.deployment == "Evaluator" for replica in lifecycle.replicas(settings))
    except DeployError:
        return Finding("Evaluadores", "falta", "Ray Serve no responde; reinicie con «decalogo down» y «up»")
    if not count:
        return Finding("Evaluadores", "falta", "ninguno en marcha; no se reciben lotes hasta que haya uno")
    return Finding("Evaluadores", "bien", f"{count} en marcha, hasta {settings.evaluators_max}")


def _last_batch(settings: Settings) -> Iterator[Finding]:
    """What was found when the batch that ended last was checked."""

    async def ended() -> JobRecord | None:
        store = await JobStore.connect(settings)
        try:
            page = await store.jobs(limit=JOBS_LOOKED_AT)
        finally:
            await store.close()
        final = [job for job in page.jobs if job.summary and job.finished_at]
        return max(final, key=lambda job: job.finished_at or 0.0, default=None)

    try:
        job = asyncio.run(ended())
    except ServiceError:
        return
    if job is None or job.summary is None:
        return
    figures = job.summary["figures"]
    sentence = (
        f"{figures['succeeded']} de {figures['documents']} documentos evaluados, "
        f"p95 {_decimal(figures['p95_seconds'])} s, {_decimal(figures['documents_per_hour'])} por hora, "
        f"errores {_decimal(100 * figures['error_rate'])} %; "
    )
    problems = " ".join(problem["sentence"] for problem in job.summary["problems"])
    second = job.summary.get("second_evaluation")
    repeated = "segunda evaluación igual" if second and second["equal"] else "sin segunda evaluación"
    if job.summary["valid"]:
        yield Finding("Último lote", "bien", sentence + repeated)
    else:
        yield Finding("Último lote", "aviso", sentence + problems)


def _decimal(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")


def _ports(settings: Settings) -> Iterator[Finding]:
    for name, host, port in (
        ("HTTP_PORT", settings.http_host, settings.http_port),
        ("DASHBOARD_PORT", "127.0.0.1", settings.dashboard_port),
    ):
        if port and not _free(host, port):
            sentence = f"{port} está ocupado; libérelo o elija otro con {PREFIX}{name} (0: uno libre)"
            yield Finding("Puerto", "falta", sentence)
        elif port:
            yield Finding("Puerto", "bien", f"{port} está libre")


def _free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _redis(settings: Settings, *, started: bool) -> Iterator[Finding]:
    if settings.redis_url is None and not started:
        yield Finding("Redis", "bien", "se usará el Valkey incluido")
        return
    try:
        weaknesses = ask_server(settings)
    except ServiceError:
        advice = (
            "; revise REDIS_URL y REDIS_PASSWORD"
            if settings.redis_url
            else "; «decalogo up» lo inicia de nuevo con lo que tenía"
        )
        yield Finding("Redis", "falta", f"no responde{advice}")
        return
    yield Finding("Redis", "bien", "responde")
    for weakness in weaknesses:
        yield Finding("Redis", "falta" if weakness.code in UNUSABLE else "aviso", weakness.sentence)
    yield from _registry(settings)


def _registry(settings: Settings) -> Iterator[Finding]:
    """Whether the stored files are those of this registry; a storage that cannot be used is named elsewhere."""

    async def ask() -> bool:
        store = JobStore.lazily(settings)
        try:
            return await is_another(store, storage=Storage(settings))
        finally:
            await store.close()

    with contextlib.suppress(ServiceError, SettingsError):
        if asyncio.run(ask()):
            yield Finding("Registro", "falta", registry_identity.SENTENCE)
        else:
            yield Finding("Registro", "bien", "los archivos guardados son los suyos")


def _recognition(settings: Settings) -> Finding:
    """Whether pages that are pictures are read, and whether they could be."""
    try:
        version = tesseract_version()
    except NotEquipped as error:
        if settings.ocr:
            return Finding("OCR", "falta", f"{error.kind.sentence} ({error.detail})")
        return Finding("OCR", "bien", f"desactivado; no hay Tesseract con español ({error.detail})")
    if settings.ocr:
        return Finding("OCR", "bien", f"activado; Tesseract {version}, español")
    return Finding("OCR", "bien", f"desactivado; hay Tesseract {version}: se activa con {PREFIX}OCR=true")


def _encoder(settings: Settings) -> Finding:
    try:
        check_equipment(ocr=False, encoder=settings.encoder)
    except NotEquipped as error:
        return Finding("Codificador", "falta", f"{error.kind.sentence} ({error.detail})")
    return Finding("Codificador", "bien", settings.encoder)


def _sandbox() -> Iterator[Finding]:
    """What confines the process that reads PDFs; what the kernel does not allow is a warning."""
    for name, value in sorted(sandbox_report().items()):
        in_force = not value.startswith("not ")
        yield Finding("Aislamiento", "bien" if in_force else "aviso", f"{name}: {value}")


def _gb(size: int) -> str:
    return f"{size / GIB:.1f} GB".replace(".", ",")
