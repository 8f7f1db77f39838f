"""What the pages say exists in English too, and the list of municipalities is the official one."""

from __future__ import annotations

import re
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from cluster.errors import REFUSALS
from pipeline import errors as pipeline_errors
from pipeline.scoring import BANDS, HIGHEST_BAND
from serve_app.web import pages
from serve_app.web.municipalities import by_department, departments, municipalities

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")


def english() -> dict[str, str]:
    """The English sentence of each Spanish one, of one thing and of several."""
    catalogue = read_po(BytesIO((files("serve_app.web") / "locale" / "en.po").read_bytes()))
    return {
        spanish: sentence
        for message in catalogue
        if message.id
        for spanish, sentence in zip(forms(message.id), forms(message.string), strict=True)
    }


def forms(said: Any) -> list[str]:
    """A sentence, or its singular and its plural."""
    return [said] if isinstance(said, str) else list(said)


def spoken() -> set[str]:
    """Every sentence of ours that a page can show."""
    options = {"**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true", "newstyle_gettext": "true"}}
    found = extract_from_dir(
        str(ROOT / "serve_app" / "web" / "templates"), method_map=[("**.html", "jinja2")], options_map=options
    )
    said = {form for _, _, message, _, _ in found for form in forms(message)}
    said |= {*pages.STATES.values(), *pages.DOCUMENT_STATES.values(), *pages.UPLOAD_WORDS.values()}
    said |= {text for _, text in pages.FLAGS}
    said |= {refusal.sentence for refusal in REFUSALS} | {
        kind.sentence
        for kind in vars(pipeline_errors).values()
        if isinstance(kind, pipeline_errors.FaultKind)
    }
    return said | {name for _, name in BANDS} | {HIGHEST_BAND}


def test_every_sentence_has_an_english_one() -> None:
    """With the same placeholders."""
    known = english()
    assert {sentence for sentence in spoken() if not known.get(sentence)} == set()
    for spanish, sentence in known.items():
        assert sorted(PLACEHOLDER.findall(spanish)) == sorted(PLACEHOLDER.findall(sentence)), spanish


@pytest.mark.parametrize(
    ("code", "name", "department"),
    [
        ("05001", "Medellín", "Antioquia"),
        ("19809", "Timbiquí", "Cauca"),
        ("18001", "Florencia", "Caquetá"),
        ("11001", "Bogotá, D.C.", "Bogotá, D.C."),
        ("05664", "San Pedro de los Milagros", "Antioquia"),
    ],
)
def test_municipalities_have_their_official_codes(code: str, name: str, department: str) -> None:
    """Names are written as people write them."""
    assert (code, name, department) in municipalities()


def test_the_list_is_whole() -> None:
    """1,122 entries in 33 departments, each code once."""
    assert len(municipalities()) == len({one.code for one in municipalities()}) == 1122
    assert len(departments()) == 33
    assert departments()[:3] == ("Amazonas", "Antioquia", "Arauca")
    assert sum(map(len, by_department().values())) == 1122
