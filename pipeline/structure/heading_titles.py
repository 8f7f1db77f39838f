"""The title of a heading: how far it reaches over lines, or into the text that follows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.structure.heading_marks import (
    ARTICLE,
    BARE_ARTICLE,
    BARE_DIVISION,
    DIVISION,
    MAX_ARTICLE_TITLE,
    MAX_HEADING_CHARS,
    MAX_PLAIN_TITLE,
    MAX_REST_OF_TITLE,
    MAX_TITLE_CHARS,
    MAX_TITLE_IN_TEXT,
    MAX_TITLE_LINES,
    MIN_TITLE_CHARS,
    NUMBER,
    PLAN_RANKS,
    PLAN_WORD,
    PLAN_WORD_MARK,
    RANK_ARTICLE,
    RANK_CAPITALS,
    RANK_NUMBER,
    SAME_SIZE,
    UNFINISHED,
    stands_out,
)
from pipeline.structure.vocabulary import LABELS, MAIN_PARTS, is_table_head
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine
    from pipeline.structure.heading_marks import Fonts


_NAMED = ("programa", "subprograma", "proyecto")
"""In the singular the name of one follows; in the plural a list."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Lines ``first``..``stop`` (exclusive) are a heading.

    With ``inline`` the title is the beginning of a line that goes on with text, as articles do.
    """

    first: int
    stop: int
    title: str
    rank: int
    inline: bool = False


def heading_at(
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    *,
    index: int,
    rank: int,
    capitals: frozenset[int],
    fonts: Fonts,
    skip: frozenset[int],
) -> Heading | None:
    """The whole heading that begins at a line; ``None`` when it turns out to be the start of a sentence."""
    capital = index in capitals or lines[index].text.isupper()
    article: Heading | None = None
    if rank == RANK_ARTICLE:
        article = _article_heading(lines, folded[index], index=index, skip=skip)
        if article.inline:
            return article
        rank = article.rank
        capital = lines[index].text[_topic_of_article(folded[index]) :].isupper()
    title = lines[index].text
    stop = index + 1
    while stop < len(lines) and stop - index < MAX_TITLE_LINES and stop not in skip:
        following = lines[stop]
        if len(title) + len(following.text) > MAX_TITLE_CHARS or not _goes_on(
            lines,
            folded,
            index=stop,
            capital=capital,
            capitals=capitals,
            fonts=fonts,
        ):
            break
        title = f"{title} {following.text}"
        stop += 1
    if article and (title.endswith(UNFINISHED) or (not capital and _runs_on(lines, stop=stop))):
        return _article_in_text(lines, folded[index], index=index, rank=rank, skip=skip)
    if not capital and (title.endswith(UNFINISHED) or _runs_on(lines, stop=stop)):
        marked = RANK_NUMBER < rank < RANK_CAPITALS and (
            folded[index][0].isdigit() or PLAN_WORD.match(folded[index])
        )
        return _title_in_text(lines, index=index, rank=rank, skip=skip) if marked else None
    return Heading(index, stop, title, rank)


def _title_in_text(
    lines: Sequence[CleanLine], *, index: int, rank: int, skip: frozenset[int]
) -> Heading | None:
    """A marked title that a full stop ends within its paragraph: ``9.3 Programa de deporte. Busca …``."""
    text = ""
    for stop in range(index, min(index + MAX_TITLE_LINES - 1, len(lines))):
        if stop in skip:
            break
        text = f"{text} {lines[stop].text}" if text else lines[stop].text
        number = NUMBER.match(fold(text))
        end = text.find(".", number.end() if number else 0)
        if end >= 0:
            if end > MAX_TITLE_IN_TEXT:
                return None
            if end == len(text) - 1:
                return Heading(index, stop + 1, text, rank)
            return Heading(index, index, text[:end], rank, inline=True)
    return None


def _runs_on(lines: Sequence[CleanLine], *, stop: int) -> bool:
    """Whether the line after a supposed heading goes on with its sentence."""
    return stop < len(lines) and lines[stop].text[0].islower() and lines[stop].table is None


def _goes_on(  # noqa: PLR0911  a ladder of rules
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    *,
    index: int,
    capital: bool,
    capitals: frozenset[int],
    fonts: Fonts,
) -> bool:
    """Whether line ``index`` is the next line of a heading; ``capital`` when that is written in capitals."""
    line, before = lines[index], lines[index - 1]
    if before.page != line.page or line.box[1] - before.box[3] > 1.2 * max(before.font_size, 6.0):
        return False
    text = folded[index]
    if is_table_head(text) or (LABELS.fullmatch(text) and not before.text.endswith(UNFINISHED)):
        return False
    if before.text.endswith((".", ":")) and DIVISION.match(folded[index - 1]) is None:
        return False
    if BARE_DIVISION.fullmatch(folded[index - 1]):
        return line.text[0].isupper() and len(text) <= MAX_PLAIN_TITLE and not begins_heading(text)
    open_end = before.text.lower().endswith(UNFINISHED)
    if index in capitals and capital:
        return open_end or not begins_heading(text)
    alike = (
        stands_out(line, fonts=fonts)
        and abs(line.font_size - before.font_size) < SAME_SIZE
        and line.bold == before.bold
    )
    if alike and stands_out(before, fonts=fonts):
        return open_end or not begins_heading(text)
    return open_end and len(line.text) < MAX_REST_OF_TITLE


def begins_heading(text: str) -> bool:
    """Whether a folded line begins with a mark of headings: a number, a division, a word of plans, an article."""
    patterns = (NUMBER, DIVISION, PLAN_WORD, MAIN_PARTS, ARTICLE, BARE_ARTICLE)
    return text[0] in "•(" or any(pattern.match(text) for pattern in patterns)


def _topic_of_article(folded: str) -> int:
    """Where the text after ``articulo 12.`` begins."""
    match = ARTICLE.match(folded) or BARE_ARTICLE.match(folded)
    end = match.end() if match else len(folded)
    while end < len(folded) and folded[end] == " ":
        end += 1
    return end


def _article_heading(lines: Sequence[CleanLine], folded: str, *, index: int, skip: frozenset[int]) -> Heading:
    line = lines[index]
    end = _topic_of_article(folded)
    topic = folded[end:]
    word = PLAN_WORD.match(topic)
    rank = PLAN_RANKS[word[1]] if word and PLAN_WORD_MARK.match(topic, word.end()) else RANK_ARTICLE
    capitals_end = _end_of_capitals(line.text, start=end)
    if line.text[end:].isupper() or (len(folded) < MAX_ARTICLE_TITLE and not topic[:-1].count(".")):
        return Heading(index, index + 1, line.text, rank)
    if word and word[0] in _NAMED:
        named = _up_to_stop(lines, index=index, start=end + word.end(), skip=skip, rank=rank)
        if named:
            return named
    stops = [
        place for place in (folded.find(".", end), folded.find(":", end)) if end < place <= MAX_HEADING_CHARS
    ]
    stop = min(stops, default=-1)
    if rank != RANK_ARTICLE and stops:
        stop = folded.find(".", end)
    if capitals_end > end:
        stop = capitals_end if stop < 0 else min(stop, capitals_end)
    if 0 < stop < len(folded) - 1:
        return Heading(index, index, line.text[:stop].rstrip(" .:-"), rank, inline=True)
    return Heading(index, index, line.text[:end].rstrip(" .:-"), rank, inline=True)


def _article_in_text(
    lines: Sequence[CleanLine], folded: str, *, index: int, rank: int, skip: frozenset[int]
) -> Heading:
    """An article whose title the next line goes on with; without an end in sight its number is the title."""
    start = _topic_of_article(folded)
    word = PLAN_WORD.match(folded, start)
    named = word.end() if word and word[0] in _NAMED else start
    number = Heading(index, index, lines[index].text[:start].rstrip(" .:-"), rank, inline=True)
    return _up_to_stop(lines, index=index, start=named, skip=skip, rank=rank) or number


def _up_to_stop(
    lines: Sequence[CleanLine], *, index: int, start: int, skip: frozenset[int], rank: int
) -> Heading | None:
    """The title that ends with the first stop or colon after ``start``, on this line or the next."""
    text = lines[index].text
    while start < len(text) and text[start] in " .:-":
        start += 1
    for stop in (index + 1, index + 2):
        ends = [place for place in (text.find(".", start), text.find(":", start)) if place > start]
        if ends:
            end = min(ends)
            if end > MAX_TITLE_IN_TEXT or end - start < MIN_TITLE_CHARS:
                return None
            if end == len(text) - 1:
                return Heading(index, stop, text, rank)
            return Heading(index, index, text[:end].rstrip(" .:-"), rank, inline=True)
        if stop >= len(lines) or stop in skip:
            return None
        text = f"{text} {lines[stop].text}"
    return None


def _end_of_capitals(text: str, *, start: int) -> int:
    """Where the words in capitals that open the text after ``start`` end; ``start`` when there are none."""
    position = start
    for word in text[start:].split(" "):
        if not word.isupper() and any(map(str.isalpha, word)):
            break
        if len(word) == 1 and word.isalpha() and text[position + 2 : position + 3].islower():
            break
        position += len(word) + 1
    title = text[start:position]
    return position - 1 if sum(map(str.isalpha, title)) >= MIN_TITLE_CHARS else start
