"""Coverage-guided fuzzing of every parser that reads what strangers send, each in a process of its own.

    python tests/fuzz/fuzz.py [--seconds 60] [target …]

Exit code 1 when a target found something; the input that shows it is then in ``var/fuzz/<target>/``.
What is promised of each target stands in ``targets.py``.
"""

# ruff: noqa: ISC004, T201

from __future__ import annotations

import argparse
import struct
import subprocess
import sys
from pathlib import Path

SEEDS: dict[str, tuple[bytes, ...]] = {
    "multipart": (
        b'\x05\x20|--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n%PDF-\r\n'
        b'--x\r\nContent-Disposition: form-data; name="year"\r\n\r\n2024\r\n--x--\r\n',
    ),
    "content_type": (b'multipart/form-data; boundary="x"; charset=utf-8',),
    "metadata": (b'{"municipality": "A", "department": "B", "year": 2024, "period": "2024-2027"}',),
    "file_name": ("../plan de «acción».pdf".encode(), b"C:\\x\\y.pdf"),
    "answer": (
        b'{"kind":"pages","pages":[{"number":1,"width":595,"height":842,"texts":["una"],"sizes":[9],"bold":[false],'
        b'"tables":[],"image_share":0}]}\n' + struct.pack("<6f", 0, 0, 5, 1, 0, 5),
        b'{"kind":"document","title":"","pages":1,"warnings":[]}',
    ),
    "numbers": (b"12,5 por cada 100.000; $ 1.234.567 millones; tres mil veinte; 20 %; 2024-2027",),
    "amount": (b"$ 1.234.567,89", b"-"),
    "plan_text": (
        "Artículo 1. Meta\nIndicador Línea base Meta 2027\nVíctimas 10 20\nporque la guerra causa $ 1.000".encode(),
    ),
}
ROOT = Path(__file__).resolve().parents[2]
SLOWEST_INPUT_SECONDS = 20


def main() -> int:
    """Fuzz the targets one after another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", nargs="*", choices=[*SEEDS, []], default=[])
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    found = [name for name in options.target or SEEDS if _fuzz(name, seconds=options.seconds)]
    print(f"findings: {', '.join(found) or 'none'}")
    return int(bool(found))


def _fuzz(name: str, *, seconds: int) -> bool:
    folder = ROOT / "var" / "fuzz" / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [
        f"-max_total_time={seconds}",
        f"-timeout={SLOWEST_INPUT_SECONDS}",
        "-rss_limit_mb=3000",
        "-max_len=4096",
    ]
    print(f"{name}: {seconds} s", flush=True)
    ended = subprocess.run(
        [sys.executable, __file__, "--one", name, *limits, f"-artifact_prefix={folder}/", str(corpus)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    said = ended.stderr.splitlines()
    runs = next((line for line in reversed(said) if line.startswith("Done ")), "")
    print(
        "\n".join([f"  {runs}"] if ended.returncode == 0 else [*ended.stdout.splitlines(), *said[-40:]]),
        flush=True,
    )
    return ended.returncode != 0


def _fuzz_here(name: str, arguments: list[str]) -> None:
    import atheris

    # Only our own code and the multipart parser are watched: instrumenting everything takes minutes.
    with atheris.instrument_imports(include=["pipeline", "serve_app", "cluster", "python_multipart"]):
        import targets

    atheris.Setup([sys.argv[0], *arguments], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _fuzz_here(sys.argv[2], sys.argv[3:])
    else:
        raise SystemExit(main())
