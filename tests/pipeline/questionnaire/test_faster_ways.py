"""What is done by tables and arrays for speed gives what the plain way gives."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.questionnaire.figures import number_spans
from pipeline.structure.running_lines import _with_numbers_as_marks
from pipeline.text import _TABLE, fold


@given(data=st.text("0123456789.,aZ_ ?\n-", max_size=60))
def test_numbers_are_those_of_the_pattern(data: str) -> None:
    r"""Starts and ends are those of ``\b\d[\d.,]*``."""
    raw = data.encode("ascii")
    starts, ends = number_spans(raw)

    expected = [match.span() for match in re.finditer(rb"\b\d[\d.,]*", raw)]
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == expected


@given(text=st.text("0123456789#. añ–\x1e", max_size=60))
def test_each_run_of_digits_becomes_a_mark(text: str) -> None:
    """Marks that the text has itself stay as many as they are."""
    assert _with_numbers_as_marks(text) == re.sub(r"\d+", "#", text)


@given(text=st.text(st.characters(max_codepoint=0x2100), max_size=40))
def test_a_text_folds_as_each_of_its_characters(text: str) -> None:
    """Latin-1 goes by a table of bytes, all else by the table of characters."""
    assert fold(text) == text.translate(_TABLE)


def test_the_micro_sign_folds_to_a_letter_outside_latin_1() -> None:
    """The one character that the table of bytes cannot hold."""
    assert fold("10 µg de Á") == "10 μg de a"
