"""Typeset the fictional sample plans: ``plans/*.toml`` become ``*.pdf`` beside this file.

    python examples/build.py

The same sources give the same bytes. A source lists blocks in reading order: ``heading`` (with ``level``),
``text``, ``list`` and ``table`` (``caption``, ``widths``, ``head``, ``rows``).
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import typst

HERE = Path(__file__).parent


def blocks(source: dict[str, object]) -> list[dict[str, object]]:
    """Read the compact notation of a source file into blocks for the template."""
    found: list[dict[str, object]] = []
    for section in source["section"]:  # type: ignore[union-attr]
        found.append({"kind": "heading", "level": section["level"], "text": section["title"]})
        found += [{"kind": "text", "text": paragraph} for paragraph in section.get("text", [])]
        if "items" in section:
            found.append({"kind": "list", "items": section["items"]})
        found += [{"kind": "table", **table} for table in section.get("table", [])]
        found += [{"kind": "text", "text": paragraph} for paragraph in section.get("after", [])]
    return found


def build(path: Path) -> bytes:
    """Typeset one source file.

    Args:
        path: a TOML file as described above.

    Returns:
        The bytes of the PDF.
    """
    return typeset(tomllib.loads(path.read_text("utf-8")))


def typeset(source: dict[str, object]) -> bytes:
    """Typeset a source that has been read. Returns the bytes of the PDF."""
    plan = {key: source[key] for key in ("title", "municipality", "department", "motto", "adoption")}
    plan["blocks"] = blocks(source)
    return typst.compile(str(HERE / "plan.typ"), sys_inputs={"plan": json.dumps(plan)}, timestamp=0)


def main() -> None:
    """Build every sample."""
    for path in sorted((HERE / "plans").glob("*.toml")):
        target = HERE / f"{path.stem}.pdf"
        target.write_bytes(build(path))
        print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
