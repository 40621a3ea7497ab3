"""What speaks for two mentions being one party: the rules, and the score of each.

Owns every number of matching. Pairs are judged many at a time, in arrays, by the same lines of code whether a
million spellings are linked or one new name is looked up. Similarity of texts is rapidfuzz's; a score is a
degree of belief set by hand, not a probability, and a link made by it is inferred, not observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from risk.parties.blocking import mix
from risk.parties.mentions import Ints, Mentions, UInt64

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

LINK: Final = 0.85
"""From this score on a pair is linked without being asked."""
POSSIBLE: Final = 0.60
"""From this score on a pair is worth showing to a person."""
CROWD: Final = 8
"""More different names than this at one address or under one number, and it says little: a service address."""
SERVED: Final = 2
"""A forwarder's address with more names than this beside its own is one where it takes in the post of others."""
NAMESAKES: Final = 24
"""A name at more addresses of one country than this says little: a personal name, or one that many have."""


@dataclass(frozen=True)
class Rule:
    """A rule: its name, the score it gives, whether only the main spelling of a party may use it, its words."""

    name: str
    score: float
    weak: bool
    words: str


RULES: Final = (
    Rule("none", 0.0, False, "nothing speaks for it"),
    Rule("judged_same", 1.0, False, "a person said so"),
    Rule("identifier", 0.99, False, "same number, same or nearly the same name"),
    Rule("name_address", 0.98, False, "same name, same address"),
    Rule("contact", 0.96, False, "same phone or e-mail, same or nearly the same name"),
    Rule("identifier_place", 0.95, False, "same number, and the address or the trade agrees"),
    Rule("near_name_address", 0.94, False, "nearly the same name, same address"),
    Rule("name_part_address", 0.93, False, "same name but for words of trade, same address"),
    Rule("script_address", 0.90, False, "another script, same trade, same address"),
    Rule("name_country", 0.89, True, "same name in the same country, no address to compare"),
    Rule("name_elsewhere", 0.86, True, "same name in the same country at another address"),
    Rule("near_name_country", 0.80, True, "nearly the same long name in the same country"),
    Rule("contained_address", 0.78, False, "one name within the other, same address"),
    Rule("identifier_only", 0.75, False, "same number, unlike names"),
    Rule("name_other_number", 0.72, False, "same name, but another number"),
    Rule("namesakes", 0.71, False, "same name in the same country, but one that many have or a person may have"),
    Rule("name_no_country", 0.70, False, "same name, country not given"),
    Rule("name_other_country", 0.62, False, "same name in another country"),
)
RULE: Final = {rule.name: place for place, rule in enumerate(RULES)}
WEAK: Final = np.array([rule.weak for rule in RULES])
_SCORES: Final = np.array([rule.score for rule in RULES], np.float32)


@dataclass(frozen=True)
class Crowds:
    """What too many share, as sorted hashes.

    places       addresses with more than CROWD names, and those of forwarders with more than SERVED others
    identifiers  numbers with more than CROWD names
    names        names, each with its country, at more than NAMESAKES addresses
    """

    places: UInt64
    identifiers: UInt64
    names: UInt64

    @classmethod
    def of(cls, mentions: Mentions) -> Crowds:
        """Those of these mentions."""
        forwards = np.array([role == "forwarder" for role in mentions.role], bool)
        others = np.where(forwards | ~_within(mentions.place, np.unique(mentions.place[forwards])), 0, mentions.form)
        return cls(
            np.union1d(_crowded(mentions.place, mentions.form, CROWD), _crowded(mentions.place, others, SERVED)),
            _crowded(mentions.identifier, mentions.form, CROWD),
            _crowded(_namesake(mentions), mentions.place, NAMESAKES),
        )


def judge(left: Mentions, i: Ints, right: Mentions, j: Ints, crowds: Crowds) -> tuple[Floats, NDArray[np.int8]]:
    """The score of each pair (row i of left, row j of right) and the rule (place in RULES) that gave it."""
    named = (left.form[i] > 0) & (right.form[j] > 0)
    country, other_country = _compare(left.country[i], right.country[j])
    number, other_number = _compare(left.identifier[i], right.identifier[j])
    number &= ~other_country
    other_number &= country
    shared_number = _within(left.identifier[i], crowds.identifiers)
    place, other_place = _places(left, i, right, j)
    place &= ~other_country
    shared_place = _within(left.place[i], crowds.places) | _within(right.place[j], crowds.places)
    contact = _compare(left.phone[i], right.phone[j])[0] | _compare(left.email[i], right.email[j])[0]

    a, b = left.trade[i], right.trade[j]
    trade = a == b
    part = ~trade & (((a & b) == a) | ((a & b) == b))
    exact = trade & (left.form[i] == right.form[j])
    same_core, near, within, long = _names(left, i, right, j, exact)
    same = exact | (same_core & trade)
    alike = (same | near | same_core) & (trade | part)
    script = left.foreign[i] != right.foreign[j]
    namesakes = _within(_namesake(left)[i], crowds.names)

    rule = np.zeros(len(i), np.int8)

    def found(name: str, where: Bools) -> None:
        rule[(rule == 0) & where & named] = RULE[name]

    found("identifier", number & alike)
    found("name_address", same & place & ~other_number)
    found("contact", contact & alike & (trade | place) & ~other_number)
    found("identifier_place", number & ~shared_number & (place | (trade & script)) & (trade | part))
    found("near_name_address", near & trade & place & ~other_number & (~shared_place | long))
    found("name_part_address", same_core & part & place & ~other_number)
    found("script_address", script & trade & place & country & ~shared_place & ~other_number)
    by_name = same & country & ~other_number & ~namesakes
    by_name &= ~(left.personal[i] | right.personal[j])
    found("name_country", by_name & ~other_place)
    found("name_elsewhere", by_name)
    found("near_name_country", near & trade & country & long & ~other_place & ~other_number)
    found("contained_address", within & place & ~shared_place & ~other_number)
    found("identifier_only", number & ~shared_number)
    found("name_other_number", same & country & other_number)
    found("namesakes", same & country & ~other_number)
    found("name_no_country", same & ~country & ~other_country)
    found("name_other_country", same & other_country)
    return _SCORES[rule], rule


