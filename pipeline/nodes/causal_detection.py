"""Node 9: cause–effect statements with their direction."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.causal_clauses import (
    after_aside,
    contrasted,
    left_clause,
    names_indicator,
    names_something,
    nearest_noun,
    right_clause,
    shortened,
    tidy,
)
from pipeline.findings.causal_connectors import (
    ACTIONS,
    ADVERSE,
    CAUSE_FIRST,
    EFFECT_FIRST,
    FAVOURABLE,
    HARMING,
    LACKS,
    LESS,
    PURPOSE,
    PURPOSE_INFINITIVES,
    Shape,
)
from pipeline.findings.plan_text import PlanText, trimmed
from pipeline.model import CausalStatement, SegmentKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import PlanProfile, Segmentation

VERSION: str = "1.1.0"

MAX_STATEMENTS: Final = 6_000
"""The largest of 26 plans holds 1,700."""
MAX_CONNECTORS: Final = 50_000
MAX_PER_SEGMENT: Final = 8
_ACTION_REACH: Final = 110
_SAYING_REACH: Final = 50
_LEGAL_REACH: Final = 14
_NOUN_REACH: Final = 14
_REDUCTION_REACH: Final = 60

CAUSE: Final = "causa"
PURPOSE_KIND: Final = "fin"
ADVERSE_POLARITY: Final = "desfavorable"
FAVOURABLE_POLARITY: Final = "favorable"
NEUTRAL_POLARITY: Final = "neutra"


def _longest_first(words: str) -> str:
    return "|".join(sorted(words.split("|"), key=lambda word: (-len(word), word)))


_CONNECTOR: Final = re2.compile(
    (
        rf"\b(?:({_longest_first(EFFECT_FIRST)})|({_longest_first(CAUSE_FIRST)})|({_longest_first(PURPOSE)})"
        rf"|(para (?:{PURPOSE_INFINITIVES}))|(mediante|a traves de|por medio de))\b"
    ).encode()
)
_SHAPES: Final = (Shape.EFFECT_FIRST, Shape.CAUSE_FIRST, Shape.PURPOSE, Shape.BARE_PURPOSE, Shape.MEANS)
_RESULT_VERB: Final = re2.compile(
    rb"^[^\n.;]{8,240}?,? ((?:se )?(?:lograra|espera|busca|pretende|garantizara|mejorara|reducira"
    rb"|disminuira|fortalecera|permitira|alcanzara)n?)\b"
)
_ACTION: Final = re2.compile(rf"\b(?:{ACTIONS})".encode())
_ADVERSE: Final = re2.compile(rf"\b(?:{ADVERSE})".encode())
_FAVOURABLE: Final = re2.compile(rf"\b(?:{FAVOURABLE})".encode())
_LESS: Final = re2.compile(rf"\b(?:{LESS})".encode())
_LEGAL: Final = re2.compile(
    rb"(?:que |articulo|paragrafo|se autoriz|autoriz|facult|\(?ley |decreto|considerando|acuerda|resuelve)"
)
_NOUN_BEFORE: Final = re2.compile(
    rb"\b(?:la|las|una|el|un|de|meta|metas|indicador|indicadores|por|del|como|sin|no|e|codigo|nombre"
    rb"|y)\s?(?:de )?$"
)
_NEEDS_INFINITIVE: Final = ("dirigid", "orientad", "encaminad", "tendient", "buscando")
_INFINITIVE: Final = re2.compile(rb" (?:a )?(?:que |[a-z]{2,}(?:ar|er|ir)(?:los?|las?|se)?\b)")
_BARE_VERBS: Final = frozenset(CAUSE_FIRST.split("|"))
_ANAPHORA: Final = re2.compile(
    rb"(?:todo )?(?:lo anterior|esto|eso|ello|esta situacion|esta problematica|este programa|este proyecto"
    rb"|lo cual)(?: (?:a su vez|tambien|se))?"
)
_FACTORS: Final = re2.compile(rb"\b(?:factores|causas|aspectos|elementos|condiciones|razones) que $")
_SAYING: Final = re2.compile(
    rb"\b(?:importante|necesario|preciso|pertinente|cabe|debe|vale|hay que)(?: la pena)? (?:anotar"
    rb"|resaltar|mencionar|senalar|destacar|aclarar|decir|tener en cuenta|precisar)(?: que)?[ ,:]*$"
)
_DISCOURSE: Final = re2.compile(
    rb"(?:de igual (?:forma|manera)|asi ?mismo|igualmente|ademas|por lo tanto|por tanto|en (?:este|ese"
    rb"|tal) sentido|finalmente|por (?:otra|una) parte|por otro lado|es asi como|de esta (?:forma|manera)"
    rb"|adicionalmente|en general|asi|y|pero|sin embargo|no obstante)"
)
_OBSTACLE: Final = re2.compile(
    rb"\b(?:obstaculos?|dificultad(?:es)?|limitacion(?:es)?|barreras?|impedimentos?|insuficientes?|capacidad)\b[^.]{0,30}$"
)
_LACK: Final = re2.compile(
    rb"\b(?:no (?:se )?(?:existen?|cuentan?|hay|tienen?|disponen?)|faltan?|ausencia de|carec[a-z]+|carencias?"
    rb"|insuficientes?|escas[oa]s?)\b[^,:]*$"
)
_HARM_REACH: Final = 30
_HELPED: Final = re2.compile(
    rb"\b(?:victimas?|contra|lucha|poblacion|personas?|familias?|comunidad(?:es)?|habitantes|mujeres|ninos|ninas|jovenes|hogares"
    rb"|mejor[a-z]*|proteg[a-z]*|protecc[a-z]*|apoy[a-z]*|asist[a-z]*|garant[a-z]*|fortalec[a-z]*|conoc[a-z]*"
    rb"|identific[a-z]*|inclus[a-z]*|gestion[a-z]*)\b"
)
_PURPOSES: Final = frozenset({Shape.PURPOSE, Shape.BARE_PURPOSE})
_PARTICIPLES: Final = (
    *("ado por", "ada por", "ados por", "adas por"),
    *("ivado de", "ivada de", "ivados de", "ivadas de"),
)
_AMBIGUOUS: Final = frozenset(
    {
        "genera",
        "causan",
        "propicia",
        "producto de la",
        "producto del",
        "logrando",
        "buscando",
        "porque",
        "conlleva",
    }
)


def causal_detection(segmentation: Segmentation, *, profile: PlanProfile) -> tuple[CausalStatement, ...]:
    """Find statements in which the plan says that one thing brings about another.

    ``kind`` is ``causa`` where the text explains ("debido a", "ocasiona") and ``fin`` where an action is
    meant to bring something about ("con el fin de", "permitirá", "para" + infinitive after an action).
    A clause reaches to the sentence's end, to where an assertion of its own begins (", sin embargo"), or to
    the neighbouring connector, and is cut where it is as long as a paragraph. Headings, considerations of
    law and names of indicators are left out.

    Args:
        segmentation: The plan's segments.
        profile: Not used; every node takes it.

    Returns:
        In order of position, at most ``MAX_PER_SEGMENT`` a segment and ``MAX_STATEMENTS`` in all.
    """
    del profile
    plan = PlanText.of(segmentation)
    found: list[CausalStatement] = []
    segment, in_segment, reached = -1, 0, 0
    matches = list(islice(_CONNECTOR.finditer(plan.data), MAX_CONNECTORS))
    for number, match in enumerate(matches):
        index = plan.segment_at(match.start())
        if index != segment:
            segment, in_segment, reached = index, 0, plan.starts[index]
        if in_segment >= MAX_PER_SEGMENT or segmentation.segments[index].kind is SegmentKind.HEADING:
            continue
        following = [other.start() for other in matches[number + 1 : number + 1 + MAX_PER_SEGMENT]]
        statement = _statement(plan, match=match, reached=reached, following=following)
        if statement is not None:
            found.append(statement)
            in_segment += 1
            reached = match.end()
            if len(found) >= MAX_STATEMENTS:
                break
    found.sort(key=lambda item: (item.span.segment, item.span.start, item.span.end))
    return tuple(found)


def _statement(
    plan: PlanText, *, match: re2._Match, reached: int, following: Sequence[int]
) -> CausalStatement | None:
    group = next(number for number in range(1, 6) if match.group(number) is not None)
    shape, connector = _SHAPES[group - 1], match.group(group).decode()
    start, end = plan.sentence(match.start())
    if shape is Shape.MEANS:
        return _by_means(plan, connector=connector, start=match.end(), end=end)
    if _idle(plan, connector=connector, start=match.start(), end=match.end(), first=start):
        return None
    left = _left_clause(plan, start=start, reached=reached, at=match.start())
    if _no_statement(plan, left=left):
        return None
    first = _right_start(match, shape=shape, connector=connector)
    idle = _DISCOURSE.fullmatch(plan.data, *trimmed(plan.data, *left)) is not None
    if (idle or not names_something(plan, clause=left)) and shape is not Shape.CAUSE_FIRST:
        return _fronted(plan, connector=connector, shape=shape, start=first, end=end)
    if shape in _PURPOSES and not _is_means(plan, clause=left, shape=shape):
        return None
    right = right_clause(plan, start=first, end=end, following=following)
    if shape is Shape.EFFECT_FIRST:
        left, right = _explained(plan, connector=connector, left=left, right=right, end=end)
    return _built(plan, shape=shape, connector=connector, left=left, right=right)


def _explained(
    plan: PlanText, *, connector: str, left: tuple[int, int], right: tuple[int, int], end: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """What a connector such as "debido a" explains, and by what.

    An aside between commas explains the main clause after it; a participle the noun beside it.
    """
    if plan.data[max(left[0], left[1] - 2) : left[1]] == b", ":
        aside = after_aside(plan, start=right[0], end=end)
        if aside is not None:
            return aside[1], aside[0]
    if connector.endswith(_PARTICIPLES):
        return nearest_noun(plan, clause=left, participle=connector), right
    return left, right


def _no_statement(plan: PlanText, *, left: tuple[int, int]) -> bool:
    """What stands before the connector says that none follows: "cabe anotar que", "no solo", "Número de …"."""
    saying = _SAYING.search(plan.data[max(left[0], left[1] - _SAYING_REACH) : left[1]]) is not None
    return saying or contrasted(plan, clause=left) or names_indicator(plan, clause=left)


def _left_clause(plan: PlanText, *, start: int, reached: int, at: int) -> tuple[int, int]:
    """From the last connector, else the sentence's start; "lo anterior" stands for the sentence before."""
    left = (max(start, min(reached, at)), at)
    if not names_something(plan, clause=left):
        left = (start, at)
    if _ANAPHORA.fullmatch(plan.data, *trimmed(plan.data, *left)) is None:
        return left_clause(plan, start=left[0], end=left[1])
    return plan.sentence(max(start - len(". x"), plan.starts[plan.segment_at(start)]))[0], start


