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
