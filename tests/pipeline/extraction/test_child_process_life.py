"""The child's life: started, replaced, killed, cancelled, and gone with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from extraction_samples import endless_pdf, prose_pdf

from pipeline.errors import ExtractionFailure
from pipeline.extraction import ExtractionCancelled, ExtractionLimits, ExtractionWorker

if TYPE_CHECKING:
    from collections.abc import Callable


def _wait_until(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


def _during_extraction(worker: ExtractionWorker, action: Callable[[int], None]) -> BaseException:
    """Call ``action`` with the child's process id while it reads an endless document; how that ended."""
    worker.extract(prose_pdf())
    child = psutil.Process(worker.child_pid)
    before = child.cpu_times().user
    ended: list[BaseException] = []

    def read() -> None:
        try:
            worker.extract(endless_pdf())
        except BaseException as error:  # noqa: BLE001  handed to the test
            ended.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    _wait_until(lambda: child.cpu_times().user > before + 0.2, what="the child reads")
    action(child.pid)
    thread.join(timeout=20)
    assert ended
    return ended[0]


def test_killed_child_costs_one_attempt() -> None:
    """A child that dies of a signal is a parser crash, worth a retry; the next document is read."""
    with ExtractionWorker() as worker:
        error = _during_extraction(worker, lambda pid: os.kill(pid, signal.SIGKILL))
        assert isinstance(error, ExtractionFailure)
        assert error.kind.code == "parser_crash"
        assert error.kind.retryable
        assert error.detail == "SIGKILL"
        assert len(worker.extract(prose_pdf()).pages) == 1
        assert worker.restarts == 1


def test_child_that_died_between_documents_is_noticed() -> None:
    """A child that was killed while idle is replaced and costs no document an attempt."""
    with ExtractionWorker() as worker:
        worker.extract(prose_pdf())
        child = psutil.Process(worker.child_pid)
        child.kill()
        _wait_until(lambda: not child.is_running(), what="the child is gone")
        assert len(worker.extract(prose_pdf()).pages) == 1


def test_running_extraction_can_be_cancelled_from_another_thread() -> None:
    """``cancel`` ends the running call with its own error, at once, and the worker stays usable."""
    with ExtractionWorker() as worker:
        error = _during_extraction(worker, lambda _: worker.cancel())
        assert isinstance(error, ExtractionCancelled)
        assert len(worker.extract(prose_pdf()).pages) == 1
        worker.cancel()
        assert len(worker.extract(prose_pdf()).pages) == 1
        assert worker.restarts == 1


def test_child_is_replaced_after_its_share_of_documents() -> None:
    """A child serves ``documents_per_child`` documents, then a fresh one takes over."""
    with ExtractionWorker(limits=ExtractionLimits(documents_per_child=2)) as worker:
        for _ in range(5):
            worker.extract(prose_pdf())
        assert worker.restarts == 2


def test_child_outlives_the_thread_that_first_used_it() -> None:
    """Threads of a pool come and go; the child is bound to the process, not to one of them."""
    with ExtractionWorker() as worker:
        thread = threading.Thread(target=worker.extract, args=(prose_pdf(),))
        thread.start()
        thread.join()
        first = worker.child_pid
        worker.extract(prose_pdf())
        assert worker.child_pid == first
        assert worker.restarts == 0


def test_closed_worker_leaves_no_child() -> None:
    """``close`` ends the child."""
    worker = ExtractionWorker()
    worker.extract(prose_pdf())
    child = psutil.Process(worker.child_pid)
    worker.close()
    assert not child.is_running()


_PARENT = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from extraction_samples import endless_pdf, prose_pdf
from pipeline.extraction import ExtractionWorker
worker = ExtractionWorker()
worker.extract(prose_pdf())
print(worker.child_pid, flush=True)
worker.extract(endless_pdf())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the signal on the parent's death is Linux's")
def test_child_dies_with_a_parent_that_is_killed() -> None:
    """Kill -9 of the parent leaves no child behind, even one that is busy and reads no pipe."""
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(Path(__file__).parent)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        before = child.cpu_times().user
        _wait_until(lambda: child.cpu_times().user > before + 0.2, what="the child reads")
        parent.kill()
        _wait_until(lambda: not child.is_running(), what="the child is gone")
