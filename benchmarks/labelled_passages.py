"""The labelled plans in numbers: what is seen of their passages, how these were read, and what the labels say.

Labels say which criteria a plan meets for a point, with the lines that prove them (``benchmarks/labels``). Readings say
of single passages which criteria they show (``benchmarks/readings``): a passage is known there by a hash of its words.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.accuracy import HELD_OUT, WRITTEN_WITH, labelled_plans
from pipeline.evaluation import Engine
from pipeline.extraction import ExtractionWorker
from pipeline.flow import run_nodes
from pipeline.model import POINT_IDS, EvaluationOptions
from pipeline.nodes.embedding import ABOUT
from pipeline.questionnaire.passage_reader import all_tokens, describe, read_criteria
from pipeline.questionnaire.reading import (
    by_the_rules,
    count_naming,
    decided_criteria,
    passages_about,
    shown_in_plan,
    signs_of,
)
from pipeline.questionnaire.strengths import RuleStrengths
from pipeline.text import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.accuracy import LabelledPlan

READINGS = Path(__file__).with_name("readings")
LEAST_LABELS = 7
TOO_RARE = frozenset({"D2-Q4-d", "D3-Q3-c", "D4-Q3-d", "D4-Q5-a", "D5-Q5-d"})
"""Met in fewer than ``LEAST_LABELS`` of all labelled points: the rules decide alone. D4-Q5-a asks for the ODS, of
which plans before 2016 cannot speak; nearly all labelled plans are such."""
CRITERIA = tuple(name for name in decided_criteria() if name not in TOO_RARE)
READ_CRITERIA = tuple(name for name in read_criteria() if name in CRITERIA)
SHARE_OF_WRITTEN = 0.5
"""The rules fit the plans they were written with better than others: those plans say less about what rules prove."""
CITED_SHARE = 0.5
"""A passage is cited when so much of its word triples stands in the lines of the label."""
CODE = re.compile(r"([1-6])([1-5])([a-d])")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A labelled plan in numbers; tuples of arrays have one entry for each of the ten points.

    Attributes:
        weight: how much its labels count when the decision is fitted.
        tokens: names of the columns of ``seen``.
        seen: (described passages, tokens) in thousandths: all that are about a point, or were read as being so.
        shows: (described passages, READ_CRITERIA) what the passage was read to show, for whichever point.
        read: (described passages,) whether it was read.
        about: indices into the described passages, of those about the point.
        signs: (passages about the point, SIGNS), by which a reader tells that they are.
        speaks: (passages about the point,) whether the passage was read as being about it.
        by_rules: (passages about the point, CRITERIA).
        cited: (passages about the point, CRITERIA) whether the labels cite the passage.
        labels: (10, CRITERIA).
    """

    name: str
    weight: float
    tokens: tuple[str, ...]
    seen: NDArray[np.float32]
    shows: NDArray[np.float32]
    read: NDArray[np.bool_]
    about: tuple[NDArray[np.int64], ...]
    signs: tuple[NDArray[np.float64], ...]
    speaks: tuple[NDArray[np.bool_], ...]
    by_rules: tuple[NDArray[np.float64], ...]
    cited: tuple[NDArray[np.bool_], ...]
    named: tuple[int, ...]
    in_plan: NDArray[np.int64]
    labels: NDArray[np.float64]


def read_plans(work: Path) -> dict[str, Plan]:
    """All labelled plans but the held-out ones."""
    engine = Engine.load(threads=1)
    plans: dict[str, Plan] = {}
    with ExtractionWorker() as worker:
        for labelled in labelled_plans(work):
            if labelled.name not in HELD_OUT:
                plan = _read_plan(labelled, engine=engine, worker=worker)
                print(plan.name, len(plan.seen), "passages,", int(plan.read.sum()), "read", flush=True)
                plans[plan.name] = plan
    return plans


def _read_plan(plan: LabelledPlan, *, engine: Engine, worker: ExtractionWorker) -> Plan:
    document = worker.extract(plan.pdf.read_bytes())
    flow = run_nodes(document, options=EvaluationOptions(), models=engine.models, observe=lambda *_: None)
    strengths = RuleStrengths(
        flow.segmentation, profile=flow.profile, relevance=flow.relevance, findings=flow.findings
    )
    read, shows, speaks = _readings(plan.name, texts=_texts(strengths))
    described = np.flatnonzero((strengths.about >= ABOUT).any(axis=1) | shows.any(axis=1))
    position = np.full(strengths.features.size, -1)
    position[described] = np.arange(len(described))
    met, lines = _labels(plan.folder / "labels_A.tsv")
    text = [row.split("|", 1)[-1] for row in (plan.folder / "text.txt").read_text("utf-8").splitlines()]
    cited = _Cited(strengths, text=text)
    points = range(len(POINT_IDS))
    about = [passages_about(strengths, point=point) for point in points]
    return Plan(
        name=plan.name,
        weight=SHARE_OF_WRITTEN if plan.name in WRITTEN_WITH else 1.0,
        tokens=all_tokens(strengths),
        seen=describe(strengths, passages=described).astype(np.float32),
        shows=shows[described],
        read=read[described],
        about=tuple(position[passages] for passages in about),
        signs=tuple(
            signs_of(strengths, passages=passages, point=point) for point, passages in enumerate(about)
        ),
        speaks=tuple(speaks[passages, point] for point, passages in enumerate(about)),
        by_rules=tuple(by_the_rules(strengths, point=point, criteria=CRITERIA) for point in points),
        cited=tuple(
            cited.matrix(passages, point=point, lines=lines)
            for point, passages in zip(POINT_IDS, about, strict=True)
        ),
        named=tuple(count_naming(strengths, point=point) for point in points),
        in_plan=shown_in_plan(strengths, criteria=CRITERIA),
        labels=np.array(
            [
                [met[f"{point}-{name[:-2]}"]["abcd".index(name[-1])] for name in CRITERIA]
                for point in POINT_IDS
            ],
            dtype=np.float64,
        ),
    )


