"""Contradictions an analyst should see, and the near misses that must stay silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from findings_builders import cell, plan, profile, quoted, relevance, row
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import ColumnRole, TableRow
from pipeline.nodes.contradiction_detection import contradiction_detection
from pipeline.nodes.responsibility_detection import responsibility_detection

if TYPE_CHECKING:
    from pipeline.model import Contradiction, Segmentation


def _found(segmentation: Segmentation) -> tuple[Contradiction, ...]:
    return contradiction_detection(
        segmentation,
        profile=profile(),
        relevance=relevance(segmentation, about={}),
        responsibilities=responsibility_detection(segmentation, profile=profile()),
    )


def _target(name: str, target: str, **options: str) -> TableRow:
    head = options.get("head", "META 2012-2015")
    cells = [cell(ColumnRole.INDICATOR, name), cell(ColumnRole.TARGET, target, head=head)]
    if "baseline" in options:
        cells.append(cell(ColumnRole.BASELINE, options["baseline"], head="LÍNEA BASE 2011", year=2011))
    return row(*cells)


def _budget(*values: str, total: str, unit: str = "Inversión en pesos") -> TableRow:
    years = [cell(ColumnRole.YEAR, value, year=2012 + n) for n, value in enumerate(values)]
    return row(
        cell(ColumnRole.PROGRAMME, "Mujer rural"),
        *years,
        cell(ColumnRole.BUDGET, total, head="TOTAL"),
        title=unit,
    )


NAME = "Mujeres víctimas de violencia intrafamiliar con ruta de atención jurídica"

BETWEEN = ("Otra página.", "Otra página más.", "Y otra página.")


def test_one_indicator_with_two_targets_is_a_contradiction() -> None:
    """Same name, same unit, same horizon, two values, two places: both are shown with a Spanish reason."""
    segmentation = plan(_target(NAME, "60%"), *BETWEEN, _target(NAME, "80%"))
    (found,) = _found(segmentation)
    assert (found.kind, found.left_value, found.right_value) == ("meta", "60%", "80%")
    assert quoted(segmentation, span=found.left) == quoted(segmentation, span=found.right) == NAME
    assert found.reason.startswith("El indicador «Mujeres víctimas")


def test_two_baselines_of_one_year_are_a_contradiction() -> None:
    """The starting point of one year cannot have two values."""
    segmentation = plan(_target(NAME, "60%", baseline="12%"), *BETWEEN, _target(NAME, "60%", baseline="19%"))
    assert [(item.kind, item.left_value, item.right_value) for item in _found(segmentation)] == [
        ("cifra", "12%", "19%")
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (_target(NAME, "60%"), _target(NAME, "60%")),
        (_target(NAME, "60%"), _target(NAME, "80 mujeres")),
        (_target(NAME, "60%", head="META 2012-2013"), _target(NAME, "80%", head="META 2012-2015")),
        (_target("Número de talleres realizados", "4"), _target("Número de talleres realizados", "6")),
        (
            _target("Niños menores de 1 año vacunados contra sarampión rubeola y paperas", "90%"),
            _target("Niños menores de 5 años vacunados contra sarampión rubeola y paperas", "95%"),
        ),
    ],
    ids=["same value", "other unit", "other horizon", "generic name", "other subject"],
)
def test_differences_that_are_no_contradiction_stay_silent(left: TableRow, right: TableRow) -> None:
    """An analyst looks at each alarm: what explains the difference silences it."""
    assert _found(plan(left, *BETWEEN, right)) == ()


def test_the_same_name_in_neighbouring_rows_is_a_catalogue() -> None:
    """Rows of one table may repeat a product's name for each programme."""
    assert _found(plan(_target(NAME, "60%"), _target(NAME, "80%"))) == ()


def test_a_total_that_is_not_the_sum_of_its_years_is_a_contradiction() -> None:
    """100 + 200 + 300 + 400 million do not make 1,100 million."""
    table = _budget("100.000.000", "200.000.000", "300.000.000", "400.000.000", total="1.100.000.000")
    (found,) = _found(plan(table))
    assert (found.kind, found.left_value, found.right_value) == ("cifra", "1.100.000.000", "1.000.000.000")


