"""When an evaluator gives memory back, and when it leaves."""

from __future__ import annotations

from actors.bench import give_back_what_is_free
from actors.growth import KEPT_BYTES, Growth

MANY_BYTES = 16 * KEPT_BYTES
MIB = 2**20


def test_what_is_free_is_given_back_once_it_is_much() -> None:
    """Between small documents nothing is given back; after a large one it is, and nobody has to leave for it."""
    # What earlier tests of this process have freed would be used again, and nothing would grow.
    give_back_what_is_free()
    growth = Growth(MANY_BYTES)
    asked: list[int] = []

    def give_back() -> None:
        asked.append(1)
        give_back_what_is_free()

    growth.look(give_back=give_back)
    assert not asked
    # Small enough that the allocator does not map each by itself, and so keeps them when they are free.
    ballast = [bytes([number % 256]) * 4096 for number in range((KEPT_BYTES + 64 * MIB) // 4096)]
    growth.look(give_back=give_back)
    assert asked == [1]
    assert not growth.leaving
    del ballast
    growth.look(give_back=give_back)
    growth.look(give_back=give_back)
    assert len(asked) <= 2
