"""What our edge makes of the HAProxy configuration that Ray Serve generates. A pure function of text.

Ray's template opens statistics to every interface, waits for headers without end, lets one address take all
connections and says its own errors in plain English. ``harden`` changes exactly that. It knows every section and
every door (``bind``, ``stats socket``) of the template; one that it does not know is an error, so that after an
update of Ray the proxy does not start rather than run open. See docs/decisions/060.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from cluster.errors import (
    BAD_REQUEST,
    NOT_FOUND,
    REQUEST_TOO_LARGE,
    REQUEST_TOO_SLOW,
    SERVICE_UNAVAILABLE,
    TOO_MANY_CONNECTIONS,
    UNEXPECTED,
    Refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

LOOPBACK_FACTOR = 16
"""Times ``connections_per_address`` from this machine: one notebook, or one proxy with TLS, speaks for many."""
REJECT_FACTOR = 2
"""Above the limit a request is answered with 429; above twice the limit a connection is not even read."""
RETRY_AFTER_SECONDS = 2
SERVER_SILENCE_SECONDS = 300
"""For an answer to begin: the PDF report of a hundred documents is made while its reader waits."""
KEEP_ALIVE_SECONDS = 30
SEND_BUFFER_BYTES = 262_144
"""Of the socket to a client. The kernel reports progress only when a third of it has been taken, so together with
``answer_silence_seconds`` it sets the least rate of a reader: some 5 KB/s. Without it the kernel grows the buffer, and
the rate asked for with it."""

STATUS_OF_ERRORS: dict[int, Refusal] = {
    400: BAD_REQUEST,
    408: REQUEST_TOO_SLOW,
    413: REQUEST_TOO_LARGE,
    429: TOO_MANY_CONNECTIONS,
    500: UNEXPECTED,
    502: SERVICE_UNAVAILABLE,
    503: SERVICE_UNAVAILABLE,
    504: SERVICE_UNAVAILABLE,
}
"""What HAProxy says by itself. Nobody behind it: 503, also where it had a server that died in between."""

_SECTION = re.compile(r"(global|defaults|frontend|backend|listen)\b(?:\s+(\S+))?\s*$")
_ADMIN_SOCKET = re.compile(r"stats socket (\S+) mode 666 level admin expose-fd listeners")
_BACKUP_SERVER = re.compile(r"server SERVE_PROXY_ACTOR-\S+ \S+ check backup")
_REPLACED = re.compile(r"timeout (client|server|http-request|http-keep-alive)\b|errorfile\b")
_CLOSED = (("frontend", "prometheus"), ("listen", "stats"))
_ONCE = (
    ("global", ""),
    ("defaults", ""),
    *_CLOSED,
    ("frontend", "http_frontend"),
    ("backend", "default_backend"),
)


class UnknownTemplateError(RuntimeError):
    """The configuration is not the one these rules were written for; the message says what is new."""


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """Where the proxy listens and what it allows. Times in whole seconds."""

    host: str
    port: int
    header_seconds: int
    silence_seconds: int
    connections_per_address: int

    def to_json(self) -> str:
        """For the wrapper, which is another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The other way; raises TypeError or ValueError for what ``to_json`` did not write."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class _Section:
    kind: str
    name: str
    lines: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name

    def replace(self, lines: Iterable[str]) -> _Section:
        return _Section(self.kind, self.name, tuple(lines))

    def __str__(self) -> str:
        head = f"{self.kind} {self.name}".rstrip()
        return "\n".join([head, *(f"    {line}" for line in self.lines)])


def harden(generated: str, limits: EdgeLimits) -> str:
    """The configuration to run, made from the one that Ray generated.

    Raises:
        UnknownTemplateError: something in it is not known.
    """
    sections = _sections(generated)
    _require_known(sections)
    text = (
        "\n".join(str(_edited(section, limits)) for section in sections if section.key not in _CLOSED) + "\n"
    )
    _require_closed(text, limits)
    return text


def problem_line(refusal: Refusal, *, verb: str, condition: str = "") -> str:
    """A directive that answers with a problem: ``verb`` is what stands before the status."""
    body = json.dumps(
        {
            "type": f"urn:decalogo:error:{refusal.code}",
            "title": refusal.sentence,
            "status": refusal.status,
            "detail": "",
            "code": refusal.code,
            "retryable": refusal.retryable,
            "reference": "%[uuid]",
            "errors": [],
        }
    )
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if refusal.status in {429, 503}:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    told = " ".join(f"hdr {name} {value}" for name, value in headers.items())
    return f"{verb} content-type application/problem+json lf-string '{body}' {told} {condition}".rstrip()


def _sections(generated: str) -> list[_Section]:
    found: list[tuple[str, str, list[str]]] = []
    for raw in generated.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        head = None if raw[:1].isspace() else _SECTION.match(line)
        if head:
            found.append((head[1], head[2] or "", []))
        elif found and raw[:1].isspace():
            found[-1][2].append(line)
        else:
            raise UnknownTemplateError(f"unknown line outside of sections: {line[:80]}")
    return [_Section(kind, name, tuple(lines)) for kind, name, lines in found]


