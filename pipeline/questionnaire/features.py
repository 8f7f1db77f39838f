"""What can be seen in each passage: cues of words, patterns, figures and place in the document.

Everything is computed once for all segments: one pass of an automaton for the words, one scan per
pattern, then Boolean columns that the rules of the criteria combine.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import re2

from pipeline.lexicons.point_words import NAMED, titles_above
from pipeline.lexicons.term_matching import JoinedTexts, TermMatcher
from pipeline.model import SectionKind, SegmentKind
from pipeline.questionnaire.consistency import agreeing_figures, carried_on
from pipeline.questionnaire.figures import blank, blank_what_is_no_figure, number_spans, value_of
from pipeline.questionnaire.row_features import row_columns
from pipeline.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.model import Findings, PlanProfile, Segment, Span
    from pipeline.questionnaire.units import Units

Column = "NDArray[np.bool_]"

NEAR = 3
"""A cue stands near a segment when it stands at most so many segments away, under the same heading."""
SHORT_CHARS = 40
"""Shorter passages are labels, not statements."""
LONG_CHARS = 90
YEARS_OF_TERM = 3
"""From the first year of a mayor's term to its last."""
MANY_FIGURES = 3
"""A row of an investment table holds at least so many figures."""
FIGURE_NEAR_CHARS = 90
"""A figure speaks of a point when it stands so near to one of the point's words."""
SECTION_COLUMNS = {
    "in_diagnosis": SectionKind.DIAGNOSIS,
    "in_strategy": SectionKind.STRATEGY,
    "in_investment": SectionKind.INVESTMENT,
    "in_monitoring": SectionKind.MONITORING,
    "in_preliminary": SectionKind.PRELIMINARY,
    "in_annex": SectionKind.ANNEX,
}
WORD_MARK = "'"
"""Before a word that passages are read with: no cue has such a name."""
FURTHER_SHAPES = {
    "info_gap": "info_gap_near",
    "weakness": "weakness_near",
    "capacity": "staff_owned",
    "responsible": "office_acts",
    "public_policy": "body_created",
    "impact_index": "impact_rate",
    "universe": "universe_named",
}
"""Patterns that say the same as a cue of words."""
FORM_COLUMNS = {
    "row": SegmentKind.TABLE_ROW,
    "item": SegmentKind.LIST_ITEM,
    "heading": SegmentKind.HEADING,
}


@dataclass(frozen=True, slots=True)
class CueTable:
    """The compiled ``cues.toml``."""

    matcher: TermMatcher
    """The terms of the cues, and after them the words that passages are read with (``passage_reader``)."""
    cues: tuple[str, ...]
    """Names of the first groups of ``matcher``."""
    words: tuple[str, ...]
    """The words behind them, one group each: whole words, or beginnings of words (``vivie*``)."""
    patterns: Mapping[str, object]
    figures: Mapping[str, object]
    """Patterns matched after citations, numbering, ages and periods have been blanked."""

    @classmethod
    @cache
    def load(cls) -> CueTable:
        """Read and compile the cues; once per process."""
        text = resources.files(__package__).joinpath("cues.toml").read_text("utf-8")
        table = tomllib.loads(text)
        patterns = {name: re2.compile(pattern.encode("ascii")) for name, pattern in table["patterns"].items()}
        figures = {name: re2.compile(pattern.encode("ascii")) for name, pattern in table["figures"].items()}
        words = tuple(resources.files(__package__).joinpath("reading_words.txt").read_text("ascii").split())
        matcher = TermMatcher({**table["terms"], **{WORD_MARK + word: (word,) for word in words}})
        return cls(matcher, tuple(table["terms"]), words, patterns, figures)


