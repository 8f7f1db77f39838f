"""``/upload/jobs``: a batch that arrives one file per request and survives interruptions."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from typing import TYPE_CHECKING

import pytest
from http_steps import FIELDS, accepted_job, files_of, pdf, refused, until
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

if TYPE_CHECKING:
    import httpx
    from http_steps import PlainServer

    from cluster.settings import Settings


def opened(http: httpx.Client) -> str:
    """A batch that waits for files."""
    answer = http.post("/upload/jobs", json={**FIELDS, "year": 2024, "not_applicable_points": ["P10"]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["job_id"])


def put(
    http: httpx.Client, job_id: str, *, name: str = "plan.pdf", content: bytes, **headers: str
) -> httpx.Response:
    """Send one file."""
    return http.put(f"/upload/jobs/{job_id}/files/{name}", content=content, headers=headers)


def test_a_batch_grows_file_by_file_and_says_what_has_arrived(http: httpx.Client) -> None:
    """An interrupted sender reads what is there, by name and hash, sends the rest and submits."""
    job_id = opened(http)
    put(http, job_id, name="uno.pdf", content=pdf(mark="1"))

    seen = http.get(f"/upload/jobs/{job_id}").json()
    put(http, job_id, name="dos.pdf", content=pdf(mark="2"))
    submitted = http.post(f"/upload/jobs/{job_id}/submit")

    assert seen["status"] == "open"
    assert [(f["name"], f["sha256"], f["size_bytes"]) for f in seen["files"]] == [
        ("uno.pdf", hashlib.sha256(pdf(mark="1")).hexdigest(), 2048)
    ]
    assert submitted.status_code == 202
    assert submitted.json()["document_count"] == 2
    assert http.get(f"/status/{job_id}").json()["status"] == "queued"


def test_sending_and_submitting_again_changes_nothing(http: httpx.Client) -> None:
    """A file or a submission may be repeated after a lost answer; other content under a name replaces it."""
    job_id = opened(http)
    first = put(http, job_id, content=pdf(mark="1")).json()
    again = put(http, job_id, content=pdf(mark="1")).json()
    other = put(http, job_id, content=pdf(mark="2")).json()

    assert again == first
    assert other["document_id"] == first["document_id"]
    assert other["sha256"] != first["sha256"]
    answers = [http.post(f"/upload/jobs/{job_id}/submit").json() for _ in range(2)]
    assert answers[0]["document_count"] == answers[1]["document_count"] == 1


def test_an_idempotency_key_works_for_batches_sent_file_by_file(http: httpx.Client) -> None:
    """The same content under a key is one job, however it was sent; other content is refused and stays open."""
    key = {"Idempotency-Key": "por-partes"}
    fields = {**FIELDS, "not_applicable_points": "P10"}
    jobs = []
    for mark in ("1", "1", "2"):
        jobs.append(opened(http))
        put(http, jobs[-1], content=pdf(mark=mark))
    refused(http.post(f"/upload/jobs/{opened(http)}/submit", headers=key), status=422, code="no_files")

    first, again, other = (http.post(f"/upload/jobs/{job_id}/submit", headers=key) for job_id in jobs)
    at_once = http.post("/upload", data=fields, files=[("files", ("plan.pdf", pdf(mark="1")))], headers=key)

    assert first.json()["job_id"] == again.json()["job_id"] == at_once.json()["job_id"] == jobs[0]
    refused(http.get(f"/status/{jobs[1]}"), status=410, code="job_deleted")
    refused(other, status=409, code="idempotency_conflict")
    assert http.get(f"/upload/jobs/{jobs[2]}").json()["status"] == "open"


UNSUPPORTED = (415, "unsupported_media_type", "")
INVALID = (422, "invalid_request")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (json.dumps(FIELDS).encode(), None, UNSUPPORTED),
        (json.dumps(FIELDS).encode(), "application/x-www-form-urlencoded", UNSUPPORTED),
        ('{"municipality": "Yarí"}'.encode("latin-1"), "application/json", (*INVALID, "UTF-8")),
        (b'{"year": ', "application/json; charset=utf-8", (*INVALID, "no es JSON")),
        (b"[1]", "application/vnd.api+json", (*INVALID, "objeto JSON")),
    ],
)
def test_what_is_wrong_with_a_whole_body_is_said_of_it(
    http: httpx.Client, method: str, content: bytes, kind: str | None, expected: tuple[int, str, str]
) -> None:
    """A missing Content-Type, another encoding than UTF-8 and broken JSON each have their own sentence."""
    status, code, message = expected
    headers = {"Content-Type": kind} if kind else {}
    path = "/upload/jobs" if method == "POST" else f"/results/{opened(http)}/documents/d0001/corrections"

    body = refused(http.request(method, path, content=content, headers=headers), status=status, code=code)

    assert [error["field"] for error in body["errors"]] == (["body"] if message else [])
    assert all(message in error["message"] for error in body["errors"])
    assert message or "application/json" in body["detail"]


def digests(content: bytes) -> dict[str, str]:
    """The hash of ``content`` in each of the headers that are understood."""
    hexadecimal = hashlib.sha256(content).hexdigest()
    encoded = base64.b64encode(bytes.fromhex(hexadecimal)).decode()
    return {
        "X-Content-SHA256": hexadecimal.upper(),
        "Repr-Digest": f"sha-512=:AAAA:, sha-256=:{encoded}:",
        "Content-Digest": f"sha-256=:{encoded}:",
        "Digest": f"SHA-256={encoded}",
    }


@pytest.mark.parametrize("header", digests(b""))
def test_a_declared_hash_is_checked(http: httpx.Client, settings: Settings, header: str) -> None:
    """A file that differs from its declared hash is refused and not kept; one that agrees is taken."""
    job_id = opened(http)
    before = files_of(settings)

    wrong = put(http, job_id, content=pdf(mark="1"), **{header: digests(pdf(mark="2"))[header]})

    assert refused(wrong, status=422, code="hash_mismatch")["retryable"]
    assert files_of(settings) == before
    assert (
        put(http, job_id, content=pdf(mark="1"), **{header: digests(pdf(mark="1"))[header]}).status_code
        == 200
    )


@pytest.mark.parametrize(
    "declared", [{"X-Content-SHA256": "abc"}, {"Digest": "SHA-256=YWJj"}, {"Digest": "SHA-256=a"}]
)
def test_what_is_no_hash_is_refused(http: httpx.Client, declared: dict[str, str]) -> None:
    """A hash that cannot be one is an error of the request, not of the file."""
    refused(put(http, opened(http), content=pdf(), **declared), status=422, code="invalid_request")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "upload_empty"),
        (b"hola", 415, "upload_not_pdf"),
        (b"GIF89a" + b"x" * 4000, 415, "upload_not_pdf"),
        (pdf(256 * 1024 + 1), 413, "file_too_large"),
    ],
)
def test_a_bad_file_is_refused_and_the_batch_stays_open(
    http: httpx.Client, settings: Settings, content: bytes, status: int, code: str
) -> None:
    """The others may still come; nothing of the bad one is kept."""
    job_id = opened(http)
    before = files_of(settings)

    refused(put(http, job_id, content=content), status=status, code=code)

    assert files_of(settings) == before
    assert http.get(f"/upload/jobs/{job_id}").json()["files"] == []
    assert put(http, job_id, content=pdf()).status_code == 200


def test_a_full_batch_takes_no_more_names(http: httpx.Client, settings: Settings) -> None:
    """File 101 is refused before it is read; a file that is there may be replaced."""
    job_id = opened(http)
    for number in range(settings.max_files):
        put(http, job_id, name=f"{number}.pdf", content=pdf(64))
    before = files_of(settings)

    refused(put(http, job_id, name="101.pdf", content=pdf(mark="x")), status=422, code="too_many_files")

    assert files_of(settings) == before
    assert put(http, job_id, name="7.pdf", content=pdf(mark="y")).status_code == 200


def test_a_submitted_batch_takes_no_more_files(http: httpx.Client) -> None:
    """What is being evaluated does not change."""
    refused(put(http, accepted_job(http), content=pdf()), status=409, code="job_not_open")


def test_an_empty_batch_cannot_be_submitted(http: httpx.Client) -> None:
    """There would be nothing to evaluate."""
    refused(http.post(f"/upload/jobs/{opened(http)}/submit"), status=422, code="no_files")


@pytest.mark.parametrize("job_id", ["nada", "a" * 26, "..%2f..%2fetc"])
def test_an_unknown_batch_is_said_to_be_unknown(http: httpx.Client, job_id: str) -> None:
    """Whatever stands where an identifier is expected."""
    for answer in (
        http.get(f"/upload/jobs/{job_id}"),
        put(http, job_id, content=pdf()),
        http.post(f"/upload/jobs/{job_id}/submit"),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_wrong_fields_open_no_batch(http: httpx.Client) -> None:
    """The same checks as for a form, before any file is sent."""
    body = refused(
        http.post("/upload/jobs", json={**FIELDS, "period": "2024", "clave": "x"}),
        status=422,
        code="invalid_metadata",
    )
    assert {error["field"] for error in body["errors"]} == {"period", "clave"}
    broken = http.post("/upload/jobs", content=b"{", headers={"Content-Type": "application/json"})
    refused(broken, status=422, code="invalid_request")
    refused(http.post("/upload/jobs", json=[1]), status=422, code="invalid_request")


def test_a_file_without_a_length_is_refused(http: httpx.Client) -> None:
    """A chunked body could be endless."""
    answer = http.put(f"/upload/jobs/{opened(http)}/files/a.pdf", content=iter([b"%PDF-"]))
    refused(answer, status=411, code="length_required")


def test_a_file_cut_midway_is_not_kept(http: httpx.Client, server: PlainServer, settings: Settings) -> None:
    """A sender that leaves finds the batch as it was before."""
    job_id = opened(http)
    before = files_of(settings)
    head = (
        f"PUT /upload/jobs/{job_id}/files/a.pdf HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(head.encode() + pdf(150_000))

    until(lambda: files_of(settings) == before, "a piece of the file stayed")
    assert http.get(f"/upload/jobs/{job_id}").json()["files"] == []
    assert put(http, job_id, name="a.pdf", content=pdf(200_000)).status_code == 200


@settings_of_hypothesis(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(min_size=1, max_size=60))
def test_a_name_is_taken_as_it_is_or_refused(http: httpx.Client, settings: Settings, name: str) -> None:
    """A name in the address is never changed silently and never a way to another folder."""
    from urllib.parse import quote

    job_id = opened(http)

    answer = http.put(f"/upload/jobs/{job_id}/files/{quote(name, safe='')}", content=pdf(64))

    folders = {path.parent.name for path in files_of(settings) if job_id in str(path)}
    if answer.status_code == 200:
        assert answer.json()["name"].isprintable()
        assert folders == {job_id}
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code in {404, 405, 422}
        assert folders == set()
