"""Confines this process and becomes another program: one that reads pictures, with nothing but its own data.

Started like the extraction child (``python -I -S``, empty environment), in a process group of its own.
"""

from __future__ import annotations

import os

from .sandbox import confine_program


def main(arguments: list[str]) -> None:
    """Confine the process, then run the program that is named.

    Args:
        arguments: Process id of the parent, bytes of memory, seconds of CPU, folders that may be read and variables
            of the environment (both separated by ``:``), then the program's absolute path and its arguments.
    """
    parent, memory_bytes, cpu_seconds, readable, variables, *command = arguments
    confine_program(
        parent=int(parent),
        memory_bytes=int(memory_bytes),
        cpu_seconds=int(cpu_seconds),
        readable=[folder for folder in readable.split(os.pathsep) if folder],
    )
    environment = dict(variable.split("=", 1) for variable in variables.split(os.pathsep) if variable)
    os.execve(command[0], command, environment)  # noqa: S606  no shell on purpose
