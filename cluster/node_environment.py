"""What every node of a cluster needs in its environment before ``ray start``, as lines for a shell.

    eval "$(python -m cluster.node_environment)"

On one machine ``decalogo up`` does this itself. On a cluster, whoever starts Ray (KubeRay, ``ray up``, a container)
calls it on each node: Serve then runs the hardened HAProxy, and BLAS does not fight over the cores. Settings and
secrets (``DECALOGO_*``, ``REDIS_URL``, ``REDIS_PASSWORD``, ``AWS_*``) are there already and are not repeated.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

from cluster.lean_ray import lean_environment
from cluster.lifecycle_edge import prepare_edge
from cluster.settings import Settings, SettingsError

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def node_environment(settings: Settings, *, folder: Path) -> dict[str, str]:
    """Names and values. ``folder`` is made, for HAProxy, and one beside it; they must be this node's own."""
    return {
        **dict.fromkeys(ONE_THREAD, "1"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        # A worker that dies takes what it started along.
        "RAY_process_group_cleanup_enabled": "1",
        **lean_environment(settings, folder=folder.with_name("unwanted")),
        **prepare_edge(settings, folder=folder),
    }


def main() -> int:
    """Print the lines; 1 when the settings are not valid."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="pdm-edge-")) / "haproxy"
    for name, value in node_environment(settings, folder=folder).items():
        if name not in os.environ:
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
