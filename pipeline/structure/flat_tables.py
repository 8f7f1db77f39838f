"""Tables that survive only as text: a head of known words, then one cell or part of a cell per line.

Where the geometry of a table is lost, its rows can still be told apart by what closes them: the
figures of the last columns, or a value such as ``SL`` (sin línea base) alone on its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pipeline.model import ColumnRole
from pipeline.structure.columns import Column, column_of, with_targets
from pipeline.structure.fragments import CELL_GLUE, Cell, Fragment
from pipeline.structure.paragraphs import MAX_SEGMENT_CHARS, OPEN_ENDS
from pipeline.structure.vocabulary import is_table_head
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine

MAX_HEAD_LINES = 14
MIN_COLUMNS = 2
MAX_HEAD_CHARS = 130
MAX_ROW_CHARS = 700
PROSE_LINES = 3
"""So many full lines of running text in a row end a table."""
PROSE_CHARS = 70
TEXT_ROW_CHARS = 260
MAX_COUNT_CHARS = 26
MAX_VALUES = 12
"""Where no figures close a row, fragments are kept together up to this size."""

_FIGURE = r"(?:[<>≤≥]=? ?)?(?:\$ ?)?[+-]?\d(?:[\d.,']*\d)?(?: ?%)?"
_VALUE_WORD = rf"{_FIGURE}|s\.?l\.?|n\.?d\.?|n/?a|n\.a\.?|s/?d|sin dato|sin linea|no hay|no disponible|si|x|-"
_VALUE_LINE = re.compile(rf"(?:(?:{_VALUE_WORD})(?: |$))+")
_TRAILING_FIGURE = re.compile(rf"(?:^|(?<= )){_FIGURE}$")
_TRAILING_WORD = re.compile(
    r"(?:^|(?<= ))(?:sl|nd|n\.d\.?|na|n/a|s/d|s\.l\.?)$|(?:^|(?<=\. ))si$"
    r"|(?<=\d )(?<!(?:19|20)\d\d )-$"
)
_TRAILING_WORDS = (
    *(f" {word}" for word in ("sl", "nd", "n.d.", "n.d", "na", "n/a", "s/d", "s.l.", "s.l")),
    ". si",  # what is to be done, yes: elsewhere at the end of a line it is "if"
    *(
        f"{digit} -" for digit in range(10)
    ),  # a baseline and no target; after a year it is a period cut in two
)
_PERIOD_END = re.compile(r"20\d\d ?[-–·/] ?20\d\d$")
"""The plan's own years at the end of a goal are no figures of its row."""
_COUNT = re.compile(r"\d[\d.,]* [a-z]{4,}(?: [a-z]{4,})?\.?")
"""A figure with its noun alone on a line, such as ``4 campanas``."""
_MEASURE = re.compile(
    r"(?:numero|porcentaje|tasa|no\.?|n[°º]|%|indice|cantidad|proporcion|cobertura|razon|incidencia"
    r"|prevalencia) "
)
_UNIT = re.compile(r"(?:^|(?<= ))(?:porcentaje|numero|unidad|tasa|%|hectareas|metros|global|und|no\.)$")
_HEAD_TERM = re.compile(
    r"metas? (?:de |del )?(?:producto|resultado|impacto|gestion|cuatri?enio)(?: 20\d\d)?"
    r"|(?:indicador(?:es)?|objetivos?) (?:de |del )?(?:producto|resultado|impacto|gestion)"
    r"|linea (?:de )?base(?: \(?20\d\d\)?)?"
    r"|unidad (?:de )?medida|programas?/objetivos?|metas? 20\d\d(?: ?- ?20\d\d)?|valor (?:actual|esperado)|"
    r"metas?|indicador(?:es)?|subprogramas?|programas?|proyectos?|objetivos?|productos?|resultados?"
    r"|responsables?|fuentes?|codigo|unidad|sector(?:es)?|estrategias?|presupuesto|total (?:del )?cuatri?enio|total"
    r"|actividad(?:es)?|acciones|ejes?|componentes?|20\d\d",
)
_BANNER = re.compile(r"metas? (?:de |del )?(?:producto|resultado)")
_TARGETS_ABOVE = re.compile(r"metas?(?: del? (?:producto|resultado|gestion|proyecto))?\s*:?$")
"""A heading right above a head that lacks the targets is the head of its first column."""
_TEXT_ROLES = frozenset(
    {
        ColumnRole.TARGET,
        ColumnRole.INDICATOR,
        ColumnRole.PROGRAMME,
        ColumnRole.PROJECT,
        ColumnRole.OBJECTIVE,
        ColumnRole.PRODUCT,
        ColumnRole.RESULT,
        ColumnRole.RESPONSIBLE,
        ColumnRole.SECTOR,
        ColumnRole.SOURCE,
    },
)
_LINKS = frozenset(("de", "del", "y", "la"))
"""Within a head these may stand alone on a line."""
_YEAR_BELOW = re.compile(r"\(20\d\d\)")
_PERIOD_BELOW = re.compile(r"\(?20\d\d\)?")
_TITLE = re.compile(
    r"\W*(?:indicador(?:es)?|metas?|programas?|proyectos?|objetivos?)"
    r"(?: [ye] (?:indicador(?:es)?|metas?|programas?|proyectos?|objetivos?))+\W*"
)
"""``Indicadores y metas.`` over a head names what the table holds, not a column."""
OTHER = Column("", ColumnRole.OTHER, None)


