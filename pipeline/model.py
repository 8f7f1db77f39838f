"""The values that pass between the nodes of the pipeline.

Frozen, without behaviour beyond small look-ups.
What a plan has by the ten thousand (lines, pieces, runs, cells, segments) are structs instead of dataclasses: they
are made five times as fast, and the garbage collector, which has nothing to find in them, leaves them out.
Offsets are in characters of the text they speak of; boxes are in PDF points with the origin in the
top left corner of the page as displayed (rotation applied); pages are numbered from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

import msgspec
import numpy as np  # noqa: TC002  the annotations are read at run time
from numpy.typing import NDArray  # noqa: TC002  the annotations are read at run time

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in PDF points, origin top left."""

SegmentIndex = NewType("SegmentIndex", int)
"""Position of a segment in ``Segmentation.segments``."""

POINT_IDS: tuple[str, ...] = tuple(f"P{number}" for number in range(1, 11))
DIMENSION_IDS: tuple[str, ...] = tuple(f"D{number}" for number in range(1, 7))
CRITERION_KEYS: tuple[str, ...] = ("a", "b", "c", "d")


# --------------------------------------------------------------------------- extraction


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of text as it stands on a page.

    ``word_edges`` holds x0, x1 of each whitespace-separated word of ``text``, so that a part of a
    line can be located: ``len(word_edges) == 2 * len(text.split())``.
    """

    text: str
    box: Box
    word_edges: tuple[float, ...]
    font_size: float
    bold: bool


class Cell(msgspec.Struct, frozen=True, gc=False):
    """A cell of a table on one page; ``lines`` are indices into ``Page.lines``."""

    text: str
    box: Box
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table read from the geometry of one page: rows of cells, ``None`` where a row has no cell."""

    box: Box
    rows: tuple[tuple[Cell | None, ...], ...]
    ruled: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page as extracted. ``image_share`` is the part of its area that images cover, 0..1."""

    number: int
    width: float
    height: float
    lines: tuple[Line, ...]
    tables: tuple[Table, ...]
    image_share: float


@dataclass(frozen=True, slots=True)
class ExtractedDocument:
    """What the extraction child gave back, checked. ``warnings`` are stable codes, e.g. ``scanned_pages``."""

    sha256: str
    pages: tuple[Page, ...]
    title: str
    warnings: tuple[str, ...]
    recognised: tuple[tuple[int, float], ...] = ()
    """Pages that were read from their picture (OCR), each with the mean confidence of its words in percent."""


# --------------------------------------------------------------------------- node 1


class SourcePiece(msgspec.Struct, frozen=True, gc=False):
    """Part of a clean line: characters ``start``..``start + length`` come from one line of one page."""

    start: int
    length: int
    page: int
    line: int
    source_start: int


class CleanLine(msgspec.Struct, frozen=True, gc=False):
    """A line after sanitization; its pieces map every character back to page and line."""

    text: str
    page: int
    box: Box
    font_size: float
    bold: bool
    pieces: tuple[SourcePiece, ...]
    table: int | None = None
    """Index into ``CleanDocument.tables`` when the line stands in a cell of a geometric table."""


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """A geometric table with the page it stands on."""

    page: int
    table: Table


@dataclass(frozen=True, slots=True)
class CleanDocument:
    """The document without running heads, page numbers and hyphenation, NFC, in reading order."""

    source: ExtractedDocument
    lines: tuple[CleanLine, ...]
    tables: tuple[PlacedTable, ...]
    removed_lines: int


# --------------------------------------------------------------------------- node 2


class SectionKind(StrEnum):
    """The parts of a plan, named as Colombian law and practice name them."""

    PRELIMINARY = "preliminar"
    DIAGNOSIS = "diagnostico"
    STRATEGY = "estrategica"
    INVESTMENT = "inversiones"
    MONITORING = "seguimiento"
    ANNEX = "anexo"
    UNKNOWN = "sin_clasificar"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the plan; it spans clean lines ``first_line``..``last_line`` (exclusive)."""

    id: int
    title: str
    level: int
    kind: SectionKind
    parent: int | None
    page: int
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class PlanProfile:
    """What kind of document this is.

    ``plan_score`` is 0..1; the document counts as a development plan when ``is_plan``.
    ``reasons`` says in Spanish what spoke for and against it.
    """

    is_plan: bool
    plan_score: float
    reasons: tuple[str, ...]
    municipality: str | None
    department: str | None
    period: tuple[int, int] | None
    status: str
    """``adoptado``, ``borrador`` or ``desconocido``."""
    language: str
    """ISO 639-1 code, ``es`` for Spanish."""
    sections: tuple[Section, ...]


