"""What reviewers correct in a finished evaluation: kept beside the machine's answers, never over them.

Nothing here decides an evaluation: the folder is no part of the freeze.
"""

from __future__ import annotations

from pipeline.review.corrected import corrected, review_summary
from pipeline.review.corrections import (
    CHANGES_MAX,
    Change,
    Correction,
    Review,
    TooManyChanges,
    criterion_of,
    faults_of,
    revised,
)
from pipeline.review.record import REVIEW, read_review, write_review

__all__ = [
    "CHANGES_MAX",
    "REVIEW",
    "Change",
    "Correction",
    "Review",
    "TooManyChanges",
    "corrected",
    "criterion_of",
    "faults_of",
    "read_review",
    "review_summary",
    "revised",
    "write_review",
]
