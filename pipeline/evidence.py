"""The evidence registry: every quoted passage once, with its page, its place and the criteria it serves."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.canonical import canonical_hash, finite
from pipeline.model import SegmentKind
from pipeline.structure.places import locate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import (
        AnswerFinding,
        Box,
        CleanDocument,
        CriterionFinding,
        PlanProfile,
        Proof,
        Segment,
        Segmentation,
        Span,
    )

QUOTE_CHARS_MAX = 600
"""A longer passage is cut at the end of a sentence or cell, else of a word."""

EVIDENCE_PER_CRITERION = 8
"""The best few passages, not all of them."""

ID_CHARS = 20
SENTENCE_ENDS = (". ", "; ", " | ", ": ", ", ", " ")
SHORTEST_CUT = QUOTE_CHARS_MAX // 2

BOX_DECIMALS = 1
"""A tenth of a point is 0.04 mm: far less than the gap between two words."""
BOX_TOLERANCE_PT = 1.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quoted passage. ``boxes`` are (page, box) in reading order; the quote begins on ``page``."""

    id: str
    page: int
    quote: str
    section: str
    section_kind: str
    kind: str
    node: str
    boxes: tuple[tuple[int, Box], ...]


@dataclass(slots=True)
class EvidenceRegistry:
    """Collects evidence of one document. Filled while the answers are written, then only read."""

    document: CleanDocument
    profile: PlanProfile
    segmentation: Segmentation
    entries: dict[str, Evidence] = field(default_factory=dict)
    serves: dict[str, list[str]] = field(default_factory=dict)
    sections: dict[str, int] = field(default_factory=dict)
    """Index of the section that a piece of evidence stands in, where it stands in one."""
    _by_span: dict[tuple[int, int, int, str], Evidence | None] = field(default_factory=dict)

    def cite(self, span: Span, *, node: str, criterion: str | None = None) -> Evidence | None:
        """Register the passage of a span, and that it serves a criterion such as ``P1-D1-Q1-a``.

        Returns:
            The evidence, or None when no word of the span stands on a page.
        """
        key = (span.segment, span.start, span.end, node)
        if key not in self._by_span:
            self._by_span[key] = self._make(span, node=node)
        evidence = self._by_span[key]
        if evidence is None:
            return None
        known = self.entries.setdefault(evidence.id, evidence)
        section = self.segmentation.segments[span.segment].section
        if 0 <= section < len(self.profile.sections):
            self.sections.setdefault(known.id, section)
        served = self.serves.setdefault(known.id, [])
        if criterion is not None and criterion not in served:
            served.append(criterion)
        return known

    def registry_hash(self) -> str:
        """Hash over the sorted ids."""
        return canonical_hash(sorted(self.entries))

    def _make(self, span: Span, *, node: str) -> Evidence | None:
        segment = self.segmentation.segments[span.segment]
        start, end = quoted_part(segment.text, start=span.start, end=span.end)
        places = locate(self.document, segment=segment, start=start, end=end)
        if not places:
            return None
        quote = segment.text[start:end]
        boxes = tuple((place.page, _rounded(box)) for place in places for box in place.boxes)
        section = (
            self.profile.sections[segment.section] if self.profile.sections and segment.section >= 0 else None
        )
        page = page_of(self.document, segment=segment, offset=start)
        identity = [self.document.source.sha256, page, boxes, quote, segment.kind.value]
        return Evidence(
            id=f"ev_{canonical_hash(identity)[:ID_CHARS]}",
            page=page,
            quote=quote,
            section=" › ".join(segment.heading_path),
            section_kind=section.kind.value if section else "sin_clasificar",
            kind=segment.kind.value,
            node=node,
            boxes=boxes,
        )


def quoted_part(text: str, *, start: int, end: int) -> tuple[int, int]:
    """The part of a passage that is quoted: from its first word on, at most ``QUOTE_CHARS_MAX`` characters.

    Bullets and the marks that scanners make of dirt, often at the foot of the page before, are left out.
    """
    end = start + len(text[start:end].rstrip())
    start = _first_word(text, start=start, end=end)
    if end - start <= QUOTE_CHARS_MAX:
        return start, end
    window = text[start : start + QUOTE_CHARS_MAX]
    for mark in SENTENCE_ENDS:
        cut = window.rfind(mark)
        if cut >= SHORTEST_CUT:
            kept = cut + len(mark.rstrip()) if mark.strip() not in {"|", ""} else cut
            return start, start + kept
    return start, start + QUOTE_CHARS_MAX


