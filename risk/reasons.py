"""Why a consignment scored as it did: what each feature adds, gathered by concept and put into words.

Contributions are summed by concept (route, goods, parties, ...), so that ten features that say the same thing give one
reason. A reason names its direction, its share of all that moved the score, the features that weigh most in it, and the
method that found the contributions. The reasons of a line and the score of an average consignment sum to its raw score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from risk import phrase as phrases
from risk.feature import Feature, FeatureTable
from risk.history_phrases import history_phrase, key_of
from risk.language import ENGLISH, joined
from risk.model import Method, RiskModel
from risk.naming import RESTS_ON, Columns, place
from risk.phrase import Country, Phrase, Value

Bools = NDArray[np.bool_]

REASONS: Final[Mapping[Method, int]] = {"path": 3, "shapley": 99}
"""How many concepts are told apart; the others are summed in a last reason."""
PHRASES: Final[Mapping[Method, int]] = {"path": 1, "shapley": 3}
"""How many features a reason names, at most."""
WORTH_NAMING: Final = 0.2
"""A feature is named when it carries at least this part of its reason."""
REST: Final = "everything else"
"""The concept of the last reason."""
_MOST_PHRASES: Final = max(PHRASES.values())
_WEEKDAYS: Final = tuple(
    f"filed on a {day} (UTC)" for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
)
_INFERRED: Final = {
    "hs_code": "{fact} (HS code inferred from text)",
    "consignee": "{fact} (consignee matched by name)",
    "shipper": "{fact} (shipper matched by name)",
    "notify": "{fact} (notify party matched by name)",
    "declarant": "{fact} (declarant matched by name)",
}
"""What is said of a statement that stands on a fact that nobody stated."""


class Named(NamedTuple):
    """A feature named in a reason: its value, and what is said of it; `inferred`: the facts it takes for granted."""

    name: str
    value: float | str | None
    phrase: Phrase
    inferred: tuple[str, ...] = ()


_THE_REST: Final = Named("", None, Phrase("all other concepts together"))


class Reason(NamedTuple):
    """One concept that moved a score.

    direction   whether it raises or lowers the risk
    share       its part, 0 to 1, of everything that moved the score, up or down
    log_odds    what it adds to the raw score
    method      how that was found: along the paths of the trees, or as exact Shapley values
    features    the features named, the weightiest first
    """

    concept: str
    direction: Literal["raises", "lowers"]
    share: float
    log_odds: float
    method: Method
    features: tuple[Named, ...]

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """What is said, with a remark where it stands on an inferred fact."""
        return tuple(_remarked(found) if found.inferred else found.phrase for found in self.features)

    @property
    def inferred(self) -> tuple[str, ...]:
        """The facts that it takes for granted and nobody stated."""
        return tuple(sorted({fact for found in self.features for fact in found.inferred}))

    def words(self, language: str = ENGLISH) -> str:
        """The reason as text, without direction and share."""
        return joined(self.phrases, language)

    def to_json(self) -> dict[str, Any]:
        """The reason as JSON values with its English words; missing numbers as null. `from_json` reads it again."""
        return {
            "concept": self.concept,
            "words": self.words(),
            "direction": self.direction,
            "share": self.share,
            "log_odds": self.log_odds,
            "method": self.method,
            "basis": "inferred" if self.inferred else "observed",
            "features": [_named_json(found) for found in self.features],
        }


def from_json(content: Mapping[str, Any]) -> Reason:
    """A reason from its JSON values; one of an earlier version, which kept English words only, says these."""
    features = tuple(
        Named(found["name"], found["value"], phrases.from_json(found), tuple(found.get("inferred", ())))
        for found in content["features"]
        if "message" in found
    )
    if not features:
        features = (Named("", None, Phrase("{words}", {"words": content["words"]})),)
    method: Method = content.get("method", "shapley")
    return Reason(content["concept"], content["direction"], content["share"], content["log_odds"], method, features)


def explain(
    model: RiskModel,
    table: FeatureTable,
    method: Method = "shapley",
    *,
    inferred: Mapping[str, Bools] | None = None,
    most: int | None = None,
    threads: int = 1,
) -> Iterator[tuple[Reason, ...]]:
    """The reasons of each row of the table, the weightiest first, whatever the other rows are.

    `inferred` tells for a fact (`hs_code`, or a party's role) in which rows it was inferred and not stated.
    At most `most` concepts are told apart; what the others add together is the last reason.
    """
    contributions = model.contributions(table, method, threads=threads)
    features = model.features
    concepts = list(dict.fromkeys(feature.concept for feature in features))
    of = np.array([concepts.index(feature.concept) for feature in features], np.int64)
    alike = _alike(tuple(feature.name for feature in features))
    amounts, moved, order, named = _weigh(contributions, of, len(concepts), alike, WORTH_NAMING)
    teller = _Teller(features, table, inferred or {})
    most = REASONS[method] if most is None else most
    phrases_each = PHRASES[method]
    for row in range(len(table)):
        of_row, all_of_row = amounts[row].tolist(), float(moved[row])
        told = [concept for concept in order[row].tolist() if of_row[concept] != 0]
        at_row = named[row].tolist()
        reasons = []
        for concept in told[:most]:
            facts = [teller.tell(at, row) for at in at_row[concept][:phrases_each] if at >= 0]
            reasons.append(_reason(concepts[concept], of_row[concept], all_of_row, method, facts))
        if told[most:]:
            total = sum(of_row[concept] for concept in told[most:])
            reasons.append(_reason(REST, total, all_of_row, method, [_THE_REST]))
        yield tuple(reasons)


def _reason(concept: str, amount: float, moved: float, method: Method, features: Sequence[Named]) -> Reason:
    direction: Literal["raises", "lowers"] = "raises" if amount > 0 else "lowers"
    return Reason(concept, direction, abs(amount) / moved, amount, method, tuple(features))


@njit(cache=True)
def _weigh(contributions, of, n_concepts, alike, worth):  # type: ignore[no-untyped-def]
    """For each row: what each concept adds, all that moved, the concepts by weight, and the features each one names."""
    n, n_features = contributions.shape
    amounts, moved = np.zeros((n, n_concepts)), np.zeros(n)
    order = np.zeros((n, n_concepts), np.int64)
    named = np.full((n, n_concepts, _MOST_PHRASES), -1, np.int64)
    for row in range(n):
        for at in range(n_features):
            amounts[row, of[at]] += contributions[row, at]
        moved[row] = np.abs(amounts[row]).sum()
        for concept in range(n_concepts):
            place = concept  # put in where it belongs; of equal ones the first stays first
            while place > 0 and abs(amounts[row, order[row, place - 1]]) < abs(amounts[row, concept]):
                order[row, place] = order[row, place - 1]
                place -= 1
            order[row, place] = concept
        # Only features that pull the way the whole concept does are named, and none that says what another one did.
        for slot in range(_MOST_PHRASES):
            best = np.full(n_concepts, -1, np.int64)
            for at in range(n_features):
                concept, amount = of[at], contributions[row, at]
                if amount == 0 or (amount > 0) != (amounts[row, concept] > 0):
                    continue
                first = named[row, concept, 0]
                if first >= 0 and abs(amount) < worth * abs(contributions[row, first]):
                    continue
                if best[concept] >= 0 and abs(amount) <= abs(contributions[row, best[concept]]):
                    continue
                known = False
                for before in range(slot):
                    said = named[row, concept, before]
                    known = known or (said >= 0 and alike[at, said])
                if not known:
                    best[concept] = at
            for concept in range(n_concepts):
                named[row, concept, slot] = best[concept]
    return amounts, moved, order, named


@lru_cache(maxsize=8)
def _alike(names: tuple[str, ...]) -> Bools:
    """Which features say nearly the same: themselves, and `hit_rate_180d` beside `hit_rate`; the same for a model."""
    return np.array([[a.startswith(b) or b.startswith(a) for b in names] for a in names], bool).reshape(
        len(names), len(names)
    )


class _Teller:
    """Says what the features of a table's rows mean."""

    def __init__(self, features: Sequence[Feature], table: FeatureTable, inferred: Mapping[str, Bools]) -> None:
        self._features, self._inferred, self._columns = features, inferred, Columns(table)
        self._doubtful = [tuple(fact for fact in _rests_on(feature) if fact in inferred) for feature in features]

    def tell(self, at: int, row: int) -> Named:
        """What to say of a feature (by its place in the model) in a row."""
        feature, columns = self._features[at], self._columns
        category = feature.kind == "category"
        value = (columns.text(feature.name, row) or None) if category else columns.number(feature.name, row)
        phrase = history_phrase(feature.name, columns, row) or _record_phrase(feature, value)
        if not self._doubtful[at]:
            return Named(feature.name, value, phrase)
        doubtful = tuple(fact for fact in self._doubtful[at] if self._inferred[fact][row])
        return Named(feature.name, value, phrase, doubtful)


def _rests_on(feature: Feature) -> tuple[str, ...]:
    key = key_of(feature.name)
    if key is not None:
        return RESTS_ON.get(key, ())
    return ("hs_code",) if feature.name in ("hs2", "hs4", "hs6", "wildlife_heading", "cover_load", "look_alike") else ()


def _record_phrase(feature: Feature, value: float | str | None) -> Phrase:
    """What to say of something that the record itself states."""
    if feature.name == "weekday" and isinstance(value, float) and 0 <= value < 7:
        return Phrase(_WEEKDAYS[int(value)])
    message = feature.message(value)
    if "{" not in message:
        return Phrase(message)
    if value is None:
        return Phrase(message, {"name": feature.name.replace("_", " ")})
    said: Value = value
    if isinstance(value, str) and feature.name.endswith("_country"):
        said = Country(value)
    elif isinstance(value, str) and feature.name.endswith("_port"):
        said = f"{name} ({value})" if (name := place(value)) != value else value
    return Phrase(message, {"value": said})


def _remarked(found: Named) -> Phrase:
    phrase = found.phrase
    for fact in found.inferred:
        phrase = Phrase(_INFERRED[fact], {"fact": phrase}, phrase.tactical)
    return phrase


def _named_json(found: Named) -> dict[str, Any]:
    content = {"name": found.name, "value": found.value, **found.phrase.to_json()}
    if found.inferred:
        content["inferred"] = list(found.inferred)
    return content
