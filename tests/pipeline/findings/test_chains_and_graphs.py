"""The theory of change of a point and the checks of its causal graph."""

from __future__ import annotations

import itertools

import pytest
from findings_builders import plan, profile, quoted, relevance
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.findings.causal_graph import LEVEL, MAX_PATHS, count_paths, find_cycles
from pipeline.findings.permutation import MIN_EDGES, order_p_value
from pipeline.model import (
    POINT_IDS,
    CausalGraphCheck,
    CausalStatement,
    ChainLink,
    Segmentation,
    SegmentIndex,
    Span,
    TheoryOfChange,
)
from pipeline.nodes.causal_detection import causal_detection
from pipeline.nodes.dag_validation import dag_validation
from pipeline.nodes.feasibility_scoring import feasibility_scoring
from pipeline.nodes.theory_of_change import theory_of_change

CHAIN = (
    "Persiste un alto índice de violencia intrafamiliar contra las mujeres rurales.",
    "La violencia contra las mujeres aumentó debido a la falta de autonomía económica de las mujeres.",
    "Fortalecer la autonomía económica de las mujeres con el fin de reducir la violencia contra las mujeres.",
    "Capacitar 200 mujeres rurales en autonomía económica durante el cuatrienio.",
    "Reducir en 30% la tasa de violencia intrafamiliar contra las mujeres.",
    "Apoyar a las organizaciones de mujeres con el fin de mejorar la calidad de vida de las mujeres.",
)
SECTIONS = (1, 1, 0, 0, 0, 0)


def _theories(segmentation: Segmentation, *, about: dict[str, list[int]]) -> tuple[TheoryOfChange, ...]:
    return theory_of_change(
        segmentation,
        profile=profile(),
        relevance=relevance(segmentation, about=about),
        indicators=feasibility_scoring(segmentation, profile=profile(), amounts=(), responsibilities=()),
        causal_statements=causal_detection(segmentation, profile=profile()),
    )


def _checks(segmentation: Segmentation, *, about: dict[str, list[int]]) -> tuple[CausalGraphCheck, ...]:
    return dag_validation(
        segmentation,
        relevance=relevance(segmentation, about=about),
        theories=_theories(segmentation, about=about),
        causal_statements=causal_detection(segmentation, profile=profile()),
    )


def test_a_full_chain_lacks_nothing() -> None:
    """Problem, cause, activity, product, outcome and impact are found, each in its passage."""
    segmentation = plan(*CHAIN, sections=SECTIONS)
    theory = _theories(segmentation, about={"P1": list(range(6))})[0]
    assert (theory.missing, theory.completeness) == ((), 1.0)
    assert quoted(segmentation, span=theory.links[ChainLink.CAUSE][0]).startswith("la falta de autonomía")
    assert theory.links[ChainLink.PROBLEM][0].segment == 0
    assert theory.links[ChainLink.OUTCOME][0].segment == 4


def test_ten_points_and_only_passages_about_the_point() -> None:
    """Every point has its chain; one that no passage is about lacks all six links."""
    segmentation = plan(*CHAIN, sections=SECTIONS)
    theories = _theories(segmentation, about={"P1": [3]})
    assert [theory.point for theory in theories] == list(POINT_IDS)
    assert set(theories[0].links[ChainLink.PRODUCT]) == {
        Span(SegmentIndex(3), 0, len(CHAIN[3]) - 1),
    }
    assert theories[9].missing == tuple(ChainLink)
    assert theories[9].completeness == 0.0


def test_the_diagnosis_holds_problems_and_no_activities() -> None:
    """An action told in the diagnosis is the past, not the plan's activity."""
    segmentation = plan(
        "Capacitar y apoyar a las mujeres rurales fue la tarea del periodo anterior.", section=1
    )
    theory = _theories(segmentation, about={"P1": [0]})[0]
    assert ChainLink.ACTIVITY in theory.missing


