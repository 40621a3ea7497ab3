"""Tests of the goods and how they are described."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from risk.indicators import keys
from risk.indicators.columns import Bools
from risk.indicators.learning import WORD
from risk.indicators.registry import Outcome, Parameters, test
from risk.indicators.route import band_by, lift, on_corridor
from risk.indicators.view import View, Whole

Words = dict[str, tuple[float, float, tuple[str, ...]]]
_CHAPTERS: Final = 100
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_SCRIPTS: Final = (
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("vi", re.compile("[\u0103\u0111\u01a1\u01b0\u1ea0-\u1ef9]", re.IGNORECASE)),
)


def under(view: View, headings: tuple[str, ...]) -> Bools:
    """Where the HS code lies under one of the headings."""
    return view.text("hs_code").where(lambda code: code.startswith(headings))


@test("C01", says=("times",), least_inspections=float)
def cover_load(view: View, p: Parameters) -> Outcome:
    """A known cover load from a source country."""
    times = lift(view, "origin_hs6_hit_rate", "origin_hs6_inspections", p.number("least_inspections"))
    fired = (view.feature("cover_load") == 1) & (view.feature("origin_is_source") == 1)
    return Outcome(fired, band=band_by(times), says={"times": times})


@test("C02", says=("share",), share=float, least_filings=float)
def no_economic_sense(view: View, p: Parameters) -> Outcome:
    """Goods that hardly ever come from this origin."""
    filings, from_here = view.feature("hs6_filings"), view.feature("origin_hs6_filings")
    enough = filings >= p.number("least_filings")
    share = from_here / np.where(filings > 0, filings, 1)
    return Outcome(enough & (share < p.number("share")), known=enough, says={"share": share})


@test("C03", least_filings=float)
def unlike_the_past(view: View, p: Parameters) -> Outcome:
    """A consignee with a past takes goods of a chapter it never took."""
    enough = view.feature("consignee_filings") >= p.number("least_filings")
    return Outcome(enough & (view.feature("consignee_new_chapter") == 1), known=enough)


@test("C04", says=("words",), least_words=float)
def too_general(view: View, p: Parameters) -> Outcome:
    """The description says too little to know the goods."""
    words = view.text("description").each(lambda text: len(_LETTERS.findall(text)))
    wording = view.feature("description_vague") >= 1
    few = words < p.number("least_words")
    return Outcome(few | (wording & (words <= p.number("least_words") + 1)), says={"words": words},
                   which=np.where(few, 0, 1))  # fmt: skip


@test("C05", says=("word", "chapter", "word_share", "word_lines"))
def text_against_code(view: View, p: Parameters) -> Outcome:
    """A telling word of the description stands in other chapters than the declared one."""
    telling = view.learnt.words
    if not telling:
        return Outcome(np.zeros(len(view), bool), known=np.zeros(len(view), bool))
    description, code = view.text("description"), view.text("hs_code")
    met = view.learnt.kept("telling words")
    words: list[str | None] = []
    possible = np.ones((len(description.values) + 1, _CHAPTERS), bool)  # nothing speaks against what is not told
    for at, text in enumerate(description.values.tolist()):
        if text not in met:
            met[text] = _telling(telling, text)
        word, chapters = met[text]
        words.append(word)
        if word is not None:
            possible[at] = False
            possible[at, chapters] = True
    chapter = code.each(_chapter)
    known = np.array([word is not None for word in words] + [False], bool)[description.codes]
    there = known & ~np.isnan(chapter)
    fired = there & ~possible[description.codes, np.where(there, chapter, 0).astype(np.int64)]

    def said(value: Callable[[str], Any]) -> list[Any]:
        of_text = [None if word is None else value(word) for word in words] + [None]
        return [of_text[at] for at in description.codes.tolist()]

    return Outcome(
        fired,
        known=known,
        says={
            "word": lambda: said(str),
            "word_lines": lambda: said(lambda word: telling[word][0]),
            "word_share": lambda: said(lambda word: telling[word][1]),
            "chapter": lambda: said(lambda word: telling[word][2][0]),
        },
    )


def _telling(telling: Words, text: str) -> tuple[str | None, list[int]]:
    """The telling word of a text that is known best, and all chapters in which its telling words stand."""
    words = [word for word in WORD.findall(text.casefold()) if word in telling]
    if not words:
        return None, []
    chapters = {int(_chapter(chapter)) for word in words for chapter in telling[word][2]}
    return max(words, key=lambda word: telling[word][0]), sorted(chapters)


def _chapter(code: str) -> float:
    """The chapter of an HS code as a number."""
    return float(code[:2]) if code[:2].isdecimal() and code[:2].isascii() else 0.0


@test("C06", says=("language",), words=list, expected=list)
def unexpected_language(view: View, p: Parameters) -> Outcome:
    """Described in a language that is neither English nor usual where the goods go."""
    patterns = _patterns(p.texts("words"))
    expected: dict[str, set[str]] = {}
    for entry in p.texts("expected"):
        country, languages = entry.split(":")
        expected[country] = set(languages.split())
    description, to = view.text("description"), view.category("destination_country")
    spoken = [_language(text, patterns) for text in description.values.tolist()]
    foreign = np.array([tongue != "en" for tongue in spoken] + [False], bool)[description.codes]
    judged = to.among(frozenset(expected))
    fired = foreign & judged
    some = np.flatnonzero(fired)
    fired[some] = [
        spoken[text] not in expected[country]
        for text, country in zip(description.codes[some].tolist(), to.some(some).said().tolist(), strict=True)
    ]
    return Outcome(
        fired, known=judged, says={"language": lambda: description.said(lambda text: language(text, patterns))}
    )


@lru_cache(maxsize=200_000)
def _language(text: str, patterns: tuple[tuple[str, re.Pattern[str]], ...]) -> str:
    return language(text, patterns)


def language(text: str, patterns: tuple[tuple[str, re.Pattern[str]], ...]) -> str:
    """The language that a description shows by its script or small words; English when nothing shows."""
    if not text.isascii():
        for name, script in _SCRIPTS:
            if script.search(text):
                return name
    folded = text.casefold()
    for name, pattern in patterns:
        if len(pattern.findall(folded)) > 1:
            return name
    return "en"


@lru_cache(maxsize=16)
def _patterns(words: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    split = (entry.split(":", 1) for entry in words)
    return tuple((name, re.compile(rf"\b(?:{'|'.join(map(re.escape, listed.split()))})\b")) for name, listed in split)


@test("C07")
def species_words(view: View, p: Parameters) -> Outcome:
    """A word for a protected species or product in description or marks."""
    said, clear = view.feature("species_words") >= 1, view.feature("clear_species_words") >= 1
    marked = view.feature("marks_species_words") >= 1
    return Outcome(said | marked, band=np.where(clear | marked, 3, 1), which=np.where(said, 0, 1))


@test("C09")
def look_alike(view: View, p: Parameters) -> Outcome:
    """Legal goods that protected ones are passed off as, from a source or to a demand country."""
    end = (view.feature("origin_is_source") == 1) | (view.feature("destination_is_demand") == 1)
    return Outcome((view.feature("look_alike") == 1) & end)


@test("C10", headings=list)
def masking(view: View, p: Parameters) -> Outcome:
    """Goods that hide smell or shadow, on a corridor of wildlife."""
    return Outcome(under(view, p.texts("headings")) & on_corridor(view))


@test("C11", headings=list, species=list, bans=list)
def timber(view: View, p: Parameters) -> Outcome:
    """Timber of a listed species, logs from where logs may not leave, or timber of no stated species."""
    wood = under(view, p.texts("headings"))
    pattern = _any_word(p.texts("species"))
    listed = view.feature("species_words") >= 1
    logs = under(view, ("4403",)) & view.text("origin_country").among(p.texts("bans"))
    unnamed = view.text("description").where(lambda text: not pattern.search(text.casefold())) & ~listed
    return Outcome(
        wood & (listed | logs | unnamed),
        band=np.where(listed, 3, np.where(logs, 2, 1)),
        which=np.where(listed, 0, np.where(logs, 1, 2)),
    )


@lru_cache(maxsize=16)
def _any_word(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})s?\b")


def catch_all_goods(view: View) -> Bools:
    """Described by a catch-all wording and sent by air or post, or to a first-time consignee."""
    vague = view.feature("description_vague") >= 1
    return np.asarray(vague & (view.text("mode").among(("air", "post")) | (view.feature("consignee_filings") == 0)))


@test("C12")
def catch_all(view: View, p: Parameters) -> Outcome:
    """Household goods, parts, samples, gifts by air or post, or for a first-time consignee."""
    return Outcome(catch_all_goods(view))


@test("C13", says=("month_share", "season_lines", "month"), chapters=list, least_lines=float, least_months=float,
      share=float)  # fmt: skip
def out_of_season(view: View, p: Parameters) -> Outcome:
    """An agricultural load in a month in which hardly any of it leaves its origin."""
    goods = keys.both(keys.plain(view, "origin_country"), keys.heading(view))
    month = keys.months(view.time("etd"))
    totals, seasons = view.learnt["season_totals"], view.learnt["seasons"]
    at = totals.find(goods)
    lines = np.append(totals.n, 0.0)[at]
    covered = np.append(totals.value, 0.0)[at]
    inside = seasons.counts(keys.both(goods, month.astype(np.uint64)))
    farmed = under(view, p.texts("chapters"))
    # A crop that ships in nearly all months but this one says more than one known for two months only.
    enough = (lines >= p.number("least_lines")) & (covered >= p.number("least_months"))
    share = inside / np.where(lines > 0, lines, 1)
    return Outcome(
        farmed & enough & (month > 0) & (share < p.number("share")),
        known=(enough | ~farmed),
        says={"month_share": share, "season_lines": lines, "month": month.astype(np.float64)},
    )


@test("X07")
def mixed_species(view: View, p: Parameters) -> Outcome:
    """Lines with listed and with unlisted species under one heading of a consignment."""
    return Outcome(view.whole.once("mixed", _mixed)[view.rows], known=view.feature("wildlife_heading") >= 0)


def _mixed(whole: Whole) -> NDArray[Any]:
    """Where another line of the version, under the same heading, names a species and this one not, or the reverse."""
    words = whole.table.column("species_words")
    wild = np.asarray((whole.table.column("wildlife_heading") == 1) & ~np.isnan(words))
    if not wild.any():
        return wild
    heading = keys.heading(whole.view(0, len(whole.lines)))
    group = keys.both(heading, (whole.versions + 1).astype(np.uint64))
    _, number = np.unique(group, return_inverse=True)
    good = wild & (heading > 0)
    size = int(number.max(initial=-1)) + 1
    some, none = (np.bincount(number[good & part], minlength=size) > 0 for part in (words >= 1, words == 0))
    return np.asarray((some & none)[number] & good)


@test("A03", most_value=float)
def small_sample(view: View, p: Parameters) -> Outcome:
    """A sample or gift of little value for a first-time consignee, from source to demand."""
    small = view.number("value") < p.number("most_value")
    first = view.feature("consignee_filings") == 0
    return Outcome(catch_all_goods(view) & small & first & on_corridor(view))


@test("A04", headings=list, deviations=float)
def live_animals(view: View, p: Parameters) -> Outcome:
    """Live animals by air with an unusual weight a box, or from a shipper new to such goods."""
    live = under(view, p.texts("headings")) & view.text("mode").among(("air",))
    odd = np.abs(view.feature("hs6_weight_deviation")) >= p.number("deviations")
    new = view.feature("shipper_new_chapter") == 1
    new |= view.feature("shipper_filings") == 0
    return Outcome(live & (odd | new), which=np.where(odd, 0, 1))
