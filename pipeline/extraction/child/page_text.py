"""Turns MuPDF's structured text of a page into fragments and ruling vectors.

Two extractions of the same text page are combined: ``words`` (positions of words) and ``dict`` (styles,
and with TEXT_COLLECT_VECTORS the boxes of drawings). Together they cost half of ``rawdict`` (positions of
characters), which is only used on the rare page where the two do not agree or where part of a line is
hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import category

from .engine import extra, mupdf, pymupdf
from .fragments import Box, Fragment, Word, box_of
from .glyph_boxes import blocks_of
from .visibility import Backdrop, hidden_spans, is_hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .glyph_boxes import GlyphBoxes

MAX_VECTORS = 20_000
"""A page with more drawings is a map or a chart; its drawings are not looked at."""

_TEXT = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP
_EVERYTHING = _TEXT | pymupdf.TEXT_PRESERVE_IMAGES | pymupdf.TEXT_COLLECT_VECTORS | pymupdf.TEXT_LAZY_VECTORS
_IDENTITY = (1, 0, 0, 1, 0, 0)
_BLOCK_IMAGE = mupdf.FZ_STEXT_BLOCK_IMAGE
_BLOCK_VECTOR = mupdf.FZ_STEXT_BLOCK_VECTOR
_NOT_TEXT = frozenset({"Cc", "Cs", "Zs", "Zl", "Zp"})
_FONT_BOLD = 16
_CHAR_BOLD = 8


@dataclass(frozen=True, slots=True)
class PageText:
    """What stands on a page: fragments in the PDF's own order, drawings, image boxes."""

    fragments: list[Fragment]
    vectors: list[dict[str, Any]]
    images: list[Box]
    hides_text: bool


def read_text(page: Any, *, glyph_boxes: GlyphBoxes) -> PageText:
    """Read text, drawings and image boxes of ``page``, in coordinates of the page as displayed.

    ``glyph_boxes`` is that of the document.
    """
    text_page = _structured(page, flags=_EVERYTHING)
    images, vector_count = _disguise_images(text_page)
    if vector_count > MAX_VECTORS:
        _restore_images(images)
        text_page = _structured(page, flags=_TEXT)
        blocks = glyph_boxes.blocks(text_page)
    else:
        try:
            blocks = glyph_boxes.blocks(text_page)
        finally:
            _restore_images(images)
    boxes = [box for _, box, _ in images]
    numbers = {number for _, _, number in images}
    vectors = [block for block in blocks if block["type"] == _BLOCK_VECTOR and block["number"] not in numbers]
    texts = [block for block in blocks if block["type"] == 0]
    backdrop = Backdrop(page, vectors=vectors, images=boxes)
    fragments, hides_text = _fragments(text_page, texts=texts, backdrop=backdrop)
    return PageText(fragments=fragments, vectors=vectors, images=boxes, hides_text=hides_text)


def _structured(page: Any, *, flags: int) -> Any:
    """MuPDF's structured text of the page with its visible annotations and form fields.

    PyMuPDF's own ``get_textpage`` would set the page's rotation to zero first.
    """
    return mupdf.FzStextPage(extra.page_get_textpage(page.this, None, flags, _IDENTITY))


def _disguise_images(text_page: Any) -> tuple[list[tuple[Any, Box, int]], int]:
    """Mark image blocks as drawings for a moment and return them with their boxes and numbers.

    The conversion to ``dict`` would decode every image to PNG, ten times the cost of the whole page.
    """
    images: list[tuple[Any, Box, int]] = []
    vectors = 0
    number = 0
    block = text_page.m_internal.first_block
    while block:
        kind = block.type
        if kind == _BLOCK_IMAGE:
            box = block.bbox
            images.append((block, (box.x0, box.y0, box.x1, box.y1), number))
            block.type = _BLOCK_VECTOR
        elif kind == _BLOCK_VECTOR:
            vectors += 1
        number += 1
        block = block.next
    return images, vectors


