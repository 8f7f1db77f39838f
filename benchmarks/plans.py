"""The plans that benchmarks run on.

Real plans are used where they are present: a folder ``shared`` beside the checkout with ``plans/*.txt`` and
``tools/typeset_plans.py``. Elsewhere the fictional samples of ``examples/`` are repeated to the lengths of the
24 real plans, so that the benchmark runs everywhere (and says which of the two it measured).
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pymupdf

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
LABELLED_ONLY = ("arauca", "dosquebradas")
"""Plans that the 24 leave out, because they are kept for accuracy."""

GENERATED_PAGES = (38, 55, 75, 90, 110, 120, 135, 150, 160, 175, 185, 200,
                   215, 230, 245, 260, 280, 300, 320, 345, 370, 420, 520, 650)  # fmt: skip
"""Lengths of the stand-ins, spread like those of the real plans (38 to 655 pages)."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A PDF to evaluate."""

    name: str
    path: Path
    pages: int


def real_plans_present() -> bool:
    """Say whether the real plans are at hand."""
    return (SHARED / "plans").is_dir() and (SHARED / "tools" / "typeset_plans.py").is_file()


def the_24_plans(folder: Path) -> tuple[PlanFile, ...]:
    """Put the 24 plans into ``folder`` (left as they are when already there), smallest name first."""
    folder.mkdir(parents=True, exist_ok=True)
    if real_plans_present():
        if len(list(folder.glob("*.pdf"))) < len(list((SHARED / "plans").glob("*.txt"))):
            subprocess.run([sys.executable, SHARED / "tools" / "typeset_plans.py", folder], check=True)
        paths = [path for path in sorted(folder.glob("*.pdf")) if path.stem not in LABELLED_ONLY]
    else:
        paths = [_repeat_samples(folder / f"generated-{pages:03}.pdf", pages) for pages in GENERATED_PAGES]
    return tuple(PlanFile(path.stem, path, _page_count(path)) for path in paths)


def _page_count(path: Path) -> int:
    with pymupdf.open(path) as document:
        return int(document.page_count)


def _repeat_samples(target: Path, pages: int) -> Path:
    if target.exists():
        return target
    with pymupdf.open() as document:
        samples = [pymupdf.open(path) for path in sorted((ROOT / "examples").glob("*.pdf"))]
        while document.page_count < pages:
            for sample in samples:
                document.insert_pdf(sample)
        document.delete_pages(range(pages, document.page_count))
        document.save(target, garbage=3, deflate=True, no_new_id=True)
    return target
