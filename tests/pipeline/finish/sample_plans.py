"""The fictional plan of Villa Esperanza del Yarí, changed and set again: for tests of what must and must not change."""

from __future__ import annotations

import copy
import textwrap
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymupdf

from examples.build import typeset
from pipeline.evaluation import evaluate
from pipeline.model import EvaluationOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.evaluation import Engine, Evaluation
    from pipeline.extraction import ExtractionWorker

SOURCE = Path(__file__).resolve().parents[3] / "examples" / "plans" / "villa-esperanza-del-yari.toml"
LINE_CHARS = 88
HALF_CHARS = 40
LINES_PER_PAGE = 48
PITCH_PT = 14.0
TOP_PT = 70.0
LEFT_PT = 60.0
MIDDLE_PT = 320.0

Block = tuple[str, bool]
"""A paragraph, and whether it is a heading."""


def source() -> dict[str, Any]:
    """The sample plan as it is read, to be changed."""
    return copy.deepcopy(tomllib.loads(SOURCE.read_text("utf-8")))


def section(plan: dict[str, Any], title: str) -> dict[str, Any]:
    """The section of a plan whose title begins so."""
    found: dict[str, Any] = next(part for part in plan["section"] if part["title"].startswith(title))
    return found


def without(title: str) -> dict[str, Any]:
    """The plan without one of its sections."""
    plan = source()
    plan["section"].remove(section(plan, title))
    return plan


def rewritten(change: Callable[[str], str]) -> dict[str, Any]:
    """The plan with every text of its sections changed."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return change(value) if isinstance(value, str) else value

    plan = source()
    plan["section"] = walk(plan["section"])
    return plan


def pdf_of(plan: dict[str, Any]) -> bytes:
    """The plan typeset with its tables."""
    return typeset(plan)


def prose(plan: dict[str, Any]) -> list[Block]:
    """Headings and paragraphs of a plan, without tables."""
    blocks: list[Block] = [(f"{plan['title']} {plan['municipality']}, {plan['department']}", True)]
    for part in plan["section"]:
        blocks.append((part["title"], True))
        blocks += [(text, False) for text in (*part.get("text", ()), *part.get("after", ()))]
        blocks += [(f"• {text}", False) for text in part.get("items", ())]
    return blocks


def lines_of(blocks: Sequence[Block], *, width: int, hyphenate: bool = False) -> list[Block]:
    """Blocks broken into lines, with an empty one between paragraphs."""
    lines: list[Block] = []
    for text, heading in blocks:
        wrapped = textwrap.wrap(text, width)
        lines += [(line, heading) for line in (_hyphenated(wrapped) if hyphenate else wrapped)]
        lines.append(("", False))
    return lines


def _hyphenated(lines: list[str]) -> list[str]:
    """Move the first three letters of the next line's first word up, with a hyphen, where the word is long."""
    broken = list(lines)
    for number in range(len(broken) - 1):
        word = broken[number + 1].split(" ")[0]
        if len(word) > 8 and word.isalpha() and word.islower():
            broken[number] += f" {word[:3]}-"
            broken[number + 1] = broken[number + 1][3:]
    return broken


def set_lines(lines: Sequence[Block], *, columns: int = 1, head: str = "") -> bytes:
    """Set lines on pages in one column or two, with an optional running head and page numbers."""
    document = pymupdf.open()
    per_page = LINES_PER_PAGE * columns
    for number, start in enumerate(range(0, len(lines), per_page), 1):
        page = document.new_page(width=595, height=842)
        for place, (text, heading) in enumerate(lines[start : start + per_page]):
            column, row = divmod(place, LINES_PER_PAGE)
            at = (MIDDLE_PT if column else LEFT_PT, TOP_PT + PITCH_PT * row)
            page.insert_text(at, text, fontsize=10 if heading else 9, fontname="hebo" if heading else "helv")
        if head:
            page.insert_text((LEFT_PT, 40), head, fontsize=8)
            page.insert_text((290, 815), str(number), fontsize=8)
    content: bytes = document.tobytes(no_new_id=True)
    return content


def followed_by(pdf: bytes, *, other: bytes) -> bytes:
    """One document after another in one file."""
    document = pymupdf.open(stream=pdf)
    document.insert_pdf(pymupdf.open(stream=other))
    content: bytes = document.tobytes(no_new_id=True)
    return content


def met(evaluation: Evaluation) -> frozenset[str]:
    """Every criterion that is met, such as ``P1-D1-Q1-a``."""
    return frozenset(
        f"{answer.question_id}-{criterion.key}"
        for answer in evaluation.answers
        for criterion in answer.criteria
        if criterion.met
    )


def evaluator(*, engine: Engine, worker: ExtractionWorker) -> Callable[[bytes], Evaluation]:
    """Evaluates PDFs, whether or not they are plans."""

    def run(pdf: bytes) -> Evaluation:
        options = EvaluationOptions(evaluate_non_plans=True)
        return evaluate(worker.extract(pdf), options=options, engine=engine)

    return run
