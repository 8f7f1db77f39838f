"""What a fault test leaves behind: which promise it kept, how long recovery took, which invariants held."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOLDS = "holds"


@dataclass(frozen=True)
class Recovery:
    """How long it took until ``what`` was well again, and how long it may take."""

    what: str
    seconds: float
    bound_seconds: float


@dataclass
class FaultRecord:
    """One test. Written as ``<test>.json``; ``seed`` is of tests that draw lots."""

    test: str
    promises: tuple[str, ...]
    seed: int | None = None
    recoveries: list[Recovery] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    invariants: dict[str, str] = field(default_factory=dict)
    began_at: float = field(default_factory=time.time)
    seconds: float = 0.0

    def recovered(self, what: str, *, seconds: float, bound_seconds: float) -> None:
        """Note a recovery, and insist on its bound (I8)."""
        self.recoveries.append(Recovery(what, round(seconds, 2), bound_seconds))
        assert seconds <= bound_seconds, f"{what}: {seconds:.1f} s instead of at most {bound_seconds:.0f} s"

    def write(self, folder: Path) -> str:
        """Write the record; returns the line to print."""
        self.seconds = round(time.time() - self.began_at, 1)
        folder.mkdir(parents=True, exist_ok=True)
        name = "".join(char if char.isalnum() or char in "-_" else "_" for char in self.test)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False, default=str)
        (folder / f"{name}.json").write_text(text, "utf-8")
        held = sum(value == HOLDS for value in self.invariants.values())
        times = ", ".join(f"{each.what} {each.seconds:.1f} s" for each in self.recoveries) or "-"
        return (
            f"[fault] {self.test} {'+'.join(self.promises)}: {times}; "
            f"invariants {held}/{len(self.invariants)}; {self.seconds:.0f} s"
        )
