"""PDFs that cost far more to read than to send, each made for one way of doing so. None is kept as a file."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

import pymupdf

PROSE = "El municipio garantiza el derecho a la vida y a la paz de las comunidades rurales"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_WORDS = b"BT /F 9 Tf 72 700 Td (" + PROSE.encode() + b") Tj ET "
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>%s>>%s>>"


def stream(content: bytes, *, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), entries, content)


def packed(content: bytes, *, entries: bytes = b"") -> bytes:
    """A stream object, compressed once."""
    return stream(zlib.compress(content, 9), entries=b"/Filter/FlateDecode" + entries)


def assemble(objects: Iterable[bytes], *, trailer: bytes = b"", version: bytes = b"1.7") -> bytes:
    """A file of these objects, numbered from 1; the first is the catalogue."""
    parts = [b"%%PDF-%s\n" % version]
    size, offsets = len(parts[0]), []
    for number, content in enumerate(objects, 1):
        offsets.append(size)
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))
        size += len(parts[-1])
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
    tail = b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, trailer, size)
    return b"".join((*parts, head, table, tail))


def one_page(
    contents: bytes = _WORDS,
    *more: bytes,
    resources: bytes = b"",
    page: bytes = b"",
    catalog: bytes = b"",
    trailer: bytes = b"",
    raw: bytes | None = None,
) -> bytes:
    """A page with ``contents`` (``raw``: its whole stream object); further objects are numbered from 6."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        _PAGE % (resources, page),
        raw if raw is not None else packed(contents),
        _FONT,
        *more,
    )
    return assemble(objects, trailer=trailer)


# --------------------------------------------------------------------------- sizes


def flate_in_flate() -> bytes:
    """A gigabyte of operators under three layers of compression."""
    squeezer = zlib.compressobj(1)
    block = b"0 0 m " * (1 << 18)
    content = b"".join([squeezer.compress(block) for _ in range(680)]) + squeezer.flush()
    for _ in range(2):
        content = zlib.compress(content, 9)
    return one_page(raw=stream(content, entries=b"/Filter[/FlateDecode/FlateDecode/FlateDecode]"))


def million_pages() -> bytes:
    """Six levels of page trees that name the same child ten times."""
    levels = 6
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    objects += [
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (10 ** (levels - level), b"%d 0 R " % (3 + level) * 10)
        for level in range(levels)
    ]
    objects += [b"<</Type/Page/MediaBox[0 0 600 800]>>"]
    return assemble(objects)


def many_honest_pages() -> bytes:
    """Ten thousand pages that are all there."""
    kids = b" ".join(b"%d 0 R" % number for number in range(5, 10_005))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>>>"
    head = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 10000/Kids[%s]>>" % kids,
        packed(_WORDS),
        _FONT,
    )
    return assemble((*head, *([page] * 10_000)))


def _image(entries: bytes, *, content: bytes = b"") -> bytes:
    picture = stream(content, entries=b"/Type/XObject/Subtype/Image/Width 100000/Height 100000" + entries)
    return one_page(_WORDS + b"q 500 0 0 500 50 100 cm /I Do Q", picture, resources=b"/XObject<</I 6 0 R>>")


def giant_image() -> bytes:
    """Ten gigapixels of nothing."""
    return _image(
        b"/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode", content=zlib.compress(bytes(1000))
    )


def giant_jpx() -> bytes:
    """A JPEG 2000 codestream that announces 2³¹ by 2³¹ samples."""
    size = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + b"\x7f\xff\xff\xff" * 2 + bytes(8) + b"\x7f\xff\xff\xff" * 2
    return _image(b"/Filter/JPXDecode", content=size + bytes(8) + b"\x00\x01\x07\x01\x01\xff\xd9")


def giant_jbig2() -> bytes:
    """A JBIG2 page of four thousand million lines."""
    page = (
        b"\x00\x00\x00\x00\x30\x00\x01\x00\x00\x00\x13" + b"\xff\xff\xff\xfe" * 2 + bytes(8) + b"\x00\x00\x00"
    )
    return _image(b"/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode", content=page)


