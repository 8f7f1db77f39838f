"""Indicators from rows, labels, flattened rows and sentences, with level and quality."""

from __future__ import annotations

import pytest
from findings_builders import cell, plan, profile, quoted, row
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.findings.indicator_levels import level_of
from pipeline.findings.values import figures, horizon_in, is_absent
from pipeline.model import Amount, ColumnRole, Indicator, Responsibility, SegmentIndex, Span
from pipeline.nodes.feasibility_scoring import feasibility_scoring


def _found(*parts: object, **options: object) -> tuple[Indicator, ...]:
    segmentation = plan(*parts, **options)  # type: ignore[arg-type]
    return feasibility_scoring(segmentation, profile=profile(), amounts=(), responsibilities=())


def test_a_row_with_all_columns_is_a_complete_indicator() -> None:
    """Head years date baseline and target; every one of the seven parts counts."""
    table = row(
        cell(ColumnRole.INDICATOR, "Tasa de mortalidad materna"),
        cell(ColumnRole.BASELINE, "36,6", head="LÍNEA BASE 2011", year=2011),
        cell(ColumnRole.TARGET, "30", head="META 2012-2015"),
        cell(ColumnRole.UNIT, "Por 100.000 nacidos vivos"),
        cell(ColumnRole.SOURCE, "DANE"),
        cell(ColumnRole.RESPONSIBLE, "Secretaría de Salud"),
        cell(ColumnRole.CODE, "1905021"),
    )
    (indicator,) = _found(table)
    assert (indicator.baseline, indicator.baseline_year) == ("36,6", 2011)
    assert (indicator.target, indicator.target_year) == ("30", 2015)
    assert (indicator.level, indicator.code, indicator.quality) == ("resultado", "1905021", 1.0)


def test_a_baseline_that_says_there_is_none_is_none() -> None:
    """The mark "SL" in the column LÍNEA BASE is no baseline."""
    table = row(
        cell(ColumnRole.TARGET, "Apoyar 120 adultos mayores en proyectos productivos"),
        cell(ColumnRole.INDICATOR, "Adultos mayores apoyados"),
        cell(ColumnRole.BASELINE, "SL"),
    )
    (indicator,) = _found(table)
    assert (indicator.name, indicator.target, indicator.baseline) == ("Adultos mayores apoyados", "120", None)
    assert indicator.level == "producto"


def test_targets_by_year_come_from_the_year_columns() -> None:
    """The years' targets are kept in order; money by year would be a budget, not a schedule."""
    cells = (
        cell(ColumnRole.INDICATOR, "Número de familias acompañadas"),
        cell(ColumnRole.YEAR, "10", year=2012),
        cell(ColumnRole.YEAR, "20", year=2013),
    )
    assert _found(row(*cells))[0].by_year == ((2012, "10"), (2013, "20"))
    assert _found(row(*cells, factor=1000))[0].by_year == ()


def test_a_row_of_a_result_beside_its_product_holds_two_indicators() -> None:
    """Each has the target and the unit behind its own name."""
    table = row(
        cell(ColumnRole.INDICATOR, "Tasa de mortalidad por accidentes de tránsito"),
        cell(ColumnRole.TARGET, "10", head="META CUATRIENIO"),
        cell(ColumnRole.INDICATOR, "Campañas de seguridad vial realizadas"),
        cell(ColumnRole.UNIT, "Número"),
        cell(ColumnRole.TARGET, "12", head="META CUATRENIO"),
        cell(ColumnRole.RESPONSIBLE, "Secretaría de Tránsito"),
        ruled=True,
    )
    result, product = _found(table)
    assert (result.name, result.target, result.unit) == (
        "Tasa de mortalidad por accidentes de tránsito",
        "10",
        None,
    )
    assert (product.target, product.unit, product.target_year) == ("12", "Número", 2015)
    assert result.responsible == product.responsible == "Secretaría de Tránsito"


