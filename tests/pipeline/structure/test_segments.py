"""Node 3: paragraphs, items and rows as they are quoted."""

from __future__ import annotations

import pytest
from structure_samples import page, segmented, table_page

from pipeline.model import ColumnRole, Page, Segment, SegmentKind
from pipeline.structure.paragraphs import MAX_SEGMENT_CHARS
from pipeline.text import fold

HEAD = ("META", "INDICADOR", "LÍNEA BASE 2011")


def rows(*pages: Page) -> list[Segment]:
    """The table rows of these pages."""
    _, _, segmentation = segmented(*pages)
    return [segment for segment in segmentation.segments if segment.kind is SegmentKind.TABLE_ROW]


def roles(segment: Segment) -> list[ColumnRole]:
    """What the columns of a row hold."""
    assert segment.row is not None
    return [cell.role for cell in segment.row.cells]


def test_rows_of_a_ruled_table_carry_roles_years_and_the_headings_above() -> None:
    """A row is quoted whole, knows what its cells are, and under which headings it stands."""
    found = rows(
        table_page(1, before=["MUJER Y GÉNERO"], rows=[HEAD, ("Crear la oficina", "Oficina creada", "0")]),
    )
    assert [segment.text for segment in found] == ["Crear la oficina | Oficina creada | 0"]
    assert roles(found[0]) == [ColumnRole.TARGET, ColumnRole.INDICATOR, ColumnRole.BASELINE]
    assert found[0].heading_path == ("MUJER Y GÉNERO",)
    assert found[0].row is not None
    assert found[0].row.cells[2].year == 2011
    assert all(found[0].text[cell.start : cell.end] == cell.text for cell in found[0].row.cells)


def test_a_table_goes_on_over_the_page_with_its_head_and_its_split_row() -> None:
    """The head of the first page serves the second; a row cut in two by the page is one row."""
    found = rows(
        table_page(1, before=["NIÑEZ"], rows=[HEAD, ("Exaltar los", "Actividades", "1")]),
        table_page(
            2,
            before=[],
            rows=[("derechos de la niñez", "realizadas", None), ("Crear un parque", "Parque", "0")],
        ),
    )
    assert [segment.text for segment in found] == [
        "Exaltar los derechos de la niñez | Actividades realizadas | 1",
        "Crear un parque | Parque | 0",
    ]
    assert roles(found[1])[2] is ColumnRole.BASELINE


def test_rows_inherit_the_merged_cell_to_their_left() -> None:
    """The programme stands once and counts for all rows until the next one."""
    head = ("PROGRAMA", "INDICADOR", "META")
    body = [("Salud oral", "Personas", "200"), (None, "Campañas", "4"), ("Vida", "Casos", "1")]
    found = rows(table_page(1, before=[], rows=[head, *body]))
    assert [segment.row.context for segment in found if segment.row] == [(), ("Salud oral",), ()]


def test_money_is_read_in_the_unit_of_the_table() -> None:
    """``miles de pesos`` in the caption, the head or the note below multiplies what the cells say."""
    head = ("PROGRAMA", "2012", "TOTAL")
    row = ("Salud", "1.200", "4.800")
    above = rows(table_page(1, before=["Tabla 1. Plan plurianual (miles de pesos)"], rows=[head, row]))
    below = rows(table_page(1, before=[], rows=[head, row], after=["Fuente: Hacienda, en millones de pesos"]))
    plain = rows(table_page(1, before=["Tabla 1. Plan plurianual"], rows=[head, row]))
    assert [segment.row.money_factor for segment in (*above, *below, *plain) if segment.row] == [
        1_000,
        1_000_000,
        1,
    ]


def test_titles_above_the_head_of_a_table_hide_neither_head_nor_unit() -> None:
    """``INGRESOS (en millones)`` across the table is a title; the years below it are the head."""
    title = ("INGRESOS (en millones)", None, None)
    head = ("LÍNEA/COMPONENTE", "2012", "2013")
    found = rows(table_page(1, before=[], rows=[title, head, ("LÍNEA 1. EJE SOCIAL", "7.845", "8.237")]))
    assert [segment.text for segment in found] == [title[0], "LÍNEA 1. EJE SOCIAL | 7.845 | 8.237"]
    assert [cell.year for cell in found[1].row.cells] == [None, 2012, 2013]  # type: ignore[union-attr]
    assert [segment.row.money_factor for segment in found if segment.row] == [1_000_000, 1_000_000]
    assert roles(found[0]) == [ColumnRole.OTHER]


