"""Figures in folded Spanish text: what they are worth and what they are.

Colombian documents write ``1.234.567,89`` and ``1,234,567.89``, ``$ 2.500 millones``, ``45,3 %``,
``12,5 por cada 100.000 habitantes``, ``1 de cada 4``, ``2012-2015``, ``entre 12 y 18``, ``doscientos (200)``.
What is written with digits but counts nothing is left out: numbers of articles, laws, lists, sections,
ordinals, days of a date, telephones, tax numbers. Each pattern is linear in the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

NumberKind = Literal["number", "percent", "rate", "money", "year", "period", "range"]

_TEXTS_KEPT = 64
FIRST_YEAR = 1990
LAST_YEAR = 2060


@dataclass(frozen=True, slots=True)
class NumberMatch:
    """A figure at ``start``..``end`` of the folded text.

    ``value`` is exact. ``upper`` is the end of a period or range. ``base`` is what a rate counts
    against: 100000 in ``12,5 por cada 100.000``, 4 in ``1 de cada 4``. Money is in pesos as written
    (``2.500 millones`` is 2500000000); a table's own unit is not applied.
    """

    start: int
    end: int
    value: Decimal
    kind: NumberKind
    upper: Decimal | None = None
    base: Decimal | None = None


_DIGITS = re.compile(r"\d+(?:[.,']\d+)*")
_THOUSANDS_GROUP = 3
_TAX_NUMBER_DIGITS = 7
_DAY_DIGITS = 2
_LONG_CODE_DIGITS = 9
"""Identity cards, mobile telephones and tax numbers have nine or ten digits and no separators."""
_LONGEST_COUNT_DIGITS = 13
_LONGEST_LINK = 12

_REFERENCE = re.compile(
    r"(?:articulos?|arts?|leyes|ley|decretos?|resolucion(?:es)?|acuerdos?|ordenanzas?|conpes|sentencias?"
    r"|circular|paragrafos?|literal(?:es)?|numeral(?:es)?|capitulos?|titulos?|tablas?|grafic[oa]s?|figuras?"
    r"|cuadros?|mapas?|anexos?|paginas?|pag|fotos?|nit|nits|telefonos?|telefax|tels?|cel|celular|fax"
    r"|calles?|cra|carreras?|diagonal|transversal|cll|iso|ntc|norma|tomo|folio|contrato|convenio|codigo)"
    r"[.:]?(?: (?:social|nacional|municipal|n[o°º]?))?[.:]? ?(?:n[o°º]?[.:]?|nro\.?|num\.?|numero|#)? ?$",
)
_PART_OF_PLAN = re.compile(
    r"\b(?:programa|subprograma|eje|objetivo|proyecto|linea|sector|dimension|ods|odm|zona|comuna)"
    r"(?: (?:estrategic[oa]|n[o°º]?\.?))? ?$",
)
"""``programa 1.6``, ``eje estrategico 3``; not ``metas: 4`` or ``linea base 12``, which are figures."""
_NUMBER_SIGN = re.compile(r"(?:\bn[o°º]\.?|\bnro\.?|#) ?$")
_REFERENCE_LIST = re.compile(r"(?:articulos|leyes|decretos|numerales|paragrafos) [\d ,.y°º-]{1,40}$")
_LIST_NUMBER = re.compile(r"\s{0,3}\(?\d{1,2}(?:\.\d{1,2}){0,6}(?:\.-|[.)\-]|(?=\s+[a-z]{3}))(?!\d)")
_MONTH_AFTER = re.compile(
    r"(?:\)|\s)? ?(?:dias? )?(?:de |del mes de )?(?:enero|febrero|marzo|abril|mayo|junio|julio"
    r"|agosto|septiembre|setiembre|octubre|noviembre|diciembre)\b"
)
_PERCENT = re.compile(r"\)? ?(?:%|por ciento\b|porciento\b)")
_SCALE = re.compile(r"\)? ?(mil millones|billones|billon|millones|millon|mill\b\.?|mm\b|mil)\b\.?")
# A peso sign before a digit belongs to the figure that follows.
_PESOS = re.compile(r"\)? ?(?:de )?(?:pesos|cop\b|m/?cte|\$(?! ?\(?\d))")
_OF_NOUN = re.compile(r" ?(?:de )[a-z]{3}")
_RATE = re.compile(
    r"\)?(?: [a-z.]{1,14}){0,3} ?(?:por cada|x cada|por|x|/) ?(?:cada )?(1\.?000\.?000|100\.?000"
    r"|10\.?000|1\.?000|100|cien mil|diez mil|mil|cien)\b(?! ?%)"
)
_OF_EACH = re.compile(
    r"\)? ?(?:de|por) cada (\d{1,3}(?:\.\d{3})*|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|cien|mil)\b"
)
_NUMBER_NAMES_BASE = {"cien mil": 100_000, "diez mil": 10_000, "mil": 1_000, "cien": 100}
_RANGE_LINK = re.compile(r"(?: ?%)? ?(?:-|a|y|hasta|al) ?(?:el )?\$? ?$")
_UNIT_GLUED = re.compile(r"(?:km|m2|m3|m\b|mts|has?\b|hs\b|mm\b|cm\b|kg|kv|kw|mw|msnm|lps|ml\b|gr|ton|%)")
_DOLLAR = re.compile(r"(?:\$|\bcop|\bpesos) ?\(?$")
_PLURAL_NOUN = re.compile(
    r" (?!(?:tiene|entonces|mas|menos|anos|tras|meses|ademas|entre|respecto|despues"
    r"|antes)\b)(?:nuevas? |nuevos? )?[a-z]{3,}s\b"
)
_SCALES = {
    "mil millones": 10**9,
    "billones": 10**12,
    "billon": 10**12,
    "millones": 10**6,
    "millon": 10**6,
    "mill": 10**6,
    "mill.": 10**6,
    "mm": 10**6,
    "mil": 10**3,
}


def parse_amount(token: str) -> Decimal | None:
    """The value of a token of digits and separators; ``None`` for codes such as ``1.6.11``.

    A group of exactly three digits after a dot (``3.400``) is thousands, any other (``3.4``) a decimal.
    After a single comma, three digits are thousands as well unless the whole part is 0 or longer than three.
    """
    token = token.replace("'", ".") if "." in token or token.count("'") > 1 else token.replace("'", ",")
    dots, commas = token.count("."), token.count(",")
    if dots and commas:
        decimal_mark = "." if token.rfind(".") > token.rfind(",") else ","
        other = "," if decimal_mark == "." else "."
        if token.count(decimal_mark) > 1:
            return (
                _grouped(token.replace(decimal_mark, "."), mark=".")
                if token.find(other) > token.rfind(decimal_mark)
                else _all_groups(token)
            )
        whole, fraction = token.rsplit(decimal_mark, 1)
        value = _grouped(whole, mark=other)
        return None if value is None else Decimal(f"{value}.{fraction}")
    mark = "." if dots else ","
    if dots + commas == 0:
        return Decimal(token)
    return _grouped(token, mark=mark) or _single_decimal(token, mark=mark)


def _all_groups(token: str) -> Decimal | None:
    return _grouped(token.replace(",", "."), mark=".")


def _grouped(token: str, *, mark: str) -> Decimal | None:
    first, *groups = token.split(mark)
    if not groups:
        return Decimal(first)
    if (
        not 1 <= len(first) <= _THOUSANDS_GROUP
        or first.startswith("0")
        or any(len(group) != _THOUSANDS_GROUP for group in groups)
    ):
        return None
    return Decimal(first + "".join(groups))


def _single_decimal(token: str, *, mark: str) -> Decimal | None:
    whole, *fractions = token.split(mark)
    return Decimal(f"{whole}.{fractions[0]}") if len(fractions) == 1 else None


@lru_cache(maxsize=_TEXTS_KEPT)
def find_numbers(folded: str) -> tuple[NumberMatch, ...]:
    """Find the figures of a folded text, in order, none overlapping another.

    The last texts are kept: a sentence is asked for its figures, then for the one that counts.
    """
    from_digits = _merge_spans(folded, _digit_matches(folded))
    return tuple(_with_words(folded, from_digits))


def _digit_matches(folded: str) -> list[NumberMatch]:
    found: list[NumberMatch] = []
    listed = _LIST_NUMBER.match(folded)
    begin = listed.end() if listed and _is_list_number(folded, end=listed.end()) else 0
    position = begin
    while match := _DIGITS.search(folded, position):
        number = _digit_number(folded, start=match.start(), end=match.end())
        position = match.end()
        if number is not None:
            found.append(number)
            position = max(position, number.end)
    return found


def _is_list_number(folded: str, *, end: int) -> bool:
    """``1. fortalecer`` is a list number; ``12 viviendas`` is a figure."""
    return folded[:end].rstrip()[-1:] in ".)-" or folded[:end].count(".") > 0


def _digit_number(folded: str, *, start: int, end: int) -> NumberMatch | None:
    token = folded[start:end]
    before = folded[max(0, start - 48) : start]
    after = folded[end : end + 60]
    if _counts_nothing(token, before=before, after=after):
        return None
    value = parse_amount(token)
    if value is None:
        return None
    return _typed(token, value, start=start, end=end, before=before, after=after)


def _counts_nothing(token: str, *, before: str, after: str) -> bool:
    """Codes, references, ordinals, days, telephones, tax numbers."""
    if _part_of_code(before=before, after=after):
        return True
    if len(token) <= _DAY_DIGITS and _MONTH_AFTER.match(after):
        return True
    if len(token) >= _LONG_CODE_DIGITS and token.isdigit() and not _DOLLAR.search(before):
        return after[:1] == "-" or token.startswith("3") or len(token) > _LONGEST_COUNT_DIGITS
    patterns = (_NUMBER_SIGN, _PART_OF_PLAN, _REFERENCE, _REFERENCE_LIST)
    return any(pattern.search(before) for pattern in patterns)


def _part_of_code(*, before: str, after: str) -> bool:
    """Glued to letters (``covid-19``, ``5to``), to an ordinal sign, or behind a tax number's dash."""
    previous = before[-1:]
    if (
        previous == "-"
        and before[-_TAX_NUMBER_DIGITS - 1 : -1].isdigit()
        and len(before) > _TAX_NUMBER_DIGITS
    ):
        return True
    if previous.isalpha() or previous == "_" or (previous == "-" and before[-2:-1].isalpha()):
        return True
    following = after[:1]
    return (following.isalpha() and not _UNIT_GLUED.match(after)) or following in {"°", "º", "ª"}


