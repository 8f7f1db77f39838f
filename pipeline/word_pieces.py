"""The default encoder's word pieces, made once for each word instead of once for each text."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

WORDS_KEPT = 20_000
"""The words of some ten plans: about 4 MB."""


class Tokenizer(Protocol):
    """What the encoder asks its tokenizer for."""

    def encode(self, text: str, *, out_type: type[int], add_bos: bool, add_eos: bool) -> list[int]:
        """Numbers of the pieces, between the marks of beginning and end where they are asked for."""


class WordPieces:
    """A tokenizer that gives what ``tokenizer`` gives, but remembers words.

    The vocabulary has no piece that goes on after a blank, and the best pieces of a text are those whose scores have
    the greatest sum: the best pieces of its words, one word after the other. (The scores have 24 significant bits, so
    that their sums are exact, and ties are the same ones.) That holds for texts whose characters stand for themselves;
    others are handed on whole.

    Attributes:
        tokenizer: the one that is asked where words are new.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._of_word = lru_cache(maxsize=WORDS_KEPT)(self._pieces)
        self._begin, *_, self._end = tokenizer.encode("a", out_type=int, add_bos=True, add_eos=True)

    def encode(self, text: str, *, out_type: type[int], add_bos: bool, add_eos: bool) -> list[int]:
        """As ``Tokenizer.encode``."""
        words = text.split(" ") if text.isascii() and text.isprintable() else []
        pieces = [piece for word in words if word for piece in self._of_word(word)]
        if not pieces:
            return self.tokenizer.encode(text, out_type=out_type, add_bos=add_bos, add_eos=add_eos)
        return [*([self._begin] if add_bos else ()), *pieces, *([self._end] if add_eos else ())]

    def _pieces(self, word: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(word, out_type=int, add_bos=False, add_eos=False))
