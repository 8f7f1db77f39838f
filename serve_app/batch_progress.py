"""Bars of a batch in terminals and notebooks, and which PDFs are meant by what somebody names there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tqdm.auto import tqdm

from serve_app.client_sending import Sending
from serve_app.pdf_files import pdf_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from serve_app.client_errors import ApiError


def named_pdfs(source: str | Path | Iterable[str | Path]) -> list[Path]:
    """The PDFs of a file, a folder, a pattern or several of them.

    Raises:
        FileNotFoundError: one of them names no PDF.
    """
    return pdf_files(map(Path, [source] if isinstance(source, str | Path) else source))


class SendingBar:
    """A bar over the files of a batch; what is refused is said and kept in ``refused`` by file name."""

    def __init__(self, count: int) -> None:
        self.refused: dict[str, ApiError] = {}
        self._waited = False
        self._bar = tqdm(total=count, unit="archivo", desc="Envío")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def sending(self, metadata: Mapping[str, Any], **how: Any) -> Sending:
        """What is to be sent, told to this bar; ``how`` are the other fields of ``Sending``."""
        return Sending(metadata, sent=self.sent, refused=self.refuse, waiting=self.wait, **how)

    def wait(self, error: BaseException) -> None:
        """The service is busy; said once."""
        if not self._waited:
            tqdm.write(f"Esperando al servicio: {error}", file=sys.stderr)
        self._waited = True

    def sent(self, _path: Path) -> None:
        """A file was taken."""
        self._bar.update()

    def refuse(self, path: Path, error: ApiError) -> None:
        """A file was refused."""
        self.refused[path.name] = error
        tqdm.write(f"{path.name} no se recibió: {error}", file=sys.stderr)
        self._bar.update()


class EvaluationBar:
    """A bar over the work of a job."""

    def __init__(self) -> None:
        layout = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
        self._bar = tqdm(total=100, unit="%", desc="Evaluación", bar_format=layout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, state: dict[str, Any]) -> None:
        """The job as ``/status/{job}`` shows it."""
        self._bar.n = round(state["progress"]["progress_percentage"])
        counts = state["documents_by_status"]
        self._bar.set_postfix_str(", ".join(f"{name} {count}" for name, count in counts.items() if count))


def say_it_goes_on(way_back: str) -> None:
    """Tell who stopped waiting how to come back."""
    sys.stderr.write(f"El trabajo sigue en el servicio. Para volver a él: {way_back}\n")
