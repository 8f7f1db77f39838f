"""What a document gives when nothing disturbs it: evaluated once, in this process, without any service."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
from threadpoolctl import threadpool_limits

from pipeline.artifacts import EVALUATION_RESULTS, artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping


class Golden:
    """Evaluations to compare with, each made once."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._extraction = ExtractionWorker(fault_documents=True)
        self._known: dict[tuple[str, str], dict[str, bytes]] = {}

    def artifacts(self, pdf: bytes, *, options: Mapping[str, Any]) -> dict[str, bytes]:
        """The artifacts of ``pdf``, by name."""
        name = (hashlib.sha256(pdf).hexdigest(), msgspec.json.encode(dict(options), order="sorted").decode())
        if name not in self._known:
            if self._engine is None:
                self._engine = Engine.load(threads=1)
            chosen = msgspec.convert(dict(options), EvaluationOptions)
            document = self._extraction.extract(pdf)
            # As in an evaluator: threads of BLAS fight with the service for the cores.
            with threadpool_limits(limits=1):
                self._known[name] = artifacts(evaluate(document, options=chosen, engine=self._engine))
        return self._known[name]

    def close(self) -> None:
        """End the child that reads."""
        self._extraction.close()

    def result_hash(self, pdf: bytes, *, options: Mapping[str, Any]) -> str:
        """The deterministic hash of ``pdf``."""
        content = self.artifacts(pdf, options=options)[EVALUATION_RESULTS]
        return str(msgspec.json.decode(content)["deterministic_hash"])
