"""Lines of running text joined to paragraphs and list items."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipeline.structure.fragments import Fragment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.model import Box, CleanLine

MAX_SEGMENT_CHARS = 1200
SHORT_LINE_SHARE = 0.72
"""A line that ends before this share of the text's width is the last of its paragraph."""
FULL_LINE_SHARE = 0.82
MIN_ROOM_SHARE = 0.08
MAX_REST_CHARS = 40
MAX_SIZE_STEP = 1.2
PARAGRAPH_GAP = 0.9
"""White space of more than 0.9 font sizes between two lines separates paragraphs."""

COLUMN_SHARE = 0.3
"""A page is set in two columns when so many of its lines end before its middle, and as many begin after it."""

LIST_START = re.compile(
    r"(?:[•·▪*✓] ?|[-–—] |o (?=[A-ZÁÉÍÓÚÑ])|\d{1,2}[.)]-? |\d{1,2}(?:\.\d{1,2}){1,4}\.? "
    r"|[a-zA-Z][.)] |\([a-z0-9]{1,2}\) |[ivx]{1,4}[.)] )"
)
_LABEL_START = re.compile(
    r"(?:objetivos?(?: (?:general|especificos?|estrategicos?|del programa))?"
    r"|metas?(?: de (?:producto|resultado|impacto))?|indicador(?:es)?(?: de (?:producto|resultado"
    r"|impacto))?"
    r"|estrategias?|linea(?:s)? (?:de )?base|responsables?|programas?|subprogramas?|proyectos?"
    r"|acciones|paragrafo(?: \w+)?|fuentes?|articulo \d+)\b[^a-z]{0,12}[:.]",
)
_NUMBERED_ROW = re.compile(r"\d{1,3} [A-ZÁÉÍÓÚÑ]")
_FIGURE_AT_END = re.compile(r"(?:[\d%.]|\bSL|\bND)$")
"""``38 Cobertura de agua 95%`` after a line that ends with a figure is the next row of a list."""
_TERMINAL = (".", "!", "?", ":", ";", ".”", '."')
OPEN_ENDS = (
    " de",
    " del",
    " la",
    " el",
    " los",
    " las",
    " y",
    " e",
    " o",
    " u",
    " en",
    " a",
    " al",
    " para",
    " con",
    " por",
    " que",
    " un",
    " una",
    " su",
    " sus",
    " se",
    " no",
    " como",
    " entre",
    " sobre",
    " sin",
    " desde",
    " hasta",
    ",",
    "(",
    " lo",
)
_SENTENCE_END = re.compile(r"[.!?;:][”\")]? (?=[A-ZÁÉÍÓÚÑ¿¡“\"•(\d])")


def paragraphs(
    indices: Iterable[int],
    *,
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    margins: Sequence[Margins],
) -> list[tuple[list[Fragment], bool]]:
    """Group lines of running text.

    Args:
        indices: the lines, in reading order.
        lines: the clean lines of the document.
        folded: their folded texts.
        margins: edges of the text of each page, by page number.

    Returns:
        For each paragraph its fragments and whether it is a list item.
    """
    groups: list[tuple[list[Fragment], bool]] = []
    previous = -2
    for index in indices:
        line = lines[index]
        text = line.text
        listed = _may_be_listed(text) and LIST_START.match(text) is not None
        fresh = (
            not groups
            or previous != index - 1
            or _breaks(lines, folded, index=index, listed=listed, margins=margins)
        )
        if fresh:
            groups.append(([], listed))
        groups[-1][0].append(Fragment(index, 0, len(text)))
        previous = index
    return groups


def _may_be_listed(text: str) -> bool:
    """Whether a line does not begin as most do: with a word of more letters than a mark has."""
    return not text[:2].isalpha() or text[0] in "ivx"


def _breaks(  # noqa: PLR0911  a ladder of rules
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    *,
    index: int,
    listed: bool,
    margins: Sequence[Margins],
) -> bool:
    """Whether a new paragraph begins at line ``index``."""
    line, before = lines[index], lines[index - 1]
    text = before.text
    goes_on = line.text[0].islower() and not text.isupper()
    if goes_on and not listed and not _LABEL_START.match(folded[index]):
        return False  # most lines; a row that begins with a number does not begin with a letter
    open_end = f" {text}".endswith(OPEN_ENDS)
    if listed and not (open_end and not text.endswith(",")):
        return True
    if not open_end and (
        _LABEL_START.match(folded[index]) or (_NUMBERED_ROW.match(line.text) and _FIGURE_AT_END.search(text))
    ):
        return True
    if open_end or goes_on:
        return False
    if before.page != line.page:
        return text.endswith(_TERMINAL)
    if (
        line.box[1] - before.box[3] > max(PARAGRAPH_GAP * line.font_size, 4.0)
        or line.box[1] < before.box[1] - 2
    ):
        return True
    if abs(line.font_size - before.font_size) > MAX_SIZE_STEP or line.bold != before.bold:
        return True
    left, right = margins[line.page].around(before)
    width = right - left
    ended = text.endswith(_TERMINAL)
    if before.box[2] < left + SHORT_LINE_SHARE * width:
        return ended or not _rewrapped(lines, index=index, edge=left + FULL_LINE_SHARE * width)
    if not ended:
        return False
    indented = line.box[0] > before.box[0] + line.font_size
    return indented or _had_room(before, line, right=right, width=width)


