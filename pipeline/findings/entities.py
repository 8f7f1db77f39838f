"""Finds the names of offices, entities and bodies in a plan and gives them one canonical spelling."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import re2

from pipeline.findings.entity_lexicon import (
    ACRONYMS,
    BODY,
    BODY_WORDS,
    COMMON_WORDS,
    CONNECTORS,
    DEPARTMENTS,
    DEPENDENCY,
    HEADS,
    LEVELS,
    MATTERS,
    ORGANISATIONS,
    PHRASES,
    REGIONAL,
    SHORT_CORPORATIONS,
    TITLED_AFTER,
)
from pipeline.text import fold

if TYPE_CHECKING:
    from pipeline.findings.plan_text import PlanText

MAX_MENTIONS: Final = 20_000
"""Of 26 plans the largest names 2,300 times."""
MAX_NAME_WORDS: Final = 12
"""The longest official names have ten words; a longer run is prose."""
NAME_WINDOW: Final = 120
MAX_ACRONYM_CHARS: Final = 6
MIN_MATTER_CHARS: Final = 4
NO_NAMES: Final = frozenset(
    ("municipio departamento alcaldia distrito plan programa proyecto ley decreto articulo").split()  # noqa: SIM905  words read better as words
)
"""Capitalised words that begin something else after an office's name."""
LOOSE_HEADS: Final = frozenset({"coordinacion", "direccion", "director", "jefatura", "oficina", "comision"})
"""Heads that are everyday words as well: they need a capital and "de" or a matter right after them."""


