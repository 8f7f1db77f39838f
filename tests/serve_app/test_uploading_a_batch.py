"""``POST /upload``: what is accepted, what is refused, and what stays behind."""

from __future__ import annotations

import hashlib
import socket
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from http_steps import FIELDS, PATIENCE_SECONDS, accepted_job, files_of, pdf, refused, until, upload
from hypothesis import HealthCheck, example, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from http_steps import PlainServer

    from cluster.settings import Settings
    from cluster.storage import Storage


def test_a_batch_is_accepted_with_what_is_needed_to_follow_it(http: httpx.Client, storage: Storage) -> None:
    """The answer is 202 with job, state, number of documents, time in UTC and links; the files are stored."""
    answer = upload(http, ("uno.pdf", pdf(mark="1")), ("dos.pdf", pdf(mark="2")))

    body = answer.json()
    assert answer.status_code == 202
    assert body["status"] == "queued"
    assert body["document_count"] == 2
    assert datetime.fromisoformat(body["submission_time"]).utcoffset() is not None
    for link in body["links"].values():
        if not link.endswith("/events"):
            assert http.get(link).status_code in {200, 409}
    documents = http.get(body["links"]["status"]).json()["documents"]
    assert [document["name"] for document in documents] == ["uno.pdf", "dos.pdf"]
    assert storage.read_upload(body["job_id"], documents[0]["sha256"]) == pdf(mark="1")


def test_fields_may_follow_the_files_and_options_reach_the_job(http: httpx.Client) -> None:
    """A form whose fields stand behind its files is read the same; lists and check boxes are understood."""
    boundary = "frontera"
    pieces = [_file_part("plan.pdf", pdf()), *(_field_part(name, value) for name, value in FIELDS.items())]
    pieces += [
        # A hidden "false" before a check box that is set, one that is not, and a list as a form sends it.
        _field_part("enable_causal_analysis", "false"),
        _field_part("enable_causal_analysis", "true"),
        _field_part("enable_contradiction_detection", "false"),
        _field_part("not_applicable_points", "P10"),
        _field_part("not_applicable_points", "P3"),
        _field_part("requester_email", ""),
    ]

    answer = _send_raw(http, pieces, boundary=boundary)

    assert answer.status_code == 202, answer.text
    metadata = http.get(answer.json()["links"]["status"]).json()["metadata"]
    assert metadata["municipality"] == "Timbiquí"
    assert metadata["options"]["enable_causal_analysis"] is True
    assert metadata["options"]["enable_contradiction_detection"] is False
    assert metadata["options"]["enable_monetary_detection"] is True
    assert metadata["options"]["not_applicable_points"] == ["P3", "P10"]


def test_a_browser_that_sent_the_form_is_led_to_the_page_of_the_job(http: httpx.Client) -> None:
    """Without scripts a form ends on the job's page, not on JSON."""
    answer = upload(http, ("plan.pdf", pdf()), headers={"Accept": "text/html,application/xhtml+xml"})

    assert answer.status_code == 303
    assert http.get(answer.headers["location"]).headers["content-type"].startswith("text/html")


def test_a_bad_file_fails_alone(http: httpx.Client) -> None:
    """No PDF, an empty and a too large file fail with their codes; the other documents go on."""
    answer = upload(
        http,
        ("bueno.pdf", pdf()),
        ("carta.pdf", b"PK\x03\x04" + b"z" * 3000),
        ("corto.pdf", b"hola"),
        ("nada.pdf", b""),
        ("enorme.pdf", pdf(256 * 1024 + 1)),
    )

    assert answer.status_code == 202
    documents = http.get(answer.json()["links"]["status"]).json()["documents"]
    assert [(d["name"], d["status"], d["error_code"]) for d in documents] == [
        ("bueno.pdf", "queued", None),
        ("carta.pdf", "failed", "upload_not_pdf"),
        ("corto.pdf", "failed", "upload_not_pdf"),
        ("nada.pdf", "failed", "upload_empty"),
        ("enorme.pdf", "failed", "file_too_large"),
    ]


def test_a_mark_within_the_first_kilobyte_makes_a_pdf(http: httpx.Client) -> None:
    """Bytes before the mark are tolerated up to 1,024, as readers do, and not beyond."""
    edge = 1024 - len(b"%PDF-")
    assert upload(http, ("a.pdf", b"\n" * edge + b"%PDF-1.7")).status_code == 202
    refused(upload(http, ("a.pdf", b"\n" * (edge + 1) + b"%PDF-1.7")), status=415, code="upload_not_pdf")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "upload_empty"),
        (b"GIF89a" + b"x" * 4000, 415, "upload_not_pdf"),
        (pdf(256 * 1024 + 1), 413, "file_too_large"),
    ],
)
def test_a_request_of_bad_files_alone_is_refused(
    http: httpx.Client, settings: Settings, content: bytes, status: int, code: str
) -> None:
    """When no file is left the request has the code of the file, names it, and leaves nothing behind."""
    before, jobs_before = files_of(settings), _job_ids(http)

    body = refused(upload(http, ("malo.pdf", content)), status=status, code=code)

    assert "malo.pdf" in body["detail"]
    assert files_of(settings) == before
    assert _job_ids(http) == jobs_before