def _is_means(plan: PlanText, *, clause: tuple[int, int], shape: Shape) -> bool:
    """Whether a purpose may follow.

    Not after what is not there ("no existen aulas que permitan …"); "para" and an infinitive only after an action, and
    not after "obstáculos" or "capacidad".
    """
    near = plan.data[max(clause[0], clause[1] - _ACTION_REACH) : clause[1]]
    if _LACK.search(near) is not None:
        return False
    acts = _ACTION.search(near) is not None and _OBSTACLE.search(near) is None
    return acts or shape is not Shape.BARE_PURPOSE


def _right_start(match: re2._Match, *, shape: Shape, connector: str) -> int:
    """The infinitive after "para" belongs to the purpose, the lack in "por falta de" to the cause."""
    if shape is Shape.BARE_PURPOSE:
        return int(match.start()) + len("para ")
    lack = next((words for words in LACKS if connector.endswith(words)), "")
    return int(match.end()) - len(lack)


def _idle(plan: PlanText, *, connector: str, start: int, end: int, first: int) -> bool:
    """True where the words are no connector: "dirigidos a la población", "se generan", "buscando empleo"."""
    if _LEGAL.match(plan.data, first, first + _LEGAL_REACH) is not None:
        return True
    if connector in _AMBIGUOUS and _NOUN_BEFORE.search(plan.data[max(first, start - _NOUN_REACH) : start]):
        return True
    if connector.startswith(_NEEDS_INFINITIVE) and _INFINITIVE.match(plan.data, end) is None:
        return True
    if connector in _BARE_VERBS and _FACTORS.search(plan.data[max(first, start - 24) : start]) is not None:
        return True
    reflexive = plan.data[max(first, start - 4) : start].endswith((b" se ", b"-se "))
    return reflexive and connector in _BARE_VERBS


