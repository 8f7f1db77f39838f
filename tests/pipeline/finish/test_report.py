"""Reports: readable, harmless whatever a plan contains, and the same bytes for the same results."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from copy import deepcopy
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pymupdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import coverage
from pipeline.extraction import worker
from pipeline.report import (
    ZipEntry,
    advice,
    causal_picture,
    causal_svg,
    document,
    glyphs,
    render_csv,
    render_pdf,
    write_zip,
)
from pipeline.report.causal_picture import describe
from pipeline.report.table import FORMULA_STARTS
from pipeline.report.wording import RECOGNISED, WARNINGS, plain, warnings
from pipeline.scoring import hundredths

if TYPE_CHECKING:
    from collections.abc import Iterator

MARGIN_PT = 60
"""A little less than the margins of the report."""
HOSTILE = '#panic("x") $ \\ = *título* `raw` <label> @cita //c \u202e\x07 ' + "x" * 400


def _pages(pdf: bytes) -> list[str]:
    with pymupdf.open(stream=pdf, filetype="pdf") as document:
        return [page.get_text() for page in document]


def test_the_report_of_a_plan_says_what_an_analyst_looks_for(result: dict[str, Any]) -> None:
    """Municipality, overall score, all ten points and the hash of the result stand in the report."""
    text = " ".join("".join(_pages(render_pdf([result]))).split())

    assert "Villa Esperanza del Yarí" in text
    assert str(hundredths(result["overall"]["score"])).replace(".", ",") in text
    assert all(f"{point['id']}. {point['name']}" in text for point in result["points"])
    assert result["deterministic_hash"] in text.replace(" ", "")


def test_a_batch_begins_with_a_comparison(result: dict[str, Any]) -> None:
    """The report of several plans opens with a table of all of them; every page holds something."""
    other = deepcopy(result)
    other["document"]["municipality"] = "Puerto Arrayán"
    pages = _pages(render_pdf([result, other]))

    assert "Comparación de 2 planes" in pages[0]
    assert "Puerto Arrayán" in pages[0]
    assert "Lo que falta a la mayoría" in "".join(pages)
    assert all(len(page.split()) > 10 for page in pages)


def test_the_same_results_give_the_same_pdf(result: dict[str, Any]) -> None:
    """A report can be compared by its bytes."""
    assert render_pdf([result]) == render_pdf([deepcopy(result)])


def test_the_report_is_tagged_and_has_bookmarks(result: dict[str, Any]) -> None:
    """PDF/UA: structure, language, title, and a bookmark for each point, so that it can be heard and leafed through."""
    with pymupdf.open(stream=render_pdf([result]), filetype="pdf") as document:
        catalog = document.xref_object(document.pdf_catalog())
        titles = [title for _, title, _ in document.get_toc()]

        assert "/StructTreeRoot" in catalog
        assert document.xref_get_key(document.pdf_catalog(), "MarkInfo/Marked") == ("bool", "true")
        assert document.xref_get_key(document.pdf_catalog(), "Lang")[1] == "es-CO"
        assert "pdfuaid:part" in document.get_xml_metadata()
        assert document.metadata["title"] == "Evaluación del plan de desarrollo de Villa Esperanza del Yarí"
    assert all(f"{point['id']}. {point['name']}" in titles for point in result["points"])


def test_page_numbers_lead_to_the_passage(result: dict[str, Any]) -> None:
    """Every cited page is a link to where the passage stands in the report, whole, with its page of the plan."""
    with pymupdf.open(stream=render_pdf([result]), filetype="pdf") as document:
        links = [
            (link, page.get_textbox(link["from"] + (0, 3, 0, -3)).strip())
            for page in document
            for link in page.get_links()
        ]
        cited = [(link, text) for link, text in links if text.startswith("pág.")]
        wrong = [
            text
            for link, text in cited
            if f"página {text.split()[1]}." not in " ".join(document[link["page"]].get_text().split())
        ]

    assert len(cited) > 20
    assert wrong == []


def test_each_point_has_its_page_with_advice(result: dict[str, Any]) -> None:
    """What is done well, what is missing, and recommendations that are not the wording of the criteria."""
    data = document.plan(result)
    texts = {criterion["text"] for answer in result["answers"] for criterion in answer["criteria"].values()}

    for point in data["points"]:
        assert 1 <= len(point["advice"]) <= advice.PER_POINT
        assert not {step["text"] for step in point["advice"]} & texts
        unmet = {
            f"{answer['question_id']}-{key}"
            for answer in result["answers"]
            for key, criterion in answer["criteria"].items()
            if not criterion["met"]
        }
        assert {criterion for step in point["advice"] for criterion in step["criteria"]} <= unmet


def test_every_criterion_of_every_point_has_advice(result: dict[str, Any]) -> None:
    """120 sentences, filled in for each of the ten points, ending in a full stop."""
    wording = advice.load_wording()
    sentences = [
        wording.sentence(f"{answer['question_id']}-{key}")
        for answer in result["answers"]
        for key in answer["criteria"]
    ]

    assert len(sentences) == 1200
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in sentences)
    assert not [sentence for sentence in sentences if " a el " in sentence or " de el " in sentence]
    assert wording.sentence("P9-D1-Q1-a").endswith(
        "puede pedirse al INPEC, la Policía Nacional o la personería."
    )
    assert all(advice.topic(answer["question_id"]) for answer in result["answers"])


def test_a_plan_that_says_nothing_has_a_report(result: dict[str, Any]) -> None:
    """No findings, no evidence, no municipality, the causal analysis switched off: still a report, without holes."""
    empty = deepcopy(result)
    for answer in empty["answers"]:
        for criterion in answer["criteria"].values():
            criterion |= {"met": False, "evidence": []}
    for name in ("responsibilities", "contradictions", "amounts", "indicators"):
        empty["findings"][name] |= {"items": [], "total": 0}
    empty["findings"]["responsibilities"]["entities"] = []
    empty["findings"]["amounts"]["by_year_and_source"] = []
    empty["findings"] |= {"causal_graphs": [], "theories_of_change": [], "skipped": ["causal_detection"]}
    empty["document"] |= {"municipality": None, "department": None, "period": None, "title": ""}
    for point in empty["points"]:
        point |= {"score": 0.0, "band": "ausente", "criteria_met": 0}
    text = " ".join("".join(_pages(render_pdf([empty]))).split())

    assert "no identificado" in text
    assert "No se encontraron indicadores en el plan" in text
    assert text.count("El plan no contiene pasajes sobre este punto") == 10


def test_the_indicators_shown_say_what_they_are_about(result: dict[str, Any]) -> None:
    """A name that tells nothing stands with its goal; one put together from a table's heads is not shown."""
    changed = deepcopy(result)
    first = changed["findings"]["indicators"]["items"][0] | {"baseline": "1", "quality": 1.0}
    goal = "Conformar la mesa municipal de juventudes"
    named = {"name": "Actividades realizadas", "quote": f"{goal} | Actividades realizadas", "target": None}
    heads = {"name": "(2011) TOTAL CUATRIENIO NOMBRE automatizados", "target": "100%"}
    changed["findings"]["indicators"]["items"] = [first | named, first | heads]
    text = " ".join("".join(_pages(render_pdf([changed]))).split())

    assert f"{goal} · Actividades realizadas" in text
    assert "automatizados" not in text


