"""Who is named and who is made responsible, on sentences as plans write them."""

from __future__ import annotations

import dataclasses

import pytest
from findings_builders import cell, plan, profile, quoted, row

from pipeline.model import ColumnRole, Responsibility
from pipeline.nodes.responsibility_detection import MAX_RESPONSIBILITIES, responsibility_detection


def _found(*parts: object, **options: object) -> tuple[Responsibility, ...]:
    return responsibility_detection(plan(*parts, **options), profile=profile())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sentence", "entity", "kind"),
    [
        (
            "La Secretaría de Gobierno coordinará la formulación del plan de prevención y protección.",
            "Secretaría de Gobierno",
            "dependencia",
        ),
        (
            "El seguimiento estará a cargo de la Oficina Asesora de Planeación.",
            "Oficina de Planeación",
            "dependencia",
        ),
        ("Responsable: Secretaría de Salud Municipal de Neiva", "Secretaría de Salud", "dependencia"),
        ("RESPONSABLES SECRETARIA DE OBRAS PÚBLICAS", "Secretaría de Obras Públicas", "dependencia"),
        (
            "La ruta de atención será liderada por la Comisaría de Familia en los cuatro años.",
            "Comisaría de Familia",
            "dependencia",
        ),
        (
            "El ICBF será la entidad responsable de los hogares infantiles.",
            "Instituto Colombiano de Bienestar Familiar (ICBF)",
            "entidad_nacional",
        ),
        (
            "El Comité Territorial de Justicia Transicional elaborará el plan de acción.",
            "Comité Territorial de Justicia Transicional",
            "instancia",
        ),
        (
            "A través de la Secretaría de Educación se implementará el programa de alimentación escolar.",
            "Secretaría de Educación",
            "dependencia",
        ),
        (
            "La CAM ejecutará la reforestación de las cuencas.",
            "Corporación Autónoma Regional del Alto Magdalena (CAM)",
            "entidad_departamental",
        ),
        (
            "Las Juntas de Acción Comunal tendrán a su cargo el mantenimiento del acueducto veredal.",
            "Juntas de Acción Comunal",
            "comunidad",
        ),
    ],
)
def test_assigns_the_entity_the_sentence_makes_responsible(sentence: str, entity: str, kind: str) -> None:
    """A cue before the entity or a verb after it makes it responsible, under its canonical name."""
    assigned = [item for item in _found(sentence) if item.assigned]
    assert [(item.entity, item.kind) for item in assigned] == [(entity, kind)]


@pytest.mark.parametrize(
    "sentence",
    [
        "La Secretaría de Educación atendió 3.200 niños en el año 2011.",
        "Según la Secretaría de Salud, la tasa disminuyó.",
        "Se socializó el diagnóstico con la Personería Municipal y el SENA.",
        "La Secretaría de Planeación informa que el municipio deberá actualizar el PBOT.",
        "El gobierno solicitó que la Policía Nacional aumentara el pie de fuerza.",
        "Los sistemas de control interno, se promoverá la gestión por procesos.",
        "Fue avalado por las organizaciones de las comunidades indígenas, cuyo documento hará parte del plan.",
        "La visión que la Administración, en cabeza de la Alcaldesa Rosa Mina, y que plasmamos, nos alienta.",
        "Bajo el liderazgo de la Comisión Municipal de Planeación, se construyó el pacto por las veredas.",
        "El artículo 40 de la Ley 152 establece que el Departamento Nacional de Planeación coordinará el sistema.",
        "El plan recibe un lote con cuyo producto se financian gastos a cargo de la Secretaría de Salud.",
    ],
)
def test_leaves_an_entity_that_is_only_named_unassigned(sentence: str) -> None:
    """Past deeds, sources and reported speech make nobody responsible."""
    assert not [item for item in _found(sentence) if item.assigned]


@pytest.mark.parametrize(
    "sentence",
    [
        "Fuente: DANE, proyección 2012.",
        "Fuente. DANE 2005",
        "Fuente: MADS; SSPD; DNP",
        "Las mismas oportunidades para la prosperidad social de las familias.",
        "La planta y el servicio de medicina legal del hospital.",
        "Subir los puntajes en las pruebas ICFES de los colegios.",
        "Los Hogares de Bienestar Familiar del barrio.",
        "Se instaló una mesa de trabajo en la vereda.",
        "Tomó la dirección correcta y sena profunda en el camino.",
        "La comunidad participó en los talleres.",
        "El art. 5 de la ley y la señal de tránsito.",
    ],
)
def test_does_not_take_everyday_words_or_sources_for_entities(sentence: str) -> None:
    """A source of figures, "mesa de trabajo" or "seña" is no responsible entity."""
    assert _found(sentence) == ()


def test_entities_joined_to_an_assigned_one_share_its_task() -> None:
    """In "a cargo de A, B y C" all three are responsible."""
    found = _found("Estará a cargo de la Secretaría de Salud, la Comisaría de Familia y el ICBF.")
    assert [item.assigned for item in found] == [True, True, True]


