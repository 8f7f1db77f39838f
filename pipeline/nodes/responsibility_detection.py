"""Node 5: entities, offices and bodies made responsible, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.entities import find_entities
from pipeline.findings.entity_lexicon import COMMUNITY, NAMED_ONLY_WHEN_ASSIGNED
from pipeline.findings.plan_text import PlanText, one_line
from pipeline.findings.responsible_cells import TASK_CHARS, responsible_cells
from pipeline.model import Responsibility, SectionKind, SegmentKind
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.findings.entities import Mention
    from pipeline.model import PlanProfile, Segment, Segmentation

VERSION: str = "1.1.0"

MAX_RESPONSIBILITIES: Final = 5_000
"""Far above any plan seen (the largest of 26 names 2,300); keeps a hostile document small."""

_CUE_WINDOW: Final = 90
_VERB_WINDOW: Final = 110
_SOURCE_WINDOW: Final = 70

_ARTICLES: Final = rb"(?: (?:el|la|los|las|de|del|al|a|municipal|senor|senora|dr\.|doctor|y/o))*"
_CUE_BEFORE: Final = re2.compile(
    rb"(?:"
    rb"\ba cargo d(?:e|el)|\ben cabeza d(?:e|el)|\bresponsabilidad d(?:e|el)|"
    rb"\bresponsables?(?: (?:directos?|principal(?:es)?|de (?:la )?ejecucion"
    rb"|institucional(?:es)?))?\s?[:.\-]|"
    rb"\b(?:sera|seran|son|es) (?:el |la |los |las )?(?:entidad(?:es)? )?(?:responsables?|encargad[oa]s?)|"
    rb"\b(?:liderad|coordinad|ejecutad|dirigid)[oa]s? (?:por|desde)|"
    rb"\bbajo (?:la |el )?(?:direccion|coordinacion|responsabilidad|supervision|liderazgo|mando) d(?:e|el)|"
    rb"\b(?:corresponde|correspondera|compete|competera) (?:ejecutar(?:lo|la)? )?a[l]?|"
    rb"\b(?:delegad[oa]s?|delegase|deleguese|delegar) (?:en|a)[l]?|\basignad[oa]s? a[l]?|"
    rb"\b(?:entidad|dependencia|ejecutor|unidad)(?:es|s)?(?: (?:responsable|ejecutora?)s?)?\s?:|"
    rb"\b(?:sera|seran) [a-z]+(?:ad|id|st|ct|ch)[oa]s? (?:por|desde)(?: parte de)?|"
    rb"\b(?:sera|seran|realizara|realizaran|ejecutara|ejecutaran|hara|adelantara|desarrollara|coordinara"
    rb"|liderara)n?"
    rb"[^\n.;:|]{0,50} (?:por parte|por intermedio|por conducto)(?: del?)?|"
    rb"(?:^|[.|] )responsables?(?: (?:directos?|institucional(?:es)?))?|\bfacultase|\bautorizase"
    rb")" + _ARTICLES + rb"[ :\"\-]*$"
)
_FUTURE: Final = (
    rb"coordinara|ejecutara|realizara|liderara|garantizara|adelantara|implementara|desarrollara|elaborara|"
    rb"formulara|presentara|efectuara|hara|brindara|prestara|apoyara|gestionara|promovera|dispondra|debera"
    rb"|asumira|"
    rb"velara|expedira|reglamentara|establecera|definira|disenara|dirigira|consolidara|convocara|publicara|"
    rb"vigilara|supervisara|evaluara|adoptara|orientara|articulara|fortalecera|impulsara|rendira|informara|"
    rb"conformara|creara|construira|actualizara|acompanara|asesorara|procedera|designara|propiciara|"
    rb"fijara|ajustara|mantendra|administrara|llevara|atendera|aplicara|priorizara|cofinanciara"
)
_ASSIGNING_VERB: Final = re2.compile(
    rb"(?:[ ,\-\"]|\([^()\n]{0,40}\)|(?:[a-z0-9?]+[ ,]+)){0,9}?"
    rb"(?:(?:" + _FUTURE + rb")n?|"
    rb"(?:es|son|sera|seran|como) (?:el |la |los |las |una |un )?(?:entidad |dependencia |ente |instancia "
    rb"|unica )?"
    rb"(?:responsables?|encargad[oa]s?|lider|coordinadora?)|"
    rb"estaran? (?:a cargo|encargad[oa]s?)|tienen? a (?:su )?cargo|(?:se encargan?|se encargaran?)|"
    rb"(?:tienen?|tendran?) (?:la |como )?(?:responsabilidad|funcion|obligacion|mision)"
    rb"|tendran? a (?:su )?cargo|(?:lidera|coordina|ejecuta)n?|"
    rb"(?:le|les) corresponden?)\b"
)
_BROKEN_GAP: Final = re2.compile(
    rb"\b(?:que|donde|cuando|porque|segun|para|ha|han|fue|fueron|informa|reporta|reporto|se|no|era|eran"
    rb"|tenia|cuy[oa]s?|cual|cuales)\b|[.;:]"
)
_THROUGH: Final = re2.compile(
    rb"\b(?:a traves|por medio|por intermedio|por conducto|desde) ?(?:del?)?" + _ARTICLES + rb" ?$"
)
_PASSIVE_FUTURE: Final = re2.compile(rb"\bse [a-z]{3,}ran?\b|\b(?:" + _FUTURE + rb")n?\b")
_SOURCE_CUE: Final = re2.compile(
    rb"\b(?:fuentes?|segun|datos|proyeccion(?:es)?|censo|estadisticas|tomado|cifras|encuesta)\b[^\n.;]{0,50}$"
    rb"|\bfuentes? ?[.:][^\n.]{0,60}$"
)
_CHARGE: Final = re2.compile(rb"\b(?:a cargo|en cabeza|responsabilidad) d")
"""Cues that follow what is charged: "la entrega de la ayuda, a cargo de la Secretaría …"."""
_APPOSED: Final = re2.compile(rb", en cabeza d")
_UNDER: Final = re2.compile(rb"\bbajo ")
_PAST: Final = re2.compile(r"^[^.;:]{0,40}?, se (?:\pL+ó|\pL+(?:aron|ieron)|ha|han|había|habían)(?:[ ,]|$)")
_BORROWED: Final = re2.compile(rb"\bcuy[oa]s? ")
_LAW: Final = rb"(?:ley|articulo|decreto|paragrafo|constitucion|sentencia|resolucion|conpes|plan nacional)"
_ENACTS: Final = (
    rb"(?:establece|dispone|dice|senala|ordena|determina|indica|consagra|estipula|preve|define)n?"
)
_LAW_SAYS: Final = re2.compile(
    rb"\b(?:"
    + _LAW
    + rb"\b[^.;\n]{0,80}\b"
    + _ENACTS
    + rb"|"
    + _ENACTS
    + rb"\b[^.;\n]{0,80}\b"
    + _LAW
    + rb")\b"
    rb"[^.;:\n]{0,60}?(?:( que) |: |[?\"])"
)
"""Tells a duty that a law lays down, not the plan: within the sentence after "que", further on after a quote's mark."""
_LAW_REACH: Final = 700
_LEADING: Final = re2.compile(
    r"^(?:[Ee]n (?:cuanto a|relación con|lo que (?:tiene que ver|respecta) (?:con|a)) )"
)
_APPOSITION: Final = re2.compile(
    r"^(?:(?:[Dd]el?|[Ll]as?|[Ll]os) [^,.;:]{2,60}, |y (?:el |la |los |las )?\p{Lu}[^,.;:]{2,90}, |\([^()]{1,40}\),? )+"
)
_LOOSE_TASK: Final = re2.compile(
    r"(?:[ ,;:](?:que|y|e|el|la|los|las|lo|cual|cuales|a|en|de|para|ser|es|son|está|están|estará|estarán|será|serán"
    r"|estar))+$"
)
_LEAST_TASK: Final = 12
"""Letters of a task; fewer are the rest of a name."""
_FUTURE_ENDING: Final = ("rá", "rán", "RÁ", "RÁN", "RA", "RAN")
_LABEL: Final = re2.compile(
    rb"(?:entidad |dependencia |unidad )?(?:responsables?|ejecutora?(?:es)?|dependencias?|entidad(?:es)?)"
    rb"[ :.]*"
)
_CHAIN_GAP: Final = re2.compile(
    rb"[ ,/?+|\-]*(?:(?:y|e|o|con|la|el|los|las|del|de|en coordinacion con|asi como)[ ,/\-]*)*"
)