def test_goals_beside_their_indicators_twice_in_a_row_stay_together() -> None:
    """Where the goal stands before its indicator, the second goal belongs to the second indicator."""
    table = row(
        cell(ColumnRole.TARGET, "Reducir al 8% la deserción escolar"),
        cell(ColumnRole.INDICATOR, "Tasa de deserción"),
        cell(ColumnRole.BASELINE, "12%"),
        cell(ColumnRole.TARGET, "Dotar 20 sedes educativas"),
        cell(ColumnRole.INDICATOR, "Sedes educativas dotadas"),
        cell(ColumnRole.BASELINE, "4"),
        ruled=True,
    )
    assert [(item.baseline, item.target) for item in _found(table)] == [("12%", "8%"), ("4", "20")]


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("Kilómetros de quebradas limpiadas cada año",), "Kilómetros de quebradas limpiadas cada año"),
        (
            ("Ampliar la jornada única", "Número de sedes con jornada única"),
            "Número de sedes con jornada única",
        ),
        (("Ampliar la jornada única", "Sedes con jornada única"), None),
    ],
)
def test_a_text_beside_a_target_s_figure_is_an_indicator_though_its_head_was_lost(
    texts: tuple[str, ...], name: str | None
) -> None:
    """The only text, or the last one where it begins as indicators do; otherwise it may be another row's."""
    cells = (*(cell(ColumnRole.OTHER, text) for text in texts), cell(ColumnRole.TARGET, "40", head="META"))
    assert [item.name for item in _found(row(*cells))] == ([name] if name else [])


def test_a_target_keeps_its_sign_and_a_thing_to_be_done_is_a_target() -> None:
    """What is written "< 9 %" or "-1 %" is another target than the bare figure; "SI" in the column META is one, too."""
    for written in ("<9%", "> 26%", "≥95", "-1%", "SI"):
        table = row(
            cell(ColumnRole.INDICATOR, "Niñas y niños con bajo peso al nacer"),
            cell(ColumnRole.TARGET, written, head="META"),
        )
        assert [item.target for item in _found(table)] == [written]


def test_a_figure_alone_in_its_cell_comes_before_one_in_a_goal_s_sentence() -> None:
    """The goal speaks of grades 5 and 9; the column of the whole term says 40."""
    table = row(
        cell(ColumnRole.TARGET, "Preparar a estudiantes de los grados 5 y 9 en 3 áreas"),
        cell(ColumnRole.INDICATOR, "Estudiantes preparados para las pruebas"),
        cell(ColumnRole.BASELINE, "0"),
        cell(ColumnRole.TARGET, "40", head="TOTAL CUATRIENIO"),
    )
    (indicator,) = _found(table)
    assert (indicator.baseline, indicator.target, indicator.target_year) == ("0", "40", 2015)


def test_a_year_of_the_plan_s_period_is_neither_baseline_nor_target() -> None:
    """What is left of "2012 - 2015" in a column of figures is no value."""
    table = row(
        cell(ColumnRole.INDICATOR, "Funcionarios certificados en la vigencia"),
        cell(ColumnRole.BASELINE, "2015"),
        cell(ColumnRole.TARGET, "600"),
    )
    (indicator,) = _found(table)
    assert (indicator.baseline, indicator.target) == (None, "600")


def test_a_letterhead_with_figures_is_no_indicator() -> None:
    """A tax number and a telephone are no baseline and no target."""
    for text in (
        "Nit. 800000123-4 Cra. 2 N 24 a 32 TEL: 3110000000",
        "concejo@municipio.gov.co Plan de desarrollo",
    ):
        table = row(
            cell(ColumnRole.INDICATOR, text),
            cell(ColumnRole.BASELINE, "3110000000"),
            cell(ColumnRole.TARGET, "32"),
        )
        assert _found(table) == ()


def test_rows_of_the_diagnosis_are_no_targets_unless_a_head_says_so() -> None:
    """A table that survives only as text gives figures a guessed column; a ruled one with a head META does not."""
    cells = (cell(ColumnRole.INDICATOR, "Familias del resguardo indígena"), cell(ColumnRole.TARGET, "643"))
    assert _found(row(*cells), section=1) == ()
    assert len(_found(row(*cells, ruled=True), section=1)) == 1


def test_an_unmeasured_goal_is_quoted_with_its_indicator() -> None:
    """The name "Actividades realizadas" tells nothing by itself."""
    segmentation = plan(
        row(
            cell(ColumnRole.TARGET, "Conformar la mesa municipal de juventudes"),
            cell(ColumnRole.INDICATOR, "Actividades realizadas"),
            cell(ColumnRole.BASELINE, "SL"),
        )
    )
    (indicator,) = feasibility_scoring(segmentation, profile=profile(), amounts=(), responsibilities=())
    assert quoted(segmentation, span=indicator.span) == (
        "Conformar la mesa municipal de juventudes | Actividades realizadas"
    )


