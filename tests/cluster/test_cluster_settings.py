"""Settings: mistakes are errors, secrets stay secret, children get the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cluster.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

FIELDS_MAX = 57


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the tester must not decide."""
    for name in ("REDIS_URL", "REDIS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_a_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing mistake must not be ignored silently; the message names the variable."""
    monkeypatch.setenv("DECALOGO_LEASE_SECOND", "5")
    with pytest.raises(SettingsError, match="DECALOGO_LEASE_SECOND"):
        Settings.load()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"lease_seconds": 10, "lease_renewal_seconds": 5}, "lease_renewal_seconds"),
        ({"evaluators_min": 5, "evaluators_max": 4}, "evaluators_min"),
        ({"retry_base_seconds": 5, "retry_cap_seconds": 4}, "retry_base_seconds"),
        ({"soft_limit_seconds": 5, "hard_limit_seconds": 5}, "soft_limit_seconds"),
        ({"storage_floor_bytes": 2, "min_free_disk_bytes": 1}, "storage_floor_bytes"),
        ({"redis_url": "http://localhost"}, "redis_url"),
        ({"http_port": 70_000}, "http_port"),
        ({"max_attempts": 0}, "max_attempts"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, object], named: str) -> None:
    """The service does not start with them; the message names the setting."""
    with pytest.raises(SettingsError, match=named):
        Settings.load(**values)


def test_the_plain_names_of_redis_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """``REDIS_URL`` and ``REDIS_PASSWORD`` select an external Redis; the prefixed names win over them."""
    monkeypatch.setenv("REDIS_URL", "redis://plain:6379")
    monkeypatch.setenv("REDIS_PASSWORD", "secreta")
    settings = Settings.load()
    assert settings.redis_url == "redis://plain:6379"
    assert settings.redis_password
    assert settings.redis_password.get_secret_value() == "secreta"
    monkeypatch.setenv("DECALOGO_REDIS_URL", "redis://prefixed:6379")
    assert Settings.load().redis_url == "redis://prefixed:6379"


def test_secrets_are_not_shown() -> None:
    """Neither a description, nor a representation, nor an error message contains a password."""
    settings = Settings.load(redis_url="redis://user:secreta@host:1/0", redis_password="secreta")
    assert "secreta" not in json.dumps(settings.describe())
    assert "**********" in settings.describe()["redis_url"]
    with pytest.raises(SettingsError) as caught:
        Settings.load(redis_url="ftp://user:secreta@host")
    assert "secreta" not in str(caught.value)


def test_a_child_process_loads_equal_settings(tmp_path: Path) -> None:
    """What was chosen reaches a child through its environment, wherever it starts."""
    settings = Settings.load(data_dir=tmp_path, max_files=7, cache_enabled=False).with_redis(
        url="redis://127.0.0.1:7777/0", password="secreta"
    )
    code = "from cluster.settings import Settings; print(Settings.load().model_dump_json())"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", **settings.to_environment()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout) == json.loads(settings.model_dump_json())
    assert "running_per_node" not in settings.to_environment()


def test_a_relative_folder_is_fixed_at_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Workers run elsewhere: ``./var`` means that of whoever loaded the settings."""
    monkeypatch.chdir(tmp_path)
    assert Settings.load().data_dir == tmp_path / "var"


def test_there_are_few_settings() -> None:
    """Beyond that nobody knows them all: a new one has to replace an old one."""
    assert len(Settings.model_fields) < FIELDS_MAX
