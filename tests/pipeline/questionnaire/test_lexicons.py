"""Which words make a passage speak of a point, and which only seem to."""

from __future__ import annotations

import pytest

from pipeline.lexicons import load_lexicons
from pipeline.lexicons.point_words import NAMED, PointWords
from pipeline.lexicons.term_matching import JoinedTexts, TermMatcher
from pipeline.model import POINT_IDS
from pipeline.questionnaire.rules import load_rules, parse_rule
from pipeline.text import fold


def _named(text: str) -> set[str]:
    weights = PointWords.load().weigh(JoinedTexts([fold(text)])).weights[0]
    return {point for point, weight in zip(POINT_IDS, weights, strict=True) if weight >= NAMED}


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("Prevenir el feminicidio y la violencia contra la mujer", {"P1"}),
        ("La roca madre aflora en el cerro", set()),
        ("Hombres y mujeres de todo el municipio construyeron este plan", set()),
        ("Reducir la brecha salarial entre hombres y mujeres", {"P1"}),
        ("Fueron amenazados 17 líderes y lideresas", {"P8"}),
        ("Encuentro de lideresas rurales", {"P1"}),
        ("Sustitución de cultivos de uso ilícito con el PNIS", {"P2", "P5"}),
        ("La Defensa Civil atiende las inundaciones", {"P3"}),
        ("Reclutamiento de niños por grupos armados", {"P2", "P6"}),
        ("Atender a las víctimas de accidentes de tránsito", set()),
        ("Reparación de la vía principal", set()),
        ("Construcción y reparación de bocatomas y de la cancha", set()),
        ("Reparación de dos casetas comunales", set()),
        ("Reparación integral a las víctimas", {"P5"}),
        ("Rutas de atención y reparación colectiva", {"P5"}),
        ("Índice de convivencia ciudadana: animales atendidos en el coso", set()),
        ("Mejorar la convivencia ciudadana", {"P2"}),
        ("Ampliar la frontera agrícola", {"P4", "P7"}),
        ("Atender a la población migrante venezolana", {"P10"}),
        ("Capacitar a los líderes comunitarios en contratación", set()),
        ("Proteger a los defensores y defensoras del territorio", {"P8"}),
        ("Formar líderes sociales en presupuesto participativo", set()),
        ("Medidas frente a las amenazas contra los líderes comunales", {"P8"}),
        ("Mejorar la cárcel municipal", {"P9"}),
        ("Saneamiento fiscal y contable", set()),
        ("Actualizar el plan de ordenamiento territorial", {"P7"}),
        ("El fenómeno del Niño reduce las lluvias", {"P3"}),
    ],
)
def test_words_name_their_point_and_no_other(text: str, points: set[str]) -> None:
    """A passage belongs to the points its words speak of; look-alikes belong to none."""
    assert _named(text) == points


def test_there_is_a_lexicon_for_each_point() -> None:
    """The ten lexicons stand in the order of the points, each with strong terms."""
    assert tuple(lexicon.point for lexicon in load_lexicons()) == POINT_IDS
    assert all(lexicon.strong for lexicon in load_lexicons())


def test_terms_match_whole_words_and_open_endings() -> None:
    """A term matches whole words; a final star any ending, an inner star plurals and participles."""
    matcher = TermMatcher(
        {"plain": ["pot"], "open": ["capacit*"], "inner": ["articulad* con", "lider* social"]}
    )
    texts = [
        "el pot vigente",
        "potable",
        "se capacitaron",
        "articulados con",
        "lideres social",
        "incapacitar",
    ]
    joined = JoinedTexts(texts)
    found = matcher.matches(joined)
    groups = [matcher.groups[group] for group in found.group]
    assert list(zip(joined.text_at(found.start).tolist(), groups, strict=True)) == [
        (0, "plain"),
        (2, "open"),
        (3, "inner"),
        (4, "inner"),
    ]


def test_every_criterion_of_the_instrument_has_a_rule_with_its_reason() -> None:
    """The 120 criteria are judged by 120 entries, each with a reason and what it looks for."""
    rules = load_rules()
    assert len(rules) == 120
    assert all(rule.reason and rule.looked_for for rule in rules.values())


@pytest.mark.parametrize("text", ["", "=0.8", "cue =0", "cue =1.5"])
def test_broken_rules_are_refused(text: str) -> None:
    """A rule without features or with a strength outside 0..1 is an error, not a rule that never holds."""
    with pytest.raises(ValueError, match="not a rule"):
        parse_rule(text)


def test_every_term_can_be_found() -> None:
    """Texts are folded before words are looked for: a term with an accent or ñ would never be found."""
    terms = (
        term
        for lexicon in load_lexicons()
        for term in (*lexicon.strong, *lexicon.weak, *lexicon.exclude, *lexicon.beside)
    )
    assert [term for term in terms if fold(term) != term] == []
