"""Python and Lua agree, and the tables say what the scripts do."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from cluster import keys as keys_module
from cluster import scripts
from cluster.keys import Keys, member, split_member
from cluster.records import STATE_CODES
from cluster.result_cache import TOTALS

NAMES = ("JOB", "DOCUMENTS", "STATES", "EVENTS", "TOMBSTONE", "QUEUE")
NAMES += ("WAITING", "DELAYED", "AGGREGATION", "TOTALS", "DEAD", "JOBS", "UNFINISHED", "CALLBACKS")


def source(name: str) -> str:
    """The text of a script."""
    return (files("cluster.scripts") / f"{name}.lua").read_text("utf-8")


def test_states_have_the_same_codes_in_lua() -> None:
    """A state that is stored by a script is read back as the same state."""
    table = re.search(r"local CODE = \{(.*)\}", source("prelude"))
    assert table
    codes = {int(code): name for name, code in re.findall(r"(\w+) = (\d)", table.group(1))}
    assert codes == {code: state.value for code, state in STATE_CODES.items()}


def test_keys_are_passed_in_the_order_the_prelude_names_them() -> None:
    """A script must never take one key for another."""
    numbered = re.findall(r"local ([A-Z, ]+) = (KEYS\[.*)", source("prelude"))
    named = [name.strip() for left, _ in numbered for name in left.split(",")]
    assert tuple(named) == NAMES
    assert len(Keys().of_job("j")) == len(NAMES)
    assert Keys().of_job("j")[5] == "pdm_evaluation_queue"


@pytest.mark.parametrize("name", scripts.script_names())
def test_every_script_opens_with_the_table_of_its_keys(name: str) -> None:
    """Every key that a script names itself stands in the table at its top."""
    text = source(name)
    comment = "\n".join(line for line in text.splitlines() if line.startswith("--"))
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert text.startswith("#!lua")
    assert "Reply:" in comment
    for key in NAMES:
        if re.search(rf"\b{key}\b", code):
            assert re.search(rf"^-- \| {key}\b", comment, re.MULTILINE), key


def test_every_script_has_a_typed_call() -> None:
    """No script is left without a caller, and none is called that is not there."""
    called = {value.name for value in vars(scripts).values() if isinstance(value, scripts.Script)}
    assert called == set(scripts.script_names())


def test_every_counter_of_the_scripts_can_be_read() -> None:
    """A total that is counted and never shown would be for nothing."""
    text = "".join(source(name) for name in (*scripts.script_names(), "prelude"))
    counted = {
        name for call in re.findall(r"count\((.*)\)", text) for name in re.findall(r"'([a-z_]+[a-z])'", call)
    }
    assert counted <= set(TOTALS)


def test_every_key_stands_in_the_table() -> None:
    """The table at the top of the module is complete, and tells which keys have no TTL."""
    keys, table = Keys(), keys_module.__doc__ or ""
    patterns = [*keys.of_job("{id}"), keys.idempotency("{sha256}"), keys.result("{result_key}")]
    patterns += [f"{keys.limit_prefix}:…", keys.identity]
    rows = {row.split("|")[1].strip(): row for row in table.splitlines() if row.startswith("| pdm")}
    assert set(rows) == set(patterns)
    assert {key for key, row in rows.items() if row.split("|")[3].strip() == "none"} == keys.without_ttl


def test_members_of_sorted_sets_can_be_taken_apart() -> None:
    """Job and document come back out of the name that went in."""
    assert split_member(member("job", "d0001")) == ("job", "d0001")
