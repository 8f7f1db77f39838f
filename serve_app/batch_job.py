"""A job as an object, for notebooks: wait with a bar, look at results, evidence and tables, save.

``BatchClient.submit`` gives a ``Job``, ``AsyncBatchClient.submit`` an ``AsyncJob``: the same, awaited.
``to_dataframe`` needs pandas and ``heatmap`` matplotlib (``pip install "decalogo[notebook]"``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from serve_app.batch_html import job_table
from serve_app.batch_progress import EvaluationBar, say_it_goes_on
from serve_app.batch_results import BatchResults
from serve_app.client_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from serve_app.batch_results import Evidence
    from serve_app.client import AsyncBatchClient, BatchClient
FORMATS = ("json", "csv", "pdf", "zip")


class Job:
    """One batch at a service. Cheap: nothing but its identifier is needed to come back to it."""

    def __init__(
        self, client: BatchClient, job_id: str, *, refused: Mapping[str, ApiError] | None = None
    ) -> None:
        """The job of that identifier; ``refused`` are files that did not become part of it, by name."""
        self.client = client
        self.job_id = job_id
        self.refused = dict(refused or {})
        self._results: BatchResults | None = None

    def status(self) -> dict[str, Any]:
        """The job as ``/status/{job}`` shows it."""
        return self.client.status(self.job_id)

    def wait(self) -> Self:
        """Show progress until the job has ended. Ctrl-C leaves the job running and says how to come back."""
        try:
            with EvaluationBar() as bar:
                for state in self.client.watch(self.job_id):
                    bar.show(state)
        except KeyboardInterrupt:
            say_it_goes_on(f"client.job({self.job_id!r}).wait()")
        return self

    def results(self) -> BatchResults:
        """Everything that was evaluated. Fetched once, and again when reviewers have corrected something since.

        Raises:
            ApiError: ``results_not_ready`` before the end; the job is unknown or has expired.
        """
        if self._results is None or not self._still_hold(self._results):
            self._results = BatchResults.model_validate(self.client.results(self.job_id))
        return self._results

    def _still_hold(self, results: BatchResults) -> bool:
        try:
            return results.agrees_with(self.status())
        except (httpx.TransportError, ApiError):
            # What was fetched outlives the job and its service.
            return True

    def evidence(self, question_id: str) -> dict[str, list[Evidence]]:
        """The passages that an answer rests on, such as ``P1-D1-Q1``, by document.

        Raises:
            KeyError: there is no such question.
        """
        return self.results().passages(question_id)

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each evaluated document and question, as ``BatchResults.to_dataframe`` gives it."""
        return self.results().to_dataframe()

    def heatmap(self) -> Figure:
        """Points by dimensions (``BatchResults.heatmap``). Notebooks show it after ``%matplotlib inline``."""
        return self.results().heatmap()

    def save(self, folder: str | Path, *, formats: Iterable[str] = FORMATS) -> list[Path]:
        """Write the results as files ``JOB.json``, ``.csv``, ``.pdf`` and ``.zip``; returns their paths."""
        targets = _targets(folder, job_id=self.job_id, formats=formats)
        for target in targets:
            self.client.download(self.job_id, kind=target.suffix[1:], target=target)
        return targets

    def cancel(self) -> None:
        """Stop it; results that there are stay."""
        self.client.cancel(self.job_id)

    def __repr__(self) -> str:
        return f"<Job {self.job_id} of {self.client.url}>"

    def _repr_html_(self) -> str:
        """A table for notebooks. What comes from plans and senders is escaped."""
        try:
            state = self.status()
        except (httpx.TransportError, RuntimeError) as error:
            # A notebook that is opened later must still be able to show its cells.
            return job_table(self.job_id, state=None, refused=self.refused, problem=str(error))
        return job_table(self.job_id, state=state, refused=self.refused)


class AsyncJob:
    """One batch at a service, awaited."""

    def __init__(
        self, client: AsyncBatchClient, job_id: str, *, refused: Mapping[str, ApiError] | None = None
    ) -> None:
        """The job of that identifier; ``refused`` are files that did not become part of it, by name."""
        self.client = client
        self.job_id = job_id
        self.refused = dict(refused or {})
        self._seen: dict[str, Any] | None = None
        self._results: BatchResults | None = None

    async def status(self) -> dict[str, Any]:
        """The job as ``/status/{job}`` shows it."""
        self._seen = await self.client.status(self.job_id)
        return self._seen

    async def wait(self) -> Self:
        """Show progress until the job has ended. A task that is cancelled leaves the job running."""
        with EvaluationBar() as bar:
            async for state in self.client.watch(self.job_id):
                self._seen = state
                bar.show(state)
        return self

    async def results(self) -> BatchResults:
        """Everything that was evaluated, as ``Job.results`` gives it; tables, heat map and evidence are its methods.

        Raises:
            ApiError: ``results_not_ready`` before the end; the job is unknown or has expired.
        """
        if self._results is None or not await self._still_hold(self._results):
            self._results = BatchResults.model_validate(await self.client.results(self.job_id))
        return self._results

    async def _still_hold(self, results: BatchResults) -> bool:
        try:
            return results.agrees_with(await self.status())
        except (httpx.TransportError, ApiError):
            return True

    async def evidence(self, question_id: str) -> dict[str, list[Evidence]]:
        """The passages that an answer rests on, as ``Job.evidence`` gives them."""
        return (await self.results()).passages(question_id)

    async def to_dataframe(self) -> pd.DataFrame:
        """A row for each document and question."""
        return (await self.results()).to_dataframe()

    async def heatmap(self) -> Figure:
        """Points by dimensions, the mean of all documents."""
        return (await self.results()).heatmap()

    async def save(self, folder: str | Path, *, formats: Iterable[str] = FORMATS) -> list[Path]:
        """Write the results as files; returns their paths."""
        targets = _targets(folder, job_id=self.job_id, formats=formats)
        for target in targets:
            await self.client.download(self.job_id, kind=target.suffix[1:], target=target)
        return targets

    async def cancel(self) -> None:
        """Stop it; results that there are stay."""
        await self.client.cancel(self.job_id)

    def __repr__(self) -> str:
        return f"<AsyncJob {self.job_id} of {self.client.url}>"

    def _repr_html_(self) -> str:
        """A table of what was seen last: showing a value cannot wait for an answer."""
        return job_table(self.job_id, state=self._seen, refused=self.refused)


def _targets(folder: str | Path, *, job_id: str, formats: Iterable[str]) -> list[Path]:
    Path(folder).mkdir(parents=True, exist_ok=True)
    return [Path(folder) / f"{job_id}.{kind}" for kind in formats]
