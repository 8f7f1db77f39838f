"""Checks what Tesseract answered about a picture, and makes lines of words of it.

The program may have been taken over by the picture that it read: every number and text is checked before it is used.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from pipeline.errors import OCR_FAILED, ExtractionFailure
from pipeline.extraction.answers import without_controls
from pipeline.extraction.child.fragments import Fragment, box_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.extraction.child.fragments import Word
    from pipeline.extraction.ocr.skew import Skew

MAX_WORDS = 20_000
"""Of one page; a page of a plan has some hundred."""
MAX_WORD_CHARS = 500
MIN_CONFIDENCE = 30.0
"""Percent. What the program itself hardly believes is a stamp, a signature or dirt, and is no evidence."""
SAME_SIZE = 0.15
"""Sizes are guessed from the heights of words; those so close to the page's own are that."""
_HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
_COLUMNS = 12
_LEVEL_OF_WORDS = "5"
_LOW = frozenset("aceimnorsuvwxzáéíóúñü.,:;-")
_DEEP = frozenset("gjpqy,;()")
_RULES = "|¦"
"""What the borders of cells are taken for."""
_HEIGHT_OF_LOW = 0.5
_HEIGHT_OF_TALL = 0.71
_DEPTH = 0.21
"""In parts of the font's size: low letters, tall letters and figures, and what reaches below the line."""


class RecognisedWord(NamedTuple):
    """A word in pixels of the picture; ``line`` tells lines apart, ``confidence`` is in percent."""

    line: tuple[int, int, int]
    word: Word
    confidence: float


def checked_words(untrusted_tsv: bytes, *, width: int, height: int) -> list[RecognisedWord]:
    """The words of a picture of ``width`` by ``height`` pixels that the program is sure enough of.

    Raises:
        ExtractionFailure: OCR_FAILED, something that the program does not answer when it is in order.
    """
    try:
        head, *rows = untrusted_tsv.decode("utf-8").split("\n")
        words = [row.split("\t") for row in rows if row.startswith(f"{_LEVEL_OF_WORDS}\t")]
        if head != _HEAD or len(words) > MAX_WORDS:
            raise ValueError("head or number of words")  # noqa: TRY301  one place says what is wrong
        found = [_checked_word(columns, width=width, height=height) for columns in words]
    except ValueError as error:
        raise ExtractionFailure(OCR_FAILED, f"answer of the program: {error}"[:200]) from error
    return [word for word in found if word.word[4] and word.confidence >= MIN_CONFIDENCE]


def _checked_word(columns: Sequence[str], *, width: int, height: int) -> RecognisedWord:
    if len(columns) != _COLUMNS:
        raise ValueError("columns")
    _, _, block, paragraph, line, _, left, top, across, down = map(_number, columns[:10])
    confidence = float(columns[10])
    text = "".join(without_controls(columns[11]).split()).strip(_RULES)
    if not (left + across <= width and top + down <= height and 0 <= confidence <= 100):  # noqa: PLR2004  percent
        raise ValueError("a place or a confidence")
    if len(text) > MAX_WORD_CHARS:
        raise ValueError("length of a word")
    box = (float(left), float(top), float(left + across), float(top + down))
    return RecognisedWord((block, paragraph, line), (*box, text), confidence)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("a number")
    return int(text)


def in_points(words: Iterable[RecognisedWord], *, points_per_pixel: float) -> list[RecognisedWord]:
    """The words with their places in points of the page."""
    return [
        word._replace(
            word=(
                word.word[0] * points_per_pixel,
                word.word[1] * points_per_pixel,
                word.word[2] * points_per_pixel,
                word.word[3] * points_per_pixel,
                word.word[4],
            )
        )
        for word in words
    ]


def lines_of(words: Iterable[RecognisedWord], *, skew: Skew) -> list[Fragment]:
    """The words as lines of the straight page, with a size guessed from how high they are."""
    lines: dict[tuple[int, int, int], list[Word]] = {}
    for line, word, _ in words:
        lines.setdefault(line, []).append((*skew.straight(word[:4]), word[4]))
    blocks = {block: number for number, block in enumerate(dict.fromkeys(line[:2] for line in lines))}
    fragments = [
        Fragment(tuple(found), box_of(found), _size(found), bold=False, level=True, block=blocks[line[:2]])
        for line, found in lines.items()
    ]
    return _levelled(fragments)


def _size(words: Sequence[Word]) -> float:
    return round(median(_size_of(word) for word in words), 1)


def _size_of(word: Word) -> float:
    letters = set(word[4])
    share = _HEIGHT_OF_LOW if letters <= _LOW | _DEEP else _HEIGHT_OF_TALL
    return (word[3] - word[1]) / (share + (_DEPTH if letters & _DEEP else 0.0))


def _levelled(lines: list[Fragment]) -> list[Fragment]:
    """Lines whose size is about that of the page's text get just that: what stands out is a heading."""
    if not lines:
        return lines
    sizes = sorted(line.size for line in lines for _ in line.words)
    body = sizes[len(sizes) // 2]
    return [replace(line, size=body) if abs(line.size - body) <= SAME_SIZE * body else line for line in lines]
