"""Reads indicators and targets from prose and from tables that did not survive as tables.

Three shapes: labelled ("Indicador: … Línea base: 0 Meta: 8"), counted ("Número de talleres 2 10") and
measured actions ("Construir 3 aulas", "Disminuir en 40 % …").
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.indicator_rows import NAME_CHARS, NO_TARGETS, Parts
from pipeline.findings.plan_text import one_line, trimmed
from pipeline.findings.values import (
    counted_unit,
    figures,
    horizon_in,
    is_absent,
    quantity,
    value_text,
    year_in,
)
from pipeline.model import SectionKind, SegmentKind, Span
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.findings.plan_text import PlanText
    from pipeline.model import Indicator, PlanProfile

MAX_OF_A_SHAPE: Final = 6_000
MAX_LABELS: Final = 30_000
"""Of 26 plans the largest holds 600 indicators of one shape and 2,100 labels."""
MAX_PER_SEGMENT: Final = 12
MAX_READ_PER_SEGMENT: Final = 200
"""Spans of a segment that later shapes are kept off; a real segment holds a dozen."""
_MIN_NAME: Final = 10
_MAX_SENTENCE: Final = 420
_TAIL: Final = 60
_MONEY_DIGITS: Final = 8
_YEARS: Final = 4
"""A mayor's term, and so a plan, lasts four years (Constitution, art. 314, since 2004)."""

