"""Node 1: what stays of the text, and that every character of it can be traced."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from structure_samples import clean, document, line, page

from pipeline.model import Page
from pipeline.nodes.sanitization import sanitization
from pipeline.structure.folding import fold_lines
from pipeline.text import fold

BODY = [
    "El municipio formulará la política pública de juventud durante el cuatrienio.",
    "La administración municipal garantizará los recursos para su cumplimiento total.",
]
HEAD = ["REPUBLICA DE COLOMBIA", "MUNICIPIO DE PUERTO ARRAYÁN", "NIT. 800051167-1"]


def texts(*pages: Page) -> list[str]:
    """The clean lines of these pages."""
    return [cleaned.text for cleaned in clean(*pages).lines]


def body(number: int) -> list[str]:
    """Text that differs from page to page by more than digits."""
    return [f"{text} Sección {'abcdefghij'[number % 10]}." for text in BODY]


def test_running_heads_and_page_numbers_are_removed() -> None:
    """A letterhead of three lines and the page number go from every page; the text stays whole."""
    pages = [page(n, body(n), head=HEAD, foot=str(n)) for n in range(1, 9)]
    cleaned = clean(*pages)
    assert [kept.text for kept in cleaned.lines] == [text for n in range(1, 9) for text in body(n)]
    assert cleaned.removed_lines == 8 * 4


def test_a_letterhead_in_the_middle_of_the_page_is_removed_line_by_line() -> None:
    """In a text typeset anew from an older PDF it stands anywhere, with numbers, a mail address and a lone full stop.

    A cell of figures that now and then follows it stays, and so does a line of the text beside it.
    """
    letterhead = [
        *HEAD,
        "ACUERDO NÚMERO 008 DE 2012",
        "POR MEDIO DEL CUAL SE ADOPTA EL PLAN DE DESARROLLO MULTICULTURAL,",
        "ACOGEDOR - 2012 - 2015",
        "PUERTO ARRAYÁN, UN SUEÑO",
        "concejo@arrayan.example",
        "Cra. 2a No 24 a 32 TEL: 3110000000",
        ".",
    ]
    pages = []
    for number in range(1, 21):
        above, below = body(number)
        figures = ["0 10"] if number % 3 else ["Número de acciones realizadas"]
        place = number % 4
        pages.append(page(number, [above] * place + letterhead + figures + [below] * (5 - place)))
    kept = texts(*pages)
    assert not set(kept) & set(letterhead)
    assert kept.count("0 10") == sum(1 for number in range(1, 21) if number % 3)
    assert len(kept) == 20 * 6


def test_heads_of_tables_at_the_top_of_pages_stay() -> None:
    """A head of a table repeats on each page like a running head does, but it is needed to read the rows."""
    pages = [page(n, body(n), head=["META INDICADOR LÍNEA BASE"], foot=str(n)) for n in range(1, 9)]
    assert texts(*pages).count("META INDICADOR LÍNEA BASE") == 8


def test_a_number_at_the_foot_that_is_no_page_number_stays() -> None:
    """The last cell of a table may stand where page numbers stand; it does not follow the pages."""
    pages = [page(n, body(n), foot=value) for n, value in enumerate(["250", "17", "1200", "4"], 1)]
    assert [text for text in texts(*pages) if text.isdigit()] == ["250", "17", "1200", "4"]


def test_words_broken_at_line_ends_are_made_whole_even_over_pages() -> None:
    """``demo-`` on one page and ``cracia`` on the next are one word, and the rest of the line stays."""
    first = page(1, ["La participación fortalece la demo-"])
    second = page(2, ["cracia en todos los barrios."])
    assert texts(first, second) == ["La participación fortalece la democracia", "en todos los barrios."]


def test_a_hyphen_of_its_own_word_stays() -> None:
    """``socio-`` / ``económico`` keeps its hyphen where the plan writes ``socio-económico`` elsewhere."""
    lines = [
        "El desarrollo socio-económico es prioritario.",
        "Se hará un estudio socio-",
        "económico del municipio.",
    ]
    assert "Se hará un estudio socio-económico" in texts(page(1, lines))


def test_ligatures_broken_accents_and_decomposed_letters_become_ordinary() -> None:
    """What PDFs do to Spanish letters is undone: ``ﬁ``, ``pol´ıtica``, ``nin˜o`` as base and mark."""
    assert texts(page(1, ["La ﬁnanciación de la pol´ıtica de nin\u0303os"])) == [
        "La financiación de la política de niños"
    ]


def test_list_marks_of_symbol_fonts_become_one_mark() -> None:
    """Private-use, control and replacement characters before an item are list marks."""
    marks = ["\uf0b7 Primero", "\x01 Segundo", "\ufffd Tercero", "\u27a2 Cuarto"]
    assert texts(page(1, marks)) == ["• Primero", "• Segundo", "• Tercero", "• Cuarto"]


def test_a_list_mark_printed_apart_joins_its_text() -> None:
    """Many PDFs hold the mark and the text of an item as two lines on one height."""
    lines = (line("•", y=200, x=60), line("Crear la oficina de la mujer.", y=200, x=78))
    assert texts(Page(1, 595, 842, lines, (), 0.0)) == ["• Crear la oficina de la mujer."]


words = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=0, max_size=30), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(words)
def test_every_character_is_traced_to_its_source(lines: list[str]) -> None:
    """Pieces cover a clean line, save the glue of joined lines, and stay inside their source."""
    source = page(1, lines)
    cleaned = sanitization(document(source))
    for kept in cleaned.lines:
        position = 0
        for piece in kept.pieces:
            assert piece.start >= position
            assert kept.text[position : piece.start].strip() == ""
            assert 0 <= piece.source_start < len(source.lines[piece.line].text)
            position = piece.start + piece.length
        assert position == len(kept.text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_folding_many_lines_is_folding_each(lines: list[str]) -> None:
    """The fast way over a document gives what ``fold`` gives; only its separator becomes a space."""
    assert fold_lines(lines) == [fold(text.replace("\x1e", " ")) for text in lines]