@dataclass(slots=True)
class _Judged:
    """A mention with the cue that makes it responsible: ``task`` as buffer positions, when any."""

    mention: Mention
    task: tuple[int, int] | None = None


def responsibility_detection(
    segmentation: Segmentation, *, profile: PlanProfile
) -> tuple[Responsibility, ...]:
    """Find who is named and who is made responsible for what.

    ``assigned`` is true where the text itself makes an entity responsible: a cue before it ("a cargo
    de", "responsable:"), a verb after it ("la Secretaría de Salud coordinará …"), or its place in a
    column RESPONSABLE. Entities joined to an assigned one by "y", "-" or a comma share its task. What a
    law lays down, and the considerations before the plan, assign nothing.
    "La comunidad" and "la Alcaldía" appear only where they are assigned.

    Args:
        segmentation: The plan's segments.
        profile: Gives the municipality, which leaves the canonical names.

    Returns:
        In order of position, one per entity and place, at most ``MAX_RESPONSIBILITIES``.
    """
    plan = PlanText.of(segmentation)
    mentions = find_entities(plan, municipality=profile.municipality, department=profile.department)
    cells = responsible_cells(segmentation, plan=plan, mentions=mentions)
    taken = {(item.span.segment, item.span.start) for item in cells}
    found = [*cells]
    for judged in _judge(plan, mentions=mentions, profile=profile):
        span = plan.span(judged.mention.start, judged.mention.end)
        if (span.segment, span.start) not in taken and _worth_naming(plan, judged=judged):
            found.append(
                Responsibility(
                    span=span,
                    entity=judged.mention.entity,
                    kind=judged.mention.kind,
                    task=_task(plan, judged=judged),
                    assigned=judged.task is not None,
                )
            )
    found.sort(key=lambda item: (item.span.segment, item.span.start, item.span.end))
    return tuple(found[:MAX_RESPONSIBILITIES])


