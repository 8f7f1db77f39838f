"""Figures in Spanish text: what they are worth, what they are, and what is no figure."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.spanish_numbers import find_numbers, parse_amount
from pipeline.text import fold

FOUND = [
    ("una inversión de $1.234.567,89", "money", "1234567.89"),
    ("$ 2.500 millones", "money", "2500000000"),
    ("2.000 millones de pesos", "money", "2000000000"),
    ("$1'234.567", "money", "1234567"),
    ("3 mil millones de pesos", "money", "3000000000"),
    ("5 millones de habitantes", "number", "5000000"),
    ("300 mil viviendas", "number", "300000"),
    ("el 45,3 % de la población", "percent", "45.3"),
    ("treinta y cinco por ciento", "percent", "35"),
    ("12,5 por cada 100.000 habitantes", "rate", "12.5"),
    ("tasa de 49,4/100000", "rate", "49.4"),
    ("1 de cada 4 niños", "rate", "1"),
    ("dos de cada 10 niños", "rate", "2"),
    ("dos de cada diez niños", "rate", "2"),
    ("vigencia 2013", "year", "2013"),
    ("a 2015", "year", "2015"),
    ("apoyar a 2000 adultos mayores", "number", "2000"),
    ("Meta: 4 proyectos", "number", "4"),
    ("línea base 12", "number", "12"),
    ("3.400 hectáreas", "number", "3400"),
    ("índice de 3.4", "number", "3.4"),
    ("dos mil quinientos niños", "number", "2500"),
    ("capacitar dos (2) grupos", "number", "2"),
]


@pytest.mark.parametrize(("text", "kind", "value"), FOUND)
def test_a_figure_has_its_value_and_kind(text: str, kind: str, value: str) -> None:
    """Each way of writing a figure in a plan gives one match with its exact value."""
    matches = find_numbers(fold(text))
    assert [(match.kind, match.value) for match in matches] == [(kind, Decimal(value))]


@pytest.mark.parametrize(
    ("text", "kind", "low", "high"),
    [
        ("2012-2015", "period", 2012, 2015),
        ("2012 – 2015", "period", 2012, 2015),
        ("entre 12 y 18 años", "range", 12, 18),
        ("de 6 a 12 años", "range", 6, 12),
    ],
)
def test_two_ends_are_one_match(text: str, kind: str, low: int, high: int) -> None:
    """A period or range is one match with both of its ends."""
    (match,) = find_numbers(fold(text))
    assert (match.kind, match.value, match.upper) == (kind, low, high)


@pytest.mark.parametrize(
    "text",
    [
        "según el artículo 5",
        "Ley 152",
        "NIT. 800051167-1",
        "teléfono 7212345",
        "1. Fortalecer los programas",
        "1.6.11 Salud pública",
        "PROGRAMA 1.6: SALUD",
        "COVID-19",
        "el 31 de mayo",
        "la 5ª sesión",
        "Tabla No. 19",
    ],
)
def test_what_counts_nothing_is_no_figure(text: str) -> None:
    """Numbers of articles, laws, lists, sections, days, telephones and tax numbers are left out."""
    assert find_numbers(fold(text)) == ()


@given(st.integers(0, 10**12), st.integers(0, 99), st.booleans())
def test_a_written_amount_is_read_back(whole: int, cents: int, with_cents: bool) -> None:  # noqa: FBT001
    """Formatted with dots and a decimal comma, an amount is read back exactly."""
    text = f"{whole:,}".replace(",", ".")
    value = Decimal(whole)
    if with_cents:
        text = f"{text},{cents:02d}"
        value = Decimal(f"{whole}.{cents:02d}")
    assert parse_amount(text) == value


@given(st.decimals(0, 100, places=2))
def test_a_written_percentage_is_read_back(value: Decimal) -> None:
    """A percentage with a decimal comma is found with its value wherever it stands in a sentence."""
    (match,) = find_numbers(f"alcanzar el {str(value).replace('.', ',')} % de cobertura")
    assert (match.kind, match.value) == ("percent", value)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.,'$%() -abmil", max_size=60))
def test_matches_are_ordered_apart_and_inside_the_text(text: str) -> None:
    """Whatever the text, matches come in order, do not overlap and lie inside it."""
    end = 0
    for match in find_numbers(text):
        assert end <= match.start < match.end <= len(text)
        end = match.end


def test_a_peso_sign_belongs_to_the_figure_after_it() -> None:
    """Two amounts written without a space between them are two, and do not share the sign."""
    thousand, pesos = find_numbers("20 mil$27")
    assert (thousand.start, thousand.end, thousand.value) == (0, 6, 20_000)
    assert (pesos.start, pesos.end, pesos.value, pesos.kind) == (6, 9, 27, "money")