def text_of_fifty_megabytes() -> bytes:
    """As much as may be sent, all of it text operators."""
    line = b"1 0 0 1 72 %d Tm (a) Tj "
    block = b"".join(line % (y % 800) for y in range(2000))
    content = b"BT /F 9 Tf " + block * (49_000_000 // len(block)) + b"ET"
    return one_page(raw=stream(content))


def text_packed_a_hundred_times() -> bytes:
    """Hundreds of megabytes of text operators in less than one."""
    return one_page(b"BT /F 9 Tf " + b"0 1 Td (abcdefghijklmnopqrstuvwxyz) Tj " * 10_000_000 + b"ET")


def enormous_string() -> bytes:
    """A title of thirty megabytes."""
    return one_page(_WORDS, b"<</Title(" + b"A" * 30_000_000 + b")>>", trailer=b"/Info 6 0 R")


def enormous_names_and_numbers() -> bytes:
    """Names of a megabyte, numbers of a million digits, sizes that no number holds."""
    digits = b"9" * 1_000_000
    content = _WORDS + b"/" + b"N" * 1_000_000 + b" gs " + digits + b" 0 0 " + digits + b" 0 0 cm " + _WORDS
    return one_page(content, page=b"/UserUnit %s/Rotate %s" % (digits, digits))


def absurd_page_size() -> bytes:
    """A page of 10³⁸ points."""
    return one_page(page=b"/MediaBox[0 0 1e38 1e38]/CropBox[-1e38 -1e38 1e38 1e38]")


# --------------------------------------------------------------------------- circles


def cyclic_pages() -> bytes:
    """A page tree whose child is its parent."""
    return assemble((b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"))


def cyclic_outline() -> bytes:
    """Bookmarks that follow one another in a circle."""
    entry = b"<</Title(x)/Parent 6 0 R/Next %d 0 R/Prev %d 0 R/First 6 0 R/Dest[3 0 R/Fit]>>"
    return one_page(
        _WORDS,
        b"<</Type/Outlines/First 7 0 R/Last 8 0 R/Count 2>>",
        entry % (8, 8),
        entry % (7, 7),
        catalog=b"/Outlines 6 0 R",
    )


def cyclic_forms() -> bytes:
    """Two form XObjects that draw each other, and themselves."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</A 6 0 R/B 7 0 R>>>>"
    content = b"/A Do /B Do /A Do /B Do"
    return one_page(
        _WORDS + content,
        stream(content, entries=form),
        stream(content, entries=form),
        resources=b"/XObject<</A 6 0 R/B 7 0 R>>",
    )


def cyclic_type3_font() -> bytes:
    """A font whose letter is drawn with the font itself."""
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1000 1000]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 97/LastChar 97"
        b"/Widths[1000]/Encoding<</Differences[97/a]>>/CharProcs<</a 7 0 R>>/Resources<</Font<</T 6 0 R>>>>>>"
    )
    glyph = stream(b"1000 0 d0 BT /T 900 Tf (aaaa) Tj ET")
    return one_page(_WORDS + b"BT /T 12 Tf (aaaa) Tj ET", font, glyph, resources=b"/Font<</F 5 0 R/T 6 0 R>>")


def cyclic_pattern_and_mask() -> bytes:
    """A tiling pattern painted with itself in cells of a thousandth of a point, under a mask that needs it."""
    pattern = stream(
        b"/Pattern cs /P scn 0 0 1 1 re f",
        entries=b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep .001/YStep .001"
        b"/Resources<</Pattern<</P 6 0 R>>>>",
    )
    group = stream(
        b"/G gs /M Do",
        entries=b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Group<</S/Transparency/CS/DeviceGray>>"
        b"/Resources<</ExtGState<</G 8 0 R>>/XObject<</M 7 0 R>>>>",
    )
    state = b"<</SMask<</S/Luminosity/G 7 0 R>>>>"
    return one_page(
        _WORDS + b"/G gs /Pattern cs /P scn 0 0 600 800 re f",
        pattern,
        group,
        state,
        resources=b"/Pattern<</P 6 0 R>>/ExtGState<</G 8 0 R>>",
    )


def cyclic_fields() -> bytes:
    """A form field that is its own parent and child."""
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(x)/Rect[0 0 100 100]/Parent 6 0 R/Kids[6 0 R 6 0 R]>>"
    return one_page(_WORDS, field, page=b"/Annots[6 0 R]", catalog=b"/AcroForm<</Fields[6 0 R]>>")


def cyclic_names_and_structure() -> bytes:
    """A name tree and a structure tree that contain themselves."""
    return one_page(
        _WORDS,
        b"<</Kids[6 0 R 6 0 R]/Limits[(a)(z)]>>",
        b"<</Type/StructTreeRoot/K[8 0 R]/ParentTree 6 0 R/RoleMap<</A/B/B/A>>>>",
        b"<</Type/StructElem/S/A/P 8 0 R/K[8 0 R 8 0 R]/Pg 3 0 R>>",
        catalog=b"/Names<</Dests 6 0 R/EmbeddedFiles 6 0 R>>/StructTreeRoot 7 0 R/MarkInfo<</Marked true>>",
    )


def length_that_is_itself() -> bytes:
    """A stream whose length is the stream."""
    return one_page(raw=b"<</Length 4 0 R>>\nstream\n" + _WORDS + b"\nendstream")


def xref_that_precedes_itself() -> bytes:
    """Two cross-reference tables, each the one before the other."""
    base = one_page()
    first = base.rindex(b"xref\n0", 0, base.rindex(b"startxref"))
    second = len(base)
    looped = base.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % second)
    shift = len(looped) - len(base)
    return looped + b"xref\n0 0\ntrailer\n<</Size 6/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        first,
        second + shift,
    )


def xref_streams_in_a_circle() -> bytes:
    """Two cross-reference streams that precede each other, and name each other as hybrid."""
    table = b"%d 0 obj\n<</Type/XRef/Size 9/Root 1 0 R/W[1 2 1]/Index[0 0]/Prev %06d"
    table += b"/XRefStm %06d/Length 0>>stream\n\nendstream\nendobj\n"
    head = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    one = len(head)
    two = one + len(table % (7, 0, 0))
    return head + table % (7, two, two) + table % (8, one, one) + b"startxref\n%d\n%%%%EOF\n" % one


def object_streams_in_a_circle() -> bytes:
    """Object streams that extend each other and are said to lie inside one another."""
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        5: stream(b"2 0 ", entries=b"/Type/ObjStm/N 1/First 4/Extends 6 0 R"),
        6: stream(b"2 0 ", entries=b"/Type/ObjStm/N 1/First 4/Extends 5 0 R"),
    }
    data, offsets = b"%PDF-1.7\n", {}
    for number, content in objects.items():
        offsets[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    rows = {0: (0, 0), 1: (1, offsets[1]), 2: (2, 3), 3: (2, 4), 4: (2, 3), 5: (2, 6), 6: (2, 5)}
    table = b"".join(kind.to_bytes(1) + place.to_bytes(4) + b"\0" for kind, place in rows.values())
    where = len(data)
    data += b"7 0 obj\n%s\nendobj\n" % stream(table, entries=b"/Type/XRef/Size 7/Root 1 0 R/W[1 4 1]")
    return data + b"startxref\n%d\n%%%%EOF\n" % where


# --------------------------------------------------------------------------- depth and number


def deep_arrays() -> bytes:
    """A hundred thousand arrays in one another."""
    return one_page(_WORDS, b"[" * 100_000 + b"]" * 100_000, catalog=b"/Deep 6 0 R")


def deep_dictionaries() -> bytes:
    """A hundred thousand dictionaries in one another, in the page itself."""
    return one_page(page=b"/Deep" + b"<</D" * 100_000 + b" 1" + b">>" * 100_000)


def deep_states() -> bytes:
    """Two million saved states, marks and clips, never given back."""
    return one_page(b"q 0 0 9 9 re W n /Span BMC " * 2_000_000 + _WORDS)


def deep_arrays_in_contents() -> bytes:
    """Arrays and dictionaries in one another between operators."""
    return one_page(b"[" * 1_000_000 + _WORDS + b"<<" * 1_000_000)


def deep_page_tree() -> bytes:
    """Ten thousand levels above one page."""
    levels = 10_000
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    objects += [b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % (number + 1) for number in range(2, levels + 2)]
    objects += [
        b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 600 800]/Contents %d 0 R/Resources<</Font<</F %d 0 R>>>>>>"
        % (levels + 1, levels + 3, levels + 4),
        packed(_WORDS),
        _FONT,
    ]
    return assemble(objects)


def forms_in_forms() -> bytes:
    """Ten forms of ten forms of … ten forms: 10¹⁰ words."""
    resources = (
        b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</F 5 0 R>>/XObject<</X %d 0 R>>>>"
    )
    forms = [stream(b"/X Do " * 10, entries=resources % (7 + level)) for level in range(9)]
    forms.append(stream(_WORDS, entries=resources % 6))
    return one_page(_WORDS + b"/X Do " * 10, *forms, resources=b"/XObject<</X 6 0 R>>")


def million_annotations() -> bytes:
    """A million references to one note with an appearance."""
    note = b"<</Type/Annot/Subtype/FreeText/Rect[0 0 100 100]/Contents(x)/DA(/Helv 9 Tf)/AP<</N 7 0 R>>>>"
    look = stream(
        _WORDS, entries=b"/Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources<</Font<</F 5 0 R>>>>"
    )
    return one_page(_WORDS, note, look, b"[" + b"6 0 R " * 1_000_000 + b"]", page=b"/Annots 8 0 R")


def giant_character_map() -> bytes:
    """A million ranges of a map from codes to Unicode, and codes that stand for hundreds of letters."""
    long = b"0041" * 500
    rows = b"".join(b"<%04x> <%04x> <%s>\n" % (code, code, long) for code in range(256))
    ranges = b"<0000> <ffff> <0041>\n" * 1_000_000
    cmap = (
        b"/CIDInit /ProcSet findresource begin begincmap /CMapName /X def 1 begincodespacerange <0000> <ffff> "
        b"endcodespacerange 256 beginbfrange\n" + rows + ranges + b"endbfrange endcmap end"
    )
    font = (
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[7 0 R]/ToUnicode 8 0 R>>"
    )
    descendant = (
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>/FontDescriptor<</Type/FontDescriptor/FontName/X/Flags 4/FontBBox[0 0 1 1]/ItalicAngle 0"
        b"/Ascent 1/Descent 0/CapHeight 1/StemV 1>>>>"
    )
    text = b"BT /T 9 Tf 10 10 Td <" + b"0041" * 200_000 + b"> Tj ET"
    return one_page(_WORDS + text, font, descendant, packed(cmap), resources=b"/Font<</F 5 0 R/T 6 0 R>>")


def ten_thousand_updates() -> bytes:
    """A file that was saved ten thousand times more."""
    data = one_page()
    before = data.rindex(b"xref\n0", 0, data.rindex(b"startxref"))
    parts, size = [data], len(data)
    for _ in range(10_000):
        row = b"6 0 obj\n<<>>\nendobj\n"
        tail = b"xref\n6 1\n%010d 00000 n \ntrailer\n<</Size 7/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
        parts += [row, tail % (size, before, size + len(row))]
        before, size = size + len(row), size + len(row) + len(parts[-1])
    return b"".join(parts)


def objects_by_the_million() -> bytes:
    """A million objects that nobody needs, packed into one stream."""
    count = 1_000_000
    head = b"".join(b"%d %d " % (number, 0) for number in range(10, 10 + count))
    return one_page(
        _WORDS, packed(head + b"null", entries=b"/Type/ObjStm/N %d/First %d" % (count, len(head)))
    )


# --------------------------------------------------------------------------- places on a page


def grid_of_a_hundred_million_cells() -> bytes:
    """Ten thousand rules across, as many down, and a word in some of the cells."""
    lines = b"".join(
        b"0 %f m 600 %f l %f 0 m %f 800 l S " % (n / 12.5, n / 12.5, n / 16.7, n / 16.7) for n in range(9_900)
    )
    return one_page(b".1 w " + lines + _WORDS * 20)


def grid_with_wide_meshes() -> bytes:
    """A page of fourteen thousand points with as many rules as are looked at, far enough apart to count."""
    lines = b"".join(b"0 %d m 14400 %d l %d 0 m %d 14400 l S " % (n, n, n, n) for n in range(4, 14_400, 4))
    words = b"".join(
        b"BT /F 3 Tf %d %d Td (%d) Tj ET " % (n % 14_000, n * 7 % 14_000, n) for n in range(5_000)
    )
    return one_page(b".1 w " + lines + words, page=b"/MediaBox[0 0 14400 14400]")


def every_line_elsewhere() -> bytes:
    """Sixty thousand words, each at a place and of a size of its own."""
    words = b"".join(
        b"BT /F %d Tf %d %d Td (a%d b) Tj ET " % (1 + n % 40, n * 37 % 600, n * 101 % 800, n)
        for n in range(59_000)
    )
    return one_page(words)


def white_words_over_drawings() -> bytes:
    """Fifty thousand white words whose background must be looked for among fifteen thousand drawings."""
    drawings = b"".join(b"%f g %d %d 5 5 re f " % (n % 9 / 9, n % 590, n * 7 % 790) for n in range(15_000))
    words = b"".join(b"BT /F 9 Tf %d %d Td (a) Tj ET " % (n * 37 % 600, n * 101 % 800) for n in range(50_000))
    return one_page(drawings + b"1 g " + words)


# --------------------------------------------------------------------------- what PDFs also carry


def encrypted() -> bytes:
    """Nobody can open it."""
    with pymupdf.open("pdf", one_page()) as document:
        return bytes(
            document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="clave", owner_pw="otra")
        )


def attached_files() -> bytes:
    """A hundred attachments, some of them PDFs of this kind."""
    with pymupdf.open("pdf", one_page()) as document:
        for number in range(100):
            document.embfile_add(f"../../{number}.exe", cyclic_forms(), filename=f"../../{number}.exe")
        return bytes(document.tobytes())


def javascript_and_launches() -> bytes:
    """Scripts, launched programs, sent forms and remote files at every opportunity."""
    script = b"<</S/JavaScript/JS(while\\(true\\){app.alert\\('x'\\)})>>"
    launch = b"<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)>>/Next 6 0 R>>"
    send = b"<</S/SubmitForm/F<</FS/URL/F(http://127.0.0.1:9/)>>/Next 7 0 R>>"
    remote = b"<</Type/Filespec/FS/URL/F(http://127.0.0.1:9/x.pdf)>>"
    return one_page(
        _WORDS,
        script,
        launch,
        send,
        remote,
        catalog=b"/OpenAction 6 0 R/AA<</WC 7 0 R/DP 8 0 R>>/Names<</JavaScript<</Names[(a) 6 0 R]>>>>/URI<</Base(http://127.0.0.1:9)>>",
        page=b"/AA<</O 6 0 R/C 7 0 R>>/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 600 800]/A 7 0 R>>]",
        resources=b"/XObject<</R 9 0 R>>",
    )


BOMBS: tuple[Callable[[], bytes], ...] = (
    flate_in_flate, million_pages, many_honest_pages, giant_image, giant_jpx, giant_jbig2, text_of_fifty_megabytes,
    text_packed_a_hundred_times, enormous_string, enormous_names_and_numbers, absurd_page_size, cyclic_pages,
    cyclic_outline, cyclic_forms, cyclic_type3_font, cyclic_pattern_and_mask, cyclic_fields,
    cyclic_names_and_structure, length_that_is_itself, xref_that_precedes_itself, xref_streams_in_a_circle,
    object_streams_in_a_circle, deep_arrays, deep_dictionaries, deep_states, deep_arrays_in_contents,
    deep_page_tree, forms_in_forms, million_annotations, giant_character_map, ten_thousand_updates,
    objects_by_the_million, grid_of_a_hundred_million_cells, grid_with_wide_meshes, every_line_elsewhere,
    white_words_over_drawings, encrypted, attached_files, javascript_and_launches,
)  # fmt: skip
