"""Whether the service may be started as it is configured: never open to a network without keys."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.api_keys import KeyRegister
from cluster.errors import ServiceError
from cluster.settings import SettingsError

if TYPE_CHECKING:
    from cluster.settings import Settings

WITHOUT_KEYS = (
    "No hay ninguna llave vigente. Cree una con «decalogo keys create CLIENTE --scope submit», "
    "o permita el uso sin llaves en esta máquina con DECALOGO_ALLOW_ANONYMOUS=true."
)
BEYOND_LOOPBACK = (
    "DECALOGO_HTTP_HOST={host} se alcanza desde otras máquinas y no hay ninguna llave vigente; "
    "cree una con «decalogo keys create CLIENTE --scope submit» o escuche solo en 127.0.0.1."
)


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """Who is let in as things are. ``refusal`` is empty, or says in Spanish why the service must not start."""

    live_keys: int
    anonymous: bool
    refusal: str = ""

    @property
    def sentence(self) -> str:
        """The mode in force, for people."""
        if self.refusal:
            return self.refusal
        if not self.anonymous:
            return f"solo con llave; {self.live_keys} vigentes"
        if self.live_keys:
            return (
                f"{self.live_keys} llaves vigentes, y sin llave desde esta máquina (DECALOGO_ALLOW_ANONYMOUS)"
            )
        return "sin llaves, solo desde esta máquina (DECALOGO_ALLOW_ANONYMOUS)"


def anonymous_allowed(settings: Settings) -> bool:
    """Whether calls without a key are served: only by explicit setting, and only on loopback."""
    return settings.allow_anonymous and is_loopback(settings.http_host)


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address, with or without brackets, is this machine for itself alone."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_door(settings: Settings) -> OpenDoor:
    """Look at the keys and the settings."""
    try:
        now = time.time()
        live = sum(key.live(now=now) for key in KeyRegister(settings).listed())
    except ServiceError as error:
        return OpenDoor(0, anonymous=False, refusal=error.refusal.sentence)
    except SettingsError as error:
        return OpenDoor(0, anonymous=False, refusal=str(error))
    anonymous = anonymous_allowed(settings)
    if live or anonymous:
        return OpenDoor(live, anonymous=anonymous)
    if not is_loopback(settings.http_host):
        return OpenDoor(0, anonymous=False, refusal=BEYOND_LOOPBACK.format(host=settings.http_host))
    return OpenDoor(0, anonymous=False, refusal=WITHOUT_KEYS)