def _worth_naming(plan: PlanText, *, judged: _Judged) -> bool:
    """Not the source of a figure ("Fuente: DANE"), nor a word that says nothing by being named."""
    if judged.task is not None:
        return True
    start = judged.mention.start
    first, _ = plan.bounds(plan.segment_at(start))
    cited = _SOURCE_CUE.search(plan.data[max(first, start - _SOURCE_WINDOW) : start]) is not None
    return not cited and judged.mention.entity not in NAMED_ONLY_WHEN_ASSIGNED


def _judge(plan: PlanText, *, mentions: list[Mention], profile: PlanProfile) -> list[_Judged]:
    judged = [_Judged(mention) for mention in mentions]
    for item in judged:
        segment = plan.segmentation.segments[plan.segment_at(item.mention.start)]
        if segment.kind is not SegmentKind.HEADING and not (
            _before_the_plan(segment, profile=profile) or _law_says(plan, at=item.mention.start)
        ):
            item.task = _cue_before(plan, mention=item.mention) or _verb_after(plan, mention=item.mention)
    for left, right in pairwise(judged):
        if (
            right.task is None
            and left.task is not None
            and _joined(plan, left=left.mention, right=right.mention)
        ):
            right.task = left.task
    for right, left in pairwise(reversed(judged)):
        if (
            left.task is None
            and right.task is not None
            and _joined(plan, left=left.mention, right=right.mention)
        ):
            left.task = right.task
    return judged


def _before_the_plan(segment: Segment, *, profile: PlanProfile) -> bool:
    """Whether a segment stands among the considerations, which quote laws."""
    known = 0 <= segment.section < len(profile.sections)
    if known and profile.sections[segment.section].kind is SectionKind.PRELIMINARY:
        return True
    return any(fold(title).startswith("considerando") for title in segment.heading_path)


def _law_says(plan: PlanText, *, at: int) -> bool:
    """Whether what stands at ``at`` is told or quoted of a law: "la Ley 000 establece que el Ministerio …"."""
    first, _ = plan.bounds(plan.segment_at(at))
    start, _ = plan.sentence(at)
    low = max(first, at - _LAW_REACH)
    return any(
        found.group(1) is None or found.start() >= start for found in _LAW_SAYS.finditer(plan.data, low, at)
    )