def test_labels_in_prose_are_read_with_their_values() -> None:
    """What "Línea base: 0. Meta: 8 estaciones" says belongs to the sentence before it."""
    (indicator,) = _found(
        "(12) Construir estaciones de transporte terrestre automotor. Línea de Base: 0; Meta: 8 estaciones."
    )
    assert indicator.name == "Construir estaciones de transporte terrestre automotor"
    assert (indicator.baseline, indicator.target, indicator.unit) == ("0", "8", "estaciones")


def test_labels_on_neighbouring_lines_make_one_indicator() -> None:
    """Indicador, línea base and meta on lines of their own are one indicator."""
    (indicator,) = _found(
        "Indicador: Tasa de cobertura bruta en educación media",
        "Línea base 2011: 47,96%",
        "Meta: 93% a 2015",
    )
    assert (indicator.baseline, indicator.baseline_year) == ("47,96%", 2011)
    assert (indicator.target, indicator.target_year, indicator.unit) == ("93%", 2015, "%")


def test_a_flattened_row_is_read_by_its_unit() -> None:
    """The tail "… Número 0 1" gives baseline and target in the order of the columns."""
    (indicator,) = _found("Centro de atención al migrante establecido. Número 0 1")
    assert (indicator.name, indicator.baseline, indicator.target) == (
        "Centro de atención al migrante establecido",
        "0",
        "1",
    )


def test_baseline_and_target_in_cells_of_their_own_are_no_part_of_the_name() -> None:
    """A row whose columns are not known: the first of two figures is the baseline."""
    (indicator,) = _found("Porcentaje de sedes en categoría superior | 1,60% | 15%")
    assert (indicator.name, indicator.baseline, indicator.target) == (
        "Porcentaje de sedes en categoría superior",
        "1,60%",
        "15%",
    )


@pytest.mark.parametrize(
    "text",
    [
        "Número de niñas y niños con bajo peso al nacer | 58 | 55 | 56 | 37",
        "Tasa de cobertura bruta en educación media (2010) 60,6%",
        "11,7% de las adolescentes embarazadas (2011)",
        "Cobertura de inmunización contra la hepatitis B en menores de un año | X | 15",
        "Tasa de analfabetismo de la población mayor de 15 años, censo 2005 | 17,1%",
    ],
)
def test_what_was_measured_before_the_plan_is_no_target(text: str) -> None:
    """A series of years, and a figure of one year before the plan's period, tell what was."""
    assert _found(text) == ()


def test_a_bullet_begins_the_next_goal() -> None:
    """The figure of the next item of a list is not the target of this one, whatever became of its bullet."""
    for bullet in ("?", "•", "▪"):
        found = _found(
            f"Formular la política de juventud {bullet} Apoyar a 20 estudiantes en formación técnica"
        )
        assert [(item.name, item.target) for item in found] == [
            ("Apoyar a 20 estudiantes en formación técnica", "20")
        ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Implementar la cooperación con las 5 universidades de la región",
        "Mejorar los resultados de los estudiantes de los grados 5, 9 y 11",
    ],
)
def test_a_figure_that_counts_what_there_is_is_no_target(sentence: str) -> None:
    """What stands "con las 5 …" and grades of school set nothing that is to be reached."""
    assert _found(sentence) == ()


@pytest.mark.parametrize(
    ("sentence", "target", "unit"),
    [
        ("Construir tres (3) aulas en la zona rural.", "3", "aulas"),
        ("Disminuir en 40 % los casos de violencia intrafamiliar.", "40 %", "%"),
        ("Reducir a 1.9 x 1000 la prevalencia en la población de 15 a 49 años.", "1.9 x 1000", "x 1000"),
        ("Dotar a sesenta sedes educativas de implementos.", "sesenta", "sedes"),
        ("100% de la población víctima con registro actualizado en el municipio.", "100%", "%"),
    ],
)
def test_a_measured_action_is_a_target(sentence: str, target: str, unit: str) -> None:
    """A sentence that begins with an action and holds a figure is a target with that figure."""
    (indicator,) = _found(sentence)
    assert (indicator.target, indicator.unit) == (target, unit)


