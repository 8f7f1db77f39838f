"""Quotes can be found again: page and boxes hold exactly the words of the span."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pymupdf
import pytest
from structure_samples import page, segmented

from pipeline.extraction import ExtractionWorker
from pipeline.nodes.document_segmentation import document_segmentation
from pipeline.nodes.plan_processing import plan_processing
from pipeline.nodes.sanitization import sanitization
from pipeline.structure.places import locate

if TYPE_CHECKING:
    from pipeline.model import Box, CleanDocument, Segment

ROOT = Path(__file__).resolve().parents[3]
PLANS = sorted((ROOT / "examples").glob("*.pdf"))
REAL = ROOT.parent / "shared" / "plans" / "timbiqui_2012-2015.pdf"
SPANS_PER_PLAN = 120


def spans(segments: tuple[Segment, ...]) -> list[tuple[Segment, int, int]]:
    """Spans of whole words, the same ones every time."""
    choice = random.Random(1)
    found = []
    for _ in range(SPANS_PER_PLAN):
        segment = choice.choice(segments)
        words = [match.span() for match in re.finditer(r"\S+", segment.text)]
        first = choice.randrange(len(words))
        last = min(len(words) - 1, first + choice.randrange(8))
        found.append((segment, words[first][0], words[last][1]))
    return found


def letters(text: str) -> str:
    """The letters and digits of a text."""
    return re.sub(r"[\W_]+", "", text)


def inside(words: list[tuple[float, float, float, float, str]], box: Box) -> str:
    """The words of a page whose middle lies in a box."""
    return "".join(
        word[4]
        for word in words
        if box[0] - 1 <= (word[0] + word[2]) / 2 <= box[2] + 1 and box[1] <= (word[1] + word[3]) / 2 <= box[3]
    )


def check(path: Path) -> None:
    """Look into the boxes of many spans of a PDF."""
    data = path.read_bytes()
    with ExtractionWorker() as worker:
        cleaned: CleanDocument = sanitization(worker.extract(data))
    segmentation = document_segmentation(cleaned, profile=plan_processing(cleaned))
    with pymupdf.open(stream=data) as pdf:
        words = [page.get_text("words") for page in pdf]
        for segment, start, end in spans(segmentation.segments):
            seen = "".join(
                inside(words[place.page - 1], box)
                for place in locate(cleaned, segment=segment, start=start, end=end)
                for box in place.boxes
            )
            for word in segment.text[start:end].split():
                assert letters(word) in letters(seen)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_words_of_a_span_stand_in_its_boxes(path: Path) -> None:
    """What a PDF reader finds inside the boxes are the words of the quote."""
    check(path)


@pytest.mark.skipif(not REAL.is_file(), reason="the real plan is not here")
def test_the_words_of_a_span_stand_in_its_boxes_of_a_real_plan() -> None:
    """The same on a plan with tables, letterheads and symbol fonts."""
    check(REAL)


def test_boxes_are_exact_to_the_word() -> None:
    """The box of one word begins and ends with that word, not with its line."""
    text = "Crear la oficina de la mujer rural."
    cleaned, _, segmentation = segmented(page(1, [text]))
    start = text.index("oficina")
    (place,) = locate(cleaned, segment=segmentation.segments[0], start=start, end=start + 7)
    ((x0, _, x1, _),) = place.boxes
    assert (place.page, x0, x1) == (1, 60 + 5 * start, 60 + 5 * (start + 7))


def test_a_span_over_two_pages_has_a_place_on_each() -> None:
    """A sentence that goes on over the page is shown on both pages."""
    first = "La política pública busca que todas las personas del municipio tengan acceso a la"
    cleaned, _, segmentation = segmented(page(1, [first]), page(2, ["salud pública."]))
    segment = segmentation.segments[0]
    places = locate(cleaned, segment=segment, start=0, end=len(segment.text))
    assert [place.page for place in places] == [1, 2]


def test_a_word_made_whole_is_shown_in_both_its_parts() -> None:
    """``demo-`` and ``cracia`` stand on two lines; the joined word has a box on each."""
    cleaned, _, segmentation = segmented(page(1, ["La participación fortalece la demo-", "cracia local."]))
    text = segmentation.segments[0].text
    start = text.index("democracia")
    (place,) = locate(cleaned, segment=segmentation.segments[0], start=start, end=start + 10)
    assert len(place.boxes) == 2
