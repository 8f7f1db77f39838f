"""A short storm, the same every time it is drawn; the long one is ``make chaos``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos import Storm, run, summary

if TYPE_CHECKING:
    from fault_records import FaultRecord

SEED = 11
MINUTES = 0.4
DOCUMENTS = 12


@pytest.mark.timeout(600)
@pytest.mark.promise("P1", "P2", "P3", "P4", "P5", "P6")
def test_nothing_is_lost_in_a_storm(unchecked_record: FaultRecord) -> None:
    """A random fault every two seconds: every accepted document ends once, as it would have without."""
    record = run(Storm(seed=SEED, minutes=MINUTES, documents=DOCUMENTS))
    unchecked_record.seed = SEED
    unchecked_record.invariants = record.invariants
    unchecked_record.facts |= {"summary": summary(record)}
    assert record.broken == []
    assert (
        record.documents["healthy"].get("succeeded", 0) + record.documents["healthy"].get("failed", 0)
        == DOCUMENTS
    )
