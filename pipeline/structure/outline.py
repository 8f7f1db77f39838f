"""The section tree of a plan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.model import Section, SectionKind
from pipeline.structure.contents import contents_lines
from pipeline.structure.headings import find_headings
from pipeline.structure.section_kinds import Ground, judged_by_content, kind_of_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.model import CleanLine
    from pipeline.structure.heading_titles import Heading

CONTENTS_TITLE = "Tabla de contenido"
"""Title of the section that holds a table of contents; its lines are no segments."""
MAX_LEVEL = 12
_CONTENTS_RANK = 15
_TITLE_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,6})\.?(?:[.)\-: ]|(?=[A-ZÁÉÍÓÚÑ]))")


def section_tree(
    lines: Sequence[CleanLine], *, folded: Sequence[str], skip: frozenset[int]
) -> tuple[Section, ...]:
    """Build the sections in reading order; each ends where the next of its level or above begins.

    Args:
        lines: the clean lines of the document.
        folded: their folded texts.
        skip: lines that cannot be headings (they stand in tables).
    """
    contents = contents_lines(folded)
    blocked = set(skip)
    for start, stop in contents:
        blocked.update(range(start, stop))
    headings = find_headings(lines, folded=folded, skip=frozenset(blocked))
    merged = _with_contents(headings, contents)
    sections, grounds = _sections(merged, lines=lines)
    return judged_by_content(sections, grounds=grounds, folded=folded)


def _with_contents(
    headings: Iterable[Heading], contents: Iterable[tuple[int, int]]
) -> list[tuple[int, int, str, int | None]]:
    """(first, stop, title, rank) of headings and tables of contents in reading order."""
    rows: list[tuple[int, int, str, int | None]] = [(h.first, h.stop, h.title, h.rank) for h in headings]
    rows.extend((start, stop, CONTENTS_TITLE, None) for start, stop in contents)
    rows.sort(key=lambda row: row[0])
    return rows


@dataclass(slots=True)
class _Open:
    """A section that may still get children."""

    id: int
    rank: int
    number: tuple[str, ...]


def _sections(
    rows: Sequence[tuple[int, int, str, int | None]], *, lines: Sequence[CleanLine]
) -> tuple[tuple[Section, ...], list[Ground]]:
    """The sections with the kinds their titles give them, and what each of these rests on."""
    total = len(lines)
    stack: list[_Open] = []
    drafts: list[tuple[str, int, SectionKind, int | None, int]] = []  # title, level, kind, parent, first
    ends: list[int] = []
    grounds: list[Ground] = []
    for first, stop, title, rank in rows:
        number = _number_of(title)
        level_rank = _CONTENTS_RANK if rank is None else rank
        for closed in _closed_by(stack, rank=level_rank, number=number):
            ends[closed.id] = first
        parent = stack[-1].id if stack else None
        parent_kind = drafts[parent][2] if parent is not None else SectionKind.UNKNOWN
        kind, ground = SectionKind.PRELIMINARY, Ground.NAMED
        if rank is not None:
            kind, ground = kind_of_title(title, rank=rank, parent=parent_kind)
            level_rank = max(level_rank, stack[-1].rank + 1) if stack else level_rank
        grounds.append(ground)
        identifier = len(drafts)
        drafts.append((title, min(len(stack) + 1, MAX_LEVEL), kind, parent, first))
        ends.append(stop if rank is None else total)
        if rank is not None:
            stack.append(_Open(identifier, level_rank, number))
    sections = tuple(
        Section(i, title, level, kind, parent, lines[first].page, first, ends[i])
        for i, (title, level, kind, parent, first) in enumerate(drafts)
    )
    return sections, grounds


def _number_of(title: str) -> tuple[str, ...]:
    """The parts of the number a title begins with: ``2.3.1 Salud`` gives ``("2", "3", "1")``."""
    match = _TITLE_NUMBER.match(title)
    return tuple(match[1].split(".")) if match else ()


def _closed_by(stack: list[_Open], *, rank: int, number: tuple[str, ...]) -> list[_Open]:
    """Take from the stack what a heading closes.

    A number that extends the number of an open section makes the heading its child, whatever
    their ranks; otherwise everything of the same or a larger rank is closed.
    """
    for place in range(len(stack) - 1, -1, -1):
        above = stack[place].number
        if above and len(above) < len(number) and number[: len(above)] == above:
            closed = stack[place + 1 :]
            kept = [item for item in closed if item.rank < rank and not item.number]
            del stack[place + 1 :]
            stack.extend(kept)
            return [item for item in closed if item not in kept]
    closed = []
    while stack and stack[-1].rank >= rank:
        closed.append(stack.pop())
    return closed