def test_what_has_no_glyph_breaks_no_report(result: dict[str, Any]) -> None:
    """Emoji, Chinese, Arabic, symbol fonts and full width: shown in plain form, as a square, or not at all."""
    for answer in result["answers"]:
        for criterion in answer["criteria"].values():
            for entry in criterion["evidence"]:
                entry["quote"] = "😀 漢字 \uf0b7 ＡＢＣ مدينة ﷽ \U0010ffff" + "خ دذر " * 30
    text = "".join(_pages(render_pdf([result])))

    assert "ABC" in text
    assert glyphs.SQUARE in text


def test_every_character_that_may_be_shown_has_a_glyph(result: dict[str, Any]) -> None:
    """The list of characters agrees with the fonts that come with the typesetter."""
    every = [chr(code) for first, last in glyphs.RANGES for code in range(first, last + 1)]
    shown = [char for char in [*every, *sorted(glyphs.ALONE)] if glyphs.shown(char) == char]
    parts = [" ".join(shown[start : start + 40]) for start in range(0, len(shown), 40)]
    place = result["findings"]["contradictions"]
    side = {"page": 1, "quote": "x", "section": "", "points": [], "value": ""}
    item = {"kind": "meta", "subject": "x", "left": side, "right": side}
    place["items"] = [{**item, "reason": part} for part in parts]
    data = document.plan(result)
    data["contradictions"]["items"] = [
        {"reason": plain(part), "sides": [{"page": 1, "quote": plain(part)}]} for part in parts
    ]

    assert len(shown) > 4000
    assert document.typeset("plan.typ", data=data)


