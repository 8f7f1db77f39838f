"""What a batch says that no plan alone does: the plans side by side, and what most of them lack."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pipeline.report.advice import topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MISSED_SHOWN = 14


class Comparison:
    """Counts over the plans of a batch, fed with one evaluation at a time."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._met: Counter[str] = Counter()
        self._texts: dict[str, str] = {}
        self._points: dict[str, dict[str, Any]] = {}

    def add(self, result: Mapping[str, Any]) -> None:
        """Count a plan; points that do not apply to it are left out."""
        applies = {point["id"] for point in result["points"] if point["applicable"]}
        for answer in result["answers"]:
            if answer["point"] not in applies:
                continue
            for key, criterion in answer["criteria"].items():
                name = f"{answer['question_id'].partition('-')[2]}-{key}"
                self._asked[name] += 1
                self._met[name] += criterion["met"]
                self._texts[name] = criterion["text"]
        for point in result["points"]:
            row = self._points.setdefault(
                point["id"], {"id": point["id"], "name": point["name"], "met": 0, "total": 0, "plans": 0}
            )
            if point["applicable"]:
                row["met"] += point["criteria_met"]
                row["total"] += point["criteria_total"]
                row["plans"] += 1

    def missed(self) -> list[dict[str, Any]]:
        """The criteria that plans meet most seldom, over all points that apply."""
        rows = sorted(self._asked, key=lambda name: (self._met[name] / self._asked[name], name))
        return [
            {
                "topic": topic(f"P1-{name.rpartition('-')[0]}"),
                "criterion": name,
                "text": self._texts[name],
                "met": self._met[name],
                "asked": self._asked[name],
            }
            for name in rows[:MISSED_SHOWN]
        ]

    def points(self) -> list[dict[str, Any]]:
        """The points by the share of their criteria that the plans meet, weakest first."""
        rows: Iterable[dict[str, Any]] = (row for row in self._points.values() if row["total"])
        return sorted(rows, key=lambda row: (row["met"] / row["total"], row["id"]))