_LABEL: Final = re2.compile(
    rb"\b(indicador(?:es)?(?: (?:de )?(?:producto|resultado|impacto|gestion))?)\s?[:.]"
    rb"|\b(linea (?:de )?base)(?:\s?[:.]|\s?\(?(20[0-4][0-9])\)?\s?:?"
    rb"| (?:actual )?(?:de |es )?)[\s:|]*"
    rb"|\b(metas?(?: ?/? ?(?:de |del )?(?:producto|resultado|impacto"
    rb"|cuatri?enio)(?: [0-9]{1,2}\b)?| [0-9]{1,2}(?:\s?:))?)"
    rb"(?:\s?[:.]|\s?(20[0-4][0-9](?: ?- ?20[0-4][0-9])?)\s?:?|\s)[\s:|]*"
    rb"|\b(responsables?)\s?:|\b(fuentes?(?: de (?:verificacion|informacion"
    rb"|financiacion))?)\s?:"
    rb"|\b(unidad(?: de medida)?)\s?:|\b((?:codigo )?(?:bpin|mga)|codigo)\s?[:.\s]\s?"
    rb"|\b(programas?|subprogramas?|proyectos?|objetivos?|estrategias?|sector|formula|acciones"
    rb"|actividades|producto|resultado)\s?:"
)
_NUMBERING: Final = re2.compile(rb"\(?[0-9]{1,3}(?:\.[0-9]{1,2}){0,4}[.)] ?")
_VALUE_FOLLOWS: Final = re2.compile(rb"^[ :=\-]*(?:es |de |del |un |una |al |a )?[0-9]")
_PARTS: Final = {
    "indicator": 0,
    "baseline": 1,
    "target": 3,
    "responsible": 5,
    "source": 6,
    "unit": 7,
    "code": 8,
    "stop": 9,
}
"""The parts of an indicator and the group of ``_LABEL`` that opens each."""
_BASE_YEAR: Final = 2
_PERIOD: Final = 4
_YEAR_DIGITS: Final = 4
_COUNTED: Final = re2.compile(
    rb"(?m)^[ \-?*]*(?:[0-9]{1,2}[.)] )?((?:indicador:? )?(?:numero|no\.|nro\.?|# |cantidad|porcentaje"
    rb"|% de|tasa|cobertura|indice"
    rb"|razon|proporcion|prevalencia|mortalidad|incidencia)\b)"
)
_TRAILING: Final = re2.compile(
    rb"[ :]([0-9][0-9.,]*%?)(?: (?:por|x) [0-9.,]+[a-z .]*)?(?:(?: +|(?: ?\| ?)+)([0-9][0-9.,]*%?))?"
    rb"[ .)]*(?:\(odm\))?$"
)
_FIGURE_CELL: Final = re2.compile(rb"\| ?[0-9][0-9.,]*%? ?(?:\||$)")
_YEAR: Final = re2.compile(rb"(?:19|20)[0-9]{2}")
_DATED: Final = re2.compile(rb"\((?:a |ano )?((?:19|20)[0-9]{2})$")
_CROSSES: Final = re2.compile(rb"[ |]x[ |]*$")
_VERBS: Final = (
    b"abastecer|adecuar|adquirir|alcanzar|ampliar|apoyar|articular|asegurar|asesorar|asistir|atender"
    b"|aumentar|beneficiar|brindar|"
    b"bajar|capacitar|certificar|cofinanciar|conformar|conservar|construir|consolidar|contratar|crear"
    b"|cubrir|cumplir|dar|desarrollar|"
    b"diagnosticar|difundir|disenar|disminuir|dotar|efectuar|ejecutar|elaborar|elevar|entregar|erradicar"
    b"|establecer|evitar|"
    b"financiar|fomentar|formalizar|formar|formular|fortalecer|garantizar|gestionar|habilitar|identificar"
    b"|implementar|"
    b"impulsar|incorporar|incrementar|incluir|instalar|institucionalizar|integrar|intervenir|legalizar"
    b"|levantar|lograr|mantener|mejorar|"
    b"modernizar|motivar|obtener|optimizar|organizar|operar|orientar|otorgar|pavimentar|plantar|prestar"
    b"|prevenir|promover|proteger|"
    b"proveer|realizar|reactivar|recuperar|reducir|reforestar|rehabilitar|remodelar|renovar|reparar"
    b"|reubicar|restaurar|sembrar|"
    b"sensibilizar|sostener|subsidiar|suministrar|terminar|titular|vacunar|vincular"
)
_NOUNS: Final = (
    b"construccion|adecuacion|dotacion|ampliacion|mejoramiento|mantenimiento|implementacion|capacitacion"
    b"|realizacion|"
    b"creacion|formulacion|elaboracion|reduccion|disminucion|incremento|aumento|atencion|entrega|adquisicion|"
    b"rehabilitacion|pavimentacion|instalacion|fortalecimiento|vinculacion|titulacion|legalizacion"
)
_ACTION: Final = re2.compile(
    rb"(?m)(?:^|[.;:?|] )[ \-?*]*(?:[0-9a-z]{1,3}[.)] ?|\([0-9]{1,3}\) ?"
    rb"|[0-9]+(?:\.[0-9]+)+\.? ?)?((?:" + _VERBS + rb"|" + _NOUNS + rb")\b)"
)
_SHARE: Final = re2.compile(rb"(?m)(?:^|[.;:|] )[ \-?*]*([0-9][0-9.,]* ?% (?:de|del) [a-z])")
_SENTENCE_END: Final = re2.compile(rb"[.] [a-z?0-9]|;| \|| \? ")
_MARK: Final = b" ? "
_BULLETS: Final = frozenset("?•·▪▫●○◦■□►➢➤✓✔❖\uf0b7\uf0a7\uf0d8\uf0fc")
"""Between blanks these begin the next item of a list; a lone question mark is a bullet whose sign was lost."""
_BASE_IN: Final = re2.compile(
    rb"\b(?:de|del|desde)(?: el| un)? ([0-9][0-9.,]*(?: ?%)?)"
    rb" (?:a|al|hasta)(?: el| un)? ([0-9][0-9.,]*(?: ?%)?)"
)
_AGE: Final = re2.compile(rb" (?:anos|meses|semanas|dias|horas)\b")
_VALUE: Final = rb"[0-9]+(?:[.,][0-9]+)*(?: ?%)?|nd|n\.d\.?|n/d|s\.?l\.?|sd"
_PAIR: Final = re2.compile(rb"[ .)](" + _VALUE + rb") +[<>]? ?([0-9][0-9.,]*(?: ?%)?)$")
_MEASURED: Final = re2.compile(
    rb"(?m)(?:^|[ .|)])(numero|no\.?|nro\.?|porcentaje|%|global|unidad(?:es)?|hectareas?|has?|kilometros?"
    rb"|km|metros?(?: cuadrados| lineales)?"
    rb"|m2|ml|mts|toneladas|tasa|personas|indice"
    rb"|razon)[ |]+(" + _VALUE + rb")(?:[ |<>=]+([0-9][0-9.,]*%?))?(?: mts| km| has?\b)?"
    rb"((?:[ |]+[0-9][0-9.,]*%?){0,4})(?:$|[ |])"
)
_NO_NAME: Final = re2.compile(rb"(?:\* ?|\(?nota\b|secretari[ao]s? de |alcaldia|gobernacion|fuente)")
"""What begins so is a footnote or a responsible: the columns were lost."""


