"""The three artifacts: complete, as their schemas say, and each quote where it is said to stand."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pymupdf
import pytest

from pipeline.canonical import canonical_hash, rounded
from pipeline.coverage import PERHAPS_A_PART, names_a_part, warnings
from pipeline.evaluation import Evaluation
from pipeline.evidence import Evidence, misplaced, page_of, quoted_part, text_before_titles
from pipeline.model import ExtractedDocument, Line, Proof, SegmentKind, Span
from pipeline.questionnaire.explanations import explain
from pipeline.schemas import load_schema

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.mark.parametrize(
    "name", ["evaluation_results.json", "evidence_registry.json", "coverage_report.json"]
)
def test_artifacts_follow_their_schemas(written: dict[str, bytes], name: str) -> None:
    """Every artifact is valid under the schema that is published for it."""
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.Draft202012Validator(schema).validate(msgspec.json.decode(written[name]))


def test_all_questions_are_answered_in_order(result: dict[str, Any]) -> None:
    """The 300 questions stand in the order of the instrument, each with its four criteria and an explanation."""
    expected = [f"P{p}-D{d}-Q{q}" for p in range(1, 11) for d in range(1, 7) for q in range(1, 6)]

    assert [answer["question_id"] for answer in result["answers"]] == expected
    assert all(list(answer["criteria"]) == ["a", "b", "c", "d"] for answer in result["answers"])
    assert all(answer["explanation"].endswith(".") for answer in result["answers"])


def test_a_criterion_is_met_exactly_when_it_has_evidence(result: dict[str, Any]) -> None:
    """No criterion is met without a quoted passage, and none that is not met carries one."""
    wrong = [
        (answer["question_id"], key)
        for answer in result["answers"]
        for key, criterion in answer["criteria"].items()
        if criterion["met"] != bool(criterion["evidence"])
    ]

    assert wrong == []


def test_a_title_is_shown_after_the_text_below_it(evaluation: Evaluation) -> None:
    """As evidence and in the explanation: a reader is first shown what says more than that something is there."""
    segments = evaluation.flow.segmentation.segments
    title = next(s for s in segments if s.kind is SegmentKind.HEADING)
    text = next(s for s in segments if s.kind is SegmentKind.PARAGRAPH and len(s.text) > 40)
    proofs = tuple(Proof(Span(s.index, 0, len(s.text)), "embedding", 0.9) for s in (title, text))
    answer = evaluation.answers[0]
    criteria = (
        replace(answer.criteria[0], met=True, proofs=proofs, confidence=0.9),
        replace(answer.criteria[1], met=True, proofs=proofs[:1], confidence=0.99),
        *(replace(criterion, met=False, proofs=()) for criterion in answer.criteria[2:]),
    )
    (ordered,) = text_before_titles(
        [replace(answer, criteria=criteria)], segmentation=evaluation.flow.segmentation
    )

    assert [proof.span.segment for proof in ordered.criteria[0].proofs] == [text.index, title.index]
    said = explain(ordered, evaluation.flow.segmentation, page_of=lambda _: 1)
    assert f"se lee: «{text.text.lstrip('- •')[:30]}" in said


@pytest.mark.parametrize(
    ("missing", "skipped", "warned"),
    [
        ({}, (), []),
        ({"amounts": ()}, (), [PERHAPS_A_PART]),
        ({"indicators": ()}, (), [PERHAPS_A_PART]),
        ({"amounts": ()}, ("monetary_detection",), []),
    ],
)
def test_a_plan_without_indicators_or_amounts_may_be_a_part(
    evaluation: Evaluation, missing: dict[str, Any], skipped: tuple[str, ...], warned: list[str]
) -> None:
    """Who compares scores is warned; what nobody looked for is not missing."""
    findings = replace(evaluation.flow.findings, skipped=skipped, **missing)
    changed = replace(evaluation, flow=replace(evaluation.flow, findings=findings))

    assert [code for code in warnings(changed) if code == PERHAPS_A_PART] == warned


PARTS = (
    "COMPONENTE GENERAL",
    "Plan de Desarrollo Municipal - Tomo II",
    "Parte estratégica",
    "Segunda parte: plan de inversiones",
)
WHOLES = (
    "Plan de Desarrollo Municipal 2024-2027",
    "«Puerto Arrayán, parte de todos»",
    "Componente 1.2. Río limpio",
)


@pytest.mark.parametrize("line", PARTS + WHOLES)
def test_a_cover_says_that_it_is_a_part(sample: ExtractedDocument, line: str) -> None:
    """On the first page, where that is a cover, or in the title of the file; not in the text of the plan."""
    words = Line(line, (60.0, 300.0, 400.0, 312.0), (), 12.0, bold=False)
    cover = replace(sample.pages[0], lines=(words,))
    page = replace(sample.pages[0], lines=(words,) * 100)

    assert names_a_part(replace(sample, pages=(cover, *sample.pages[1:]))) is (line in PARTS)
    assert names_a_part(replace(sample, title=line)) is (line in PARTS)
    assert not names_a_part(replace(sample, pages=(page, *sample.pages[1:])))


def test_evidence_stands_on_its_page_and_place(evaluation: Evaluation) -> None:
    """The words of every quote are found again in its boxes on its page."""
    assert len(evaluation.registry.entries) > 50
    assert misplaced(evaluation.registry) == ()


def test_evidence_is_found_in_the_pdf_by_another_reader(written: dict[str, bytes]) -> None:
    """Someone with the PDF and the registry alone reads in the boxes exactly the letters of each quote."""
    entries = msgspec.json.decode(written["evidence_registry.json"])["evidence"]
    with pymupdf.open(EXAMPLES / "villa-esperanza-del-yari.pdf") as pdf:
        pages = [page.get_text("words") for page in pdf]
    wrong = [
        entry["id"]
        for entry in entries
        if Counter(_letters(entry["quote"]))
        != Counter(_letters("".join(_inside(pages[b["page"] - 1], b["box"]) for b in entry["boxes"])))
    ]

    assert wrong == []


def _letters(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text).casefold() if char.isalnum())


def _inside(words: list[tuple[Any, ...]], box: list[float]) -> str:
    """Words whose middle lies in the box."""
    x0, y0, x1, y1 = box
    return "".join(
        word[4]
        for word in words
        if x0 - 1 <= (word[0] + word[2]) / 2 <= x1 + 1 and y0 <= (word[1] + word[3]) / 2 <= y1
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda e: {
            "boxes": tuple((page, (x0, y0 + 400, x1, y1 + 400)) for page, (x0, y0, x1, y1) in e.boxes)
        },
        lambda e: {"boxes": tuple((page, (0.0, y0, 600.0, y1 + 40)) for page, (_, y0, _, y1) in e.boxes)},
        lambda e: {"boxes": e.boxes[:-1]},
        lambda e: {"quote": e.quote + " y algo más"},
        lambda e: {"quote": " ".join(e.quote.split()[1:])},
        lambda e: {"page": e.page + 1},
    ],
    ids=["elsewhere", "too much", "too little", "words added", "words lost", "another page"],
)
def test_the_check_of_places_notices(
    evaluation: Evaluation, change: Callable[[Evidence], dict[str, Any]]
) -> None:
    """Evidence that does not stand exactly where it says is reported: the check above can fail."""
    registry = evaluation.registry
    name, entry = next((k, e) for k, e in registry.entries.items() if len(e.boxes) > 1)
    registry.entries[name] = replace(entry, **change(entry))
    try:
        assert misplaced(registry) == (name,)
    finally:
        registry.entries[name] = entry


def test_a_passage_that_runs_over_pages_is_on_the_page_where_it_begins(evaluation: Evaluation) -> None:
    """Each page number is that of the first character quoted, however long the segment before it."""
    flow = evaluation.flow
    across = [
        segment
        for segment in flow.segmentation.segments
        if len({flow.clean.lines[run.line].page for run in segment.runs}) > 1
    ]

    assert across
    for segment in across:
        for run in segment.runs:
            assert page_of(flow.clean, segment=segment, offset=run.start) == flow.clean.lines[run.line].page


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_never_reach_an_artifact(value: float) -> None:
    """A figure that JSON cannot say is refused instead of becoming null."""
    with pytest.raises(ValueError, match="no place"):
        rounded(value)


def test_the_coverage_report_adds_up(written: dict[str, bytes], result: dict[str, Any]) -> None:
    """Points and dimensions count the same criteria as the answers, and every passage has its page."""
    report = msgspec.json.decode(written["coverage_report.json"])
    met = sum(criterion["met"] for answer in result["answers"] for criterion in answer["criteria"].values())

    assert sum(part["criteria_met"] for part in report["points"].values()) == met
    assert sum(part["criteria_met"] for part in report["dimensions"].values()) == met
    assert report["criteria_with_evidence"] == met
    assert sum(page["evidence"] for page in report["evidence_by_page"]) == report["evidence_count"]
    assert 0 < sum(section["evidence"] for section in report["sections"]) <= report["evidence_count"]


def test_the_registry_names_the_criteria_that_evidence_serves(
    written: dict[str, bytes], result: dict[str, Any]
) -> None:
    """What an answer cites stands in the registry, and the registry says so of that criterion."""
    registry = {
        entry["id"]: entry for entry in msgspec.json.decode(written["evidence_registry.json"])["evidence"]
    }
    for answer in result["answers"]:
        for key, criterion in answer["criteria"].items():
            for entry in criterion["evidence"]:
                assert f"{answer['question_id']}-{key}" in registry[entry["id"]]["serves"]


def test_the_deterministic_hash_covers_all_the_rest(result: dict[str, Any]) -> None:
    """Anyone can recompute the hash from the artifact; a changed answer changes it."""
    stated = result.pop("deterministic_hash")

    assert canonical_hash(result) == stated
    result["answers"][0]["score"] = 3.0 - result["answers"][0]["score"]
    assert canonical_hash(result) != stated


def test_long_passages_are_cut_at_the_end_of_a_sentence() -> None:
    """A quote has at most 600 characters and ends where a sentence or a word does."""
    text = " ".join(f"La oración número {number} dice algo del municipio." for number in range(40))
    start, end = quoted_part(text, start=0, end=len(text))

    assert 300 <= end - start <= 600
    assert text[start:end].endswith("municipio.")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (" • Fortalecer la casa de la mujer. ", "Fortalecer la casa de la mujer."),
        ("_-.·, . ··-,.-~~~- Los registros de la comisaría.", "Los registros de la comisaría."),
        ("«Pactar» el territorio", "«Pactar» el territorio"),
        ("12 líderes protegidos", "12 líderes protegidos"),
        ("- | -", "- | -"),
    ],
)
def test_quotes_begin_with_a_word(text: str, quoted: str) -> None:
    """Bullets and specks before the first word are no part of a quote; brackets and quotation marks of a word are."""
    start, end = quoted_part(text, start=0, end=len(text))

    assert text[start:end] == quoted


def test_explanations_name_pages_on_which_their_passages_begin(result: dict[str, Any]) -> None:
    """Whoever opens the page that an explanation names finds there the beginning of a passage it speaks of."""
    for answer in result["answers"]:
        own_words = re.sub(r"«[^»]*»", "", answer["explanation"])
        listed = re.findall(r"páginas? ([\d, y]+)", own_words)
        named = {int(number) for part in listed for number in re.findall(r"\d+", part)}
        passages = [e for c in answer["criteria"].values() for e in (*c["evidence"], c.get("nearest")) if e]

        assert named <= {passage["page"] for passage in passages}, answer["question_id"]