def _compare(a: UInt64, b: UInt64) -> tuple[Bools, Bools]:
    """Where both are known and the same, and where both are known and differ."""
    known = (a > 0) & (b > 0)
    return known & (a == b), known & (a != b)


def _places(left: Mentions, i: Ints, right: Mentions, j: Ints) -> tuple[Bools, Bools]:
    """Where addresses agree and where they differ; one that only says less than the other does neither."""
    same, other = _compare(left.place[i], right.place[j])
    ask = np.flatnonzero(other)
    if len(ask):
        a, b = _texts(left.address, i[ask]), _texts(right.address, j[ask])
        numbers = left.numbers[i[ask]] == right.numbers[j[ask]]
        close = process.cpdist(a, b, scorer=fuzz.ratio, score_cutoff=85, workers=-1 if len(ask) > 5000 else 1) > 0
        less = process.cpdist(a, b, scorer=fuzz.token_set_ratio, workers=-1 if len(ask) > 5000 else 1) > 99.9
        agree = numbers & close
        same[ask[agree]] = True
        other[ask[agree | less]] = False
    return same, other


def _names(left: Mentions, i: Ints, right: Mentions, j: Ints, exact: Bools) -> tuple[Bools, Bools, Bools, Bools]:
    """Where cores are the same, nearly the same, one within the other, and long enough for a slip to be one."""
    same, near, within = exact.copy(), np.zeros(len(i), bool), np.zeros(len(i), bool)
    long = np.ones(len(i), bool)
    ask = np.flatnonzero(~exact)
    if not len(ask):
        return same, near, within, long
    many = -1 if len(ask) > 5000 else 1
    a, b = _texts(left.core, i[ask]), _texts(right.core, j[ask])
    joined_a, joined_b = [text.replace(" ", "") for text in a], [text.replace(" ", "") for text in b]
    length = np.minimum(_lengths(joined_a), _lengths(joined_b))
    edits = process.cpdist(joined_a, joined_b, scorer=OSA.distance, score_cutoff=6, workers=many)
    reordered = process.cpdist(a, b, scorer=fuzz.token_sort_ratio, score_cutoff=99.9, workers=many) > 0
    same[ask] = edits == 0
    digits = np.array([_digits(x) == _digits(y) for x, y in zip(joined_a, joined_b, strict=True)], bool)
    near[ask] = digits & (length >= 4) & (edits > 0) & (edits <= np.clip(length // 8, 1, 5)) | (reordered & (edits > 0))
    within[ask] = (length >= 4) & (process.cpdist(a, b, scorer=fuzz.token_set_ratio, workers=many) > 99.9)
    long[ask] = length >= 10
    return same, near, within, long


def _namesake(mentions: Mentions) -> UInt64:
    """The name of each mention together with its country, 0 where either is missing."""
    return np.where((mentions.form > 0) & (mentions.country > 0), mix(mentions.form, mentions.country), np.uint64(0))


def _crowded(what: UInt64, of: UInt64, most: int) -> UInt64:
    """The values of `what` that stand beside more than so many different values of `of`; 0 counts as neither."""
    pairs = np.unique(np.stack([what, of])[:, (what > 0) & (of > 0)], axis=1)[0]
    values, counts = np.unique(pairs, return_counts=True)
    return values[counts > most]


def _within(values: UInt64, ordered: UInt64) -> Bools:
    if not len(ordered):
        return np.zeros(len(values), bool)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[at] == values)


def _digits(text: str) -> str:
    """The digits of a text: a name with another number in it is another name, not a slip."""
    return "" if text.isalpha() else "".join(filter(str.isdigit, text))


def _texts(texts: list[str], rows: Ints) -> list[str]:
    return [texts[row] for row in rows.tolist()]


def _lengths(texts: list[str]) -> NDArray[Any]:
    return np.array([len(text) for text in texts], np.int64)