def _alternation(words: list[str]) -> str:
    return "|".join(re2.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


_MENTION: Final = re2.compile(
    rf"\b(?:({_alternation(list(PHRASES))})|({_alternation(list(HEADS))})|({_alternation(list(ACRONYMS))}))(?:\b|\s)".encode()
)
_WORD: Final = re2.compile(rb"[a-z0-9?]+|[^a-z0-9? ]")
_LISTED: Final = re2.compile(rf", (?:{_alternation(list(MATTERS))})(?: [a-z]+){{0,2}}(?:,| y| e) ".encode())
_CALLED_AFTER: Final = re2.compile(rf"\b(?:{TITLED_AFTER})(?: (?:de|del|de la))? $".encode())
_CALLED_REACH: Final = 50
_MATTER_ENDING: Final = ("cion", "sion", "dad", "tad", "miento", "encia", "ancia", "tura", "ismo", "ncia")
_ENTITY_STARTS: Final = frozenset(name.split()[0] for name in (*PHRASES, *HEADS))
_CAPITALISED_ACRONYMS: Final = ("min", "corpo", "col", "fon", "find", "cor", "code", "bancol")


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity named at buffer positions ``start``..``end``."""

    start: int
    end: int
    entity: str
    kind: str


def find_entities(
    plan: PlanText, *, municipality: str | None, department: str | None = None
) -> list[Mention]:
    """Every entity named in the plan, in order; mentions do not overlap.

    Args:
        plan: The plan's buffer.
        municipality: Its municipality, which leaves the canonical name ("Secretaría de Salud de Neiva").
        department: Its department; the three letters of another department's environmental corporation mean
            something else here ("CAM" is a building in many towns). ``None`` where it is not known.
    """
    foreign = frozenset(
        letters for letters, home in SHORT_CORPORATIONS.items() if department and home not in fold(department)
    )
    place = frozenset(fold(municipality).split()) if municipality else frozenset[str]()
    found: list[Mention] = []
    reached = -1
    for match in islice(_MENTION.finditer(plan.data), MAX_MENTIONS):
        start = match.start()
        if start < reached:
            continue
        mention = _read(plan, match=match, place=place)
        if match.group(3) is not None and match.group(3).decode() in foreign:
            mention = None
        if mention is not None:
            found.append(mention)
            reached = mention.end
    return found


def _read(plan: PlanText, *, match: re2._Match, place: frozenset[str]) -> Mention | None:
    phrase, head, acronym = match.group(1), match.group(2), match.group(3)
    start = match.start()
    if phrase is not None:
        return _phrase(plan, start=start, words=phrase.decode())
    if acronym is not None:
        return _acronym(plan, start=start, word=acronym.decode())
    return _compound(plan, start=start, head=head.decode(), place=place)


def _phrase(plan: PlanText, *, start: int, words: str) -> Mention | None:
    """An official name; what is a common word as well ("medicina legal") only with a capital, and not of a service."""
    if words in COMMON_WORDS and not (
        plan.original(start, start + 1).isupper() and _own_name(plan, start=start)
    ):
        return None
    entity, kind = PHRASES[words]
    return Mention(start, start + len(words), entity, kind)


def _own_name(plan: PlanText, *, start: int) -> bool:
    """Not "Hogares de Bienestar Familiar" nor "pruebas ICFES": a thing that is called after the entity."""
    first, _ = plan.bounds(plan.segment_at(start))
    return _CALLED_AFTER.search(plan.data[max(first, start - _CALLED_REACH) : start]) is None


def _acronym(plan: PlanText, *, start: int, word: str) -> Mention | None:
    """An acronym counts where the plan writes it in capitals: "sena" may be "seña", "art" an article."""
    written = plan.original(start, start + len(word))
    capital = written.isupper() or (
        written[:1].isupper() and word.startswith(_CAPITALISED_ACRONYMS) and len(word) > MAX_ACRONYM_CHARS
    )
    if not capital or (plan.data[start + len(word) : start + len(word) + 1] == b"." and word == "art"):
        return None
    if not _own_name(plan, start=start):
        return None
    entity, kind = ACRONYMS[word]
    return Mention(start, start + len(word), entity, kind)


@dataclass(slots=True)
class _Name:
    """A name under construction: the words taken and where the last one ends."""

    words: list[str]
    folded: list[str]
    end: int


def _compound(plan: PlanText, *, start: int, head: str, place: frozenset[str]) -> Mention | None:
    spelled, kind = HEADS[head]
    end = start + len(head)
    name = _Name(words=[], folded=[], end=end)
    if head in LOOSE_HEADS and not plan.original(start, start + 1).isupper():
        return None
    _extend(plan, name=name, head=head, capitals=_mixed_case(plan, start=start, end=end))
    if not _has_matter(name.folded) and not (kind == DEPENDENCY and "general" in name.folded):
        return None
    if kind == BODY and not _is_body(name.folded):
        return None
    if kind == DEPENDENCY and ("departamental" in name.folded or _names_department(name.folded, place=place)):
        kind = REGIONAL
    return Mention(start, name.end, _canonical(spelled, name=name, kind=kind, place=place), kind)


def _has_matter(folded: list[str]) -> bool:
    """A head alone, or with its level only ("la secretaría municipal"), names no office."""
    content = [word for word in folded if word not in CONNECTORS and word not in LEVELS]
    return any(word in MATTERS or len(word) >= MIN_MATTER_CHARS for word in content)


def _mixed_case(plan: PlanText, *, start: int, end: int) -> bool:
    """True where capitals mark names: the head is written "Secretaría", not "SECRETARÍA" or "secretaría"."""
    written = plan.original(start, end)
    return written[:1].isupper() and not written[1:].isupper()


def _extend(plan: PlanText, *, name: _Name, head: str, capitals: bool) -> None:
    """Take the words after the head while they belong to the name."""
    start = name.end
    stop = min(start + NAME_WINDOW, plan.bounds(plan.segment_at(start))[1])
    pending: list[tuple[str, str]] = []
    for match in _WORD.finditer(plan.data, start, stop):
        word = match.group().decode()
        written = plan.original(match.start(), match.end())
        if word == "," and name.words and _LISTED.match(plan.data, match.start(), stop):
            pending.append((",", ","))
        elif word in CONNECTORS:
            pending.append((word, word))
        elif _belongs(word, written=written, pending=pending, capitals=capitals, head=head):
            for folded, spelled in (*pending, (word, _spelled(word, written=written))):
                name.folded.append(folded)
                name.words.append(spelled)
            pending = []
            name.end = match.end()
        else:
            return
        if len(name.words) + len(pending) > MAX_NAME_WORDS:
            return


def _belongs(word: str, *, written: str, pending: list[tuple[str, str]], capitals: bool, head: str) -> bool:
    if word in HEADS or word in ACRONYMS or not word[:1].isalpha():
        return False
    joined = {folded for folded, _ in pending}
    if word in MATTERS or word in LEVELS:
        return not (joined & {"a", "al", "por"}) or head in BODY_WORDS
    linked = bool(joined) and joined <= {"de", "del", "la", "el", "los", "las"}
    # "Secretaría de Inclusión y Reconciliación", not "Secretaría de Salud y Comfaca" nor "… y Gobernación".
    another = word.endswith(_MATTER_ENDING) and word not in _ENTITY_STARTS and word not in ORGANISATIONS
    linked |= another and bool(joined & {"y", "e"}) and joined <= {"y", "e", "de", "del", "la", "el"}
    named = written[:1].isupper() and not (written.isupper() and len(word) > MAX_ACRONYM_CHARS)
    return capitals and linked and named and word not in NO_NAMES


def _spelled(word: str, *, written: str) -> str:
    if word in MATTERS:
        return MATTERS[word].capitalize()
    return written.capitalize()


def _is_body(folded: list[str]) -> bool:
    """A "mesa" or "consejo" is a body only with a level or a matter beside it: "mesa de trabajo" is none."""
    return any((word in MATTERS and word != "trabajo") or word in LEVELS for word in folded)


def _names_department(folded: list[str], *, place: frozenset[str]) -> bool:
    return any(word in DEPARTMENTS and word not in place for word in folded)


def _canonical(spelled: str, *, name: _Name, kind: str, place: frozenset[str]) -> str:
    """One spelling for one office: without its level and its municipality, which say nothing new."""
    dropped = (LEVELS | place) if kind == DEPENDENCY else place
    if kind == BODY and name.folded[-1] in LEVELS and len(name.folded) > 1:
        dropped = place | {name.folded[-1]}
    kept = [
        (folded, word)
        for folded, word in zip(name.folded, name.words, strict=True)
        if folded not in dropped or folded in MATTERS
    ]
    if not any(folded not in CONNECTORS and folded != "," for folded, _ in kept):
        kept = list(zip(name.folded, name.words, strict=True))
    while kept and (kept[-1][0] in CONNECTORS or kept[-1][0] == ","):
        kept.pop()
    words = [spelled]
    previous = ""
    for folded, word in kept:
        if not (folded in CONNECTORS and folded == previous):
            words.append(word)
        previous = folded
    return " ".join(words).replace(" ,", ",")
