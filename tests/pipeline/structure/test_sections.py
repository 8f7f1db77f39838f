"""Node 2: the section tree as a reader of the plan would draw it."""

from __future__ import annotations

from structure_samples import page, segmented

from pipeline.model import Page, SectionKind

TEXT = "La administración municipal desarrollará las acciones previstas en este capítulo del plan."


def tree(*pages: Page) -> list[tuple[int, str]]:
    """Level and title of each section."""
    _, profile, _ = segmented(*pages)
    return [(section.level, section.title) for section in profile.sections]


def test_words_of_plans_nest_as_plans_nest_them() -> None:
    """Sector over programme over subprogramme, even where only the lower ones carry numbers."""
    lines = [
        "SECTOR: Salud", "6. PROGRAMA. Salud pública", TEXT, "6.1. Subprograma. Salud materna", TEXT,
        "SECTOR: Cultura", "7. PROGRAMA. Bibliotecas", TEXT,
    ]  # fmt: skip
    assert tree(page(1, lines)) == [
        (1, "SECTOR: Salud"),
        (2, "6. PROGRAMA. Salud pública"),
        (3, "6.1. Subprograma. Salud materna"),
        (1, "SECTOR: Cultura"),
        (2, "7. PROGRAMA. Bibliotecas"),
    ]


def test_numbers_that_extend_each_other_nest() -> None:
    """``2.3.1`` stands below ``2.3`` whatever words follow the numbers."""
    lines = [
        "2.3. Componente: Servicios",
        TEXT,
        "2.3.1. Programa: Agua",
        TEXT,
        "2.3.1.1 Diagnóstico del agua",
        TEXT,
        "2.4. Componente: Vías",
        TEXT,
    ]
    assert [level for level, _ in tree(page(1, lines))] == [1, 2, 3, 1]


def test_labels_belong_to_the_topic_above_them() -> None:
    """``OBJETIVOS ESPECÍFICOS`` and ``METAS`` name a function: the next topic closes them."""
    lines = [
        "MUJER Y EQUIDAD DE GÉNERO",
        TEXT,
        "OBJETIVOS ESPECÍFICOS",
        TEXT,
        "METAS E INDICADORES",
        TEXT,
        "NIÑEZ",
        TEXT,
    ]
    assert tree(page(1, lines)) == [
        (1, "MUJER Y EQUIDAD DE GÉNERO"),
        (2, "OBJETIVOS ESPECÍFICOS"),
        (2, "METAS E INDICADORES"),
        (1, "NIÑEZ"),
    ]


def test_a_table_of_contents_is_no_list_of_sections() -> None:
    """Entries with leaders and page numbers become one section, and none of them a segment."""
    contents = ["CONTENIDO", "CAPÍTULO I DIAGNÓSTICO ........ 3", "CAPÍTULO II ESTRATEGIA ........ 9",
                "CAPÍTULO III INVERSIONES ....... 20", "CAPÍTULO IV SEGUIMIENTO ....... 30"]  # fmt: skip
    _, profile, segmentation = segmented(page(1, contents), page(2, ["CAPÍTULO I DIAGNÓSTICO", TEXT]))
    assert [section.title for section in profile.sections] == ["Tabla de contenido", "CAPÍTULO I DIAGNÓSTICO"]
    assert not [segment for segment in segmentation.segments if "...." in segment.text]


def test_an_article_is_a_heading_and_its_text_stays_whole() -> None:
    """The title is taken from the line; the paragraph still begins with it."""
    lines = [
        "ARTÍCULO 5. Objetivo general. Mejorar la calidad de vida de la población",
        "rural y urbana del municipio.",
    ]
    _, profile, segmentation = segmented(page(1, lines))
    assert [section.title for section in profile.sections] == ["ARTÍCULO 5. Objetivo general"]
    assert segmentation.segments[0].text == " ".join(lines)


def test_parts_of_the_plan_are_inherited() -> None:
    """What stands below the diagnosis is diagnosis; below the strategic part, strategy; and so on."""
    titles = ["CAPÍTULO I DIAGNÓSTICO", "SALUD", "CAPÍTULO II PARTE ESTRATÉGICA", "SECTOR: SALUD"]
    titles += ["CAPÍTULO III PLAN PLURIANUAL DE INVERSIONES", "CAPÍTULO IV SEGUIMIENTO Y EVALUACIÓN"]
    lines = [text for title in titles for text in (title, TEXT)]
    _, profile, _ = segmented(page(1, lines))
    assert [section.kind for section in profile.sections] == [
        SectionKind.DIAGNOSIS,
        SectionKind.DIAGNOSIS,
        SectionKind.STRATEGY,
        SectionKind.STRATEGY,
        SectionKind.INVESTMENT,
        SectionKind.MONITORING,
    ]