@pytest.mark.parametrize(
    "sentence",
    [
        "Construir una cultura ciudadana para la convivencia.",
        "Atender lo dispuesto en la Ley 1448 de 2011 y el artículo 5 del Decreto 4800.",
        "En 2011 se atendieron 350 personas en el hospital.",
        "Implementar la estrategia de cero a siempre: de 0 a siempre.",
        "La línea base del plan será levantada por la Secretaría de Planeación.",
    ],
)
def test_sentences_without_a_measured_target_are_no_indicators(sentence: str) -> None:
    """Talk without a figure of its own, laws and the past are no targets."""
    assert _found(sentence) == ()


def test_the_diagnosis_holds_no_targets() -> None:
    """The same sentence in the diagnosis tells what is, not what is to be reached."""
    assert _found("Aumentar 20% la cobertura fue el resultado del periodo.", section=1) == ()


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("Tasa de deserción escolar", "resultado"),
        ("Cobertura de acueducto en la zona rural", "resultado"),
        ("Disminuir a 2.763 la población sin servicio de alcantarillado", "resultado"),
        ("Número de talleres de prevención de embarazo adolescente realizados", "producto"),
        ("Atender al 100% de la población víctima", "producto"),
        ("Hectáreas reforestadas", "producto"),
        ("Incrementar en un 60% las personas mayores atendidas en grupos gerontológicos", "producto"),
        ("Índice de pobreza multidimensional", "impacto"),
        ("Capacitar 200 mujeres para el desarrollo humano y el liderazgo", "producto"),
        ("Gestionar ante la nación 15 proyectos de inversión", "gestion"),
    ],
)
def test_the_level_follows_what_is_measured_not_what_the_plan_calls_it(name: str, level: str) -> None:
    """What is delivered is a product; a change in population or territory a result."""
    assert level_of(name) == level


def test_other_nodes_complete_source_and_responsible() -> None:
    """A source or an entity found in the same segment counts for the indicator's quality."""
    segmentation = plan("Construir 3 aulas con $ 80.000.000 del SGP a cargo de la Secretaría de Obras.")
    span = Span(SegmentIndex(0), 0, 5)
    bare = feasibility_scoring(segmentation, profile=profile(), amounts=(), responsibilities=())
    full = feasibility_scoring(
        segmentation,
        profile=profile(),
        amounts=(Amount(span, 80_000_000, "80.000.000", "SGP", None, None),),
        responsibilities=(Responsibility(span, "Secretaría de Obras", "dependencia", "", assigned=True),),
    )
    assert (full[0].source, full[0].responsible) == ("SGP", "Secretaría de Obras")
    assert full[0].quality == round(bare[0].quality + 2 / 7, 3)


def test_spans_quote_the_indicator() -> None:
    """The span holds the sentence without its list number."""
    segmentation = plan("3. Construir 2 hogares de paso. El resto sigue.")
    (indicator,) = feasibility_scoring(segmentation, profile=profile(), amounts=(), responsibilities=())
    assert quoted(segmentation, span=indicator.span) == "Construir 2 hogares de paso"


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("META 2012–2015", 2015),
        ("a 2014", 2014),
        ("en el cuatrienio", 2015),
        ("META DEL CUATRENIO", 2015),
        ("Meta de producto", None),
    ],
)
def test_the_horizon_is_what_the_text_says(text: str, year: int | None) -> None:
    """A period at the head, "a 2014" and "cuatrienio" date a target; a bare "meta" does not."""
    assert horizon_in(text, profile=profile()) == year


@pytest.mark.parametrize("text", ["SL", "N.D.", "No se conoce", "-", "n/a", ""])
def test_words_for_no_value_are_known(text: str) -> None:
    """The usual ways to say that there is no value."""
    assert is_absent(text)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**6), st.sampled_from(["talleres", "familias", "hectareas"]))
def test_a_counted_thing_is_found_with_its_unit(value: int, unit: str) -> None:
    """Figure and unit come back as written."""
    written = f"{value:,}".replace(",", ".")
    found = [
        figure for figure in figures(f"entregar {written} {unit} en la zona rural") if figure.unit == unit
    ]
    year_like = 1900 <= value <= 2100
    assert year_like or [figure.value for figure in found] == [value]
