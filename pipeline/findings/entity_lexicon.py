"""Names of the offices and entities that Colombian development plans make responsible.

Everything is written folded (lower case, no accents) on the matching side and with accents on the
canonical side. Names of national entities are those of the State's own sites (SUIT, gov.co), with
predecessors of the plans of 2012 (INCODER, Acción Social) kept as they were called then.
"""

from __future__ import annotations

from typing import Final

DEPENDENCY: Final = "dependencia"
NATIONAL: Final = "entidad_nacional"
REGIONAL: Final = "entidad_departamental"
BODY: Final = "instancia"
COMMUNITY: Final = "comunidad"
OTHER: Final = "otra"

ACRONYMS: Final[dict[str, tuple[str, str]]] = {
    "icbf": ("Instituto Colombiano de Bienestar Familiar (ICBF)", NATIONAL),
    "i.c.b.f": ("Instituto Colombiano de Bienestar Familiar (ICBF)", NATIONAL),
    "sena": ("Servicio Nacional de Aprendizaje (SENA)", NATIONAL),
    "inpec": ("Instituto Nacional Penitenciario y Carcelario (INPEC)", NATIONAL),
    "uspec": ("Unidad de Servicios Penitenciarios y Carcelarios (USPEC)", NATIONAL),
    "uariv": ("Unidad para las Víctimas (UARIV)", NATIONAL),
    "dps": ("Departamento para la Prosperidad Social (DPS)", NATIONAL),
    "anspe": ("Agencia Nacional para la Superación de la Pobreza Extrema (ANSPE)", NATIONAL),
    "dnp": ("Departamento Nacional de Planeación (DNP)", NATIONAL),
    "dane": ("Departamento Administrativo Nacional de Estadística (DANE)", NATIONAL),
    "igac": ("Instituto Geográfico Agustín Codazzi (IGAC)", NATIONAL),
    "incoder": ("Instituto Colombiano de Desarrollo Rural (INCODER)", NATIONAL),
    "ant": ("Agencia Nacional de Tierras (ANT)", NATIONAL),
    "adr": ("Agencia de Desarrollo Rural (ADR)", NATIONAL),
    "art": ("Agencia de Renovación del Territorio (ART)", NATIONAL),
    "urt": ("Unidad de Restitución de Tierras (URT)", NATIONAL),
    "arn": ("Agencia para la Reincorporación y la Normalización (ARN)", NATIONAL),
    "acr": ("Agencia Colombiana para la Reintegración (ACR)", NATIONAL),
    "unp": ("Unidad Nacional de Protección (UNP)", NATIONAL),
    "ungrd": ("Unidad Nacional para la Gestión del Riesgo de Desastres (UNGRD)", NATIONAL),
    "ica": ("Instituto Colombiano Agropecuario (ICA)", NATIONAL),
    "invima": ("Instituto Nacional de Vigilancia de Medicamentos y Alimentos (INVIMA)", NATIONAL),
    "invias": ("Instituto Nacional de Vías (INVIAS)", NATIONAL),
    "ideam": ("Instituto de Hidrología, Meteorología y Estudios Ambientales (IDEAM)", NATIONAL),
    "esap": ("Escuela Superior de Administración Pública (ESAP)", NATIONAL),
    "icetex": ("ICETEX", NATIONAL),
    "icfes": ("ICFES", NATIONAL),
    "coldeportes": ("Coldeportes", NATIONAL),
    "colciencias": ("Colciencias", NATIONAL),
    "minciencias": ("Ministerio de Ciencia, Tecnología e Innovación", NATIONAL),
    "findeter": ("Findeter", NATIONAL),
    "fonade": ("FONADE", NATIONAL),
    "finagro": ("FINAGRO", NATIONAL),
    "fonvivienda": ("Fonvivienda", NATIONAL),
    "bancoldex": ("Bancóldex", NATIONAL),
    "ubpd": ("Unidad de Búsqueda de Personas dadas por Desaparecidas (UBPD)", NATIONAL),
    "cnmh": ("Centro Nacional de Memoria Histórica (CNMH)", NATIONAL),
    "mineducacion": ("Ministerio de Educación Nacional", NATIONAL),
    "minsalud": ("Ministerio de Salud y Protección Social", NATIONAL),
    "minvivienda": ("Ministerio de Vivienda, Ciudad y Territorio", NATIONAL),
    "mininterior": ("Ministerio del Interior", NATIONAL),
    "mintic": ("Ministerio de Tecnologías de la Información y las Comunicaciones", NATIONAL),
    "minagricultura": ("Ministerio de Agricultura y Desarrollo Rural", NATIONAL),
    "mincultura": ("Ministerio de Cultura", NATIONAL),
    "mindefensa": ("Ministerio de Defensa Nacional", NATIONAL),
    "minjusticia": ("Ministerio de Justicia y del Derecho", NATIONAL),
    "mintrabajo": ("Ministerio del Trabajo", NATIONAL),
    "cvc": ("Corporación Autónoma Regional del Valle del Cauca (CVC)", REGIONAL),
    "crc": ("Corporación Autónoma Regional del Cauca (CRC)", REGIONAL),
    "cam": ("Corporación Autónoma Regional del Alto Magdalena (CAM)", REGIONAL),
    "crq": ("Corporación Autónoma Regional del Quindío (CRQ)", REGIONAL),
    "carder": ("Corporación Autónoma Regional de Risaralda (CARDER)", REGIONAL),
    "corponarino": ("Corporación Autónoma Regional de Nariño (CORPONARIÑO)", REGIONAL),
    "corpoamazonia": ("CORPOAMAZONIA", REGIONAL),
    "cormacarena": ("CORMACARENA", REGIONAL),
    "corporinoquia": ("CORPORINOQUIA", REGIONAL),
    "codechoco": ("CODECHOCÓ", REGIONAL),
    "corantioquia": ("CORANTIOQUIA", REGIONAL),
    "corpouraba": ("CORPOURABÁ", REGIONAL),
    "carsucre": ("CARSUCRE", REGIONAL),
    "corpoguajira": ("CORPOGUAJIRA", REGIONAL),
    "corpamag": ("CORPAMAG", REGIONAL),
    "corpocesar": ("CORPOCESAR", REGIONAL),
    "cardique": ("CARDIQUE", REGIONAL),
    "cortolima": ("CORTOLIMA", REGIONAL),
    "corpocaldas": ("CORPOCALDAS", REGIONAL),
    "cornare": ("CORNARE", REGIONAL),
    "corpoboyaca": ("CORPOBOYACÁ", REGIONAL),
    "corponor": ("CORPONOR", REGIONAL),
    "corpomojana": ("CORPOMOJANA", REGIONAL),
    "cdmb": ("CDMB", REGIONAL),
    "coralina": ("CORALINA", REGIONAL),
    "umata": ("Unidad Municipal de Asistencia Técnica Agropecuaria (UMATA)", DEPENDENCY),
    "imder": ("Instituto Municipal de Deporte y Recreación (IMDER)", DEPENDENCY),
    "ctp": ("Consejo Territorial de Planeación", BODY),
    "compos": ("Consejo de Política Social", BODY),
    "compes": ("Consejo de Política Social", BODY),
    "cmgrd": ("Consejo Municipal de Gestión del Riesgo de Desastres", BODY),
    "clopad": ("Comité Local de Prevención y Atención de Desastres (CLOPAD)", BODY),
    "cmdr": ("Consejo Municipal de Desarrollo Rural", BODY),
    "pnud": ("Programa de las Naciones Unidas para el Desarrollo (PNUD)", OTHER),
    "acnur": ("ACNUR", OTHER),
    "unicef": ("UNICEF", OTHER),
    "usaid": ("USAID", OTHER),
    "oim": ("Organización Internacional para las Migraciones (OIM)", OTHER),
}
"""Acronyms, matched only where the plan writes them in capitals (``mintic`` and the like also "
"capitalised)."""

