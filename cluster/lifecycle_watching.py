"""Fixed places for what operators watch: Ray's folder has another name each time the service starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cluster.lifecycle_keeper import RAY_FOLDER

if TYPE_CHECKING:
    from cluster.settings import Settings

NODES_LINK = Path("prometheus", "ray_nodes.json")
"""Below ``data_dir``; ``cluster/prometheus.yml`` names it for the job ``ray``. Ray renews it as nodes come and go."""
LOGS_LINK = Path("logs")
"""Below ``data_dir``: the logs of every process."""
_TARGETS = {
    NODES_LINK: Path(RAY_FOLDER, "prom_metrics_service_discovery.json"),
    LOGS_LINK: Path(RAY_FOLDER, "session_latest", "logs"),
}


def link_watched(settings: Settings, *, temp_dir: str) -> None:
    """Link what is in Ray's folder, below the private ``temp_dir``, into ``data_dir``."""
    unlink_watched(settings)
    for link, target in _TARGETS.items():
        place = settings.data_dir / link
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(Path(temp_dir) / target)


def unlink_watched(settings: Settings) -> None:
    """Ray has gone."""
    for link in _TARGETS:
        (settings.data_dir / link).unlink(missing_ok=True)