# --------------------------------------------------------------------------- node 3


class SegmentKind(StrEnum):
    """What a segment is."""

    PARAGRAPH = "parrafo"
    LIST_ITEM = "elemento_de_lista"
    TABLE_ROW = "fila_de_tabla"
    HEADING = "titulo"


class ColumnRole(StrEnum):
    """What a column of a table holds."""

    INDICATOR = "indicador"
    BASELINE = "linea_base"
    TARGET = "meta"
    PRODUCT = "producto"
    RESULT = "resultado"
    OBJECTIVE = "objetivo"
    PROGRAMME = "programa"
    PROJECT = "proyecto"
    RESPONSIBLE = "responsable"
    SOURCE = "fuente"
    CODE = "codigo"
    UNIT = "unidad"
    YEAR = "vigencia"
    BUDGET = "presupuesto"
    SECTOR = "sector"
    OTHER = "otra"


class RowCell(msgspec.Struct, frozen=True, gc=False):
    """A cell of a table row: its text, its column's role and head, its span in the segment's text."""

    text: str
    role: ColumnRole
    head: str
    start: int
    end: int
    year: int | None = None
    """The year of a ``YEAR`` column, or of a head such as ``META 2015`` or ``LÍNEA BASE 2011``."""


class TableRow(msgspec.Struct, frozen=True, gc=False):
    """A row with what it inherits: the table's title and the programme, sector or objective above it."""

    table: int
    title: str
    cells: tuple[RowCell, ...]
    context: tuple[str, ...]
    money_factor: int
    """What an amount in this table is multiplied with (1000 where the head says thousands of pesos)."""
    ruled: bool = True
    """Whether the columns come from the page's geometry; those of a table that survives as text are a guess."""
    context_roles: tuple[ColumnRole, ...] = ()
    """What the column of each text of ``context`` holds; ``OTHER`` for a row of one text across the table."""


class TextRun(msgspec.Struct, frozen=True, gc=False):
    """Characters ``start``..``end`` of a segment's text stand in clean line ``line`` from ``line_start``."""

    start: int
    end: int
    line: int
    line_start: int


