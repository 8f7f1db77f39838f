"""Writes the dashboards as JSON: ``python -m dashboards.build``. A test compares what is checked in.

Built with Grafana's own library, so that what comes out is what that version of Grafana reads.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from dashboards.document_boards import COST, DOCUMENTS, ERRORS
from dashboards.service_boards import EVALUATORS, OVERVIEW, QUEUE_AND_JOBS

if TYPE_CHECKING:
    from dashboards.parts import Board, Panel, Thresholds

BOARDS = (OVERVIEW, EVALUATORS, QUEUE_AND_JOBS, DOCUMENTS, ERRORS, COST)
HERE = Path(__file__).parent
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHTS = {"stat": 5, "lines": 8, "stack": 8, "heatmap": 8}
TAG = "decalogo"
PRICE_OF_A_CORE_HOUR = "0.04"
"""US dollars; a usual price of a virtual core in a cloud. It is a field on the dashboard."""


def build(board: Board) -> str:
    """The JSON of a dashboard, as it is checked in."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus").label("Prometheus"))
        .link(
            dashboard.DashboardLink("Decálogo")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)  # noqa: FBT003  the library's way
            .keep_time(True)  # noqa: FBT003
        )
    )
    if board.has_prices:
        built = built.with_variable(
            dashboard.TextBoxVariable("price").label("US$ per core-hour").default_value(PRICE_OF_A_CORE_HOUR)
        )
    for row in board.rows:
        built = built.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            built = built.with_panel(_panel(panel))
    plain = json.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    for number, panel in enumerate(plain["panels"], 1):
        panel["id"] = number
    return json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _panel(panel: Panel) -> Any:
    made: Any = {
        "stat": _stat,
        "lines": _lines,
        "stack": _stack,
        "heatmap": _heatmap,
    }[panel.kind]()
    made = (
        made.title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(HEIGHTS[panel.kind])
        .thresholds(_thresholds(panel.thresholds))
    )
    if panel.kind != "heatmap":
        made = made.min(0)
    if panel.most is not None:
        made = made.max(panel.most)
    for number, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + number))
        if query.legend:
            target = target.legend_format(query.legend)
        if panel.kind == "heatmap":
            target = target.format("heatmap")
        made = made.with_target(target)
    return made


def _stat() -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .no_value("–")
    )


def _lines() -> timeseries.Panel:
    return (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(8)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003
        )
    )


def _stack() -> timeseries.Panel:
    return (
        _lines()
        .fill_opacity(40)
        .line_width(1)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    )


def _heatmap() -> heatmap.Panel:
    return heatmap.Panel().calculate(False)  # noqa: FBT003


def _thresholds(steps: Thresholds) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=colour) for value, colour in steps])
    )


def main() -> None:
    """Write all of them."""
    for board in BOARDS:
        (HERE / f"{board.uid}.json").write_text(build(board), encoding="utf-8")


if __name__ == "__main__":
    main()