def _first_word(text: str, *, start: int, end: int) -> int:
    """Where the first word with a letter or digit begins; ``start`` when there is none."""
    begin = start
    for position in range(start, end):
        if text[position].isspace():
            begin = position + 1
        elif text[position].isalnum():
            return begin
    return start


def page_of(document: CleanDocument, *, segment: Segment, offset: int) -> int:
    """Page on which the character at ``offset`` of a segment's text stands.

    A segment may run over several pages, so that this is not always ``segment.page``. For glue between two
    pieces of text (such as the mark between cells) it is the page of what follows.
    """
    for run in segment.runs:
        if run.end > offset:
            break
    else:
        return segment.page
    position = run.line_start + max(offset, run.start) - run.start
    line = document.lines[run.line]
    for piece in line.pieces:
        if piece.start + piece.length > position:
            return piece.page
    return line.page


def _rounded(box: Box) -> Box:
    x0, y0, x1, y1 = box
    finite(x0 + y0 + x1 + y1)  # one edge that is no number spoils the sum
    return (
        round(x0, BOX_DECIMALS),
        round(y0, BOX_DECIMALS),
        round(x1, BOX_DECIMALS),
        round(y1, BOX_DECIMALS),
    )


def text_before_titles(
    answers: Iterable[AnswerFinding], *, segmentation: Segmentation
) -> tuple[AnswerFinding, ...]:
    """The same answers with the proofs of each criterion in the same order, but titles after text and tables.

    A title names what the text below it shows; it is not what a reader should be shown first.
    """

    def is_title(proof: Proof) -> bool:
        return segmentation.segments[proof.span.segment].kind is SegmentKind.HEADING

    def ordered(criterion: CriterionFinding) -> CriterionFinding:
        if not any(map(is_title, criterion.proofs)):
            return criterion
        return replace(criterion, proofs=tuple(sorted(criterion.proofs, key=is_title)))

    return tuple(
        replace(answer, criteria=tuple(ordered(criterion) for criterion in answer.criteria))
        for answer in answers
    )


def cite_answers(
    answers: Iterable[AnswerFinding], *, registry: EvidenceRegistry
) -> dict[tuple[str, str], tuple[Evidence, ...]]:
    """Register the best proofs of every criterion that is met; keyed by question id and criterion."""
    cited: dict[tuple[str, str], tuple[Evidence, ...]] = {}
    for answer in answers:
        for criterion in answer.criteria:
            label = f"{answer.question_id}-{criterion.key}"
            found = (
                registry.cite(proof.span, node=proof.node, criterion=label) for proof in criterion.proofs
            )
            distinct = (
                {evidence.id: evidence for evidence in found if evidence is not None} if criterion.met else {}
            )
            cited[answer.question_id, criterion.key] = tuple(distinct.values())[:EVIDENCE_PER_CRITERION]
    return cited


def misplaced(registry: EvidenceRegistry) -> tuple[str, ...]:
    """Ids of evidence whose boxes do not hold exactly the words of the quote: empty when the registry is right.

    Letters and digits are compared, all of them and no others, whatever their order: a table row is quoted cell by
    cell and a page is read line by line. The first word of the quote must stand on ``page``.
    """
    return tuple(
        sorted(e.id for e in registry.entries.values() if not _stands(e, document=registry.document))
    )


def _stands(evidence: Evidence, *, document: CleanDocument) -> bool:
    there = [
        (page, _letters(word))
        for page, box in evidence.boxes
        for word in _words(document, page=page, box=box)
    ]
    quoted = Counter(_letters(evidence.quote))
    first = next(filter(None, map(_letters, evidence.quote.split())), "")
    # A word hyphenated at the end of a line stands in two parts.
    begins = any(page == evidence.page and word and first.startswith(word) for page, word in there)
    return quoted == Counter("".join(word for _, word in there)) and (begins or not first)


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in plain if char.isalnum())


def _words(document: CleanDocument, *, page: int, box: Box) -> list[str]:
    words = []
    for line in document.source.pages[page - 1].lines:
        middle = (line.box[1] + line.box[3]) / 2
        if not box[1] - BOX_TOLERANCE_PT <= middle <= box[3] + BOX_TOLERANCE_PT:
            continue
        for index, word in enumerate(line.text.split()):
            left, right = line.word_edges[2 * index], line.word_edges[2 * index + 1]
            if left >= box[0] - BOX_TOLERANCE_PT and right <= box[2] + BOX_TOLERANCE_PT:
                words.append(word)
    return words
