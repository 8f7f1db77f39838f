"""A job as an object, for notebooks: wait with a bar, look at results, evidence and tables.

    from serve_app.batch_job import Job
    from serve_app.client import BatchClient

    client = BatchClient("http://127.0.0.1:8000")
    job = Job.send(client, "planes/", municipality="Varios", department="Nariño", year=2024, period="2024-2027")
    job.wait()
    job.to_dataframe()

``to_dataframe`` needs pandas and ``heatmap`` matplotlib (``pip install "decalogo[notebook]"``).
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tqdm.auto import tqdm

from serve_app.batch_results import BatchResults
from serve_app.client import FINAL
from serve_app.pdf_files import pdf_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.figure import Figure

    from serve_app.batch_results import Evidence
    from serve_app.client import BatchClient

FORMATS = ("json", "csv", "pdf", "zip")
BAND_LIMITS = (0.0, 3.0)


class Job:
    """One batch at a service. Cheap: it asks the service each time."""

    def __init__(self, client: BatchClient, job_id: str) -> None:
        self.client = client
        self.job_id = job_id
        self._results: BatchResults | None = None

    @classmethod
    def send(cls, client: BatchClient, source: str | Path | Iterable[str | Path], **metadata: Any) -> Self:
        """Send a file, a folder, a pattern or several of them (up to 100 PDFs) as one batch.

        Raises:
            FileNotFoundError: one of them names no PDF.
            ApiError: the service refused.
            httpx.TransportError: it cannot be reached.
        """
        sources = [source] if isinstance(source, str | Path) else list(source)
        paths = pdf_files(map(Path, sources))
        with tqdm(total=len(paths), unit="archivo", desc="Envío") as bar:

            def sent(_path: Path) -> None:
                bar.update()

            job_id = client.submit(paths, metadata=metadata, sent=sent)
        return cls(client, job_id)

    def status(self) -> dict[str, Any]:
        """The job as ``/status/{job}`` shows it."""
        return self.client.status(self.job_id)

    def wait(self) -> Self:
        """Show progress until the job has ended. Ctrl-C leaves the job running and says how to come back."""
        try:
            with tqdm(
                total=100, unit="%", desc="Evaluación", bar_format="{l_bar}{bar}| {elapsed}{postfix}"
            ) as bar:
                for state in self.client.watch(self.job_id):
                    counts = state["documents_by_status"]
                    bar.n = round(state["progress"]["progress_percentage"])
                    bar.set_postfix_str(
                        ", ".join(f"{name} {count}" for name, count in counts.items() if count)
                    )
        except KeyboardInterrupt:
            sys.stderr.write(
                f"El trabajo sigue en el servicio. Para volver a él: Job(client, {self.job_id!r}).wait()\n"
            )
        return self

    def results(self) -> BatchResults:
        """Everything that was evaluated.

        Raises:
            ApiError: ``results_not_ready`` before the end; the job is unknown or has expired.
        """
        if self._results is None:
            self._results = BatchResults.model_validate(self.client.results(self.job_id))
        return self._results

    def evidence(self, question_id: str) -> dict[str, list[Evidence]]:
        """The passages that an answer rests on, such as ``P1-D1-Q1``, by document.

        Raises:
            KeyError: there is no such question.
        """
        return {name: found.answer(question_id).evidence for name, found in self.results().evaluated}

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each document and question: scores, criteria a to d, pages of the evidence."""
        import pandas as pd  # noqa: PLC0415  an extra

        return pd.DataFrame.from_records(
            {
                "documento": name,
                "punto": answer.point,
                "dimensión": answer.dimension,
                "pregunta": answer.question_id,
                "puntaje": answer.score,
                "nivel": answer.level,
                "confianza": answer.confidence,
                **{letter: criterion.met for letter, criterion in sorted(answer.criteria.items())},
                "páginas": [one.page for one in answer.evidence],
            }
            for name, found in self.results().evaluated
            for answer in found.answers
        )

    def heatmap(self) -> Figure:
        """Points by dimensions, the mean of all documents, 0 to 3. Notebooks show it after ``%matplotlib inline``."""
        from matplotlib.figure import Figure  # noqa: PLC0415  an extra

        frame = self.to_dataframe()
        table = frame.pivot_table(index="punto", columns="dimensión", values="puntaje", aggfunc="mean")
        table = table.reindex(sorted(table.index, key=lambda point: int(point[1:])))
        figure = Figure(figsize=(6, 5), layout="constrained")
        axes = figure.subplots()
        low, high = BAND_LIMITS
        image = axes.imshow(table.to_numpy(), cmap="YlGnBu", vmin=low, vmax=high, aspect="auto")
        axes.set_xticks(range(len(table.columns)), table.columns)
        axes.set_yticks(range(len(table.index)), table.index)
        for row, values in enumerate(table.to_numpy()):
            for column, value in enumerate(values):
                colour = "white" if value > high * 0.6 else "black"
                axes.text(
                    column, row, f"{value:.1f}".replace(".", ","), ha="center", va="center", color=colour
                )
        axes.set_title(f"Puntaje por punto y dimensión ({frame['documento'].nunique()} planes)")
        figure.colorbar(image, label="0 a 3")
        return figure

    def save(self, folder: str | Path, *, formats: Iterable[str] = FORMATS) -> list[Path]:
        """Write the results as files ``JOB.json``, ``.csv``, ``.pdf`` and ``.zip``; returns their paths."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        targets = [Path(folder) / f"{self.job_id}.{kind}" for kind in formats]
        for target in targets:
            self.client.download(self.job_id, kind=target.suffix[1:], target=target)
        return targets

    def __repr__(self) -> str:
        return f"Job(client, {self.job_id!r})"

    def _repr_html_(self) -> str:
        """A table for notebooks. What comes from plans and senders is escaped."""
        state = self.status()
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in _row(document)) + "</tr>"
            for document in state["documents"]
        )
        head = "".join(
            f"<th>{title}</th>" for title in ("Documento", "Estado", "Puntaje", "Valoración", "Error")
        )
        ended = "" if state["status"] in FINAL else f", {round(state['progress']['progress_percentage'])} %"
        title = f"<p>Trabajo <code>{escape(self.job_id)}</code>: {escape(state['status'])}{ended}</p>"
        return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(document: dict[str, Any]) -> tuple[object, ...]:
    score = document["overall_score"]
    return (
        document["name"],
        document["status"],
        "" if score is None else f"{score:.2f}".replace(".", ","),
        document["overall_band"] or "",
        document["error_message"] or "",
    )
