"""A storm of random faults over a running service while documents pass, and what must hold afterwards.

    python tests/faults/chaos.py --seed 7 --minutes 10 --documents 200

Starts a service of its own, harms it every two seconds, heals it, waits until all that was accepted has ended,
checks the invariants I1 to I9 and writes the record as JSON. Ends by itself and ends only what it started.
The seed decides which faults come in which order; what they meet is decided by the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos_faults import POISONS, Fault, Faults, Harm
from chaos_senders import Batch, Senders, paced
from fault_records import HOLDS, FaultRecord
from harness import AGGREGATOR, DISPATCHER, EVALUATOR, FaultService, until, variant
from invariants import check_invariants

from cluster.records import DocumentState
from cluster.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
REAL_PLANS = ROOT / ".." / "typeset"
"""Plans of real municipalities, where they are present."""
REAL_SHARE = 0.05
EVERY_SECONDS = 2.0
SENDING_SHARE = 0.8
"""Of the storm's time; what was sent last still has some storm before it."""
SENDERS = 8
BATCH_SIZES = (1, 2, 5, 10, 14)
LOOK_SECONDS = 0.5
STORM_SETTINGS: dict[str, Any] = {
    "max_attempts": 4,
    "evaluators_min": 3,
    "evaluators_max": 4,
    # A real plan takes seconds, on a machine in a storm many of them; a hang must still end soon.
    "extraction_seconds": 15.0,
    "soft_limit_seconds": 60.0,
    "hard_limit_seconds": 75.0,
    "watchdog_seconds": 20.0,
}
SETTLE_SECONDS = 240.0
"""After the storm: until everything is final and all replicas are back."""
EXPLAINED = frozenset({"attempts_exhausted", "parser_crash", "child_protocol", "timeout"})
"""How a healthy document may end in a storm: its evaluators were killed or stopped as often as it may be tried."""


@dataclass(frozen=True)
class Storm:
    """What is asked for."""

    seed: int
    minutes: float
    documents: int
    every_seconds: float = EVERY_SECONDS


@dataclass
class Record:
    """What happened."""

    storm: Storm
    machine: dict[str, Any]
    settings: dict[str, Any]
    faults: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    invariants: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    swept_temporary_files: int = 0
    """Of writers that were killed; in service they are swept after an hour."""
    settled_seconds: float = 0.0
    seconds: float = 0.0

    def recoveries(self) -> dict[str, list[float]]:
        """Times to recover by kind of fault."""
        found: dict[str, list[float]] = {}
        for fault in self.faults:
            if fault["recovered_seconds"] is not None:
                found.setdefault(fault["kind"], []).append(fault["recovered_seconds"])
        return found