def prose_indicators(plan: PlanText, *, profile: PlanProfile, read: frozenset[int]) -> Iterator[Indicator]:
    """Indicators outside recognised rows, shape by shape; no characters are read by two shapes.

    Args:
        plan: The plan's buffer.
        profile: Gives the sections and the plan's period.
        read: Segments that are known rows and read already.
    """
    taken: dict[int, list[Span]] = {}
    for reader in (_labelled, _measured, _counted, _actions):
        parts_read = islice(reader(plan, profile=profile), MAX_OF_A_SHAPE)
        found = [parts for parts in parts_read if parts.span.segment not in read]
        for parts in found:
            if _is_money(parts):
                continue
            if not any(_overlap(parts.span, other) for other in taken.get(parts.span.segment, ())):
                yield parts.indicator()
        for parts in found:
            held = taken.setdefault(parts.span.segment, [])
            if len(held) < MAX_READ_PER_SEGMENT:
                held.append(parts.span)


def _is_money(parts: Parts) -> bool:
    """A target of eight digits without a unit is a budget whose columns were lost."""
    digits = sum(char.isdigit() for char in parts.target or "")
    return digits >= _MONEY_DIGITS and parts.unit is None


def _overlap(left: Span, right: Span) -> bool:
    return left.start < right.end and right.start < left.end


# --------------------------------------------------------------------------- labelled


def _labelled(plan: PlanText, *, profile: PlanProfile) -> Iterator[Parts]:
    """Reads "Indicador: … Línea base: … Meta: …", in one segment or over neighbouring ones."""
    labels = _labels(plan)
    record: dict[str, tuple[int, int, int | None]] = {}
    previous = -1
    for number, (part, start, end, year) in enumerate(labels):
        segment = plan.segment_at(start)
        stop = plan.bounds(segment)[1]
        if number + 1 < len(labels):
            stop = min(stop, labels[number + 1][1])
        if part in record or part == "stop" or segment > previous + 1 > 0:
            yield from _record(plan, record=record, profile=profile)
            record = {}
        if part not in {"stop", "target", "baseline"} or (
            part != "stop" and _valued(plan, end=end, start=start)
        ):
            record[part] = (end, stop, year)
            if part == "baseline" and "indicator" not in record and "target" not in record:
                record["before"] = (_sentence_start(plan, at=start), start, None)
        previous = segment
    yield from _record(plan, record=record, profile=profile)


def _labels(plan: PlanText) -> list[tuple[str, int, int, int | None]]:
    """Every label: which part it opens, where it stands, and the year it carries."""
    found: list[tuple[str, int, int, int | None]] = []
    for match in islice(_LABEL.finditer(plan.data), MAX_LABELS):
        groups = match.groups()
        part = next(name for name, number in _PARTS.items() if groups[number] is not None)
        year = groups[_BASE_YEAR] or groups[_PERIOD]
        found.append((part, match.start(), match.end(), int(year[-_YEAR_DIGITS:]) if year else None))
    return found


