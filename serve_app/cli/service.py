"""Commands about the service on this machine: start, stop, where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from cluster import lifecycle, logs
from cluster.lifecycle_supervisor import Supervisor, end_supervisor
from cluster.open_door import open_door
from cluster.registry_identity import release
from cluster.settings import Settings
from cluster.storage import Storage
from pipeline.equipment import check_equipment
from serve_app.cli.output import console, errors, show_json
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from cluster.lifecycle import RunningService, Step


@dataclass(frozen=True, slots=True)
class Server:
    """A service and the key to it; without one that of the environment counts."""

    url: str
    api_key: str = ""

    def client(self) -> BatchClient:
        """A new client of it."""
        return BatchClient(self.url, api_key=self.api_key or None)


def server(url: str, *, api_key: str) -> Server:
    """The service to talk to, by address and key."""
    return Server(address(url), api_key)


def address(url: str) -> str:
    """The address to talk to: the one given, else that of the service on this machine, else the default."""
    if url:
        return url
    settings = Settings.load()
    running = lifecycle.status(settings)
    return running.url if running else f"http://{settings.http_host}:{settings.http_port}"


def start(*, quiet: bool = False) -> RunningService:
    """Start the service, saying what is being waited for."""
    settings = _equipped_settings()
    # Of a program that reads the output, people may still watch the waiting.
    with (errors if quiet else console).status("Iniciando…") as status:

        def tell(step: Step) -> None:
            count = f" ({step.done} de {step.total})" if step.total else ""
            status.update(step.sentence + count)

        service = lifecycle.up(settings, tell=tell)
    if not quiet:
        word = "ya estaba en marcha" if service.already_running else "en marcha"
        console.print(f"Servicio {word}: {service.url}", highlight=False)
        door = open_door(lifecycle.settings_in_force(settings))
        if door.anonymous:
            console.print(f"Llaves: {door.sentence}", highlight=False)
    return service


def _equipped_settings() -> Settings:
    """The settings, when this machine has what they switch on.

    Raises:
        NotEquipped: text recognition or an encoder that is not installed.
    """
    settings = Settings.load()
    check_equipment(ocr=settings.ocr, encoder=settings.encoder)
    return settings


def stay() -> None:
    """Start the service, restart what dies, until told to end by Ctrl-C, SIGTERM or «decalogo down»."""
    settings = _equipped_settings()
    logs.configure(settings)
    Supervisor(
        settings,
        tell=lambda step: console.print(step.sentence, highlight=False),
        started=lambda url: console.print(f"Servicio en marcha: {url}", highlight=False),
    ).run()
    console.print("Servicio detenido.", highlight=False)


def accept_new_registry(*, confirmed: bool, as_json: bool) -> None:
    """Let the next registry take over the stored files; asks first, unless ``confirmed``."""
    storage = Storage(Settings.load())
    jobs = len(storage.stored_jobs())
    if not confirmed:
        typer.confirm(
            f"Hay archivos de {jobs} trabajos en {storage.settings.describe()['storage_url']}. "
            "El registro que se use desde ahora se hace cargo de ellos, y los de trabajos que no conozca SE BORRAN. "
            "¿Continuar?",
            abort=True,
            err=True,
        )
    release(storage)
    if as_json:
        show_json({"released": True, "stored_jobs": jobs})
        return
    console.print("Hecho: «decalogo up» inicia con el registro que encuentre.", highlight=False)


def stop(*, as_json: bool) -> None:
    """Stop what runs."""
    settings = Settings.load()
    with (errors if as_json else console).status("Deteniendo…"):
        supervised = end_supervisor(settings)
        stopped = lifecycle.down(settings) or supervised
    if as_json:
        show_json({"stopped": stopped})
        return
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
