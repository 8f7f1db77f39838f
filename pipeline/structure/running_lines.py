"""Running heads, running feet and page numbers: which lines of a document are furniture of its pages.

Three kinds are found: lines repeated at the edge of many pages, page numbers at the edge, and the
same two inside the page, which is where they stand when a text was typeset anew from an older PDF.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median_low
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
MIN_SHARE_OF_PAGES = 0.08
MAX_MIN_REPETITIONS = 12
MIN_SHARE_OF_SPAN = 0.4
"""Heads that differ on left and right pages still reach 40 % of the pages they run over."""
MIN_NUMBERED_PAGES = 3
INNER_MIN_REPETITIONS = 6
INNER_MIN_SHARE = 0.15
INNER_MIN_SPREAD = 0.5
INNER_MIN_CHARS = 6
LETTERHEAD_SHARE = 0.8
LETTERHEAD_PAGES = 0.5
"""A line of a letterhead comes at least half as often as the line beside it."""
MAX_SENTENCE_END = 40
"""``municipio de Arauca.`` is the end of a sentence."""
FURNITURE_ROUNDS = 2
"""A line beside furniture is furniture too; letterheads of several lines need a second look."""
LETTERHEAD_LINES = 16
"""No letterhead has more lines; from those that are known it is followed so far up and down."""
MAX_NUMBER_KEY = 16
MAX_FURNITURE_CHARS = 130
MIN_CHAIN = 8
"""Page numbers inside the text count only in chains of at least eight consecutive numbers."""
CHAIN_GAP_LINES = (12, 160)

_NOT_A_CELL = re.compile(r"[a-z]{4}|\|")
_LETTER = re.compile("[a-z]")
_MARK = b"\x00"
"""Stands for digits; a control character, which clean text never holds."""
_DIGITS_AS_MARKS = bytes.maketrans(b"0123456789", _MARK * 10)
_PAGE_NUMBER = re.compile(
    r"(?:\|\s?)?(?:-\s?)?(?:pag(?:ina|\.)?\s{0,2})?(\d{1,4})(?:\s{0,2}(?:de"
    r"|/)\s{0,2}\d{1,4})?(?:\s?-)?(?:\s?\|)?"
)
_FURNITURE_WORDS = re.compile(
    r"plan de desarrollo|alcaldia (?:municipal )?de|\bmunicipio de|concejo|acuerdo n|\bnit\b"
    r"|republica de colombia"
    r"|departamento del? |pagina #|\bpag\.? ?#|www\.|@|despacho del alcalde"
    r"|plan municipal de desarrollo|codigo postal|telefono",
)


@dataclass(frozen=True, slots=True)
class _Entries:
    """The lines of all pages as parallel columns: one object per line would cost more than the work."""

    pages: list[int]
    lines: list[int]
    folded: list[str]
    keys: list[str]
    heads: list[int]
    feet: list[int]
    texts: list[str]


def running_lines(pages: Sequence[Page]) -> set[tuple[int, int]]:
    """Find the lines that belong to the pages and not to the text.

    Returns:
        Pairs of page number and index into ``Page.lines``. A line made of table-head words alone
        is never among them: heads of tables repeat on every page a table runs over.
    """
    entries = _entries(pages)
    found = _repeated_at_edges(entries, page_count=len(pages))
    found |= _numbers_at_edges(entries)
    found |= _repeated_inside(entries, page_count=len(pages), known=found)
    found |= _numbers_inside(entries)
    return {(entries.pages[i], entries.lines[i]) for i in found}


def _entries(pages: Sequence[Page]) -> _Entries:
    texts = [line.text for page in pages for line in page.lines]
    folded = [text.strip() for text in fold_lines(texts)]
    keys = _with_numbers_as_marks(SEPARATOR.join(folded)).split(SEPARATOR) if folded else []
    entries = _Entries([], [], folded, keys, [], [], texts)
    position = 0
    for page in pages:
        head_limit = page.height * HEAD_SHARE
        foot_limit = page.height * FOOT_SHARE
        count = len(page.lines)
        entries.pages.extend([page.number] * count)
        entries.lines.extend(range(count))
        for line in page.lines:
            if line.box[3] < head_limit:
                entries.heads.append(position)
            elif line.box[1] > foot_limit:
                entries.feet.append(position)
            position += 1
    return entries


def _with_numbers_as_marks(text: str) -> str:
    """``text`` with ``#`` for each run of digits; ``re`` takes four times as long, since there are so many."""
    data = text.encode("utf-8", "surrogatepass").translate(_DIGITS_AS_MARKS)
    while _MARK * 2 in data:
        data = data.replace(_MARK * 2, _MARK)
    return data.replace(_MARK, b"#").decode("utf-8", "surrogatepass")


def _repeated_at_edges(entries: _Entries, *, page_count: int) -> set[int]:
    enough = max(MIN_REPETITIONS, min(MAX_MIN_REPETITIONS, MIN_SHARE_OF_PAGES * page_count))
    found: set[int] = set()
    for edge in (entries.heads, entries.feet):
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for index in edge:
            groups[entries.keys[index]].append(index)
        for key, members in groups.items():
            if len(members) < enough or len(key) > MAX_FURNITURE_CHARS or not _LETTER.search(key):
                continue
            seen = {entries.pages[i] for i in members}
            span = max(seen) - min(seen) + 1
            if len(seen) >= enough and len(seen) >= MIN_SHARE_OF_SPAN * span and not is_table_head(key):
                found.update(members)
    return found