def test_the_reason_of_something_good_is_no_cause() -> None:
    """A cause explains a problem: why a moor is worth protecting is none."""
    segmentation = plan(
        "El páramo es un lugar importante para la región porque nacen allí tres ríos.",
        "Las veredas padecen escasez de agua debido a la tala de los bosques.",
        section=1,
    )
    theory = _theories(segmentation, about={"P3": [0, 1]})[2]
    check = _checks(segmentation, about={"P3": [0, 1]})[2]
    causes = [quoted(segmentation, span=span) for span in theory.links[ChainLink.CAUSE]]
    assert causes == ["la tala de los bosques"]
    assert not [node for node in check.nodes if "nacen allí" in node.label and node.link is ChainLink.CAUSE]


@pytest.mark.parametrize("title", ["RESEÑA HISTÓRICA", "1.2 Marco histórico", "Historia del municipio"])
def test_the_history_of_a_place_is_no_reasoning_of_the_plan(title: str) -> None:
    """How a town was founded gives no link of a chain; the memory of victims is something else."""
    founding = "Los colonos debieron desplazarse por la pobreza y construyeron casas con el fin de fundar un poblado."
    about = {"P7": [0]}
    history = plan(founding, headings=(title,))
    memory = plan(founding, headings=("CENTRO DE MEMORIA HISTÓRICA",))
    assert _checks(history, about=about)[6].nodes == ()
    assert _theories(history, about=about)[6].missing == tuple(ChainLink)
    assert _checks(memory, about=about)[6].nodes


@pytest.mark.parametrize(
    "sentence",
    [
        "Se formulará un plan maestro con el fin de mejorar la vida; un plan maestro permitirá la paz territorial.",
        "Otras circunstancias ocasionan la deserción escolar.",
    ],
)
def test_clauses_that_say_nothing_by_themselves_are_no_nodes(sentence: str) -> None:
    """Words such as "un plan maestro" and "otras circunstancias" name no link."""
    check = _checks(plan(sentence, section=0), about={"P4": [0]})[3]
    assert not [
        node for node in check.nodes if node.label.lower() in {"un plan maestro", "otras circunstancias"}
    ]


def test_a_full_chain_has_a_path_from_problem_to_impact_and_no_cycle() -> None:
    """The graph joins passages that share their subject, and the problem reaches the impact."""
    segmentation = plan(*CHAIN, sections=SECTIONS)
    check = _checks(segmentation, about={"P1": list(range(6))})[0]
    assert check.acyclic
    assert check.complete_paths > 0
    assert {node.link for node in check.nodes} == set(ChainLink)


def test_circular_reasoning_is_shown_as_a_cycle() -> None:
    """Poverty because of dropout and dropout because of poverty: one cycle of two nodes."""
    segmentation = plan(
        "La pobreza rural extrema persiste debido a la deserción escolar temprana.",
        "La deserción escolar temprana persiste debido a la pobreza rural extrema.",
        section=1,
    )
    check = _checks(segmentation, about={"P4": [0, 1]})[3]
    assert not check.acyclic
    assert len(check.cycles) == 1


def test_a_point_without_passages_has_an_empty_graph() -> None:
    """Nothing about the point: no nodes, no edges, no p-value, trivially acyclic."""
    check = _checks(plan(*CHAIN, sections=SECTIONS), about={})[0]
    assert (check.nodes, check.edges, check.acyclic, check.complete_paths, check.p_value) == (
        (),
        (),
        True,
        0,
        None,
    )


def test_the_checks_do_not_depend_on_the_order_of_evaluation() -> None:
    """Twice the same input gives the same graph, p-value included."""
    segmentation = plan(*CHAIN * 3, sections=SECTIONS * 3)
    about = {"P1": list(range(18))}
    assert _checks(segmentation, about=about) == _checks(segmentation, about=about)


# --------------------------------------------------------------------------- paths and cycles


def _listed_paths(levels: list[int], edges: list[tuple[int, int]]) -> int:
    """Counts by listing every path: what the sweep must agree with."""
    climbing = [(tail, head) for tail, head in edges if levels[tail] < levels[head]]

    def paths(node: int) -> int:
        ends = 1 if levels[node] == LEVEL[ChainLink.IMPACT] else 0
        return ends + sum(paths(head) for tail, head in climbing if tail == node)

    return sum(paths(node) for node, level in enumerate(levels) if level == LEVEL[ChainLink.PROBLEM])