PHRASES: Final[dict[str, tuple[str, str]]] = {
    "instituto colombiano de bienestar familiar": ACRONYMS["icbf"],
    "bienestar familiar": ACRONYMS["icbf"],
    "servicio nacional de aprendizaje": ACRONYMS["sena"],
    "instituto nacional penitenciario y carcelario": ACRONYMS["inpec"],
    "instituto nacional penitenciario": ACRONYMS["inpec"],
    "unidad para las victimas": ACRONYMS["uariv"],
    "unidad de victimas": ACRONYMS["uariv"],
    "unidad para la atencion y reparacion integral a las victimas": ACRONYMS["uariv"],
    "unidad administrativa especial para la atencion y reparacion integral a las victimas": ACRONYMS["uariv"],
    "departamento para la prosperidad social": ACRONYMS["dps"],
    "prosperidad social": ACRONYMS["dps"],
    "departamento nacional de planeacion": ACRONYMS["dnp"],
    "departamento administrativo nacional de estadistica": ACRONYMS["dane"],
    "instituto geografico agustin codazzi": ACRONYMS["igac"],
    "agencia nacional de tierras": ACRONYMS["ant"],
    "agencia de renovacion del territorio": ACRONYMS["art"],
    "agencia de desarrollo rural": ACRONYMS["adr"],
    "agencia para la reincorporacion y la normalizacion": ACRONYMS["arn"],
    "agencia colombiana para la reintegracion": ACRONYMS["acr"],
    "unidad de restitucion de tierras": ACRONYMS["urt"],
    "unidad nacional de proteccion": ACRONYMS["unp"],
    "unidad nacional para la gestion del riesgo de desastres": ACRONYMS["ungrd"],
    "instituto colombiano agropecuario": ACRONYMS["ica"],
    "instituto nacional de vias": ACRONYMS["invias"],
    "escuela superior de administracion publica": ACRONYMS["esap"],
    "centro nacional de memoria historica": ACRONYMS["cnmh"],
    "accion social": ("Acción Social", NATIONAL),
    "migracion colombia": ("Migración Colombia", NATIONAL),
    "cancilleria": ("Ministerio de Relaciones Exteriores", NATIONAL),
    "fiscalia general de la nacion": ("Fiscalía General de la Nación", NATIONAL),
    "fiscalia": ("Fiscalía General de la Nación", NATIONAL),
    "procuraduria general de la nacion": ("Procuraduría General de la Nación", NATIONAL),
    "procuraduria": ("Procuraduría General de la Nación", NATIONAL),
    "defensoria de familia": ("Defensoría de Familia", NATIONAL),
    "defensor de familia": ("Defensoría de Familia", NATIONAL),
    "defensoria del pueblo": ("Defensoría del Pueblo", NATIONAL),
    "defensoria": ("Defensoría del Pueblo", NATIONAL),
    "contraloria general de la republica": ("Contraloría General de la República", NATIONAL),
    "registraduria nacional del estado civil": ("Registraduría Nacional del Estado Civil", NATIONAL),
    "registraduria": ("Registraduría Nacional del Estado Civil", NATIONAL),
    "medicina legal": ("Instituto Nacional de Medicina Legal y Ciencias Forenses", NATIONAL),
    "policia nacional": ("Policía Nacional", NATIONAL),
    "policia de infancia y adolescencia": ("Policía de Infancia y Adolescencia", NATIONAL),
    "ejercito nacional": ("Ejército Nacional", NATIONAL),
    "armada nacional": ("Armada Nacional", NATIONAL),
    "infanteria de marina": ("Infantería de Marina", NATIONAL),
    "parques nacionales naturales": ("Parques Nacionales Naturales de Colombia", NATIONAL),
    "parques nacionales": ("Parques Nacionales Naturales de Colombia", NATIONAL),
    "banco agrario": ("Banco Agrario de Colombia", NATIONAL),
    "presidencia de la republica": ("Presidencia de la República", NATIONAL),
    "corporacion autonoma regional": ("Corporación Autónoma Regional", REGIONAL),
    "corporaciones autonomas regionales": ("Corporación Autónoma Regional", REGIONAL),
    "gobernacion": ("Gobernación", REGIONAL),
    "asamblea departamental": ("Asamblea Departamental", REGIONAL),
    "alcaldia": ("Alcaldía", DEPENDENCY),
    "alcalde municipal": ("Alcaldía", DEPENDENCY),
    "alcalde": ("Alcaldía", DEPENDENCY),
    "alcaldesa": ("Alcaldía", DEPENDENCY),
    "despacho del alcalde": ("Alcaldía", DEPENDENCY),
    "administracion municipal": ("Alcaldía", DEPENDENCY),
    "concejo municipal": ("Concejo Municipal", DEPENDENCY),
    "personeria municipal": ("Personería Municipal", DEPENDENCY),
    "personeria": ("Personería Municipal", DEPENDENCY),
    "personero municipal": ("Personería Municipal", DEPENDENCY),
    "contraloria municipal": ("Contraloría Municipal", DEPENDENCY),
    "tesoreria municipal": ("Tesorería Municipal", DEPENDENCY),
    "comisaria de familia": ("Comisaría de Familia", DEPENDENCY),
    "comisarias de familia": ("Comisaría de Familia", DEPENDENCY),
    "comisario de familia": ("Comisaría de Familia", DEPENDENCY),
    "inspeccion de policia": ("Inspección de Policía", DEPENDENCY),
    "inspecciones de policia": ("Inspección de Policía", DEPENDENCY),
    "gestora social": ("Gestora Social", DEPENDENCY),
    "enlace municipal": ("Enlace Municipal", DEPENDENCY),
    "cuerpo de bomberos": ("Cuerpo de Bomberos", OTHER),
    "bomberos voluntarios": ("Cuerpo de Bomberos", OTHER),
    "defensa civil": ("Defensa Civil Colombiana", OTHER),
    "cruz roja": ("Cruz Roja Colombiana", OTHER),
    "camara de comercio": ("Cámara de Comercio", OTHER),
    "pastoral social": ("Pastoral Social", OTHER),
    "juntas de accion comunal": ("Juntas de Acción Comunal", COMMUNITY),
    "junta de accion comunal": ("Juntas de Acción Comunal", COMMUNITY),
    "consejos comunitarios": ("Consejos Comunitarios", COMMUNITY),
    "consejo comunitario": ("Consejos Comunitarios", COMMUNITY),
    "cabildos indigenas": ("Cabildos Indígenas", COMMUNITY),
    "cabildo indigena": ("Cabildos Indígenas", COMMUNITY),
    "autoridades indigenas": ("Autoridades Indígenas", COMMUNITY),
    "autoridades tradicionales": ("Autoridades Tradicionales", COMMUNITY),
    "organizaciones comunitarias": ("Organizaciones comunitarias", COMMUNITY),
    "organizaciones de victimas": ("Organizaciones de víctimas", COMMUNITY),
    "veedurias ciudadanas": ("Veedurías Ciudadanas", COMMUNITY),
    "la comunidad": ("Comunidad", COMMUNITY),
    "las comunidades": ("Comunidad", COMMUNITY),
}