def test_what_rows_inherit_says_from_which_column_it_is() -> None:
    """A programme and an objective to the left are told apart; who benefits is inherited by no row."""
    head = ("PROGRAMA", "OBJETIVO", "POBLACIÓN OBJETIVO", "META", "TOTAL")
    first = ("Casa digna", "Construir viviendas", "Niñez", "Casas", "20")
    found = rows(table_page(1, before=[], rows=[head, first, (None, None, None, "Mejoras", "30")]))
    row = found[1].row
    assert row is not None
    assert row.context == ("Casa digna", "Construir viviendas")
    assert row.context_roles == (ColumnRole.PROGRAMME, ColumnRole.OBJECTIVE)


def test_the_number_of_a_row_is_no_code() -> None:
    """``N°`` counts the rows of a table; a code of a product is called one."""
    found = rows(table_page(1, before=[], rows=[("N°", "SECTOR", "PROYECTO"), ("1", "Vías", "Vía al mar")]))
    assert roles(found[0])[0] is ColumnRole.OTHER


def test_a_row_that_uses_head_words_is_no_head() -> None:
    """``Programas ejecutados`` in the first row of a page is a row."""
    found = rows(
        table_page(1, before=[], rows=[HEAD, ("Uno", "Dos", "3")]),
        table_page(2, before=[], rows=[("Desarrollar los programas", "Programas ejecutados", "SL")]),
    )
    assert found[-1].text == "Desarrollar los programas | Programas ejecutados | SL"


def test_a_flattened_table_gives_its_rows_back() -> None:
    """One cell or part of a cell per line under a head: figures close the rows."""
    head = ["METAS E INDICADORES", "META", "INDICADOR", "LÍNEA BASE"]
    first = ["Capacitar 200 mujeres en liderazgo", "y desarrollo humano.", "Mujeres", "capacitadas", "SL"]
    second = ["Crear la Oficina de la Mujer.", "Oficina creada", "0"]
    found = rows(page(1, [*head, *first, *second]))
    assert [segment.text for segment in found][1] == "Crear la Oficina de la Mujer. | Oficina creada | 0"
    assert found[0].text.endswith("| SL")
    assert roles(found[1]) == [ColumnRole.TARGET, ColumnRole.INDICATOR, ColumnRole.BASELINE]


def cells(segment: Segment) -> list[tuple[ColumnRole, str, int | None]]:
    """Role, text and year of each cell."""
    assert segment.row is not None
    return [(cell.role, cell.text, cell.year) for cell in segment.row.cells]


def test_a_title_over_a_head_is_no_column() -> None:
    """The line "Indicadores y metas." names what the table holds; the columns are those of the line below."""
    lines = ["· Indicadores y metas.", "INDICADOR META", "CUATRENIO"]
    found = rows(page(1, [*lines, "Kilómetros de cauces limpiados cada año.", "40", "Viveros operando 3"]))
    assert [roles(segment) for segment in found] == [[ColumnRole.INDICATOR, ColumnRole.TARGET]] * 2


@pytest.mark.parametrize("value", ["<9%", ">26%", "≥ 95", "SI"])
def test_a_compared_figure_and_a_yes_close_a_row(value: str) -> None:
    """What follows is the next row, with a target of its own."""
    lines = ["INDICADOR META", f"Nacidos con bajo peso. {value}", "Niñas y niños vacunados. 80%"]
    found = rows(page(1, lines))
    assert [segment.text for segment in found] == [
        f"Nacidos con bajo peso. | {value}",
        "Niñas y niños vacunados. | 80%",
    ]


def test_a_dash_in_place_of_the_second_figure_closes_a_row() -> None:
    """What ends in "0 -" has a baseline without a target; "2011 -" at the end of a line is a period cut in two."""
    lines = ["INDICADOR LÍNEA BASE META", "Alianzas firmadas 0 -", "Estadios terminados 0 1"]
    assert [segment.text for segment in rows(page(1, lines))] == [
        "Alianzas firmadas | 0 | -",
        "Estadios terminados | 0 | 1",
    ]
    lines = ["INDICADOR LÍNEA BASE META", "Alianzas firmadas en 2011 -", "2015 por el municipio 3 8"]
    assert [segment.text for segment in rows(page(1, lines))] == [
        "Alianzas firmadas en 2011 - 2015 por el municipio | 3 | 8"
    ]


