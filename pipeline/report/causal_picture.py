"""The causal graph of a point as a picture: SVG whose bytes depend on the graph alone.

One row for each link of the chain, from problem to impact; what a plan lacks shows as an empty row, and between the
rows stands how many statements lead from one to the next.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from pipeline.report.glyphs import in_picture
from pipeline.report.wording import BULLETS, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LINKS = ("problema", "causa", "actividad", "producto", "resultado", "impacto")
NAMES = {
    "problema": "Problema",
    "causa": "Causas",
    "actividad": "Actividades",
    "producto": "Productos",
    "resultado": "Resultados",
    "impacto": "Impacto",
}
UNSEEN = ("causa", "actividad")
MISSING = "No se reconoció ningún pasaje de este eslabón."
MISSING_WIDTH = 292
"""Pixels that the sentence takes; a line that crosses an empty row passes under it."""
WHOLE = "Están las seis partes, pero"
PER_LINK, PER_LINK_MAX = 4, 12
GUTTER, BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 92, 150, 58, 22, 34, 6
"""Pixels."""
LANES = (0, -4, 4, -8, 8)
"""Where lines run side by side between two columns, from its middle; pixels."""
LINE_CHARS, LINES, LINE_HEIGHT = 25, 3, 13
CAPITAL_EXTRA = 0.45
"""How much wider a capital is than a small letter."""
FILLS = {
    "problema": "#fde0dd",
    "causa": "#fde8cf",
    "actividad": "#fff7cf",
    "producto": "#e5f3df",
    "resultado": "#dcecf7",
    "impacto": "#e6e1f2",
}
FONT = "Libertinus Serif, Georgia, serif"


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    link: str
    label: str
    page: int


def causal_svg(graph: Mapping[str, Any], *, title: str, per_link: int = PER_LINK) -> str:
    """The picture of a graph as ``evaluation_results`` carries it.

    Args:
        graph: one of ``findings.causal_graphs``.
        title: of the point, for those who do not see the picture.
        per_link: at most so many passages of each link, those of the longest path and with the most edges first.
    """
    boxes = _placed(_chosen(graph, per_link=per_link))
    width = GUTTER + per_link * (BOX_WIDTH + GAP_X) + MARGIN
    height = len(LINKS) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN + 32
    parts = [
        _opening(width=width, height=height),
        f"<title>{_text(title)}</title>",
        f"<desc>{_text(describe(graph))}</desc>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *_edges(graph, boxes=boxes),
        *_rows(graph, boxes=boxes, width=width),
        *(_box(box) for box in boxes.values()),
        f'<text x="{MARGIN}" y="{height - 6}" fill="#555555">{_text(_note(graph, shown=boxes))}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _opening(*, width: int, height: int) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}" font-size="12">'


def describe(graph: Mapping[str, Any]) -> str:
    """The graph in words: what is there, where it breaks off, what the checks say."""
    counts = {link: sum(node["link"] == link for node in graph["nodes"]) for link in LINKS}
    there = ", ".join(f"{NAMES[link].lower()} {count}" for link, count in counts.items())
    broken = [f"{joint['from']} y {joint['to']}" for joint in graph["joints"] if _breaks_off(joint)]
    sentences = [f"Pasajes por eslabón: {there}."]
    if broken:
        sentences.append(f"No se reconoció en el texto un vínculo entre {'; ni entre '.join(broken)}.")
    sentences += checks(graph)
    return " ".join(sentences)


def _breaks_off(joint: Mapping[str, Any]) -> bool:
    """Whether no edge was found where one can be.

    Plans do not say which activity answers which cause in words that an edge could be read from, so that the lack of
    one there tells nothing of a plan.
    """
    return not joint["edges"] and (joint["from"], joint["to"]) != UNSEEN


def checks(graph: Mapping[str, Any], *, parts: int = 0) -> list[str]:
    """What the checks of the graph say, a Spanish sentence each: what was recognised, not what the plan lacks.

    ``parts`` of the six links are there: that they are all there says nothing of what joins them.
    """
    said = []
    whole = parts == len(LINKS)
    if not graph["edges"]:
        none = "no se reconocieron vínculos entre los pasajes sobre este punto."
        return [f"{WHOLE} {none}" if whole else none.capitalize()]
    paths = graph["complete_paths"]
    if paths:
        said.append(
            "Se reconoció un camino completo del problema al impacto."
            if paths == 1
            else f"Se reconocieron {paths} caminos completos del problema al impacto."
        )
    else:
        broken = "no se reconoció en el texto un camino completo del problema al impacto."
        said.append(f"{WHOLE} {broken}" if whole else broken.capitalize())
    pages = {node["id"]: node["page"] for node in graph["nodes"]}
    said += [_returns([pages[node] for node in cycle], count=len(cycle)) for cycle in graph["cycles"]]
    back = len(graph["order_violations"])
    if back:
        said.append(
            "Un vínculo se leyó en sentido contrario al de la cadena."
            if back == 1
            else f"{back} vínculos se leyeron en sentido contrario al de la cadena."
        )
    return said


def _returns(pages: Sequence[int], *, count: int) -> str:
    """That passages lead back to each other, with their pages: whether the reasoning is circular is for a reader."""
    where = sorted(set(pages))
    listed = ", ".join(str(page) for page in where[:-1]) + " y " if len(where) > 1 else ""
    at = f"{'págs.' if len(where) > 1 else 'pág.'} {listed}{where[-1]}"
    return (
        f"Dos pasajes se remiten el uno al otro ({at})."
        if count == 2  # noqa: PLR2004  a pair
        else f"{count} pasajes se remiten unos a otros ({at})."
    )


def _chosen(graph: Mapping[str, Any], *, per_link: int) -> dict[str, list[dict[str, Any]]]:
    degree: dict[str, int] = {}
    for edge in graph["edges"]:
        for end in edge:
            degree[end] = degree.get(end, 0) + 1
    path = set(graph["longest_path"])
    chosen = {}
    for link in LINKS:
        nodes = [node for node in graph["nodes"] if node["link"] == link]
        ranked = sorted(
            nodes, key=lambda node: (node["id"] not in path, -degree.get(node["id"], 0), node["id"])
        )
        chosen[link] = sorted(ranked[:per_link], key=lambda node: str(node["id"]))
    return chosen


def _placed(chosen: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, _Box]:
    return {
        node["id"]: _Box(
            x=GUTTER + column * (BOX_WIDTH + GAP_X),
            y=MARGIN + row * (BOX_HEIGHT + GAP_Y),
            link=link,
            label=node["label"],
            page=node["page"],
        )
        for row, link in enumerate(LINKS)
        for column, node in enumerate(chosen[link])
    }


def _rows(graph: Mapping[str, Any], *, boxes: Mapping[str, _Box], width: int) -> Iterable[str]:
    joints = {joint["from"]: joint for joint in graph["joints"]}
    for row, link in enumerate(LINKS):
        y = MARGIN + row * (BOX_HEIGHT + GAP_Y)
        total = sum(node["link"] == link for node in graph["nodes"])
        yield f'<text x="{MARGIN}" y="{y + 16}" font-weight="bold">{NAMES[link]}</text>'
        noun = "pasaje" if total == 1 else "pasajes"
        yield f'<text x="{MARGIN}" y="{y + 31}" fill="#555555">{total} {noun}</text>'
        if not any(box.link == link for box in boxes.values()):
            yield (
                f'<rect x="{GUTTER}" y="{y}" width="{width - GUTTER - GAP_X - MARGIN}" height="{BOX_HEIGHT}" '
                'fill="none" stroke="#b30000" stroke-dasharray="5 4"/>'
                f'<rect x="{GUTTER + 6}" y="{y + BOX_HEIGHT / 2 - 10:g}" width="{MISSING_WIDTH}" height="20" '
                'fill="#ffffff"/>'
                f'<text x="{GUTTER + 12}" y="{y + BOX_HEIGHT / 2 + 4:g}" fill="#b30000">{MISSING}</text>'
            )
        if link in joints and (joints[link]["edges"] or _breaks_off(joints[link])):
            count = joints[link]["edges"]
            said = f"↓ {count} {'vínculo' if count == 1 else 'vínculos'}" if count else "sin vínculo"
            colour = "#b30000" if _breaks_off(joints[link]) else "#222222"
            yield f'<text x="{MARGIN}" y="{y + BOX_HEIGHT + GAP_Y / 2 + 4:g}" fill="{colour}">{said}</text>'


def _edges(graph: Mapping[str, Any], *, boxes: Mapping[str, _Box]) -> Iterable[str]:
    """Every line between two boxes that are shown; those that pass a row keep out of each other's way."""
    violations = {tuple(edge) for edge in graph["order_violations"]}
    taken: Counter[float] = Counter()
    for tail, head in graph["edges"]:
        if tail in boxes and head in boxes:
            yield _edge(boxes[tail], boxes[head], backwards=(tail, head) in violations, taken=taken)


