"""The municipalities and departments of Colombia by their official codes (DIVIPOLA), for forms and their help.

``municipalities.tsv`` has the 1,122 entries of the list that DANE publishes, as DIAN hands it out for electronic
invoices (code list ``Municipio-2.1``, 2019): 1,103 municipalities, 18 areas that are none, and San Andrés.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Municipality(NamedTuple):
    """A row of the list. The first two digits of ``code`` are the department's."""

    code: str
    name: str
    department: str


@cache
def municipalities() -> tuple[Municipality, ...]:
    """All of them, by code."""
    text = (files("serve_app.web") / "municipalities.tsv").read_text("utf-8")
    return tuple(Municipality(*line.split("\t")) for line in text.splitlines()[1:])


@cache
def departments() -> tuple[str, ...]:
    """The names of the 33 departments (Bogotá counts as one), in order of the alphabet."""
    return tuple(sorted({one.department for one in municipalities()}, key=_without_accents))


@cache
def by_department() -> dict[str, list[str]]:
    """The names of the municipalities of each department, as the form asks for them."""
    found: dict[str, list[str]] = {department: [] for department in departments()}
    for one in municipalities():
        found[one.department].append(one.name)
    return {department: sorted(names, key=_without_accents) for department, names in found.items()}


def _without_accents(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