@given(st.lists(st.text(max_size=60), min_size=8, max_size=8))
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_stands_in_a_plan_its_report_is_made(result: dict[str, Any], texts: list[str]) -> None:
    """Text of any script, marks without letters, half emoji: in quotes, titles, labels and names."""
    changed = deepcopy(result)
    words = cycle(texts)
    for graph in changed["findings"]["causal_graphs"]:
        for node in graph["nodes"]:
            node["label"] = next(words)
    for answer in changed["answers"]:
        for criterion in answer["criteria"].values():
            for entry in criterion["evidence"]:
                entry["quote"], entry["section"] = next(words), next(words)
    for name in ("municipality", "department", "title"):
        changed["document"][name] = next(words)
    for found in changed["findings"]["indicators"]["items"]:
        found["name"], found["target"] = next(words), next(words)

    assert render_pdf([changed]).startswith(b"%PDF-")


def test_text_of_a_plan_is_never_markup(result: dict[str, Any]) -> None:
    """Whatever stands in a quote or a title appears as it is and runs nothing."""
    result["document"]["municipality"] = HOSTILE
    for answer in result["answers"]:
        for criterion in answer["criteria"].values():
            for entry in criterion["evidence"]:
                entry["quote"] = HOSTILE
    text = "".join(_pages(render_pdf([result])))

    assert '#panic("x")' in text
    assert "*título*" in text
    assert not set(text) & set("\u202e\x07")


def test_nothing_runs_off_the_page(result: dict[str, Any]) -> None:
    """Words of any length, as web addresses have, are broken inside the margins of every page."""
    address = "https://" + "W" * 200
    result["file_name"] = result["document"]["title"] = result["document"]["municipality"] = address
    for item in result["findings"]["indicators"]["items"]:
        item["name"] = item["baseline"] = item["target"] = address
    for answer in result["answers"]:
        for criterion in answer["criteria"].values():
            for entry in criterion["evidence"]:
                entry["quote"] = entry["section"] = address
    with pymupdf.open(stream=render_pdf([result, result]), filetype="pdf") as document:
        beyond = [
            (page.number, word[4])
            for page in document
            for word in page.get_text("words")
            if word[0] < MARGIN_PT or word[2] > page.rect.width - MARGIN_PT
        ]

    assert beyond == []


def test_a_name_longer_than_a_line_keeps_its_letters(result: dict[str, Any]) -> None:
    """Breaking a long file name changes none of its characters."""
    name = "plan-de-desarrollo-municipal-de-la-peña-2020-2023-versión-aprobada.pdf"
    result["file_name"] = name
    text = "".join("".join(_pages(render_pdf([result]))).split()).replace("\u200b", "")

    assert name in text


def test_a_reader_is_told_what_limits_the_result(result: dict[str, Any]) -> None:
    """Skipped nodes, scanned pages and points that do not apply stand in words on the first page."""
    result["warnings"] = ["scanned_pages", "nodes_skipped", "points_not_applicable"]
    result["findings"]["skipped"] = ["monetary_detection", "causal_detection"]
    result["points"][9]["applicable"] = False
    pages = [" ".join(page.split()) for page in _pages(render_pdf([result]))]

    assert "la detección de montos y el análisis causal" in pages[0]
    assert "imágenes sin texto" in pages[0]
    assert "Migración transfronteriza (no aplica)" in pages[0]
    assert "No aplica a este municipio" in " ".join(pages)


