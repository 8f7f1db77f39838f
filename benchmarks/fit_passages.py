"""Fit the network of ``pipeline/questionnaire/passage_reader.py`` to passages that were read one by one.

Cross-entropy over all criteria at once, Adam with decoupled weight decay, and units left out at random so that none is
relied on alone. Needs PyTorch (``pip install "decalogo[fit]"``); ``benchmarks/fit_reading.py`` calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.labelled_passages import READ_CRITERIA
from pipeline.questionnaire.passage_reader import FILE, UNIT, PassageReader, Readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.labelled_passages import Plan

TARGET = Path(__file__).resolve().parents[1] / "pipeline" / "questionnaire" / FILE
UNITS = 128
EPOCHS = 6
BATCH = 128
RATE = 2e-3
DECAY = 1e-4
LEFT_OUT_SEEN, LEFT_OUT_BETWEEN = 0.1, 0.3
LEAST_SEEN = 20
"""A token that fewer passages have is left out."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Read passages: (passages, tokens) of 0..1, and (passages, READ_CRITERIA)."""

    seen: NDArray[np.float32]
    shows: NDArray[np.float32]

    @classmethod
    def of(cls, plans: Sequence[Plan]) -> Examples:
        """The passages of these plans that were read."""
        return cls(
            np.concatenate([plan.seen[plan.read] for plan in plans]) / UNIT,
            np.concatenate([plan.shows[plan.read] for plan in plans]),
        )


def fit(plans: Sequence[Plan], *, seed: int = 0) -> PassageReader:
    """Fit to all read passages of the plans."""
    import torch  # noqa: PLC0415 - of the extra `fit`: who only evaluates does without
    from torch import nn  # noqa: PLC0415

    torch.manual_seed(seed)
    examples = Examples.of(plans)
    kept = np.flatnonzero((examples.seen > 0).sum(axis=0) >= LEAST_SEEN)
    seen, shows = torch.tensor(examples.seen[:, kept]), torch.tensor(examples.shows)
    first, second = nn.Linear(len(kept), UNITS), nn.Linear(UNITS, len(READ_CRITERIA))
    shares = shows.mean(dim=0).clip(1e-4, 1 - 1e-4)
    second.bias.data = torch.log(shares / (1 - shares))
    network = nn.Sequential(nn.Dropout(LEFT_OUT_SEEN), first, nn.ReLU(), nn.Dropout(LEFT_OUT_BETWEEN), second)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(seen) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    loss = nn.BCEWithLogitsLoss(reduction="sum")
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(seen)).split(BATCH):
            optimizer.zero_grad()
            (loss(network(seen[batch]), shows[batch]) / len(batch)).backward()
            optimizer.step()
            schedule.step()
    return PassageReader(
        tokens=tuple(plans[0].tokens[at] for at in kept),
        first=_thousandths(first.weight).T.copy(),
        first_bias=_thousandths(first.bias),
        criteria=READ_CRITERIA,
        second=_thousandths(second.weight).T.copy(),
        second_bias=_thousandths(second.bias),
    )


def judge(reader: PassageReader, plan: Plan) -> Readings:
    """What the network says of a plan's described passages."""
    position = {token: number for number, token in enumerate(plan.tokens)}
    seen = plan.seen[:, [position[token] for token in reader.tokens]].astype(np.float64)
    return Readings.of_all(reader.judge(seen), criteria=reader.criteria)


def write(reader: PassageReader, *, plans: Sequence[Plan]) -> None:
    """Write the file that the evaluator reads."""
    lines = [
        "# Made by benchmarks/fit_reading.py; do not edit. What the numbers mean: passage_reader.py.",
        f"# Fitted to passages of: {', '.join(sorted(plan.name for plan in plans))}.",
        _line("first", "bias", reader.first_bias),
        *(_line("first", *row) for row in zip(reader.tokens, reader.first, strict=True)),
        _line("second", "bias", reader.second_bias),
        *(_line("second", *row) for row in zip(reader.criteria, reader.second.T, strict=True)),
    ]
    TARGET.write_text("\n".join(lines) + "\n", "ascii")


def size(reader: PassageReader) -> int:
    """How many numbers were fitted."""
    return reader.first.size + reader.first_bias.size + reader.second.size + reader.second_bias.size


def _line(layer: str, name: str, numbers: NDArray[np.float64]) -> str:
    return f"{layer}\t{name}\t{' '.join(str(int(number)) for number in numbers)}"


def _thousandths(weights: object) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.rint(weights.detach().numpy().astype(np.float64) * UNIT)  # type: ignore[attr-defined]
    return values
