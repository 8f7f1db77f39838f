"""``POST /upload``: what is accepted, what is refused, and what stays behind."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from http_steps import FIELDS, accepted_job, pdf, refused, upload

if TYPE_CHECKING:
    import httpx

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
