"""``callback_url`` at the door: what is refused, with which code, and that what is allowed is kept with the batch."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from http_steps import FIELDS, PlainServer, files_of, pdf, refused, upload
from pydantic import SecretStr

from cluster.callback_targets import check_settings
from cluster.settings import Settings, SettingsError
from serve_app.cli.main import run
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
HOSTS = (
    "avisos.example.invalid, avisos.example.invalid:8443, http://intranet.invalid:8080, 127.0.0.1, [::1]:9"
)
ALLOWED = "https://avisos.example.invalid/decalogo?clave=secreta"


@pytest.fixture(scope="module")
def calling(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainServer]:
    """A service that may call some hosts; its secret stands in a file."""
    secret = tmp_path_factory.mktemp("secret") / "callback"
    secret.write_text(f"{SECRET}\n", "ascii")
    chosen = {"callback_hosts": HOSTS, "callback_secret": SecretStr(str(secret))}
    with PlainServer(settings.model_copy(update=chosen)) as running:
        yield running


@pytest.fixture
def caller(calling: PlainServer) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=calling.url, timeout=30, trust_env=False) as http:
        yield http


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://avisos.example.invalid/", "no tiene permitido"),
        ("https://otro.example.invalid/", "no tiene permitido"),
        ("https://avisos.example.invalid.otro.example/", "no tiene permitido"),
        ("https://avisos.example.invalid:22/", "no tiene permitido"),
        ("https://intranet.invalid:8080/", "no tiene permitido"),
        ("https://otro@avisos.example.invalid/", "usuario"),
        ("https://avisos.example.invalid/#parte", "fragmento"),
        ("https://avisos.example.invalid\\@otro.example/", ""),
        ("ftp://avisos.example.invalid/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("avisos.example.invalid", "https://"),
        ("https://[::1/", "válida"),
        ("https://127.0.0.1/", "red"),
        ("https://[::1]:9/", "red"),
        ("https://2130706433/", "no tiene permitido"),
        ("https://0x7f.1/", "no tiene permitido"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_at_the_door(
    caller: httpx.Client, settings: Settings, url: str, words: str
) -> None:
    """One code for all, a sentence that says why, as a form and as JSON; nothing of the batch is left."""
    before = files_of(settings)
    fields = {**FIELDS, "callback_url": url}

    as_json = refused(caller.post("/upload/jobs", json=fields), status=422, code="callback_refused")
    as_form = refused(
        upload(caller, ("plan.pdf", pdf()), callback_url=url), status=422, code="callback_refused"
    )

    assert words in as_json["detail"]
    assert as_form["detail"] == as_json["detail"]
    assert files_of(settings) == before


@pytest.mark.parametrize(
    "url", [ALLOWED, "https://AVISOS.example.invalid:8443/", "http://intranet.invalid:8080/aviso"]
)
def test_an_address_that_is_allowed_is_kept_and_never_shown(caller: httpx.Client, url: str) -> None:
    """Also one whose name has no address yet. The state shows the host alone: the rest may be a secret."""
    job_id = upload(caller, ("plan.pdf", pdf()), callback_url=url).json()["job_id"]

    answer = caller.get(f"/status/{job_id}")

    callback = answer.json()["callback"]
    assert callback["host"] == httpx.URL(url).host
    assert callback["status"] == "waiting"
    assert "secreta" not in answer.text
    assert caller.delete(f"/results/{job_id}").is_success


def test_a_service_that_calls_nobody_says_so(http: httpx.Client) -> None:
    """Without hosts, or without a secret, a callback is refused rather than forgotten."""
    body = refused(
        http.post("/upload/jobs", json={**FIELDS, "callback_url": ALLOWED}), status=422, code="callbacks_off"
    )
    assert "callback_url" in body["title"]


def test_client_and_command_line_pass_it_on(
    calling: PlainServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A keyword of ``submit``, and ``--option callback_url=…``; a refusal ends the command with 3 and its code."""
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(pdf(mark="callback"))
    with BatchClient(calling.url) as client:
        job = client.submit(plan, callback_url=ALLOWED, **FIELDS)
        assert job.status()["callback"]["status"] == "waiting"
        job.client.delete(job.job_id)

    for url, code in ((ALLOWED, 0), ("https://otro.example.invalid", 3)):
        fields = [f"--{name}={value}" for name, value in FIELDS.items()]
        command = ["submit", str(plan), *fields, "--url", calling.url, "--option", f"callback_url={url}"]
        monkeypatch.setattr(sys, "argv", ["decalogo", *command])
        with pytest.raises(SystemExit) as ended:
            run()
        assert int(ended.value.code or 0) == code
    assert "callback_refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"callback_hosts": "avisos.example"}, "needs callback_secret"),
        ({"callback_hosts": "avisos.example/aviso", "callback_secret": SECRET}, "no host"),
        ({"callback_hosts": "ftp://avisos.example", "callback_secret": SECRET}, "no host"),
        ({"callback_hosts": "avisos.example", "callback_secret": "whsec_corto"}, "24 to 64 bytes"),
        ({"callback_hosts": "avisos.example", "callback_secret": "no/hay/tal"}, "nor a file"),
    ],
)
def test_mistakes_in_the_settings_are_found_at_the_start(chosen: dict[str, str], words: str) -> None:
    """Not when the first batch ends; the secret itself is not repeated."""
    with pytest.raises(SettingsError, match=words) as caught:
        check_settings(Settings.load(**chosen))
    assert "corto" not in str(caught.value)
