"""Which lines are headings, and how high each of them stands.

Plans mark headings in many ways, often several at once: ``CAPÍTULO II``, ``4.2.1``, ``ARTÍCULO 12.``,
``PROGRAMA 1.6: SALUD PÚBLICA``, larger or bold type, or nothing but capitals.
A rank orders them: a heading closes every open heading of the same or a larger rank.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.structure.paragraphs import LIST_START
from pipeline.structure.vocabulary import LABELS, MAIN_PARTS, is_table_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import CleanLine

MAX_HEADING_CHARS = 160
MAX_TITLE_CHARS = 240
MAX_TITLE_LINES = 4
MAX_REST_OF_TITLE = 60
MAX_CAPITAL_REPETITIONS = 6
"""A line of capitals that stands more often than this is a cell (an office, a unit), not a heading."""
MAX_CAPITAL_RUN = 5
"""More lines of capitals in a row are a cover, a list of names or a table."""
LARGE_TYPE_POINTS = 0.9
MAX_BOLD_SHARE = 0.35

RANK_PART, RANK_TITLE, RANK_CHAPTER, RANK_MAIN = 10, 12, 14, 15
RANK_AXIS, RANK_NUMBER, RANK_SECTOR, RANK_PROGRAMME = 20, 22, 33, 34
RANK_SUBPROGRAMME, RANK_PROJECT, RANK_CAPITALS, RANK_LABEL = 36, 38, 40, 50
RANK_ARTICLE = 18

SAME_SIZE = 0.6
MAX_ARTICLE_TITLE = 60
MIN_TITLE_CHARS = 4
MAX_PLAIN_TITLE = 90
MAX_PLAIN_SENTENCE = 70
MIN_RUNNING_TEXT = 60
LABEL_TEXT_CHARS = 40
"""A label without colon or capitals opens a paragraph of at least this many characters."""
MIN_LIST_OF_BOLD = 4
"""So many headings of one kind without any text between them are a list."""

_ORDINAL = r"(?:[ivxlc]{1,6}|\d{1,2}|primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|sext[oa]|septim[oa]|octav[oa]|noven[oa]|decim[oa]|unic[oa])"
_DIVISION = re.compile(
    rf"(libro|parte|titulo|capitulo|seccion) (?:{_ORDINAL}\b|general\b|estrategica\b|financiera\b)|(?:primera|segunda|tercera|cuarta|quinta) (parte)\b",
)
_ARTICLE = re.compile(rf"articulo (?:n[o°º]?\.? ?)?(?:\d{{1,3}}|{_ORDINAL})\s?[o°º]?\s?(?:[.:\-]+|$)")
_BARE_ARTICLE = re.compile(r"articulo \d{1,3}[o°º]? (?=[a-z])")
_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,6})(\.-|[.)\-:]?) ?(?=[a-z\"¿(])")
_ROMAN = re.compile(r"([ivx]{1,5})(?:\.-|[.)\-]) ?(?=[a-z])")
_LETTER = re.compile(r"([a-z])(?:\.\d{1,2})?[.)] (?=[a-z])")
_PLAN_WORD = re.compile(
    r"(eje|linea|dimension|pilar|reto|objetivo estrategico|plan estrategico|politica|sector|componente|subcomponente|area|programa|subprograma|proyecto)s?\b"
    r"(?: (?:estrategic[oa]|tematic[oa]|programatic[oa]|transversal|articulador[a]?|sectorial))?",
)
_PLAN_WORD_MARK = re.compile(r" ?(?:n[o°º]\.? ?)?(?:\d{1,2}(?:\.\d{1,2}){0,5}\b|[ivx]{1,5}\b|[:.\-\"]|$)")
_PLAN_RANKS = {
    "eje": RANK_AXIS, "linea": RANK_AXIS, "dimension": RANK_AXIS, "pilar": RANK_AXIS, "reto": RANK_AXIS,
    "objetivo estrategico": RANK_AXIS + 1, "plan estrategico": RANK_PROGRAMME, "politica": RANK_AXIS + 1, "sector": RANK_SECTOR, "componente": RANK_SECTOR,
    "subcomponente": RANK_SECTOR, "area": RANK_SECTOR, "programa": RANK_PROGRAMME,
    "subprograma": RANK_SUBPROGRAMME, "proyecto": RANK_PROJECT,
}
_DIVISION_RANKS = {
    "libro": RANK_PART - 1, "parte": RANK_PART, "titulo": RANK_TITLE, "capitulo": RANK_CHAPTER, "seccion": RANK_CHAPTER + 2,
}
_CAPTION = re.compile(r"(?:tabla|grafic[oa]|cuadro|figura|ilustracion|mapa|imagen|foto(?:grafia)?|matriz|fuente|nota|elaboro|diagrama)s?\b")
_UNFINISHED = (" de", " del", " la", " el", " los", " las", " y", " e", " en", " a", " para", " con", " por", ",", " o", " al")


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


@dataclass(frozen=True, slots=True)
class _Fonts:
    body: float
    bold_means_heading: bool


def find_headings(lines: Sequence[CleanLine], *, folded: Sequence[str], skip: frozenset[int]) -> list[Heading]:
    """Find the headings in reading order. Lines in ``skip`` (contents, tables) are never headings."""
    fonts = _fonts(lines)
    capitals = _capital_lines(lines, folded, skip=skip)
    article_rank = _article_rank(folded)
    found: list[Heading] = []
    index = 0
    total = len(lines)
    while index < total:
        rank = None
        if index not in skip and len(lines[index].text) <= MAX_TITLE_CHARS:
            rank = _rank(lines, folded, index=index, capitals=capitals, fonts=fonts)
        if rank is None:
            index += 1
            continue
        heading = _heading(lines, folded, index=index, rank=rank, capitals=capitals, fonts=fonts, skip=skip)
        if heading is None:
            index += 1
            continue
        if heading.rank == RANK_ARTICLE:
            heading = Heading(heading.first, heading.stop, heading.title, article_rank, heading.inline)
        found.append(heading)
        index = max(heading.stop, index + 1)
    return _without_lists(found)


def _without_lists(headings: Sequence[Heading]) -> list[Heading]:
    """Drop runs of plain headings that follow each other without any text: they enumerate."""
    kept: list[Heading] = []
    run: list[Heading] = []
    for heading in [*headings, None]:
        if run and (heading is None or heading.first != run[-1].stop or heading.rank != run[-1].rank):
            if len(run) < MIN_LIST_OF_BOLD or run[0].rank < RANK_CAPITALS - 1 or run[0].rank == RANK_LABEL:
                kept.extend(run)
            run = []
        if heading is not None:
            run.append(heading)
    return kept


def _fonts(lines: Sequence[CleanLine]) -> _Fonts:
    sizes: Counter[float] = Counter()
    bold = 0
    for line in lines:
        sizes[round(line.font_size, 1)] += len(line.text)
        bold += line.bold
    body = max(sizes.items(), key=lambda item: (item[1], -item[0]))[0] if sizes else 10.0
    return _Fonts(body, 0 < bold <= MAX_BOLD_SHARE * len(lines))


def _capital_lines(lines: Sequence[CleanLine], folded: Sequence[str], *, skip: frozenset[int]) -> frozenset[int]:
    """Lines of capitals that may be headings: not repeated as cells are, not in long runs."""
    found = [
        index
        for index, line in enumerate(lines)
        if line.text.isupper() and len(line.text) <= MAX_HEADING_CHARS and index not in skip and _mostly_letters(line.text)
    ]
    counts = Counter(folded[index] for index in found)
    kept: list[int] = []
    run: list[int] = []
    for index in [*found, -1]:
        if run and index != run[-1] + 1:
            if len(run) <= MAX_CAPITAL_RUN:
                kept.extend(run)
            run = []
        run.append(index)
    return frozenset(i for i in kept if counts[folded[i]] <= MAX_CAPITAL_REPETITIONS or LABELS.fullmatch(folded[i]))


def _mostly_letters(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return letters >= 5 and letters >= 0.6 * len(text.replace(" ", ""))


def _article_rank(folded: Sequence[str]) -> int:
    """Articles stand above what is more frequent than they are and below what is rarer."""
    starts = Counter(text.split(" ", 1)[0] for text in folded if text)
    articles = starts["articulo"]
    if starts["eje"] + starts["linea"] + starts["dimension"] == 0 or articles <= starts["programa"]:
        return RANK_ARTICLE
    return RANK_SECTOR - 1


def _rank(
    lines: Sequence[CleanLine], folded: Sequence[str], *, index: int, capitals: frozenset[int], fonts: _Fonts,
) -> int | None:
    line, text = lines[index], folded[index]
    if len(text) < 3 or not (line.text[0].isupper() or line.text[0].isdigit() or line.text[0] in "¿\"“("):
        return None
    caps = index in capitals
    strong = caps or _stands_out(line, fonts=fonts)
    if _continues(lines, index=index) and not (strong and LABELS.fullmatch(text)):
        return None
    first = text[0]
    if first.isdigit():
        return _numbered_rank(lines, folded, index=index, strong=strong)
    if first in "lptcsq" and (match := _DIVISION.match(text)) and (strong or len(text) < 60):
        return _DIVISION_RANKS[match[1] or match[2]]
    if first == "a" and (_ARTICLE.match(text) or (strong and _BARE_ARTICLE.match(text))):
        return RANK_ARTICLE
    if len(text) > MAX_HEADING_CHARS or text.endswith((",", ";")):
        return None
    if is_table_head(text) and not LABELS.fullmatch(text):
        return None
    if first in "elrdpsocsa" and (match := _PLAN_WORD.match(text)) and (strong or _PLAN_WORD_MARK.match(text, match.end())):
        if LABELS.fullmatch(text):
            return _label_rank(lines, folded, index=index, strong=strong)
        return _PLAN_RANKS[match[1]] if _title_like(line.text, strong=strong) else None
    if LABELS.fullmatch(text):
        return _label_rank(lines, folded, index=index, strong=strong)
    if not strong or _CAPTION.match(text):
        return None
    return _plain_rank(line, text, caps=caps, fonts=fonts)


def _continues(lines: Sequence[CleanLine], *, index: int) -> bool:
    """Whether the line goes on with a sentence that the line before left open."""
    if index == 0:
        return False
    before = lines[index - 1].text
    return before.endswith(_UNFINISHED) and not before.isupper()


def _stands_out(line: CleanLine, *, fonts: _Fonts) -> bool:
    larger = line.font_size >= fonts.body + LARGE_TYPE_POINTS
    return (larger or (fonts.bold_means_heading and line.bold)) and len(line.text) <= MAX_HEADING_CHARS and _mostly_letters(line.text)


def _title_like(text: str, *, strong: bool) -> bool:
    return strong or (len(text) <= 120 and not text.endswith((",", ";")))


def _numbered_rank(lines: Sequence[CleanLine], folded: Sequence[str], *, index: int, strong: bool) -> int | None:
    line, text = lines[index], folded[index]
    match = _NUMBER.match(text)
    if match is None or len(text) > MAX_HEADING_CHARS or text.endswith((",", ";")):
        return None
    depth = match[1].count(".") + 1
    rest = line.text[match.end() :]
    if not rest[:1].isupper() or len(rest) < MIN_TITLE_CHARS:
        return None
    if depth == 1 and not strong and not _stands_alone(lines, folded, index=index):
        return None
    if depth == 1 and strong and not match[2] and len(text) > MAX_PLAIN_TITLE:
        return None
    if depth > 1 and not strong and (len(text) > MAX_PLAIN_TITLE + 20 or (text.endswith(".") and len(text) > MAX_PLAIN_SENTENCE)):
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
        and _NUMBER.match(folded[index - 1]) is None
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
    if (" " not in word and not word.endswith("s")) or (is_table_head(following) and (" " not in word or not strong)):
        return None
    if strong:
        return RANK_LABEL
    opens_text = len(following) > LABEL_TEXT_CHARS or LIST_START.match(lines[index + 1].text if following else "") is not None
    return RANK_LABEL if opens_text and (index == 0 or lines[index - 1].text.endswith((".", ":", ";"))) else None


def _plain_rank(line: CleanLine, text: str, *, caps: bool, fonts: _Fonts) -> int | None:
    if MAIN_PARTS.match(text):
        return RANK_MAIN
    if _ROMAN.match(text):
        return RANK_NUMBER - 1
    if _LETTER.match(text):
        return RANK_CAPITALS + 2
    ratio = line.font_size / max(fonts.body, 1.0)
    if ratio >= 1.6:
        return RANK_CHAPTER + 2
    if ratio >= 1.3:
        return RANK_AXIS + 1
    if ratio >= 1.12:
        return RANK_NUMBER + 5
    if caps:
        return RANK_CAPITALS if not line.bold or not fonts.bold_means_heading else RANK_CAPITALS - 1
    if len(text) > 110 or (text.endswith(".") and len(text) > 70):
        return None
    return RANK_CAPITALS + 1


def _heading(
    lines: Sequence[CleanLine],
    folded: Sequence[str],
    *,
    index: int,
    rank: int,
    capitals: frozenset[int],
    fonts: _Fonts,
    skip: frozenset[int],
) -> Heading | None:
    """The whole heading that begins at a line; ``None`` when it turns out to be the start of a sentence."""
    capital = index in capitals or lines[index].text.isupper()
    if rank == RANK_ARTICLE:
        article = _article_heading(lines[index], folded[index], index=index)
        if article.inline:
            return article
        rank = article.rank
        match = _ARTICLE.match(folded[index]) or _BARE_ARTICLE.match(folded[index])
        capital = lines[index].text[match.end() if match else 0 :].isupper()
    title = lines[index].text
    stop = index + 1
    while stop < len(lines) and stop - index < MAX_TITLE_LINES and stop not in skip:
        following = lines[stop]
        if len(title) + len(following.text) > MAX_TITLE_CHARS or not _goes_on(
            lines, folded, index=stop, capital=capital, capitals=capitals, fonts=fonts,
        ):
            break
        title = f"{title} {following.text}"
        stop += 1
    if not capital and (title.endswith(_UNFINISHED) or _runs_on(lines, stop=stop)):
        return None
    return Heading(index, stop, title, rank)


def _runs_on(lines: Sequence[CleanLine], *, stop: int) -> bool:
    """Whether the line after a supposed heading goes on with its sentence."""
    return stop < len(lines) and lines[stop].text[0].islower() and lines[stop].table is None


def _goes_on(
    lines: Sequence[CleanLine], folded: Sequence[str], *, index: int, capital: bool, capitals: frozenset[int], fonts: _Fonts,
) -> bool:
    """Whether line ``index`` is the next line of a heading; ``capital`` when that is written in capitals."""
    line, before = lines[index], lines[index - 1]
    if before.page != line.page or line.box[1] - before.box[3] > 1.2 * max(before.font_size, 6.0):
        return False
    text = folded[index]
    if is_table_head(text) or (LABELS.fullmatch(text) and not before.text.endswith(_UNFINISHED)):
        return False
    if before.text.endswith((".", ":")) and _DIVISION.match(folded[index - 1]) is None:
        return False
    open_end = before.text.lower().endswith(_UNFINISHED)
    if index in capitals and capital:
        return open_end or not _begins_heading(text)
    alike = _stands_out(line, fonts=fonts) and abs(line.font_size - before.font_size) < SAME_SIZE and line.bold == before.bold
    if alike and _stands_out(before, fonts=fonts):
        return open_end or not _begins_heading(text)
    return open_end and len(line.text) < MAX_REST_OF_TITLE


def _begins_heading(text: str) -> bool:
    patterns = (_NUMBER, _DIVISION, _PLAN_WORD, MAIN_PARTS, _ARTICLE, _BARE_ARTICLE)
    return text[0] in "•(" or any(pattern.match(text) for pattern in patterns)


def _article_heading(line: CleanLine, folded: str, *, index: int) -> Heading:
    match = _ARTICLE.match(folded) or _BARE_ARTICLE.match(folded)
    end = match.end() if match else len(folded)
    while end < len(folded) and folded[end] == " ":
        end += 1
    topic = folded[end:]
    word = _PLAN_WORD.match(topic)
    rank = _PLAN_RANKS[word[1]] if word and _PLAN_WORD_MARK.match(topic, word.end()) else RANK_ARTICLE
    capitals_end = _end_of_capitals(line.text, start=end)
    if line.text[end:].isupper() or (len(folded) < MAX_ARTICLE_TITLE and not topic[:-1].count(".")):
        return Heading(index, index + 1, line.text, rank)
    stops = [place for place in (folded.find(".", end), folded.find(":", end)) if end < place <= MAX_HEADING_CHARS]
    stop = min(stops, default=-1)
    if rank != RANK_ARTICLE and stops:
        stop = folded.find(".", end)
    if capitals_end > end:
        stop = capitals_end if stop < 0 else min(stop, capitals_end)
    if 0 < stop < len(folded) - 1:
        return Heading(index, index, line.text[:stop].rstrip(" .:-"), rank, inline=True)
    return Heading(index, index, line.text[:end].rstrip(" .:-"), rank, inline=True)


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
