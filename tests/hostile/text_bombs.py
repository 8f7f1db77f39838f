"""Documents whose text, once extracted, is made to cost: repetition, length and depth aimed at the eleven nodes."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model import ExtractedDocument, Line, Page

LINES_PER_PAGE = 200
START = (
    "PLAN DE DESARROLLO MUNICIPAL 2024-2027",
    "Municipio de Villa Esperanza, Caquetá",
    "Artículo 1. Diagnóstico de derechos humanos",
)


def document_of(lines: list[str]) -> ExtractedDocument:
    """A document of these lines, from top to bottom."""
    lines = [*START, *lines]
    pages = [
        _page(number, lines[first : first + LINES_PER_PAGE])
        for number, first in enumerate(range(0, len(lines), LINES_PER_PAGE), 1)
    ]
    return ExtractedDocument(sha256="0" * 64, pages=tuple(pages), title="Plan", warnings=())


def _page(number: int, texts: list[str]) -> Page:
    lines = tuple(_line(text, y=30.0 + 4 * row) for row, text in enumerate(texts))
    return Page(number=number, width=600.0, height=850.0, lines=lines, tables=(), image_share=0.0)


def _line(text: str, *, y: float) -> Line:
    words = len(text.split())
    step = 500.0 / (2 * words)
    edges = tuple(round(50 + step * index, 2) for index in range(2 * words))
    return Line(text=text, box=(50.0, y, 550.0, y + 3.5), word_edges=edges, font_size=9.0, bold=False)


def text_bombs(*, characters: int) -> Iterator[tuple[str, list[str]]]:
    """Name and lines of each, about ``characters`` long."""
    for name, line in REPEATED.items():
        yield name, [line.format(n=n) for n in range(max(1, characters // len(line)))]
    for name, piece in ENDLESS.items():
        yield name, [piece * max(1, characters // len(piece))]


REPEATED = {
    "headings": "Artículo {n}. Objetivo y meta",
    "numbered headings": "1.1.1.1.1.1.{n} Programa de vida",
    "roman headings": "CAPÍTULO MCMXCIX PROGRAMA {n}",
    "indicators": "Meta de producto: {n} familias víctimas con reparación en 2027, línea base {n}",
    "indicator rows": "Número de víctimas atendidas   {n}   {n}   2027   Secretaría de Gobierno",
    "amounts": "La Secretaría de Gobierno invertirá $ 1.{n}.000.000 de recursos propios y regalías",
    "amounts that are broken": "$12x " * 28,
    "months": "a los __ dias del mes " * 6,
    "amounts in rows": "{n}.000.000 {n}.000.001 {n}.000.002 {n}.000.003 {n}.000.004",
    "causes": "porque el conflicto armado causa el desplazamiento {n} debido a que genera pobreza",
    "chains of causes": "la causa {n} genera la consecuencia {n} lo que lleva a",
    "responsible": "La Secretaría de Salud {n} y la Alcaldía serán responsables de coordinar con la Unidad",
    "contradictions": "La tasa de homicidios es de {n} por 100.000 habitantes en 2023",
    "municipalities": "El municipio de Puerto {n} del departamento de Caquetá 2024-2027",
    "hyphens": "desarro- comuni- víctimas {n} protec-",
    "lists": "• a) i. 1) protección de líderes {n}",
    "leaders": "Programa {n} .......................................... {n}",
    "single letters": "a",
    "one word": "vida",
    "equal lines": "El municipio protegerá la vida de las mujeres rurales y de las víctimas del conflicto",
}
ENDLESS = {
    "one word without end": "a",
    "digits without end": "1",
    "points and digits": "1.000.",
    "thousands": "1.000 ",
    "peso signs": "$",
    "peso signs apart": "$ ",
    "brackets": "(",
    "hyphens without end": "-",
    "words without full stop": "porque la vida genera paz y ",
    "conjunctions": "y de la ",
    "number words": "mil millones de ",
    "numerals": "ochocientos noventa y nueve mil ",
    "combining marks": "a\u0301\u0301\u0301",
    "soft hyphens": "vi\u00adda ",
    "percent": "% 5 ",
    "targets": "línea base meta 5 % ",
    "ends of sentences": "a. ",
    "quotes": "«“",
    "right to left": "\u202eabc ",
    "astral": "\U0001f600",
}