@pytest.mark.parametrize(
    "table",
    [
        _budget("100.000.000", "200.000.000", "300.000.000", "400.000.000", total="1.000.000.001"),
        _budget("100.000.000", "200.000.000", "300.000.000", "400.000.000", total="9.000.000"),
        _budget("10", "20", "30", "40", total="100", unit="Alumnos matriculados"),
        _budget("10", "20", "30", "45", total="100", unit="Alumnos matriculados"),
    ],
    ids=["rounding", "misread columns", "people", "people who moved"],
)
def test_totals_that_fit_or_cannot_be_trusted_stay_silent(table: TableRow) -> None:
    """Rounding, columns that were misread and tables of people raise no alarm."""
    assert _found(plan(table)) == ()


@settings(deadline=None)
@given(st.lists(st.integers(min_value=1_000_000, max_value=10**10), min_size=4, max_size=4))
def test_a_true_total_is_never_an_alarm(values: list[int]) -> None:
    """Whatever the years hold, their sum is their total."""
    written = [f"{value:,}".replace(",", ".") for value in (*values, sum(values))]
    assert _found(plan(_budget(*written[:-1], total=written[-1]))) == ()


def test_a_run_of_amounts_that_nearly_adds_up_is_a_contradiction() -> None:
    """Where columns were lost, a last amount near but not at the sum is a wrong total."""
    wrong = plan("Predial $ 100.000.000 $ 110.000.000 $ 120.000.000 $ 130.000.000 $ 500.000.000")
    right = plan("Predial $ 100.000.000 $ 110.000.000 $ 120.000.000 $ 130.000.000 $ 460.000.000")
    assert [item.kind for item in _found(wrong)] == ["cifra"]
    assert _found(right) == ()


@pytest.mark.parametrize(
    ("sentence", "alarms"),
    [
        ("Adóptese el Plan de Desarrollo 2012-2014 del municipio.", 1),
        ("Se evaluó el Plan de Desarrollo 2008-2011 de la administración anterior.", 0),
        ("En armonía con el Plan Nacional de Desarrollo 2010-2014.", 0),
        ("El Plan de Desarrollo Departamental 2012-2014 se consultó.", 0),
    ],
)
def test_another_period_for_the_plan_itself_is_a_contradiction(sentence: str, alarms: int) -> None:
    """Only the plan's own period with one wrong year, not the plans of others or before."""
    segmentation = plan("El plan de desarrollo 2012-2015 rige desde su publicación.", sentence)
    assert [item.kind for item in _found(segmentation)] == ["fecha"] * alarms


def test_one_task_with_two_sole_responsibles_is_a_contradiction() -> None:
    """The same task under two offices, each alone."""
    task = "Operar la ruta de atención a mujeres víctimas de violencia sexual"
    rows = [
        row(cell(ColumnRole.PROJECT, task), cell(ColumnRole.RESPONSIBLE, office))
        for office in ("Secretaría de Salud", "Comisaría de Familia")
    ]
    (found,) = _found(plan(*rows))
    assert (found.kind, found.left_value, found.right_value) == (
        "competencia",
        "Secretaría de Salud",
        "Comisaría de Familia",
    )


def test_one_task_shared_by_two_offices_is_none() -> None:
    """Two offices in one cell share the task."""
    task = "Operar la ruta de atención a mujeres víctimas de violencia sexual"
    both = row(
        cell(ColumnRole.PROJECT, task),
        cell(ColumnRole.RESPONSIBLE, "Secretaría de Salud y Comisaría de Familia"),
    )
    one = row(cell(ColumnRole.PROJECT, task), cell(ColumnRole.RESPONSIBLE, "Secretaría de Salud"))
    assert _found(plan(both, one)) == ()


def test_a_wrong_sum_is_shown_in_what_the_plan_prints() -> None:
    """In a table of thousands whose columns are lost, total and sum stand side by side as printed."""
    segmentation = plan(
        "Recursos $ 100.000 $ 200.000 $ 300.000 $ 400.000 $ 1.000.000",
        "(Miles de pesos)",
        "Vías 2.001.000 5.490.000 5.136.000 5.141.000 18.176.000",
    )
    (found,) = _found(segmentation)
    assert (found.left_value, found.right_value) == ("18.176.000", "17.768.000")
