"""Which part of a plan a section belongs to: what its title says, and what its lines say where titles mislead."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from pipeline.model import SectionKind
from pipeline.structure.heading_marks import RANK_LABEL, RANK_PROGRAMME, ROW_OF_FIGURES
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import Section

MIN_STRATEGIC_LINES = 8
MIN_STRATEGIC_SHARE = 0.03
"""In strategic parts at least three lines of a hundred begin with such a word."""
MIN_STRATEGIC_SHARE_IN_DIAGNOSIS = 0.05
"""What stands below a diagnosis needs more of them, rows of figures left out: a diagnosis speaks of programmes and
indicators too, and shows what was spent on them."""
MIN_MONEY_SHARE = 0.05
"""Of a part about money at least so many lines hold an amount."""
MIN_MONEY_SHARE_OF_BUDGET = 0.2
"""Where so many do, an axis or a line divides the investment plan."""
MIN_MONEY_SHARE_OF_ACCOUNT = 0.5
"""Where every other line does, a section is an account: ``metas de superavit`` are no targets of the strategy."""
_STRATEGIC_LINE = re.compile(
    r"(?:metas?|indicador(?:es)?|sub-?programas?|programas?|objetivos?|linea base|estrategias?)\b"
)
_MONEY = re.compile(r"\$ ?\d|\b\d{1,3}(?:[.,]\d{3})+|\bmillones\b")


class Ground(Enum):
    """On what the kind of a section rests, the firmest first."""

    NAMED = auto()
    """Its title names a part of the plan."""
    DIVIDED = auto()
    """Its title is an axis, a line or a dimension: diagnosis and budget may be divided as the strategy is."""
    HINT = auto()
    """Its title has a word that is used elsewhere too."""
    INHERITED = auto()
    """It has the kind of the section it stands in."""


_STRONG: tuple[tuple[SectionKind, re.Pattern[str]], ...] = (
    (SectionKind.ANNEX, re.compile(r"anexos?\b")),
    (
        SectionKind.INVESTMENT,
        re.compile(
            r"(?:.*\b)?(?:plan(?:es)? (?:plurianual )?(?:de )?inversion(?:es)?|plan plurianual"
            r"|plurianual|plan financiero|plan de inversion|inversiones y financiacion"
            r"|componente financiero|diagnostico financiero|estrategia financiera|parte financiera"
            r"|proyecciones? financieras?|fuentes de financia(?:cion|miento)|finanzas (?:publicas|municipales"
            r"|territoriales)|marco fiscal|situacion financiera)",
        ),
    ),
    (
        SectionKind.MONITORING,
        re.compile(
            r"(?:(?:capitulo|titulo|parte|articulo)? ?[\divxlc.]* ?[.:\-]? ?)?(?:(?:sistema"
            r"|mecanismos?|plan|estrategia|esquema|proceso) (?:de|para el|integral de) )?"
            r"(?:seguimiento|monitoreo|evaluacion"
            r"|rendicion (?:publica )?de cuentas)(?: y (?:evaluacion|seguimiento|control|monitoreo)\b"
            r"(?! del? (?!.*\b(?:plan|metas|resultados)\b))|,| del plan|\s*$)",
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
            r"|programas y (?:sub)?(?:programas|proyectos|metas)"
            r"|objetivos,? (?:estrategias|metas|programas))",
        ),
    ),
)
_DIVISION = re.compile(
    r"(?:.*\b)?(?:ejes? estrategicos?|ejes? \d|eje [ivx]+\b|lineas? estrategicas?|dimension(?:es)? )"
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
        re.compile(
            r".*\b(?:presupuesto|inversion|ingresos|gastos|recursos financieros|financia(?:cion|miento))\b"
        ),
    ),
    (
        SectionKind.DIAGNOSIS,
        re.compile(
            r"(?:[\divx.]+ ?[.\-]? ?)?(?:historia|geografia|demografia|poblacion|localizacion"
            r"|ubicacion|limites|contexto|economia|clima)\b"
        ),
    ),
)


_FIRM = (
    *((kind, pattern, Ground.NAMED) for kind, pattern in _STRONG),
    (SectionKind.STRATEGY, _DIVISION, Ground.DIVIDED),
)


def kind_of_title(title: str, *, rank: int, parent: SectionKind) -> tuple[SectionKind, Ground]:
    """The part of the plan a heading opens; without a word that says so, the part it stands in."""
    folded = fold(title)
    in_part = parent not in {SectionKind.UNKNOWN, SectionKind.PRELIMINARY}
    for kind, pattern, ground in _FIRM:
        if pattern.match(folded):
            if rank == RANK_LABEL and in_part:
                return (kind, ground) if kind is SectionKind.DIAGNOSIS else (parent, Ground.INHERITED)
            if (
                kind is SectionKind.STRATEGY
                and parent in {SectionKind.INVESTMENT, SectionKind.DIAGNOSIS}
                and rank > RANK_PROGRAMME
            ):
                return parent, Ground.INHERITED
            return kind, ground
    if not in_part:
        for kind, pattern in _WEAK:
            if pattern.match(folded):
                return kind, Ground.HINT
    return parent, Ground.INHERITED


def judged_by_content(
    sections: Sequence[Section], *, grounds: Sequence[Ground], folded: Sequence[str]
) -> tuple[Section, ...]:
    """Hold the kinds of sections against their lines where titles are silent or mislead.

    Args:
        sections: in reading order, each with the kind its title gives it.
        grounds: what each of these kinds rests on.
        folded: the folded lines of the document.
    """
    strategic = [index for index, text in enumerate(folded) if _STRATEGIC_LINE.match(text)]
    in_words = [index for index in strategic if not ROW_OF_FIGURES.search(folded[index])]
    kinds: list[SectionKind] = []
    for section, ground in zip(sections, grounds, strict=True):
        parent = kinds[section.parent] if section.parent is not None else SectionKind.UNKNOWN
        share = _share(strategic, section=section)
        kind = parent if ground is Ground.INHERITED else section.kind
        if ground is Ground.DIVIDED and parent is SectionKind.DIAGNOSIS and share < MIN_STRATEGIC_SHARE:
            kind = SectionKind.DIAGNOSIS
        if ground is not Ground.INHERITED:
            kind = _by_money(
                kind, ground=ground, parent=parent, lines=folded[section.first_line : section.last_line]
            )
        if ground in {Ground.INHERITED, Ground.HINT}:
            in_diagnosis = kind is SectionKind.DIAGNOSIS
            worded = _share(in_words, section=section) if in_diagnosis else 0.0
            if worded >= MIN_STRATEGIC_SHARE_IN_DIAGNOSIS or (
                kind is SectionKind.UNKNOWN and share >= MIN_STRATEGIC_SHARE
            ):
                kind = SectionKind.STRATEGY
        kinds.append(kind)
    return tuple(
        section if section.kind is kind else replace(section, kind=kind)
        for section, kind in zip(sections, kinds, strict=True)
    )


def _share(marks: Sequence[int], *, section: Section) -> float:
    """How many of a section's lines are marked, 0 where that are too few to tell."""
    found = bisect_left(marks, section.last_line) - bisect_left(marks, section.first_line)
    return found / (section.last_line - section.first_line) if found >= MIN_STRATEGIC_LINES else 0.0


def _by_money(kind: SectionKind, *, ground: Ground, parent: SectionKind, lines: Sequence[str]) -> SectionKind:
    """What amounts, or their absence, make of a kind that a title gives but does not settle."""
    if ground is Ground.NAMED or kind not in {SectionKind.INVESTMENT, SectionKind.STRATEGY}:
        return kind
    money = sum(_MONEY.search(line) is not None for line in lines)
    if ground is Ground.HINT and kind is SectionKind.INVESTMENT:
        return kind if money >= int(MIN_MONEY_SHARE * len(lines)) else parent  # a few lines need hold none
    if ground is Ground.HINT and money >= max(1.0, MIN_MONEY_SHARE_OF_ACCOUNT * len(lines)):
        return SectionKind.INVESTMENT
    in_budget = ground is Ground.DIVIDED and parent is SectionKind.INVESTMENT
    return parent if in_budget and money >= max(1.0, MIN_MONEY_SHARE_OF_BUDGET * len(lines)) else kind
