"""A rolling upgrade: an old and a new version of the service, each with a Ray of its own, on one queue."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from batches import ended, submit
from machines import Machines

from cluster.jobs import JobStore
from cluster.records import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.service, pytest.mark.faults, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("pipeline", "actors", "serve_app", "cluster")
DOCUMENTS = 24
NEW_VERSION = (
    "import sys; from cluster import lifecycle; from cluster.settings import Settings\n"
    "lifecycle.up(Settings.load()) if sys.argv[1] == 'up' else lifecycle.down(Settings.load())"
)


@pytest.fixture
def old_and_new() -> Iterator[Machines]:
    """This version, and one whose lexicon has a line more; one Redis, one storage, no shared process."""
    with Machines(evaluators_min=2, evaluators_max=2, running_per_node=2, cache_enabled=False) as old:
        checkout = old.folder / "new-version"
        for part in PARTS:
            shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "ray_config.yaml", checkout)
        lexicon = checkout / "pipeline" / "lexicons" / "prototypes.toml"
        lexicon.write_text(f"{lexicon.read_text('utf-8')}\n# A new version.\n", "utf-8")
        settings = old.settings.model_copy(
            update={"data_dir": old.folder / "new", "storage_url": old.settings.storage_address}
        )
        chosen = old.settings.model_fields_set | {"data_dir", "storage_url"}
        settings = type(settings).load(**{name: getattr(settings, name) for name in chosen})
        environment = os.environ | settings.to_environment() | {"PYTHONPATH": str(checkout)}

        def new(order: str) -> None:
            subprocess.run(
                [sys.executable, "-c", NEW_VERSION, order],
                cwd=checkout,
                env=environment,
                check=True,
                timeout=400,
            )

        try:
            new("up")
            yield old
        finally:
            new("down")


async def test_two_versions_share_a_queue_and_their_results_are_told_apart(
    old_and_new: Machines, sample_plans: tuple[bytes, ...]
) -> None:
    """Every document is evaluated once, by one of both; its freeze hash says by which, and the batch is valid."""
    store = await JobStore.connect(old_and_new.settings)
    pdfs = [
        sample_plans[number % len(sample_plans)] + f"\n%% {number}\n".encode() for number in range(DOCUMENTS)
    ]
    job = await ended(store, await submit(store, old_and_new.settings, pdfs))
    documents = await store.documents(job.job_id)
    await store.close()
    assert job.state is JobState.COMPLETED
    assert job.summary
    assert job.summary["valid"], job.summary["problems"]
    assert job.summary["second_evaluation"]["equal"]
    versions = {document.summary.freeze_hash for document in documents if document.summary}
    assert len(versions) == 2
    assert [document.attempt for document in documents] == [1] * DOCUMENTS
