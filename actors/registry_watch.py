"""Notices that the registry has forgotten: counters that outlive jobs never become smaller by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class RegistryWatch:
    """Compares the totals of the registry with what they were at the last look."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def has_lost_data(self, totals: Mapping[str, int]) -> bool:
        """Whether data was lost since the last look; said once for each loss.

        A write or two may be lost when the server's last write was torn; that is told as well.
        """
        lost = any(totals.get(name, 0) < value for name, value in self._before.items())
        self._before = dict(totals)
        return lost
