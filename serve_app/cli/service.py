"""Commands about the service on this machine: start, stop, doctor."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from cluster import lifecycle
from cluster.errors import ServiceError
from cluster.settings import GIB, Settings
from pipeline.rendering import sandbox_report
from serve_app.cli.output import console, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.lifecycle import Step

PYTHON_MIN = (3, 11)


def address(url: str) -> str:
    """The address to talk to: the one given, else that of the service on this machine, else the default."""
    if url:
        return url
    settings = Settings.load()
    running = lifecycle.status(settings)
    return running.url if running else f"http://{settings.http_host}:{settings.http_port}"


def start() -> str:
    """Start the service, saying what is being waited for; returns its address."""
    settings = Settings.load()
    with console.status("Iniciando…") as status:

        def tell(step: Step) -> None:
            count = f" ({step.done} de {step.total})" if step.total else ""
            status.update(step.sentence + count)

        service = lifecycle.up(settings, tell=tell)
    word = "ya estaba en marcha" if service.already_running else "en marcha"
    console.print(f"Servicio {word}: {service.url}", highlight=False)
    return service.url


def stop() -> None:
    """Stop what runs."""
    with console.status("Deteniendo…"):
        stopped = lifecycle.down(Settings.load())
    console.print("Servicio detenido." if stopped else "No había ningún servicio en marcha.", highlight=False)


def show_places(url: str, *, job_id: str) -> None:
    """Where to find what came out."""
    settings = Settings.load()
    folder = settings.storage_address.removeprefix("file://")
    console.print(f"Artefactos:   {folder}/artifacts/{job_id}/", highlight=False, soft_wrap=True)
    console.print(f"Informe:      {url}/results/{job_id}?format=pdf", highlight=False, soft_wrap=True)
    console.print(f"Todo en ZIP:  {url}/results/{job_id}?format=zip", highlight=False, soft_wrap=True)
    console.print(f"Página web:   {url}/", highlight=False, soft_wrap=True)
    console.print("El servicio sigue en marcha; «make stop» lo detiene.", highlight=False)


# --------------------------------------------------------------------------- doctor


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``state``: bien, aviso or falta."""

    topic: str
    state: str
    sentence: str


def examine(*, as_json: bool) -> int:
    """Look at the machine; exit code 1 when something is missing."""
    findings = list(_findings(Settings.load()))
    if as_json:
        show_json([{"topic": f.topic, "state": f.state, "sentence": f.sentence} for f in findings])
    else:
        colours = {"bien": "green", "aviso": "yellow", "falta": "red"}
        for finding in findings:
            console.print(
                f"[{colours[finding.state]}]{finding.state:5}[/] {finding.topic:14} {finding.sentence}",
                highlight=False,
            )
    return int(any(finding.state == "falta" for finding in findings))


def _findings(settings: Settings) -> Iterator[Finding]:
    enough = sys.version_info >= PYTHON_MIN
    yield Finding("Python", "bien" if enough else "falta", platform.python_version())
    yield Finding(
        "Procesador", "bien", f"{os.cpu_count()} núcleos; {settings.running_per_node} documentos a la vez"
    )
    yield _sized(
        "Memoria",
        psutil.virtual_memory().available,
        needed=settings.min_free_memory_bytes,
        word="disponibles",
    )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    yield _sized(
        "Disco", shutil.disk_usage(settings.data_dir).free, needed=settings.min_free_disk_bytes, word="libres"
    )
    yield from _service(settings)
    for name, value in sandbox_report().items():
        in_force = value not in {"", "off", "no", "none"}
        yield Finding("Aislamiento", "bien" if in_force else "aviso", f"{name}: {value}")


def _sized(topic: str, there: int, *, needed: int, word: str) -> Finding:
    sentence = f"{there / GIB:.1f} GB {word}; se necesitan {needed / GIB:.1f} GB"
    return Finding(topic, "bien" if there >= needed else "falta", sentence.replace(".", ","))


def _service(settings: Settings) -> Iterator[Finding]:
    running = lifecycle.status(settings)
    if running is None:
        yield Finding("Servicio", "aviso", "no está en marcha; se inicia con «decalogo up»")
        return
    yield Finding("Servicio", "bien", running.url)
    try:
        asyncio.run(_ping(settings))
    except ServiceError as error:
        yield Finding("Redis", "falta", error.refusal.sentence)
    else:
        yield Finding("Redis", "bien", "responde")
    size = lifecycle.footprint(settings)
    yield Finding(
        "Uso", "bien", f"{size.processes} procesos, {size.pss_bytes / GIB:.2f} GB (PSS)".replace(".", ",")
    )


async def _ping(settings: Settings) -> None:
    from cluster.jobs import JobStore  # noqa: PLC0415  only here

    store = JobStore.lazily(settings)
    try:
        await store.ping()
    finally:
        await store.close()
