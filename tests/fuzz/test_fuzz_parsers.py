"""Every parser of strangers' input on input that Hypothesis makes up; what each promises stands in ``targets``."""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
import targets
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from serve_app.multipart import Field, FileData, FileEnd, FilePart

settings.register_profile(
    "fuzz", max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
FUZZ = settings.get_profile("fuzz")
FEW = settings(FUZZ, max_examples=25)

WORDS = st.sampled_from(
    ["--x", "--x--", "\r\n", "Content-Disposition: form-data", '; name="files"', '; filename="a.pdf"',
     "; filename*=UTF-8''%e2%80%ae", "Content-Type: application/pdf", ": ", "\0", "%PDF-", '"', "\\", "=", "ñ"]
)  # fmt: skip
BODIES = st.lists(WORDS | st.text(max_size=8), max_size=24).map(lambda words: "".join(words).encode())
FIGURES = st.lists(
    st.sampled_from(
        ["1", "0", "2024", ".", ",", "'", "$", "%", " ", "-", "mil", "millones", "de pesos", "por cada", "de cada",
         "veinti", "uno", "ciento", "²", "٣", "½", "x", "(", ")", "000", "\u200b", "n°", "\n"]
    ),
    max_size=24,
).map("".join)  # fmt: skip
PLAN_LINES = st.lists(
    st.sampled_from(
        ["Artículo", "PROGRAMA", "Indicador", "Línea base", "Meta", "2027", "10 %", "$ 1.000.000", "porque", "genera",
         "víctimas", "Secretaría de Gobierno", "•", "1.1.", "-", ";", "....", "²", "\u00ad", "a\u0301", "١٢", "ﬁn",
         "municipio de", "Fuente:", "Tabla 1.", "no", "𝟏𝟐", "\n", "\n", "\n"]
    ),
    max_size=60,
).map(" ".join)  # fmt: skip


@FUZZ
@given(body=BODIES | st.binary(max_size=200), cuts=st.binary(max_size=6))
def test_any_body_is_parts_or_a_refusal_however_it_is_cut(body: bytes, cuts: bytes) -> None:
    """Header garbage, missing ends, foreign boundaries: parts in their order or a 4xx, the same in any pieces."""
    targets.multipart(cuts.replace(b"|", b"") + b"|" + body)


BOUNDARIES = st.text("abcXYZ019'()+_,-./:=?", min_size=1, max_size=70)


@FUZZ
@given(
    files=st.lists(st.tuples(st.text("abc .pdf", max_size=12), st.binary(max_size=300)), max_size=4),
    fields=st.lists(st.tuples(st.text("abc_", min_size=1, max_size=9), st.text(max_size=40)), max_size=4),
    boundary=BOUNDARIES,
    cuts=st.lists(st.integers(0, 5000), max_size=8),
)
def test_a_valid_form_arrives_whole_in_any_pieces(
    files: list[tuple[str, bytes]], fields: list[tuple[str, str]], boundary: str, cuts: list[int]
) -> None:
    """What was sent comes out, byte for byte, whatever the boundary and wherever the connection cuts."""
    mark = boundary.encode()
    if any(mark in content for _, content in files) or any(boundary in value for _, value in fields):
        return
    body = b"".join(_part(mark, f'name="files"; filename="{name}"', content) for name, content in files)
    body += b"".join(
        _part(mark, f'name="{name}"', value.encode("utf-8", "replace")) for name, value in fields
    )
    found = targets.joined(
        targets.parse_form(body + b"--" + mark + b"--\r\n", boundary=mark, cuts=tuple(cuts))
    )

    expected: list[Any] = []
    for name, content in files:
        shown = targets.clean_file_name(name) if name else ""
        expected += [FilePart("files", shown), *([content] if content else []), FileEnd()]
    expected += [Field(name, value.encode("utf-8", "replace").decode()) for name, value in fields]
    if not expected:
        assert found == [] or isinstance(found, str)
    else:
        assert found == expected
    assert not any(isinstance(part, FileData) for part in found)


def _part(mark: bytes, disposition: str, content: bytes) -> bytes:
    return b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (mark, disposition.encode(), content)


@FUZZ
@given(header=st.text(max_size=80) | st.text(max_size=60).map("multipart/form-data; boundary={}".format))
def test_any_content_type_has_a_boundary_or_is_refused(header: str) -> None:
    """Never an empty or endless boundary, never another error."""
    targets.content_type(header.encode("latin-1", "replace"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted(targets.BatchMetadata.model_fields)) | st.text(max_size=8)
VALID = {"municipality": "A", "department": "B", "year": 2024, "period": "2024-2027"}


@FUZZ
@example({"requester_email": "a\u202e@b.co"})
@example({"year": 10**400})
@example({"municipality": "\ud800"})
@given(changed=st.dictionaries(NAMES, JSON, max_size=5))
def test_any_fields_are_a_clean_form_or_a_refusal(changed: dict[str, Any]) -> None:
    """Wrong types, control characters, unknown names: refused by name, or cleaned."""
    targets.metadata(json.dumps({**VALID, **changed}).encode())


PATHS = st.lists(
    st.sampled_from(["..", "/", "\\", "\0", "\u202e", "a", ".pdf", " ", "e\u0301", "\u0301"])
).map("".join)


@FUZZ
@given(name=st.text(max_size=400) | PATHS)
def test_any_name_is_safe_and_stays_so(name: str) -> None:
    """No separator, no control, at most 255 characters, and cleaning it again changes nothing."""
    targets.file_name(name.encode("utf-8", "replace"))


FRAMES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["ready", "pages", "document", "image", "fault", "x"])},
    optional=dict.fromkeys(("pages", "sandbox", "title", "warnings", "code", "detail"), JSON),
).map(lambda frame: json.dumps(frame).encode())


