"""Decides whether an indicator speaks of a product, a result, an impact or of management.

The convention of the instrument: what the municipality delivers (hectares, people served, kits, processes)
is a product even where the plan writes "meta de resultado"; a change in the population or the territory
(rates, coverage in percent, mortality, poverty, dropout) is a result. The distinction itself is DNP's
value chain (Guía metodológica para el seguimiento, DNP 2018): insumo, gestión, producto, resultado, impacto.
"""

from __future__ import annotations

from typing import Final

import re2

from pipeline.text import fold

PRODUCT: Final = "producto"
RESULT: Final = "resultado"
IMPACT: Final = "impacto"
MANAGEMENT: Final = "gestion"

_IMPACT: Final = re2.compile(
    rb"\b(?:pobreza multidimensional|pobreza extrema|indice de pobreza|incidencia de (?:la )?pobreza"
    rb"|nivel(?:es)? de pobreza"
    rb"|necesidades basicas insatisfechas|\bnbi\b|\bipm\b|\bgini\b|esperanza de vida|desarrollo humano"
    rb"|\bidh\b"
    rb"|calidad de vida|condiciones de vida|linea de (?:pobreza|indigencia)|indice de desarrollo)"
)
_RESULT: Final = re2.compile(
    rb"\b(?:tasas?|indices?|mortalidad|morbilidad|prevalencia|incidencia|razon de|desercion|desempleo"
    rb"|analfabetismo"
    rb"|hacinamiento"
    rb"|deficit|homicidios?|desnutricion|bajo peso|embarazos?|fecundidad|letalidad|suicidios?|hurtos?"
    rb"|extorsion(?:es)?"
    rb"|casos de|delitos|accidentalidad|muertes|deforestacion|contaminacion|emisiones|repitencia|repeticion"
    rb"|cobertura (?:bruta|neta|util|en |de |del )|coberturas?|continuidad del? servicio|irca"
    rb"|calidad del (?:agua|aire)"
    rb"|percepcion|satisfaccion|ocupacion|informalidad|ingresos? (?:promedio|per capita|familiar)|extraedad"
    rb"|puntaje|desempeno (?:de los estudiantes|academico)|pruebas saber|indice de (?:aprendizaje"
    rb"|calidad del agua|riesgo|agua)"
    rb"|agua no contabilizada|victimizacion|violencia intrafamiliar|trabajo infantil|reincidencia"
    rb"|pobreza|produccion de|productividad|rendimiento|personas que practican|(?:poblacion|hogares"
    rb"|viviendas|familias|personas) (?:sin|con acceso)|acceso a(?:l)? |porcentaje de (?:hogares|poblacion"
    rb"|viviendas|personas|ninos|mujeres|familias|jovenes)[^.]{0,60}(?:con|en situacion)\b)"
)
_DELIVERED: Final = re2.compile(
    rb"\b(?:capacitad|atendid|beneficiad|asistid|apoyad|formad|entregad|construid|realizad|ejecutad"
    rb"|implementad"
    rb"|elaborad|formulad|dotad|adecuad|mejorad|instalad|adquirid|creado|creada|creados|creadas|disenad"
    rb"|actualizad"
    rb"|vacunad|sembrad|reforestad|rehabilitad|conformad|operando|funcionando|suministrad|otorgad|fortalecid"
    rb"|intervenid|vinculad|acompanad|desarrollad|gestionad|mantenid|recuperad|protegid|inscrit|reubicad"
    rb"|titulad"
    rb"|legalizad|restaurad|orientad|sensibilizad|promovid|cofinanciad|ampliad|remodelad|pavimentad"
    rb"|recepcionad|remitid|expedid|identificad|visitad)[oa]?s?\b"
    rb"|\b(?:kits?|talleres|campanas|jornadas|convenios|eventos|hectareas|kilometros|metros|raciones"
    rb"|subsidios|becas"
    rb"|cupos|estrategias?|programas?|proyectos|planes|politicas?|estudios|centros|sedes|equipos|brigadas"
    rb"|charlas)\b"
)
_MANAGEMENT: Final = re2.compile(
    rb"^(?:gestionar|gestion\b)|\bgestion(?:es)? (?:realizad|adelantad|efectuad)|\bdesempeno (?:integral"
    rb"|fiscal|institucional)"
    rb"|\bactas?\b|\breuniones\b|\binformes? (?:presentad|rendid|elaborad|de )|\bmeci\b|\bntcgp"
    rb"|\bcertificacion\b"
    rb"|\bsistema de gestion\b|\brecaudo\b|\bprocesos? (?:contractual|administrativ|coactiv)"
)
_CHANGE: Final = re2.compile(
    rb"^(?:incrementar|aumentar|disminuir|reducir|bajar|mejorar|elevar|ampliar|lograr|alcanzar|mantener"
    rb"|evitar|erradicar"
    rb"|reduccion|disminucion|incremento|aumento|ampliacion)"
)
_DELIVERY: Final = re2.compile(
    rb"^(?:acompan|actualiz|adecu|adelant|adopt|adquir|apoy|articul|asesor|asist|atend|atencion|brind"
    rb"|capacit|certific|cofinanc|conform"
    rb"|construir|construccion|contrat|crear|creacion|desarroll|difund|disen|divulg|dot|ejecut|elabor"
    rb"|entreg|establec|estudi|foment|form"
    rb"|fortalec|financ|gestion|habilit|identific|implement|impuls|incorpor|inici|instal|integr|interven"
    rb"|levant|mantenimiento|mejoramiento|moderniz"
    rb"|operar|organiz|orient|otorg|paviment|prestar|promo|prote[cg]|realiz|recuper|reforest|rehabilit"
    rb"|remodel|reubic|sembrar|sensibiliz"
    rb"|suministr|titul|vincul|adopcion|dotacion|talleres|benefici|subsid|senaliz|reactiv|garantiz|ofrecer"
    rb"|prestacion|un[ao]? |dos |tres |[0-9]+ (?:talleres|campanas|jornadas|convenios))"
)
_SPENDING: Final = re2.compile(
    rb"\b(?:gastos?|tiempos?|cartera|deuda|tramites|costos?|papel|procesos?|demandas?)\b"
)
_CUT: Final = re2.compile(rb"^(?:disminuir|reducir|bajar|erradicar|reduccion|disminucion|evitar)")


