"""Reasons and indicators in every language: nothing missing, no placeholder broken or foreign, numbers as theirs."""

# ruff: noqa: RUF001  # Chinese has punctuation of its own

from __future__ import annotations

import string
from collections.abc import Iterator

import numpy as np
import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import catalogue
from features.keys import KEYS as KEYS_OF_HISTORY
from risk import explanation, reasons
from risk.calibration import Logistic
from risk.errors import UsageError
from risk.feature import CONCEPTS, FeatureTable
from risk.indicators import load_pack
from risk.indicators.wording import WORDS
from risk.language import FOLDER, NOT_STATED, languages, say, speaker
from risk.model import RiskModel
from risk.naming import KEYS
from risk.phrase import Country, Phrase, from_json
from risk.rules.rule import LANES

OTHERS = [language for language in languages() if language != "en"]
NUMBERS = (np.nan, 0.0, 0.3, 1.0, 2.0, 7.0, 1234.0, -2.0, -5.0)


def placeholders(text: str) -> set[tuple[str, str]]:
    return {(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name}


def inside(phrase: Phrase) -> Iterator[str]:
    """The message of a phrase and of all phrases in it."""
    yield phrase.message
    for value in phrase.values.values():
        if isinstance(value, Phrase):
            yield from inside(value)


def said_of_features() -> set[str]:
    """Every message that some feature gives at some value, with and without what the record says beside it."""
    features = catalogue(comparisons=True)
    read = catalogue()
    model = RiskModel("", Logistic(1, 0), read, {})
    numbers = [feature.name for feature in features if feature.kind == "number"]
    texts = {"hs2": "08", "hs4": "0801", "hs6": "080131"}
    texts |= dict.fromkeys(("origin_country", "loading_country", "destination_country"), "NG")
    texts |= {"loading_port": "NGLOS", "discharge_port": "VNHPH"}
    found: set[str] = set()
    for stated in (True, False):
        categories = {
            feature.name: np.array([texts.get(feature.name, "x") if stated else None] * len(NUMBERS), object)
            for feature in features
            if feature.kind == "category"
        }
        categories["hs6"][-1] = "999999" if stated else None  # a code that does not exist
        for other in NUMBERS:
            matrix = np.full((len(NUMBERS), len(numbers)), other, np.float32)
            for place, name in enumerate(numbers):
                if not name.endswith(("_hits", "_filings", "_days_since_hit", "_usual_n", "_usual_low")):
                    matrix[:, place] = NUMBERS
            matrix[:, [numbers.index(name) for name in numbers if name.endswith("_per_package_kg")]] = 3
            if other == 7:
                matrix[:, [numbers.index(name) for name in numbers if name.endswith("_hits")]] = 0
            table = FeatureTable(features, matrix, categories)
            teller = reasons._Teller(model.features, table, {})
            for at in range(len(read)):
                for row in range(len(NUMBERS)):
                    found |= set(inside(teller.tell(at, row).phrase))
    return found


def all_messages() -> set[str]:
    pack = load_pack()
    packed = {text for one in pack.indicators for text in (one.statement, *one.evidence)}
    fixed = {*CONCEPTS, *KEYS.values(), *reasons._INFERRED.values(), *reasons._WEEKDAYS, *explanation.METHODS.values(),
             reasons.REST, reasons._THE_REST.phrase.message, explanation._EARLIER_INSPECTIONS,
             "raises the risk ({share:.0%}), {concept}: {said}", "lowers the risk ({share:.0%}), {concept}: {said}",
             "red flag {id}, {concept}: {said}", explanation.RULE, *LANES, NOT_STATED.message,
             *(word for words in WORDS.values() for word in words.values())}  # fmt: skip
    return said_of_features() | packed | fixed


@pytest.fixture(scope="module")
def messages() -> set[str]:
    found = all_messages()
    assert len(found) > 400
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated(language: str, messages: set[str]) -> None:
    assert sorted(message for message in messages if not speaker(language).translated(message)) == []


@pytest.mark.parametrize("language", languages())
def test_a_translation_has_the_placeholders_of_its_message_and_no_others(language: str) -> None:
    with (FOLDER / language / "risk.po").open("rb") as file:
        entries = [entry for entry in read_po(file, locale=language) if entry.id]
    assert entries
    for entry in entries:
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        message = entry.id if isinstance(entry.id, str) else entry.id[0]
        for form in forms:
            assert form and not entry.fuzzy, message
            assert placeholders(str(form)) == placeholders(message), form
            assert str(form) == str(form).strip()


@pytest.mark.parametrize("language", languages())
def test_no_translation_is_of_a_message_that_nobody_says(language: str, messages: set[str]) -> None:
    with (FOLDER / language / "risk.po").open("rb") as file:
        known = {entry.id if isinstance(entry.id, str) else entry.id[0] for entry in read_po(file) if entry.id}
    # What stands in the catalogue of features but is said better together with other columns may stay.
    own = {text for feature in catalogue() for text in (feature.words, feature.zero, feature.one, feature.missing)}
    assert sorted(known - messages - own) == []


@pytest.mark.parametrize(
    ("language", "one", "two"),
    [
        ("en", "1 earlier consignment of this consignee", "2 earlier consignments of this consignee"),
        ("fr", "ce destinataire : 1 envoi antérieur", "ce destinataire : 2 envois antérieurs"),
        ("vi", "1 lô hàng trước đây của người nhận hàng này", "2 lô hàng trước đây của người nhận hàng này"),
        ("zh", "此收货人：此前 1 票货物", "此收货人：此前 2 票货物"),
    ],
)
def test_one_and_several_are_said_as_the_language_does(language: str, one: str, two: str) -> None:
    def earlier(n: float) -> Phrase:
        return Phrase("{n:,.0f} earlier consignments of {of}", {"n": n, "of": Phrase("this consignee")})

    assert (say(earlier(1), language), say(earlier(2), language)) == (one, two)


@pytest.mark.parametrize(
    ("language", "number", "share"),
    [("en", "1,234.5", "7%"), ("fr", "1\u202f234,5", "7\u202f%"), ("vi", "1.234,5", "7%"), ("zh", "1,234.5", "7%")],
)
def test_numbers_and_percentages_are_written_as_in_the_language(language: str, number: str, share: str) -> None:
    assert say(Phrase("{a:,.1f}", {"a": 1234.5}), language) == number
    assert say(Phrase("{a:.0%}", {"a": 0.07}), language).replace("\u00a0", "\u202f") == share


def test_countries_are_named_in_the_language() -> None:
    ends = Phrase("{start} to {end}", {"start": Country("NG"), "end": Country("VN")})
    assert [say(ends, language) for language in ("en", "zh")] == ["Nigeria to Vietnam", "尼日利亚至越南"]


def test_a_language_without_a_catalogue_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no reasons in the language 'xx'; there are en, fr, vi, zh"):
        say(Phrase("goods"), "xx")


values = st.one_of(st.floats(allow_infinity=False), st.none(), st.text(max_size=5), st.just(Country("KE")))


@given(st.dictionaries(st.sampled_from(["of", "n", "value"]), values), st.booleans(), st.sampled_from(languages()))
def test_a_phrase_survives_its_json_form_and_is_always_said(
    filled: dict[str, float | str | Country | None], tactical: bool, language: str
) -> None:
    numbers = {name: value for name, value in filled.items() if not isinstance(value, str | Country) or name == "of"}
    phrase = Phrase("{n:,.0f} earlier consignments of {of}", {"n": None, "of": "", **numbers}, tactical)
    again = from_json(phrase.to_json())
    assert say(again, language) == say(phrase, language)
    assert again.tactical == tactical


def test_histories_are_named_as_the_history_names_them() -> None:
    assert {key.name: key.words for key in KEYS_OF_HISTORY} == KEYS


def test_a_decayed_count_reads_as_people_speak() -> None:
    name = "consignee_targeted_inspections_180d"
    feature = next(feature for feature in catalogue() if feature.name == name)
    rows = FeatureTable((feature,), np.array([[0.0], [0.2], [0.9], [3.6]], np.float32), {})
    teller = reasons._Teller((feature,), rows, {})
    assert [say(teller.tell(0, row).phrase) for row in range(4)] == [
        "this consignee was never picked for inspection on suspicion",
        "this consignee was picked for inspection on suspicion only long ago",
        "about 1 inspection of this consignee on suspicion in recent months",
        "about 4 inspections of this consignee on suspicion in recent months",
    ]


def test_what_matters_is_compared_in_the_sentence() -> None:
    names = ("weight_per_package_kg", "consignee_weight_deviation", "consignee_weight_usual_low",
             "consignee_weight_usual_high", "consignee_weight_usual_n", "lane_hs4_hit_rate", "lane_hs4_hits",
             "lane_hs4_filings")  # fmt: skip
    every = {feature.name: feature for feature in catalogue(comparisons=True)}
    texts = {"loading_port": "NGLOS", "discharge_port": "VNHPH", "hs4": "0801"}
    features = tuple(every[name] for name in (*names, *texts))
    rows = FeatureTable(
        features,
        np.array([[31, 2.5, 21, 24, 46, 0.02, 3, 412]], np.float32),
        {name: np.array([text], object) for name, text in texts.items()},
    )
    teller = reasons._Teller(features, rows, {})
    assert say(teller.tell(1, 0).phrase) == "31 kg a package; usual for this consignee: 21 to 24 kg (n = 46)"
    said = say(teller.tell(5, 0).phrase)
    assert said.startswith("Lagos to Hai Phong with HS 0801 (") and said.endswith("): 3 seizures in 412 filings")
