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


def _values(*parts: object, **options: object) -> list[int]:
    return [amount.pesos for amount in _found(*parts, **options)]


def _flat(*texts: str, table: int = 0, title: str = "") -> object:
    """A row of a table that survives as text: no column is known."""
    return row(*(cell(ColumnRole.OTHER, text) for text in texts), table=table, title=title, ruled=False)


PROSE = (
    "El municipio presenta a continuación las cifras que fueron acordadas con la comunidad en las mesas de trabajo "
    "de cada corregimiento, y que se revisan cada año en el consejo territorial de planeación del municipio."
)


def test_a_table_of_targets_in_the_investment_plan_holds_no_money() -> None:
    """One agreement signed is not a million pesos, though the head says TOTAL CUATRIENIO."""
    table = row(
        cell(ColumnRole.INDICATOR, "Convenio firmado"),
        cell(ColumnRole.BASELINE, "0", head="LÍNEA BASE"),
        cell(ColumnRole.BUDGET, "1", head="TOTAL CUATRIENIO"),
    )
    assert _found(table, section=2) == ()


def test_children_under_a_line_of_sources_are_no_money() -> None:
    """The line "Fuente: Ministerio" says where the figures come from, not who pays."""
    table = _flat("Hogares agrupados", "588", "4.020", "1.204.310", title="Fuente: Ministerio de Salud")
    assert _found(table) == ()


@pytest.mark.parametrize("said", ["(Miles de $)", "(En miles de pesos)", "Cifras en miles de pesos"])
def test_a_unit_that_stands_above_holds_for_the_whole_table(said: str) -> None:
    """Headings and pieces of a table that is cut do not end what was said above it."""
    parts = (
        said,
        _flat("Predial", "1.148.230"),
        "1.2 Otros",
        _flat("Total", "114.208.900", "9.000", table=1),
    )
    assert _values(*parts) == [1_148_230_000, 114_208_900_000, 9_000_000]


def test_a_unit_in_a_row_of_the_table_holds_for_it() -> None:
    """Where the head was not recognised, its unit stands in a row."""
    table = (_flat("(Miles de $)", "CONCEPTO", "2008", "2009"), _flat("TOTAL", "118.420.300", "174.650.210"))
    assert [(a.pesos, a.year) for a in _found(*table)] == [(118_420_300_000, 2008), (174_650_210_000, 2009)]


def test_years_with_a_point_are_no_amounts() -> None:
    """The figure "2.008" above a column is a year, though it looks like a thousand."""
    table = (_flat("EN MILES", "CONCEPTO", "2.008", "2.009"), _flat("PREDIAL", "931.250", "958.340"))
    assert _values(*table) == [931_250_000, 958_340_000]


def test_a_unit_below_the_figures_holds_for_them() -> None:
    """A note "(Miles de pesos)" under a table is as good as one above."""
    assert _values(_flat("Gasto social", "$ 287.410.500"), "META (Miles de pesos)", PROSE) == [
        287_410_500_000
    ]


@pytest.mark.parametrize("between", [PROSE, "Tabla 12. Ingresos del municipio"])
def test_a_unit_ends_with_its_table(between: str) -> None:
    """Running text and the title of another table end what was said above."""
    table = _flat("Ingresos", "$ 5.310.475.200", "$ 5.420.118.900")
    assert _values("(Miles de pesos)", _flat("Predial", "900.000", table=1), between, table) == [
        900_000_000,
        5_310_475_200,
        5_420_118_900,
    ]


def test_all_income_of_a_municipality_is_more_than_two_thousand_million() -> None:
    """A total of 471.208.330 without a unit counts in thousands, and so does the rest of its table."""
    head = {"head": "INGRESOS", "year": 2014}
    rows = (
        row(cell(ColumnRole.OTHER, "Recursos propios"), cell(ColumnRole.YEAR, "91.330.250", **head)),  # type: ignore[arg-type]
        row(cell(ColumnRole.OTHER, "TOTAL INGRESOS"), cell(ColumnRole.YEAR, "471.208.330", **head)),  # type: ignore[arg-type]
    )
    assert _values(*rows) == [91_330_250_000, 471_208_330_000]


def test_the_same_figures_count_in_the_same_unit() -> None:
    """What is declared for a table holds where the plan repeats its figures without a unit."""
    figures = ("110.340.725", "151.208.440", "183.902.615")
    again = row(*(cell(ColumnRole.BUDGET, text, head="VALOR") for text in figures), table=1)
    assert _values("(Miles de $)", _flat("Ingresos", *figures), PROSE, again) == [
        int(text.replace(".", "")) * 1_000 for text in (*figures, *figures)
    ]


def test_an_investment_plan_whose_columns_are_lost_is_read() -> None:
    """Figures side by side in running lines are amounts under a unit, with the years above and no sum as a year."""
    found = _found(
        "(Miles de Pesos)",
        "2,012 2,013 TOTAL",
        "CARNAVAL 2,110,400 2,140,000 4,250,400 CREER 10,000 20,000 30,000 2,120,400 2,160,000 4,280,400",
    )
    assert [(a.pesos, a.year) for a in found] == [
        (2_110_400_000, 2012),
        (2_140_000_000, 2013),
        (4_250_400_000, None),
        (10_000_000, 2012),
        (20_000_000, 2013),
        (30_000_000, None),
        (2_120_400_000, 2012),
        (2_160_000_000, 2013),
        (4_280_400_000, None),
    ]


