"""Small PDFs made for one purpose each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymupdf

if TYPE_CHECKING:
    from collections.abc import Sequence

A4 = pymupdf.paper_rect("a4")
PROSE = "El municipio garantiza el derecho a la educación de la niñez rural"


def pdf_of(*pages: list[tuple[float, float, str]], **options: Any) -> bytes:
    """A PDF whose pages hold texts at baseline points; ``options`` go to ``insert_text``."""
    document = pymupdf.open()
    for texts in pages:
        page = document.new_page(width=A4.width, height=A4.height)
        for x, y, text in texts:
            page.insert_text((x, y), text, **options)
    return bytes(document.tobytes())


def prose_pdf(*, pages: int = 1) -> bytes:
    """A plain document of so many pages of twenty lines."""
    document = pymupdf.open()
    for page in range(pages):
        lines = [f"{PROSE} {page}.{line}" for line in range(20)]
        document.new_page(width=A4.width, height=A4.height).insert_text((72, 72), lines)
    return bytes(document.tobytes())


def columns_pdf(*, lines: int = 12) -> bytes:
    """Two columns under a title, painted row by row across both columns."""
    texts = [(72, 72, "Título que cruza toda la página y ocupa el ancho de las dos columnas juntas")]
    for line in range(lines):
        y = 110 + 14 * line
        texts.append((72, y, f"izquierda {line:02d} con palabras que llenan"))
        texts.append((320, y, f"derecha {line:02d} con palabras que llenan"))
    texts.append(
        (72, 130 + 14 * lines, "Cierre que cruza toda la página y ocupa el ancho de las dos columnas")
    )
    return pdf_of(texts)


def table_pdf(*, rotation: int = 0) -> bytes:
    """A ruled table of three rows and three columns, the first row of the last two columns merged."""
    document = pymupdf.open()
    page = document.new_page(width=A4.width, height=A4.height)
    xs, ys = (72, 232, 332, 432), (100, 130, 160, 190)
    shape = page.new_shape()
    for y in ys:
        shape.draw_line((xs[0], y), (xs[-1], y))
    for index, x in enumerate(xs):
        shape.draw_line((x, ys[1] if index == 2 else ys[0]), (x, ys[-1]))
    shape.finish(width=0.5)
    shape.commit()
    page.insert_text((76, 60), "Metas del programa de educación")
    page.insert_text((76, 120), "Meta")
    page.insert_text((236, 120), "Línea base y valor")
    page.insert_text((76, 150), "Niños atendidos en la zona rural 120 4.500", fontsize=9)
    page.insert_text((76, 180), "Escuelas")
    page.insert_text((236, 180), "12")
    page.insert_text((336, 180), "30")
    page.insert_text((76, 230), "Fuente: Secretaría de Educación")
    page.set_rotation(rotation)
    return bytes(document.tobytes())


def endless_pdf() -> bytes:
    """A page that draws a form of ten forms of ten forms …: 10^10 texts in two kilobytes."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), PROSE)
    inner = _form(document, resources="<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>",
                  content=b"BT /F 9 Tf 10 10 Td (a) Tj ET ")  # fmt: skip
    for _ in range(9):
        inner = _form(document, resources=f"<</XObject<</X {inner} 0 R>>>>", content=b"/X Do " * 10)
    resources = int(document.xref_get_key(page.xref, "Resources")[1].split()[0])
    document.xref_set_key(resources, "XObject", f"<</X {inner} 0 R>>")
    contents = page.get_contents()[0]
    document.update_stream(contents, document.xref_stream(contents) + b" " + b"/X Do " * 10)
    return bytes(document.tobytes())


def _form(document: Any, *, resources: str, content: bytes) -> int:
    xref: int = document.get_new_xref()
    document.update_object(xref, f"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources {resources}>>")
    document.update_stream(xref, content)
    return xref


def greedy_pdf(*, letters: int = 1_000_000) -> bytes:
    """One page with so many letters, compressed to almost nothing."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), PROSE)
    contents = page.get_contents()[0]
    places = (b"1 0 0 1 %d %d Tm (abcdefghij) Tj " % (i % 400, i // 400 % 700) for i in range(letters // 10))
    text = b" BT /helv 8 Tf " + b"".join(places) + b"ET"
    document.update_stream(contents, document.xref_stream(contents) + text)
    return bytes(document.tobytes(deflate=True))


def without_pages_pdf() -> bytes:
    """A valid PDF with an empty page tree."""
    objects = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>")
    data = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 3\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + table + b"trailer\n<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(data)


def picture(*, width: int = 60, height: int = 80) -> bytes:
    """A grey PNG."""
    pixmap = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, width, height))
    pixmap.clear_with(180)
    return bytes(pixmap.tobytes("png"))


def scanned(pdf: bytes, *, dpi: int = 200, pages: Sequence[int] | None = None) -> bytes:
    """The same pages (from 0; None: all) as grey pictures, as a scanner makes them."""
    result = pymupdf.open()
    with pymupdf.open(stream=pdf) as document:
        for page in document:
            if pages is not None and page.number not in pages:
                result.insert_pdf(document, from_page=page.number, to_page=page.number)
                continue
            picture = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY).tobytes("jpeg", jpg_quality=75)
            sheet = result.new_page(width=page.rect.width, height=page.rect.height)
            sheet.insert_image(sheet.rect, stream=picture)
    return bytes(result.tobytes())
