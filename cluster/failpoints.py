"""Places at which a process can be made to end at once, for fault tests; all of them stand here.

The setting ``failpoints`` names those that are armed, separated by commas; it is empty by default, and then
``reach`` does nothing. Each stands between two effects of which one without the other must be harmless.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.settings import Settings

EXIT_STATUS = 70
"""Of a process that ended at a failpoint."""


class Failpoint(StrEnum):
    """Where."""

    UPLOAD_STORED = "upload-stored"
    """A file has its final name; the registry does not know it."""
    BATCH_ACCEPTED = "batch-accepted"
    """The registry has accepted the batch; its sender does not know."""
    DOCUMENT_CLAIMED = "document-claimed"
    """The attempt has begun in the registry; the evaluator does not know."""
    ARTIFACTS_STORED = "artifacts-stored"
    """The artifacts are in storage; the registry does not know the result."""
    RESULT_TAKEN = "result-taken"
    """The registry has the result; the evaluator does not know."""
    SUMMARY_MADE = "summary-made"
    """A job is checked; the registry does not know that it is complete."""


def armed(names: str) -> frozenset[Failpoint]:
    """The failpoints that ``names`` arms.

    Raises:
        ValueError: it names one that does not exist.
    """
    return frozenset(Failpoint(name.strip()) for name in names.split(",") if name.strip())


def reach(point: Failpoint, *, settings: Settings) -> None:
    """End this process, as kill -9 would, when ``point`` is armed."""
    if settings.failpoints and point in armed(settings.failpoints):
        os._exit(EXIT_STATUS)
