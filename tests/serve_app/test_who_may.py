"""Who may: keys, scopes, owners and limits over a real socket, with a real Valkey."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from http_steps import FIELDS, PlainServer, accepted_job, pdf, refused, roomy, until, upload

from cluster import embedded_redis
from cluster.api_keys import KeyRegister, Scope
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.settings import Settings

LIMITS = {
    "uploads_per_minute": 4,
    "requests_per_minute": 40,
    "upload_bytes_per_day": 300_000,
    "unfinished_documents_max": 3,
}


class Place:
    """A service that asks for keys, and ways to talk to it."""

    def __init__(self, settings: Settings, server: PlainServer) -> None:
        self.settings = settings
        self.server = server
        self.register = KeyRegister(settings)

    def key(self, client: str, scope: Scope = Scope.SUBMIT) -> str:
        """A new key, known to the server."""
        text = self.register.create(client, scope=scope)[1]
        # Each application reads the keys for itself.
        for path in ("/status", "/", f"/results/{'a' * 26}", f"/upload/jobs/{'a' * 26}"):
            until(lambda path=path: self.admits(text, path=path), "the key is never accepted")
        return text

    def admits(self, key: str, *, path: str = "/status") -> bool:
        """Whether a key is accepted."""
        with self.http(key) as http:
            return http.get(path).status_code not in {401, 429}

    def http(self, key: str = "", **headers: str) -> httpx.Client:
        """A client with this key, or none."""
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.Client(base_url=self.server.url, headers=headers, timeout=30, trust_env=False)


def _place(folder: Path, **chosen: object) -> Iterator[Place]:
    settings = roomy(data_dir=folder, allow_anonymous=False, **chosen)
    embedded_redis.start(settings)
    try:
        with PlainServer(settings) as server:
            yield Place(settings, server)
    finally:
        embedded_redis.stop(settings)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """With the usual limits."""
    yield from _place(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Place]:
    """With limits that are reached soon."""
    yield from _place(tmp_path, **LIMITS)


CALLS = [
    ("GET", "/status"),
    ("GET", "/"),
    ("GET", "/metrics"),
    ("GET", f"/results/{'a' * 26}"),
    ("DELETE", f"/results/{'a' * 26}"),
    ("POST", "/upload"),
    ("POST", "/upload/jobs"),
    ("PUT", f"/upload/jobs/{'a' * 26}/files/a.pdf"),
    ("GET", "/nada"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("key", ["", "clave", f"pdm_aaaaaaaa_{'a' * 43}", "ñandú"])
def test_without_a_right_key_everything_is_401(place: Place, method: str, path: str, key: str) -> None:
    """One of two codes, the challenge, the security headers; empty and odd keys are as wrong as others."""
    headers = {"Authorization": b"Bearer " + key.encode()} if key else {}
    with httpx.Client(base_url=place.server.url, trust_env=False) as http:
        answer = http.request(method, path, headers=headers)

    # After many wrong keys from one address the answer is 429; both let nobody in.
    if answer.status_code == 429:
        refused(answer, status=429, code="too_many_wrong_keys")
        assert int(answer.headers["retry-after"]) >= 1
        return
    refused(answer, status=401, code="key_invalid" if key else "key_required")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/static/page.css", "/entrar"]
)
def test_what_speaks_of_no_job_is_open(place: Place, path: str) -> None:
    """Probes, the description and the form need no key."""
    assert place.http().get(path).status_code == 200


def test_a_body_is_refused_before_it_is_read(place: Place) -> None:
    """The answer comes although not one byte of the announced body was sent."""
    head = (
        f"PUT /upload/jobs/{'a' * 26}/files/a.pdf HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=20) as line:
        line.sendall(head.encode())
        answer = line.recv(65536)

    assert answer.startswith(b"HTTP/1.1 401")


def test_scopes_include_those_before_them(place: Place) -> None:
    """A key for reading sends and deletes nothing; one for sending does."""
    reader, sender = place.key("lectora", Scope.READ), place.key("remitente", Scope.SUBMIT)

    with place.http(reader) as http:
        assert http.get("/status").status_code == 200
        assert http.get("/metrics").status_code == 200
        for answer in (
            upload(http, ("a.pdf", pdf())),
            http.post("/upload/jobs", json=FIELDS),
            http.delete(f"/results/{'a' * 26}"),
            http.put(f"/results/{'a' * 26}/documents/d0001/corrections", json={"reviewer": "Ana"}),
            http.post(f"/jobs/{'a' * 26}/delete"),
        ):
            refused(answer, status=403, code="scope_missing")
    with place.http("", **{"X-API-Key": sender}) as http:
        assert upload(http, ("a.pdf", pdf())).status_code == 202


def test_the_job_of_another_client_does_not_exist(place: Place) -> None:
    """404 on every route with a job in it, none in the list, also when it is deleted; an administrator sees all."""
    ana, beto, chief = place.key("ana"), place.key("beto"), place.key("jefa", Scope.ADMIN)
    with place.http(ana) as http:
        job_id = accepted_job(http)
        opened = http.post("/upload/jobs", json=FIELDS).json()["job_id"]
    paths = [path for path in place.http().get("/openapi.json").json()["paths"] if "{job_id}" in path]
    assert len(paths) >= 8

    with place.http(beto) as http:
        for path in [*paths, "/jobs/{job_id}/cancel", "/jobs/{job_id}/delete"]:
            for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
                target = path.format(
                    job_id=job_id, document_id="d0001", name="a.pdf", page=1, point="P1", evidence_id="ev_1"
                )
                answer = http.request(method, target)
                assert answer.status_code in {404, 405}, (method, target, answer.status_code)
        assert http.get("/status").json()["jobs"] == []
        assert job_id not in http.get("/").text
        refused(
            http.put(f"/upload/jobs/{opened}/files/a.pdf", content=pdf()), status=404, code="job_not_found"
        )
        refused(http.post(f"/upload/jobs/{opened}/submit"), status=404, code="job_not_found")
    with place.http(chief) as http:
        assert {job["job_id"] for job in http.get("/status").json()["jobs"]} >= {job_id, opened}
        assert http.get(f"/status/{job_id}").status_code == 200
    with place.http(ana) as http:
        assert http.get(f"/status/{job_id}").json()["status"] == "queued"
        http.delete(f"/results/{job_id}")
        refused(http.get(f"/status/{job_id}"), status=410, code="job_deleted")
    with place.http(beto) as http:
        refused(http.get(f"/status/{job_id}"), status=404, code="job_not_found")


def test_idempotency_keys_are_each_clients_own(place: Place) -> None:
    """The same key of two clients gives two jobs; the same client gets its first one again."""
    with place.http(place.key("carla")) as carla, place.http(place.key("dario")) as dario:
        answers = [
            upload(http, ("a.pdf", pdf()), headers={"Idempotency-Key": "uno"}).json()["job_id"]
            for http in (carla, carla, dario)
        ]

    assert answers[0] == answers[1] != answers[2]


def test_two_live_keys_a_client_and_a_revoked_one_is_refused_soon(place: Place) -> None:
    """Both keys of a rotation work; a third is not made; what is revoked ends within ten seconds."""
    first = place.key("elena")
    key, second = place.register.rotate("elena")
    until(lambda: place.admits(second), "the new key is never accepted")
    assert place.admits(first)
    with pytest.raises(ValueError, match="dos llaves"):
        place.register.create("elena", scope=Scope.READ)

    began = time.monotonic()
    place.register.revoke(key.key_id)
    until(lambda: not place.admits(second), "the key is never refused")
    assert time.monotonic() - began < 10
    assert place.admits(first)


def test_secrets_are_not_stored(place: Place) -> None:
    """Only a digest lies in the storage, readable by the service's user alone."""
    text = place.key("fabio")
    (path,) = (place.settings.data_dir / "storage" / "access").glob("fabio.json")

    secret = text.split("_", 2)[2]  # which may hold the separator
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_expired_key_is_refused(place: Place) -> None:
    """A key that has expired is as good as none."""
    text = place.register.create("gina", scope=Scope.READ, expires_days=-1)[1]
    place.key("hugo")  # Once this one is known, so is the other.
    assert place.http(text).get("/status").status_code in {401, 429}


