"""Which lines are headings, and how high each of them stands.

Plans mark headings in many ways, often several at once: ``CAPÍTULO II``, ``4.2.1``, ``ARTÍCULO 12.``,
``PROGRAMA 1.6: SALUD PÚBLICA``, larger or bold type, or nothing but capitals.
A rank orders them: a heading closes every open heading of the same or a larger rank.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.structure.heading_marks import (
    AMOUNTS,
    ARTICLE,
    BARE_ARTICLE,
    CAPTION,
    DIVISION,
    DIVISION_RANKS,
    LABEL_TEXT_CHARS,
    LETTER,
    MAX_BOLD_LINE,
    MAX_CAPITAL_REPETITIONS,
    MAX_CAPITAL_RUN,
    MAX_DIVISION_LINE,
    MAX_ENTRY_CHARS,
    MAX_ENTRY_LINES,
    MAX_HEADING_CHARS,
    MAX_PLAIN_SENTENCE,
    MAX_PLAIN_TITLE,
    MAX_PLAN_WORD_LINE,
    MAX_SHORT_ENTRY,
    MAX_TITLE_CHARS,
    MIN_LIST_OF_BOLD,
    MIN_RUNNING_TEXT,
    MIN_TITLE_CHARS,
    NUMBER,
    PLAN_RANKS,
    PLAN_WORD,
    PLAN_WORD_MARK,
    RANK_ARTICLE,
    RANK_CAPITALS,
    RANK_LABEL,
    RANK_MAIN,
    RANK_NUMBER,
    RANK_SECTOR,
    ROMAN,
    SOURCE,
    TYPE_RANKS,
    UNFINISHED,
    fonts_of,
    is_cell,
    mostly_letters,
    stands_out,
)
from pipeline.structure.heading_titles import Heading, begins_heading, heading_at
from pipeline.structure.paragraphs import LIST_START
from pipeline.structure.vocabulary import LABELS, MAIN_PARTS, is_chart_label, is_table_head
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine
    from pipeline.structure.heading_marks import Fonts


_COUNTED_STARTS = ("articulo", "eje", "linea", "dimension", "programa")


def find_headings(
    lines: Sequence[CleanLine], *, folded: Sequence[str], skip: frozenset[int]
) -> list[Heading]:
    """Find the headings in reading order. Lines in ``skip`` (contents, tables) are never headings."""
    fonts = fonts_of(lines)
    capitals = _capital_lines(lines, folded, skip=skip)
    article_rank = _article_rank(folded)
    found: list[Heading] = []
    free = 0
    for index in _title_lines(lines, skip=skip):
        if index < free:
            continue
        rank = _rank(lines, folded, index=index, capitals=capitals, fonts=fonts)
        if rank is None:
            continue
        heading = heading_at(lines, folded, index=index, rank=rank, capitals=capitals, fonts=fonts, skip=skip)
        if heading is None or _is_label(heading, lines, folded, fonts=fonts):
            continue
        if heading.rank == RANK_ARTICLE:
            heading = Heading(heading.first, heading.stop, heading.title, article_rank, heading.inline)
        found.append(heading)
        free = max(heading.stop, index + 1)
    return _without_lists(found, lines=lines)


def _is_label(heading: Heading, lines: Sequence[CleanLine], folded: Sequence[str], *, fonts: Fonts) -> bool:
    """Whether a supposed heading is a label of a table, a map or a chart."""
    title = folded[heading.first]
    if heading.inline or PLAN_WORD.match(title) or ARTICLE.match(title) or DIVISION.match(title):
        return False
    following = folded[heading.stop] if heading.stop < len(folded) else ""
    if not stands_out(lines[heading.first], fonts=fonts) and AMOUNTS.fullmatch(following):
        return True
    return is_cell(fold(heading.title)) or (not begins_heading(title) and SOURCE.match(following) is not None)


def _title_lines(lines: Sequence[CleanLine], *, skip: frozenset[int]) -> list[int]:
    """Lines that begin as titles do and are no longer: the others need no second look."""
    openings = {
        char
        for char in {line.text[:1] for line in lines}
        if char.isupper() or char.isdigit() or char in '¿"“('
    }
    return [
        index
        for index, line in enumerate(lines)
        if line.text[:1] in openings
        and MIN_TITLE_CHARS <= len(line.text) <= MAX_TITLE_CHARS
        and index not in skip
    ]


def _without_lists(headings: Sequence[Heading], *, lines: Sequence[CleanLine]) -> list[Heading]:
    """Drop runs of plain headings that follow each other without any text: they enumerate."""
    kept: list[Heading] = []
    run: list[Heading] = []
    for heading in [*headings, None]:
        if run and (
            heading is None or heading.rank != run[-1].rank or not _enumerates(run[-1], heading, lines)
        ):
            if len(run) < MIN_LIST_OF_BOLD or run[0].rank < RANK_CAPITALS - 1 or run[0].rank == RANK_LABEL:
                kept.extend(run)
            run = []
        if heading is not None:
            run.append(heading)
    return kept


def _enumerates(heading: Heading, following: Heading, lines: Sequence[CleanLine]) -> bool:
    """Whether two headings follow each other with nothing but an item's entry between them."""
    between = lines[heading.stop : following.first]
    return len(between) <= MAX_ENTRY_LINES and not any(
        len(line.text) > (MAX_SHORT_ENTRY if line.text.endswith((".", ":", ";")) else MAX_ENTRY_CHARS)
        for line in between
    )