class Segment(msgspec.Struct, frozen=True, gc=False):
    """A paragraph, list item, table row or heading: the unit that is judged and quoted."""

    index: SegmentIndex
    kind: SegmentKind
    text: str
    page: int
    section: int
    heading_path: tuple[str, ...]
    runs: tuple[TextRun, ...]
    row: TableRow | None = None


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Every segment of the plan in reading order; ``folded`` are their texts as ``fold`` gives them."""

    segments: tuple[Segment, ...]
    folded: tuple[str, ...]


# --------------------------------------------------------------------------- node 4


@dataclass(frozen=True, slots=True)
class Relevance:
    """How far each segment is about each point.

    ``scores`` is (segments, 10) float64, 0..1, rounded to 3 decimals.
    ``direct`` is (segments, 10) bool: the segment's own words name the point (not only its headings).
    ``about`` gives, per point, the segments that count as being about it, in reading order.
    ``inherited`` is (segments, 10) float64: what headings and titles say of each segment; ``shift`` what the
    embedding moved ``scores`` by.
    """

    scores: NDArray[np.float64]
    inherited: NDArray[np.float64]
    shift: NDArray[np.float64]
    direct: NDArray[np.bool_]
    about: tuple[tuple[SegmentIndex, ...], ...]
    terms: tuple[dict[SegmentIndex, tuple[str, ...]], ...]
    embedded_segments: int


# --------------------------------------------------------------------------- nodes 5 to 11


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start``..``end`` of the text of segment ``segment``."""

    segment: SegmentIndex
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Responsibility:
    """An entity or office made responsible, and for what (empty when only named)."""

    span: Span
    entity: str
    kind: str
    """``dependencia``, ``entidad_nacional``, ``entidad_departamental``, ``instancia``, ``comunidad`` or ``otra``."""
    task: str
    assigned: bool
    """True where the text makes it responsible; False where it is only named."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two passages that do not fit together."""

    kind: str
    """``meta``, ``cifra``, ``fecha`` or ``competencia``."""
    left: Span
    right: Span
    subject: str
    left_value: str
    right_value: str
    reason: str
    """A Spanish sentence that says why."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in Colombian pesos. ``pesos`` is exact, after units and the table's factor."""

    span: Span
    pesos: int
    raw: str
    source: str | None
    """Source of funds in canonical form: ``SGP``, ``SGR``, ``recursos_propios``, ``cofinanciacion``, …"""
    year: int | None
    programme: str | None


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator with what the plan says of it; ``quality`` is the share of its parts present, 0..1."""

    span: Span
    name: str
    level: str
    """``producto``, ``resultado``, ``impacto`` or ``gestion``."""
    baseline: str | None
    baseline_year: int | None
    target: str | None
    target_year: int | None
    unit: str | None
    source: str | None
    responsible: str | None
    code: str | None
    by_year: tuple[tuple[int, str], ...]
    quality: float


@dataclass(frozen=True, slots=True)
class CausalStatement:
    """A cause–effect statement; ``cause`` and ``effect`` are spans of the same segment."""

    span: Span
    cause: Span
    effect: Span
    connector: str
    kind: str
    """``causa`` (explains a problem) or ``fin`` (an action meant to bring something about)."""
    polarity: str
    """``favorable``, ``desfavorable`` or ``neutra``: the effect as the plan states it."""


class ChainLink(StrEnum):
    """The links of a theory of change, in their canonical order."""

    PROBLEM = "problema"
    CAUSE = "causa"
    ACTIVITY = "actividad"
    PRODUCT = "producto"
    OUTCOME = "resultado"
    IMPACT = "impacto"


@dataclass(frozen=True, slots=True)
class TheoryOfChange:
    """The chain found for one point: best passages per link, and what is missing."""

    point: str
    links: dict[ChainLink, tuple[Span, ...]]
    missing: tuple[ChainLink, ...]
    completeness: float


@dataclass(frozen=True, slots=True)
class CausalNode:
    """A node of the causal graph of a point."""

    id: str
    label: str
    link: ChainLink
    span: Span


@dataclass(frozen=True, slots=True)
class CausalGraphCheck:
    """The causal graph of a point and what the checks say of it.

    ``p_value`` is that of a deterministic permutation test (fixed order, no randomness) of whether the
    edges that the text states climb from level to level more often than the same passages would if they
    were linked otherwise; ``None`` when there are too few edges, or when no other linking climbs less.
    """

    point: str
    nodes: tuple[CausalNode, ...]
    edges: tuple[tuple[str, str], ...]
    acyclic: bool
    cycles: tuple[tuple[str, ...], ...]
    order_violations: tuple[tuple[str, str], ...]
    complete_paths: int
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What nodes 5 to 11 found. A node that was switched off stands in ``skipped`` and left its field empty."""

    responsibilities: tuple[Responsibility, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    amounts: tuple[Amount, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    causal_statements: tuple[CausalStatement, ...] = ()
    theories_of_change: tuple[TheoryOfChange, ...] = ()
    causal_graphs: tuple[CausalGraphCheck, ...] = ()
    skipped: tuple[str, ...] = ()


# --------------------------------------------------------------------------- options and answers


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What a batch may choose. All of it is part of the freeze hash."""

    enable_responsibility_detection: bool = True
    enable_contradiction_detection: bool = True
    enable_monetary_detection: bool = True
    enable_feasibility_scoring: bool = True
    enable_causal_analysis: bool = True
    """Nodes 9, 10 and 11 together."""
    evaluate_non_plans: bool = False
    """Evaluate a document that is no development plan instead of failing with ``not_a_plan``."""
    not_applicable_points: tuple[str, ...] = ()
    """Points that leave the averages, e.g. ``("P10",)``."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A passage that a detector offers for a criterion. ``strength`` 0..1 orders the proofs."""

    span: Span
    node: str
    strength: float


@dataclass(frozen=True, slots=True)
class CriterionFinding:
    """The judgement of one criterion of one question.

    When it is not met, ``looked_for`` says in Spanish what was searched and ``nearest`` the passage
    that came closest, if any.
    """

    key: str
    met: bool
    proofs: tuple[Proof, ...]
    confidence: float
    looked_for: str
    nearest: Span | None = None


@dataclass(frozen=True, slots=True)
class AnswerFinding:
    """The judgement of one question: its four criteria, in the order a, b, c, d."""

    question_id: str
    point: str
    dimension: str
    criteria: tuple[CriterionFinding, ...]
    skipped_nodes: tuple[str, ...] = field(default=())
    """Nodes that were switched off and that this answer would have used."""
