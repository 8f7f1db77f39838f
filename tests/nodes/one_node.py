"""A raylet that joins a cluster on loopback, held by this process: ``python one_node.py`` with its parameters as JSON.

``ray start`` refuses a second node while Ray is told to stay on loopback; what it starts is the same.
"""

from __future__ import annotations

import json
import signal
import sys

from ray._private.node import Node
from ray._private.parameter import RayParams

if __name__ == "__main__":
    node = Node(RayParams(**json.loads(sys.argv[1])), head=False, shutdown_at_exit=False, spawn_reaper=False)
    signal.pause()