COMMON_WORDS: Final = frozenset(
    ["bienestar familiar", "prosperidad social", "medicina legal", "accion social", "parques nacionales"]
)
"""Phrases that are everyday words as well: "la prosperidad social de todos"."""
TITLED_AFTER: Final = (
    "pruebas?|pruebas? de estado|examen|examenes|resultados|puntajes?|hogar|hogares|hogares comunitarios"
    "|madres comunitarias"
)
"""What stands before the name of an entity and is only called after it."""
SHORT_CORPORATIONS: Final = {"cvc": "valle", "crc": "cauca", "cam": "huila", "crq": "quindio"}
"""Acronyms of three letters of environmental corporations → a word of the department that is theirs."""
ORGANISATIONS: Final = frozenset(
    (  # noqa: SIM905  words read better as words
        "universidad fundacion asociacion corporacion institucion organizacion agremiacion federacion "
        "confederacion comunidad nacion union entidad gobernacion"
    ).split()
)
"""Words that begin another name after "y", though they end as matters do."""

NAMED_ONLY_WHEN_ASSIGNED: Final = frozenset({"Comunidad", "Alcaldía", "Enlace Municipal"})
"""Words so common that naming them says nothing; they count only where they are made responsible."""

HEADS: Final[dict[str, tuple[str, str]]] = {
    "secretaria": ("Secretaría", DEPENDENCY),
    "secretario": ("Secretaría", DEPENDENCY),
    "secretarias": ("Secretaría", DEPENDENCY),
    "sec.": ("Secretaría", DEPENDENCY),
    "sria.": ("Secretaría", DEPENDENCY),
    "subsecretaria": ("Subsecretaría", DEPENDENCY),
    "oficina": ("Oficina", DEPENDENCY),
    "oficina asesora": ("Oficina", DEPENDENCY),
    "direccion": ("Dirección", DEPENDENCY),
    "director": ("Dirección", DEPENDENCY),
    "jefatura": ("Jefatura", DEPENDENCY),
    "coordinacion": ("Coordinación", DEPENDENCY),
    "departamento administrativo": ("Departamento Administrativo", DEPENDENCY),
    "unidad administrativa": ("Unidad Administrativa", DEPENDENCY),
    "unidad municipal": ("Unidad Municipal", DEPENDENCY),
    "instituto municipal": ("Instituto Municipal", DEPENDENCY),
    "instituto distrital": ("Instituto Distrital", DEPENDENCY),
    "instituto departamental": ("Instituto Departamental", REGIONAL),
    "ministerio": ("Ministerio", NATIONAL),
    "superintendencia": ("Superintendencia", NATIONAL),
    "comite": ("Comité", BODY),
    "subcomite": ("Subcomité", BODY),
    "mesa": ("Mesa", BODY),
    "consejo": ("Consejo", BODY),
    "comision": ("Comisión", BODY),
}
"""Words that become an entity with the matter that follows them (``Secretaría`` + ``de Salud``)."""