def test_pages_that_are_images_are_named(result: dict[str, Any]) -> None:
    """By number, not only counted: they may hold what the report says is missing."""
    result["warnings"], result["document"]["scanned_pages"] = ["scanned_pages"], [1, 17, 18, 19]
    text = " ".join(_pages(render_pdf([result]))[0].split())

    assert "sin texto, solo imagen: páginas 1 y 17 a 19" in text
    assert "Las páginas 1 y 17 a 19 son imágenes sin texto" in text


@pytest.mark.parametrize(
    ("without", "skipped", "said"),
    [
        (("indicators", "amounts"), [], "No se encontraron indicadores ni montos: el archivo puede ser"),
        (("amounts",), [], "No se encontraron montos: el archivo puede ser"),
        (("amounts",), ["monetary_detection"], "La portada o el título dicen que es una parte del plan"),
        ((), [], "La portada o el título dicen que es una parte del plan"),
    ],
)
def test_who_compares_is_warned_of_a_part_of_a_plan(
    result: dict[str, Any], without: tuple[str, ...], skipped: list[str], said: str
) -> None:
    """What is missing is named; what nobody looked for is not missing."""
    result["warnings"] = [coverage.PERHAPS_A_PART]
    result["findings"]["skipped"] = skipped
    for name in without:
        result["findings"][name]["total"] = 0

    assert warnings(result)[0].startswith(said)
    assert "No conviene comparar su puntaje" in warnings(result)[0]


def test_a_comparison_marks_what_may_be_a_part(result: dict[str, Any]) -> None:
    """In the table of the plans, and with its plan."""
    part = deepcopy(result)
    part["document"]["municipality"] = "Puerto Arrayán"
    part["warnings"] = [coverage.PERHAPS_A_PART]
    text = " ".join("".join(_pages(render_pdf([result, part]))).split())

    assert text.count("†") == 2
    assert "† Puede ser solo una parte del plan" in text


def test_the_report_says_how_much_is_in_doubt_and_where(result: dict[str, Any]) -> None:
    """The count stands with the result; a question that is praised names its doubtful criteria, a point all of them."""
    for answer in result["answers"]:
        for criterion in answer["criteria"].values():
            criterion["confidence"] = 0.9
    point = next(point for point in document.plan(result)["points"] if point["good"])
    good = point["good"][0]
    answer = next(a for a in result["answers"] if a["question_id"] == f"{point['id']}-{good['question']}")
    doubtful = next(key for key, criterion in sorted(answer["criteria"].items()) if criterion["met"])
    answer["criteria"][doubtful]["confidence"] = 0.5
    text = " ".join("".join(_pages(render_pdf([result]))).split())

    assert "Un criterio dudoso (1 de los cumplidos): conviene leer el plan antes de citarlos" in text
    assert f"{good['met']} de 4 criterios, dudoso {doubtful}" in text
    assert f"Conviene leer el plan antes de citarlos: {good['question']} {doubtful}." in text
    assert "Un criterio dudoso" in "".join(_pages(render_pdf([result, result])))


def test_what_a_reviewer_rejected_is_no_strength(result: dict[str, Any]) -> None:
    """A passage of a criterion that is not met after all is cited nowhere in the report."""
    point = next(point for point in document.plan(result)["points"] if point["good"])
    question = f"{point['id']}-{point['good'][0]['question']}"
    answer = next(answer for answer in result["answers"] if answer["question_id"] == question)
    met = [criterion for criterion in answer["criteria"].values() if criterion["met"]]
    for criterion in met:
        criterion["evidence"] = []
    rejected = {"id": "ev_no", "page": 2, "quote": "Pasaje de otro municipio", "section": ""}
    met[0]["evidence"] = [rejected]
    assert "Pasaje de otro municipio" in "".join(_pages(render_pdf([result])))
    met[0]["met"] = False

    assert "Pasaje de otro municipio" not in "".join(_pages(render_pdf([result])))


