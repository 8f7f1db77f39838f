"""The passages that were read one by one are what their description says, and none is of a plan that is held out."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.accuracy import HELD_OUT
from pipeline.questionnaire import passage_reader
from pipeline.questionnaire.rules import load_rules

READINGS = Path(__file__).resolve().parents[1] / "benchmarks" / "readings"
ROW = re.compile(r"[0-9a-f]{12}\t((P([1-9]|10)\+)*P([1-9]|10):([1-6]{2}[a-d],)*([1-6]{2}[a-d])?(;|$))*")


def test_every_row_can_be_read() -> None:
    """A hash, then points with the criteria that the passage shows for them."""
    rows = {path.stem: path.read_text("ascii").splitlines() for path in READINGS.glob("*.tsv")}
    assert [(name, row) for name, lines in rows.items() for row in lines if not ROW.fullmatch(row)] == []
    codes = {
        code for lines in rows.values() for row in lines for code in re.findall(r"[1-6]{2}[a-d]", row[13:])
    }
    assert {f"D{code[0]}-Q{code[1]}-{code[2]}" for code in codes} <= set(load_rules())
    assert f"{sum(map(len, rows.values())):,} passages" in (READINGS / "README.md").read_text("utf-8")


def test_nothing_is_learned_from_plans_that_are_held_out() -> None:
    """What is said of plans that are new to the evaluator is worth something only as long as this holds."""
    read = {path.stem for path in READINGS.glob("*.tsv")}
    assert not read & set(HELD_OUT)
    for name in (passage_reader.FILE, "reading.toml"):
        head = Path(passage_reader.__file__).with_name(name).read_text("utf-8").splitlines()[1]
        assert set(head.partition(": ")[2].rstrip(".").split(", ")) == read
