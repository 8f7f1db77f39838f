"""Where the clauses of a causal statement begin and end, and what is no clause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.causal_connectors import AGREEING_ARTICLES
from pipeline.findings.plan_text import trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.findings.plan_text import PlanText

Clause = tuple[int, int]
"""Buffer positions where a clause begins and ends."""

MAX_CLAUSE: Final = 320
"""A clause longer than this is a paragraph whose punctuation was lost; the part next to the connector is kept."""
_LEAST_KEPT: Final = 60
"""A long clause is cut at a comma only where as many characters stay."""
_MIN_LETTERS: Final = 9
_END_REACH: Final = 40
_COUNT_REACH: Final = 160

_NO_LETTERS: Final = bytes(code for code in range(256) if not 97 <= code <= 122)  # noqa: PLR2004  a-z
_LOOSE_END: Final = re2.compile(
    rb"(?:[ ,;:](?:que|pero|lo|la|el|los|las|se|y|e|o|de|del|a|en|con|por|para|cual|como|no|ademas|es|son|esta|estan"
    rb"|estara|estaran|sera|seran|[a-z]{3,}ndose))+$"
)
_DANGLING: Final = re2.compile(
    rb"(?:^|[ ,;:(])(?:que|quien|quienes|cual|cuales|cuyo|cuya|cuyos|cuyas|esta|estan|estaban|es|son|era|eran|ser|ha"
    rb"|han|haya|hayan|fue|fueron|sido|sea|sean|siendo|puede|pueden|debe|deben|hay|tiene|tienen|se|no|sino|si|cuando"
    rb"|donde|aunque|segun|solo|lo|un|una|mas|muy|tan)[ ,;:]*$"
)
"""Words after which something must follow: a clause cut there says less than the plan, or its contrary."""
_CONTRASTED: Final = re2.compile(rb"\b(?:no|no solo|no solamente|no tanto|ya sea|bien sea|sino|sea)[ ,]*$")
"""Before a connector: "no solo porque …, sino" denies or weighs what follows."""
_NEW_SENTENCE: Final = re2.compile(
    rb"[,;:]? (?:sin embargo|no obstante)\b|[,;] (?:pero|mientras que|por lo (?:que|cual|tanto)"
    rb"|por (?:tal|este|esta|esa|dicha) (?:motivo|razon)|(?:razon|motivo) por (?:el|la) cual|de ahi)\b"
    rb"|, (?:y )?(?:se (?:ha|han|debe|deben|hace|hizo|requiere|requieren|evidencia|evidencian|presenta|presentan"
    rb"|encuentra|encuentran)|es (?:necesario|importante|fundamental|indispensable|preciso))\b"
)
_MAIN_CLAUSE: Final = re2.compile(
    rb", (?:se (?:ha|han|debe|deben|hace|hizo|requiere|requieren|evidencia|evidencian|presenta|presentan|encuentra"
    rb"|encuentran)|es (?:necesario|importante|fundamental|indispensable|preciso))\b"
)
_TURN: Final = re2.compile(
    rb"[,;:]? (?:sin embargo|no obstante|por tal (?:motivo|razon)|(?:razon|motivo) por (?:el|la) cual)[, ]"
)
"""Where an assertion of its own begins within a sentence: what stands before it takes no part."""
_COUNTED: Final = re2.compile(
    rb"(?:n(?:o|ro|um)?[.?]* (?:total )?(?:de )|(?:numeros?|cantidad(?:es)?|porcentajes?|proporcion|tasas?"
    rb"|indices?) (?:total )?(?:de|del) |% )"
)
"""How the name of an indicator begins."""
_NUMBER_BEFORE: Final = re2.compile(rb"\bn(?:o|ro|um|\?)?\. $")
_COUNT_WITHIN: Final = re2.compile(
    rb"(?:^|[ .|])(?:n(?:o|ro)?[.?]* de |(?:numero|cantidad|porcentaje) (?:de|del) )"
)
_NEW_ACTION: Final = re2.compile(r"\b[A-Z][a-záéíóúñ]+(?:ar|er|ir)\b")
_SCRAP_OF_COUNT: Final = re2.compile(
    rb"de (?:(?:[a-z?]+ ){1,4}?[a-z]+(?:ad|id)[oa]s?\b|[a-z]{3,}(?:[aeiou]s|iones|dades|ores) )"
)
_OTHERWISE: Final = re2.compile(
    rb"de (?:l[oa]s|est[oa]s|es[oa]s|dich[oa]s|otr[oa]s|amb[oa]s|tod[oa]s|nuestr[oa]s|sus|much[oa]s|entonces|tal|manera"
    rb"|forma|igual|acuerdo|conformidad) "
)
_PREDICATE: Final = re2.compile(
    rb"\b(?:es|son|esta|estan|estaba|fue|fueron|sido|sea|sean|ser|siendo|estuvo|estuvieron|ve|ven|vio)"
    rb"(?: [a-z]+mente)? ?,? ?$"
)


def right_clause(plan: PlanText, *, start: int, end: int, following: Sequence[int]) -> Clause:
    """The clause after a connector.

    It ends with the sentence, where an assertion of its own begins (", sin embargo", ", se han …"), or at the next
    connector, where what stands before that one is whole.

    Args:
        plan: The plan's buffer.
        start: Where the connector ends.
        end: Where the sentence ends.
        following: Where the next connectors begin, in order.
    """
    stop = _NEW_SENTENCE.search(plan.data, start, end)
    if stop is not None and _lettered(plan.data[start : stop.start()]):
        end = stop.start()
    for cut in following:
        if cut >= end:
            break
        if cut <= start + _MIN_LETTERS * 2 or _DANGLING.search(plan.data[max(start, cut - _END_REACH) : cut]):
            continue
        return start, cut
    return start, end


def after_aside(plan: PlanText, *, start: int, end: int) -> tuple[Clause, Clause] | None:
    """For "…, debido a X, se han Y": X, and Y from ", se han" to the sentence's end; ``None`` where there is no Y."""
    found = _MAIN_CLAUSE.search(plan.data, start, end)
    return None if found is None else ((start, found.start()), (found.start() + len(", "), end))