def passage_key(folded: str) -> str:
    """By what a passage is known in ``benchmarks/readings``: a hash of its words, which does not give them away."""
    words = " ".join(re.findall(r"[a-z0-9]+", folded))
    return hashlib.blake2b(words.encode("ascii"), digest_size=6).hexdigest()


def _texts(strengths: RuleStrengths) -> list[str]:
    joined = strengths.features.joined
    ends = joined.starts + joined.lengths
    return [joined.text[start:end] for start, end in zip(joined.starts, ends, strict=True)]


def _readings(
    name: str, *, texts: list[str]
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.bool_]]:
    """Which passages were read; what these show, (passages, READ_CRITERIA), and are about, (passages, 10)."""
    rows: dict[str, deque[str]] = defaultdict(deque)
    for row in (READINGS / f"{name}.tsv").read_text("ascii").splitlines():
        key, _, findings = row.partition("\t")
        rows[key].append(findings)
    read = np.zeros(len(texts), dtype=np.bool_)
    shows = np.zeros((len(texts), len(READ_CRITERIA)), dtype=np.float32)
    speaks = np.zeros((len(texts), len(POINT_IDS)), dtype=np.bool_)
    column = {criterion: number for number, criterion in enumerate(READ_CRITERIA)}
    for passage, folded in enumerate(texts):
        # Passages of the same words were read one after the other.
        waiting = rows.get(passage_key(folded))
        if not waiting:
            continue
        read[passage] = True
        for finding in filter(None, waiting.popleft().split(";")):
            points, _, codes = finding.partition(":")
            speaks[passage, [POINT_IDS.index(point) for point in points.split("+")]] = True
            for dimension, question, key in CODE.findall(codes):
                criterion = f"D{dimension}-Q{question}-{key}"
                if criterion in column:
                    shows[passage, column[criterion]] = 1.0
    return read, shows, speaks


def _labels(path: Path) -> tuple[dict[str, list[int]], dict[tuple[str, str], str]]:
    met: dict[str, list[int]] = {}
    lines: dict[tuple[str, str], str] = {}
    for row in path.read_text("utf-8").splitlines():
        question, *values = row.split("\t")
        met[question] = [int(value) for value in values[:4]]
        for key, where in re.findall(r"([abcd])\s*:\s*([\d\-–, ;/+]+)", values[4] if len(values) > 4 else ""):
            lines[question, key] = where
    return met, lines


class _Cited:
    """Finds the passages that stand in given lines of the plan's text, by their word triples."""

    def __init__(self, strengths: RuleStrengths, *, text: list[str]) -> None:
        self._text = text
        self._grams = [_triples(passage) for passage in _texts(strengths)]
        self._index: dict[tuple[str, ...], list[int]] = {}
        for passage, grams in enumerate(self._grams):
            for gram in grams:
                self._index.setdefault(gram, []).append(passage)

    def matrix(
        self, passages: NDArray[np.int64], *, point: str, lines: dict[tuple[str, str], str]
    ) -> NDArray[np.bool_]:
        """(passages, CRITERIA): which of the passages the labels of a point cite."""
        position = {int(passage): index for index, passage in enumerate(passages)}
        cited = np.zeros((len(passages), len(CRITERIA)), dtype=np.bool_)
        for column, criterion in enumerate(CRITERIA):
            for passage in self._by(lines.get((f"{point}-{criterion[:-2]}", criterion[-1]), "")):
                if passage in position:
                    cited[position[passage], column] = True
        return cited

    def _by(self, where: str) -> list[int]:
        found: dict[int, int] = {}
        kept: list[str] = []
        for first, last in re.findall(r"(\d+)(?:\s*[-–]\s*(\d+))?", where):
            kept += self._text[int(first) - 1 : int(last or first)]
        for size in (1, 2, 3):
            for gram in _triples("\n".join(kept), size=size):
                for passage in self._index.get(gram, ()):
                    found[passage] = found.get(passage, 0) + 1
        return [
            passage for passage, count in found.items() if count >= CITED_SHARE * len(self._grams[passage])
        ]


def _triples(text: str, *, size: int = 3) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", fold(text))
    size = min(size, len(words))
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)} if size else set()
