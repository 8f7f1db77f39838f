"""Words by which the parts of a plan are recognised, in folded form (lower case, no accents)."""

from __future__ import annotations

import re

TABLE_HEAD_WORDS = frozenset(
    [
        "meta",
        "metas",
        "indicador",
        "indicadores",
        "linea",
        "base",
        "lineas",
        "producto",
        "productos",
        "resultado",
        "resultados",
        "objetivo",
        "objetivos",
        "programa",
        "programas",
        "subprograma",
        "subprogramas",
        "proyecto",
        "proyectos",
        "responsable",
        "responsables",
        "fuente",
        "fuentes",
        "codigo",
        "unidad",
        "medida",
        "presupuesto",
        "sector",
        "sectores",
        "estrategia",
        "estrategias",
        "actividad",
        "actividades",
        "total",
        "valor",
        "ano",
        "anos",
        "vigencia",
        "sgp",
        "sgr",
        "regalias",
        "recursos",
        "propios",
        "cofinanciacion",
        "descripcion",
        "nombre",
        "tipo",
        "esperado",
        "esperada",
        "formula",
        "cuatrenio",
        "cuatrenal",
        "cuatrienal",
        "cuatrieni",
        "anual",
        "fisica",
        "fisico",
        "calculo",
        "actual",
        "cuatrienio",
        "numero",
        "cantidad",
        "peso",
        "ponderacion",
        "componente",
        "eje",
        "dimension",
        "politica",
        "accion",
        "acciones",
        "costo",
        "costos",
        "financiacion",
        "inversion",
        "entidad",
        "dependencia",
        "tiempo",
        "plazo",
        "plan",
        "area",
        "variable",
        "dato",
        "periodo",
    ]
)
"""Words of which the heads of target and budget tables are made."""

_FILLERS = frozenset(
    (
        "de",
        "del",
        "la",
        "las",
        "los",
        "el",
        "en",
        "y",
        "o",
        "a",
        "al",
        "por",
        "para",
        "con",
        "no",
        "nro",
        "num",
        "n",
        "u",
    )
)
_HEAD_PARTS = TABLE_HEAD_WORDS | _FILLERS

CONTENTS_TITLES = frozenset(
    {
        "contenido",
        "tabla de contenido",
        "tabla de contenidos",
        "tabla contenido",
        "indice",
        "indice general",
        "indice de contenido",
        "indice de contenidos",
        "contenido general",
        "indice de tablas",
        "indice de graficos",
        "indice de graficas",
        "indice de cuadros",
        "indice de figuras",
        "indice de ilustraciones",
        "indice de mapas",
        "lista de tablas",
        "lista de graficos",
        "lista de graficas",
        "lista de cuadros",
        "lista de figuras",
        "lista de mapas",
        "lista de ilustraciones",
        "lista de anexos",
    },
)
"""Titles under which a table of contents or a list of tables stands."""

LABELS = re.compile(
    r"(?:objetivos?|metas?|indicador(?:es)?|estrategias?|acciones|actividades|proyectos|programas"
    r"|subprogramas|politicas?|justificacion|"
    r"alcance|descripcion|fundamentos?|lineamientos?|producto|problematica|situacion actual|diagnostico)"
    r"(?: (?:generales|general|especificos?|estrategicos?|estrategicas?|sectorial(?:es)?"
    r"|principal(?:es)?|de (?:producto|resultado|impacto|gestion|bienestar|desarrollo)"
    r"|del? (?:programa|sector|eje|subprograma|proyecto|componente|politica)|y acciones"
    r"|e indicadores|y metas|y estrategias|indicadores|y proyectos|programaticas?))*\s*[.:]?",
)
"""Headings that name the function of what follows (objective, targets), not its topic."""

_TOKEN = re.compile(r"[a-z]+|[#\d]+")


_CHART_MARKS = frozenset(
    ("masculino", "femenino", "hombre", "hombres", "urbano", "urbana", "total", "ano", "m", "h", "f")
)
_CHART_WORDS = _CHART_MARKS | frozenset(
    (
        "mujer",
        "mujeres",
        "rural",
        "genero",
        "sexo",
        "edad",
        "edades",
        "area",
        "cabecera",
        "resto",
        "anos",
        "si",
        "no",
        "y",
        "ciclo",
        "vida",
        "vital",
    )
)


def is_chart_label(folded: str) -> bool:
    """Whether a line holds only labels of charts, such as ``hombre mujer hombre mujer``."""
    words = folded.split()
    return len(words) > 1 and _CHART_WORDS.issuperset(words) and not _CHART_MARKS.isdisjoint(words)


def is_table_head(folded: str) -> bool:
    """Whether a short folded line is made of table-head words only, such as ``meta indicador linea base``."""
    for word in folded.split(" ", 3):  # its first words tell of most lines that they are running text
        if word not in _HEAD_PARTS and word.isalpha() and word.isascii():
            return False
    words = _TOKEN.findall(folded)
    heads = 0
    for word in words:
        if word in TABLE_HEAD_WORDS:
            heads += 1
        elif word not in _FILLERS and not word[0].isdigit() and word[0] != "#":
            return False
    return heads > 0


_ASSESSED = r"(?:seguimiento|monitoreo|evaluacion|control)"
MAIN_PARTS = re.compile(
    r"(?:presentacion|introduccion|prologo|diagnostico|caracterizacion|parte estrategica"
    r"|componente estrategico|plan estrategico(?:$| de desarrollo| 20)|plan financiero"
    r"|plan (?:plurianual )?de inversion(?:es)?|plan plurianual|seguimiento y evaluacion"
    rf"|(?:sistema de )?(?:seguimiento|monitoreo|evaluacion)(?:,? (?:y )?{_ASSESSED})*"
    r"(?:\W*$|[.:]|(?=.*\b(?:plan|metas|resultados)\b))"
    r"|anexos?(?:$| \d| n)|mensaje del alcalde|exposicion de motivos|marco (?:legal|juridico"
    r"|normativo|conceptual|teorico|filosofico)|considerando|bibliografia"
    r"|fundamentos del plan|acuerda|programa de ejecucion|generalidades)",
)
"""Titles of the main parts of a plan: they close everything that is open below a chapter.

What follows up or evaluates something else than the plan is no such part.
"""