def _numbers_at_edges(entries: _Entries) -> set[int]:
    """Numbers at the edge whose distance to the page's own number is the same on several pages."""
    by_offset: defaultdict[int, list[int]] = defaultdict(list)
    for index in (*entries.heads, *entries.feet):
        match = _PAGE_NUMBER.fullmatch(entries.folded[index]) if "#" in entries.keys[index] else None
        if match:
            by_offset[int(match[1]) - entries.pages[index]].append(index)
    found: set[int] = set()
    for members in by_offset.values():
        if len({entries.pages[i] for i in members}) >= MIN_NUMBERED_PAGES:
            found.update(members)
    return found


def _repeated_inside(entries: _Entries, *, page_count: int, known: set[int]) -> set[int]:
    counts = Counter(entries.keys)
    enough = max(INNER_MIN_REPETITIONS, INNER_MIN_SHARE * page_count)
    frequent = {
        key
        for key, count in counts.items()
        if count >= enough
        and INNER_MIN_CHARS <= len(key) <= MAX_FURNITURE_CHARS
        and _NOT_A_CELL.search(key)
        and not is_table_head(key)
    }
    groups: defaultdict[str, list[int]] = defaultdict(list)
    if frequent:
        for index, key in enumerate(entries.keys):
            if key in frequent and index not in known and not entries.texts[index].lstrip()[:1].islower():
                groups[key].append(index)
    spread = {
        key: members
        for key, members in groups.items()
        if _runs_over_pages(entries, members, page_count=page_count)
    }
    found: set[int] = set()
    for key, members in spread.items():
        if _FURNITURE_WORDS.search(key) and not (key.endswith(".") and len(key) < MAX_SENTENCE_END):
            found.update(members)
    for _ in range(FURNITURE_ROUNDS):
        marks = known | found
        for members in spread.values():
            if members[0] not in found and _beside(members, marks):
                found.update(members)
    return found | _rest_of_letterheads(
        entries, marks=known | found, counts=counts, enough=enough, page_count=page_count
    )


def _rest_of_letterheads(
    entries: _Entries, *, marks: set[int], counts: Counter[str], enough: float, page_count: int
) -> set[int]:
    """Lines that stand right above or below furniture nearly every time they come, whatever they hold.

    A letterhead has lines that say nothing by themselves: an address with a telephone number, a tax number, half a
    motto that ends with a comma, a lone full stop. A cell of figures, which may follow a letterhead often, is none, nor
    is what comes on few of its pages.
    """
    marks = set(marks)
    found: set[int] = set()
    keys: set[str] = set()
    last = len(entries.keys) - 1
    edge = marks
    for _ in range(LETTERHEAD_LINES):
        groups: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for mark in edge:
            for index in (mark - 1, mark + 1):
                if 0 <= index <= last and index not in marks and counts[entries.keys[index]] >= enough:
                    groups[entries.keys[index]][index] = counts[entries.keys[mark]]
        edge = set()
        for key, beside in groups.items():
            if (
                _may_be_letterhead(key)
                and len(beside) >= LETTERHEAD_SHARE * counts[key]
                and counts[key] >= LETTERHEAD_PAGES * median_low(beside.values())
                and _spreads(entries, list(beside), page_count=page_count)
            ):
                edge.update(beside)
                keys.add(key)
        if not edge:
            break
        marks |= edge
        found |= edge
    # What was read differently beside it ("BASE" for "BASE.") parts a line from the rest of its letterhead.
    alone = {key for key in keys if len(key) >= INNER_MIN_CHARS}
    return found | {index for index, key in enumerate(entries.keys) if key in alone} if alone else found


def _may_be_letterhead(key: str) -> bool:
    if "#" in key and (len(key) < INNER_MIN_CHARS or not _LETTER.search(key)):
        return False
    return len(key) <= MAX_FURNITURE_CHARS and not is_table_head(key)


def _runs_over_pages(entries: _Entries, members: Sequence[int], *, page_count: int) -> bool:
    """Furniture runs over much of the document, about twice a page at most."""
    if entries.keys[members[0]].endswith((",", ";")):
        return False
    return _spreads(entries, members, page_count=page_count)


def _spreads(entries: _Entries, members: Sequence[int], *, page_count: int) -> bool:
    seen = {entries.pages[i] for i in members}
    return max(seen) - min(seen) >= INNER_MIN_SPREAD * page_count and len(members) <= 2.6 * len(seen)


def _beside(members: Iterable[int], marks: set[int]) -> bool:
    """Whether most of the lines stand next to a line that is known to be furniture."""
    near = [any(i + step in marks for step in (-2, -1, 1, 2)) for i in members]
    return sum(near) >= 0.8 * len(near)


def _numbers_inside(entries: _Entries) -> set[int]:
    """Lone numbers that go up by one at the distance of a page, in long chains."""
    lone = [
        (index, int(match[1]))
        for index, key in enumerate(entries.keys)
        if len(key) <= MAX_NUMBER_KEY
        and "#" in key
        and (match := _PAGE_NUMBER.fullmatch(entries.folded[index]))
    ]
    latest: defaultdict[int, list[int]] = defaultdict(list)
    previous: dict[int, int] = {}
    length: dict[int, int] = {}
    for index, value in lone:
        best = 0
        for step in (1, 2):  # left and right pages may be numbered in different ways
            for before in reversed(latest[value - step][-4:]):
                if (
                    CHAIN_GAP_LINES[0] <= index - before <= step * CHAIN_GAP_LINES[1]
                    and length[before] > best
                ):
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
