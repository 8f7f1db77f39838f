"""What can go wrong with a document, each with a stable code and a sentence its sender understands.

PipelineError
├── DocumentFault        final: the document itself is the reason, another attempt would end the same
├── ExtractionFailure    the extraction child broke; one more attempt in a fresh child may succeed
├── LimitExceeded        final: the document costs more than a limit allows
├── NotEquipped          this machine lacks what was switched on; nothing is started
└── FreezeMismatch       what decides has changed since start-up; nothing may be evaluated
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A row of the error table: stable ``code``, whether a retry makes sense, the public Spanish sentence."""

    code: str
    retryable: bool
    sentence: str
    attempts_max: int | None = None
    """Fewer attempts than others get, because another one hardly ever ends differently."""


ENCRYPTED = FaultKind(
    "encrypted",
    retryable=False,
    sentence="El PDF está protegido con contraseña; envíe una copia sin contraseña.",
)
MALFORMED = FaultKind(
    "malformed", retryable=False, sentence="El archivo no se puede leer como PDF; está dañado o incompleto."
)
NOT_A_PDF = FaultKind("not_a_pdf", retryable=False, sentence="El archivo no es un PDF.")
EMPTY_FILE = FaultKind("empty_file", retryable=False, sentence="El archivo está vacío.")
NO_PAGES = FaultKind("no_pages", retryable=False, sentence="El PDF no tiene páginas.")
NO_TEXT = FaultKind(
    "no_text",
    retryable=False,
    sentence="El PDF no contiene texto, solo imágenes; aplique reconocimiento de texto (OCR) y envíelo de nuevo.",
)
NOT_A_PLAN = FaultKind(
    "not_a_plan",
    retryable=False,
    sentence="El documento no parece un plan de desarrollo municipal; "
    "si debe evaluarse de todos modos, actívelo al enviarlo.",
)
FAULT_DOCUMENT = FaultKind(
    "fault_document",
    retryable=False,
    sentence="El PDF pide provocar una falla de prueba; este servicio no lo permite.",
)
TOO_MANY_PAGES = FaultKind(
    "too_many_pages", retryable=False, sentence="El documento tiene más páginas de las permitidas."
)
TOO_MUCH_TEXT = FaultKind(
    "too_much_text", retryable=False, sentence="El documento contiene más texto del permitido."
)
TIMEOUT = FaultKind(
    "timeout", retryable=False, sentence="El documento no se pudo procesar en el tiempo permitido."
)
MEMORY = FaultKind("memory", retryable=False, sentence="El documento exige más memoria de la permitida.")
PARSER_CRASH = FaultKind(
    "parser_crash",
    retryable=True,
    sentence="El lector de PDF falló con este documento.",
    attempts_max=2,
)
CHILD_PROTOCOL = FaultKind(
    "child_protocol",
    retryable=True,
    sentence="El lector de PDF devolvió datos inválidos para este documento.",
    attempts_max=2,
)
OCR_FAILED = FaultKind(
    "ocr_failed",
    retryable=True,
    sentence="El reconocimiento de texto (OCR) falló con una página de este documento.",
    attempts_max=2,
)
OCR_LIMIT = FaultKind(
    "ocr_limit",
    retryable=False,
    sentence="Una página escaneada no se pudo reconocer (OCR) en el tiempo permitido.",
)
OCR_UNAVAILABLE = FaultKind(
    "ocr_unavailable",
    retryable=False,
    sentence="El reconocimiento de texto (OCR) está activado, pero en esta máquina falta Tesseract 5 o su español; "
    "instale tesseract-ocr y tesseract-ocr-spa, o desactívelo.",
)
ENCODER_UNAVAILABLE = FaultKind(
    "encoder_unavailable",
    retryable=False,
    sentence="El codificador de frases elegido no está instalado o no se puede usar; instálelo o elija otro.",
)
FREEZE_MISMATCH = FaultKind(
    "freeze_mismatch",
    retryable=True,
    sentence="La configuración del evaluador cambió mientras estaba en marcha; debe reiniciarse.",
)
INTERNAL = FaultKind("internal", retryable=True, sentence="Ocurrió un error interno al evaluar el documento.")

FAULTS: tuple[FaultKind, ...] = (
    ENCRYPTED,
    MALFORMED,
    NOT_A_PDF,
    EMPTY_FILE,
    NO_PAGES,
    NO_TEXT,
    NOT_A_PLAN,
    FAULT_DOCUMENT,
    TOO_MANY_PAGES,
    TOO_MUCH_TEXT,
    TIMEOUT,
    MEMORY,
    PARSER_CRASH,
    CHILD_PROTOCOL,
    OCR_FAILED,
    OCR_LIMIT,
    OCR_UNAVAILABLE,
    ENCODER_UNAVAILABLE,
    FREEZE_MISMATCH,
    INTERNAL,
)


class PipelineError(Exception):
    """Root of what the pipeline raises on purpose. ``detail`` is for logs and never shown to users."""

    def __init__(self, kind: FaultKind, detail: str = "") -> None:
        super().__init__(f"{kind.code}: {detail}" if detail else kind.code)
        self.kind = kind
        self.detail = detail


class DocumentFault(PipelineError):
    """The document itself is the reason: encrypted, damaged, without text, no plan."""


class ExtractionFailure(PipelineError):
    """The extraction child died or sent rubbish."""


class LimitExceeded(PipelineError):
    """The document costs more time, memory, pages or text than a limit allows."""


class NotEquipped(PipelineError):
    """What was switched on is not installed here. Raised at start, before any document."""


class FreezeMismatch(PipelineError):
    """Questionnaire, lexicons, model or code differ from the snapshot taken at start-up."""