def _valued(plan: PlanText, *, start: int, end: int) -> bool:
    """A label counts when a colon or a figure follows it: "la línea base del plan" is talk."""
    marked = plan.data[start:end].rstrip(b" |").endswith((b":", b"."))
    return marked or _VALUE_FOLLOWS.match(plan.data[end : end + 16]) is not None


def _sentence_start(plan: PlanText, *, at: int) -> int:
    first = plan.bounds(plan.segment_at(at))[0]
    first = max(first, at - _MAX_SENTENCE)
    before = plan.data.rfind(b". ", first, max(first, at - 2))
    return before + 2 if before >= 0 else first


def _record(
    plan: PlanText, *, record: dict[str, tuple[int, int, int | None]], profile: PlanProfile
) -> Iterator[Parts]:
    """One indicator from the labels collected; without a measured part there is none."""
    if "baseline" not in record and "target" not in record:
        return
    if (
        "indicator" not in record
        and "before" not in record
        and not ("baseline" in record and "target" in record)
    ):
        return
    name = record.get("indicator") or record.get("before") or record["target"]
    start, end = trimmed(plan.data, name[0], min(name[1], name[0] + _MAX_SENTENCE))
    numbering = _NUMBERING.match(plan.data, start, end)
    start = numbering.end() if numbering is not None else start
    if end - start < _MIN_NAME or not any(97 <= byte <= 122 for byte in plan.data[start:end]):  # noqa: PLR2004  a-z
        return
    texts = {part: _content(plan, record=record, part=part) for part in _PARTS}
    base = _amount(texts["baseline"])
    goal = _amount(texts["target"]) or (
        _amount(plan.original(start, end)) if "indicator" not in record else None
    )
    if base is None and goal is None:
        return
    target = record.get("target")
    yield Parts(
        span=plan.span(start, end),
        name=plan.original(start, end),
        target_sentence=texts["target"],
        baseline=base[0] if base else value_text(texts["baseline"]) if texts["baseline"] else None,
        baseline_year=(record["baseline"][2] or year_in(texts["baseline"])) if "baseline" in record else None,
        target=goal[0] if goal else None,
        target_year=((target[2] if target else None) or horizon_in(texts["target"], profile=profile)),
        unit=texts["unit"]
        or (goal[1] if goal else None)
        or (base[1] if base else None)
        or counted_unit(plan.original(start, end)),
        source=texts["source"] or None,
        responsible=texts["responsible"] or None,
        code=texts["code"].split()[0] if texts["code"] else None,
    )


def _content(plan: PlanText, *, record: dict[str, tuple[int, int, int | None]], part: str) -> str:
    if part not in record:
        return ""
    start, end = record[part][0], record[part][1]
    end = min(end, start + NAME_CHARS)
    return one_line(plan.original(start, end), limit=NAME_CHARS).strip(" .,;:-")


def _amount(text: str) -> tuple[str, str | None] | None:
    if not text or is_absent(text):
        return None
    measured = quantity(text)
    return (measured[0], measured[2]) if measured is not None else None


# --------------------------------------------------------------------------- measured


