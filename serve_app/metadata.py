"""What the sender says about a batch, checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from cluster.errors import INVALID_METADATA
from cluster.records import JobMetadata
from serve_app.problems import FieldsInvalid, field_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

PERIOD = re.compile(r"(20[0-9]{2})\s*[-–]\s*(20[0-9]{2})")
YEARS_IN_PERIOD = 4
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\.[^@\s.]{2,64}")
LIST_FIELDS = frozenset({"not_applicable_points"})
POINTS = frozenset(f"P{number}" for number in range(1, 11))


def _plain(value: Any) -> Any:
    """Text without control characters and outer space, so that it can stand in lists and file names."""
    return "".join(char for char in value if char.isprintable()).strip() if isinstance(value, str) else value


def _list(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


# The limits stand before what makes the text plain: that way they are those of a text, also in what is said of them.
Text = Annotated[str, Field(min_length=1, max_length=120), BeforeValidator(_plain)]
OptionalText = Annotated[str, Field(max_length=2000), BeforeValidator(_plain)]


class BatchMetadata(BaseModel):
    """Fields of the upload form. The flags switch nodes of the evaluation off."""

    model_config = ConfigDict(extra="forbid")

    municipality: Text = Field(examples=["Villa Esperanza del Yarí"])
    department: Text = Field(examples=["Caquetá"])
    year: int = Field(ge=1990, le=2100, examples=[2024])
    period: str = Field(examples=["2024-2027"], description="Four years, first and last")
    requester_name: OptionalText = ""
    requester_email: Annotated[str, BeforeValidator(_plain)] = ""
    notes: OptionalText = ""
    callback_url: Annotated[str, Field(max_length=1000), BeforeValidator(_plain)] = Field(
        default="",
        description="Told when the batch has ended; only on hosts that the service allows",
        examples=["https://avisos.example.org/decalogo"],
    )
    enable_causal_analysis: bool = True
    enable_contradiction_detection: bool = True
    enable_responsibility_detection: bool = True
    enable_monetary_detection: bool = True
    enable_feasibility_scoring: bool = True
    evaluate_non_plans: bool = False
    not_applicable_points: Annotated[list[str], BeforeValidator(_list)] = Field(
        default=[], examples=[["P10"]]
    )

    @field_validator("period")
    @classmethod
    def _period(cls, value: str) -> str:
        match = PERIOD.fullmatch(value.strip())
        if not match or int(match[2]) - int(match[1]) != YEARS_IN_PERIOD - 1:
            raise ValueError("debe tener la forma 2024-2027, de cuatro años")
        return f"{match[1]}-{match[2]}"

    @field_validator("requester_email")
    @classmethod
    def _email(cls, value: str) -> str:
        value = value.strip()
        if value and not EMAIL.fullmatch(value):
            raise ValueError("no es una dirección de correo")
        return value

    @field_validator("not_applicable_points")
    @classmethod
    def _points(cls, value: list[str]) -> list[str]:
        unknown = sorted(set(value) - POINTS)
        if unknown:
            raise ValueError("solo puede contener P1 a P10")
        if not POINTS - set(value):
            raise ValueError("al menos un punto debe aplicar")
        return sorted(set(value), key=lambda point: int(point[1:]))

    def to_job(self) -> JobMetadata:
        """The form in which the registry keeps it; ``options`` are those of the pipeline, by name."""
        said = self.model_dump()
        options = {name: value for name, value in said.items() if name.startswith("enable_")}
        options["evaluate_non_plans"] = self.evaluate_non_plans
        options["not_applicable_points"] = self.not_applicable_points
        return JobMetadata(
            municipality=self.municipality,
            department=self.department,
            year=self.year,
            period=self.period,
            requester_name=self.requester_name,
            requester_email=self.requester_email,
            notes=self.notes,
            options=options,
            callback_url=self.callback_url,
        )


def read_metadata(fields: Mapping[str, Any]) -> BatchMetadata:
    """Check the fields of a form or a JSON body; empty optional fields count as absent.

    Raises:
        FieldsInvalid: INVALID_METADATA with every field that is missing, unknown or not valid.
    """
    given = {name: value for name, value in fields.items() if value != ""}
    try:
        return BatchMetadata.model_validate(given)
    except ValidationError as error:
        raise FieldsInvalid(INVALID_METADATA, field_problems(error.errors())) from None