def _is_year(token: str) -> bool:
    return len(token) == 4 and token.isdigit() and FIRST_YEAR <= int(token) <= LAST_YEAR  # noqa: PLR2004


def _typed(  # noqa: PLR0911  one return per kind
    token: str, value: Decimal, *, start: int, end: int, before: str, after: str
) -> NumberMatch:
    money = _DOLLAR.search(before) is not None
    begin = start - len(before) + money_start(before) if money else start
    if percent := _PERCENT.match(after):
        return NumberMatch(start, end + percent.end(), _with_decimal_comma(token, value), "percent")
    if scale := _SCALE.match(after):
        return _scaled(value, scale=scale, begin=begin, end=end, money=money, after=after)
    if money:
        return NumberMatch(begin, end, value, "money")
    if (pesos := _PESOS.match(after)) and "$" not in pesos[0]:
        return NumberMatch(start, end + pesos.end(), value, "money")
    if rate := _rate(token, value, start=start, end=end, after=after):
        return rate
    if _is_year(token) and not _PLURAL_NOUN.match(after):
        return NumberMatch(start, end, value, "year")
    return NumberMatch(start, end, value, "number")


def _scaled(
    value: Decimal, *, scale: re.Match[str], begin: int, end: int, money: bool, after: str
) -> NumberMatch:
    """``2.500 millones``, with or without ``de pesos``; ``5 millones de habitantes`` is no money."""
    total = value * _SCALES[scale[1].strip()]
    rest = after[scale.end() :]
    end += scale.end()
    if pesos := _PESOS.match(rest):
        return NumberMatch(begin, end + pesos.end(), total, "money")
    plain = not money and (scale[1] == "mil" or _OF_NOUN.match(rest))
    return NumberMatch(begin, end, total, "number" if plain else "money")


