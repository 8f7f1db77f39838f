"""The Lua scripts, each one atomic change of several keys, and the one way to run them.

``prelude.lua`` is put in front of each. Keys and arguments never mix: a script takes the keys of one job
in the fixed order of ``Keys.of_job`` and its arguments by name, and answers with JSON of a known type.

Every script may be repeated: claims carry a nonce, all later writes are fenced by the attempt, and a
repetition finds its own change done. So a lost connection may be answered with a second try.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from redis.asyncio import Redis

Reply = TypeVar("Reply", bound=msgspec.Struct)
Argument = str | int


class Script(Generic[Reply]):
    """One script and the type of its reply."""

    def __init__(self, name: str, *, reply: type[Reply]) -> None:
        self.name = name
        self._reply = reply

    async def run(self, client: Redis, *, keys: Sequence[str], arguments: Mapping[str, Argument]) -> Reply:
        """Run by hash, loading the text only where the server does not know it (first use, flush, restart).

        Raises:
            redis.exceptions.RedisError: as the client reports it; callers translate.
        """
        text, sha1 = _source(self.name)
        flat: list[Argument] = [part for pair in arguments.items() for part in pair]
        try:
            answer = await client.evalsha(sha1, len(keys), *keys, *flat)
        except NoScriptError:
            answer = await client.eval(text, len(keys), *keys, *flat)
        return msgspec.json.decode(answer, type=self._reply)


def script_names() -> tuple[str, ...]:
    """All scripts, sorted; without the prelude."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name[:-4] for name in names if name.endswith(".lua") and name != "prelude.lua"))


@cache
def _source(name: str) -> tuple[str, str]:
    folder = files(__name__)
    first_line, _, body = (folder / f"{name}.lua").read_text("utf-8").partition("\n")
    # The server reads flags from the very first line only.
    text = "\n".join((first_line, (folder / "prelude.lua").read_text("utf-8"), body))
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


# --------------------------------------------------------------------------- replies


class Outcome(msgspec.Struct):
    """Of ``describe``, ``add_document`` and ``submit``."""

    outcome: str
    document_id: str = ""
    job_id: str = ""


class Reviewed(msgspec.Struct):
    """Of ``review``."""

    outcome: str
    revision: int = 0


class Reservation(msgspec.Struct):
    """Of ``reserve``."""

    conflict: bool
    job_id: str | None = None


class Claimed(msgspec.Struct):
    """Of ``claim``: either ``refused``, or all the rest."""

    refused: str = ""
    last: bool = False
    attempt: int = 0
    name: str = ""
    sha256: str = ""
    size: int = 0
    metadata: str = "{}"
    queued_ms: float = 0
    now_ms: float = 0


class Noted(msgspec.Struct):
    """Of ``renew`` and ``progress``."""

    refused: str = ""


class Ended(msgspec.Struct):
    """Of ``finish``, ``fail`` and ``stop``."""

    applied: bool
    last: bool = False
    reason: str | None = None
    will_retry: bool = False
    retry_ms: float = 0


class StateOf(msgspec.Struct):
    """Of ``cancel`` and ``complete``."""

    state: str | None = None
    applied: bool = True


class AttemptClaimed(msgspec.Struct):
    """Of ``claim_aggregation`` and ``claim_callback``; ``attempt`` 0: nothing to take."""

    attempt: int = 0


class Flag(msgspec.Struct):
    """Of the scripts whose answer is yes or no."""

    ok: bool = False
    existed: bool = False
    kept: bool = False
    released: bool = False
    held: bool = False
    promoted: bool = False
    renewed: bool = False


CREATE = Script("create", reply=Flag)
DESCRIBE = Script("describe", reply=Outcome)
ADD_DOCUMENT = Script("add_document", reply=Outcome)
RESERVE = Script("reserve", reply=Reservation)
SUBMIT = Script("submit", reply=Outcome)
CANCEL = Script("cancel", reply=StateOf)
DELETE = Script("delete", reply=Flag)
CLAIM = Script("claim", reply=Claimed)
RENEW = Script("renew", reply=Noted)
PROGRESS = Script("progress", reply=Noted)
FINISH = Script("finish", reply=Ended)
FAIL = Script("fail", reply=Ended)
STOP = Script("stop", reply=Ended)
RELEASE = Script("release", reply=Flag)
HOLD = Script("hold", reply=Flag)
PROMOTE = Script("promote", reply=Flag)
CLAIM_AGGREGATION = Script("claim_aggregation", reply=AttemptClaimed)
RENEW_AGGREGATION = Script("renew_aggregation", reply=Flag)
COMPLETE = Script("complete", reply=StateOf)
REVIEW = Script("review", reply=Reviewed)
REMEMBER = Script("remember", reply=Flag)
CLAIM_CALLBACK = Script("claim_callback", reply=AttemptClaimed)
END_CALLBACK = Script("end_callback", reply=Flag)