def test_a_browser_signs_in_and_out(place: Place) -> None:
    """Without a key the page is the form; the cookie is out of reach of scripts and other sites; leaving forgets it."""
    text = place.key("ines")
    with place.http(Accept="text/html") as http:
        asked = http.get("/")
        assert asked.status_code == 401
        assert 'action="/entrar"' in asked.text
        answer = http.post("/entrar", data={"key": text, "onward": "//otro.example"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert http.get("/").status_code == 200
        forged = http.post("/upload/jobs", json=FIELDS, headers={"Origin": "https://otro.example"})
        refused(forged, status=403, code="cross_site")
        http.post("/salir")
        assert http.get("/").status_code == 401
        secure = http.post("/entrar", data={"key": text}, headers={"X-Forwarded-Proto": "https"})
        assert "secure" in secure.headers["set-cookie"].lower()


def test_head_is_get_without_a_body(place: Place) -> None:
    """On pages, JSON, streams of events and errors: the same status and headers, no body, and it ends."""
    with place.http(place.key("jaime")) as http:
        job_id = accepted_job(http)
        for path in ("/", "/healthz", "/status", f"/status/{job_id}", f"/results/{job_id}", "/nada"):
            head, got = http.head(path), http.get(path)
            assert (head.status_code, head.content) == (got.status_code, b"")
            assert head.headers["content-type"] == got.headers["content-type"]
            assert head.headers["content-security-policy"]
        assert http.head(f"/status/{job_id}/events").status_code == 200


def test_files_a_minute_are_limited_for_each_client(narrow: Place) -> None:
    """The fifth file is refused with the time to wait; another client goes on; reading goes on."""
    with narrow.http(narrow.key("karen")) as http:
        opened = http.post("/upload/jobs", json=FIELDS).json()["job_id"]
        for _ in range(4):
            assert http.put(f"/upload/jobs/{opened}/files/a.pdf", content=pdf()).status_code == 200
        answer = http.put(f"/upload/jobs/{opened}/files/a.pdf", content=pdf())
        refused(answer, status=429, code="too_many_uploads")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        refused(upload(http, ("a.pdf", pdf())), status=429, code="too_many_uploads")
        assert http.get("/status").status_code == 200
    with narrow.http(narrow.key("luis")) as http:
        assert upload(http, ("a.pdf", pdf())).status_code == 202


def test_bytes_a_day_and_unfinished_documents_are_limited(narrow: Place) -> None:
    """What would exceed the day is refused and uses nothing up; three unfinished documents are enough."""
    with narrow.http(narrow.key("maria")) as http:
        opened = http.post("/upload/jobs", json=FIELDS).json()["job_id"]
        url = f"/upload/jobs/{opened}/files"
        assert http.put(f"{url}/a.pdf", content=pdf(200_000)).status_code == 200
        refused(http.put(f"{url}/b.pdf", content=pdf(200_000)), status=429, code="too_many_bytes")
        assert http.put(f"{url}/b.pdf", content=pdf(2_000)).status_code == 200
        assert http.put(f"{url}/c.pdf", content=pdf(2_000)).status_code == 200
        answer = http.put(f"{url}/d.pdf", content=pdf(2_000))
        refused(answer, status=429, code="too_many_unfinished")
        http.delete(f"/results/{opened}")
        assert http.post("/upload/jobs", json=FIELDS).status_code == 201


def test_other_calls_are_limited(narrow: Place) -> None:
    """Beyond the number of a minute every call is 429 with the time to wait."""
    with narrow.http(narrow.key("nora")) as http:
        answers = [http.get("/status") for _ in range(45)]

    assert answers[0].status_code == 200
    refused(answers[-1], status=429, code="too_many_requests")
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_without_redis_uploads_are_closed_and_the_rest_says_so_itself(narrow: Place) -> None:
    """A hanging Redis: uploads 503 with Retry-After; status is let through to its own 503; health answers."""
    with narrow.http(narrow.key("olga")) as http:
        job_id = accepted_job(http)
        address = embedded_redis.running(narrow.settings)
        assert address
        os.kill(address.pid, signal.SIGSTOP)
        try:
            for answer in (
                upload(http, ("a.pdf", pdf())),
                http.put(f"/upload/jobs/{job_id}/files/b.pdf", content=pdf()),
                http.get(f"/status/{job_id}"),
            ):
                refused(answer, status=503, code="redis_unavailable")
                assert answer.headers["retry-after"]
            assert http.get("/metrics").status_code == 200
        finally:
            os.kill(address.pid, signal.SIGCONT)


def test_wrong_keys_become_slow_and_right_ones_do_not(narrow: Place) -> None:
    """Guessing from one address ends in 429; who has a right key there is not locked out."""
    key = narrow.key("pablo")
    codes = {narrow.http("pdm_x").get("/status").status_code for _ in range(30)}

    assert 429 in codes
    assert codes <= {401, 429}
    assert narrow.http(key).get("/status").status_code == 200


def test_anonymous_calls_are_for_this_machines_own_names(tmp_path: Path) -> None:
    """A foreign name in Host (a page that bent its name to loopback) and a setting beyond loopback let nobody in."""
    for host, name, status in (
        ("127.0.0.1", "localhost:8000", 200),
        ("127.0.0.1", "malo.example:8000", 401),
        ("0.0.0.0", "localhost:8000", 401),  # noqa: S104  only a value of the setting
    ):
        settings = roomy(data_dir=tmp_path, http_host=host)
        embedded_redis.start(settings)
        try:
            with PlainServer(settings) as server:
                answer = httpx.get(f"{server.url}/status", headers={"Host": name}, trust_env=False)
                assert answer.status_code == status
        finally:
            embedded_redis.stop(settings)


def test_the_client_takes_its_key_from_the_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, or in DECALOGO_API_KEY; either lets it in."""
    key = place.key("rosa")
    with BatchClient(place.server.url, api_key=key) as client:
        assert client.jobs() == []
    monkeypatch.setenv("DECALOGO_API_KEY", key)
    with BatchClient(place.server.url) as client:
        assert client.jobs() == []


def test_errors_name_no_path_and_no_key(place: Place) -> None:
    """A refusal repeats nothing of what was presented."""
    secret = f"pdm_bbbbbbbb_{'q' * 43}"
    text = place.http(secret).get("/status").text
    assert secret not in text
    assert not re.search(r"/(?:work|tmp|home|usr)/", text)
