"""A disk of a few megabytes that can be filled: a tmpfs that only its own mount namespace sees."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest

FILLER = "filler"


class SmallDisk:
    """Use it as a context manager. ``path`` leads into the namespace; the disk goes with the process in it.

    Skips the test visibly where the kernel permits no such namespace; in CI that is a failure.
    """

    def __init__(self, *, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._point = tempfile.mkdtemp(prefix="pdm-disk-")

    def __enter__(self) -> Self:
        script = f"mount -t tmpfs -o size={self._size_bytes} none {self._point} && echo mounted && exec sleep infinity"
        self._process = subprocess.Popen(
            ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else []), "sh", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout
        if self._process.stdout.readline() != b"mounted\n":
            self.__exit__()
            (pytest.fail if os.environ.get("CI") else pytest.skip)("no mount namespace of one's own here")
        self.path = Path(f"/proc/{self._process.pid}/root{self._point}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        Path(self._point).rmdir()

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Leave no more than ``leave_bytes`` free."""
        space = os.statvfs(self.path)
        size = space.f_bavail * space.f_frsize - leave_bytes
        with (self.path / FILLER).open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, max(1, size))

    def empty(self) -> None:
        """Take the filling away."""
        (self.path / FILLER).unlink(missing_ok=True)
