"""All codes that a request or a document can end with, in one table: for ``/docs`` and ``docs/errors.md``.

python -m serve_app.error_table > docs/errors.md
"""

from __future__ import annotations

import sys

from cluster.errors import REFUSALS, Refusal
from pipeline.errors import FAULTS, FaultKind

HEAD = """# Errors

Every refused request is answered as RFC 9457 `application/problem+json`: `type` (`urn:decalogo:error:<code>`),
`title` (the sentence below), `status`, `detail`, `code`, `retryable` (whether the same request may succeed later),
`reference` (to be cited) and, for values that are not valid, `errors` [{`field`, `message`}].
A document that could not be evaluated carries its code and sentence in `GET /status/{job_id}`; the other
documents of its batch are not touched. A file that is refused while a batch arrives (`upload_not_pdf`, `upload_empty`,
`file_too_large`) becomes such a document, unless every file is refused: then the request is.

Made by `python -m serve_app.error_table`; a test keeps it in step with the code.
"""


def _row(kind: Refusal | FaultKind) -> str:
    retry = "yes" if kind.retryable else "no"
    status = f" {kind.status} |" if isinstance(kind, Refusal) else ""
    return f"| `{kind.code}` |{status} {retry} | {kind.sentence} |"


def error_table() -> str:
    """The page, in Markdown."""
    lines = [
        HEAD,
        "## Requests",
        "",
        "| code | HTTP status | retryable | sentence |",
        "|---|---|---|---|",
        *map(_row, REFUSALS),
        "",
        "## Documents",
        "",
        "A retryable failure is repeated by the service itself, up to three times, before it is final;",
        "what the reader of PDFs dies of or answers wrongly (`parser_crash`, `child_protocol`), once.",
        "",
        "| code | retryable | sentence |",
        "|---|---|---|",
        *map(_row, FAULTS),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(error_table())
