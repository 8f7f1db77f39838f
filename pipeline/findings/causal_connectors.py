"""Connectors of cause and purpose in Spanish, with the direction each one states.

After the inventories of causal and final connectors of the *Nueva gramática de la lengua española*
(RAE/ASALE 2009, chapters 46 and 47), kept to those that development plans use and that are seldom
anything else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Shape(StrEnum):
    """How a connector orders its clauses."""

    EFFECT_FIRST = "efecto_causa"
    """"La deserción aumenta **debido a** la pobreza"."""
    CAUSE_FIRST = "causa_efecto"
    """"La pobreza **genera** deserción"."""
    PURPOSE = "accion_fin"
    """"Construir aulas **con el fin de** ampliar la cobertura"."""
    BARE_PURPOSE = "accion_para"
    """"Construir aulas **para ampliar** la cobertura": only after an action."""
    MEANS = "medio"
    """"**Mediante** la capacitación **se logrará** …"."""


EFFECT_FIRST: Final = (
    "debido a que|debido al|debido a|por causa de|por causa del"
    "|a causa de|a causa del|"
    "como consecuencia de|como consecuencia del|a consecuencia de|como resultado de|como resultado del"
    "|a raiz de|a raiz del|"
    "ocasionado por|ocasionada por|ocasionados por|ocasionadas por|causado por|causada por|causados por"
    "|causadas por|"
    "generado por|generada por|generados por|generadas por|originado por|originada por|originados por"
    "|originadas por|"
    "provocado por|provocada por|provocados por|provocadas por|derivado de|derivada de|derivados de"
    "|derivadas de|"
    "gracias a|gracias al|se debe a|se debe a que|se debe al|se deben a|se deben al|obedece a|obedece al"
    "|obedecen a|"
    "es producto de|es producto del|son producto de|producto de la|producto del|"
    "es consecuencia de|es consecuencia del|es resultado de|por falta de|por la falta de"
    "|por la ausencia de|por ausencia de|"
    "ya que|puesto que|dado que|porque|en razon a|en razon a que|en razon de|por efecto de|por efecto del"
    "|motivado por|por motivo de"
)
LACKS: Final = ("falta de", "ausencia de")
"""Ends of connectors that belong to the cause: in "por falta de agua" the lack is the cause, not the water."""
AGREEING_ARTICLES: Final = {
    "ados": "los|unos|sus|estos|esos|dichos|otros",
    "idos": "los|unos|sus|estos|esos|dichos|otros",
    "adas": "las|unas|sus|estas|esas|dichas|otras",
    "idas": "las|unas|sus|estas|esas|dichas|otras",
    "ado": "el|un|su|este|ese|dicho|otro",
    "ido": "el|un|su|este|ese|dicho|otro",
    "ada": "la|una|su|esta|esa|dicha|otra",
    "ida": "la|una|su|esta|esa|dicha|otra",
}
"""Ending of a participle ("los daños ocasion**ados** por") → articles of the nouns that it can be said of."""
HARMING: Final = frozenset(
    ["contribuye a", "contribuyen a", "contribuyendo a", "contribuyendo al", "permitiendo", "logrando"]
)
"""Connectors of purpose that plans also use of harm that comes about: "contribuyendo a la inseguridad"."""
CAUSE_FIRST: Final = (
    "lo que genera|lo que ha generado|lo que ocasiona|lo que ha ocasionado|lo que conlleva a"
    "|lo que conlleva|lo que ha conllevado a|"
    "lo que produce|lo que provoca|lo que causa|lo que trae como consecuencia|lo que hace que"
    "|lo que implica|lo que lleva a|"
    "lo que permite|lo que ha permitido|lo que dificulta|lo que impide|lo que se traduce en"
    "|lo que incide en|lo que afecta|"
    "lo cual genera|lo cual ha generado|lo cual ocasiona|lo cual ha ocasionado|lo cual conlleva a"
    "|lo cual conlleva|lo cual produce|"
    "lo cual provoca|lo cual hace que|lo cual implica|lo cual permite|lo cual dificulta|lo cual impide"
    "|lo cual se traduce en|"
    "situacion que genera|situacion que ha generado|situacion que ocasiona|situacion que conlleva"
    "|situacion que afecta|"
    "ha generado|han generado|ha ocasionado|han ocasionado|ha provocado|han provocado|ha causado"
    "|han causado|ha conllevado a|"
    "ha producido|ha llevado a|han llevado a|genera|generan|generando|ocasiona|ocasionan|ocasionando"
    "|conlleva a|conllevan a|"
    "conlleva|conllevan|conllevando a|provoca|provocan|provocando|causando|causan|trae como consecuencia"
    "|trae consigo|traen consigo|"
    "trayendo como consecuencia|dando como resultado|da como resultado|da lugar a|dan lugar a"
    "|dando lugar a|incide en|inciden en|incidiendo en|"
    "repercute en|repercuten en|desencadena|desencadenan|propicia|propician|se traduce en|por ende"
    "|en consecuencia|por consiguiente"
)
PURPOSE: Final = (
    "con el fin de que|con el fin de|con el fin que|con el proposito de que|con el proposito de"
    "|con el objeto de que|con el objeto de|"
    "con el objetivo de que|con el objetivo de|con la finalidad de que|con la finalidad de|con miras a"
    "|a fin de que|a fin de|en aras de|en procura de|en pro de|"
    "para que|de tal manera que|de tal forma que|de manera que|permitira|permitiran|permitiendo"
    "|que permita|que permitan|que permitira|"
    "que contribuya a|que contribuyan a|que contribuya al|contribuira a|contribuiran a|contribuyendo a"
    "|contribuyendo al|contribuye a|contribuyen a|"
    "que garantice|que garanticen|logrando asi|logrando|buscando|encaminadas a"
    "|encaminados a|encaminada a|"
    "encaminado a|orientadas a|orientados a|orientada a|orientado a|tendientes a|tendiente a|dirigidas a"
    "|dirigidos a"
)
PURPOSE_INFINITIVES: Final = (
    "alcanzar|ampliar|asegurar|aumentar|avanzar|brindar|consolidar|contribuir|contrarrestar|combatir"
    "|dignificar|disminuir|eliminar|elevar|"
    "erradicar|evitar|facilitar|favorecer|fortalecer|garantizar|generar|impulsar|incrementar|lograr"
    "|mejorar|mitigar|"
    "minimizar|optimizar|permitir|potenciar|prevenir|promover|propiciar|proteger|recuperar|reducir"
    "|restablecer|satisfacer|"
    "solucionar|superar|transformar"
)
ACTIONS: Final = (
    "acompan|actualiz|adecu|adelant|adopt|adquir|amplia|apoy|articul|asesor|asist|atend|aument|brind"
    "|capacit|coordin|constru|consolid|"
    "contrat|conform|crea|cre|defin|desarroll|difund|disen|divulg|dot|ejecut|elabor|entreg|establec"
    "|estimul|evalu|facilit|financi|"
    "foment|form|formul|fortalec|garantiz|gener|gestion|implement|impuls|incentiv|incorpor|inclu|increment"
    "|instal|integr|interven|invert|invers|"
    "lider|mejor|moderniz|organiz|orient|plane|prest|promoc|promov|propici|protec|proteg|realiz|recuper"
    "|reforest|rehabilit|revis|sensibiliz|suministr|"
    "vincul|acciones|estrategia|programa|proyecto|mecanismo|convenio|alianza|campana|taller|actividades"
    "|medidas|espacios"
)
"""Beginnings of words that make a clause an action; ``para`` + infinitive is a purpose only after one."""

ADVERSE: Final = (
    "abandon|abus|accident|afecta|agot|amenaz|analfabet|ausenci|baj[ao]s? |caren|conflict|contamina|corrup"
    "|crisis|daño|dano|debil|"
    "deficien|deficit|deforesta|degrada|delincuen|delit|depreda|desabast|desactualiz|desarticul|desconoc"
    "|desempl|deserc|desercion|desigual|"
    "desintegra|desmotiva|desnutri|desorden|desplaza|destru|deterior|dificult|discrimina|embaraz|enferm"
    "|erosi|escas|estigma|exclu|"
    "explotac|extorsi|fall|falta|fragment|hacinam|hambre|homicid|inasist|incumpl|indigen[ct]i|inefici"
    "|inequid|inestabil|informalidad|inseguri|"
    "insufici|inund|invasi|limita|malos|maltrat|marginal|migraci|miseri|morbi|mortal|muert|obstacul|perdid"
    "|perdida|pobrez|precari|problem|"
    "rechaz|reclutam|repiten|resago|rezago|riesg|sobrecost|suicid|tala|temor|traum|vicios|victimiz|violen"
    "|vulnera"
)
FAVOURABLE: Final = (
    "acces|autonom|bienestar|buen|calidad|capacidad|cobertura|competitiv|confianza|conviven|crecimient"
    "|cumplimient|dign|desarroll|"
    "eficien|empleo|empodera|equidad|equilibr|fortalec|garant|igualdad|inclus|ingreso|innova|integraci"
    "|mejor|oportunid|participaci|paz\\b|"
    "permanenc|productiv|progres|protecc|reconciliac|recuperaci|restableci|restituci|salud|segurid"
    "|sostenib|superac|tranquil"
)
LESS: Final = (
    "baja|combat|contrarrest|disminu|elimin|erradic|evit|menor|minimi|mitig|preven|reduc|reducc|super"
    "|solucion|resol|atend|atenc|control|descen"
)
