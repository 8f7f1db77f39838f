"""No key and no text of a document reaches a log file of the running service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pymupdf
import pytest
from http_steps import FIELDS, until

from cluster.api_keys import KeyRegister, Scope
from serve_app.client import BatchClient

if TYPE_CHECKING:
    from conftest import Service

CANARY = "canariolila"

pytestmark = pytest.mark.service


def with_canary() -> bytes:
    """A PDF of a page whose text can be recognised anywhere."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), f"Plan de desarrollo municipal {CANARY} 2024-2027. Meta: 300 viviendas.")
    content: bytes = document.tobytes()
    document.close()
    return content


def test_neither_key_nor_text_is_logged(service: Service, tmp_path: Path) -> None:
    """A flow with a key through proxy, replicas and evaluators; then all logs of the run folder and of Ray are read."""
    key, text = KeyRegister(service.settings).create("registros", scope=Scope.SUBMIT)
    secret = text.split("_", 2)[2]  # the secret itself may hold the separator
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(with_canary())
    headers = {"Authorization": f"Bearer {text}"}
    with httpx.Client(base_url=service.url, headers=headers, trust_env=False, timeout=30) as http:
        for path in ("/status", "/", f"/results/{'a' * 26}", f"/upload/jobs/{'a' * 26}"):
            until(lambda path=path: http.get(path).status_code not in {401, 429}, "the key is never accepted")
    with BatchClient(service.url, api_key=text) as client:
        job_id = client.send([plan], metadata={**FIELDS, "year": 2024, "evaluate_non_plans": True})
        assert list(client.watch(job_id))[-1]["document_count"] == 1
    # Another caller, here one without a key, does not find the job.
    assert httpx.get(f"{service.url}/status/{job_id}", trust_env=False).status_code == 404

    folders = (service.settings.run_dir, Path(service.running.temp_dir))
    logs = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and (path.suffix in {".log", ".out", ".err", ".txt"} or "logs" in path.parts)
    ]
    assert len(logs) > 5
    for path in logs:
        content = path.read_bytes()
        assert secret.encode() not in content, path.name
        assert CANARY.encode() not in content, path.name
    KeyRegister(service.settings).revoke(key.key_id)