def _restore_images(images: list[tuple[Any, Box, int]]) -> None:
    for block, _, _ in images:
        block.type = _BLOCK_IMAGE


def _fragments(
    text_page: Any, *, texts: list[dict[str, Any]], backdrop: Backdrop
) -> tuple[list[Fragment], bool]:
    """Words and styles brought together: both extractions give the same words in the same order."""
    words = extra.extractWORDS(text_page, None)
    written = [word[4] for word in words]
    fragments: list[Fragment] = []
    hides_text = False
    first = 0
    for block in texts:
        number = block["number"]
        for line in block["lines"]:
            spans = line["spans"]
            text = spans[0]["text"] if len(spans) == 1 else "".join([span["text"] for span in spans])
            tokens = text.split()
            if not tokens:
                continue
            begin, first = first, first + len(tokens)
            hidden = hidden_spans(spans, backdrop=backdrop)
            if hidden:
                hides_text = True
                if hidden == len(spans):
                    continue
            if hidden or written[begin:first] != tokens:
                return _careful_fragments(text_page, backdrop=backdrop)
            found = words[begin:first]
            if not text.isprintable():
                found = _without_controls(found)
            if found:
                fragments.append(_fragment(found, spans=spans, line=line, block=number))
    return fragments, hides_text


def _careful_fragments(text_page: Any, *, backdrop: Backdrop) -> tuple[list[Fragment], bool]:
    """The same from characters, leaving out those that are hidden."""
    fragments: list[Fragment] = []
    hides_text = False
    for block in _text_blocks(text_page):
        for line in block["lines"]:
            visible = []
            for span in line["spans"]:
                span["text"] = "".join([char["c"] for char in span["chars"]])
                if is_hidden(span, backdrop=backdrop):
                    hides_text = hides_text or bool(span["text"].strip())
                else:
                    visible.append(span)
            words = _without_controls(_words(char for span in visible for char in span["chars"]))
            if words:
                fragments.append(_fragment(words, spans=visible, line=line, block=block["number"]))
    return fragments, hides_text


def _text_blocks(text_page: Any) -> list[dict[str, Any]]:
    images, _ = _disguise_images(text_page)
    try:
        return [block for block in blocks_of(text_page, raw=True) if block["type"] == 0]
    finally:
        _restore_images(images)


def _words(chars: Iterable[dict[str, Any]]) -> Iterator[Word]:
    letters: list[str] = []
    boxes: list[Word] = []
    for char in chars:
        letter = char["c"]
        if not letter.isspace():
            letters.append(letter)
            boxes.append((*char["bbox"], letter))
        elif letters:
            yield (*box_of(boxes), "".join(letters))
            letters, boxes = [], []
    if letters:
        yield (*box_of(boxes), "".join(letters))


def _without_controls(words: Iterable[Word]) -> list[Word]:
    """The words without control characters and lone surrogates.

    Soft hyphens and symbols of private use stay: what they mean is decided later.
    """
    cleaned = [
        (*word[:4], "".join([char for char in word[4] if category(char) not in _NOT_TEXT])) for word in words
    ]
    return [word for word in cleaned if word[4]]


def _fragment(
    words: list[Word], *, spans: list[dict[str, Any]], line: dict[str, Any], block: int
) -> Fragment:
    dominant = spans[0] if len(spans) == 1 else max(spans, key=_length)
    across, down = line["dir"]
    level = across > 0.99 and abs(down) < 0.1  # noqa: PLR2004  a few degrees of a skewed scan
    if level and len(words) > 1 and words[0][0] <= words[-1][0]:
        box = (words[0][0], line["bbox"][1], words[-1][2], line["bbox"][3])
    else:
        box = box_of(words)
    bold = bool(dominant["flags"] & _FONT_BOLD or dominant["char_flags"] & _CHAR_BOLD)
    return Fragment(words, box, dominant["size"], bold, level, block)


def _length(span: dict[str, Any]) -> int:
    return len(span["text"].strip())
