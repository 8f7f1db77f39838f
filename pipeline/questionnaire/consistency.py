"""What holds a point's chain together over the sections of a plan: figures that agree, programmes that come back.

Both are found per point: a passage counts for the points that it and its counterpart are both about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.lexicons.point_words import NAMED, PointWords
from pipeline.lexicons.term_matching import JoinedTexts
from pipeline.model import ColumnRole, SectionKind, SegmentKind
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from pipeline.model import PlanProfile, RowCell, Segment
    from pipeline.questionnaire.units import Units

WORD = re.compile(r"[a-z]{5,}")
LETTERS = re.compile(r"[a-z]+")
STEM_CHARS = 6
"""Words are compared by their first letters: capacitar, capacitadas, capacitación."""
AROUND_CHARS = 90
SHARED_STEMS = 3
"""Two figures speak of the same thing when so many words beside them are the same."""
TELLING_DIGITS = 3
"""Shorter numbers agree by chance."""
MAX_PLACES = 30
"""Places compared for one number; a number that stands more often is a price or a code."""
STRUCTURE_WORDS = frozenset(
    {
        "programa",
        "programas",
        "subprograma",
        "subprogramas",
        "sector",
        "sectores",
        "proyecto",
        "proyectos",
        "eje",
        "ejes",
        "linea",
        "lineas",
        "estrategica",
        "estrategicas",
        "estrategico",
        "plan",
        "articulo",
        "componente",
        "dimension",
        "objetivo",
        "general",
        "capitulo",
        "titulo",
        "parte",
        "matriz",
        "desarrollo",
        "municipal",
        "de",
        "la",
        "el",
        "los",
        "las",
        "y",
        "en",
        "del",
        "para",
        "con",
        "por",
        "a",
    }
)
MIN_NAME_WORDS = 2
MIN_NAME_CHARS = 10
MAX_PARENTS = 2
"""A title that stands under more titles than this is a label (metas, indicadores), not a name."""
AMOUNT_DIGITS = 4
MANY_AMOUNTS = 2
"""A row of an investment table holds so many figures of so many digits."""
RUN_IN_CHARS = 90
RUN_IN_END = re.compile(r"[.:] ")
"""What ends a name at the beginning of an item; a name may hold one itself."""
NAME_ROLES = (ColumnRole.PROGRAMME, ColumnRole.PROJECT, ColumnRole.SECTOR)
NOT_TOLD_IN = (SectionKind.INVESTMENT, SectionKind.PRELIMINARY)
"""Sections that repeat a programme, or announce it, but do not tell it."""


def agreeing_figures(
    units: Units, *, figures: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> NDArray[np.bool_]:
    """Mark the passages whose figure comes back in another section with the same words beside it.

    Args:
        units: the passages with what they are about.
        figures: starts and ends of the figures in the joined text, without years, citations and money.

    Returns:
        (units, points).
    """
    text = units.joined.text
    places: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    owners = units.joined.text_at(figures[0]).tolist()
    for owner, start, end in zip(owners, figures[0].tolist(), figures[1].tolist(), strict=True):
        number = text[start:end].split(" ")[0].rstrip(".,%")
        if len(number) >= TELLING_DIGITS and number != "100" and _digits(number) >= TELLING_DIGITS:
            places[number].append((owner, start, end))
    about = units.about > 0
    marked = np.zeros(about.shape, dtype=np.bool_)
    for same in places.values():
        kept = same[:MAX_PLACES]
        if len({units.segments[owner].section for owner, _, _ in kept}) == 1:
            continue
        stems = [_stems(units, owner=owner, start=start, end=end) for owner, start, end in kept]
        for left, right in _pairs(len(kept)):
            one, other = kept[left][0], kept[right][0]
            apart = units.segments[one].section != units.segments[other].section
            if apart and len(stems[left] & stems[right]) >= SHARED_STEMS:
                both = about[one] & about[other]
                marked[one] |= both
                marked[other] |= both
    return marked


def carried_on(units: Units, *, profile: PlanProfile) -> NDArray[np.bool_]:
    """Mark the passages where a programme of the point comes back in another section or in the investment plan.

    The programme is a title of the point's own that passages about the point stand under; it comes back as
    the programme of a table's row elsewhere, or by name in the investment plan.

    Returns:
        (units, points).
    """
    kinds = {section.id: section.kind for section in profile.sections}
    first = _programmes(units, kinds=kinds)
    told = _run_in_names(units, kinds=kinds)
    about = units.about > 0
    marked = np.zeros(about.shape, dtype=np.bool_)
    if not first and not told:
        return marked
    names = list(first)
    own = dict(zip(names, PointWords.load().weigh(JoinedTexts(names)).weights >= NAMED, strict=True))
    of_a_point = set(np.flatnonzero(about.any(axis=1)).tolist())
    for unit, segment in enumerate(units.segments):
        if segment.kind is SegmentKind.HEADING:
            continue
        invests = kinds.get(segment.section) is SectionKind.INVESTMENT
        if told and segment.row is not None and _holds_amounts(segment.row.cells):
            for name in told.keys() & {_name(cell.text) for cell in segment.row.cells}:
                if units.segments[told[name]].section != segment.section:
                    marked[told[name]] |= about[told[name]]
        if unit not in of_a_point or not (invests or segment.row is not None):
            continue
        for name in _names_here(segment, invests=invests):
            if name in first and units.segments[first[name]].section != segment.section:
                both = own[name] & about[unit] & about[first[name]]
                marked[unit] |= both
                marked[first[name]] |= both
    return marked


def _holds_amounts(cells: Iterable[RowCell]) -> bool:
    long = (cell.text for cell in cells if len(cell.text) >= AMOUNT_DIGITS)
    return sum(_digits(text) >= AMOUNT_DIGITS for text in long) >= MANY_AMOUNTS


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _run_in_names(units: Units, *, kinds: dict[int, SectionKind]) -> dict[str, int]:
    """Names that begin an item of a list ("4. Casa abierta: …"), each with its first passage."""
    told: dict[str, int] = {}
    for unit, segment in enumerate(units.segments):
        if segment.kind is not SegmentKind.LIST_ITEM or units.spans[unit][0] > 0:
            continue
        if kinds.get(segment.section) in NOT_TOLD_IN:
            continue
        start = segment.text[:RUN_IN_CHARS]
        for end in RUN_IN_END.finditer(start):
            if name := _name(start[: end.start()]):
                told.setdefault(name, unit)
    return told


def _pairs(size: int) -> Iterator[tuple[int, int]]:
    return ((left, right) for left in range(size) for right in range(left + 1, size))


def _stems(units: Units, *, owner: int, start: int, end: int) -> frozenset[str]:
    """First letters of the words around a figure, within its passage."""
    begin = int(units.joined.starts[owner])
    stop = begin + int(units.joined.lengths[owner])
    around = units.joined.text[max(begin, start - AROUND_CHARS) : min(stop, end + AROUND_CHARS)]
    return frozenset(word[:STEM_CHARS] for word in WORD.findall(around))


def _programmes(units: Units, *, kinds: dict[int, SectionKind]) -> dict[str, int]:
    """Names of titles that passages stand under, each with its first passage."""
    first: dict[str, int] = {}
    parents: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    seen: set[tuple[str, ...]] = set()
    for unit, segment in enumerate(units.segments):
        if segment.kind is SegmentKind.HEADING:
            continue
        if kinds.get(segment.section) in NOT_TOLD_IN:
            continue
        for cell in segment.row.cells if segment.row is not None else ():
            if cell.role in NAME_ROLES and (name := _name(cell.text)):
                first.setdefault(name, unit)
        if segment.heading_path in seen:
            continue
        seen.add(segment.heading_path)
        for depth, title in enumerate(segment.heading_path):
            name = _name(title)
            if name:
                parents[name].add(segment.heading_path[:depth])
                first.setdefault(name, unit)
    return {name: unit for name, unit in first.items() if len(parents[name]) <= MAX_PARENTS}


def _names_here(segment: Segment, *, invests: bool) -> set[str]:
    titles = list(segment.heading_path) if invests else []
    if segment.row is not None:
        titles += [cell.text for cell in segment.row.cells if invests or cell.role in NAME_ROLES]
        titles += segment.row.context
    elif invests:
        titles.append(segment.text)
    return {_name(title) for title in titles} - {""}


@lru_cache(maxsize=8_192)
def _name(title: str) -> str:
    """A title without numbers and the words of the plan's structure; empty when nothing telling is left."""
    words = [word for word in LETTERS.findall(fold(title)) if word not in STRUCTURE_WORDS]
    name = " ".join(words)
    return name if len(words) >= MIN_NAME_WORDS and len(name) >= MIN_NAME_CHARS else ""
