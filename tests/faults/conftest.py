"""One service to be harmed, shared by all fault tests; after each of them the invariants are checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_records import FaultRecord
from harness import FaultService
from invariants import check_invariants

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
RECORDS_VARIABLE = "FAULT_RECORDS"
"""Names the folder of the records; by default one of pytest's own."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """All tests of this folder are fault tests."""
    if HERE in item.path.parents:
        item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def records_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the records are written."""
    chosen = os.environ.get(RECORDS_VARIABLE)
    return Path(chosen) if chosen else tmp_path_factory.mktemp("fault-records")


@pytest.fixture(scope="session")
def victim() -> Iterator[FaultService]:
    """The service of all fault tests."""
    with FaultService() as service:
        yield service


@pytest.fixture
def unchecked_record(
    request: pytest.FixtureRequest, records_folder: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[FaultRecord]:
    """The record of a test that does not use ``victim``, or checks the invariants itself."""
    marker = request.node.get_closest_marker("promise")
    assert marker is not None, "a fault test names the promises it keeps: @pytest.mark.promise('P1', …)"
    record = FaultRecord(request.node.name, promises=tuple(map(str, marker.args)))
    yield record
    line = record.write(records_folder)
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201  the record of the run


@pytest.fixture
def record(victim: FaultService, unchecked_record: FaultRecord) -> Iterator[FaultRecord]:
    """The record of a test; after the test all invariants are checked."""
    yield unchecked_record
    check_invariants(victim, unchecked_record)


@pytest.fixture
def healed(victim: FaultService, record: FaultRecord) -> Iterator[None]:
    """For tests that harm Redis or the link to it: both are well again before the invariants are checked."""
    assert record
    yield
    victim.proxy.pass_through()
    victim.redis.continue_signal()
    victim.redis.start()
