"""Reports, tables and archives are made in a process of their own: ``python -m serve_app.report_process``.

The typesetter keeps fonts and caches of a few hundred megabytes; a replica that made a report once would hold them
for ever. The order comes as JSON on standard input, the file goes to standard output, which is a file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING

import msgspec

from cluster.errors import REFUSALS, ServiceError
from cluster.settings import Settings
from cluster.storage import Storage
from pipeline.review import REVIEW
from serve_app.delivery import ARTIFACTS, Evaluated, Evaluations, WithoutResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.report import ZipEntry

SECONDS_MAX = 300.0
"""The archive of 100 large plans takes about 100 s."""
PICTURE_PER_LINK = 8
"""Passages of each link in a picture that stands alone; in a report there is room for half."""
REFUSED = 3
"""Exit code: the code of the refusal stands on standard error."""


class Order(msgspec.Struct, frozen=True):
    """What to make: ``kind`` is csv, pdf or zip. ``partial``: the batch has not ended."""

    kind: str
    job_id: str
    documents: tuple[Evaluated, ...]
    without_result: tuple[WithoutResult, ...] = ()
    partial: bool = False


class ReportFailed(RuntimeError):
    """The process broke; the message is the end of what it said."""


def make_file(settings: Settings, order: Order) -> IO[bytes]:
    """Make the file in a process and wait for it; the caller closes it, and then it is gone.

    Raises:
        ServiceError: DOCUMENT_WITHOUT_RESULT, STORAGE_UNAVAILABLE.
        ReportFailed: anything else; also when it takes longer than ``SECONDS_MAX``.
    """
    target = tempfile.TemporaryFile()  # noqa: SIM115  handed to the caller
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "serve_app.report_process"],
            input=msgspec.json.encode(order),
            stdout=target,
            stderr=subprocess.PIPE,
            env={**os.environ, **settings.to_environment()},
            timeout=SECONDS_MAX,
            check=False,
        )
        _raise_for(ended)
    except subprocess.TimeoutExpired as error:
        target.close()
        raise ReportFailed("time is up") from error
    except BaseException:
        target.close()
        raise
    return target


def _raise_for(ended: subprocess.CompletedProcess[bytes]) -> None:
    said = ended.stderr.decode("utf-8", "replace").strip()
    if ended.returncode == REFUSED:
        code, _, detail = said.splitlines()[-1].partition(" ")
        raise ServiceError(next(refusal for refusal in REFUSALS if refusal.code == code), detail)
    if ended.returncode != 0:
        raise ReportFailed(f"exit code {ended.returncode}: {said[-500:]}")


# --------------------------------------------------------------------------- in the process


def write_file(order: Order, *, storage: Storage, target: IO[bytes]) -> None:
    """Make the file here and now.

    Raises:
        ServiceError: DOCUMENT_WITHOUT_RESULT, STORAGE_UNAVAILABLE.
    """
    from pipeline.report import render_csv, render_pdf, write_zip  # noqa: PLC0415  only the process needs it

    evaluations = Evaluations(storage, job_id=order.job_id, documents=order.documents)
    if order.kind == "csv":
        target.write(render_csv(evaluations, without_result=_absent(order)))
    elif order.kind == "pdf":
        target.write(render_pdf(evaluations, without_result=_absent(order), partial=order.partial))
    else:
        write_zip(_zip_entries(evaluations, order=order), target=target)


def _absent(order: Order) -> list[dict[str, str]]:
    return [msgspec.structs.asdict(one) for one in order.without_result]


def _zip_entries(evaluations: Evaluations, *, order: Order) -> Iterator[ZipEntry]:
    """For each plan artifacts, what reviewers corrected, causal graphs and its report; of all a table and a report.

    Documents without a result are listed in a table of their own. Names inside are ours, never the sender's.
    """
    from pipeline.report import (  # noqa: PLC0415  needed only here
        ZipEntry,
        causal_svg,
        render_csv,
        render_not_evaluated,
        render_pdf,
    )

    for number, document in enumerate(evaluations.documents, 1):
        folder = f"documents/{number:03}-{document.sha256[:12]}"
        for name in ARTIFACTS:
            yield ZipEntry(f"{folder}/{name}", evaluations.artifact(document, name=name))
        if document.review is not None:
            yield ZipEntry(f"{folder}/{REVIEW}", evaluations.review(document))
        result = evaluations[number - 1]
        for graph in result["findings"]["causal_graphs"]:
            picture = causal_svg(graph, title=f"Grafo causal de {graph['point']}", per_link=PICTURE_PER_LINK)
            yield ZipEntry(f"{folder}/causal/{graph['point']}.svg", picture.encode())
        if len(evaluations) > 1:
            # The report of a batch has each plan in brief.
            yield ZipEntry(f"{folder}/report.pdf", render_pdf([result]))
    absent = _absent(order)
    yield ZipEntry("answers.csv", render_csv(evaluations, without_result=absent))
    if absent:
        yield ZipEntry("no_evaluados.csv", render_not_evaluated(absent))
    report = render_pdf(evaluations, without_result=absent, partial=order.partial)
    yield ZipEntry("report.pdf", report)


def main() -> int:
    """Make what standard input asks for."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        write_file(order, storage=Storage(Settings.load()), target=sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except ServiceError as error:
        sys.stderr.write(f"{error.refusal.code} {error.detail}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
