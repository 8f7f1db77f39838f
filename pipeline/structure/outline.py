"""The section tree of a plan, and which part of a plan each section belongs to."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.model import Section, SectionKind
from pipeline.structure.contents import contents_lines
from pipeline.structure.heading_marks import RANK_LABEL, RANK_PROGRAMME
from pipeline.structure.headings import find_headings
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.model import CleanLine
    from pipeline.structure.heading_titles import Heading

CONTENTS_TITLE = "Tabla de contenido"
"""Title of the section that holds a table of contents; its lines are no segments."""
MAX_LEVEL = 12
MIN_STRATEGIC_LINES = 8
MIN_STRATEGIC_SHARE = 0.03
"""In strategic parts at least three lines of a hundred begin with such a word."""
_STRATEGIC_LINE = re.compile(
    r"(?:metas?|indicador(?:es)?|sub-?programas?|programas?|objetivos?|linea base|estrategias?)\b"
)
_CONTENTS_RANK = 15
_TITLE_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,6})\.?(?:[.)\-: ]|(?=[A-ZÁÉÍÓÚÑ]))")

_STRONG: tuple[tuple[SectionKind, re.Pattern[str]], ...] = (
    (SectionKind.ANNEX, re.compile(r"anexos?\b")),
    (
        SectionKind.INVESTMENT,
        re.compile(
            r"(?:.*\b)?(?:plan(?:es)? (?:plurianual )?(?:de )?inversion(?:es)?|plan plurianual"
            r"|plurianual|plan financiero|plan de inversion|inversiones y financiacion"
            r"|componente financiero|diagnostico financiero|estrategia financiera|parte financiera"
            r"|proyecciones? financieras?|fuentes de financiacion|finanzas (?:publicas|municipales"
            r"|territoriales)|marco fiscal|situacion financiera)",
        ),
    ),
    (
        SectionKind.MONITORING,
        re.compile(
            r"(?:(?:capitulo|titulo|parte|articulo)? ?[\divxlc.]* ?[.:\-]? ?)?(?:(?:sistema"
            r"|mecanismos?|plan|estrategia|esquema|proceso) (?:de|para el|integral de) )?"
            r"(?:seguimiento|monitoreo|evaluacion"
            r"|rendicion (?:publica )?de cuentas)(?: y (?:evaluacion|seguimiento|control|monitoreo)"
            r"|,| del plan|\s*$)",
        ),
    ),
    (
        SectionKind.DIAGNOSIS,
        re.compile(
            r"(?:.*\b)?(?:diagnosticos?|caracterizacion|situacion actual|linea de base"
            r"|analisis (?:situacional|de la situacion|dofa)|matriz dofa|perfil (?:epidemiologico"
            r"|demografico|municipal)"
            r"|resena historica|aspectos (?:generales|geograficos|demograficos|historicos)"
            r"|generalidades del municipio|contexto (?:municipal|regional|territorial|local)"
            r"|problematicas?)\b",
        ),
    ),
    (
        SectionKind.STRATEGY,
        re.compile(
            r"(?:.*\b)?(?:(?:parte|componente|plan|plataforma|marco|estructura"
            r"|contenido) estrategic[oa]|parte programatica|componente programatico"
            r"|ejes? estrategicos?|ejes? \d|eje [ivx]+\b|lineas? estrategicas?"
            r"|dimension(?:es)? |programas y (?:sub)?(?:programas|proyectos|metas)"
            r"|objetivos,? (?:estrategias|metas|programas))",
        ),
    ),
)
_WEAK: tuple[tuple[SectionKind, re.Pattern[str]], ...] = (
    (
        SectionKind.PRELIMINARY,
        re.compile(
            r"(?:[\divx.]+ ?[.\-]? ?)?(?:presentacion|introduccion|prologo|agradecimientos?|mensaje"
            r"|considerando|exposicion de motivos|proyecto de acuerdo|por (?:el|la|medio)"
            r"|honorables|marco (?:legal|juridico|normativo|conceptual|teorico)"
            r"|contenido|tabla de contenido|indice|concejo municipal|gabinete|metodologia|acuerda"
            r"|acuerdo|principios|fundamentos|equipo|credit)",
        ),
    ),
    (
        SectionKind.STRATEGY,
        re.compile(
            r"(?:[\divx.]+ ?[.\-]? ?)?(?:programas?\b|subprogramas?\b|proyectos?\b|metas\b"
            r"|objetivos?\b|estrategias?\b|politicas?\b|vision\b|mision\b|eje\b|linea\b|sector\b"
            r"|componente\b)",
        ),
    ),
    (
        SectionKind.INVESTMENT,
        re.compile(r".*\b(?:presupuesto|inversion|ingresos|gastos|recursos financieros|financiacion)\b"),
    ),
    (
        SectionKind.DIAGNOSIS,
        re.compile(
            r"(?:[\divx.]+ ?[.\-]? ?)?(?:historia|geografia|demografia|poblacion|localizacion"
            r"|ubicacion|limites|contexto|economia|clima)\b"
        ),
    ),
)


def section_tree(
    lines: Sequence[CleanLine], *, folded: Sequence[str], skip: frozenset[int]
) -> tuple[Section, ...]:
    """Build the sections in reading order; each ends where the next of its level or above begins.

    Args:
        lines: the clean lines of the document.
        folded: their folded texts.
        skip: lines that cannot be headings (they stand in tables).
    """
    contents = contents_lines(folded)
    blocked = set(skip)
    for start, stop in contents:
        blocked.update(range(start, stop))
    headings = find_headings(lines, folded=folded, skip=frozenset(blocked))
    merged = _with_contents(headings, contents)
    return _judged_by_content(_sections(merged, lines=lines), folded=folded)


def _judged_by_content(sections: tuple[Section, ...], *, folded: Sequence[str]) -> tuple[Section, ...]:
    """Where headings say nothing: a section full of programmes, targets and indicators is strategic."""
    marks = [index for index, text in enumerate(folded) if _STRATEGIC_LINE.match(text)]
    kinds: list[SectionKind] = []
    for section in sections:
        kind = section.kind
        if kind is SectionKind.UNKNOWN:
            size = section.last_line - section.first_line
            found = bisect_left(marks, section.last_line) - bisect_left(marks, section.first_line)
            inherited = kinds[section.parent] if section.parent is not None else SectionKind.UNKNOWN
            if found >= MIN_STRATEGIC_LINES and found >= MIN_STRATEGIC_SHARE * size:
                inherited = SectionKind.STRATEGY
            kind = inherited
        kinds.append(kind)
    return tuple(
        section if section.kind is kind else replace(section, kind=kind)
        for section, kind in zip(sections, kinds, strict=True)
    )


def _with_contents(
    headings: Iterable[Heading], contents: Iterable[tuple[int, int]]
) -> list[tuple[int, int, str, int | None]]:
    """(first, stop, title, rank) of headings and tables of contents in reading order."""
    rows: list[tuple[int, int, str, int | None]] = [(h.first, h.stop, h.title, h.rank) for h in headings]
    rows.extend((start, stop, CONTENTS_TITLE, None) for start, stop in contents)
    rows.sort(key=lambda row: row[0])
    return rows


@dataclass(slots=True)
class _Open:
    """A section that may still get children."""

    id: int
    rank: int
    number: tuple[str, ...]


def _sections(
    rows: Sequence[tuple[int, int, str, int | None]], *, lines: Sequence[CleanLine]
) -> tuple[Section, ...]:
    total = len(lines)
    stack: list[_Open] = []
    drafts: list[tuple[str, int, SectionKind, int | None, int]] = []  # title, level, kind, parent, first
    ends: list[int] = []
    for first, stop, title, rank in rows:
        number = _number_of(title)
        level_rank = _CONTENTS_RANK if rank is None else rank
        for closed in _closed_by(stack, rank=level_rank, number=number):
            ends[closed.id] = first
        parent = stack[-1].id if stack else None
        parent_kind = drafts[parent][2] if parent is not None else SectionKind.UNKNOWN
        kind = SectionKind.PRELIMINARY
        if rank is not None:
            kind = section_kind(title, rank=rank, parent=parent_kind)
            level_rank = max(level_rank, stack[-1].rank + 1) if stack else level_rank
        identifier = len(drafts)
        drafts.append((title, min(len(stack) + 1, MAX_LEVEL), kind, parent, first))
        ends.append(stop if rank is None else total)
        if rank is not None:
            stack.append(_Open(identifier, level_rank, number))
    return tuple(
        Section(i, title, level, kind, parent, lines[first].page, first, ends[i])
        for i, (title, level, kind, parent, first) in enumerate(drafts)
    )


def _number_of(title: str) -> tuple[str, ...]:
    """The parts of the number a title begins with: ``2.3.1 Salud`` gives ``("2", "3", "1")``."""
    match = _TITLE_NUMBER.match(title)
    return tuple(match[1].split(".")) if match else ()


def _closed_by(stack: list[_Open], *, rank: int, number: tuple[str, ...]) -> list[_Open]:
    """Take from the stack what a heading closes.

    A number that extends the number of an open section makes the heading its child, whatever
    their ranks; otherwise everything of the same or a larger rank is closed.
    """
    for place in range(len(stack) - 1, -1, -1):
        above = stack[place].number
        if above and len(above) < len(number) and number[: len(above)] == above:
            closed = stack[place + 1 :]
            kept = [item for item in closed if item.rank < rank and not item.number]
            del stack[place + 1 :]
            stack.extend(kept)
            return [item for item in closed if item not in kept]
    closed = []
    while stack and stack[-1].rank >= rank:
        closed.append(stack.pop())
    return closed


def section_kind(title: str, *, rank: int, parent: SectionKind) -> SectionKind:
    """The part of the plan a heading opens; without a word that says so, the part it stands in."""
    folded = fold(title)
    for kind, pattern in _STRONG:
        if pattern.match(folded):
            if rank == RANK_LABEL and parent not in {SectionKind.UNKNOWN, SectionKind.PRELIMINARY}:
                return kind if kind is SectionKind.DIAGNOSIS else parent
            if (
                kind is SectionKind.STRATEGY
                and parent in {SectionKind.INVESTMENT, SectionKind.DIAGNOSIS}
                and rank > RANK_PROGRAMME
            ):
                return parent
            return kind
    if parent not in {SectionKind.UNKNOWN, SectionKind.PRELIMINARY}:
        return parent
    for kind, pattern in _WEAK:
        if pattern.match(folded):
            return kind
    return parent