def test_numbered_items_of_a_list_are_no_sections() -> None:
    """``1. Fortalecer …`` among its like is an item, not a chapter."""
    lines = [
        "Los objetivos son:",
        "1. Fortalecer los programas de la mujer.",
        "2. Fomentar proyectos productivos.",
        "3. Crear la oficina.",
    ]
    assert tree(page(1, lines)) == []


PROGRAMME = [
    "Programa 4: Casas de la memoria",
    "Objetivo: acompañar a las familias",
    "Indicador de producto",
    TEXT,
]
"""Four lines of a strategic part, three of which begin as such lines do."""
BUDGET = ["Aseo y alumbrado", "1.250.000", "Parques y plazas", "3.480.500"]


def kinds(*titles_and_texts: str | list[str]) -> dict[str, SectionKind]:
    """The kind of each section by its title."""
    lines = [text for item in titles_and_texts for text in ([item] if isinstance(item, str) else item)]
    pages = [
        page(number + 1, lines[start : start + 40]) for number, start in enumerate(range(0, len(lines), 40))
    ]
    _, profile, _ = segmented(*pages)
    return {section.title: section.kind for section in profile.sections}


def test_programmes_and_targets_below_a_diagnosis_are_strategy() -> None:
    """A plan whose only part is its diagnosis: the chapter full of programmes is strategic all the same."""
    found = kinds(
        "PRIMERA PARTE COMPONENTE DIAGNÓSTICO", [TEXT] * 30,
        "TÍTULO 1. LA POBLACIÓN", [TEXT] * 30,
        "TÍTULO 2. RÍOS Y BOSQUES", PROGRAMME * 8,
    )  # fmt: skip
    assert found["TÍTULO 1. LA POBLACIÓN"] is SectionKind.DIAGNOSIS
    assert found["TÍTULO 2. RÍOS Y BOSQUES"] is SectionKind.STRATEGY


def test_a_table_of_what_was_spent_leaves_a_diagnosis_what_it_is() -> None:
    """Rows of programmes with two figures tell of years past."""
    found = kinds(
        "PRIMERA PARTE COMPONENTE DIAGNÓSTICO", [TEXT] * 30,
        "TÍTULO 1. LAS CUENTAS", ["Programa de deporte 508 420", "Programa de cultura 845 442"] * 10,
    )  # fmt: skip
    assert found["TÍTULO 1. LAS CUENTAS"] is SectionKind.DIAGNOSIS


def test_a_diagnosis_divided_by_axes_or_dimensions_stays_diagnosis() -> None:
    """The strategy's axes order the diagnosis as well; where they hold no targets they are diagnosis."""
    found = kinds(
        "CAPÍTULO I DIAGNÓSTICO", TEXT,
        "1. LÍNEA ESTRATÉGICA CAMPO Y CIUDAD", [TEXT] * 20,
        "CAPÍTULO II LO QUE HAREMOS", TEXT,
        "LÍNEA ESTRATÉGICA CAMPO Y CIUDAD", PROGRAMME * 4,
    )  # fmt: skip
    assert found["1. LÍNEA ESTRATÉGICA CAMPO Y CIUDAD"] is SectionKind.DIAGNOSIS
    assert found["LÍNEA ESTRATÉGICA CAMPO Y CIUDAD"] is SectionKind.STRATEGY


def test_an_investment_plan_divided_by_axes_stays_investment() -> None:
    """The amounts of the strategy's axes are no strategy."""
    found = kinds("CAPÍTULO I PLAN PLURIANUAL DE INVERSIONES", TEXT, "EJE 1: CIUDAD", BUDGET * 6)
    assert found["EJE 1: CIUDAD"] is SectionKind.INVESTMENT


def test_a_chapter_that_only_names_investing_is_no_investment_plan() -> None:
    """``Invertir en la gente`` is what every plan wants; amounts tell a part about money."""
    found = kinds(
        "CAPÍTULO I INVERSIÓN EN LA GENTE", PROGRAMME * 10,
        "CAPÍTULO II LA INVERSIÓN DEL CUATRIENIO", BUDGET * 10,
    )  # fmt: skip
    assert found["CAPÍTULO I INVERSIÓN EN LA GENTE"] is SectionKind.STRATEGY
    assert found["CAPÍTULO II LA INVERSIÓN DEL CUATRIENIO"] is SectionKind.INVESTMENT