def test_the_strongest_passages_are_first_proofs(result: dict[str, Any]) -> None:
    """One that comes last among the proofs of many criteria is beside the point, however many it serves."""
    point = result["points"][0]["id"]
    mine = [answer for answer in result["answers"] if answer["point"] == point]
    criteria = [criterion for answer in mine for criterion in answer["criteria"].values()]
    first, last = ({"id": f"ev_{name}", "page": 1, "quote": name, "section": ""} for name in ("uno", "otro"))
    for number, criterion in enumerate(criteria):
        criterion |= {"met": number < 5, "evidence": []}
    for number, criterion in enumerate(criteria[:5]):
        others = [{**last, "id": f"ev_{number}{n}", "quote": f"x{number}{n}"} for n in range(6)]
        criterion["evidence"] = [*([first] if number < 4 else []), *others, last]
    strongest = next(p for p in document.plan(result)["points"] if p["id"] == point)["strongest"]

    assert (strongest[0]["quote"], strongest[0]["serves"]) == ("uno", 4)
    assert "otro" not in [passage["quote"] for passage in strongest[:2]]


def test_all_years_of_the_plan_stand_in_the_table_of_amounts(result: dict[str, Any]) -> None:
    """However many sources there are; of what is cut, the report says how much."""
    result["document"]["period"] = [2024, 2027]
    row = {"amounts": 2, "distinct": 2, "largest_pesos": 10**9}
    result["findings"]["amounts"]["by_year_and_source"] = [
        {**row, "year": year, "source": source}
        for year in range(2016, 2028)
        for source in ("sgp", "regalias", "nacion", "credito", "recursos_propios")
    ]
    found = document.plan(result)["amounts"]["by_year_and_source"]
    text = " ".join("".join(_pages(render_pdf([result]))).split())

    assert [r["year"] for r in found["rows"]][:20] == [year for year in range(2024, 2028) for _ in range(5)]
    assert len(found["rows"]) < found["total"] == 60
    assert f"Se muestran {len(found['rows'])} de 60 filas" in text


def test_parts_that_nothing_joins_are_not_called_a_chain(result: dict[str, Any]) -> None:
    """No arrows between parts without a link, and no praise for all six where no path leads through them."""
    graph = next(g for g in result["findings"]["causal_graphs"] if g["edges"])
    theory = next(t for t in result["findings"]["theories_of_change"] if t["point"] == graph["point"])
    theory["missing"], graph["complete_paths"] = [], 0
    for joint in graph["joints"]:
        joint["edges"] = int(joint["from"] == "causa")
    for answer in result["answers"]:
        if answer["question_id"] == f"{graph['point']}-D6-Q2":
            for criterion in answer["criteria"].values():
                criterion |= {"met": True, "confidence": 0.99}
    text = " ".join("".join(_pages(render_pdf([result]))).split())

    assert (
        "Problema · Causas → Actividades · Productos · Resultados · Impacto. Están las seis partes, pero"
        in text
    )
    assert (
        "Partes de la cadena: 4 de 4 criterios, sin que se reconozca un camino del problema al impacto"
        in text
    )


def test_a_point_that_is_absent_begins_with_its_diagnosis(result: dict[str, Any]) -> None:
    """Its first step is the first of its own page, not what the plan says of itself as a whole and nearly completes."""
    for answer in result["answers"]:
        if answer["point"] == "P9":
            for key, criterion in answer["criteria"].items():
                criterion["met"] = answer["question_id"] == "P9-D6-Q4" and key in "ac"
    point = result["points"][8]
    point |= {"band": "ausente", "applicable": True}
    steps = {
        name: step["text"] for step in document._first_steps(result) for name in step["points"].split(", ")
    }

    assert steps["P9"] == document.plan(result)["points"][8]["advice"][0]["text"]
    assert steps["P9"].startswith("Abrir el diagnóstico")


def test_every_warning_has_a_spanish_sentence() -> None:
    """No warning that an evaluation can carry is passed over in silence; skipped nodes are named one by one."""
    codes = {*worker._WARNINGS, "scanned_pages", RECOGNISED}
    codes |= {coverage.NOT_A_PLAN, coverage.POINTS_NOT_APPLICABLE, coverage.PERHAPS_A_PART}

    assert codes == set(WARNINGS)