def _require_known(sections: Sequence[_Section]) -> None:
    counted = Counter(section.key for section in sections)
    missing = [key for key in _ONCE if counted[key] != 1]
    unknown = [
        key for key, count in counted.items() if key not in _ONCE and (key[0] != "backend" or count != 1)
    ]
    if missing or unknown:
        raise UnknownTemplateError(f"sections missing or repeated: {missing}; unknown: {unknown}")


def _edited(section: _Section, limits: EdgeLimits) -> _Section:
    match section.key:
        case ("global", ""):
            return section.replace(_global(section.lines))
        case ("defaults", ""):
            kept = [line for line in section.lines if not _REPLACED.match(line)]
            return section.replace([*kept, *_defaults(limits)])
        case ("frontend", "http_frontend"):
            return section.replace(_frontend(section.lines, limits))
        case ("backend", "default_backend"):
            # No application has this path: `home` takes all, so it is not there yet.
            return section.replace([problem_line(SERVICE_UNAVAILABLE, verb="http-request return status 503")])
        case _:
            # The proxy behind a replica that is missing would read bodies without back-pressure and wait.
            return section.replace(line for line in section.lines if not _BACKUP_SERVER.fullmatch(line))


def _global(lines: Sequence[str]) -> list[str]:
    sockets = [line for line in lines if line.startswith("stats socket ")]
    known = _ADMIN_SOCKET.fullmatch(sockets[0]) if len(sockets) == 1 else None
    if known is None:
        raise UnknownTemplateError(f"the admin socket is not declared as before: {sockets}")
    closed = f"stats socket {known[1]} mode 600 level admin expose-fd listeners"
    # Its log goes by UDP to whoever has port 514, with the addresses of all requests.
    kept = [line for line in lines if not line.startswith(("stats socket ", "log "))]
    return [closed, *kept, f"tune.sndbuf.client {SEND_BUFFER_BYTES}"]


def _defaults(limits: EdgeLimits) -> list[str]:
    return [
        f"timeout client {limits.silence_seconds}s",
        f"timeout server {SERVER_SILENCE_SECONDS}s",
        f"timeout http-request {limits.header_seconds}s",
        f"timeout http-keep-alive {min(KEEP_ALIVE_SECONDS, limits.silence_seconds)}s",
        *(
            problem_line(refusal, verb=f"http-error status {status}")
            for status, refusal in STATUS_OF_ERRORS.items()
        ),
    ]


def _frontend(lines: Sequence[str], limits: EdgeLimits) -> list[str]:
    binds = [line for line in lines if line.startswith("bind ")]
    if len(binds) != 1:
        raise UnknownTemplateError(f"the frontend binds {len(binds)} addresses")
    most, most_here = limits.connections_per_address, limits.connections_per_address * LOOPBACK_FACTOR
    return [
        _bind(limits),
        "stick-table type ipv6 size 100k expire 60s store conn_cur",
        "acl decalogo_here src 127.0.0.1 ::1",
        "tcp-request connection track-sc0 src",
        f"tcp-request connection reject if decalogo_here {{ sc0_conn_cur gt {most_here * REJECT_FACTOR} }}",
        f"tcp-request connection reject if !decalogo_here {{ sc0_conn_cur gt {most * REJECT_FACTOR} }}",
        _too_many(f"if decalogo_here {{ sc0_conn_cur gt {most_here} }}"),
        _too_many(f"if !decalogo_here {{ sc0_conn_cur gt {most} }}"),
        # Whose wrong keys are counted; what the caller says of it is no evidence.
        "http-request set-header X-Forwarded-For %[src]",
        # Ray's own pages name the applications; nobody outside needs them.
        problem_line(NOT_FOUND, verb="http-request return status 404", condition="if { path_beg -i /-/ }"),
        *(line for line in lines if line not in binds),
        # Which program answers, and in which version, is nobody's business.
        "http-response del-header server",
        # A server that died in the middle is a reason to come back as well.
        "http-after-response set-status 503 if { status 502 504 }",
        # What a replica says by itself, before the application is asked, is plain English.
        problem_line(
            SERVICE_UNAVAILABLE,
            verb="http-response return status 503",
            condition="if { status ge 500 } { res.hdr(content-type) -m beg text/plain }",
        ),
    ]


def _too_many(condition: str) -> str:
    return problem_line(TOO_MANY_CONNECTIONS, verb="http-request return status 429", condition=condition)


def _bind(limits: EdgeLimits) -> str:
    host = f"[{limits.host}]" if ":" in limits.host else limits.host
    # One request at a time on a connection: the limits above count connections.
    return f"bind {host}:{limits.port} proto h1"


def _require_closed(text: str, limits: EdgeLimits) -> None:
    doors = [line.strip() for line in text.splitlines() if re.match(r"\s*(bind|stats socket)\b", line)]
    inside = [line for line in doors if line.startswith("stats socket ") and " mode 600 " in line]
    if len(inside) != 1 or sorted(doors) != sorted([_bind(limits), *inside]):
        raise UnknownTemplateError(f"unknown doors: {doors}")