def test_large_figures_side_by_side_are_money_in_the_investment_plan_alone() -> None:
    """Without a unit, three figures of millions under a title about money are pesos; elsewhere they say nothing."""
    line = "GASTOS DE PERSONAL 1.790.300.250 2.340.118.600 2.480.512.900 1%"
    assert _values("Tabla 3. Plan plurianual de inversiones", line) == [
        1_790_300_250,
        2_340_118_600,
        2_480_512_900,
    ]
    assert _values("Tabla 3. Población por comuna", "Total 1.811.090 2.395.635 2.515.416") == []


def test_the_ticks_of_an_axis_are_no_amounts() -> None:
    """Round, evenly spaced figures without a word are an axis; the values of the chart between them stay."""
    assert _values(_flat("$ 15.000.000.000", "$ 10.000.000.000", "$ 5.000.000.000")) == []
    chart = _flat("220.000.000", "214.530.210", "200.000.000", "195.640.330", "180.000.000", title="INGRESOS")
    assert _values(chart) == [214_530_210, 195_640_330]


def test_a_cell_with_a_sign_counts_in_the_unit_of_its_table() -> None:
    """``$34.720,00`` in a table of millions is 34,720 million, whatever its column is called."""
    table = row(
        cell(ColumnRole.OTHER, "COMPROMISOS DE INVERSIÓN"), cell(ColumnRole.OTHER, "$34.720,00"), factor=10**6
    )
    assert _values(table) == [34_720_000_000]


def test_running_text_in_a_cell_is_read_as_text() -> None:
    """Amounts in a sentence have their own units and sources, even in a row of a table about money."""
    text = "Los recursos ascienden a $1.640 billones de pesos, de los cuales 1.7 de los 1.87 son para salud"
    table = row(
        cell(ColumnRole.SOURCE, text, head="FUENTES"),
        cell(ColumnRole.YEAR, "54.208.610", year=2012, head="2012"),
    )
    assert [(a.pesos, a.source) for a in _found(table)] == [(1_640_000_000_000, None), (54_208_610, None)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("El recaudo pasó de $ 1.857 en 2007 a $ 2.480 millones.", [1_857_000_000, 2_480_000_000]),
        ("La deuda pasó de $ 891 millones en 2007 a $ 1.380 en 2010.", [891_000_000, 1_380_000_000]),
        (
            "El saldo es de $26.850 millones e incluye $5.410 de endeudamiento.",
            [26_850_000_000, 5_410_000_000],
        ),
        ("Se invierten $300 millones a un costo de $5.000 por persona.", [300_000_000, 5_000]),
    ],
)
def test_a_unit_is_shared_by_the_amounts_of_a_sentence(sentence: str, expected: list[int]) -> None:
    """An amount too small to be one takes the unit of its neighbour; a price of each stays what it is."""
    assert _values(sentence) == expected


def test_more_millions_than_a_municipality_has_are_no_amount() -> None:
    """So many million millions are a misprint for thousands; one million millions is the plan of a city."""
    sentence = "Los gastos de inversión suman {} millones de pesos."
    assert _values(sentence.format("803.445.120")) == []
    assert _values(sentence.format("1.204.300")) == [1_204_300_000_000]


def test_the_year_right_after_an_amount_is_its_own() -> None:
    """In "$200.000-2012, $500.000-2013" each amount has its own year."""
    found = _found("Nuevos créditos por $200.000-2012, $500.000-2013.")
    assert [(a.pesos, a.year) for a in found] == [(200_000, 2012), (500_000, 2013)]


def test_the_programme_of_a_row_is_a_programme() -> None:
    """Titles of tables, objectives and sums above a row are no programme; a sector is one."""
    budget = cell(ColumnRole.BUDGET, "$ 80.000.000", head="COSTO")
    sector = row(cell(ColumnRole.SECTOR, "Línea 1. Eje social"), budget, context=("INGRESOS",))
    total = row(cell(ColumnRole.SECTOR, "TOTAL INVERSIONES"), budget)
    title = row(cell(ColumnRole.OTHER, "Predial"), budget, context=("INGRESOS",))
    merged = row(
        budget,
        context=("Programa Casa digna", "Aumentar la vivienda"),
        context_roles=(ColumnRole.PROGRAMME, ColumnRole.OBJECTIVE),
    )
    banner = row(budget, context=("PROGRAMA: Salud oral",), context_roles=(ColumnRole.OTHER,))
    named = [_found(item)[0].programme for item in (sector, total, title, merged, banner)]
    assert named == ["Línea 1. Eje social", None, None, "Programa Casa digna", "PROGRAMA: Salud oral"]


def test_a_row_of_an_index_holds_no_money() -> None:
    """The consumer price index stands in the financial plan among amounts."""
    rows = (
        row(cell(ColumnRole.OTHER, "Índice de precios"), cell(ColumnRole.YEAR, "3", year=2013, head="2013")),
        row(cell(ColumnRole.OTHER, "Predial"), cell(ColumnRole.YEAR, "$ 80.000.000", year=2013, head="2013")),
    )
    assert _values(*rows) == [80_000_000]


def test_a_sign_in_the_head_of_a_column_makes_a_table_one_of_pesos() -> None:
    """``$`` above a column says pesos; the one of "(Miles de $)" does not."""
    figures = _flat("Construcción", "35", "7,60%", "3.849.186.130")
    assert _values(_flat("#", "%", "$", "%"), figures) == [3_849_186_130]


def test_figures_outside_of_tables_are_not_guessed_to_be_thousands() -> None:
    """Figures that can be thousands or millions, in lines without a unit, are left alone."""
    line = "INVERSION 1.620.300 1.640.200 1.630.100 1.358.200 6.248.800"
    assert _values("Plan plurianual de inversiones", line) == []
