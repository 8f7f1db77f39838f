"""The proxy in front, as far as starting it is concerned: Ray Serve runs HAProxy, through a wrapper of ours."""

from __future__ import annotations

import math
import os
import shlex
import sys
from typing import TYPE_CHECKING

from cluster.haproxy_rules import EdgeLimits

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.settings import Settings

LAUNCHER = "haproxy"
LIMITS_FILE = "limits.json"
THREADS_MAX = 4
ANSWER_SECONDS = 3
"""For the refusal of a body that has stopped to reach its sender."""


def edge_limits(settings: Settings) -> EdgeLimits:
    """Where the proxy listens and what it allows, as the settings say."""
    return EdgeLimits(
        host=settings.http_host,
        port=settings.http_port,
        header_seconds=settings.header_seconds,
        # A body that stops is answered by the application, before the proxy loses patience.
        silence_seconds=max(
            settings.answer_silence_seconds, math.ceil(settings.body_silence_seconds) + ANSWER_SECONDS
        ),
        connections_per_address=settings.connections_per_address,
    )


def prepare_edge(settings: Settings, *, folder: Path) -> dict[str, str]:
    """Write what the wrapper needs into ``folder``, which is made; the environment that makes Serve use it."""
    folder.mkdir(mode=0o700)
    limits, launcher = folder / LIMITS_FILE, folder / LAUNCHER
    limits.write_text(edge_limits(settings).to_json(), "utf-8")
    wrapper = shlex.join([sys.executable, "-m", "cluster.haproxy_wrapper", str(limits)])
    launcher.write_text(f'#!/bin/sh\nexec {wrapper} "$@"\n', "utf-8")
    launcher.chmod(0o700)
    return {
        # Serve's own proxy has no back-pressure: see docs/decisions/020.
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(launcher),
        # Three checks that fail make Serve start another proxy: with its own ten seconds that takes half a minute.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "0.5",
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(THREADS_MAX, os.cpu_count() or 1)),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
    }