def test_a_section_of_amounts_is_an_account_whatever_its_title_hints() -> None:
    """``Metas`` of a surplus are no targets."""
    found = kinds("1. METAS DE SUPERÁVIT", [*BUDGET, "980.000"] * 8, "2. METAS DE LA NIÑEZ", [TEXT] * 3)
    assert found == {
        "1. METAS DE SUPERÁVIT": SectionKind.INVESTMENT,
        "2. METAS DE LA NIÑEZ": SectionKind.STRATEGY,
    }


def test_following_up_something_else_is_no_part_of_the_plan() -> None:
    """Only the follow-up of the plan closes the strategy and opens the part about monitoring."""
    found = kinds(
        "CAPÍTULO I PARTE ESTRATÉGICA", TEXT,
        "SECTOR: SALUD", TEXT,
        "SEGUIMIENTO Y CONTROL DEL SERVICIO DE URGENCIAS", TEXT,
        "PROGRAMA 2: HOSPITALES", TEXT,
        "SEGUIMIENTO Y EVALUACIÓN DEL PLAN", TEXT,
    )  # fmt: skip
    assert found["SEGUIMIENTO Y CONTROL DEL SERVICIO DE URGENCIAS"] is SectionKind.STRATEGY
    assert found["PROGRAMA 2: HOSPITALES"] is SectionKind.STRATEGY
    assert found["SEGUIMIENTO Y EVALUACIÓN DEL PLAN"] is SectionKind.MONITORING


def test_the_title_of_an_article_holds_the_name_of_its_programme() -> None:
    """On its line or the next, up to the stop or colon that ends the name."""
    lines = [
        "ARTÍCULO 7. PROGRAMA. VECINOS QUE CONVIVEN EN PAZ: Este programa busca que los",
        "barrios resuelvan sus conflictos sin violencia.",
        "ARTÍCULO 8°. Programa Acompañamiento a las familias desplazadas y a",
        "las comunidades de la ribera.",
        TEXT,
        "ARTÍCULO 9°. Programa cuidado de ríos y",
        "quebradas.",
        TEXT,
    ]
    assert [title for _, title in tree(page(1, lines))] == [
        "ARTÍCULO 7. PROGRAMA. VECINOS QUE CONVIVEN EN PAZ",
        "ARTÍCULO 8°. Programa Acompañamiento a las familias desplazadas y a las comunidades de la ribera.",
        "ARTÍCULO 9°. Programa cuidado de ríos y quebradas.",
    ]


def test_an_article_that_lists_projects_is_not_named_after_the_first() -> None:
    """In the plural what follows is a list."""
    lines = ["ARTÍCULO 20. PROYECTOS 1. Escuelas abiertas los sábados para niños y jóvenes del barrio", TEXT]
    assert [title for _, title in tree(page(1, lines))] == ["ARTÍCULO 20. PROYECTOS 1"]


def test_rows_of_a_budget_and_torn_labels_are_no_headings() -> None:
    """Empty cells, amounts, totals, names of rows, letters off a map, the caption above a source line."""
    lines = [
        "LA HACIENDA DEL MUNICIPIO", TEXT,
        "1.1.4. CERVEZA - - - -", TEXT,
        "1.2.3 TRANSFERENCIAS 89.987.370", TEXT,
        "1.2.4 REGALÍAS", "4.480.500", TEXT,
        "GRAN TOTAL", TEXT,
        "CAS ER ÍO LA H ON DA", TEXT,
        "RECAUDO POR VIGENCIAS", "Fuente: Secretaría de Hacienda", TEXT,
        "LO QUE DICE LA LEY 1.448", TEXT,
    ]  # fmt: skip
    assert [title for _, title in tree(page(1, lines))] == [
        "LA HACIENDA DEL MUNICIPIO",
        "LO QUE DICE LA LEY 1.448",
    ]


def test_people_with_their_offices_are_no_headings() -> None:
    """Four or more titles with nothing but an entry of a line or two below each are a list."""
    names = ["ANA LUCÍA PÉREZ", "JOSÉ ARIAS", "MARTA RÍOS", "PEDRO SALAS"]
    lines = [text for name in names for text in (name, "Secretaría de Vivienda y Obras")]
    assert tree(page(1, [*lines, TEXT, TEXT, "NUESTRA VISIÓN", TEXT])) == [(1, "NUESTRA VISIÓN")]
