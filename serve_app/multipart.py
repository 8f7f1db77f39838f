"""A multipart body read as it streams: what arrives is handed on piece by piece and never gathered.

Starlette's own form parser spools whole files first, and ``streaming-form-data`` would be a second parser beside
the one that comes with FastAPI; here each piece of a file can be sized, hashed, written or refused the moment
it is there. The grammar, and the limits of part headers, are python-multipart's.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cluster.errors import (
    INVALID_METADATA,
    MALFORMED_UPLOAD,
    UNSUPPORTED_MEDIA_TYPE,
    ServiceError,
)
from serve_app.file_names import clean_file_name
from serve_app.problems import NOT_UTF8, FieldProblem, FieldsInvalid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from python_multipart.multipart import MultipartCallbacks

FIELD_BYTES_MAX = 64 * 1024
FIELDS_MAX = 100


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file begins."""

    field: str
    name: str


@dataclass(frozen=True, slots=True)
class FileData:
    """The next bytes of the file that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The file that began last is complete."""


@dataclass(frozen=True, slots=True)
class Field:
    """A complete field that is no file."""

    name: str
    value: str


Part = FilePart | FileData | FileEnd | Field


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart form.

    Raises:
        ServiceError: UNSUPPORTED_MEDIA_TYPE.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:  # noqa: PLR2004  RFC 2046 allows 70
        raise ServiceError(UNSUPPORTED_MEDIA_TYPE, "Se espera multipart/form-data.")
    return boundary


async def parts(chunks: AsyncIterator[bytes], *, boundary: bytes) -> AsyncIterator[Part]:
    """Fields and pieces of files in the order in which they arrive.

    Raises:
        ServiceError: MALFORMED_UPLOAD, also when the closing boundary never came; INVALID_METADATA for a
            field that is too long or not in UTF-8, or too many of them.
    """
    collector = _Collector()
    parser = MultipartParser(boundary, collector.callbacks())
    async for chunk in chunks:
        if not chunk:
            continue
        try:
            parser.write(chunk)
        except FormParserError as error:
            raise ServiceError(MALFORMED_UPLOAD) from error
        for part in collector.take():
            yield part
    if not collector.ended:
        raise ServiceError(MALFORMED_UPLOAD)


class _Collector:
    """Turns the parser's callbacks into parts; data of one call is joined per file."""

    def __init__(self) -> None:
        self.ended = False
        self._parts: list[Part] = []
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[str, bytes] = {}
        self._field: str | None = None
        self._value = bytearray()
        self._fields = 0

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def take(self) -> list[Part]:
        parts, self._parts = self._parts, []
        return parts

    def _begin(self) -> None:
        self._headers = {}
        self._field = None
        self._value.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"name")
        if name is None:
            raise ServiceError(MALFORMED_UPLOAD)
        if b"filename" in options or b"filename*" in options:
            self._parts.append(
                FilePart(_text(name), _file_name(self._headers["content-disposition"], options))
            )
            return
        self._fields += 1
        if self._fields > FIELDS_MAX:
            raise ServiceError(INVALID_METADATA, "Hay demasiados campos.")
        self._field = _text(name)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._parts.append(FileData(data[start:end]))
            return
        self._value += data[start:end]
        if len(self._value) > FIELD_BYTES_MAX:
            raise ServiceError(INVALID_METADATA, "Un campo es demasiado largo.")

    def _on_part_end(self) -> None:
        if self._field is None:
            self._parts.append(FileEnd())
        else:
            self._parts.append(Field(self._field, _value(bytes(self._value), name=self._field)))

    def _on_end(self) -> None:
        self.ended = True


def _value(raw: bytes, *, name: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # A name with a mark in place of its accent would stand in every result.
        raise FieldsInvalid(INVALID_METADATA, [FieldProblem(field=name[:100], message=NOT_UTF8)]) from None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _file_name(header: bytes, options: dict[bytes, bytes]) -> str:
    """The name of a file as its sender wrote it (``filename*`` of RFC 6266 wins); empty when none was chosen."""
    message = Message()
    message["content-disposition"] = header.decode("latin-1").replace("\r", " ").replace("\n", " ")
    extended = message.get_filename() if b"filename*" in header else None
    name = extended or _text(options.get(b"filename", b""))
    return clean_file_name(name) if name else ""