def _fronted(plan: PlanText, *, connector: str, shape: Shape, start: int, end: int) -> CausalStatement | None:
    """For "debido a X, Y": the connector opens the sentence and its clause ends at the comma."""
    comma = plan.data.find(b", ", start, end)
    if comma < 0:
        return None
    main = right_clause(plan, start=comma + 2, end=end, following=())
    return _built(plan, shape=shape, connector=connector, left=main, right=(start, comma))


def _by_means(plan: PlanText, *, connector: str, start: int, end: int) -> CausalStatement | None:
    """For "mediante X se logrará Y"; a list that follows the verb is no Y."""
    found = _RESULT_VERB.search(plan.data[start:end])
    if found is None:
        return None
    middle = start + found.start(1)
    if not names_something(plan, clause=(start + found.end(1), end)):
        return None
    return _built(
        plan,
        shape=Shape.CAUSE_FIRST,
        connector=connector,
        left=(start, middle),
        right=(middle, end),
        kind=PURPOSE_KIND,
    )


def _built(
    plan: PlanText,
    *,
    shape: Shape,
    connector: str,
    left: tuple[int, int],
    right: tuple[int, int],
    kind: str | None = None,
) -> CausalStatement | None:
    before = left[0] < right[0]
    left = shortened(plan, clause=left, from_left=not before)
    right = shortened(plan, clause=right, from_left=before)
    cause, effect = (right, left) if shape is Shape.EFFECT_FIRST else (left, right)
    cause, effect = tidy(plan, clause=cause), tidy(plan, clause=effect)
    if not (names_something(plan, clause=cause) and names_something(plan, clause=effect)):
        return None
    stated = kind or (PURPOSE_KIND if shape in _PURPOSES else CAUSE)
    said = plan.data[effect[0] : effect[1]]
    if connector in HARMING and _brings_harm(said):
        stated = CAUSE
    low, high = min(cause[0], effect[0]), max(cause[1], effect[1])
    return CausalStatement(
        span=plan.span(low, high),
        cause=plan.span(*cause),
        effect=plan.span(*effect),
        connector=connector,
        kind=stated,
        polarity=polarity(said, purpose=stated == PURPOSE_KIND),
    )


def _brings_harm(effect: bytes) -> bool:
    """True where an effect is harm from its first words on, not help to those who are harmed."""
    adverse = _ADVERSE.search(effect)
    if adverse is None or adverse.start() > _HARM_REACH:
        return False
    before = effect[: adverse.start()]
    helped = _HELPED.search(before) is not None or _FAVOURABLE.search(before) is not None
    return not helped and polarity(effect, purpose=False) == ADVERSE_POLARITY


def polarity(effect: bytes, *, purpose: bool) -> str:
    """Whether an effect is good or bad for people, as the plan words it.

    Less of something bad is good; a purpose is good unless it names something bad and no reduction.

    Args:
        effect: Folded ASCII text of the effect.
        purpose: Whether the statement is of an aim.
    """
    adverse = _ADVERSE.search(effect)
    if adverse is not None:
        if _LESS.search(effect[max(0, adverse.start() - _REDUCTION_REACH) : adverse.start() + 1]) is not None:
            return FAVOURABLE_POLARITY
        return NEUTRAL_POLARITY if purpose else ADVERSE_POLARITY
    if purpose or _FAVOURABLE.search(effect) is not None:
        return FAVOURABLE_POLARITY
    return NEUTRAL_POLARITY