def _joined(plan: PlanText, *, left: Mention, right: Mention) -> bool:
    gap = plan.data[left.end : right.start]
    return b"\n" not in gap and len(gap) < _CUE_WINDOW and _CHAIN_GAP.fullmatch(gap) is not None


def _cue_before(plan: PlanText, *, mention: Mention) -> tuple[int, int] | None:
    """The sentence around a cue such as "a cargo de" that ends right before the entity."""
    first, _ = plan.bounds(plan.segment_at(mention.start))
    left = max(first, mention.start - _CUE_WINDOW)
    start, end = plan.sentence(mention.start)
    after = (mention.end, end)
    cue = _CUE_BEFORE.search(plan.data[left : mention.start])
    if cue is None:
        if not _acts_through(plan, mention=mention, left=left):
            return None
        before = (start, mention.start)
        return before if before[1] - before[0] > after[1] - after[0] else after
    return _charged(plan, mention=mention, before=(start, max(start, left + cue.start())), after=after)


def _charged(
    plan: PlanText, *, mention: Mention, before: tuple[int, int], after: tuple[int, int]
) -> tuple[int, int] | None:
    """The task that goes with a cue between ``before`` and the entity.

    Before the cue where that is what is charged ("a cargo de"), unless the entity goes on to do something; else on the
    longer side. ``None`` where the cue is but an apposition ("la Administración, en cabeza de la Alcaldesa, …") or
    tells the past.
    """
    cue = plan.data[max(before[1] - 2, 0) : mention.start]
    acts = _verb_after(plan, mention=mention)
    if _CHARGE.search(cue) is not None:
        if acts is not None:
            return acts
        if _APPOSED.match(cue) is not None or _BORROWED.search(plan.data[slice(*before)]) is not None:
            return None
        return before if _worth(plan, task=before) else after
    if _UNDER.search(cue) is not None and _PAST.search(plan.original(*after)) is not None:
        return None
    return before if before[1] - before[0] > after[1] - after[0] else after


def _worth(plan: PlanText, *, task: tuple[int, int]) -> bool:
    return sum(letter.isalpha() for letter in plan.original(*task)) >= _LEAST_TASK


def _acts_through(plan: PlanText, *, mention: Mention, left: int) -> bool:
    """Says "a través de la Secretaría … se implementará": an office named as means of something to come."""
    if mention.kind == COMMUNITY or _THROUGH.search(plan.data[left : mention.start]) is None:
        return False
    start, end = plan.sentence(mention.start)
    near = plan.data[max(start, left) : min(end, mention.end + _CUE_WINDOW)]
    return _PASSIVE_FUTURE.search(near) is not None


def _verb_after(plan: PlanText, *, mention: Mention) -> tuple[int, int] | None:
    """From the verb that makes the entity responsible to the end of the sentence."""
    _, end = plan.sentence(mention.end)
    match = _ASSIGNING_VERB.match(plan.data, mention.end, min(end, mention.end + _VERB_WINDOW))
    if match is None:
        return None
    verb = max(match.group().rfind(b" "), 0)
    gap = match.group()[:verb]
    if _BROKEN_GAP.search(gap) is not None:
        return None
    written = plan.original(mention.end + verb, match.end()).strip()
    if written[:-1].lower().endswith(("ra", "rá")) or written.lower().endswith(("ra", "rá")):
        return (mention.end, end) if written.endswith(_FUTURE_ENDING) else None
    return mention.end, end


def _task(plan: PlanText, *, judged: _Judged) -> str:
    if judged.task is None:
        return ""
    text = _whole_task(one_line(plan.original(*judged.task), limit=TASK_CHARS))
    if text and _LABEL.fullmatch(fold(text).encode("ascii", "replace")) is None:
        return text
    index = plan.segment_at(judged.mention.start)
    segment = plan.segmentation.segments[index]
    if segment.heading_path:
        return one_line(segment.heading_path[-1], limit=TASK_CHARS)
    return ""


def _whole_task(text: str) -> str:
    """A task without the rest of the entity's name before it and the words that led to the entity after it."""
    task = str(_LEADING.sub("", _LOOSE_TASK.sub("", text.strip(" ,;:.-–•"))))
    rest = str(_APPOSITION.sub("", task))
    return rest.strip(" ,;:.-–•") if sum(letter.isalpha() for letter in rest) >= _LEAST_TASK else task