def test_one_file_more_than_allowed_is_refused(http: httpx.Client, settings: Settings) -> None:
    """101 files are refused as soon as the last one begins, and nothing of them stays."""
    before = files_of(settings)
    files = [(f"{number}.pdf", pdf(64, mark=str(number))) for number in range(101)]

    refused(upload(http, *files), status=422, code="too_many_files")

    assert files_of(settings) == before
    assert upload(http, *files[:100]).json()["document_count"] == 100


def test_files_of_one_name_are_told_apart(http: httpx.Client) -> None:
    """Two files with the same name are two documents."""
    job_id = accepted_job(http, ("plan.pdf", pdf(mark="1")), ("plan.pdf", pdf(mark="2")))

    names = [document["name"] for document in http.get(f"/status/{job_id}").json()["documents"]]
    assert names == ["plan.pdf", "plan (2).pdf"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"municipality": ""}, "municipality"),
        ({"municipality": " \t"}, "municipality"),
        ({"department": "x" * 121}, "department"),
        ({"year": "dos mil"}, "year"),
        ({"year": "1492"}, "year"),
        ({"period": "2024"}, "period"),
        ({"period": "2024-2026"}, "period"),
        ({"period": "2027-2024"}, "period"),
        ({"requester_email": "nadie"}, "requester_email"),
        ({"enable_causal_analysis": "quizás"}, "enable_causal_analysis"),
        ({"not_applicable_points": "P11"}, "not_applicable_points"),
        ({"not_applicable_points": ",".join(f"P{n}" for n in range(1, 11))}, "not_applicable_points"),
        ({"notes": "x" * 2001}, "notes"),
        ({"callback_url": "x" * 1001}, "callback_url"),
        ({"municipality": "Yarí".encode("latin-1")}, "municipality"),
        ({"municipio": "Timbiquí"}, "municipio"),
        ({"notes": "x" * 70_000}, ""),
    ],
)
def test_fields_that_are_missing_or_wrong_are_named(
    http: httpx.Client, settings: Settings, wrong: dict[str, Any], field: str
) -> None:
    """Each wrong field is named with a Spanish reason, and nothing of the files stays."""
    before = files_of(settings)

    body = refused(upload(http, ("plan.pdf", pdf()), **wrong), status=422, code="invalid_metadata")

    assert [error["field"] for error in body["errors"]] == [field] if field else not body["errors"]
    assert all(error["message"] != "no es válido" for error in body["errors"])
    assert all(error["message"] and "Value" not in error["message"] for error in body["errors"])
    assert files_of(settings) == before


def test_every_missing_field_is_named_at_once(http: httpx.Client) -> None:
    """Who forgot everything learns everything in one answer."""
    answer = http.post("/upload", files=[("files", ("plan.pdf", pdf()))])

    body = refused(answer, status=422, code="invalid_metadata")
    assert {e["field"] for e in body["errors"]} == {"municipality", "department", "year", "period"}
    assert {e["message"] for e in body["errors"]} == {"falta este dato"}


def test_a_request_without_files_is_refused(http: httpx.Client) -> None:
    """Fields alone are no batch, nor is the file input that a browser sends empty."""
    refused(upload(http, ("", b"")), status=422, code="no_files")


def test_a_file_in_another_field_is_refused(http: httpx.Client) -> None:
    """A file that would silently be left out is named instead."""
    answer = http.post("/upload", data=FIELDS, files=[("documento", ("plan.pdf", pdf()))])

    body = refused(answer, status=422, code="invalid_metadata")
    assert body["errors"][0]["field"] == "documento"


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{}", 415, "unsupported_media_type"),
        ("multipart/form-data", b"hola", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=b", b"hola", 400, "malformed_upload"),
        ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n", 400, "malformed_upload"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny',
            400,
            "malformed_upload",
        ),
    ],
)
def test_what_is_no_form_is_refused(
    http: httpx.Client, content_type: str, body: bytes, status: int, code: str
) -> None:
    """Another content type, no boundary, no grammar, no end: each is an error and no crash."""
    refused(
        http.post("/upload", content=body, headers={"Content-Type": content_type}), status=status, code=code
    )


def test_a_body_without_a_length_is_refused(http: httpx.Client) -> None:
    """A chunked body could be endless."""

    def endless() -> Iterator[bytes]:
        yield b"--b\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    refused(http.post("/upload", content=endless(), headers=headers), status=411, code="length_required")