class Watcher:
    """Follows faults until what they harmed works again, in a thread of its own."""

    def __init__(self, *, tell: bool) -> None:
        self.faults: list[Fault] = []
        self._open: list[tuple[Fault, Harm, float]] = []
        self._tell = tell
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def add(self, kind: str, harm: Harm) -> None:
        """Follow one more; time counts from its healing, where it is healed."""
        now = time.monotonic()
        fault = Fault(kind, harm.target, round(now - self._began, 1))
        with self._lock:
            self.faults.append(fault)
            self._open.append((fault, harm, now + harm.heal_after_seconds))

    def open_faults(self) -> list[Fault]:
        """Whose harm is not over."""
        with self._lock:
            return [fault for fault, _, _ in self._open]

    def close(self) -> None:
        """Look no longer."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            with self._lock:
                waiting = [each for each in self._open if time.monotonic() >= each[2]]
            for fault, harm, since in waiting:
                if harm.is_over():
                    self._over(fault, harm, since)

    def _over(self, fault: Fault, harm: Harm, since: float) -> None:
        fault.recovered_seconds = round(time.monotonic() - since, 2)
        with self._lock:
            self._open.remove((fault, harm, since))
        if self._tell:
            say(
                f"{fault.at_seconds:6.1f} s  {fault.kind:16} {fault.target:24} well after {fault.recovered_seconds} s"
            )


def say(line: str) -> None:
    """One line for whoever watches."""
    print(line, flush=True)  # noqa: T201  a program that is watched


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a storm from the command line; 0 when everything holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "chaos.json", help="where the record goes")
    chosen = parser.parse_args(arguments)
    storm = Storm(chosen.seed, chosen.minutes, chosen.documents)
    say(f"seed {storm.seed}: {storm.documents} documents in {storm.minutes:g} minutes of storm")
    record = run(storm, tell=True)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False), "utf-8")
    for line in summary(record):
        say(line)
    say(f"record: {chosen.out}")
    return 1 if record.broken else 0


def run(storm: Storm, *, tell: bool = False, **settings: Any) -> Record:
    """One storm over a service of its own; ends the service. ``broken`` of the record is empty when all held."""
    with FaultService(**{**STORM_SETTINGS, **settings}) as service:
        record = Record(storm, machine=_machine(), settings=_told(service))
        began = time.monotonic()
        senders, watcher = Senders(service), Watcher(tell=tell)
        batches = _batches(storm)
        try:
            _rage(storm, service=service, senders=senders, watcher=watcher, batches=batches)
            record.machine["load_average_after"] = _load()
            record.settled_seconds = _settle(service, watcher=watcher, batches=batches)
        finally:
            senders.leave()
            watcher.close()
            record.seconds = round(time.monotonic() - began, 1)
        _judge(record, service=service, senders=senders, watcher=watcher, batches=batches)
    return record


def _batches(storm: Storm) -> list[Batch]:
    rng = random.Random(f"documents {storm.seed}")
    examples = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.pdf"))]
    real = [path.read_bytes() for path in sorted(REAL_PLANS.glob("*.pdf"))]
    pdfs = []
    for number in range(storm.documents):
        pool = real if real and rng.random() < REAL_SHARE else examples
        pdfs.append(variant(rng.choice(pool), number=number))
    batches = []
    while pdfs:
        size = rng.choice(BATCH_SIZES)
        batches.append(Batch(pdfs[:size]))
        pdfs = pdfs[size:]
    return batches


def _rage(
    storm: Storm, *, service: FaultService, senders: Senders, watcher: Watcher, batches: list[Batch]
) -> None:
    rng = random.Random(storm.seed)
    plans = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.pdf"))]
    faults = Faults(service, rng=rng, senders=senders, plans=plans)
    seconds = storm.minutes * 60
    paced(senders, batches, over_seconds=seconds * SENDING_SHARE, threads=SENDERS)
    healers: list[threading.Timer] = []
    end = time.monotonic() + seconds
    due = time.monotonic()
    while due < end:
        due += storm.every_seconds
        kind = faults.next_kind()
        harm = faults.cause(kind)
        if harm is not None:
            watcher.add(kind, harm)
            healers.append(threading.Timer(harm.heal_after_seconds, harm.heal))
            healers[-1].start()
        time.sleep(max(0.0, due - time.monotonic()))
    for healer in healers:
        healer.join()


def _settle(service: FaultService, *, watcher: Watcher, batches: list[Batch]) -> float:
    """Wait until all is sent, final and well; returns how long that took."""
    deadline = time.monotonic() + SETTLE_SECONDS

    def left() -> float:
        return max(1.0, deadline - time.monotonic())

    began = time.monotonic()
    service.redis.start()
    service.proxy.pass_through()
    until(lambda: all(batch.final for batch in batches), what="the end of all batches", within_seconds=left())
    until(lambda: not watcher.open_faults(), what="the end of all harm", within_seconds=left())
    for deployment, count in ((EVALUATOR, service.settings.evaluators_min), (DISPATCHER, 1), (AGGREGATOR, 1)):
        service.back(deployment, count=count)
    return round(time.monotonic() - began, 1)


# --------------------------------------------------------------------------- judgement


def _judge(
    record: Record, *, service: FaultService, senders: Senders, watcher: Watcher, batches: list[Batch]
) -> None:
    record.faults = [asdict(fault) for fault in watcher.faults]
    record.answers = dict(senders.answers)
    record.unexpected = senders.unexpected
    record.totals = service.totals()
    record.documents = _documents(record, service=service, senders=senders)
    record.broken += [f"never well again: {fault.kind} {fault.target}" for fault in watcher.open_faults()]
    record.broken += [f"answer that no fault explains: {line}" for line in senders.unexpected]
    record.broken += [
        f"job {batch.job_id} was shown as {sorted(batch.ends_seen)}"
        for batch in senders.batches
        if len(batch.ends_seen) != 1
    ]
    sent = sum(len(batch.pdfs) for batch in batches if batch.job_id)
    if sent != record.storm.documents:
        record.broken.append(f"only {sent} documents could be sent")
    # What a writer that was killed has begun is removed an hour later; here at once.
    swept = service.ask(lambda store: sweep(store, storage=service.storage(), temporary_seconds=0))
    record.swept_temporary_files = swept.temporary_files
    kills = sum(fault.kind.startswith(("kill", "poison")) for fault in watcher.faults)
    if swept.temporary_files > kills:
        record.broken.append(f"{swept.temporary_files} temporary files, more than {kills} deaths explain")
    found = FaultRecord("chaos", promises=("P1", "P2", "P3", "P4"))
    try:
        check_invariants(service, found)
    except AssertionError as error:
        record.broken.append(str(error))
    record.invariants = found.invariants


def _documents(record: Record, *, service: FaultService, senders: Senders) -> dict[str, Any]:
    states: Counter[str] = Counter()
    attempts: Counter[int] = Counter()
    codes: Counter[str] = Counter()
    poisoned: Counter[str] = Counter()
    for batch in senders.batches:
        for document in service.documents(batch.job_id):
            code = document.code or "succeeded"
            if batch.poison:
                poisoned[f"{batch.poison}: {code}"] += 1
                if code not in POISONS[batch.poison] | {"attempts_exhausted"}:
                    record.broken.append(f"{batch.poison} ended as {code}")
                continue
            states[document.state.value] += 1
            attempts[document.attempt] += 1
            if document.state is DocumentState.FAILED:
                codes[code] += 1
                if code not in EXPLAINED:
                    record.broken.append(f"{batch.job_id}/{document.document_id} ended as {code}")
    return {
        "healthy": dict(states),
        "attempts": {str(number): count for number, count in sorted(attempts.items())},
        "failed_by_code": dict(codes),
        "poisoned": dict(sorted(poisoned.items())),
    }


def summary(record: Record) -> list[str]:
    """The record in a few lines."""
    lines = [
        f"{len(record.faults)} faults, {record.seconds:.0f} s, settled {record.settled_seconds:.0f} s after the storm"
    ]
    for kind, times in sorted(record.recoveries().items()):
        ordered = sorted(times)
        lines.append(
            f"  {kind:16} {len(times):3} times, well after {ordered[len(ordered) // 2]:5.1f} s (p50), "
            f"{ordered[-1]:5.1f} s (max)"
        )
    lines += [
        f"documents: {record.documents}",
        f"temporary files swept: {record.swept_temporary_files}",
        f"answers: {dict(sorted(record.answers.items()))}",
        f"totals: { {name: value for name, value in record.totals.items() if value} }",
        f"invariants: {sum(value == HOLDS for value in record.invariants.values())}/9 hold",
    ]
    return lines + [f"BROKEN {line}" for line in record.broken]


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "load_average_before": [round(each, 2) for each in os.getloadavg()]}


def _load() -> float:
    return round(os.getloadavg()[0], 1)


def _told(service: FaultService) -> dict[str, Any]:
    names = ("max_attempts", "lease_seconds", "evaluators_min", "evaluators_max", "redis_timeout_seconds")
    return {name: getattr(service.settings, name) for name in names}


if __name__ == "__main__":
    sys.exit(main())