_graphs = st.lists(st.integers(0, 5), min_size=1, max_size=7).flatmap(
    lambda levels: st.tuples(
        st.just(levels),
        st.lists(
            st.tuples(st.integers(0, len(levels) - 1), st.integers(0, len(levels) - 1)),
            max_size=14,
            unique=True,
        ),
    )
)


@settings(deadline=None)
@given(_graphs)
def test_paths_are_counted_as_if_they_were_listed(graph: tuple[list[int], list[tuple[int, int]]]) -> None:
    """The sweep over levels counts what an enumeration counts."""
    levels, edges = graph
    assert count_paths(levels, edges=edges) == _listed_paths(levels, edges)


def test_counting_paths_does_not_explode() -> None:
    """Layers of 40 nodes hold 40^6 paths; the count stops at its cap at once."""
    levels = [level for level in range(6) for _ in range(40)]
    edges = [(a, b) for a, b in itertools.product(range(240), repeat=2) if levels[b] - levels[a] == 1]
    assert count_paths(levels, edges=edges) == MAX_PATHS


@settings(deadline=None)
@given(_graphs)
def test_a_cycle_is_a_cycle(graph: tuple[list[int], list[tuple[int, int]]]) -> None:
    """Every step of a reported cycle is an edge, the last one back to the start."""
    levels, edges = graph
    for cycle in find_cycles(len(levels), edges=edges):
        assert all(step in edges for step in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


# --------------------------------------------------------------------------- significance


def _p_value(
    levels: list[int], edges: list[tuple[int, int]], *, kinds: list[str] | None = None
) -> float | None:
    names = [f"n{number}" for number in range(len(levels))]
    return order_p_value(levels, edges=edges, kinds=kinds or ["fin"] * len(edges), names=names)


def test_too_few_edges_have_no_p_value() -> None:
    """Below the least number of edges nothing could be unusual."""
    assert _p_value([0, 5, 0, 5], [(0, 1), (2, 3)] * ((MIN_EDGES - 1) // 2)) is None


def test_roles_alone_are_not_significant() -> None:
    """Means that all lead to outcomes and problems that all lead to causes would do so however they were linked."""
    levels = [2] * 8 + [4] * 8 + [0] * 8 + [1] * 8
    edges = [(number, number + 8) for number in (*range(8), *range(16, 24))]
    assert _p_value(levels, edges, kinds=["fin"] * 8 + ["causa"] * 8) is None


def test_only_what_the_plan_chose_is_significant() -> None:
    """Each passage leads to the next level: rare among deals; linked backwards they are as bad as can be."""
    levels = [*range(5), *range(1, 6)] * 3
    low = [5 * block + number for block in (0, 2, 4) for number in range(5)]
    edges = [(tail, tail + 5) for tail in low]
    orderly = _p_value(levels, edges)
    reverse = _p_value(levels, [(head, tail) for tail, head in edges])
    assert orderly == 0.001
    assert reverse == 1.0


def test_the_p_value_is_a_fixed_number_on_every_machine() -> None:
    """The deals come from the names by integer arithmetic alone, so this figure never changes."""
    levels = [number % 6 for number in range(20)]
    edges = [(number, (number * 7 + 1) % 20) for number in range(20)]
    assert _p_value(levels, edges) == 0.038


@settings(max_examples=30, deadline=None)
@given(_graphs)
def test_a_p_value_is_a_probability(graph: tuple[list[int], list[tuple[int, int]]]) -> None:
    """In (0, 1], or none."""
    levels, edges = graph
    value = _p_value(levels, edges)
    assert value is None or 0 < value <= 1


def test_statements_keep_their_spans_in_the_graph() -> None:
    """Each node can be quoted: its span is the passage's."""
    segmentation = plan(*CHAIN, sections=SECTIONS)
    statements: tuple[CausalStatement, ...] = causal_detection(segmentation, profile=profile())
    check = _checks(segmentation, about={"P1": list(range(6))})[0]
    spans = {node.span for node in check.nodes}
    assert any(statement.effect in spans for statement in statements)
    assert all(quoted(segmentation, span=node.span).startswith(node.label[:20]) for node in check.nodes)
