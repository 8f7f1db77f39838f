"""What the child may answer, decoded before anything else sees it.

The child may have been taken over by the document that it read. Its answers are therefore decoded into
typed structures (never pickle); ``page_checks`` holds every number, index and text against the limits.
JSON cannot express infinities or NaN, so what decodes as a float is finite. The places of lines and words are too
many for JSON: they follow as plain floats, which mean nothing until they are checked.
"""

from __future__ import annotations

import msgspec

from pipeline.model import Table  # noqa: TC001  msgspec resolves it at run time

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), *range(55296, 57344)))


class ProtocolViolation(Exception):
    """The child answered something that no honest child answers."""


class Ready(msgspec.Struct, tag_field="kind", tag="ready", frozen=True, forbid_unknown_fields=True):
    """The child is confined and waits for documents."""

    sandbox: dict[str, str]


class PageColumns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page as ``pipeline.model.Page``, its lines taken apart: texts, sizes of type, bold or not, each in order."""

    number: int
    width: float
    height: float
    texts: list[str]
    sizes: list[float]
    bold: list[bool]
    tables: tuple[Table, ...]
    image_share: float


class Pages(msgspec.Struct, tag_field="kind", tag="pages", frozen=True, forbid_unknown_fields=True):
    """Some pages, in order; a frame with the numbers of their lines follows."""

    pages: list[PageColumns]


class Finished(msgspec.Struct, tag_field="kind", tag="document", frozen=True, forbid_unknown_fields=True):
    """The last answer about a document."""

    title: str
    pages: int
    warnings: list[str]


class Image(msgspec.Struct, tag_field="kind", tag="image", frozen=True, forbid_unknown_fields=True):
    """A frame with PNG bytes follows."""


class Fault(msgspec.Struct, tag_field="kind", tag="fault", frozen=True, forbid_unknown_fields=True):
    """The document could not be read."""

    code: str
    detail: str


Answer = Ready | Pages | Finished | Image | Fault

_DECODER: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def decode(untrusted_answer: bytes) -> Answer:
    """Decode one frame. Raises ``ProtocolViolation`` when it is none of the known answers."""
    try:
        return _DECODER.decode(untrusted_answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ProtocolViolation(str(error)[:200]) from error


def without_controls(untrusted_text: str) -> str:
    """``untrusted_text`` without control characters (C0, C1) and lone surrogates."""
    return untrusted_text.translate(_CONTROLS)
