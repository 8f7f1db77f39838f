"""What the findings add up to: over all of them, in step with what is listed, and true to the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pymupdf
import pytest

from pipeline import reported_findings
from pipeline.diagnostics import amounts_by_year_and_source, indicator_quality, joints, longest_climb
from pipeline.evaluation import Evaluation
from pipeline.model import (
    Amount,
    CausalGraphCheck,
    CausalNode,
    ChainLink,
    Contradiction,
    SegmentIndex,
    Span,
)
from pipeline.report import render_pdf, shown_findings
from pipeline.schemas import load_schema

SPAN = Span(SegmentIndex(0), 0, 1)


def amount(pesos: int, *, year: int | None = None, source: str | None = None) -> Amount:
    return Amount(SPAN, pesos, str(pesos), source, year, None)


def graph(links: dict[str, ChainLink], *edges: tuple[str, str]) -> CausalGraphCheck:
    nodes = tuple(CausalNode(name, name, link, SPAN) for name, link in links.items())
    return CausalGraphCheck("P1", nodes, edges, True, (), (), 0, None)  # noqa: FBT003  a record


def test_amounts_are_counted_by_year_and_source() -> None:
    """A sum that is repeated counts once; what names neither year nor source stands last."""
    rows = amounts_by_year_and_source(
        [amount(5), amount(7, year=2025), amount(7, year=2025), amount(9, year=2025), amount(3, source="SGP")]
    )

    assert [(row["year"], row["source"]) for row in rows] == [(2025, None), (None, "SGP"), (None, None)]
    assert rows[0] == {
        "year": 2025,
        "source": None,
        "amounts": 3,
        "distinct": 2,
        "distinct_pesos": 16,
        "largest_pesos": 9,
    }


def test_no_indicators_have_no_mean() -> None:
    """Nothing is not of quality zero."""
    assert indicator_quality([])["mean"] is None


def test_joints_show_where_the_chain_breaks_off() -> None:
    """Five steps from problem to impact, each with the number of edges that take it."""
    found = graph(
        {"a": ChainLink.PROBLEM, "b": ChainLink.CAUSE, "c": ChainLink.ACTIVITY, "d": ChainLink.IMPACT},
        ("a", "b"),
        ("c", "d"),
    )

    assert [(j["from"], j["to"], j["edges"]) for j in joints(found)] == [
        ("problema", "causa", 1),
        ("causa", "actividad", 0),
        ("actividad", "producto", 0),
        ("producto", "resultado", 0),
        ("resultado", "impacto", 0),
    ]


def test_the_longest_path_climbs() -> None:
    """Edges back and within a link are no part of it; of two as long the one of earlier nodes is named."""
    links = {
        "n001": ChainLink.PROBLEM,
        "n002": ChainLink.CAUSE,
        "n003": ChainLink.CAUSE,
        "n004": ChainLink.ACTIVITY,
    }
    found = graph(
        links,
        ("n001", "n003"),
        ("n001", "n002"),
        ("n002", "n003"),
        ("n003", "n004"),
        ("n002", "n004"),
        ("n004", "n001"),
    )

    assert longest_climb(found) == ["n001", "n002", "n004"]
    assert longest_climb(graph(links, ("n004", "n001"))) == []


def test_findings_say_where_they_stand_and_what_they_are_about(result: dict[str, Any]) -> None:
    """Each finding has its section and its points; among those of a plan with a programme for women, P1."""
    for name in ("responsibilities", "amounts", "indicators", "causal_statements"):
        items = result["findings"][name]["items"]
        assert any(item["section"] for item in items), name
    points = {point for item in result["findings"]["indicators"]["items"] for point in item["points"]}

    assert "P1" in points
    assert len(points) > 5


@pytest.mark.parametrize("name", ["responsibilities", "amounts", "indicators"])
def test_what_findings_add_up_to_agrees_with_them(result: dict[str, Any], name: str) -> None:
    """Nothing was cut off in a sample plan, so both can be counted again."""
    found = result["findings"][name]
    assert found["total"] == len(found["items"])

    if name == "responsibilities":
        assert sum(row["mentions"] for row in found["entities"]) == found["total"]
        assert sum(row["assigned"] for row in found["entities"]) == sum(i["assigned"] for i in found["items"])
    elif name == "amounts":
        assert sum(row["amounts"] for row in found["by_year_and_source"]) == found["total"]
    else:
        assert sum(found["quality"]["levels"].values()) == found["total"]
        said = sum(item["baseline"] is not None for item in found["items"])
        assert found["quality"]["parts"]["baseline"] == said


def test_every_node_of_a_causal_graph_has_its_page(result: dict[str, Any]) -> None:
    """Its edges, cycles and longest path name its own nodes, and each node a page of the plan."""
    pages = result["document"]["pages"]
    for found in result["findings"]["causal_graphs"]:
        names = {node["id"] for node in found["nodes"]}
        assert all(1 <= node["page"] <= pages for node in found["nodes"])
        assert {end for edge in found["edges"] for end in edge} <= names
        assert set(found["longest_path"]) <= names
        assert len(found["joints"]) == 5


def test_a_contradiction_shows_both_passages_and_why(evaluation: Evaluation, result: dict[str, Any]) -> None:
    """Each side has its words, page, section and points, as the schema says; the report sets them side by side."""
    long = [segment for segment in evaluation.flow.segmentation.segments if len(segment.text) > 120]
    left, right = (Span(segment.index, 0, 100) for segment in (long[0], long[-1]))
    found = Contradiction("meta", left, right, "empleo", "10", "20", "La meta de empleo es 10 y también 20.")
    flow = replace(evaluation.flow, findings=replace(evaluation.flow.findings, contradictions=(found,)))
    findings = reported_findings.report_findings(flow)
    jsonschema.validate(
        findings["contradictions"],
        load_schema("evaluation_results.json")["properties"]["findings"]["properties"]["contradictions"],
    )
    result["findings"] = findings
    with pymupdf.open(stream=render_pdf([result]), filetype="pdf") as pdf:
        text = "".join("".join(page.get_text() for page in pdf).split()).replace("\u00ad", "")

    assert "Lametadeempleoes10ytambién20." in text
    for side in ("left", "right"):
        item = findings["contradictions"]["items"][0][side]
        assert f"pág.{item['page']}" in text
        assert "".join(item["quote"][:40].split()) in text


def test_a_long_list_of_amounts_keeps_those_of_the_plans_years(evaluation: Evaluation) -> None:
    """The investment plan stands on the last pages: what the list leaves out are amounts without a year."""
    segments = evaluation.flow.segmentation.segments
    early, late = (Span(segment.index, 0, 1) for segment in (segments[0], segments[-1]))
    first, last = evaluation.flow.profile.period or (0, 0)
    of_history = [
        Amount(early, 10**12 + n, "1", None, None, None) for n in range(reported_findings.ITEMS_MAX)
    ]
    of_plan = [Amount(late, n + 1, "1", None, year, None) for n, year in enumerate((first, last))]
    findings = replace(evaluation.flow.findings, amounts=(*of_history, *of_plan))
    found = reported_findings.report_findings(replace(evaluation.flow, findings=findings))["amounts"]
    assert found["total"] == len(of_history) + 2
    assert len(found["items"]) == reported_findings.ITEMS_MAX
    assert [item["year"] for item in found["items"][-2:]] == [first, last]
    assert min(item["pesos"] for item in found["items"][:-2]) == 10**12 + 2


def test_the_report_shows_amounts_that_say_what_they_are_for() -> None:
    """A row of figures alone and a sum of some pesos stay in the data; no sentence of the report rests on them."""
    said = {"page": 1, "source": None, "year": None, "programme": None}
    items = [
        {**said, "pesos": 15 * 10**9, "quote": "$ 15.000.000.000 | $ 12.500.000.000"},
        {**said, "pesos": 5_410, "quote": "Deuda por $5.410 del año pasado"},
        {**said, "pesos": 80_000_000, "quote": "Construir el parque infantil: $ 80.000.000"},
    ]
    found = shown_findings.amounts({"total": 3, "items": items, "by_year_and_source": []}, period=None)
    assert found["total"] == 3
    assert [item["pesos"] for item in found["items"]] == [80_000_000]


def test_one_passage_that_contradicts_itself_is_quoted_once() -> None:
    """A total beside the parts that do not give it: the same passage twice would tell nothing more."""
    total = {"page": 9, "quote": "2.000 3.000 6.000", "value": "6.000"}
    other = {**total, "page": 12}
    items = [
        {"reason": "No coincide.", "left": total, "right": {**total, "value": "5.000"}},
        {"reason": "No coincide.", "left": total, "right": other},
    ]

    found = shown_findings.contradictions({"total": 2, "items": items})

    assert [[side["page"] for side in item["sides"]] for item in found["items"]] == [[9], [9, 12]]