def test_a_causal_graph_is_a_picture(result: dict[str, Any]) -> None:
    """Well-formed, the same each time, with what it shows in words, whatever stands in a label."""
    graph = next(g for g in result["findings"]["causal_graphs"] if g["edges"])
    for node in graph["nodes"]:
        node["label"] = HOSTILE + "</text><script>"
    picture = causal_svg(graph, title=HOSTILE)
    tree = ET.fromstring(picture)

    assert causal_svg(deepcopy(graph), title=HOSTILE) == picture
    assert "Pasajes" in tree.findtext("{http://www.w3.org/2000/svg}desc", "")
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= {
        *("svg", "title", "desc", "rect", "path", "text"),
    }


def test_lines_of_a_causal_graph_run_behind_no_box(result: dict[str, Any]) -> None:
    """A line that passes a row keeps between its columns: behind a box it would look like a link of that box."""
    graph = next(g for g in result["findings"]["causal_graphs"] if g["edges"])
    nodes = [
        {"id": f"{link}{number}", "label": "x", "link": link, "page": 1}
        for link in causal_picture.LINKS
        for number in range(4)
    ]
    graph |= {"nodes": nodes, "cycles": [], "longest_path": [], "order_violations": [], "complete_paths": 0}
    graph["edges"] = [
        [tail["id"], head["id"]] for tail in nodes for head in nodes if tail["link"] != head["link"]
    ]
    tree = ET.fromstring(causal_svg(graph, title="P1"))
    boxes = [
        pymupdf.Rect(x + 1, y + 1, x + w - 1, y + h - 1)
        for rect in tree.iter("{http://www.w3.org/2000/svg}rect")
        if rect.get("rx")
        for x, y, w, h in [[float(rect.get(name, "")) for name in ("x", "y", "width", "height")]]
    ]
    lines = [
        path.get("d", "")
        for path in tree.iter("{http://www.w3.org/2000/svg}path")
        if path.get("fill") == "none"
    ]

    assert len(boxes) == 24
    assert len(lines) == len(graph["edges"])
    assert not [d for d in lines for point in _along(d) if any(point in box for box in boxes)]


def test_capitals_stay_inside_their_box(result: dict[str, Any]) -> None:
    """They are wider than small letters: fewer of them make a line."""
    graph = next(g for g in result["findings"]["causal_graphs"] if g["edges"])
    for node in graph["nodes"]:
        node["label"] = "UNIDOS HACEMOS MAS POR UN MUNICIPIO MEJOR Y EN PAZ"
    with pymupdf.open(stream=causal_svg(graph, title="P1").encode(), filetype="svg") as picture:
        page = picture[0]
        boxes = [item["rect"] for item in page.get_drawings() if item["rect"].width > 140]
        words = [pymupdf.Rect(word[:4]) for word in page.get_text("words") if word[4].isupper()]

    assert words
    assert all(any(box.x0 <= word.x0 and word.x1 <= box.x1 for box in boxes) for word in words)


def _along(path: str) -> Iterator[pymupdf.Point]:
    """Points of a path of cubic curves and straight lines, some for each pixel of a row."""
    here = pymupdf.Point()
    for command, numbers in re.findall(r"([MLC])([^MLC]+)", path):
        values = [float(number) for number in numbers.split()]
        points = [pymupdf.Point(*values[i : i + 2]) for i in range(0, len(values), 2)]
        if command != "M":
            ends = [here, *points] if command == "C" else [here, here, points[0], points[0]]
            for step in range(101):
                t = step / 100
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                yield pymupdf.Point(
                    sum(w * p.x for w, p in zip(weights, ends, strict=True)),
                    sum(w * p.y for w, p in zip(weights, ends, strict=True)),
                )
        here = points[-1]


def test_a_missing_link_is_shown_as_missing(result: dict[str, Any]) -> None:
    """A row without passages says so, in the picture and in words."""
    graph = next(g for g in result["findings"]["causal_graphs"] if g["edges"])
    graph["nodes"] = [node for node in graph["nodes"] if node["link"] != "impacto"]
    picture = causal_svg(graph, title="P1")

    assert "No se reconoció ningún pasaje de este eslabón" in picture
    assert "impacto 0" in picture


