"""What lies in the storage of a service on this machine, while it works."""

from __future__ import annotations

import os
from pathlib import Path


def stored_uploads(storage: Path) -> set[Path]:
    """Every file of uploads, finished or not, under the storage's folder.

    Unlike pathlib's, this walk takes no offence at a folder that goes away under it.
    """
    walked = (os.walk(storage / kind) for kind in ("uploads", "temporary"))
    return {Path(folder, name) for tree in walked for folder, _, names in tree for name in names}
