"""Who may do what in Redis: the user of the service, limited to our keys and to the commands we send.

``python -m cluster.redis_acl`` prints the rule for the operator of an external Redis; the embedded Valkey
gets the same one. The list names single commands and no categories, so that a newer server gives nothing
more. What is absent on purpose: KEYS, SCAN, FLUSHALL, FLUSHDB, CONFIG, DEBUG, MONITOR, REPLICAOF, SHUTDOWN,
MODULE, ACL SETUSER, CLIENT KILL, MIGRATE. A command inside a script needs the same permission.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

APPLICATION_USER = "decalogo"
OPERATOR_USER = "operator"
"""In the embedded Valkey only: everything, for whoever has to look into it with ``valkey-cli``."""

KEY_PATTERNS = ("pdm:*", "pdm_evaluation_queue")
"""All keys of ``cluster.keys.Keys`` with their usual prefix."""

COMMANDS = (
    # Connection and the questions asked at start and by `decalogo doctor`.
    *("ping", "info", "time", "acl|whoami"),
    # Scripts, and the transactions that read several keys at one moment.
    *("eval", "evalsha", "script|load", "multi", "exec", "discard"),
    # Keys and their lives.
    *("del", "exists", "expire", "pexpire", "pttl", "ttl"),
    *("get", "mget", "set", "incrby"),
    *("hdel", "hget", "hgetall", "hincrby", "hmget", "hset", "hsetnx"),
    *("llen", "lpush", "lrange", "ltrim"),
    *("zadd", "zcard", "zcount", "zrange", "zrangebyscore", "zrank", "zrem", "zrevrangebyscore", "zscore"),
    *("xack", "xadd", "xautoclaim", "xclaim", "xdel", "xgroup|create", "xinfo|groups", "xlen"),
    *("xpending", "xrange", "xread", "xreadgroup", "xtrim"),
)
"""A test runs the whole registry as a user who may do these; another one finds what none of them uses."""

_DIGEST_CHARS = 64


def application_rules(
    *, password_sha256: str, user: str = APPLICATION_USER, key_patterns: Sequence[str] = KEY_PATTERNS
) -> tuple[str, ...]:
    """The words of ``ACL SETUSER`` for the service's user, its name first.

    Args:
        password_sha256: in hexadecimal; the password itself need not stand in a file.
        user: its name.
        key_patterns: glob patterns of the keys it may use.

    Raises:
        ValueError: that is no SHA-256.
    """
    if len(password_sha256) != _DIGEST_CHARS or set(password_sha256) - set("0123456789abcdef"):
        raise ValueError("not a SHA-256 in lower-case hexadecimal")
    return (
        *(user, "reset", "on", f"#{password_sha256}"),
        *(f"~{pattern}" for pattern in key_patterns),
        *("resetchannels", "-@all"),
        *(f"+{command}" for command in COMMANDS),
    )


def sha256_of(password: str) -> str:
    """The digest that an access control list keeps of ``password``."""
    return hashlib.sha256(password.encode()).hexdigest()


def main() -> None:
    """Print a new password and the command that makes the user; nothing is sent anywhere."""
    password = secrets.token_urlsafe(32)
    words = " ".join(application_rules(password_sha256=sha256_of(password)))
    sys.stdout.write(
        f"# In Redis, as its administrator (then ACL SAVE or CONFIG REWRITE):\nACL SETUSER {words}\n\n"
        f"# Where the service runs:\nREDIS_URL=rediss://{APPLICATION_USER}@HOST:6379/0\nREDIS_PASSWORD={password}\n"
    )


if __name__ == "__main__":
    main()