def test_a_responsible_column_assigns_its_entities_the_rows_project() -> None:
    """The cell under RESPONSABLE names who does what the row's project says."""
    table = row(
        cell(ColumnRole.PROJECT, "Construir el hogar de paso"),
        cell(ColumnRole.TARGET, "1"),
        cell(ColumnRole.RESPONSIBLE, "Secretaría de Desarrollo Social – ICBF"),
    )
    found = _found(table)
    assert [item.entity for item in found] == [
        "Secretaría de Desarrollo Social",
        "Instituto Colombiano de Bienestar Familiar (ICBF)",
    ]
    assert all(item.assigned and item.task == "Construir el hogar de paso" for item in found)


def test_a_responsible_cell_that_names_only_the_matter_is_an_office() -> None:
    """The word "Planeación" under RESPONSABLE is the planning office; a footnote under it is nobody."""
    office = row(cell(ColumnRole.PROJECT, "Actualizar el PBOT"), cell(ColumnRole.RESPONSIBLE, "Planeación"))
    note = row(
        cell(ColumnRole.PROJECT, "Actualizar el PBOT"),
        cell(ColumnRole.RESPONSIBLE, "* Nota: sujeto a gestión nacional e internacional"),
    )
    assert [(item.entity, item.kind) for item in _found(office)] == [("Planeación", "dependencia")]
    assert _found(note) == ()


def test_a_department_makes_a_secretariat_departmental() -> None:
    """The health secretariat of the department is not an office of the municipality."""
    found = _found("La Secretaría de Salud Departamental del Huila realizará la auditoría.")
    assert [item.kind for item in found] == ["entidad_departamental"]


def test_the_task_says_what_the_entity_is_to_do() -> None:
    """The task is the rest of the sentence, in the plan's own words."""
    found = _found("La Secretaría de Hacienda presentará informes trimestrales al Concejo.")
    assert found[0].task == "presentará informes trimestrales al Concejo"


@pytest.mark.parametrize(
    ("sentence", "task"),
    [
        (
            "La entrega de la ayuda, a cargo de la Personería Municipal, se ha demorado por el estado de las vías.",
            "La entrega de la ayuda",
        ),
        (
            "La Secretaría de Educación del Municipio de Neiva, liderará la formación de los docentes rurales.",
            "liderará la formación de los docentes rurales",
        ),
        (
            "Adecuar el puesto de control para ser liderado por la Armada Nacional.",
            "Adecuar el puesto de control",
        ),
    ],
)
def test_the_task_is_on_the_side_of_the_cue_that_says_it(sentence: str, task: str) -> None:
    """What is charged stands before "a cargo de", however long the rest is; names and leading words leave the task."""
    assert [item.task for item in _found(sentence) if item.assigned] == [task]


def test_considerations_before_the_plan_assign_nothing() -> None:
    """They quote laws; the same sentence in the plan makes the mayor responsible."""
    sentence = "El respectivo Alcalde convocará a sesiones extraordinarias al Concejo."
    assert [item.assigned for item in _found(sentence)] == [True]
    assert not [item for item in _found(sentence, headings=("CONSIDERANDO",)) if item.assigned]


@pytest.mark.parametrize(
    ("sentence", "entity"),
    [
        (
            "La Secretaría de Inclusión y Reconciliación Social atendió a 80 familias.",
            "Reconciliación Social",
        ),
        ("La Secretaría de Inclusión y Comfaca atendieron a 80 familias.", "Secretaría de Inclusión"),
    ],
)
def test_a_name_goes_on_after_y_with_another_matter(sentence: str, entity: str) -> None:
    """A capitalised matter belongs to the office; another organisation does not."""
    assert [item.entity.endswith(entity) for item in _found(sentence)] == [True]


def test_the_corporation_of_another_department_is_not_named_by_three_letters() -> None:
    """In Huila CAM is the environmental corporation; elsewhere it is a building."""
    sentence = plan("El CAM tiene cuatro pisos para atender al público.")
    elsewhere = dataclasses.replace(profile(), department="Cauca")
    assert len(responsibility_detection(sentence, profile=profile())) == 1
    assert responsibility_detection(sentence, profile=elsewhere) == ()


def test_spans_quote_the_entity_as_the_plan_writes_it() -> None:
    """The span holds the name as it stands in the text."""
    segmentation = plan("Será coordinado por la SECRETARÍA DE CULTURA Y TURISMO en 2013.")
    found = responsibility_detection(segmentation, profile=profile())
    assert quoted(segmentation, span=found[0].span) == "SECRETARÍA DE CULTURA Y TURISMO"
    assert found[0].entity == "Secretaría de Cultura y Turismo"


def test_a_hostile_list_of_names_stays_within_the_cap() -> None:
    """However often a document names an entity, the output is bounded."""
    found = _found("Responsable: Secretaría de Salud, " * (MAX_RESPONSIBILITIES + 500))
    assert len(found) == MAX_RESPONSIBILITIES