class Features:
    """Boolean columns over the segments of one document, by name.

    ``cue``: in the segment's own text. ``^cue``: there or in the titles above it.
    ``~cue``: there, in the titles, or at most ``NEAR`` segments away under the same heading.
    ``words``: (segments, words) which of the words of ``CueTable.words`` stand in the segment's own text.
    """

    def __init__(self, units: Units, *, profile: PlanProfile, findings: Findings) -> None:
        self.units = units
        self.segments = units.segments
        self.size = units.size
        self.joined = units.joined
        self._own: dict[str, NDArray[np.bool_]] = {}
        self._above: dict[str, NDArray[np.bool_]] = {}
        self._cache: dict[str, NDArray[np.bool_]] = {}
        self.cue_spans: dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = {}
        self._blocks = _blocks(self.segments)
        self._words()
        self._titles()
        self._places(profile)
        self._figures()
        # An action may be any verb: an infinitive at the beginning or "se realizará" announces one.
        self._own["action"] |= (
            self._own["starts_infinitive"] | self._own["will_do"] | self._own["starts_noun"]
        )
        for name, further in FURTHER_SHAPES.items():
            self._own[name] |= self._own[further]
        self._years(profile)
        own = self._own
        own["counted_product"] = own["counted"] & own["delivered"] & ~own["in_diagnosis"]
        self._own |= row_columns(self.segments, profile=profile)
        self._money_rows()
        self._found(findings)
        self.of_point["agreeing_figures"] = agreeing_figures(units, figures=self.numbers)
        self.of_point["carried_on"] = carried_on(units, profile=profile)

    def column(self, name: str) -> NDArray[np.bool_]:
        """The column of a token of a rule.

        Raises:
            KeyError: no cue has that name.
        """
        if name not in self._cache:
            self._cache[name] = self._compute(name)
        return self._cache[name]

    def names(self) -> tuple[str, ...]:
        """All cues, in alphabetical order, without the marks that say where they are looked for."""
        return tuple(sorted(self._own))

    def _compute(self, name: str) -> NDArray[np.bool_]:
        if name.startswith("!"):
            return ~self.column(name[1:])
        if name.startswith("^"):
            return self._own[name[1:]] | self._in_titles(name[1:])
        if name.startswith("~"):
            return self._near(self.column("^" + name[1:]))
        return self._own[name]

    def _near(self, column: NDArray[np.bool_]) -> NDArray[np.bool_]:
        near = column.copy()
        for distance in range(1, NEAR + 1):
            same = self._blocks[distance:] == self._blocks[:-distance]
            near[distance:] |= column[:-distance] & same
            near[:-distance] |= column[distance:] & same
        return near

    def _words(self) -> None:
        table = CueTable.load()
        found = table.matcher.matches(self.joined)
        segment = self.joined.text_at(found.start)
        words = found.group >= len(table.cues)
        self.words = np.zeros((self.size, len(table.words)), dtype=np.bool_)
        self.words[segment[words], found.group[words] - len(table.cues)] = True
        for number, name in enumerate(table.cues):
            here = found.group == number
            self._set(name, segment[here], found.start[here], found.end[here])
        data = self.joined.text.encode("ascii", "replace")
        for name, pattern in table.patterns.items():
            self._set_spans(name, [match.span() for match in pattern.finditer(data)])  # type: ignore[attr-defined]

    def _set_spans(self, name: str, spans: list[tuple[int, int]]) -> None:
        starts = np.array([span[0] for span in spans], dtype=np.int64)
        ends = np.array([span[1] for span in spans], dtype=np.int64)
        self._set(name, self.joined.text_at(starts), starts, ends)

    def _set(
        self, name: str, segment: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
    ) -> None:
        column = np.zeros(self.size, dtype=np.bool_)
        column[segment] = True
        self._own[name] = column
        self.cue_spans[name] = (segment, start, end)

    def _titles(self) -> None:
        """The titles above each unit, every distinct row of them once, and what the words of the cues find there."""
        rows: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        of_unit = np.zeros(self.size, dtype=np.int64)
        for unit, segment in enumerate(self.segments):
            heads = tuple([cell.head for cell in segment.row.cells]) if segment.row is not None else ()
            of_unit[unit] = rows.setdefault((titles_above(segment), heads), len(rows))
        texts = [fold(" ; ".join((*titles, *heads))).replace("\n", " ") for titles, heads in rows]
        self._title_of = of_unit
        self._joined_titles = JoinedTexts(texts)
        self._title_data = self._joined_titles.text.encode("ascii", "replace")
        table = CueTable.load()
        found = table.matcher.matches(self._joined_titles)
        owner = self._joined_titles.text_at(found.start)
        for number, name in enumerate(table.cues):
            self._above[name] = self._below(owner[found.group == number])

    def _in_titles(self, name: str) -> NDArray[np.bool_]:
        """Whether a cue stands in the titles above each unit. A pattern is searched there when it is asked for."""
        if name not in self._above:
            pattern = CueTable.load().patterns.get(name)
            starts = [match.start() for match in pattern.finditer(self._title_data)] if pattern else []  # type: ignore[attr-defined]
            self._above[name] = self._below(self._joined_titles.text_at(np.array(starts, dtype=np.int64)))
        return self._above[name]

    def _below(self, titles: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The units that stand under one of these rows of titles."""
        return _marked(titles, size=len(self._joined_titles.lengths))[self._title_of]

    def _figures(self) -> None:
        """Absolute numbers: what is left when citations, years, money and percentages are blanked."""
        data = bytearray(self.joined.text.encode("ascii", "replace"))
        blank_what_is_no_figure(data)
        table = CueTable.load()
        for name, pattern in table.figures.items():
            spans = [match.span() for match in pattern.finditer(bytes(data))]  # type: ignore[attr-defined]
            self._set_spans(name, spans)
        for name in ("money", "percent", "year"):
            _, starts, ends = self.cue_spans[name]
            blank(data, zip(starts.tolist(), ends.tolist(), strict=True))
        written = bytes(data)
        starts, ends = number_spans(written)
        segment = self.joined.text_at(starts)
        self._set("count", segment, starts, ends)
        places = zip(starts.tolist(), ends.tolist(), strict=True)
        large = np.array([value_of(written[start:end]) > 1 for start, end in places], dtype=np.bool_)
        self._own["count_large"] = _marked(segment[large], size=self.size)
        self._own["two_counts"] = (
            np.bincount(segment, minlength=self.size) > 1
            if len(segment)
            else np.zeros(self.size, dtype=np.bool_)
        )
        money_segments = self.cue_spans["money"][0]
        self._own["three_moneys"] = np.bincount(money_segments, minlength=self.size) >= MANY_FIGURES
        self._own["three_counts"] = np.bincount(segment, minlength=self.size) >= MANY_FIGURES
        figures = [starts[large], *(self.cue_spans[name][1] for name in ("percent", "rate"))]
        self.of_point = {"figure_near": self._near_the_point(np.concatenate(figures))}
        shares = self.cue_spans["percent"]
        self.numbers = (np.concatenate([starts, shares[1]]), np.concatenate([ends, shares[2]]))

    def _near_the_point(self, figures: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(units, points): a figure stands near a word of the point, or the titles name the point."""
        near = np.zeros(self.units.about.shape, dtype=np.bool_)
        owner = self.joined.text_at(figures)
        for point, starts in enumerate(self.units.term_starts):
            before = np.searchsorted(starts, figures)
            for shift in (-1, 0):
                other = before + shift
                known = (other >= 0) & (other < len(starts))
                term = starts[np.clip(other, 0, max(len(starts) - 1, 0))] if len(starts) else figures
                same = (
                    known
                    & (self.joined.text_at(term) == owner)
                    & (np.abs(term - figures) <= FIGURE_NEAR_CHARS)
                )
                near[owner[same], point] = True
        has_figure = _marked(owner, size=self.size)
        near |= has_figure[:, None] & (self._own["row"][:, None] | (self.units.inherited >= NAMED))
        return near

    def _places(self, profile: PlanProfile) -> None:
        section_kinds = {section.id: section.kind for section in profile.sections}
        kinds = [section_kinds.get(segment.section, SectionKind.UNKNOWN) for segment in self.segments]
        for name, kind in SECTION_COLUMNS.items():
            self._own[name] = np.array([here is kind for here in kinds], dtype=np.bool_)
        forms = [segment.kind for segment in self.segments]
        for name, form in FORM_COLUMNS.items():
            self._own[name] = np.array([here is form for here in forms], dtype=np.bool_)
        self._own["prose"] = ~self._own["row"] & ~self._own["heading"]
        self._own["long"] = self.joined.lengths >= LONG_CHARS
        self._own["statement"] = self.joined.lengths >= SHORT_CHARS

    def _years(self, profile: PlanProfile) -> None:
        """Years before, within and after the plan's period."""
        segment, starts, ends = self.cue_spans["year"]
        values = np.array(
            [
                int(self.joined.text[start:end])
                for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            ],
            dtype=np.int64,
        )
        first, last = profile.period or (
            int(values.max(initial=0)),
            int(values.max(initial=0)) + YEARS_OF_TERM,
        )
        self._own["past_year"] = _marked(segment[values <= first], size=self.size)
        past = (
            np.bincount(segment[values <= first], minlength=self.size) if len(values) else np.zeros(self.size)
        )
        self._own["past_series"] = past > 1
        self._own["later_year"] = _marked(segment[values > last], size=self.size)

    def _money_rows(self) -> None:
        """Rows of an investment table: figures under years, or several where the titles speak of money.

        A single cost beside a target is an amount, not a distribution: a row whose columns are known to be
        other things than years needs several amounts.
        """
        own = self._own
        spoken = self.column("^money_word") | self.column("in_investment")
        told_apart = own["cell_target"] | own["cell_indicator"] | own["cell_unit"]
        planned = own["year_columns"] | (own["past_years"] & own["in_investment"])
        many = (own["three_counts"] & ~told_apart) | own["three_moneys"] | planned
        own["money_row"] = own["row"] & spoken & many & (planned | ~own["past_years"])
        own["money_years"] = own["money_row"] | (own["row"] & own["three_moneys"])
        own["money"] = own["money"] | own["money_row"] | own["budget_value"]

    def _found(self, findings: Findings) -> None:
        none = np.zeros(self.size, dtype=np.bool_)
        for name in (
            "amount",
            "amount_source",
            "indicator",
            "ind_product",
            "ind_result",
            "ind_baseline",
            "ind_target",
            "ind_by_year",
            "assigned",
            "entity_named",
            "causal_cause",
            "causal_end",
            "contradicted",
        ):
            self._own[name] = none.copy()
        for amount in findings.amounts:
            at = self._unit(amount.span)
            self._own["amount"][at] = True
            self._own["amount_source"][at] |= amount.source is not None
        for indicator in findings.indicators:
            at = self._unit(indicator.span)
            self._own["indicator"][at] = True
            self._own["ind_product"][at] |= indicator.level in {"producto", "gestion"}
            self._own["ind_result"][at] |= indicator.level in {"resultado", "impacto"}
            self._own["ind_baseline"][at] |= indicator.baseline is not None
            self._own["ind_target"][at] |= indicator.target is not None
            self._own["ind_by_year"][at] |= len(indicator.by_year) > 1
        for responsibility in findings.responsibilities:
            at = self._unit(responsibility.span)
            self._own["entity_named"][at] = True
            self._own["assigned"][at] |= responsibility.assigned
        for statement in findings.causal_statements:
            name = "causal_cause" if statement.kind == "causa" else "causal_end"
            self._own[name][self._unit(statement.span)] = True

    def _unit(self, span: Span) -> int:
        return self.units.at(segment=span.segment, position=span.start)


def _marked(indices: NDArray[np.int64], *, size: int) -> NDArray[np.bool_]:
    column = np.zeros(size, dtype=np.bool_)
    column[indices] = True
    return column


def _blocks(segments: tuple[Segment, ...]) -> NDArray[np.int64]:
    return np.fromiter((segment.section for segment in segments), dtype=np.int64, count=len(segments))
