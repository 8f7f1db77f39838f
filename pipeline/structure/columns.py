"""Heads of tables: which column holds what."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pipeline.model import ColumnRole

if TYPE_CHECKING:
    from collections.abc import Sequence

_YEAR = re.compile(r"\b(19[89]\d|20[0-6]\d)\b")
_ROLES: tuple[tuple[ColumnRole, re.Pattern[str]], ...] = (
    # Who benefits is no objective of the plan, though the head says "objetivo".
    (ColumnRole.OTHER, re.compile(r"poblacion objetivo|beneficiari")),
    (
        ColumnRole.BASELINE,
        re.compile(
            r"linea(?:s)? (?:de )?base|\bl\.? ?b\b|\blb\b|situacion actual|estado actual"
            r"|valor actual|base 20\d\d"
        ),
    ),
    # "No." and "Ítem" number the rows: no code of a product or an indicator.
    (ColumnRole.CODE, re.compile(r"\bcodigos?\b|\bcod\b")),
    (ColumnRole.RESPONSIBLE, re.compile(r"responsables?|dependencia|entidad|ejecutor|lider\b|secretaria")),
    (ColumnRole.UNIT, re.compile(r"unidad(?:es)? (?:de )?medida|\bunidad\b|\bu\.? ?m\b|medida")),
    (ColumnRole.INDICATOR, re.compile(r"indicador(?:es)?|formula")),
    (
        ColumnRole.BUDGET,
        re.compile(
            r"presupuesto|inversion|costos?\b|valor(?:es)?\b|\bsgp\b|\bsgr\b|regalias|recursos"
            r"|cofinanc|propios|credito|\bmonto\b|total|participaciones|apropiacion|ingresos|gastos"
            r"|financiacion \d|otros?$|nacion$|departamento$|\bicld\b|fosyga"
        ),
    ),
    (ColumnRole.SOURCE, re.compile(r"fuentes?\b|financiacion|financiamiento|verificacion")),
    (
        ColumnRole.SECTOR,
        re.compile(r"\bsector(?:es)?\b|\bdimension(?:es)?\b|\bejes?\b|linea estrategica|componente|\barea\b"),
    ),
    (ColumnRole.TARGET, re.compile(r"\bmetas?\b|esperad[oa]|valor a alcanzar|a 20\d\d|cuatri?enio")),
    (ColumnRole.PROGRAMME, re.compile(r"programas?\b|subprogramas?\b")),
    (ColumnRole.PROJECT, re.compile(r"proyectos?\b|actividad(?:es)?\b|accion(?:es)?\b|estrategias?\b")),
    (ColumnRole.OBJECTIVE, re.compile(r"objetivos?\b")),
    (ColumnRole.PRODUCT, re.compile(r"productos?\b|bien o servicio")),
    (ColumnRole.RESULT, re.compile(r"resultados?\b")),
)
_TARGET_BEFORE = re.compile(r"metas?\b.*indicador|metas? (?:de|del)? ?(?:producto|resultado|impacto|gestion)")


class Column(NamedTuple):
    """A column: its head as printed, what it holds, and the year its head names."""

    head: str
    role: ColumnRole
    year: int | None


def column_of(head: str, *, folded: str) -> Column:
    """Read the head of a column. A head that says nothing known gives ``ColumnRole.OTHER``."""
    years = _YEAR.findall(folded)
    year = int(years[0]) if years else None
    bare = folded.strip(" .:-%$()")
    if year is not None and bare in {str(year), f"ano {year}", f"vigencia {year}"}:
        return Column(head, ColumnRole.YEAR, year)
    role = ColumnRole.TARGET if _TARGET_BEFORE.match(bare) else _role_of(bare)
    if role is ColumnRole.TARGET and years:
        year = int(years[-1])  # "META 2012-2015" is due in 2015
    return Column(head, role, year)


@lru_cache(maxsize=1024)
def _role_of(bare: str) -> ColumnRole:
    """What a head means; heads are few and come again with every table."""
    return next((role for role, pattern in _ROLES if pattern.search(bare)), ColumnRole.OTHER)


def with_targets(columns: tuple[Column, ...], *, folded: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a head, where ``TOTAL CUATRIENIO`` beside a baseline is what is to be reached, not money."""
    if all(column.role is not ColumnRole.BASELINE for column in columns):
        return columns
    return tuple(
        column._replace(role=ColumnRole.TARGET) if _WHOLE_TERM.fullmatch(head) else column
        for column, head in zip(columns, folded, strict=True)
    )


_WHOLE_TERM = re.compile(r"total (?:del )?cuatri?enio")
_THOUSANDS = re.compile(
    r"(?:en |valores en |cifras en |expresad[oa]s? en )?miles(?: de (?:pesos|\$|millones))?\b"
    r"|\(miles\)|\$ ?000\b"
)
_MILLIONS = re.compile(
    r"(?:en |valores en |cifras en |expresad[oa]s? en |\()millones|millones de (?:pesos|\$)"
    r"|\bmill(?:ones)?\.? ?\$?\)"
)


def money_factor(folded: str) -> int:
    """What amounts under a title or head are multiplied with: 1, 1,000 or 1,000,000."""
    if "miles de millones" in folded:
        return 1_000_000_000
    if "mill" in folded and _MILLIONS.search(folded):
        return 1_000_000
    if "miles" in folded and _THOUSANDS.search(folded):
        return 1_000
    return 1
