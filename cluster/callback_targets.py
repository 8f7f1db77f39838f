"""Where a callback may go: hosts an operator has named, by https, at addresses that are nobody's inside.

A sender chooses the address, and the service calls it: without these rules anybody could make it knock on doors
that only it can reach. The same parser reads the address here and when it is called.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from cluster.errors import CALLBACK_REFUSED, CALLBACKS_OFF, ServiceError
from cluster.settings import SECRET_PREFIX, SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cluster.settings import Settings

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Resolve = Callable[[str, int], Awaitable[list[str]]]

DEFAULT_PORTS = {"https": 443, "http": 80}
RESOLVE_SECONDS = 3.0
SECRET_BYTES = range(24, 65)
"""As the Standard Webhooks specification wants them."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """An address that a callback may have. ``host`` is its name in lower case, ASCII."""

    url: httpx.URL
    host: str
    port: int


def signing_key(settings: Settings) -> bytes | None:
    """The secret that callbacks are signed with; None when there is none.

    Raises:
        SettingsError: it cannot be read, or is not ``whsec_`` and 24 to 64 bytes in base64.
    """
    if settings.callback_secret is None:
        return None
    text = settings.callback_secret.get_secret_value()
    if not text.startswith(SECRET_PREFIX):
        try:
            text = Path(text).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError("callback_secret: neither whsec_… nor a file that can be read") from error
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise SettingsError("callback_secret: must be whsec_ and 24 to 64 bytes in base64")
    return key


def target_of(text: str, *, settings: Settings) -> Target:
    """The target that an address means, if it may be called at all; nothing is asked of the network.

    Raises:
        ServiceError: CALLBACKS_OFF, CALLBACK_REFUSED.
    """
    allowed = frozenset(_origins(settings.callback_hosts))
    if not allowed or signing_key(settings) is None:
        raise ServiceError(CALLBACKS_OFF)
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise _refused("no es una dirección válida") from error
    if url.scheme not in DEFAULT_PORTS or not host:
        raise _refused("debe comenzar con https://")
    if url.userinfo or url.fragment:
        raise _refused("no puede llevar usuario, contraseña ni fragmento")
    port = url.port or DEFAULT_PORTS[url.scheme]
    if (url.scheme, host, port) not in allowed:
        raise _refused("el servicio no tiene permitido ese destino (servidor, puerto y https)")
    return Target(url, host, port)


async def resolve(target: Target, *, settings: Settings, ask: Resolve | None = None) -> str:
    """The one address to connect to, asked for once.

    Raises:
        ServiceError: CALLBACK_REFUSED, one of the addresses of the name is not to be called.
        OSError, TimeoutError: the name has no address now.
    """
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = await (ask or _ask_system)(target.host, target.port)
    if not found:
        raise OSError("no address")
    for text in found:
        if not _may_be_called(ipaddress.ip_address(text), private=settings.callback_private_addresses):
            raise _refused("el destino está en una red que el servicio no llama")
    return found[0]


async def admit(text: str, *, settings: Settings) -> None:
    """Check at the door what can be checked there; a name without an address now may have one later.

    Raises:
        ServiceError: CALLBACKS_OFF, CALLBACK_REFUSED.
    """
    if not text:
        return
    target = target_of(text, settings=settings)
    try:
        await resolve(target, settings=settings)
    except OSError:
        # TimeoutError is one as well.
        return


def _may_be_called(address: Address, *, private: bool) -> bool:
    inner = _embedded(address)
    if inner is not None:
        return _may_be_called(inner, private=private)
    # Link-local is where clouds keep the credentials of a machine: no setting opens that.
    if address.is_multicast or address.is_unspecified or address.is_reserved or address.is_link_local:
        return False
    return address.is_global or (private and (address.is_private or address.is_loopback))


def _embedded(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address stands for, if any."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


async def _ask_system(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for *_, address in found]


def _origins(text: str) -> list[tuple[str, str, int]]:
    """Scheme, host and port of each entry; without a scheme https is meant.

    Raises:
        SettingsError: an entry is no host.
    """
    origins = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            url = httpx.URL(entry if "://" in entry else f"https://{entry}")
            host = url.raw_host.decode("ascii").lower()
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise SettingsError(f"callback_hosts: {entry} is no host") from error
        if url.scheme not in DEFAULT_PORTS or not host or url.path not in {"", "/"}:
            raise SettingsError(f"callback_hosts: {entry} is no host")
        origins.append((url.scheme, host, url.port or DEFAULT_PORTS[url.scheme]))
    return origins


def check_settings(settings: Settings) -> None:
    """Find mistakes in the settings of callbacks at the start, not at the end of the first batch.

    Raises:
        SettingsError: one of them is not valid.
    """
    if _origins(settings.callback_hosts) and signing_key(settings) is None:
        raise SettingsError("callback_hosts needs callback_secret")


def _refused(reason: str) -> ServiceError:
    return ServiceError(CALLBACK_REFUSED, f"callback_url: {reason}.")
