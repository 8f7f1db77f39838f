"""The project's own files agree with each other."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def test_changelog_has_an_entry_for_the_version() -> None:
    """The version of the package is the newest one that the changelog describes."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert newest is not None
    assert newest.group(1) == version


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_pin_with_hashes_and_name_no_address(name: str) -> None:
    """Every pinned package of a lock file has a hash, and no address of any index stands in it."""
    text = (ROOT / name).read_text("utf-8")
    entries = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)

    assert len(entries) > 50
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


def test_the_developers_lock_contains_the_runtime_lock() -> None:
    """Tests run on the same versions that users get."""
    pins = {name: _pins(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock")}

    assert pins["requirements.lock"] <= pins["requirements-dev.lock"]


def test_modules_of_tests_have_names_of_their_own() -> None:
    """No two modules of tests share a name: pytest imports them by it and would refuse the second one."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")

    assert len(names) > 100
    assert [name for name, count in names.items() if count > 1] == []


def _pins(path: Path) -> set[tuple[str, str]]:
    return set(
        re.findall(r"^([a-z0-9][a-z0-9._-]*(?:\[[^\]]*\])?)==(\S+)", path.read_text("utf-8"), re.MULTILINE)
    )


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A relative link in the documentation names a file that exists."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_sample_plans_are_what_their_sources_say(tmp_path: Path) -> None:
    """The committed sample PDFs have the bytes that their sources give."""
    from examples.build import build

    for source in sorted((ROOT / "examples" / "plans").glob("*.toml")):
        assert build(source) == (ROOT / "examples" / f"{source.stem}.pdf").read_bytes(), source.stem
