"""Agreement of the evaluation with plans that were read and labelled criterion by criterion.

    python -m benchmarks.accuracy [--out DIR]

Needs the labelled plans (folder ``shared/gold`` beside the checkout); says so and ends where they are absent.
The figures are computed by the labelled plans' own ``score.py``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.plans import SHARED, the_24_plans
from pipeline.artifacts import artifacts
from pipeline.evaluation import Engine, evaluate
from pipeline.extraction import ExtractionWorker
from pipeline.model import EvaluationOptions

GOLD = SHARED / "gold"
FIGURES = (
    "criterion_kappa",
    "precision",
    "recall",
    "criterion_f1",
    "question_qwk",
    "point_mae",
    "evidence_hits",
)


def labelled_plans(work: Path) -> dict[str, Path]:
    """Name and PDF of each labelled plan."""
    the_24_plans(work / "plans")
    pdfs = {"timbiqui": SHARED / "plans" / "timbiqui_2012-2015.pdf"}
    for folder in sorted(GOLD.iterdir()):
        if (folder / "labels_A.tsv").is_file() and folder.name not in pdfs:
            pdfs[folder.name] = work / "plans" / f"{folder.name}.pdf"
    return dict(sorted(pdfs.items()))


def score(result: Path, *, plan: str, labels: str) -> dict[str, float]:
    """Run the labelled plans' own comparison."""
    command = [sys.executable, GOLD / "score.py", result, GOLD / plan, "--labels", labels, "--json"]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    """Evaluate each labelled plan and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("var/accuracy"))
    options = parser.parse_args()
    if not GOLD.is_dir():
        sys.exit("no labelled plans here: this benchmark needs the folder shared/gold beside the checkout")
    options.out.mkdir(parents=True, exist_ok=True)
    engine = Engine.load(threads=1)
    print(f"{'plan':14} {'labels':6} " + " ".join(f"{name:>15}" for name in FIGURES))
    with ExtractionWorker() as worker:
        for plan, pdf in labelled_plans(options.out).items():
            evaluation = evaluate(
                worker.extract(pdf.read_bytes()), options=EvaluationOptions(), engine=engine
            )
            result = options.out / f"{plan}.json"
            result.write_bytes(artifacts(evaluation)["evaluation_results.json"])
            for labels in sorted((GOLD / plan).glob("labels_*.tsv")):
                figures = score(result, plan=plan, labels=labels.name)
                row = " ".join(f"{figures.get(name, float('nan')):15.3f}" for name in FIGURES)
                print(f"{plan:14} {labels.stem[-1]:6} {row}", flush=True)


if __name__ == "__main__":
    main()