@FUZZ
@example(b'{"kind":"document","title":"\\ud800","pages":1,"warnings":[]}')
@example(b"[" * 100_000)
@example(b'{"kind":"pages","pages":[{"number":1e400}]}')
@given(frame=st.binary(max_size=300) | FRAMES)
def test_any_frame_is_an_answer_or_a_violation(frame: bytes) -> None:
    """Nothing that a child sends raises anything else in the parent."""
    targets.answer(frame)


def test_any_page_is_possible_or_a_violation() -> None:
    """One value of an honest page after another replaced by any JSON value: a possible page or a violation."""
    cell = {"text": "una", "box": [0, 0, 50, 10], "lines": [0]}
    page = {"number": 1, "width": 595, "height": 842, "texts": ["una línea"], "sizes": [9],
            "bold": [False], "image_share": 0,
            "tables": [{"box": [0, 0, 50, 10], "rows": [[cell, None]], "ruled": True}]}  # fmt: skip

    numbers = array("f", [0, 0, 50, 10, 0, 20, 25, 50]).tobytes()

    @FUZZ
    @given(value=JSON, key=st.sampled_from([*page, *cell, "rows", "ruled"]))
    def spoil(value: object, key: str) -> None:
        frame = json.dumps({"kind": "pages", "pages": [_replaced(page, key=key, value=value)]}).encode()
        targets.answer(frame + b"\n" + numbers)

    spoil()


def _replaced(data: Any, *, key: str, value: object) -> Any:
    if isinstance(data, dict):
        return {
            name: value if name == key else _replaced(held, key=key, value=value)
            for name, held in data.items()
        }
    return [_replaced(held, key=key, value=value) for held in data] if isinstance(data, list) else data


@FUZZ
@example("²")
@example("1" * 5000)
@given(text=FIGURES | st.text(max_size=80))
def test_any_text_has_figures_in_order(text: str) -> None:
    """Exotic digits, glued signs, endless groups: finite figures inside the text, or none."""
    targets.numbers(text.encode("utf-8", "replace"))
    targets.amount(text.encode("utf-8", "replace"))


@FEW
@given(text=PLAN_LINES | st.text(max_size=300))
def test_any_lines_are_evaluated(text: str) -> None:
    """Prose, heads of tables and figures in any order go through the eleven nodes and end with 300 answers."""
    targets.plan_text(text.encode("utf-8", "replace"))


def test_coverage_guided_fuzzing_starts() -> None:
    """The documented command works: a target runs under atheris for a moment and finds nothing."""
    pytest.importorskip("atheris", reason="atheris has no wheel for this platform")
    here = Path(__file__).parent
    ended = subprocess.run(
        [sys.executable, str(here / "fuzz.py"), "--one", "file_name", "-runs=20"],
        capture_output=True, text=True, check=False, cwd=here.parents[1], timeout=250,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
