"""The canonical flow: eleven nodes, always in this order, each with what switches it off and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import NOT_A_PLAN, DocumentFault
from pipeline.model import Findings
from pipeline.nodes import (
    causal_detection,
    contradiction_detection,
    dag_validation,
    document_segmentation,
    embedding,
    feasibility_scoring,
    monetary_detection,
    plan_processing,
    responsibility_detection,
    sanitization,
    theory_of_change,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from pipeline.model import (
        CleanDocument,
        EvaluationOptions,
        ExtractedDocument,
        PlanProfile,
        Relevance,
        Segmentation,
    )
    from pipeline.nodes.embedding import EmbeddingModels

    Observe = Callable[[str, int, int], None]

STEPS_AFTER_NODES = ("answering", "artifacts")


@dataclass(frozen=True, slots=True)
class Node:
    """A row of the table. ``option`` switches the node off; ``needs`` are nodes whose output it reads."""

    number: int
    module: ModuleType
    takes: str
    gives: str
    option: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Canonical name of the node."""
        return self.module.__name__.rsplit(".", 1)[-1]

    @property
    def version(self) -> str:
        """Version of the node; it is part of the freeze hash."""
        return str(self.module.VERSION)


NODES: tuple[Node, ...] = (
    Node(1, sanitization, "extracted pages", "clean text"),
    Node(2, plan_processing, "clean text", "profile and section tree"),
    Node(3, document_segmentation, "clean text, sections", "segments"),
    Node(4, embedding, "segments", "relevance to the ten points"),
    Node(5, responsibility_detection, "segments", "responsibilities", "enable_responsibility_detection"),
    Node(
        6,
        contradiction_detection,
        "segments, relevance, responsibilities",
        "contradictions",
        "enable_contradiction_detection",
        ("responsibility_detection",),
    ),
    Node(7, monetary_detection, "segments", "amounts in pesos", "enable_monetary_detection"),
    Node(
        8,
        feasibility_scoring,
        "segments, amounts, responsibilities",
        "indicators and their quality",
        "enable_feasibility_scoring",
        ("responsibility_detection", "monetary_detection"),
    ),
    Node(9, causal_detection, "segments", "cause–effect statements", "enable_causal_analysis"),
    Node(
        10,
        theory_of_change,
        "segments, relevance, indicators, causes",
        "a chain for each point",
        "enable_causal_analysis",
        ("feasibility_scoring", "causal_detection"),
    ),
    Node(
        11,
        dag_validation,
        "chains, causes",
        "a checked causal graph for each point",
        "enable_causal_analysis",
        ("causal_detection", "theory_of_change"),
    ),
)
TOTAL_STEPS = len(NODES) + len(STEPS_AFTER_NODES)


@dataclass(frozen=True, slots=True)
class NodeRun:
    """What became of a node: ``ran`` or ``skipped``; ``without`` names skipped nodes it would have used."""

    node: Node
    status: str
    items: int
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowResult:
    """Everything the nodes gave."""

    clean: CleanDocument
    profile: PlanProfile
    segmentation: Segmentation
    relevance: Relevance
    findings: Findings
    runs: tuple[NodeRun, ...]


def skipped_nodes(options: EvaluationOptions) -> tuple[str, ...]:
    """Names of the nodes that the options switch off, in order."""
    return tuple(node.name for node in NODES if node.option and not getattr(options, node.option))


def run_nodes(
    document: ExtractedDocument, *, options: EvaluationOptions, models: EmbeddingModels, observe: Observe
) -> FlowResult:
    """Run the eleven nodes in order.

    Args:
        document: the extracted pages.
        options: which nodes run.
        models: encoder and lexicons, loaded once.
        observe: called with name, step and number of steps before each node; may raise to stop.

    Raises:
        DocumentFault: NOT_A_PLAN, unless the options ask for non-plans to be evaluated.
    """
    skipped = skipped_nodes(options)

    def begin(number: int) -> bool:
        node = NODES[number - 1]
        if node.name in skipped:
            return False
        observe(node.name, number, TOTAL_STEPS)
        return True

    begin(1)
    clean = sanitization.sanitization(document)
    begin(2)
    profile = plan_processing.plan_processing(clean)
    if not profile.is_plan and not options.evaluate_non_plans:
        raise DocumentFault(NOT_A_PLAN, f"plan score {profile.plan_score:.2f}")
    begin(3)
    segmentation = document_segmentation.document_segmentation(clean, profile=profile)
    begin(4)
    relevance = embedding.embedding(segmentation, profile=profile, models=models)
    findings = _find(segmentation, profile=profile, relevance=relevance, begin=begin, skipped=skipped)
    counts = (
        len(clean.lines),
        len(profile.sections),
        len(segmentation.segments),
        *_counts(relevance, findings=findings),
    )
    return FlowResult(clean, profile, segmentation, relevance, findings, _runs(counts, skipped=skipped))


def _find(
    segmentation: Segmentation,
    *,
    profile: PlanProfile,
    relevance: Relevance,
    begin: Callable[[int], bool],
    skipped: tuple[str, ...],
) -> Findings:
    """Nodes 5 to 11; a node that is switched off gives nothing."""
    responsibilities = (
        responsibility_detection.responsibility_detection(segmentation, profile=profile) if begin(5) else ()
    )
    contradictions = (
        contradiction_detection.contradiction_detection(
            segmentation, profile=profile, relevance=relevance, responsibilities=responsibilities
        )
        if begin(6)
        else ()
    )
    amounts = monetary_detection.monetary_detection(segmentation, profile=profile) if begin(7) else ()
    indicators = (
        feasibility_scoring.feasibility_scoring(
            segmentation, profile=profile, amounts=amounts, responsibilities=responsibilities
        )
        if begin(8)
        else ()
    )
    causes = causal_detection.causal_detection(segmentation, profile=profile) if begin(9) else ()
    theories = (
        theory_of_change.theory_of_change(
            segmentation,
            profile=profile,
            relevance=relevance,
            indicators=indicators,
            causal_statements=causes,
        )
        if begin(10)
        else ()
    )
    graphs = (
        dag_validation.dag_validation(
            segmentation, relevance=relevance, theories=theories, causal_statements=causes
        )
        if begin(11)
        else ()
    )
    return Findings(responsibilities, contradictions, amounts, indicators, causes, theories, graphs, skipped)


def _counts(relevance: Relevance, *, findings: Findings) -> tuple[int, ...]:
    return (
        sum(len(about) for about in relevance.about),
        len(findings.responsibilities),
        len(findings.contradictions),
        len(findings.amounts),
        len(findings.indicators),
        len(findings.causal_statements),
        sum(len(theory.links) for theory in findings.theories_of_change),
        sum(len(graph.nodes) for graph in findings.causal_graphs),
    )


def _runs(counts: tuple[int, ...], *, skipped: tuple[str, ...]) -> tuple[NodeRun, ...]:
    return tuple(
        NodeRun(
            node=node,
            status="skipped" if node.name in skipped else "ran",
            items=items,
            without=tuple(name for name in node.needs if name in skipped),
        )
        for node, items in zip(NODES, counts, strict=True)
    )