def _edge(tail: _Box, head: _Box, *, backwards: bool, taken: Counter[float]) -> str:
    """A curve from the lower side of a box to the upper side of another; beside it within a row.

    A line to a row further on passes those between two columns, never behind a box: it would look like a link of it.
    """
    x0, x1 = tail.x + BOX_WIDTH / 2, head.x + BOX_WIDTH / 2
    down = tail.y < head.y
    y0 = tail.y if tail.y > head.y else tail.y + BOX_HEIGHT
    y1 = head.y if down else head.y + BOX_HEIGHT
    if tail.y == head.y:
        bend = min(GAP_Y * 0.6, 12 + abs(x1 - x0) / 12)
        path, before = _curve(x0, x1, y0 + bend, y1 + bend, y1), y1 + bend
    elif abs(y1 - y0) <= GAP_Y:
        before = (y0 + y1) / 2
        path = _curve(x0, x1, before, before, y1)
    else:
        step = GAP_Y if down else -GAP_Y
        lane = _lane(x0, x1, taken=taken)
        before = y1 - step / 2
        path = (
            _curve(x0, lane, y0 + step / 2, y0 + step / 2, y0 + step)
            + f"L{lane:g} {y1 - step:g}"
            + _curve(lane, x1, before, before, y1)
        )
    style = 'stroke="#b30000" stroke-dasharray="4 3"' if backwards else 'stroke="#5a6b7b"'
    colour = "#b30000" if backwards else "#5a6b7b"
    return (
        f'<path d="M{x0:g} {y0:g}{path}" fill="none" '
        f'stroke-width="1.3" {style}/>{_arrow(x1, y1, direction=y1 - before, colour=colour)}'
    )