def _rate(token: str, value: Decimal, *, start: int, end: int, after: str) -> NumberMatch | None:
    """``1 de cada 4``, ``12,5 por cada 100.000``."""
    if each := _OF_EACH.match(after):
        return NumberMatch(start, end + each.end(), value, "rate", base=_base(each[1]))
    if not _is_year(token) and (rate := _RATE.match(after)):
        value = _with_decimal_comma(token, value)
        return NumberMatch(start, end + rate.end(), value, "rate", base=_base(rate[1]))
    return None


def _with_decimal_comma(token: str, value: Decimal) -> Decimal:
    """Percentages and rates are small: their comma is a decimal one even before three digits."""
    if token.count(",") == 1 and "." not in token and "'" not in token:
        return Decimal(token.replace(",", "."))
    return value


def money_start(before: str) -> int:
    """Where the sign of a currency begins at the end of ``before``."""
    match = _DOLLAR.search(before)
    return match.start() if match else len(before)


def _base(text: str) -> Decimal:
    digits = text.replace(".", "")
    if digits.isdigit():
        return Decimal(digits)
    return Decimal(_NUMBER_NAMES_BASE.get(text) or _WORDS.get(text, 1))


def _merge_spans(folded: str, numbers: list[NumberMatch]) -> list[NumberMatch]:
    """Two years or two figures with a dash, ``a`` or ``entre … y`` between them are one match."""
    merged: list[NumberMatch] = []
    for number in numbers:
        if merged and (joined := _joined(folded, merged[-1], number)):
            merged[-1] = joined
        else:
            merged.append(number)
    return merged


