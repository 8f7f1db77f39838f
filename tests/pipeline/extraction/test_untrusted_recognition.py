"""A program that reads pictures may hang, crash, lie or be taken over: it costs one document, and gets nothing."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from extraction_samples import prose_pdf, scanned

from pipeline.errors import ExtractionFailure, LimitExceeded, NotEquipped
from pipeline.extraction import ExtractionCancelled, ExtractionWorker
from pipeline.extraction.ocr import PageReader, Tesseract
from pipeline.extraction.ocr.process import MAX_ANSWER_BYTES, ConfinedProgram
from pipeline.extraction.ocr.skew import Skew
from pipeline.extraction.ocr.words import checked_words, in_points, lines_of

HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
SHELL = "/bin/sh"
_VERSION_ONLY = 'case $1 in --version) printf "tesseract 5.3.0\\n leptonica-1.82.0\\n";;'


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged user can read, as programs are."""
    path = Path(tempfile.mkdtemp(prefix="pdm-ocr-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def _reader(folder: Path, *, script: str) -> PageReader:
    """A reader whose program is a script."""
    program = folder / "tesseract"
    program.write_text(f"#!{SHELL}\n{script}\n", "utf-8")
    program.chmod(0o755)
    return PageReader(Tesseract(program, "5.0.0 leptonica 1.0", folder, "generic"))


def _row(*, left: int = 10, width: int = 30, conf: str = "90.0", text: str = "palabra") -> str:
    return f"5\t1\t1\t1\t1\t1\t{left}\t10\t{width}\t12\t{conf}\t{text}"


LIES = {
    "nothing": "",
    "another head": "level\ttext\n",
    "no UTF-8": HEAD + "\n" + _row(text="\udcff"),
    "outside": HEAD + "\n" + _row(left=999_999),
    "negative": HEAD + "\n" + _row(left=-5),
    "not a number": HEAD + "\n" + _row(conf="nan"),
    "infinite": HEAD + "\n" + _row(conf="inf"),
    "too sure": HEAD + "\n" + _row(conf="101"),
    "columns": HEAD + "\n5\t1\t1\n",
    "a digit of another script": HEAD + "\n" + _row().replace("10", "١٠"),
    "a word too long": HEAD + "\n" + _row(text="a" * 501),
    "words without end": HEAD + "\n" + (_row() + "\n") * 20_001,
}


@pytest.mark.parametrize("lie", LIES)
def test_an_impossible_answer_is_refused(lie: str) -> None:
    """Each ends with the code of OCR and is tried once more, never used."""
    with pytest.raises(ExtractionFailure) as raised:
        checked_words(LIES[lie].encode("utf-8", "surrogateescape"), width=200, height=200)
    assert raised.value.kind.code == "ocr_failed"


def test_words_lose_what_no_reader_sees() -> None:
    """Control characters and borders go; a word that the program hardly believes, or of nothing else, is none."""
    rows = [_row(text="|salud\x07|"), _row(conf="12.5", text="mancha"), _row(text="|"), _row(text="rural,")]
    words = checked_words("\n".join([HEAD, *rows]).encode(), width=200, height=200)
    (line,) = lines_of(in_points(words, points_per_pixel=0.5), skew=Skew(0.0, 50.0, 50.0))

    assert [word[4] for word in line.words] == ["salud", "rural,"]
    assert line.box == (5.0, 5.0, 20.0, 11.0)


@pytest.mark.parametrize(
    "script",
    [
        "exit 3",
        "kill -SEGV $$",
        "echo rubbish",
        f"while :; do echo {'x' * 1000}; done",
    ],
    ids=["fails", "crashes", "rubbish", "endless"],
)
def test_a_broken_program_costs_one_document(folder: Path, script: str) -> None:
    """The document ends with a code and the worker reads the next one with the same child."""
    with ExtractionWorker(reader=_reader(folder, script=script)) as worker:
        with pytest.raises(ExtractionFailure) as raised:
            worker.extract(scanned(prose_pdf(), dpi=60))
        assert raised.value.kind.code == "ocr_failed"
        assert len(worker.extract(prose_pdf()).pages) == 1
        assert worker.restarts == 0


def test_the_time_of_the_document_holds(folder: Path) -> None:
    """A program that hangs is killed when the document's time is over, and nothing of it is left."""
    with ExtractionWorker(reader=_reader(folder, script="exec sleep 3607")) as worker:
        began = time.monotonic()
        with pytest.raises(LimitExceeded) as raised:
            worker.extract(scanned(prose_pdf(), dpi=60), wall_seconds=8)
        assert raised.value.kind.code == "timeout"
        assert time.monotonic() - began < 60
    assert not _sleeping()


def test_a_reading_can_be_cancelled(folder: Path) -> None:
    """``cancel`` from another thread ends the program at once."""
    with ExtractionWorker(reader=_reader(folder, script="exec sleep 3607")) as worker:

        def cancel_when_it_sleeps() -> None:
            while not _sleeping():
                time.sleep(0.02)
            worker.cancel()

        canceller = threading.Thread(target=cancel_when_it_sleeps)
        canceller.start()
        with pytest.raises(ExtractionCancelled):
            worker.extract(scanned(prose_pdf(), dpi=60), wall_seconds=100)
        canceller.join()
    assert not _sleeping()


def _sleeping() -> list[psutil.Process]:
    """Programs of these tests that are still there."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and "3607" in process.cmdline()
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are limits only")
def test_the_program_gets_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable but its own, no file but the system's and its data, none to write, and no process."""
    secret = Path.home() / ".bashrc"
    (folder / "data").write_text("language\n", "utf-8")
    script = f"""
        set
        read line < {folder}/data && echo "read data: $line"
        for path in /etc/passwd {__file__} {secret} /proc/self/environ; do
            read line < $path && echo "LEAKED $path"
        done
        echo x > {folder}/written && echo WRITTEN
        exit 0
    """
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "whsec_parent")
    program = ConfinedProgram(memory_bytes=2**28, cpu_seconds=5, readable=[folder])
    told = program.run(
        [SHELL, "-c", script],
        given=b"",
        environment={"OMP_THREAD_LIMIT": "1"},
        deadline=time.monotonic() + 60,
    ).decode()

    assert "OMP_THREAD_LIMIT='1'" in told
    assert "whsec_parent" not in told
    assert "read data: language" in told
    assert "LEAKED" not in told
    assert "WRITTEN" not in told
    assert not (folder / "written").exists()
    with pytest.raises(ExtractionFailure):  # no process of its own either
        program.run(
            [SHELL, "-c", "(true); exit 0"], given=b"", environment={}, deadline=time.monotonic() + 60
        )


def test_an_answer_without_end_is_cut(folder: Path) -> None:
    """Not more than the largest answer is kept in memory."""
    program = ConfinedProgram(memory_bytes=2**28, cpu_seconds=30, readable=[folder])
    command = [SHELL, "-c", f"while :; do echo {'x' * 4000}; done"]
    with pytest.raises(ExtractionFailure, match="too long"):
        program.run(command, given=b"", environment={}, deadline=time.monotonic() + 120)
    assert MAX_ANSWER_BYTES < 2**24


@pytest.mark.parametrize(
    "script",
    [
        None,
        "exit 1",
        "echo tesseract 5.3.0; echo ' leptonica-1.82.0'",
        f'{_VERSION_ONLY} *) echo "List (1):";; esac',
        f'{_VERSION_ONLY} *) echo "List of languages in \\"/usr/share\\" (1):";; esac',
    ],
    ids=["none", "broken", "no languages", "no folder", "no Spanish"],
)
def test_what_is_missing_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str | None) -> None:
    """Without the program, or without Spanish, there is one code, before any document."""
    if script is not None:
        _reader(folder, script=script)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(NotEquipped) as raised:
        Tesseract.find()
    assert raised.value.kind.code == "ocr_unavailable"
