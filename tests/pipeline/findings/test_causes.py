"""Cause–effect statements: direction, kind, polarity, and what is no statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from findings_builders import plan, profile, quoted

from pipeline.nodes.causal_detection import MAX_PER_SEGMENT, causal_detection

if TYPE_CHECKING:
    from pipeline.model import CausalStatement, Segmentation


def _found(*parts: str) -> tuple[Segmentation, tuple[CausalStatement, ...]]:
    segmentation = plan(*parts)
    return segmentation, causal_detection(segmentation, profile=profile())


@pytest.mark.parametrize(
    ("sentence", "cause", "effect", "kind"),
    [
        (
            "La deserción escolar aumentó debido a la pobreza de las familias rurales.",
            "la pobreza de las familias rurales",
            "La deserción escolar aumentó",
            "causa",
        ),
        (
            "La tala indiscriminada en las cuencas, lo que genera desabastecimiento de agua.",
            "La tala indiscriminada en las cuencas",
            "desabastecimiento de agua",
            "causa",
        ),
        (
            "Debido a la presencia de grupos armados, 350 familias fueron desplazadas.",
            "la presencia de grupos armados",
            "350 familias fueron desplazadas",
            "causa",
        ),
        (
            "Construir el hogar de paso con el fin de proteger a las mujeres víctimas.",
            "Construir el hogar de paso",
            "proteger a las mujeres víctimas",
            "fin",
        ),
        (
            "Capacitar a los docentes rurales para mejorar los resultados de las pruebas.",
            "Capacitar a los docentes rurales",
            "mejorar los resultados de las pruebas",
            "fin",
        ),
        (
            "Mediante la formación de líderes comunales se logrará una mayor participación.",
            "la formación de líderes comunales",
            "se logrará una mayor participación",
            "fin",
        ),
        (
            "La nueva planta de tratamiento permitirá reducir la contaminación del río.",
            "La nueva planta de tratamiento",
            "reducir la contaminación del río",
            "fin",
        ),
    ],
)
def test_reads_cause_and_effect_the_right_way_round(
    sentence: str, cause: str, effect: str, kind: str
) -> None:
    """Whatever the order of the clauses, cause and effect are told apart."""
    segmentation, statements = _found(sentence)
    (statement,) = statements
    assert quoted(segmentation, span=statement.cause) == cause
    assert quoted(segmentation, span=statement.effect) == effect
    assert statement.kind == kind


@pytest.mark.parametrize(
    "sentence",
    [
        "Se realizaron talleres dirigidos a la población desplazada del municipio.",
        "En la zona rural se generan ingresos de la pesca artesanal.",
        "La meta de producto de la vigencia quedó en el plan indicativo.",
        "Los municipios cuentan con recursos para 2013 y tienen gastos fijos.",
        "Es importante resaltar que, debido a ello, nada cambia.",
        "Existen obstáculos para garantizar el acceso al suelo urbano.",
        "Hay personas buscando empleo en la cabecera municipal.",
    ],
)
def test_words_that_look_like_connectors_are_left_alone(sentence: str) -> None:
    """An audience, a reflexive, a kind of target or a purpose without an action states no cause."""
    assert _found(sentence)[1] == ()


@pytest.mark.parametrize(
    ("sentence", "cause", "effect"),
    [
        (
            "Las bibliotecas rurales permanecen cerradas por falta de personal idóneo.",
            "falta de personal idóneo",
            "Las bibliotecas rurales permanecen cerradas",
        ),
        (
            "Las riñas aumentan por la ausencia de espacios de diálogo.",
            "ausencia de espacios de diálogo",
            "Las riñas aumentan",
        ),
        (
            "Aunque existe un plan, debido al mal manejo de los escombros, se han identificado nueve botaderos.",
            "mal manejo de los escombros",
            "se han identificado nueve botaderos",
        ),
        (
            "Construir aulas con el fin de ampliar la cobertura escolar, sin embargo persiste la deserción.",
            "Construir aulas",
            "ampliar la cobertura escolar",
        ),
        (
            "Se requiere trabajar con las familias con el fin de cambiar conductas que están generando maltrato.",
            "Se requiere trabajar con las familias",
            "cambiar conductas que están generando maltrato",
        ),
        (
            "Erradicar los basureros y mitigar los daños ambientales ocasionados por el manejo de residuos.",
            "el manejo de residuos",
            "los daños ambientales",
        ),
        (
            "Dotar los hogares de paso para mejorar la atención y promover la convivencia familiar.",
            "Dotar los hogares de paso",
            "mejorar la atención y promover la convivencia familiar",
        ),
    ],
)
def test_a_clause_is_whole_and_no_longer_than_it_is(sentence: str, cause: str, effect: str) -> None:
    """A lack belongs to the cause, another assertion to no clause, and none is cut where its meaning would turn."""
    segmentation, statements = _found(sentence)
    clauses = [
        (quoted(segmentation, span=item.cause), quoted(segmentation, span=item.effect)) for item in statements
    ]
    assert (cause, effect) in clauses


@pytest.mark.parametrize(
    "sentence",
    [
        "Diseñar y aplicar la ruta y promover condiciones óptimas para las familias, cerrando brechas.",
        "Y promover el deporte rural, se dotarán escenarios en las veredas.",
        "No. de estrategias para garantizar el acceso a la justicia",
        "Número de proyectos que permitan organizar el comercio minorista",
        "de proyectos implementados para incrementar la participación deportiva",
        "de campañas de difusión para proteger a los niños de las veredas",
        "A través de este proyecto comunitario se logrará:",
        "Porcentaje de familias que aplican pautas que generan diálogo familiar",
        "Los puestos de salud no cuentan con el personal necesario para garantizar la prestación del servicio.",
        "El consumo crece no solo porque más personas lo hacen.",
    ],
)
def test_names_of_indicators_and_lacks_are_no_means(sentence: str) -> None:
    """What is counted, what is not there and what is denied brings nothing about."""
    assert _found(sentence)[1] == ()


def test_what_is_counted_within_prose_is_no_name() -> None:
    """Raising a number is an action like any other."""
    _, statements = _found("Aumentar el número de aulas para garantizar la cobertura escolar.")
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("sentence", "kind", "polarity"),
    [
        ("Las ventas informales contribuyen a la inseguridad del centro.", "causa", "desfavorable"),
        ("La escuela contribuye a la reducción de la violencia en las veredas.", "fin", "favorable"),
        (
            "El programa contribuye a la atención de la población vulnerable del municipio.",
            "fin",
            "favorable",
        ),
    ],
)
def test_what_contributes_to_harm_is_a_cause(sentence: str, kind: str, polarity: str) -> None:
    """Nobody means harm: "contribuye a la inseguridad" explains, "contribuye a reducirla" aims."""
    assert [(item.kind, item.polarity) for item in _found(sentence)[1]] == [(kind, polarity)]


@pytest.mark.parametrize(
    ("sentence", "polarity"),
    [
        ("La minería ilegal ocasiona contaminación de las fuentes hídricas.", "desfavorable"),
        ("Realizar campañas con el fin de disminuir la violencia intrafamiliar.", "favorable"),
        ("El turismo de naturaleza genera mejores ingresos para las familias.", "favorable"),
        ("La carretera nueva genera un trazado distinto del casco urbano.", "neutra"),
    ],
)
def test_polarity_is_that_of_the_effect(sentence: str, polarity: str) -> None:
    """Harm is adverse; less harm and more well-being are favourable."""
    assert [statement.polarity for statement in _found(sentence)[1]] == [polarity]


def test_lo_anterior_stands_for_the_sentence_before() -> None:
    """The cause of "lo anterior permitirá …" is what was said before it."""
    segmentation, statements = _found(
        "Se dotarán las bibliotecas públicas rurales. Lo anterior permitirá ampliar el acceso a la lectura."
    )
    (statement,) = statements
    assert quoted(segmentation, span=statement.cause) == "Se dotarán las bibliotecas públicas rurales"


def test_cells_of_a_row_are_separate_clauses() -> None:
    """A clause does not reach over the mark between two cells."""
    segmentation, statements = _found(
        "Acueducto rural | Dotar las sedes para garantizar la permanencia escolar | 5"
    )
    assert [quoted(segmentation, span=statement.effect) for statement in statements] == [
        "garantizar la permanencia escolar"
    ]


def test_statements_come_in_order_and_bounded() -> None:
    """A paragraph of connectors yields no more than the cap, in order of position."""
    _, statements = _found("La pobreza de las familias genera deserción escolar rural; " * 40)
    assert len(statements) == MAX_PER_SEGMENT
    assert [s.span.start for s in statements] == sorted(s.span.start for s in statements)
