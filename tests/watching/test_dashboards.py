"""The dashboards: what is checked in is what the description gives, about metrics that exist."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from cluster.metrics import FAMILIES
from dashboards.build import BOARDS, HERE, build
from serve_app.cli.grafana import put_dashboards

if TYPE_CHECKING:
    from pathlib import Path

    from dashboards.parts import Board

KNOWN = {family.name for family in FAMILIES} | {
    f"{family.name}_{part}"
    for family in FAMILIES
    if family.kind == "histogram"
    for part in ("bucket", "count", "sum")
}
NOT_METRICS = {"histogram_quantile", "group_left"}
FIVE_QUERIES = ["Throughput", "Queue depth", "Utilization", "p95 latency", "Error rate"]


def expressions(board: Board) -> list[str]:
    """Every query of a dashboard as it is checked in."""
    found: dict[str, Any] = json.loads((HERE / f"{board.uid}.json").read_text("utf-8"))
    return [target["expr"] for panel in found["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.uid))
def test_what_is_checked_in_is_what_is_described(board: Board) -> None:
    """Nobody has edited the JSON, or forgotten to write it again: ``make dashboards``."""
    assert (HERE / f"{board.uid}.json").read_text("utf-8") == build(board)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.uid))
def test_every_metric_of_a_dashboard_exists(board: Board) -> None:
    """Each name in each query is one of the service's."""
    for expr in expressions(board):
        words = re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b", re.sub(r"\{[^}]*\}|by \([^)]*\)", "", expr))
        assert set(words) - NOT_METRICS <= KNOWN, expr


def test_the_overview_answers_the_five_questions_of_operators_first() -> None:
    """Throughput, queue depth, utilization, p95 and error rate are its first row."""
    assert [panel.title for panel in BOARDS[0].rows[0].panels] == FIVE_QUERIES


def test_panels_can_be_told_apart_and_say_what_they_show() -> None:
    """Grafana needs different numbers, people a sentence."""
    for board in BOARDS:
        panels = json.loads(build(board))["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert all(panel["description"] for panel in panels if panel["type"] != "row")


def test_they_are_put_where_grafana_looks(tmp_path: Path) -> None:
    """All of them, without touching what is there already."""
    (tmp_path / "other.json").write_text("{}", "utf-8")

    put_dashboards(tmp_path / "deep" / "er")
    put_dashboards(tmp_path)

    names = {f"{board.uid}.json" for board in BOARDS}
    assert {path.name for path in (tmp_path / "deep" / "er").iterdir()} == names
    assert {path.name for path in tmp_path.glob("*.json")} == names | {"other.json"}
    assert (tmp_path / "other.json").read_text("utf-8") == "{}"