def _capital_lines(
    lines: Sequence[CleanLine], folded: Sequence[str], *, skip: frozenset[int]
) -> frozenset[int]:
    """Lines of capitals that may be headings: not repeated as cells are, not in long runs."""
    capitals = [index for index, line in enumerate(lines) if line.text.isupper() and index not in skip]
    found = [
        index
        for index in capitals
        if len(lines[index].text) <= MAX_HEADING_CHARS and mostly_letters(lines[index].text)
    ]
    counts = Counter(folded[index] for index in found)
    kept: list[int] = []
    may_be = frozenset(found)
    run: list[int] = []
    for index in [*capitals, -1]:
        if run and index != run[-1] + 1:
            if len(run) <= MAX_CAPITAL_RUN and not _is_paragraph([lines[i].text for i in run]):
                kept.extend(i for i in run if i in may_be)
            run = []
        run.append(index)
    return frozenset(
        i for i in kept if counts[folded[i]] <= MAX_CAPITAL_REPETITIONS or LABELS.fullmatch(folded[i])
    )


def _is_paragraph(texts: Sequence[str]) -> bool:
    """Whether lines of capitals are running text: longer than a title, to the end of a sentence."""
    return sum(map(len, texts)) > MAX_TITLE_CHARS and texts[-1].endswith((".", ";"))


def _article_rank(folded: Sequence[str]) -> int:
    """Articles stand above what is more frequent than they are and below what is rarer."""
    starts = Counter([text.split(" ", 1)[0] for text in folded if text.startswith(_COUNTED_STARTS)])
    articles = starts["articulo"]
    if starts["eje"] + starts["linea"] + starts["dimension"] == 0 or articles <= starts["programa"]:
        return RANK_ARTICLE
    return RANK_SECTOR - 1


def _rank(  # noqa: PLR0911  a ladder of rules, the strongest first
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    *,
    index: int,
    capitals: frozenset[int],
    fonts: Fonts,
) -> int | None:
    line, text = lines[index], folded[index]
    caps = index in capitals
    strong = caps or stands_out(line, fonts=fonts)
    if _continues(lines, index=index) and not (strong and LABELS.fullmatch(text)):
        return None
    first = text[0]
    if first.isdigit():
        return _numbered_rank(lines, folded, index=index, strong=strong)
    if first in "lptcsq" and (match := DIVISION.match(text)) and (strong or len(text) < MAX_DIVISION_LINE):
        return DIVISION_RANKS[match[1] or match[2]]
    if first == "a" and (ARTICLE.match(text) or (strong and BARE_ARTICLE.match(text))):
        return RANK_ARTICLE
    if len(text) > MAX_HEADING_CHARS or text.endswith((",", ";")):
        return None
    if LABELS.fullmatch(text):
        return _label_rank(lines, folded, index=index, strong=strong)
    if is_table_head(text):
        return None
    match = PLAN_WORD.match(text)
    if match and (strong or PLAN_WORD_MARK.match(text, match.end())):
        return PLAN_RANKS[match[1]] if strong or len(text) <= MAX_PLAN_WORD_LINE else None
    if not strong or CAPTION.match(text) or is_chart_label(text):
        return None
    return _plain_rank(line, text, caps=caps, fonts=fonts)