def _joined(  # noqa: PLR0911  one return per way of writing a range
    folded: str, left: NumberMatch, right: NumberMatch
) -> NumberMatch | None:
    gap = folded[left.end : right.start]
    if len(gap) > _LONGEST_LINK or not _RANGE_LINK.fullmatch(gap):
        return None
    if left.upper is not None or left.value >= right.value:
        return None
    if left.kind == right.kind == "year":
        if gap.strip() == "y" and not folded[: left.start].endswith("entre "):
            return None
        return NumberMatch(left.start, right.end, left.value, "period", upper=right.value)
    between = folded[: left.start].endswith(("entre ", "entre los ", "entre el ", "entre las "))
    if gap.strip(" %") == "y" and not between:
        return None
    if gap.strip(" %") in {"a", "al", "hasta"} and not (
        between or folded[: left.start].endswith(("de ", "del ", "de los ", "desde "))
    ):
        return None
    if {left.kind, right.kind} <= {"number", "percent"}:
        return NumberMatch(left.start, right.end, left.value, "range", upper=right.value)
    return None


_UNITS = [
    "cero",
    "un",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciseis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
]
_WORDS: dict[str, int] = {word: value for value, word in enumerate(_UNITS)}
_WORDS.update({"uno": 1, "una": 1, "veintiun": 21, "veintiuno": 21, "veintiuna": 21})
_WORDS.update(
    {
        f"veinti{word}": 20 + _WORDS[word]
        for word in ("dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
    }
)
_WORDS.update(
    {
        word: 30 + 10 * i
        for i, word in enumerate(
            ["treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"]
        )
    }
)
_WORDS.update({"cien": 100, "ciento": 100})
_HUNDREDS = [
    "doscient",
    "trescient",
    "cuatrocient",
    "quinient",
    "seiscient",
    "setecient",
    "ochocient",
    "novecient",
]
_WORDS.update(
    {f"{stem}{ending}": 200 + 100 * i for i, stem in enumerate(_HUNDREDS) for ending in ("os", "as")}
)
_MULTIPLIERS = {"mil": 1_000, "millon": 1_000_000, "millones": 1_000_000}
_WORD = re.compile(r"[a-z]+")
_NUMBER_WORD = re.compile(
    r"\b(?:" + "|".join(sorted({*_WORDS, *_MULTIPLIERS}, key=lambda w: (-len(w), w))) + r")\b"
)
_ARTICLES = frozenset({"un", "una", "uno", "cero"})
_GLUE = frozenset({" ", " y "})
_SAME_IN_BRACKETS = re.compile(r" ?\(\$? ?$")


def _with_words(folded: str, numbers: list[NumberMatch]) -> list[NumberMatch]:
    """Add figures written as words, unless digits in brackets repeat them: ``dos (2)``."""
    worded: list[NumberMatch] = []
    covered = [(n.start, n.end) for n in numbers]
    cursor = 0
    for start, end in _word_runs(folded):
        if worded and start < worded[-1].end:
            # ``dos de cada diez`` is one figure.
            continue
        while cursor < len(covered) and covered[cursor][1] <= start:
            cursor += 1
        if cursor < len(covered) and covered[cursor][0] < end:
            continue
        if cursor < len(covered) and _SAME_IN_BRACKETS.fullmatch(folded[end : covered[cursor][0]]):
            continue
        words = _WORD.findall(folded[start:end])
        if len(words) == 1 and (words[0] in _ARTICLES or words[0] in _MULTIPLIERS):
            continue
        if words[0] == "ciento" and folded[:start].endswith("por "):
            continue
        worded.append(_word_number(folded, start=start, end=end, words=words))
    return sorted([*_outside(worded, numbers=numbers), *worded], key=lambda n: n.start)


def _outside(worded: list[NumberMatch], *, numbers: list[NumberMatch]) -> Iterator[NumberMatch]:
    """The figures in digits that are no part of one in words: the base of ``dos de cada 10`` is."""
    words = iter(worded)
    word = next(words, None)
    for number in numbers:
        while word is not None and word.end <= number.start:
            word = next(words, None)
        if word is None or number.end <= word.start:
            yield number


def _word_runs(folded: str) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for match in _NUMBER_WORD.finditer(folded):
        if (
            runs
            and folded[runs[-1][1] : match.start()] in _GLUE
            and _may_follow(
                folded[runs[-1][0] : runs[-1][1]], match[0], glue=folded[runs[-1][1] : match.start()]
            )
        ):
            runs[-1] = (runs[-1][0], match.end())
        else:
            runs.append((match.start(), match.end()))
    return runs


def _may_follow(left: str, word: str, *, glue: str) -> bool:
    last = left.rsplit(" ", 1)[-1]
    if word in _MULTIPLIERS:
        return glue == " "
    if last in _MULTIPLIERS:
        return glue == " "
    before, after = _WORDS.get(last, 0), _WORDS.get(word, 0)
    if glue == " y ":
        return 30 <= before <= 90 and 1 <= after <= 9  # noqa: PLR2004  treinta y uno … noventa y nueve
    return before >= 100 > after > 0  # noqa: PLR2004  ciento veinte


def _word_number(folded: str, *, start: int, end: int, words: list[str]) -> NumberMatch:
    total = part = 0
    for word in words:
        if word == "y":
            continue
        if word in _MULTIPLIERS:
            factor = _MULTIPLIERS[word]
            if factor == 1_000:  # noqa: PLR2004
                part = (part or 1) * factor
            else:
                total += (part or 1) * factor
                part = 0
        else:
            part += _WORDS[word]
    value = Decimal(total + part)
    after = folded[end : end + 40]
    if percent := _PERCENT.match(after):
        return NumberMatch(start, end + percent.end(), value, "percent")
    if (pesos := _PESOS.match(after)) and "$" not in pesos[0]:
        return NumberMatch(start, end + pesos.end(), value, "money")
    if each := _OF_EACH.match(after):
        return NumberMatch(start, end + each.end(), value, "rate", base=_base(each[1]))
    return NumberMatch(start, end, value, "number")