def _measured(plan: PlanText, *, profile: PlanProfile) -> Iterator[Parts]:
    """A flattened row with its unit: "Centro de Atención establecido. Número 0 1 [by year]"."""
    reached = 0
    for match in _MEASURED.finditer(plan.data):
        index = plan.segment_at(match.start(1))
        first = plan.bounds(index)[0]
        start, end = _name_before(plan, at=match.start(1), first=max(first, min(reached, match.start(1))))
        if end - start < _MIN_NAME and match.start(1) - first < _MIN_NAME and index > 0:
            start, end = _name_before(plan, at=plan.bounds(index - 1)[1], first=plan.bounds(index - 1)[0])
        reached = match.end()
        segment = plan.segmentation.segments[index]
        priced = segment.row is not None and segment.row.money_factor > 1
        if match.group(3) is None and (
            segment.row is None or b"|" not in plan.data[match.start(1) : match.start(2)]
        ):
            continue
        if end - start < _MIN_NAME or _kind(plan, start=start, profile=profile) in NO_TARGETS:
            continue
        values = [match.group(group).decode() for group in (2, 3) if match.group(group) is not None]
        unit = plan.original(*match.span(1)).strip()
        if priced:
            parts = _from_values(plan, start=start, end=end, values=values[:1], profile=profile, unit=unit)
        else:
            years = _schedule(match.group(4), profile=profile)
            parts = _from_values(
                plan, start=start, end=end, values=values, profile=profile, unit=unit, years=years
            )
        if (parts.baseline or parts.target) and _NO_NAME.match(plan.data, start, end) is None:
            yield parts


def _name_before(plan: PlanText, *, at: int, first: int) -> tuple[int, int]:
    """The last sentence or cell before ``at``; one more when that is too short to be a name."""
    first = max(first, at - _MAX_SENTENCE)
    _, stop = trimmed(plan.data, first, at)
    start = stop
    while start > first and stop - start < _MIN_NAME * 2:
        marks = (plan.data.rfind(b". ", first, start - 1), plan.data.rfind(b"| ", first, start - 1))
        start = max(first, max(marks) + 2) if max(marks) >= 0 else first
    return trimmed(plan.data, max(start, stop - _MAX_SENTENCE), stop)


def _from_values(
    plan: PlanText,
    *,
    start: int,
    end: int,
    values: list[str],
    profile: PlanProfile,
    unit: str | None = None,
    years: tuple[tuple[int, str], ...] = (),
) -> Parts:
    """Baseline and target, in the order in which columns stand; one value alone is the target."""
    name = plan.original(start, end)
    base, goal = ("", values[0]) if len(values) == 1 else (values[0], values[1])
    counted = unit is None or fold(unit).startswith(("numero", "no", "nro", "global", "unidad"))
    return Parts(
        span=plan.span(start, end),
        name=name,
        target_sentence=name,
        baseline=None if is_absent(base) else base,
        target=None if is_absent(goal) else goal,
        target_year=years[-1][0] if years else horizon_in(name, profile=profile),
        unit="%" if "%" in goal or "%" in base else (counted_unit(name) if counted else unit),
        by_year=years,
    )


def _schedule(written: bytes | None, *, profile: PlanProfile) -> tuple[tuple[int, str], ...]:
    values = (written or b"").replace(b"|", b" ").split()
    if profile.period is None or len(values) != _YEARS:
        return ()
    return tuple((profile.period[0] + number, value.decode()) for number, value in enumerate(values))


# --------------------------------------------------------------------------- counted


def _counted(plan: PlanText, *, profile: PlanProfile) -> Iterator[Parts]:
    """A flattened row: a counting name, then one figure or two (baseline, target)."""
    for match in _COUNTED.finditer(plan.data):
        start = match.start(1)
        index = plan.segment_at(start)
        stop = plan.bounds(index)[1]
        low = max(match.end(1), stop - _TAIL)
        tail = _TRAILING.search(plan.data[low:stop]) if stop - start < _MAX_SENTENCE else None
        if tail is None or low + tail.start() - start < _MIN_NAME:
            continue
        stop = low + tail.start()
        if _is_series(plan.data[start:stop], tail=tail, profile=profile):
            continue
        start, end = trimmed(plan.data, start, stop)
        if _kind(plan, start=start, profile=profile) not in NO_TARGETS:
            values = [tail.group(group).decode() for group in (1, 2) if tail.group(group) is not None]
            yield _from_values(plan, start=start, end=end, values=values, profile=profile)


