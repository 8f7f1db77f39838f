"""Reads indicators and targets from prose and from tables that did not survive as tables.

Three shapes: labelled ("Indicador: … Línea base: 0 Meta: 8"), counted ("Número de talleres 2 10") and
measured actions ("Construir 3 aulas", "Disminuir en 40 % …").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.indicator_rows import NAME_CHARS, Parts
from pipeline.findings.plan_text import one_line, trimmed
from pipeline.findings.values import counted_unit, figures, horizon_in, is_absent, quantity, value_text, year_in
from pipeline.model import SectionKind, SegmentKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.findings.plan_text import PlanText
    from pipeline.model import Indicator, PlanProfile

MAX_PER_SEGMENT: Final = 12
_MIN_NAME: Final = 10
_MAX_SENTENCE: Final = 420
_TAIL: Final = 60

_LABEL: Final = re2.compile(
    rb"\b(?P<indicator>indicador(?:es)?(?: de (?:producto|resultado|impacto|gestion))?)\s?:"
    rb"|\b(?P<baseline>linea (?:de )?base)(?:\s?:|\s?\(?(?P<baseyear>20[0-4][0-9])\)?\s?:?| (?:actual )?(?:de |es )?)[\s:]*"
    rb"|\b(?P<target>metas?(?: de (?:producto|resultado|impacto|cuatrienio)| cuatrienio)?)"
    rb"(?:\s?:|\s?(?P<period>20[0-4][0-9](?: ?- ?20[0-4][0-9])?)\s?:?|\s(?:de |a )?[0-9]{0})[\s:]*"
    rb"|\b(?P<responsible>responsables?)\s?:|\b(?P<source>fuentes?(?: de (?:verificacion|informacion|financiacion))?)\s?:"
    rb"|\b(?P<unit>unidad(?: de medida)?)\s?:|\b(?P<code>(?:codigo )?(?:bpin|mga)|codigo)\s?[:.\s]\s?"
    rb"|\b(?P<stop>programas?|subprogramas?|proyectos?|objetivos?|estrategias?|sector|formula|acciones|actividades|producto|resultado)\s?:"
)
_VALUE_FOLLOWS: Final = re2.compile(rb"^[ :=\-]*(?:es |de |del |un |una |al |a )?[0-9]")
_PARTS: Final = ("indicator", "baseline", "target", "responsible", "source", "unit", "code", "stop")
_COUNTED: Final = re2.compile(
    rb"(?m)^[ \-?*]*(?:[0-9]{1,2}[.)] )?((?:indicador:? )?(?:numero|no\.|nro\.?|# |cantidad|porcentaje|% de|tasa|cobertura|indice"
    rb"|razon|proporcion|prevalencia|mortalidad|incidencia)\b)"
)
_TRAILING: Final = re2.compile(
    rb"[ :]([0-9][0-9.,]*%?)(?: (?:por|x) [0-9.,]+[a-z .]*)?(?: +([0-9][0-9.,]*%?))?[ .)]*(?:\(odm\))?$"
)
_VERBS: Final = (
    b"abastecer|adecuar|adquirir|alcanzar|ampliar|apoyar|articular|asegurar|asesorar|asistir|atender|aumentar|beneficiar|brindar|"
    b"bajar|capacitar|certificar|cofinanciar|conformar|conservar|construir|consolidar|contratar|crear|cubrir|cumplir|dar|desarrollar|"
    b"diagnosticar|difundir|disenar|disminuir|dotar|efectuar|ejecutar|elaborar|elevar|entregar|erradicar|establecer|evitar|"
    b"financiar|fomentar|formalizar|formar|formular|fortalecer|garantizar|gestionar|habilitar|identificar|implementar|"
    b"impulsar|incorporar|incrementar|incluir|instalar|institucionalizar|integrar|intervenir|legalizar|levantar|lograr|mantener|mejorar|"
    b"modernizar|motivar|obtener|optimizar|organizar|operar|orientar|otorgar|pavimentar|plantar|prestar|prevenir|promover|proteger|"
    b"proveer|realizar|reactivar|recuperar|reducir|reforestar|rehabilitar|remodelar|renovar|reparar|reubicar|restaurar|sembrar|"
    b"sensibilizar|sostener|subsidiar|suministrar|terminar|titular|vacunar|vincular"
)
_NOUNS: Final = (
    b"construccion|adecuacion|dotacion|ampliacion|mejoramiento|mantenimiento|implementacion|capacitacion|realizacion|"
    b"creacion|formulacion|elaboracion|reduccion|disminucion|incremento|aumento|atencion|entrega|adquisicion|"
    b"rehabilitacion|pavimentacion|instalacion|fortalecimiento|vinculacion|titulacion|legalizacion"
)
_ACTION: Final = re2.compile(
    rb"(?m)(?:^|\. |; |: |\? )[ \-?*]*(?:[0-9a-z]{1,3}[.)] ?|[0-9]+(?:\.[0-9]+)+\.? ?)?((?:" + _VERBS + rb"|" + _NOUNS + rb")\b)"
)
_SHARE: Final = re2.compile(rb"(?m)(?:^|[.;:] )[ \-?*]*([0-9][0-9.,]* ?% (?:de|del) [a-z])")
_SENTENCE_END: Final = re2.compile(rb"[.] [a-z?0-9]|[.]?$|;")
_BASE_IN: Final = re2.compile(rb"\b(?:de|del|desde)(?: el| un)? ([0-9][0-9.,]*(?: ?%)?) (?:a|al|hasta)(?: el| un)? ([0-9][0-9.,]*(?: ?%)?)")
_NO_TARGETS: Final = frozenset({SectionKind.DIAGNOSIS, SectionKind.PRELIMINARY})


def prose_indicators(plan: PlanText, *, profile: PlanProfile) -> Iterator[Indicator]:
    """Indicators outside recognised tables, shape by shape; a segment read by one shape is closed to the next."""
    closed: set[int] = set()
    for reader in (_labelled, _counted, _actions):
        done: set[int] = set()
        for parts in reader(plan, profile=profile):
            if parts.span.segment not in closed:
                done.add(parts.span.segment)
                yield parts.indicator()
        closed |= done


# --------------------------------------------------------------------------- labelled


def _labelled(plan: PlanText, *, profile: PlanProfile) -> Iterator[Parts]:
    """"Indicador: … Línea base: … Meta: …", in one segment or over neighbouring ones."""
    labels: list[tuple[str, int, int, int | None]] = []
    for match in _LABEL.finditer(plan.data):
        part = next(name for name in _PARTS if match.group(name.encode()) is not None)
        year = match.group(b"baseyear") or match.group(b"period")
        labels.append((part, match.start(), match.end(), int(year[-4:]) if year else None))
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
        if part != "stop" and (part != "target" or _valued(plan, end=end, start=start)) and (part != "baseline" or _valued(plan, end=end, start=start)):
            record[part] = (end, stop, year)
            if part == "baseline" and "indicator" not in record and "target" not in record:
                record["before"] = (_sentence_start(plan, at=start), start, None)
        previous = segment
    yield from _record(plan, record=record, profile=profile)


def _valued(plan: PlanText, *, start: int, end: int) -> bool:
    """A label counts when a colon or a figure follows it: "la línea base del plan" is talk."""
    return b":" in plan.data[start:end] or _VALUE_FOLLOWS.match(plan.data[end : end + 16]) is not None


def _sentence_start(plan: PlanText, *, at: int) -> int:
    first = plan.bounds(plan.segment_at(at))[0]
    before = plan.data.rfind(b". ", first, max(first, at - 2))
    return before + 2 if before >= 0 else first


def _record(
    plan: PlanText, *, record: dict[str, tuple[int, int, int | None]], profile: PlanProfile
) -> Iterator[Parts]:
    """One indicator from the labels collected; without a measured part there is none."""
    if "baseline" not in record and "target" not in record:
        return
    if "indicator" not in record and "before" not in record and not ("baseline" in record and "target" in record):
        return
    name = record.get("indicator") or record.get("before") or record["target"]
    start, end = trimmed(plan.data, name[0], min(name[1], name[0] + _MAX_SENTENCE))
    if end - start < _MIN_NAME or not any(97 <= byte <= 122 for byte in plan.data[start:end]):  # noqa: PLR2004  a-z
        return
    texts = {part: _content(plan, record=record, part=part) for part in _PARTS}
    base = _amount(texts["baseline"])
    goal = _amount(texts["target"])
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
        unit=texts["unit"] or (goal[1] if goal else None) or (base[1] if base else None) or counted_unit(plan.original(start, end)),
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


# --------------------------------------------------------------------------- counted


def _counted(plan: PlanText, *, profile: PlanProfile) -> Iterator[Parts]:
    """A flattened row: a counting name, then one figure or two (baseline, target)."""
    for match in _COUNTED.finditer(plan.data):
        start = match.start(1)
        index = plan.segment_at(start)
        segment = plan.segmentation.segments[index]
        stop = plan.bounds(index)[1]
        tail = _TRAILING.search(plan.data, max(match.end(1), stop - _TAIL), stop) if stop - start < _MAX_SENTENCE else None
        if tail is None or tail.start() - start < _MIN_NAME or segment.row is not None:
            continue
        start, end = trimmed(plan.data, start, tail.start())
        if _kind(plan, start=start, profile=profile) in _NO_TARGETS:
            continue
        name = plan.original(start, end)
        first = plan.original(*tail.span(1))
        second = plan.original(*tail.span(2)) if tail.group(2) is not None else None
        yield Parts(
            span=plan.span(start, end),
            name=name,
            baseline=first if second is not None else None,
            target=second if second is not None else first,
            unit="%" if "%" in first else counted_unit(name),
        )


# --------------------------------------------------------------------------- measured actions


def _actions(plan: PlanText, *, profile: PlanProfile) -> Iterator[Parts]:
    """Sentences that begin with an action and hold a figure: "Construir 3 aulas", "100 % de los niños …"."""
    counts: dict[int, int] = {}
    for pattern in (_ACTION, _SHARE):
        for match in pattern.finditer(plan.data):
            start = match.start(1)
            index = plan.segment_at(start)
            segment = plan.segmentation.segments[index]
            if segment.row is not None or segment.kind is SegmentKind.HEADING or counts.get(index, 0) >= MAX_PER_SEGMENT:
                continue
            end = min(plan.bounds(index)[1], start + _MAX_SENTENCE)
            stop = _SENTENCE_END.search(plan.data, start, end)
            start, end = trimmed(plan.data, start, stop.start() if stop is not None else end)
            parts = _action(plan, start=start, end=end, profile=profile)
            if parts is not None:
                counts[index] = counts.get(index, 0) + 1
                yield parts


def _action(plan: PlanText, *, start: int, end: int, profile: PlanProfile) -> Parts | None:
    found = figures(plan.data[start:end].decode())
    if not found or _kind(plan, start=start, profile=profile) in _NO_TARGETS:
        return None
    name = plan.original(start, end)
    shift = _BASE_IN.search(plan.data, start, end)
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
