"""When the service may start: with keys, or without them on loopback by an explicit setting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cluster import lifecycle
from cluster.api_keys import KeyRegister, KeyRing, Scope
from cluster.lifecycle import LifecycleError
from cluster.open_door import is_loopback, open_door
from cluster.settings import Settings
from cluster.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

LOOKUPS = 2000


@pytest.mark.parametrize(
    ("host", "allowed", "keys", "starts"),
    [
        ("127.0.0.1", False, 0, False),
        ("127.0.0.1", True, 0, True),
        ("::1", True, 0, True),
        ("127.0.0.1", False, 1, True),
        ("0.0.0.0", True, 0, False),  # noqa: S104  only a value of the setting
        ("servicio.example", True, 0, False),
        ("0.0.0.0", True, 1, True),  # noqa: S104
    ],
)
def test_who_is_let_in_decides_whether_it_starts(
    tmp_path: Path, host: str, *, allowed: bool, keys: int, starts: bool
) -> None:
    """Without keys only on loopback and only when asked for; the refusal says what to do."""
    settings = Settings.load(data_dir=tmp_path, http_host=host, allow_anonymous=allowed)
    for number in range(keys):
        KeyRegister(settings).create(f"cliente-{number}", scope=Scope.SUBMIT)

    door = open_door(settings)

    assert (not door.refusal) is starts
    assert door.anonymous is (allowed and is_loopback(host))
    if not starts:
        assert "decalogo keys create" in door.refusal
        with pytest.raises(LifecycleError, match="decalogo keys create"):
            lifecycle.up(settings)


def test_an_expired_key_opens_nothing(tmp_path: Path) -> None:
    """Only live keys count."""
    settings = Settings.load(data_dir=tmp_path)
    KeyRegister(settings).create("vieja", scope=Scope.ADMIN, expires_days=-1)

    assert open_door(settings).refusal


async def test_a_damaged_file_takes_nobody_elses_key(tmp_path: Path) -> None:
    """Its own client is refused, all others go on."""
    settings = Settings.load(data_dir=tmp_path)
    text = KeyRegister(settings).create("sana", scope=Scope.READ)[1]
    (tmp_path / "storage" / "access" / "rota.json").write_text("{")

    found = await KeyRing(Storage(settings)).find(text)

    assert found
    assert found.client == "sana"


async def test_looking_up_a_key_is_cheap(tmp_path: Path) -> None:
    """Far below a millisecond of processor time each, with a hundred clients."""
    settings = Settings.load(data_dir=tmp_path)
    register = KeyRegister(settings)
    for number in range(100):
        Storage(settings).write_keys(f"c{number}", b'{"client":"c","keys":[]}')
    text = register.create("ultima", scope=Scope.READ)[1]
    ring = KeyRing(Storage(settings))
    assert await ring.find(text)

    began = time.process_time()
    for _ in range(LOOKUPS):
        await ring.find(text)

    assert (time.process_time() - began) / LOOKUPS < 0.001