def _had_room(before: CleanLine, line: CleanLine, *, right: float, width: float) -> bool:
    """Whether the first word of ``line`` would have fitted on the line before: then the break was meant."""
    word = len(line.text.split(" ", 1)[0]) + 1
    per_char = (line.box[2] - line.box[0]) / max(len(line.text), 1)
    return right - before.box[2] > max(word * per_char, MIN_ROOM_SHARE * width)


def _rewrapped(lines: Sequence[CleanLine], *, index: int, edge: float) -> bool:
    """Whether the line before is the rest of a line that was too long for a page set anew.

    Such a rest is a few words between two full lines; the paragraph goes on after it.
    """
    if index < 2 or len(lines[index - 1].text) > MAX_REST_CHARS:  # noqa: PLR2004  two lines are looked at
        return False
    above = lines[index - 2]
    return above.box[2] >= edge and lines[index].box[2] >= edge and not above.text.endswith(_TERMINAL)


class Margins(NamedTuple):
    """Left and right edge of a page's text; on a page set in two columns, those of each column."""

    columns: tuple[tuple[float, float], ...]

    def around(self, line: CleanLine) -> tuple[float, float]:
        """The edges of the column that a line begins in."""
        return next((edges for edges in reversed(self.columns) if line.box[0] >= edges[0]), self.columns[0])


def page_margins(lines: Sequence[CleanLine], *, pages: int) -> list[Margins]:
    """Edges of the running text of each page, by page number (index 0 is unused)."""
    boxes: list[list[Box]] = [[] for _ in range(pages + 1)]
    for line in lines:
        boxes[line.page].append(line.box)
    return [_margins(found) for found in boxes]


def _margins(boxes: Sequence[Box]) -> Margins:
    if not boxes:
        return Margins(((0.0, 0.0),))
    left, right = min([box[0] for box in boxes]), max([box[2] for box in boxes])
    middle = (left + right) / 2
    before = [box for box in boxes if box[2] <= middle]
    after = [box for box in boxes if box[0] >= middle]
    if min(len(before), len(after)) < COLUMN_SHARE * len(boxes):
        return Margins(((left, right),))
    return Margins(((left, max(box[2] for box in before)), (min(box[0] for box in after), right)))


def split_long(fragments: Sequence[Fragment], *, lines: Sequence[CleanLine]) -> list[list[Fragment]]:
    """Cut a paragraph longer than ``MAX_SEGMENT_CHARS`` at ends of sentences, else between words."""
    size = sum(f.end - f.start + 1 for f in fragments)
    if size <= MAX_SEGMENT_CHARS:
        return [list(fragments)]
    pieces = max(2, -(-size // (MAX_SEGMENT_CHARS - 200)))
    target = size / pieces
    out: list[list[Fragment]] = [[]]
    filled = 0
    for fragment in fragments:
        rest = fragment
        while True:
            cut = _cut_place(rest, lines=lines, filled=filled, target=target)
            if cut is None:
                out[-1].append(rest)
                filled += rest.end - rest.start + 1
                break
            if cut > rest.start:
                out[-1].append(Fragment(rest.line, rest.start, cut))
            out.append([])
            filled = 0
            text = lines[rest.line].text
            while cut < rest.end and text[cut] == " ":
                cut += 1
            if cut >= rest.end:
                break
            rest = Fragment(rest.line, cut, rest.end)
    return [piece for piece in out if piece]


def _cut_place(fragment: Fragment, *, lines: Sequence[CleanLine], filled: int, target: float) -> int | None:
    """Where to cut inside the fragment: after a sentence near the target, after a word at the limit."""
    size = fragment.end - fragment.start
    if filled + size < 0.7 * target:
        return None
    text = lines[fragment.line].text
    begin = fragment.start + max(0, int(0.7 * target) - filled)
    for match in _SENTENCE_END.finditer(text, begin, fragment.end):
        if match.end() - fragment.start + filled > MAX_SEGMENT_CHARS:
            break
        return match.end()
    if (
        filled + size >= target
        and text[: fragment.end].endswith((".", "!", "?", ";"))
        and filled + size <= MAX_SEGMENT_CHARS
    ):
        return fragment.end
    if filled + size <= MAX_SEGMENT_CHARS:
        return None
    space = text.rfind(" ", fragment.start, fragment.start + MAX_SEGMENT_CHARS - filled)
    if space > fragment.start:
        return space + 1
    return fragment.start if filled else fragment.start + MAX_SEGMENT_CHARS