def test_the_year_below_a_head_belongs_to_it() -> None:
    """LÍNEA DE BASE (2011) and META 2012-2015 over two lines; TOTAL CUATRIENIO beside a baseline is a target."""
    found = rows(
        page(1, ["INDICADOR LÍNEA DE", "BASE", "(2011)", "TOTAL", "CUATRIENIO", "Parcelas cultivadas 3 10"])
    )
    assert cells(found[0])[1:] == [(ColumnRole.BASELINE, "3", 2011), (ColumnRole.TARGET, "10", None)]
    found = rows(page(1, ["Indicador Línea base", "Meta 2012-", "2015", "Cobertura bruta 94% 96%"]))
    assert cells(found[0])[1:] == [(ColumnRole.BASELINE, "94%", None), (ColumnRole.TARGET, "96%", 2015)]


def test_a_total_of_the_term_without_a_baseline_is_money() -> None:
    """An investment table has the same head over its sums."""
    found = rows(page(1, ["PROGRAMA TOTAL CUATRIENIO", "Agua potable para todos 1.200.000", "Vías 900.000"]))
    assert roles(found[0])[-1] is ColumnRole.BUDGET


def test_the_plan_s_years_at_the_end_of_a_goal_close_no_row() -> None:
    """Goal and indicator of one row stay together over "2012 · 2015"."""
    lines = ["META INDICADOR LÍNEA BASE", "Certificar a los funcionarios en la vigencia 2012 · 2015"]
    (found,) = rows(page(1, [*lines, "Funcionarios certificados 20"]))
    assert found.text.startswith("Certificar")
    assert found.text.endswith("Funcionarios certificados | 20")


def test_results_beside_products_are_rows_of_half_the_columns() -> None:
    """The head names objective, indicator, baseline and target twice, under banners; figures close each row."""
    half = ["OBJETIVO DE {} INDICADOR DE {}", "META DE {}", "LÍNEA BASE META CUATRIENIO"]
    head = [text.format(*[level] * 2) for level in ("RESULTADO", "PRODUCTO") for text in half]
    found = rows(page(1, [*head, "Ampliar la jornada única.", "Número de sedes con jornada única", "26 101"]))
    assert roles(found[0]) == [
        ColumnRole.OBJECTIVE,
        ColumnRole.INDICATOR,
        ColumnRole.BASELINE,
        ColumnRole.TARGET,
    ]


def test_lines_of_a_sentence_are_one_paragraph_over_a_page_break() -> None:
    """A sentence left open at the foot of a page goes on at the top of the next."""
    first = "La política pública busca que todas las personas del municipio tengan acceso a la"
    second = "salud y a la educación en condiciones de igualdad y de respeto por la diversidad."
    _, _, segmentation = segmented(page(1, [first]), page(2, [second]))
    assert [segment.text for segment in segmentation.segments] == [f"{first} {second}"]


def test_items_of_a_list_are_segments_of_their_own() -> None:
    """Each item can be quoted and judged by itself."""
    _, _, segmentation = segmented(
        page(1, ["Los objetivos son:", "• Crear la oficina de la mujer.", "• Formular la política."])
    )
    kinds = [segment.kind for segment in segmentation.segments]
    assert kinds == [SegmentKind.PARAGRAPH, SegmentKind.LIST_ITEM, SegmentKind.LIST_ITEM]


def test_no_segment_is_too_long_and_cuts_fall_between_sentences() -> None:
    """A wall of text is cut at ends of sentences, nothing of it is lost."""
    sentence = "La administración fortalecerá los programas de atención a la niñez y a la juventud rural."
    source = [sentence] * 60
    _, _, segmentation = segmented(page(1, source))
    assert all(len(segment.text) <= MAX_SEGMENT_CHARS for segment in segmentation.segments)
    assert all(segment.text.endswith(".") for segment in segmentation.segments)
    assert " ".join(segment.text for segment in segmentation.segments) == " ".join(source)


def test_folded_texts_have_the_places_of_the_texts() -> None:
    """Patterns are matched on the folded text and quoted from the text: their lengths agree."""
    _, _, segmentation = segmented(
        page(1, ["NIÑEZ", "Acción integral para niñas y niños – primera infancia."])
    )
    assert segmentation.folded == tuple(fold(segment.text) for segment in segmentation.segments)