def test_a_graph_is_told_as_what_was_recognised() -> None:
    """No plan is said to reason in circles or to lack a way: two passages are named, and joints that can be seen."""
    nodes = [
        {"id": "n001", "link": "problema", "label": "Deserción", "page": 3},
        {"id": "n002", "link": "causa", "label": "Pobreza", "page": 8},
    ]
    links = ["problema", "causa", "actividad", "producto", "resultado", "impacto"]
    graph = {
        "nodes": nodes,
        "edges": [["n001", "n002"], ["n002", "n001"]],
        "acyclic": False,
        "cycles": [["n001", "n002"]],
        "order_violations": [],
        "complete_paths": 0,
        "longest_path": [],
        "joints": [
            {"from": tail, "to": head, "edges": int(tail == "problema")} for tail, head in pairwise(links)
        ],
    }
    told = describe(graph)

    assert "Dos pasajes se remiten el uno al otro (págs. 3 y 8)." in told
    assert "No se reconoció en el texto un camino completo" in told
    assert "No se reconoció en el texto un vínculo entre actividad y producto" in told
    assert "causa y actividad" not in told
    assert "circular" not in told


def test_only_those_with_a_task_are_listed_as_responsible(result: dict[str, Any]) -> None:
    """An office that is merely named stands below the table; where nobody has a task, the report says so."""
    plan = deepcopy(result)
    row = {"kind": "dependencia", "mentions": 4, "pages": [2]}
    offices = [
        {**row, "entity": "Comisaría Andariega", "assigned": 1},
        {**row, "entity": "Archivo Silencioso", "assigned": 0},
    ]
    plan["findings"]["responsibilities"]["entities"] = offices
    text = " ".join("".join(_pages(render_pdf([plan]))).split())
    plan["findings"]["responsibilities"]["entities"] = offices[1:]
    nobody = " ".join("".join(_pages(render_pdf([plan]))).split())

    assert "Comisaría Andariega 4 1 2" in text
    assert "También se nombran: Archivo Silencioso." in text
    assert "No se reconoció a nadie con una tarea asignada." in nobody


def test_nothing_to_report_is_refused() -> None:
    """An empty list is a mistake of the caller."""
    with pytest.raises(ValueError, match="nothing"):
        render_pdf([])


def test_the_table_has_one_row_per_answer(result: dict[str, Any]) -> None:
    """300 rows and a head, readable by a spreadsheet with its accents."""
    content = render_csv([result])
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))

    assert content.startswith(b"\xef\xbb\xbf")
    assert len(rows) == 300
    assert rows[0]["pregunta"] == "P1-D1-Q1"
    assert float(rows[0]["puntaje"]) == result["answers"][0]["score"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "\u200b=", "  @"])
def test_cells_are_safe_for_spreadsheets(result: dict[str, Any], start: str) -> None:
    """A passage that begins like a formula is written so that no spreadsheet runs it."""
    result["answers"][0]["explanation"] = f"{start}HYPERLINK(1)"
    row = next(csv.DictReader(io.StringIO(render_csv([result]).decode("utf-8-sig"))))

    assert row["explicacion"].startswith("'")


@pytest.mark.parametrize(
    "text",
    ['meta; =HYPERLINK("x")', "meta\n=1+1", 'meta;"=1+1', 'meta;""\'@SUM(1)', "meta;\u200b＝1", "meta;\n;-1"],
)
def test_cells_are_safe_where_semicolons_separate(result: dict[str, Any], text: str) -> None:
    """A spreadsheet set to Spanish splits at semicolons, even inside quotes: no part begins like a formula."""
    result["answers"][0]["explanation"] = text
    content = render_csv([result]).decode("utf-8-sig")
    cells = [cell.lstrip(' "') for line in content.splitlines() for cell in line.split(";")]

    assert not [cell for cell in cells if cell.startswith(FORMULA_STARTS)]


def test_archives_depend_on_their_content_alone() -> None:
    """The same entries give the same bytes, with fixed dates and plain files."""
    entries = [ZipEntry("documents/001/a.json", b"{}" * 1000), ZipEntry("answers.csv", b"x")]
    first, second = io.BytesIO(), io.BytesIO()
    write_zip(entries, target=first)
    write_zip(iter(entries), target=second)

    assert first.getvalue() == second.getvalue()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [entry.name for entry in entries]
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
