"""The evaluators of the running service, called from inside its Ray: no upload, no job, nothing that is kept.

    from serve_app.on_ray import ServiceEvaluators

    plans = ServiceEvaluators.join().evaluate("planes/")
    plans.to_dataframe()

For notebooks and scripts on a machine of the cluster. Documents of batches and these are evaluated in turn. What comes
from elsewhere, or must survive a crash, is a batch: see ``client``.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from tqdm.auto import tqdm

from cluster import lifecycle
from cluster.lifecycle_ray import TOKEN_FILE
from cluster.settings import Settings
from pipeline.artifacts import EVALUATION_RESULTS
from pipeline.model import EvaluationOptions
from serve_app.batch_progress import named_pdfs
from serve_app.batch_results import DocumentResult, Evaluation, PlanResults

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ray.serve.handle import DeploymentHandle

EVALUATORS = ("Evaluator", "evaluation")
AT_ONCE = 4
"""Documents on their way: each is a whole PDF in the memory of Ray."""


class NotOnRay(RuntimeError):
    """There is no service on this machine whose Ray could be joined."""


class ServiceEvaluators:
    """The pool of evaluators, by its deployment handle. Safe for threads."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    @classmethod
    def join(cls, settings: Settings | None = None) -> Self:
        """Join the Ray of the service on this machine, with its token; one that was joined already is used.

        Raises:
            NotOnRay: no service runs here.
        """
        settings = settings or Settings.load()
        running = lifecycle.status(settings)
        if running is None:
            raise NotOnRay("El servicio no está en marcha en esta máquina; inícielo con «decalogo up».")
        # Before Ray is imported: it reads them then.
        os.environ |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(settings.run_dir / TOKEN_FILE),
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        import ray  # noqa: PLC0415
        from ray import serve  # noqa: PLC0415

        if not ray.is_initialized():
            ray.init(address=running.ray_address, log_to_driver=False, logging_level=logging.ERROR)
        deployment, application = EVALUATORS
        return cls(serve.get_deployment_handle(deployment, application))

    def evaluate(self, source: str | Path | Iterable[str | Path], **options: Any) -> PlanResults:
        """Evaluate a file, a folder, a pattern or several of them; what cannot be evaluated has a code.

        Args:
            source: paths, or patterns such as ``planes/*.pdf``.
            options: fields of ``EvaluationOptions``, such as ``evaluate_non_plans=True``.

        Raises:
            FileNotFoundError: one of them names no PDF.
            TypeError: there is no such option.
            ray.exceptions.RayError: an evaluator died over a document, or Ray is gone.
        """
        chosen = asdict(EvaluationOptions(**options))
        paths = named_pdfs(source)

        def one(path: Path) -> DocumentResult:
            # In a thread of its own: a notebook has an event loop, where an answer must not be waited for.
            answer = self._handle.assess.remote(path.read_bytes(), chosen).result()
            return _result(path.name, answer)

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="decalogo-on-ray") as pool:
            found = tqdm(pool.map(one, paths), total=len(paths), unit="plan", desc="Evaluación")
            return PlanResults(results=list(found))


def _result(name: str, answer: dict[str, Any]) -> DocumentResult:
    if "artifacts" not in answer:
        return DocumentResult(
            document_id="", name=name, error_code=answer["code"], error_message=answer["sentence"]
        )
    evaluation = Evaluation.model_validate_json(answer["artifacts"][EVALUATION_RESULTS])
    return DocumentResult(document_id="", name=name, evaluation=evaluation)
