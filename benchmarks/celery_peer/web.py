"""The HTTP side: a batch in, its state out. ``uvicorn benchmarks.celery_peer.web:app``."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI, UploadFile
from redis import Redis

from benchmarks.celery_peer.tasks import evaluate_document

FOLDER = Path(os.environ["PEER_FOLDER"])
CHUNK_BYTES = 2**20

app = FastAPI()
redis = Redis.from_url(os.environ["PEER_REDIS_URL"], decode_responses=True)


@app.post("/upload", status_code=202)
def upload(files: list[UploadFile]) -> dict[str, Any]:
    """Store the files and put one task for each into the queue."""
    job_id = secrets.token_hex(8)
    folder = FOLDER / job_id
    folder.mkdir()
    names = [f"d{number:04}" for number in range(len(files))]
    for name, file in zip(names, files, strict=True):
        with (folder / f"{name}.pdf").open("wb") as stream:
            while chunk := file.file.read(CHUNK_BYTES):
                stream.write(chunk)
    redis.hset(f"peer:{job_id}:job", mapping={"documents": len(names), "submitted": time.time()})
    for name in names:
        evaluate_document.delay(job_id, name)
    return {"job_id": job_id, "document_count": len(names)}


@app.get("/status/{job_id}")
def status(job_id: str) -> dict[str, Any]:
    """How many documents there are, and those that are done."""
    job = redis.hgetall(f"peer:{job_id}:job")
    done = {}
    for name, line in redis.hgetall(f"peer:{job_id}").items():
        started, finished, answers, result_hash = line.split()
        done[name] = {
            "started": float(started),
            "finished": float(finished),
            "answers": int(answers),
            "hash": result_hash,
        }
    return {"documents": int(job["documents"]), "submitted": float(job["submitted"]), "done": done}


@app.get("/ready")
def ready() -> dict[str, int]:
    """How many worker processes have their models."""
    return {"workers": int(redis.get("peer:ready") or 0)}
