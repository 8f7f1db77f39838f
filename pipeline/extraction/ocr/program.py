"""Which Tesseract is installed here, and with which Spanish: both decide what is read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import OCR_UNAVAILABLE, NotEquipped

LANGUAGE = "spa"
PROGRAM = "tesseract"
ANSWER_SECONDS = 20.0
_VERSION = re.compile(rb"^tesseract v?(\d+(?:\.\d+){1,3}\S{0,20})\s+leptonica-(\d\S{0,20})")
_FOLDER = re.compile(r'in "([^"\n]{1,500})"')
_FASTEST = "avx2"
_EVERYWHERE = "generic"
"""Of the arithmetic that Tesseract has for different processors these two gave the same text, "sse" another one."""


@dataclass(frozen=True, slots=True)
class Tesseract:
    """An installed program and its language data."""

    program: Path
    version: str
    """Of Tesseract and of the library that decodes its pictures, e.g. ``5.3.0 leptonica 1.82.0``."""
    data_folder: Path
    arithmetic: str
    """Value of Tesseract's ``dotproduct``; not part of what decides, for it changes the speed only."""

    @classmethod
    def find(cls) -> Tesseract:
        """Look for the program on the search path and ask it for its version and its data.

        Raises:
            NotEquipped: OCR_UNAVAILABLE, the program or its Spanish data is not there or does not answer.
        """
        found = shutil.which(PROGRAM)
        if found is None:
            raise NotEquipped(OCR_UNAVAILABLE, f"no program {PROGRAM}")
        program = Path(found).resolve()
        match = _VERSION.match(_ask(program, "--version"))
        if match is None:
            raise NotEquipped(OCR_UNAVAILABLE, f"{program} does not say its version")
        folder = _data_folder(program)
        data = folder / f"{LANGUAGE}.traineddata"
        if not data.is_file():
            raise NotEquipped(OCR_UNAVAILABLE, f"no {data.name} in {folder}")
        tesseract, leptonica = (part.decode("ascii", "replace") for part in match.groups())
        return cls(program, f"{tesseract} leptonica {leptonica}", folder, _arithmetic())

    @property
    def language_file(self) -> Path:
        """The data of the language."""
        return self.data_folder / f"{LANGUAGE}.traineddata"


def _ask(program: Path, option: str) -> bytes:
    # Only the search path of data is handed on: an operator may keep the language elsewhere.
    kept = {name: os.environ[name] for name in ("TESSDATA_PREFIX",) if name in os.environ}
    try:
        ran = subprocess.run(
            [program, option],
            env=kept,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotEquipped(OCR_UNAVAILABLE, f"{program} cannot be run") from error
    return ran.stdout + ran.stderr


def _data_folder(program: Path) -> Path:
    listed = _ask(program, "--list-langs").decode("utf-8", "replace")
    match = _FOLDER.search(listed)
    if match is None:
        raise NotEquipped(OCR_UNAVAILABLE, f"{program} does not say where its languages are")
    return Path(match.group(1))


def _arithmetic() -> str:
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    except OSError:
        return _EVERYWHERE
    return _FASTEST if f" {_FASTEST} " in flags.replace("\n", " ") else _EVERYWHERE