def level_of(name: str, *, target: str = "") -> str:
    """The level an indicator measures.

    Args:
        name: The indicator's name.
        target: The target's sentence, where the plan gives one ("Reducir la tasa de …").
    """
    data = fold(f"{name} | {target}").encode("ascii", "replace")
    subject = fold(name).encode("ascii", "replace")
    delivered = _DELIVERY.match(subject) is not None or (
        bool(target) and _DELIVERY.match(fold(target).encode("ascii", "replace")) is not None
    )
    if not delivered and _IMPACT.search(data) is not None and _DELIVERED.search(subject) is None:
        return IMPACT
    if not delivered and _RESULT.search(data) is not None and _changes(subject, data=data):
        return RESULT
    if is_reduction(target or name) and _SPENDING.search(data) is None and _DELIVERED.search(subject) is None:
        return RESULT
    if _MANAGEMENT.search(subject) is not None:
        return MANAGEMENT
    return PRODUCT


def _changes(subject: bytes, *, data: bytes) -> bool:
    """A state of people or territory, not a delivery that mentions one ("talleres sobre embarazo")."""
    if _DELIVERED.search(subject) is None:
        return True
    measured = _RESULT.search(subject)
    if measured is None:
        return False
    delivered = _DELIVERED.search(subject)
    leads = measured.start() < delivered.start()
    return leads and (
        _CHANGE.match(data) is not None
        or subject.startswith((b"tasa", b"cobertura", b"porcentaje", b"razon"))
    )


def is_reduction(target: str) -> bool:
    """True where a target's sentence wants less of something."""
    return _CUT.match(fold(target).encode("ascii", "replace")) is not None
