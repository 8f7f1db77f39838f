"""What the service refuses, each with a stable code, an HTTP status and a sentence its caller understands.

Faults of documents have their own table in ``pipeline.errors``; the two share no code (a test holds this).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row of the error table: stable ``code``, HTTP ``status``, whether a retry makes sense, Spanish sentence."""

    code: str
    status: int
    retryable: bool
    sentence: str


INVALID_METADATA = Refusal(
    "invalid_metadata", status=422, retryable=False, sentence="Faltan datos del envío o no son válidos."
)
CALLBACKS_OFF = Refusal(
    "callbacks_off",
    status=422,
    retryable=False,
    sentence="Este servicio no avisa a otras direcciones (callback_url): no está configurado para ello.",
)
CALLBACK_REFUSED = Refusal(
    "callback_refused",
    status=422,
    retryable=False,
    sentence="La dirección de aviso (callback_url) no está permitida.",
)
MALFORMED_UPLOAD = Refusal(
    "malformed_upload",
    status=400,
    retryable=False,
    sentence="El cuerpo de la petición no es un formulario multipart válido.",
)
NO_FILES = Refusal("no_files", status=422, retryable=False, sentence="El envío no contiene ningún archivo.")
TOO_MANY_FILES = Refusal(
    "too_many_files",
    status=422,
    retryable=False,
    sentence="El envío contiene más archivos de los permitidos.",
)
FILE_TOO_LARGE = Refusal(
    "file_too_large", status=413, retryable=False, sentence="Un archivo supera el tamaño permitido."
)
REQUEST_TOO_LARGE = Refusal(
    "request_too_large", status=413, retryable=False, sentence="La petición supera el tamaño permitido."
)
UPLOAD_NOT_PDF = Refusal("upload_not_pdf", status=415, retryable=False, sentence="Un archivo no es un PDF.")
UPLOAD_EMPTY = Refusal("upload_empty", status=422, retryable=False, sentence="Un archivo está vacío.")
INVALID_FILE_NAME = Refusal(
    "invalid_file_name", status=422, retryable=False, sentence="El nombre de un archivo no es válido."
)
LENGTH_REQUIRED = Refusal(
    "length_required",
    status=411,
    retryable=False,
    sentence="La petición debe declarar su tamaño (Content-Length).",
)
UNSUPPORTED_MEDIA_TYPE = Refusal(
    "unsupported_media_type",
    status=415,
    retryable=False,
    sentence="El tipo de contenido de la petición no es el esperado.",
)
HASH_MISMATCH = Refusal(
    "hash_mismatch",
    status=422,
    retryable=True,
    sentence="El archivo recibido no coincide con la suma SHA-256 declarada.",
)
UPLOAD_INTERRUPTED = Refusal(
    "upload_interrupted", status=400, retryable=True, sentence="El envío se interrumpió antes de terminar."
)
IDEMPOTENCY_CONFLICT = Refusal(
    "idempotency_conflict",
    status=409,
    retryable=False,
    sentence="La clave de idempotencia ya se usó con un envío diferente.",
)
JOB_NOT_FOUND = Refusal(
    "job_not_found", status=404, retryable=False, sentence="No existe ningún trabajo con ese identificador."
)
DOCUMENT_NOT_FOUND = Refusal(
    "document_not_found", status=404, retryable=False, sentence="El trabajo no contiene ese documento."
)
ARTIFACT_NOT_FOUND = Refusal(
    "artifact_not_found", status=404, retryable=False, sentence="El documento no tiene ese artefacto."
)
EVIDENCE_NOT_FOUND = Refusal(
    "evidence_not_found", status=404, retryable=False, sentence="El documento no contiene esa evidencia."
)
PAGE_NOT_FOUND = Refusal(
    "page_not_found", status=404, retryable=False, sentence="El documento no tiene esa página."
)
NOT_FOUND = Refusal("not_found", status=404, retryable=False, sentence="No existe esa dirección.")
METHOD_NOT_ALLOWED = Refusal(
    "method_not_allowed", status=405, retryable=False, sentence="Esa operación no existe en esta dirección."
)
CROSS_SITE = Refusal(
    "cross_site",
    status=403,
    retryable=False,
    sentence="Una página de otro sitio no puede enviar ni borrar trabajos.",
)
JOB_EXPIRED = Refusal(
    "job_expired",
    status=410,
    retryable=False,
    sentence="Los resultados de este trabajo ya vencieron y fueron borrados.",
)
JOB_DELETED = Refusal("job_deleted", status=410, retryable=False, sentence="Este trabajo fue borrado.")
JOB_NOT_OPEN = Refusal(
    "job_not_open",
    status=409,
    retryable=False,
    sentence="El trabajo ya fue enviado y no acepta más archivos.",
)
RESULTS_NOT_READY = Refusal(
    "results_not_ready", status=409, retryable=True, sentence="El trabajo aún no ha terminado."
)
DOCUMENT_WITHOUT_RESULT = Refusal(
    "document_without_result", status=409, retryable=False, sentence="Este documento no tiene resultado."
)
UNKNOWN_FORMAT = Refusal(
    "unknown_format",
    status=422,
    retryable=False,
    sentence="El formato pedido no existe; use json, csv, pdf o zip.",
)
INVALID_REQUEST = Refusal(
    "invalid_request", status=422, retryable=False, sentence="La petición contiene valores no válidos."
)
REDIS_UNAVAILABLE = Refusal(
    "redis_unavailable",
    status=503,
    retryable=True,
    sentence="El registro de trabajos no está disponible; intente de nuevo.",
)
STORAGE_FULL = Refusal(
    "storage_full",
    status=507,
    retryable=True,
    sentence="No hay espacio suficiente en disco para recibir archivos.",
)
STORAGE_UNAVAILABLE = Refusal(
    "storage_unavailable",
    status=503,
    retryable=True,
    sentence="El almacenamiento no está disponible; intente de nuevo.",
)
NOT_READY = Refusal(
    "not_ready", status=503, retryable=True, sentence="El servicio no está listo para recibir documentos."
)
BUSY = Refusal(
    "busy",
    status=429,
    retryable=True,
    sentence="Hay demasiados envíos simultáneos; intente de nuevo en unos segundos.",
)
KEY_REQUIRED = Refusal(
    "key_required",
    status=401,
    retryable=False,
    sentence="Esta operación necesita una llave de acceso.",
)
KEY_INVALID = Refusal(
    "key_invalid",
    status=401,
    retryable=False,
    sentence="La llave de acceso no es válida, venció o fue revocada.",
)
TOO_MANY_WRONG_KEYS = Refusal(
    "too_many_wrong_keys",
    status=429,
    retryable=True,
    sentence="Desde su dirección llegaron demasiadas llaves que no son válidas; intente de nuevo más tarde.",
)
SCOPE_MISSING = Refusal(
    "scope_missing",
    status=403,
    retryable=False,
    sentence="La llave de acceso no permite esta operación.",
)
TOO_MANY_UPLOADS = Refusal(
    "too_many_uploads",
    status=429,
    retryable=True,
    sentence="Alcanzó el límite de archivos por minuto de su llave; intente de nuevo en un momento.",
)
TOO_MANY_REQUESTS = Refusal(
    "too_many_requests",
    status=429,
    retryable=True,
    sentence="Alcanzó el límite de peticiones por minuto de su llave; intente de nuevo en un momento.",
)
TOO_MANY_BYTES = Refusal(
    "too_many_bytes",
    status=429,
    retryable=True,
    sentence="Alcanzó el volumen diario de envíos de su llave.",
)
TOO_MANY_UNFINISHED = Refusal(
    "too_many_unfinished",
    status=429,
    retryable=True,
    sentence="Su llave tiene demasiados documentos sin terminar; espere a que terminen algunos.",
)
REVIEW_CONFLICT = Refusal(
    "review_conflict",
    status=412,
    retryable=False,
    sentence="Otra persona corrigió esta evaluación mientras tanto; vuelva a leerla antes de guardar.",
)
REVISION_REQUIRED = Refusal(
    "revision_required",
    status=428,
    retryable=False,
    sentence="Falta decir sobre qué revisión se corrige (If-Match).",
)
INVALID_CORRECTIONS = Refusal(
    "invalid_corrections",
    status=422,
    retryable=False,
    sentence="Alguna corrección no es válida; no se guardó ninguna.",
)
REVIEW_FULL = Refusal(
    "review_full",
    status=409,
    retryable=False,
    sentence="Esta evaluación ya tiene todos los cambios que se pueden guardar.",
)
# What the proxy in front answers itself (cluster/haproxy_rules.py).
BAD_REQUEST = Refusal(
    "bad_request",
    status=400,
    retryable=False,
    sentence="La petición no es HTTP válido o excede lo permitido.",
)
REQUEST_TOO_SLOW = Refusal(
    "request_too_slow",
    status=408,
    retryable=True,
    sentence="La petición llegó demasiado despacio o se detuvo antes de terminar.",
)
TOO_MANY_CONNECTIONS = Refusal(
    "too_many_connections",
    status=429,
    retryable=True,
    sentence="Hay demasiadas conexiones abiertas desde su dirección; cierre algunas e intente de nuevo.",
)
SERVICE_UNAVAILABLE = Refusal(
    "service_unavailable",
    status=503,
    retryable=True,
    sentence="El servicio se está iniciando o recuperando; intente de nuevo en unos segundos.",
)
UNEXPECTED = Refusal(
    "unexpected",
    status=500,
    retryable=True,
    sentence="Ocurrió un error inesperado; cite la referencia al reportarlo.",
)

# Codes a document can end with although the document itself is not to blame.
CANCELLED = Refusal("cancelled", status=409, retryable=False, sentence="El documento fue cancelado.")
ATTEMPTS_EXHAUSTED = Refusal(
    "attempts_exhausted",
    status=500,
    retryable=False,
    sentence="El documento no se pudo evaluar después de varios intentos.",
)
UPLOAD_LOST = Refusal(
    "upload_lost",
    status=500,
    retryable=False,
    sentence="El archivo recibido ya no está en el almacenamiento; envíelo de nuevo.",
)
ARTIFACT_ALTERED = Refusal(
    "artifact_altered",
    status=500,
    retryable=False,
    sentence="El resultado guardado ya no es el que se calculó, y no se entrega; evalúe de nuevo el documento.",
)

REFUSALS: tuple[Refusal, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Refusal)
)


class ServiceError(Exception):
    """A refusal with what is particular to this case. ``detail`` is shown to the caller, so: no paths, no traces."""

    def __init__(self, refusal: Refusal, detail: str = "", *, retry_after_seconds: int | None = None) -> None:
        super().__init__(f"{refusal.code}: {detail}" if detail else refusal.code)
        self.refusal = refusal
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
