"""Running heads, running feet and page numbers: which lines of a document are furniture of its pages.

Three kinds are found: lines repeated at the edge of many pages, page numbers at the edge, and the
same two inside the page, which is where they stand when a text was typeset anew from an older PDF.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.structure.folding import SEPARATOR, fold_lines
from pipeline.structure.vocabulary import is_table_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.model import Page

HEAD_SHARE = 0.16
"""Running heads stand in this top share of the page; letterheads of four lines reach 15 %."""
FOOT_SHARE = 0.87
"""Running feet stand below this share of the height."""
MIN_REPETITIONS = 3
MIN_SHARE_OF_SPAN = 0.4
"""Heads that differ on left and right pages still reach 40 % of the pages they run over."""
MIN_NUMBERED_PAGES = 3
INNER_MIN_REPETITIONS = 6
INNER_MIN_SHARE = 0.15
INNER_MIN_SPREAD = 0.5
MAX_FURNITURE_CHARS = 130
MIN_CHAIN = 8
"""Page numbers inside the text count only in chains of at least eight consecutive numbers."""
CHAIN_GAP_LINES = (12, 160)

_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"(?:\|\s?)?(?:-\s?)?(?:pag(?:ina|\.)?\s{0,2})?(\d{1,4})(?:\s{0,2}(?:de|/)\s{0,2}\d{1,4})?(?:\s?-)?(?:\s?\|)?")
_FURNITURE_WORDS = re.compile(
    r"plan de desarrollo|alcaldia (?:municipal )?de|\bmunicipio de|concejo|acuerdo n|\bnit\b|republica de colombia"
    r"|departamento del? |pagina #|\bpag\.? ?#|www\.|@|despacho del alcalde|plan municipal de desarrollo|codigo postal|telefono",
)


@dataclass(frozen=True, slots=True)
class _Entry:
    page: int
    line: int
    key: str
    folded: str
    edge: str
    """``head``, ``foot`` or empty."""


def running_lines(pages: Sequence[Page]) -> set[tuple[int, int]]:
    """Find the lines that belong to the pages and not to the text.

    Returns:
        Pairs of page number and index into ``Page.lines``. A line made of table-head words alone
        is never among them: heads of tables repeat on every page a table runs over.
    """
    entries = _entries(pages)
    found = _repeated_at_edges(entries)
    found |= _numbers_at_edges(entries)
    found |= _repeated_inside(entries, pages=len(pages), known=found)
    found |= _numbers_inside(entries)
    return {(entries[i].page, entries[i].line) for i in found}


def _entries(pages: Sequence[Page]) -> list[_Entry]:
    folded = fold_lines([line.text for page in pages for line in page.lines])
    keys = _DIGITS.sub("#", SEPARATOR.join(folded)).split(SEPARATOR)
    entries: list[_Entry] = []
    position = 0
    for page in pages:
        head_limit = page.height * HEAD_SHARE
        foot_limit = page.height * FOOT_SHARE
        for index, line in enumerate(page.lines):
            top, bottom = line.box[1], line.box[3]
            edge = "head" if bottom < head_limit else "foot" if top > foot_limit else ""
            entries.append(_Entry(page.number, index, keys[position].strip(), folded[position].strip(), edge))
            position += 1
    return entries


def _repeated_at_edges(entries: Sequence[_Entry]) -> set[int]:
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        if entry.edge and entry.key and len(entry.key) <= MAX_FURNITURE_CHARS and entry.key != "#":
            groups[entry.edge, entry.key].append(index)
    found: set[int] = set()
    for (_, key), members in groups.items():
        seen = {entries[i].page for i in members}
        span = max(seen) - min(seen) + 1
        if len(seen) < MIN_REPETITIONS or len(seen) < MIN_SHARE_OF_SPAN * span or is_table_head(key):
            continue
        found.update(members)
    return found


def _numbers_at_edges(entries: Sequence[_Entry]) -> set[int]:
    """Numbers at the edge whose distance to the page's own number is the same on several pages."""
    by_offset: defaultdict[int, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        if not entry.edge:
            continue
        match = _PAGE_NUMBER.fullmatch(entry.folded)
        if match:
            by_offset[int(match[1]) - entry.page].append(index)
    found: set[int] = set()
    for members in by_offset.values():
        if len({entries[i].page for i in members}) >= MIN_NUMBERED_PAGES:
            found.update(members)
    return found


def _repeated_inside(entries: Sequence[_Entry], *, pages: int, known: set[int]) -> set[int]:
    counts = Counter(entry.key for entry in entries if 4 < len(entry.key) <= MAX_FURNITURE_CHARS)
    enough = max(INNER_MIN_REPETITIONS, INNER_MIN_SHARE * pages)
    frequent = {key for key, count in counts.items() if count >= enough and not is_table_head(key)}
    if not frequent:
        return set()
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        if entry.key in frequent and index not in known:
            groups[entry.key].append(index)
    found: set[int] = set()
    for key, members in groups.items():
        if _FURNITURE_WORDS.search(key) and _spread_out(entries, members, pages=pages):
            found.update(members)
    marks = known | found | {i for i, entry in enumerate(entries) if entry.key in {"#", "|# - #|"}}
    for members in groups.values():
        if members[0] not in found and _beside(members, marks) and _spread_out(entries, members, pages=pages):
            found.update(members)
    return found


def _spread_out(entries: Sequence[_Entry], members: Sequence[int], *, pages: int) -> bool:
    """Furniture runs over much of the document and comes at most about twice a page."""
    seen = {entries[i].page for i in members}
    return max(seen) - min(seen) >= INNER_MIN_SPREAD * pages and len(members) <= 2.2 * len(seen)


def _beside(members: Iterable[int], marks: set[int]) -> bool:
    """Whether most of the lines stand next to a line that is known to be furniture."""
    near = [any(i + step in marks for step in (-2, -1, 1, 2)) for i in members]
    return sum(near) >= 0.8 * len(near)


def _numbers_inside(entries: Sequence[_Entry]) -> set[int]:
    """Lone numbers that go up by one at the distance of a page, in long chains."""
    lone = [
        (index, int(match[1]))
        for index, entry in enumerate(entries)
        if len(entry.folded) <= 12 and entry.folded and (match := _PAGE_NUMBER.fullmatch(entry.folded))
    ]
    latest: defaultdict[int, list[int]] = defaultdict(list)
    previous: dict[int, int] = {}
    length: dict[int, int] = {}
    for index, value in lone:
        best = 0
        for before in reversed(latest[value - 1][-4:]):
            if CHAIN_GAP_LINES[0] <= index - before <= CHAIN_GAP_LINES[1] and length[before] > best:
                best = length[before]
                previous[index] = before
        length[index] = best + 1
        latest[value].append(index)
    return _chain_members(length, previous)


def _chain_members(length: dict[int, int], previous: dict[int, int]) -> set[int]:
    found: set[int] = set()
    for index in sorted(length, key=lambda i: -length[i]):
        if length[index] < MIN_CHAIN:
            break
        step: int | None = index
        while step is not None and step not in found:
            found.add(step)
            step = previous.get(step)
    return found