def _curve(x0: float, x1: float, middle0: float, middle1: float, y1: float) -> str:
    return f"C{x0:g} {middle0:g} {x1:g} {middle1:g} {x1:g} {y1:g}"


def _lane(x0: float, x1: float, *, taken: Counter[float]) -> float:
    """Where a line passes rows: between the columns that are least out of its way, beside the lines there are."""
    between = [GUTTER + column * (BOX_WIDTH + GAP_X) - GAP_X / 2 for column in range(1, PER_LINK_MAX + 1)]
    nearest = min(between, key=lambda x: (abs(x - x0) + abs(x - x1), x))
    taken[nearest] += 1
    return nearest + LANES[(taken[nearest] - 1) % len(LANES)]


def _arrow(x: float, y: float, *, direction: float, colour: str) -> str:
    back = y - math.copysign(6, direction)
    return f'<path d="M{x:g} {y:g}L{x - 3.5:g} {back:g}L{x + 3.5:g} {back:g}Z" fill="{colour}"/>'


def _box(box: _Box) -> str:
    lines = _wrapped(box.label)
    text = "".join(
        f'<text x="{box.x + 7:g}" y="{box.y + 15 + number * LINE_HEIGHT:g}">{_text(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="4" '
        f'fill="{FILLS[box.link]}" stroke="#8a8a8a"/>{text}'
        f'<text x="{box.x + BOX_WIDTH - 7:g}" y="{box.y + BOX_HEIGHT - 5:g}" text-anchor="end" font-size="9" '
        f'fill="#444444">pág. {box.page}</text>'
    )


def _wrapped(label: str) -> list[str]:
    """At most ``LINES`` lines of whole words; a longer text ends in an ellipsis."""
    lines: list[str] = []
    rest = plain(label.lstrip(BULLETS)).replace("\u200b", "").split()
    line = ""
    for position, word in enumerate(rest):
        piece = word[: LINE_CHARS - 1] + "…" if len(word) > LINE_CHARS else word
        longer = f"{line} {piece}".strip()
        if _wide(longer) <= LINE_CHARS or not line:
            line = longer
            continue
        lines.append(line)
        line = piece
        if len(lines) == LINES:
            last, most = lines[-1], LINE_CHARS - 2
            cut = last if _wide(last) <= most else last.rpartition(" ")[0] or last[:most]
            return [*lines[:-1], f"{cut.rstrip(' ,;:')} …"] if position < len(rest) else lines
    return [*lines, line] if line else lines


def _wide(text: str) -> float:
    """How many small letters a text takes the room of."""
    return len(text) + CAPITAL_EXTRA * sum(char.isupper() for char in text)


def _note(graph: Mapping[str, Any], *, shown: Mapping[str, _Box]) -> str:
    nodes, edges = len(graph["nodes"]), len(graph["edges"])
    note = f"Se muestran {len(shown)} de {nodes} pasajes y los vínculos entre ellos, de {edges} en total."
    return note + (" Líneas a trazos: en sentido contrario a la cadena." if graph["order_violations"] else "")


def _text(text: str) -> str:
    return escape(in_picture(plain(text).replace("\u200b", "")), quote=True)