def _is_series(name: bytes, *, tail: re2.Match[bytes], profile: PlanProfile) -> bool:
    """Figures of several years, or one of a year before the plan: what was measured, not what is to be reached.

    Nor is the figure behind crosses: there it numbers the rows, or a rate counts against it.
    """
    if _FIGURE_CELL.search(name) is not None or _CROSSES.search(name) is not None:
        return True
    first = profile.period[0] if profile.period is not None else 0
    if tail.group(2) is None:
        return _measured_before(name, first=first)
    return (
        tail.group(2) is not None
        and _YEAR.fullmatch(tail.group(1)) is not None
        and int(tail.group(1)) < first
    )


def _measured_before(name: bytes, *, first: int) -> bool:
    """True where a text ends in a year before the plan's first: "… (2010)"."""
    dated = _DATED.search(name.rstrip(b" |:)"))
    return dated is not None and int(dated.group(1)) < first


# --------------------------------------------------------------------------- measured actions


def _actions(plan: PlanText, *, profile: PlanProfile) -> Iterator[Parts]:
    """Sentences that begin with an action and hold a figure: "Construir 3 aulas", "100 % de los niños …"."""
    counts: dict[int, int] = {}
    for pattern in (_ACTION, _SHARE):
        for match in pattern.finditer(plan.data):
            start = match.start(1)
            index = plan.segment_at(start)
            segment = plan.segmentation.segments[index]
            if segment.kind is SegmentKind.HEADING or counts.get(index, 0) >= MAX_PER_SEGMENT:
                continue
            end = min(plan.bounds(index)[1], start + _MAX_SENTENCE)
            start, end = trimmed(plan.data, start, _sentence_end(plan, start=start, end=end))
            parts = _action(plan, start=start, end=end, profile=profile)
            if parts is not None:
                counts[index] = counts.get(index, 0) + 1
                yield parts


def _sentence_end(plan: PlanText, *, start: int, end: int) -> int:
    """Where a sentence ends: at a full stop, a semicolon, the edge of a cell or the bullet of the next item."""
    for stop in _SENTENCE_END.finditer(plan.data, start, end):
        # What is not ASCII is a question mark in the buffer: a dash goes on, a bullet does not.
        if stop.group() != _MARK or plan.original(stop.start() + 1, stop.end() - 1) in _BULLETS:
            return int(stop.start())
    return end


def _action(plan: PlanText, *, start: int, end: int, profile: PlanProfile) -> Parts | None:
    found = figures(plan.data[start:end].decode())
    if not found or _kind(plan, start=start, profile=profile) in NO_TARGETS:
        return None
    if profile.period is not None and _measured_before(plan.data[start:end], first=profile.period[0]):
        return None
    pair = _PAIR.search(plan.data[start:end])
    if pair is not None and pair.start() > _MIN_NAME:
        low, high = trimmed(plan.data, start, start + pair.start())
        values = [group.decode() for group in pair.groups()]
        return _from_values(plan, start=low, end=high, values=values, profile=profile)
    name = plan.original(start, end)
    shift = _BASE_IN.search(plan.data, start, end)
    if shift is not None and _AGE.match(plan.data, shift.end()) is not None:
        shift = None
    measured = quantity(name)
    if measured is None:
        return None
    return Parts(
        span=plan.span(start, end),
        name=name,
        target_sentence=name,
        baseline=plan.original(*shift.span(1)) if shift is not None else None,
        target=plan.original(*shift.span(2)) if shift is not None else measured[0],
        target_year=horizon_in(name, profile=profile),
        unit=measured[2],
    )


def _kind(plan: PlanText, *, start: int, profile: PlanProfile) -> SectionKind:
    section = plan.segmentation.segments[plan.segment_at(start)].section
    return profile.sections[section].kind if 0 <= section < len(profile.sections) else SectionKind.UNKNOWN
