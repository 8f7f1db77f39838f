"""Amounts of pesos: exact values, what is no amount, source, year and programme."""

from __future__ import annotations

import pytest
from findings_builders import cell, plan, profile, quoted, row
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.findings.money import MAX_PESOS, pesos
from pipeline.model import Amount, ColumnRole
from pipeline.nodes.monetary_detection import monetary_detection


def _found(*parts: object, **options: object) -> tuple[Amount, ...]:
    return monetary_detection(plan(*parts, **options), profile=profile())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("La inversión asciende a $1.234.567.890.", 1_234_567_890),
        ("La inversión asciende a $ 2.500 millones en el cuatrienio.", 2_500_000_000),
        ("Se apropiaron 1.200 millones de pesos.", 1_200_000_000),
        ("Existe un déficit de $7 mil millones.", 7_000_000_000),
        ("El convenio por $16´250.000 se firmó.", 16_250_000),
        ("Saldo de $95.451.749,50 en caja.", 95_451_750),
        ("Recursos por 27.125,19 millones.", 27_125_190_000),
        ("Un subsidio de 100.000 pesos mensuales.", 100_000),
        ("El crédito es de $2,500,000,000 del Banco Agrario.", 2_500_000_000),
        ("Un costo de $4.5 millones.", 4_500_000),
    ],
)
def test_reads_the_amount_exactly(sentence: str, expected: int) -> None:
    """Dots, commas, apostrophes and words of magnitude give the exact pesos."""
    assert [amount.pesos for amount in _found(sentence)] == [expected]


@pytest.mark.parametrize(
    "sentence",
    [
        "Se ejecutó el $75.92% del presupuesto.",
        "Crédito por US$ 4.050.000 del BID.",
        "Cooperación de 3 millones de dólares, recursos externos.",
        "Multa de 20 SMMLV al infractor.",
        "Incorporar 7,7 millones de nuevos habitantes con recursos propios.",
        "Columna $ 2012 movida por la diagramación.",
        "El municipio tiene 423.217 habitantes.",
        "Ley 1448 de 2011 y Decreto 4800.",
    ],
)
def test_does_not_take_other_figures_for_pesos(sentence: str) -> None:
    """Percentages, dollars, minimum wages, people and years are no amounts."""
    assert _found(sentence) == ()


def test_the_first_of_two_linked_amounts_counts_in_the_unit_of_the_second() -> None:
    """In "de $7.237 a $6.685 millones" both are millions."""
    found = _found("Los gastos pasaron de $7.237 a $6.685 millones.")
    assert [amount.pesos for amount in found] == [7_237_000_000, 6_685_000_000]


def test_names_the_source_and_year_that_stand_with_the_amount() -> None:
    """The nearest source and the year said with the amount, not those of the next amount."""
    found = _found(
        "Para la vigencia 2013 se asignan $300 millones del SGP y $200 millones de regalías en 2014."
    )
    assert [(amount.source, amount.year) for amount in found] == [("SGP", 2013), ("regalias", 2014)]


def test_a_row_of_years_is_no_year_of_one_amount() -> None:
    """The head "2012 2013 2014 2015" before an amount does not date it."""
    assert _found("Vigencias 2012 2013 2014 2015 total $ 500.000.000")[0].year is None


def test_the_programme_is_the_innermost_heading_that_names_one() -> None:
    """The programme's heading, not the chapter's."""
    headings = ("Capítulo 2", "Programa: Mujeres con derechos", "Objetivo")
    assert _found("Costo: $ 80.000.000", headings=headings)[0].programme == "Programa: Mujeres con derechos"


def test_cells_of_a_table_in_thousands_are_multiplied() -> None:
    """Year columns of a table "miles de pesos" give pesos, with the column's year and the row's source."""
    table = row(
        cell(ColumnRole.PROGRAMME, "Atención a víctimas"),
        cell(ColumnRole.SOURCE, "Recursos propios"),
        cell(ColumnRole.YEAR, "1.500", year=2012, head="2012"),
        cell(ColumnRole.YEAR, "2.000", year=2013, head="2013"),
        factor=1000,
    )
    found = _found(table)
    assert [(a.pesos, a.year, a.source, a.programme) for a in found] == [
        (1_500_000, 2012, "recursos_propios", "Atención a víctimas"),
        (2_000_000, 2013, "recursos_propios", "Atención a víctimas"),
    ]


def test_a_table_of_people_holds_no_money() -> None:
    """Years and a total of pupils are no amounts, even under a head TOTAL."""
    table = row(
        cell(ColumnRole.OTHER, "Universidad Surcolombiana"),
        cell(ColumnRole.YEAR, "1.271", year=2012),
        cell(ColumnRole.BUDGET, "2.030", head="TOTAL"),
        title="Estudiantes matriculados",
    )
    assert _found(table) == ()


def test_an_investment_plan_without_a_unit_counts_in_what_its_figures_allow() -> None:
    """A sector with 1.055 in the investment plan invests 1,055 million, not 1,055 pesos."""
    table = row(
        cell(ColumnRole.SECTOR, "Atención a víctimas"),
        cell(ColumnRole.YEAR, "1.055,0", year=2012),
        cell(ColumnRole.YEAR, "714,0", year=2013),
        cell(ColumnRole.BUDGET, "1.769", head="TOTAL"),
    )
    found = _found(table, section=2)
    assert [amount.pesos for amount in found] == [1_055_000_000, 714_000_000, 1_769_000_000]


def test_no_characters_are_read_twice() -> None:
    """A cell with a sign is one amount, not one of the row and one of the text."""
    table = row(cell(ColumnRole.PROJECT, "Vivienda"), cell(ColumnRole.BUDGET, "$ 80.000.000", head="COSTO"))
    segmentation = plan(table)
    found = monetary_detection(segmentation, profile=profile())
    assert [quoted(segmentation, span=amount.span) for amount in found] == ["80.000.000"]


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10**15))
def test_grouped_digits_give_back_the_number(value: int) -> None:
    """Whatever is written in Colombian grouping is read as it was meant."""
    assert pesos(f"{value:,}".replace(",", "."), unit="") == value


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=99_999), st.sampled_from(["millones", "mil millones", "mil"]))
def test_a_unit_multiplies_and_silences_the_tables_factor(value: int, unit: str) -> None:
    """A unit that is written wins over what the table counts in."""
    scale = {"millones": 10**6, "mil millones": 10**9, "mil": 1000}[unit]
    assert pesos(str(value), unit=unit, factor=1000) == value * scale


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,'", min_size=1, max_size=40))
def test_any_run_of_digits_and_signs_is_a_sane_amount_or_none(text: str) -> None:
    """Rubbish never raises and never yields an absurd amount."""
    value = pesos(text, unit="")
    assert value is None or 0 < value < MAX_PESOS