def left_clause(plan: PlanText, *, start: int, end: int) -> Clause:
    """The clause before a connector, from the last assertion of its own."""
    for turn in _TURN.finditer(plan.data, start, end):
        if _lettered(plan.data[turn.end() : end]):
            start = turn.end()
    return start, end


def contrasted(plan: PlanText, *, clause: Clause) -> bool:
    """True where the clause before a connector ends in "no solo", "ya sea" and the like."""
    start, end = clause
    return _CONTRASTED.search(plan.data[max(start, end - _END_REACH) : end]) is not None


def names_indicator(plan: PlanText, *, clause: Clause) -> bool:
    """True where a clause is the name of an indicator: "Número de proyectos …", "de proyectos implementados".

    What is counted there is no means to an end. Within prose ("aumentar el número de …") nothing is: the words count
    where they begin the clause, or where the plan writes them with a capital.
    """
    start, end = trimmed(plan.data, *clause)
    # "No. de aulas": the stop of the abbreviation was read as that of a sentence.
    first, _ = plan.bounds(plan.segment_at(start))
    abbreviated = _NUMBER_BEFORE.search(plan.data[max(first, start - 8) : start]) is not None
    if abbreviated or _COUNTED.match(plan.data, start, end) is not None:
        return True
    scrap = _SCRAP_OF_COUNT.match(plan.data, start, end) is not None
    if scrap and plan.original(start, start + 1) == "d" and _OTHERWISE.match(plan.data, start, end) is None:
        return True
    named = False
    for found in _COUNT_WITHIN.finditer(plan.data, max(start, end - _COUNT_REACH), end):
        capital = plan.original(found.start(), found.end()).lstrip(" .|")[:1].isupper()
        # A row that lost its columns goes on with what is done: "Número de aulas Construir aulas para …".
        named |= capital and _NEW_ACTION.search(plan.original(found.end(), end)) is None
    return named


def nearest_noun(plan: PlanText, *, clause: Clause, participle: str) -> Clause:
    """What a participle is said of: in "mitigar los daños ocasionados por", "los daños".

    From the last article that agrees with it and does not follow "de"; the whole clause where there is none, or where
    a form of "ser" or "estar" makes the participle its predicate.
    """
    start, end = clause
    if _PREDICATE.search(plan.data[max(start, end - _END_REACH) : end]) is not None:
        return clause
    ending = next(
        (letters for letters in AGREEING_ARTICLES if participle.split(maxsplit=1)[0].endswith(letters)), None
    )
    if ending is None:
        return clause
    for found in _ARTICLES[ending].finditer(plan.data, start, end):
        if not plan.data[max(0, found.start() - 3) : found.start() + 1].endswith((b"de ", b" a ")):
            start = found.start()
    start, _ = trimmed(plan.data, start, end)
    return (start, end) if _lettered(plan.data[start:end]) else clause


_ARTICLES: Final = {
    letters: re2.compile(rf"(?:^|[ ,(])(?:{articles}) [a-z]".encode())
    for letters, articles in AGREEING_ARTICLES.items()
}


def shortened(plan: PlanText, *, clause: Clause, from_left: bool) -> Clause:
    """The part of a clause next to its connector, at most ``MAX_CLAUSE``, cut at a comma where there is one.

    Args:
        plan: The plan's buffer.
        clause: The clause.
        from_left: Whether it stands after its connector, so that its beginning is kept; else its end is.
    """
    start, end = clause
    if end - start <= MAX_CLAUSE:
        return clause
    if from_left:
        high = start + MAX_CLAUSE
        comma = plan.data.rfind(b", ", start + _LEAST_KEPT, high)
        cut = comma if comma >= 0 else plan.data.rfind(b" ", start, high)
        return start, cut if cut > start else high
    low = end - MAX_CLAUSE
    comma = plan.data.find(b", ", low, end - _LEAST_KEPT)
    cut = comma + 1 if comma >= 0 else plan.data.find(b" ", low, end)
    return max(cut, low), end


def tidy(plan: PlanText, *, clause: Clause) -> Clause:
    """Without punctuation at its ends and words that lead on to what was cut off."""
    start, end = trimmed(plan.data, *clause)
    loose = _LOOSE_END.search(plan.data[max(start, end - _END_REACH) : end])
    if loose is None:
        return start, end
    return trimmed(plan.data, start, max(start, end - _END_REACH) + loose.start())


def names_something(plan: PlanText, *, clause: Clause) -> bool:
    """A clause of fewer letters ("lo", "esto") names nothing."""
    return _lettered(plan.data[clause[0] : min(clause[1], clause[0] + MAX_CLAUSE)])


def _lettered(part: bytes) -> bool:
    return len(part.translate(None, _NO_LETTERS)) >= _MIN_LETTERS and b" " in part.strip()
