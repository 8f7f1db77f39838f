"""What keeps Ray's processes quiet and small while they wait: on two cores they compete with the documents.

Every worker of Ray wakes a hundred times a second by itself, which nothing switches off; what can be asked for less
often than by default is. The dashboard, its figures and the Prometheus export stay, some of it a few seconds later.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.settings import Settings

INTERVALS = {
    # Serve's controller looks at everything ten times a second, 5 ms each time. A replica that has died is replaced
    # half a second later at most; starting it again takes seconds.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    # Every replica hands its counters to Ray ten times a second; Ray exports them every ten seconds.
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "5000",
    # What the dashboard knows of tasks (ours are calls of actors, which Serve does not record).
    "RAY_task_events_report_interval_ms": "10000",
    # Durations of handlers, for Ray's debug logs.
    "RAY_event_stats": "0",
    # A node schedules its own workers without waiting for these.
    "RAY_raylet_report_resources_period_milliseconds": "500",
    "RAY_raylet_check_gc_period_milliseconds": "1000",
    "RAY_local_fs_monitor_interval_ms": "1000",
    # The dashboard's agent reads /proc for every process; Prometheus asks every 15 s.
    "REPORTER_UPDATE_INTERVAL_MS": "15000",
}
ONE_HEAP = {
    # A heap for each of up to 16 of its 30 threads keeps 20 MB more in an evaluator; glibc only, unknown elsewhere.
    "MALLOC_ARENA_MAX": "1",
}
UNWANTED = {
    # Serve imports it wherever it is installed (for notebooks), to encode data frames that nobody here sends:
    # 26 MB of each of some sixteen processes, and a quarter of a second of its start.
    "pandas": "of no use in a process of the service",
}


def lean_environment(settings: Settings, *, folder: Path) -> dict[str, str]:
    """The variables with which Ray has to be started; ``folder`` is made, for modules that refuse to be imported."""
    folder.mkdir(mode=0o700)
    if os.sep in settings.encoder:
        # What an encoder of somebody else's imports is not known.
        return {**INTERVALS, **ONE_HEAP}
    for name, reason in UNWANTED.items():
        (folder / f"{name}.py").write_text(f'raise ImportError("{name} is {reason}")\n', "utf-8")
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(folder), *([inherited] if inherited else [])])
    return {**INTERVALS, **ONE_HEAP, "PYTHONPATH": path}
