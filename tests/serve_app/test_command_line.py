"""The command line: results on disk, sentences that say what to do, exit codes that scripts can use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "santa-rita-de-los-cerros.pdf"


def decalogo(*arguments: str, data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    program = "from serve_app.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={
            **os.environ,
            "DECALOGO_DATA_DIR": str(data_dir),
            "DECALOGO_HTTP_PORT": "1",
            "COLUMNS": "80",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_plan_is_evaluated_without_the_service(tmp_path: Path) -> None:
    """`evaluate` writes the three artifacts and prints a score for each point."""
    ran = decalogo("evaluate", str(SAMPLE), "--out", str(tmp_path / "out"), data_dir=tmp_path)

    assert ran.returncode == 0, ran.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "coverage_report.json",
        "evaluation_results.json",
        "evidence_registry.json",
    ]
    result = json.loads((tmp_path / "out" / "evaluation_results.json").read_text("utf-8"))
    assert len(result["answers"]) == 300
    assert "P10" in ran.stdout
    assert result["deterministic_hash"] in ran.stdout.replace("\n", "")


def test_two_plans_stand_side_by_side(tmp_path: Path) -> None:
    """`compare` shows both scores and their difference, and which criteria only one plan meets, with the page."""
    richer = ROOT / "examples" / "villa-esperanza-del-yari.pdf"
    shown = decalogo("compare", str(SAMPLE), str(richer), data_dir=tmp_path)
    told = decalogo("compare", str(SAMPLE), str(richer), "--json", data_dir=tmp_path)

    assert shown.returncode == told.returncode == 0, shown.stderr + told.stderr
    data = json.loads(told.stdout)
    first, second = (plan["overall"] for plan in data["plans"])
    difference = f"{second['score'] - first['score']:+.2f}".replace(".", ",")
    (total,) = (line for line in shown.stdout.splitlines() if "Total" in line)
    assert difference in total
    gained, lost = len(data["met_only_in_second"]), len(data["met_only_in_first"])
    assert gained - lost == second["criteria_met"] - first["criteria_met"]
    assert f"Solo en {richer.name}: {gained} criterios" in shown.stdout
    assert data["met_only_in_second"][0] in shown.stdout
    assert "(página " in shown.stdout


def test_one_plan_alone_is_not_compared(tmp_path: Path) -> None:
    """Wrong use, said in a sentence."""
    ran = decalogo("compare", str(SAMPLE), data_dir=tmp_path)
    assert ran.returncode == 2
    assert "dos planes" in ran.stderr


def test_a_file_that_is_no_pdf_is_refused_with_its_code(tmp_path: Path) -> None:
    """The sentence is Spanish, the code is the one of the table, the exit code is 5; nothing is written."""
    ran = decalogo("evaluate", str(ROOT / "Makefile"), "--out", str(tmp_path / "out"), data_dir=tmp_path)

    assert ran.returncode == 5
    assert "not_a_pdf" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()


def test_without_a_service_the_way_to_start_it_is_named(tmp_path: Path) -> None:
    """A service that does not answer gives exit code 4 and the command that starts it."""
    ran = decalogo("jobs", "--url", "http://127.0.0.1:1", data_dir=tmp_path)

    assert ran.returncode == 4
    assert "decalogo up" in ran.stderr


def test_a_misspelt_setting_is_named(tmp_path: Path) -> None:
    """An unknown variable with the prefix ends the command with exit code 6 and its name."""
    os.environ["DECALOGO_EVALUATOR_MAX"] = "3"
    try:
        ran = decalogo("up", data_dir=tmp_path)
    finally:
        del os.environ["DECALOGO_EVALUATOR_MAX"]

    assert ran.returncode == 6
    assert "DECALOGO_EVALUATOR_MAX" in ran.stderr


def test_what_is_switched_on_and_not_installed_is_refused(tmp_path: Path) -> None:
    """`up` and `evaluate --ocr` say what is missing before they start anything; `doctor` says it too."""
    nowhere = {"PATH": str(tmp_path)}
    service = decalogo("up", "--json", data_dir=tmp_path, DECALOGO_OCR="true", **nowhere)
    encoder = decalogo("up", "--json", data_dir=tmp_path, DECALOGO_ENCODER=str(tmp_path))
    alone = decalogo("evaluate", str(SAMPLE), "--out", str(tmp_path), "--ocr", data_dir=tmp_path, **nowhere)
    looked = decalogo("doctor", "--json", data_dir=tmp_path, DECALOGO_OCR="true", **nowhere)
    off = decalogo("doctor", "--json", data_dir=tmp_path, **nowhere)

    assert (service.returncode, alone.returncode, encoder.returncode) == (6, 6, 6)
    assert "tesseract-ocr-spa" in " ".join(service.stderr.split())
    assert "tesseract-ocr-spa" in " ".join(alone.stderr.split())
    assert "codificador" in encoder.stderr
    assert not (tmp_path / "run").exists()
    states = [
        {finding["topic"]: finding["state"] for finding in json.loads(ran.stdout)} for ran in (looked, off)
    ]
    assert [state["OCR"] for state in states] == ["falta", "bien"]
