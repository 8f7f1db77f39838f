"""The command line: results on disk, sentences that say what to do, exit codes that scripts can use."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster import embedded_redis
from cluster.identifiers import new_job_id
from cluster.settings import Settings
from cluster.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_every_command_speaks_json() -> None:
    """Whoever calls it from a program can read what it says, whatever the command."""
    from serve_app.cli import keys
    from serve_app.cli.main import app

    commands = [*app.registered_commands, *keys.app.registered_commands]

    assert len(commands) > 12
    for command in commands:
        assert command.callback
        assert "as_json" in inspect.signature(command.callback).parameters, command.callback.__name__


def test_what_is_not_running_is_said_in_json_too(tmp_path: Path) -> None:
    """`down` and `keys` on an empty folder: JSON and nothing else on the output."""
    down = decalogo("down", "--json", data_dir=tmp_path)
    listed = decalogo("keys", "list", "--json", data_dir=tmp_path)

    assert (down.returncode, json.loads(down.stdout)) == (0, {"stopped": False})
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("decalogo dead", ["dead-letters"]),
        ("decalogo results --format ", ["json", "csv", "pdf", "zip"]),
        ("decalogo jobs --state c", ["cancelled", "completed"]),
    ],
)
def test_the_shell_completes_commands_and_values(words: str, expected: list[str]) -> None:
    """What bash asks for when the tabulator is pressed."""
    ran = subprocess.run(
        [sys.executable, "-c", "from serve_app.cli.main import app; app(prog_name='decalogo')"],
        env={
            **os.environ,
            "_DECALOGO_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert sorted(ran.stdout.split()) == sorted(expected)


@pytest.mark.parametrize(
    ("terminal", "no_colour", "coloured"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_colours_are_for_terminals(
    tmp_path: Path, *, terminal: bool, no_colour: bool, coloured: bool
) -> None:
    """An error is red on a terminal, plain where the output is kept, and plain where NO_COLOR asks for that."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"}
    }
    environment |= {"DECALOGO_DATA_DIR": str(tmp_path), "TERM": "xterm-256color", "COLUMNS": "80"}
    if no_colour:
        environment["NO_COLOR"] = "1"
    command = [
        sys.executable,
        "-c",
        "from serve_app.cli.main import run; run()",
        "jobs",
        "--url",
        "http://127.0.0.1:1",
    ]
    reading, writing = pty.openpty() if terminal else os.pipe()
    ran = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=writing, stderr=writing)
    os.close(writing)
    shown = b""
    # A terminal whose other end is closed reports that as an error.
    with contextlib.suppress(OSError), os.fdopen(reading, "rb", buffering=0) as output:
        while piece := output.read(4096):
            shown += piece

    assert ran.wait(60) == 4
    assert b"decalogo up" in shown
    assert (b"\x1b[31m" in shown or b"\x1b[1;31m" in shown) == coloured


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


@pytest.fixture
def empty_redis(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that leads to a Redis that has never seen the files of this test."""
    elsewhere = Settings.load(data_dir=tmp_path / "elsewhere")
    address = embedded_redis.start(elsewhere)
    yield {"REDIS_URL": address.url, "REDIS_PASSWORD": address.password}
    embedded_redis.stop(elsewhere)


def test_an_empty_redis_is_refused_until_the_operator_wants_it(
    tmp_path: Path, empty_redis: dict[str, str]
) -> None:
    """`up` ends with 7, says what to look at, starts and removes nothing; `new-registry` asks before it gives way."""
    data_dir = tmp_path / "data"
    storage = Storage(Settings.load(data_dir=data_dir))
    job_id = new_job_id()
    with storage.begin_upload(job_id) as writer:
        writer.write(b"%PDF-1.7 plan")
        sha256 = writer.commit().sha256
    storage.keep_registry("0123456789abcdef")
    chosen = {"DECALOGO_ALLOW_ANONYMOUS": "true", "DECALOGO_HTTP_PORT": "0", "DECALOGO_DASHBOARD_PORT": "0"}

    ran = decalogo("up", data_dir=data_dir, **empty_redis, **chosen)
    looked = decalogo("doctor", "--json", data_dir=data_dir, **empty_redis, **chosen)
    hesitated = decalogo("new-registry", data_dir=data_dir)

    assert ran.returncode == 7, ran.stderr
    assert "registry_mismatch" in ran.stderr
    assert "REDIS_URL" in ran.stderr
    assert "decalogo new-registry" in ran.stderr
    found = {finding["topic"]: finding["state"] for finding in json.loads(looked.stdout)}
    assert found["Registro"] == "falta"
    assert hesitated.returncode == 1
    assert "1 trabajos" in hesitated.stderr
    assert storage.registry() == "0123456789abcdef"
    assert storage.has_upload(job_id, sha256)
    assert not (data_dir / "run" / "keeper.json").exists()

    sure = decalogo("new-registry", "--yes", "--json", data_dir=data_dir)
    assert json.loads(sure.stdout) == {"released": True, "stored_jobs": 1}
    assert storage.has_upload(job_id, sha256)
    looked = decalogo("doctor", "--json", data_dir=data_dir, **empty_redis, **chosen)
    found = {finding["topic"]: finding["state"] for finding in json.loads(looked.stdout)}
    assert found["Registro"] == "bien"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root may write to")
@pytest.mark.parametrize("arguments", [("up",), ("up", "--foreground"), ("keys", "create", "oficina")])
def test_a_folder_that_cannot_be_written_is_named(arguments: tuple[str, ...]) -> None:
    """One sentence with the path and what to choose, exit code 6, no traceback."""
    ran = decalogo(*arguments, data_dir=Path("/sys/decalogo"), DECALOGO_ALLOW_ANONYMOUS="true")
    assert ran.returncode == 6
    assert "Traceback" not in ran.stderr
    assert "/sys/decalogo" in ran.stderr
    assert "DECALOGO_DATA_DIR" in ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root may write to")
def test_doctor_tells_a_folder_that_cannot_be_written_from_a_full_disk() -> None:
    """Freeing space would not help there."""
    ran = decalogo("doctor", "--json", data_dir=Path("/sys/decalogo"), DECALOGO_ALLOW_ANONYMOUS="true")
    (disk,) = [found for found in json.loads(ran.stdout) if found["topic"] == "Disco"]
    assert disk["state"] == "falta"
    assert "no se puede escribir en /sys" in disk["sentence"]
    assert "libere espacio" not in disk["sentence"]


@pytest.mark.parametrize("command", ["up", "doctor"])
def test_a_storage_that_nothing_understands_is_named(tmp_path: Path, command: str) -> None:
    """The setting and what is wrong with it; `doctor` goes on with the rest."""
    ran = decalogo(command, data_dir=tmp_path, DECALOGO_STORAGE_URL="foo://x")
    said = ran.stderr + ran.stdout
    assert ran.returncode == {"up": 6, "doctor": 1}[command]
    assert "Traceback" not in said
    assert "DECALOGO_STORAGE_URL" in said
    assert "foo" in said


def test_a_storage_whose_library_is_missing_names_what_to_install(tmp_path: Path) -> None:
    """S3 is an extra of the package."""
    (tmp_path / "s3fs.py").write_text("raise ImportError('not here')\n", "utf-8")
    ran = decalogo("up", data_dir=tmp_path, DECALOGO_STORAGE_URL="s3://bucket/x", PYTHONPATH=str(tmp_path))
    assert ran.returncode == 6
    assert "Traceback" not in ran.stderr
    assert "decalogo[s3]" in ran.stderr