def test_a_body_that_declares_too_much_is_refused_unread(server: PlainServer) -> None:
    """The answer comes before a single byte of the body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(
            b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 999999999999\r\n\r\n"
        )
        assert b" 413 " in raw.recv(4096).split(b"\r\n", 1)[0]


def test_an_idempotency_key_gives_the_same_job_for_the_same_content(
    http: httpx.Client, settings: Settings
) -> None:
    """A repetition returns the first job and stores nothing twice; other content under the key is refused."""
    key = {"Idempotency-Key": "lote-1"}
    first = upload(http, ("a.pdf", pdf(mark="a")), headers=key).json()
    after_first = files_of(settings)

    again = upload(http, ("a.pdf", pdf(mark="a")), headers=key).json()
    other = upload(http, ("a.pdf", pdf(mark="b")), headers=key)

    assert again["job_id"] == first["job_id"]
    refused(other, status=409, code="idempotency_conflict")
    assert files_of(settings) == after_first


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_sender_that_leaves_midway_leaves_nothing(
    server: PlainServer, http: httpx.Client, settings: Settings, share: float
) -> None:
    """Cut at any point, an upload becomes no job and no file, and its place is free again."""
    before, jobs_before = files_of(settings), _job_ids(http)
    request = http.build_request(
        "POST", "/upload", data=FIELDS, files=[("files", (f"{n}.pdf", pdf(200_000))) for n in range(3)]
    )
    body = request.read()

    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        raw.sendall(f"POST /upload HTTP/1.1\r\n{head}\r\n".encode() + body[: int(len(body) * share)])
        if share >= 0.5:
            until(lambda: files_of(settings) - before, "nothing was written yet")

    until(lambda: files_of(settings) == before and _job_ids(http) == jobs_before, "something stayed behind")
    assert upload(http, ("plan.pdf", pdf())).status_code == 202


def test_more_uploads_than_allowed_are_told_to_come_back(
    server: PlainServer, http: httpx.Client, settings: Settings
) -> None:
    """While all places are taken one more gets 429 with Retry-After; a free place lets it in."""
    waiting = [
        socket.create_connection(("127.0.0.1", server.port)) for _ in range(settings.simultaneous_uploads)
    ]
    for raw in waiting:
        raw.settimeout(PATIENCE_SECONDS)
        raw.sendall(
            b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        )
        # The server asks for the body once the upload has its place.
        assert raw.recv(4096).startswith(b"HTTP/1.1 100 ")
        raw.sendall(b"--b\r\n")

    answer = upload(http, ("plan.pdf", pdf()))
    refused(answer, status=429, code="busy")
    assert int(answer.headers["retry-after"]) >= 1

    for raw in waiting:
        raw.close()
    until(lambda: upload(http, ("plan.pdf", pdf())).status_code == 202, "places are not given back")


def test_a_page_of_another_site_cannot_send_or_delete(http: httpx.Client) -> None:
    """A browser says which site a request comes from; a foreign one changes nothing."""
    job_id = accepted_job(http)

    refused(
        upload(http, ("plan.pdf", pdf()), headers={"Sec-Fetch-Site": "cross-site"}),
        status=403,
        code="cross_site",
    )
    answer = http.delete(f"/results/{job_id}", headers={"Origin": "http://example.org"})
    refused(answer, status=403, code="cross_site")
    assert http.get(f"/status/{job_id}").status_code == 200


@settings_of_hypothesis(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(min_size=1, max_size=80).filter(lambda name: '"' not in name))
@example(name="../../etc/passwd")
@example(name="..\\..\\boot.ini")
@example(name="/abs/olute.pdf")
@example(name="..")
@example(name="\u202egnp.pdf")
def test_no_file_name_leads_out_of_the_storage(http: httpx.Client, settings: Settings, name: str) -> None:
    """Whatever a file is called, it lies under its hash in its job's folder, and its name can be shown."""
    answer = upload(http, (name, pdf(64)))

    assert answer.status_code == 202, answer.text
    body = answer.json()
    shown = http.get(body["links"]["status"]).json()["documents"][0]["name"]
    assert shown
    assert "/" not in shown
    assert "\\" not in shown
    assert shown.isprintable()
    sha256 = hashlib.sha256(pdf(64)).hexdigest()
    stored = [path for path in settings.data_dir.rglob("*") if path.is_file() and body["job_id"] in str(path)]
    assert [path.relative_to(settings.data_dir).as_posix() for path in stored] == [
        f"storage/uploads/{body['job_id']}/{sha256}.pdf"
    ]


# --------------------------------------------------------------------------- parts of raw forms


def _file_part(name: str, content: bytes) -> bytes:
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: application/pdf'
    return head.encode() + b"\r\n\r\n" + content


def _field_part(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def _send_raw(http: httpx.Client, pieces: list[bytes], *, boundary: str) -> httpx.Response:
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + piece + b"\r\n" for piece in pieces) + mark + b"--\r\n"
    return http.post(
        "/upload", content=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )


def _job_ids(http: httpx.Client) -> set[str]:
    return {job["job_id"] for job in http.get("/status", params={"limit": 200}).json()["jobs"]}
