"""The worker's side: ``celery -A benchmarks.celery_peer.tasks worker --concurrency=8 --prefetch-multiplier=4``.

Each process loads the models once and keeps one extraction child, as an evaluator of the service does; artifacts go
to a folder, what became of a document to a Redis hash of its job. Late acknowledgement and no retries.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown
from redis import Redis

from actors.summaries import summarize
from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions

REDIS_URL = os.environ["PEER_REDIS_URL"]
FOLDER = Path(os.environ["PEER_FOLDER"])

app = Celery("peer", broker=REDIS_URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=4,
    broker_transport_options={"visibility_timeout": 3600},
)


class Process:
    """What one worker process holds."""

    engine: Engine
    extraction: ExtractionWorker
    redis: Redis


@worker_process_init.connect
def load(**_: Any) -> None:
    """Load models and start the child when the process starts, not with the first document."""
    Process.engine = Engine.load(threads=1)
    Process.extraction = ExtractionWorker()
    Process.extraction.sandbox_report()
    Process.redis = Redis.from_url(REDIS_URL, decode_responses=True)
    Process.redis.incr("peer:ready")


@worker_process_shutdown.connect
def leave(**_: Any) -> None:
    """End the child."""
    Process.extraction.close()


@app.task(name="evaluate")
def evaluate_document(job_id: str, document_id: str) -> None:
    """Evaluate one document and write its artifacts; ``started`` and ``finished`` are seconds since 1970."""
    started = time.time()
    document = Process.extraction.extract((FOLDER / job_id / f"{document_id}.pdf").read_bytes())
    evaluation = evaluate(document, options=EvaluationOptions(), engine=Process.engine)
    files = artifacts(evaluation)
    target = FOLDER / job_id / document_id
    target.mkdir()
    for name, content in files.items():
        temporary = target / f".{name}"
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target / name)
    summary = summarize(files[EVALUATION_RESULTS], key="")
    Process.redis.hset(
        f"peer:{job_id}", document_id, f"{started} {time.time()} {summary.answers} {summary.result_hash}"
    )
