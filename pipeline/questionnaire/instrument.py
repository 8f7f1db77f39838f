"""The instrument: ten points, six dimensions, thirty questions each, four criteria a question."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

from pipeline.model import CRITERION_KEYS, DIMENSION_IDS, POINT_IDS


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the Decálogo."""

    id: str
    name: str
    scope: str


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension that every point is judged in."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the four criteria of a question."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A base question; ``text`` holds ``{punto}`` where a point's name goes."""

    id: str
    dimension: str
    text: str
    criteria: tuple[Criterion, ...]

    def text_for(self, point: Point) -> str:
        """The question with the point's name in it."""
        return self.text.replace("{punto}", point.name)

    def id_for(self, point: Point) -> str:
        """Identifier of the question for a point, e.g. ``P1-D1-Q1``."""
        return f"{point.id}-{self.id}"


@dataclass(frozen=True, slots=True)
class Instrument:
    """The whole instrument. A question's score is ``scale_max`` × criteria met / 4."""

    version: str
    scale_max: float
    points: tuple[Point, ...]
    dimensions: tuple[Dimension, ...]
    questions: tuple[Question, ...]

    def question_ids(self) -> tuple[str, ...]:
        """The 300 identifiers in the order of the instrument."""
        return tuple(question.id_for(point) for point in self.points for question in self.questions)


def load_instrument() -> Instrument:
    """Read ``questionnaire.toml``.

    Raises:
        ValueError: points, dimensions or questions are not the ten, six and thirty of the instrument.
    """
    text = resources.files(__package__).joinpath("questionnaire.toml").read_text("utf-8")
    table = tomllib.loads(text)
    points = tuple(Point(row["id"], row["name"], row["scope"]) for row in table["point"])
    dimensions = tuple(Dimension(row["id"], row["name"]) for row in table["dimension"])
    questions = tuple(
        Question(
            row["id"],
            row["id"].split("-")[0],
            row["text"],
            tuple(Criterion(key, row[key]) for key in CRITERION_KEYS),
        )
        for row in table["question"]
    )
    instrument = Instrument(table["version"], float(table["scale_max"]), points, dimensions, questions)
    _check(instrument)
    return instrument


def _check(instrument: Instrument) -> None:
    expected = tuple(f"{dimension}-Q{number}" for dimension in DIMENSION_IDS for number in range(1, 6))
    if tuple(point.id for point in instrument.points) != POINT_IDS:
        raise ValueError("the instrument's points are not P1 to P10")
    if tuple(dimension.id for dimension in instrument.dimensions) != DIMENSION_IDS:
        raise ValueError("the instrument's dimensions are not D1 to D6")
    if tuple(question.id for question in instrument.questions) != expected:
        raise ValueError("the instrument's questions are not the thirty expected")