def _continues(lines: Sequence[CleanLine], *, index: int) -> bool:
    """Whether the line goes on with a sentence that the line before left open."""
    if index == 0:
        return False
    before = lines[index - 1].text
    return before.endswith(UNFINISHED) and not before.isupper()


def _numbered_rank(  # noqa: PLR0911  a ladder of rules
    lines: Sequence[CleanLine], folded: Sequence[str], *, index: int, strong: bool
) -> int | None:
    line, text = lines[index], folded[index]
    match = NUMBER.match(text)
    if match is None or len(text) > MAX_HEADING_CHARS or text.endswith((",", ";")):
        return None
    depth = match[1].count(".") + 1
    rest = line.text[match.end() :]
    if not rest[:1].isupper() or len(rest) < MIN_TITLE_CHARS:
        return None
    word = PLAN_WORD.match(text, match.end())
    if word and PLAN_WORD_MARK.match(text, word.end()):
        return PLAN_RANKS[word[1]]
    if depth == 1 and not strong and not _stands_alone(lines, folded, index=index):
        return None
    if depth == 1 and strong and not match[2] and len(text) > MAX_PLAIN_TITLE:
        return None
    if (
        depth > 1
        and not strong
        and (len(text) > MAX_PLAIN_TITLE + 20 or (text.endswith(".") and len(text) > MAX_PLAIN_SENTENCE))
    ):
        return None
    return RANK_NUMBER + 2 * min(depth - 1, 5)


def _stands_alone(lines: Sequence[CleanLine], folded: Sequence[str], *, index: int) -> bool:
    """A plain ``2. Pilar de la economía`` is a title when running text follows and no other item is near."""
    text = folded[index]
    if len(text) > MAX_PLAIN_TITLE or text.endswith((".", ":")) or index == 0 or index + 1 >= len(lines):
        return False
    following = folded[index + 1]
    return (
        lines[index - 1].text.endswith((".", ":"))
        and len(following) >= MIN_RUNNING_TEXT
        and following[:1].isalpha()
        and lines[index + 1].text[:1].isupper()
        and NUMBER.match(folded[index - 1]) is None
    )


def _label_rank(lines: Sequence[CleanLine], folded: Sequence[str], *, index: int, strong: bool) -> int | None:
    """A label is a heading when it stands out, ends with a colon, or stands between sentences."""
    text = folded[index]
    word = text.rstrip(" .:")
    if index and is_table_head(folded[index - 1]) and not (strong and text.endswith(":")):
        return None
    following = folded[index + 1] if index + 1 < len(folded) else ""
    if strong and MAIN_PARTS.match(word):
        return RANK_MAIN
    if text.endswith(":"):
        return RANK_LABEL
    if (" " not in word and not word.endswith("s")) or (
        is_table_head(following) and (" " not in word or not strong)
    ):
        return None
    if strong:
        return RANK_LABEL
    opens_text = (
        len(following) > LABEL_TEXT_CHARS
        or LIST_START.match(lines[index + 1].text if following else "") is not None
    )
    return (
        RANK_LABEL if opens_text and (index == 0 or lines[index - 1].text.endswith((".", ":", ";"))) else None
    )


def _plain_rank(line: CleanLine, text: str, *, caps: bool, fonts: Fonts) -> int | None:
    if MAIN_PARTS.match(text):
        return RANK_MAIN
    if ROMAN.match(text):
        return RANK_NUMBER - 1
    if LETTER.match(text):
        return RANK_CAPITALS + 2
    ratio = line.font_size / max(fonts.body, 1.0)
    for least, rank in TYPE_RANKS:
        if ratio >= least:
            return rank
    if caps:
        return RANK_CAPITALS if not line.bold or not fonts.bold_means_heading else RANK_CAPITALS - 1
    sentence = text.endswith(".") and len(text) > MAX_PLAIN_SENTENCE
    return None if len(text) > MAX_BOLD_LINE or sentence else RANK_CAPITALS + 1