class _CellEnds(NamedTuple):
    """Whether a cell ends with a full stop, and whether it begins as indicators do."""

    full_stop: bool
    measure: bool


@dataclass(slots=True)
class FlatRow:
    """A row of a flattened table: its cells with the columns they belong to."""

    cells: list[tuple[Cell, Column]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FlatTable:
    """Lines ``first``..``stop`` (exclusive): the head up to ``body``, then rows."""

    first: int
    body: int
    stop: int
    columns: tuple[Column, ...]
    rows: tuple[FlatRow, ...]


def head_at(folded: Sequence[str], *, index: int, stop: int) -> int | None:
    """The line after the table head that begins at ``index``; ``None`` when there is no head.

    A head is one line with two or more head words, or several lines of one.
    """
    if index >= stop or not in_head(folded[index]):
        return None
    end = index + 1
    limit = min(stop, index + MAX_HEAD_LINES)
    while end < limit and (
        in_head(folded[end]) or folded[end] in _LINKS or _dates_head(folded, index=end, stop=limit)
    ):
        end += 1
    if len(_HEAD_TERM.findall(" ".join(folded[index:end]))) < MIN_COLUMNS:
        return None
    return end


def _dates_head(folded: Sequence[str], *, index: int, stop: int) -> bool:
    """Whether a line is the year of the head's column above: ``LÍNEA BASE``, ``(2011)``; ``META 2012-``, ``2015``."""
    if _PERIOD_BELOW.fullmatch(folded[index]) is None:
        return False
    if folded[index - 1].endswith("-") and folded[index - 1].rstrip(" -")[-4:].isdecimal():
        return True
    return (
        _YEAR_BELOW.fullmatch(folded[index]) is not None and index + 1 < stop and in_head(folded[index + 1])
    )


def in_head(text: str) -> bool:
    """Whether a folded line belongs to a head, whatever stands around it."""
    return len(text) <= MAX_HEAD_CHARS and is_table_head(text)


def flat_table(
    first: int,
    body: int,
    *,
    stop: int,
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    columns: tuple[Column, ...] | None = None,
) -> FlatTable:
    """Read the rows of a flattened table that begins at ``body`` and ends at ``stop`` at the latest."""
    if columns is None:
        columns = _columns(lines, folded, first=first, body=body)
        if first and _TARGETS_ABOVE.match(folded[first - 1]) and columns[0].role is not ColumnRole.TARGET:
            columns = (Column(lines[first - 1].text, ColumnRole.TARGET, None), *columns)
    end = _end(lines, folded, body=body, stop=stop)
    groups = _groups(lines, folded, body=body, stop=end, columns=columns)
    rows = [_row(group, lines=lines, folded=folded, columns=columns) for group in groups]
    return FlatTable(first, body, end, columns, tuple(rows))


def _columns(
    lines: Sequence[CleanLine], folded: Sequence[str], *, first: int, body: int
) -> tuple[Column, ...]:
    columns = _terms(lines, folded, first=first, body=body)
    if body - first > 1 and _TITLE.fullmatch(folded[first]):
        below = _terms(lines, folded, first=first + 1, body=body)
        named = {column.role for column in _terms(lines, folded, first=first, body=first + 1)}
        if named <= {column.role for column in below}:
            return below
    return columns


def _terms(lines: Sequence[CleanLine], folded: Sequence[str], *, first: int, body: int) -> tuple[Column, ...]:
    head = " ".join(folded[first:body])
    printed = " ".join(line.text for line in lines[first:body])
    found = [(match[0], printed[match.start() : match.end()]) for match in _HEAD_TERM.finditer(head)]
    columns = tuple(column_of(written, folded=term) for term, written in found)
    return _without_banners(with_targets(columns, folded=[term for term, _ in found]))


def _without_banners(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """``META DE PRODUCTO`` over ``LÍNEA BASE`` and ``META CUATRIENIO`` is a head over both, no column of its own."""
    targets = [place for place, column in enumerate(columns) if column.role is ColumnRole.TARGET]
    banners = [place for place in targets if _BANNER.fullmatch(fold(columns[place].head).strip())]
    bases = sum(column.role is ColumnRole.BASELINE for column in columns)
    named = next((place for place, column in enumerate(columns) if column.role is ColumnRole.INDICATOR), None)
    if not banners or named is None or banners[0] < named or bases != len(targets) - len(banners):
        return columns
    return tuple(column for place, column in enumerate(columns) if place not in banners)


def _trailing_value(text: str, *, end: int) -> re.Match[str] | None:
    """The value that closes ``text`` before ``end``. How most lines end says that there is none, without a search."""
    last = text[end - 1 : end]
    if last == "%" or last.isdecimal():
        return None if _PERIOD_END.search(text, 0, end) else _TRAILING_FIGURE.search(text, 0, end)
    if f" {text[:end]}".endswith(_TRAILING_WORDS) or text[:end] == "si":
        return _TRAILING_WORD.search(text, 0, end)
    return None


def _end(lines: Sequence[CleanLine], folded: Sequence[str], *, body: int, stop: int) -> int:
    prose = 0
    for index in range(body, stop):
        length = len(folded[index])
        if length >= PROSE_CHARS and not _trailing_value(folded[index], end=length):
            prose += 1
            if prose == PROSE_LINES:
                return index - PROSE_LINES + 1
        else:
            prose = 0
        if (
            index > body
            and not lines[index].text[0].islower()
            and head_at(folded, index=index, stop=stop) is not None
        ):
            return index
    return stop


def _groups(
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    *,
    body: int,
    stop: int,
    columns: Sequence[Column],
) -> list[list[int]]:
    """Lines of one row each. A row ends after its figures; without figures, at the end of a sentence.

    Figures close a row only where a column of figures stands last; a table that goes on with text
    after them is cut at ends of sentences.
    """
    figures_last = not columns or _figures_last(columns)
    usual = MAX_ROW_CHARS if figures_last else TEXT_ROW_CHARS
    groups: list[list[int]] = []
    size = 0
    closed = True
    for index in range(body, stop):
        text = folded[index]
        value = _VALUE_LINE.fullmatch(text) is not None
        closed = closed and not lines[index].text[0].islower()
        starts = not value and lines[index].text[0].isupper()
        too_long = size > usual and (folded[index - 1].endswith((".", ";")) or size > 2 * usual) and starts
        if not groups or (closed and not value) or too_long or size > MAX_SEGMENT_CHARS - MAX_HEAD_CHARS:
            groups.append([])
            size = 0
        groups[-1].append(index)
        size += len(text) + len(CELL_GLUE)
        closed = figures_last and (value or _closes_row(text))
    return groups


def closing_columns(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns of an earlier table for rows without a head; none if figures did not close its rows."""
    return columns if columns and _figures_last(columns) else ()


def _figures_last(columns: Sequence[Column]) -> bool:
    return columns[-1].role not in _TEXT_ROLES or columns[-1].role is ColumnRole.TARGET


def _closes_row(text: str) -> bool:
    """Whether a line of text ends with the figures of the last columns."""
    match = _trailing_value(text, end=len(text))
    if match and not f" {text[: match.start()].rstrip()}".endswith(OPEN_ENDS):
        return True
    return len(text) <= MAX_COUNT_CHARS and _COUNT.fullmatch(text) is not None


def _row(
    group: Sequence[int], *, lines: Sequence[CleanLine], folded: Sequence[str], columns: Sequence[Column]
) -> FlatRow:
    texts: list[list[Fragment]] = []
    values: list[Cell] = []
    fresh = True
    for place, index in enumerate(group):
        goes_on = place + 1 < len(group) and lines[group[place + 1]].text[0].islower()
        line_values, end = (
            ([], len(folded[index])) if goes_on else _trailing_values(folded[index], index=index)
        )
        if end:
            if fresh or not texts or _new_cell(lines[texts[-1][-1].line].text, lines[index].text):
                texts.append([])
            texts[-1].append(Fragment(index, 0, end))
            fresh = False
        if line_values:
            values.extend(line_values)
            fresh = True
    starts = [
        _CellEnds(
            folded[cell[-1].line][: cell[-1].end].endswith("."),
            _MEASURE.match(folded[cell[0].line], cell[0].start) is not None,
        )
        for cell in texts
    ]
    return FlatRow(_with_columns([tuple(cell) for cell in texts], values, columns=columns, starts=starts))


def _new_cell(before: str, text: str) -> bool:
    """Whether ``text`` begins a cell. A single capitalised word after an open line is part of a name."""
    if text[0].islower() or f" {before}".endswith(OPEN_ENDS):
        return False
    if before.endswith((".", ":", ";")):
        return True
    return " " in text or text[0].isdigit()


def _trailing_values(text: str, *, index: int) -> tuple[list[Cell], int]:
    """Figures at the end of a line as cells of their own, and where the text before them ends."""
    found: list[Cell] = []
    end = len(text)
    while end:
        match = _trailing_value(text, end=end) if len(found) < MAX_VALUES else None
        if match is None and found:
            match = _UNIT.search(text, 0, end)
        if match is None or (not found and f" {text[: match.start()].rstrip()}".endswith(OPEN_ENDS)):
            break
        found.append((Fragment(index, match.start(), end),))
        end = len(text[: match.start()].rstrip())
    found.reverse()
    return found, end


def _merged(texts: list[Cell], *, wanted: int, starts: Sequence[_CellEnds]) -> list[Cell]:
    """Cells that were split too often joined again, where the text says clearly which belong together.

    A cell ends with a full stop, or the next begins as indicators do (``Número de``, ``Porcentaje de``). Where one
    cell is wanted, neither may come: it would be two rows, the figure of the first of which was not seen.
    """
    breaks = [i for i in range(1, len(texts)) if starts[i - 1].full_stop]
    if wanted == 1 and breaks:
        return texts
    if len(breaks) != wanted - 1:
        breaks = [i for i in range(1, len(texts)) if starts[i].measure]
    if len(breaks) != wanted - 1:
        return texts
    edges = [0, *breaks, len(texts)]
    return [tuple(f for cell in texts[a:b] for f in cell) for a, b in pairwise(edges)]


def _text_and_value_columns(columns: Sequence[Column]) -> tuple[list[Column], list[Column]]:
    """A target stands in words where it comes first, as a figure after a baseline or last of all."""
    texts: list[Column] = []
    values: list[Column] = []
    for place, column in enumerate(columns):
        figure = (
            column.role is ColumnRole.TARGET and place > 0 and (bool(values) or place == len(columns) - 1)
        )
        (values if figure or column.role not in _TEXT_ROLES else texts).append(column)
    return texts, values


def _with_columns(
    texts: list[Cell],
    values: list[Cell],
    *,
    columns: Sequence[Column],
    starts: Sequence[_CellEnds],
) -> list[tuple[Cell, Column]]:
    """Cells with their columns where the counts agree; otherwise the column is not known."""
    text_columns, value_columns = _text_and_value_columns(columns)
    if len(values) < len(value_columns) and _repeats(value_columns, size=len(values)):
        # Results beside products: figures close the row of each.
        value_columns = value_columns[: len(values)]
        half = len(text_columns) // 2
        text_columns = text_columns[:half] if _repeats(text_columns, size=half) else [OTHER] * len(texts)
    if len(texts) > len(text_columns) > 0 and (values or len(text_columns) > 1):
        texts = _merged(texts, wanted=len(text_columns), starts=starts)
    if len(texts) != len(text_columns):
        text_columns = [OTHER] * len(texts)
    if len(values) != len(value_columns):
        value_columns = [OTHER] * len(values)
    return [*zip(texts, text_columns, strict=True), *zip(values, value_columns, strict=True)]


def _repeats(columns: Sequence[Column], *, size: int) -> bool:
    """Whether columns are the first ``size`` of them over and over."""
    roles = [column.role for column in columns]
    return size > 0 and len(roles) % size == 0 and roles == roles[:size] * (len(roles) // size)


MAX_CELL_LINE = 75
MAX_ROW_LINES = 14
MIN_ROW_ENDS = 2
MAX_LEAD_LINES = 12

_ROW_END = re.compile(
    rf"(?:.*(?:^| )(?:porcentaje|numero|unidad|tasa|global|hectareas"
    rf"|metros)(?: {_VALUE_WORD}){{1,8}}|.*[a-z.)\]](?: {_VALUE_WORD}){{2,12}}"
    rf"|{_VALUE_WORD}(?: {_VALUE_WORD}){{1,12}})",
)


def headless_ranges(
    lines: Sequence[CleanLine], folded: Sequence[str], *, first: int, stop: int
) -> list[tuple[int, int]]:
    """Runs of short lines in which rows close with figures, though no head announces a table."""
    ends = [
        i
        for i in range(first, stop)
        if len(folded[i]) <= MAX_CELL_LINE
        and folded[i][-1:] in _ENDINGS
        and not folded[i].startswith("fuente")
        and _ROW_END.fullmatch(folded[i])
    ]
    ranges: list[tuple[int, int]] = []
    run: list[int] = []
    for index in [*ends, -1]:
        if run and (
            index < 0 or index - run[-1] > MAX_ROW_LINES or not _all_short(folded, first=run[-1], stop=index)
        ):
            if len(run) >= MIN_ROW_ENDS:
                lower = ranges[-1][1] if ranges else first
                ranges.append((_lead(lines, folded, first=lower, end=run[0]), run[-1] + 1))
            run = []
        run.append(index)
    return ranges


_ENDINGS = frozenset("0123456789%lda.x-")


def _all_short(folded: Sequence[str], *, first: int, stop: int) -> bool:
    return all(len(folded[i]) <= MAX_CELL_LINE for i in range(first, stop))


def _lead(lines: Sequence[CleanLine], folded: Sequence[str], *, first: int, end: int) -> int:
    """Where the first row begins: after the last line of running text above its figures."""
    index = end
    while index > first and end - index < MAX_LEAD_LINES:
        before = folded[index - 1]
        if len(before) > MAX_CELL_LINE - 10 or before.endswith(":"):
            break
        index -= 1
    above = folded[index - 1] if index > first else ""
    ends_paragraph = len(above) > MAX_CELL_LINE - 10 and not above.endswith((".", ":"))
    while index < end and (lines[index].text[0].islower() or ends_paragraph):
        ends_paragraph = ends_paragraph and not folded[index].endswith(".")
        index += 1
    return index