CONNECTORS: Final = frozenset(["de", "del", "la", "el", "los", "las", "y", "e", "para", "al", "por", "a"])
LEVELS: Final = frozenset(["municipal", "municipales", "distrital", "local", "despacho", "general"])
"""Said of an office of the municipality itself; they leave the canonical name."""

BODY_WORDS: Final = frozenset(["comite", "subcomite", "mesa", "consejo", "comision"])

MATTERS: Final[dict[str, str]] = {
    word.translate(str.maketrans("áéíóúñ", "aeioun")): word
    for word in (  # noqa: SIM905  words read better as words
        # what offices are for
        "salud educación planeación hacienda gobierno infraestructura obras públicas pública público "
        "vivienda "
        "hábitat agricultura ambiente medio ambiental desarrollo social económico económica rural urbano "
        "urbana "
        "agropecuario agropecuaria agroindustria cultura cultural deporte deportes recreación turismo "
        "tránsito "
        "transporte movilidad seguridad convivencia ciudadana ciudadano justicia paz mujer mujeres género "
        "equidad "
        "infancia niñez adolescencia juventud juventudes familia víctimas étnicas étnicos étnica asuntos "
        "indígenas "
        "indígena afrocolombianos afrodescendientes comunitario comunitaria comunitarios participación "
        "bienestar "
        "inclusión integración protección servicios servicio administrativa administrativos administrativo "
        "jurídica "
        "jurídico prensa comunicaciones comunicación sistemas informática tecnologías tecnología tics tic "
        "información ciencia innovación financiera financiero finanzas tesorería rentas impuestos "
        "contratación "
        "talento humano humana interno control disciplinario sisben empleo trabajo competitividad "
        "productividad "
        "productivo minas energía riesgo riesgos desastres emergencias prevención atención gestión "
        "territorial "
        "ordenamiento tierras catastro espacio física físico proyectos cooperación internacional acueducto "
        "alcantarillado saneamiento básico aguas agua potable derechos humanos discapacidad adulto mayor "
        "población "
        "vulnerable vulnerables poblacional alimentaria nutricional alimentación solidaria cofinanciación "
        "asistencia técnica agropecuarias vías valorización deportiva logística archivo almacén apoyo "
        "mantenimiento "
        "industria comercio turística casas democracia interior relaciones exteriores defensa nacional "
        "nacionales "
        "ciudad territorio crédito derecho autónoma sostenible sostenibilidad mínimo vital primera "
        # levels and adjectives
        "departamental departamentales regional técnica técnico asesora intersectorial interinstitucional "
        "ejecutiva "
        "ejecutivo operativo operativa municipales distritales"
    ).split()
    + (  # noqa: SIM905  words read better as words
        # what bodies are for
        "política políticas justicia transicional estadística planificación ejecución seguimiento evaluación "
        "concertación directivo veeduría epidemiológica vigilancia fiscal comunal drogas estupefacientes "
        "reparación restitución memoria histórica trata personas convivencia orden desmovilizados migración "
        "erradicación infantil sectorial estratificación competitividad archivos libros cafeteros"
    ).split()
}
"""Folded matter → its spelling. Words after a head that certainly belong to the name."""

DEPARTMENTS: Final = frozenset(
    (  # noqa: SIM905  words read better as words
        "amazonas antioquia arauca atlantico bolivar boyaca caldas caqueta casanare cauca cesar choco "
        "cordoba cundinamarca guainia guaviare huila guajira magdalena meta narino putumayo quindio "
        "risaralda santander sucre tolima valle vaupes vichada"
    ).split()
)
