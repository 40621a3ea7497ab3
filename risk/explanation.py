"""One explanation of a consignment: reasons of the model, indicators and rules that fired, in one order.

Each item weighs something between 0 and 1: a reason its share of all that moved the score, an indicator or rule by its
strength (`WEIGHTS`, defaults). The weightier stands first; of equal ones a rule before an indicator, and both before a
reason; the sum of what is not told apart comes last. The order, the words in any language and the machine form are the
same in a batch, the API and a printed worklist, because all of them come from here.

Knows reasons and the form of indicator findings; knows neither how indicators are tested nor who asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from risk import reasons as told
from risk.indicators.wording import evidence_phrase
from risk.language import ENGLISH, joined, say
from risk.model import Method
from risk.phrase import Phrase, Value
from risk.reasons import Reason

WEIGHTS: Final[Mapping[str, float]] = {"S": 0.5, "M": 0.2, "W": 0.05}
"""What an indicator weighs by its strength: strong alone, medium, only in combination. Defaults, to be set with use."""
FULL: Final = frozenset({"analyst"})
"""Roles that see everything."""
METHODS: Final[Mapping[Method, str]] = {
    "path": "Shares are quick ones, along the paths of the trees.",
    "shapley": "Shares are exact Shapley values.",
}
"""How the explanation says which method spoke."""
_KINDS: Final = {"rule": 0, "indicator": 1, "reason": 2}
"""Of equally weighty ones, what stands first."""
_EARLIER_INSPECTIONS: Final = "what earlier inspections of {of} tell"


RULE: Final = "rule {id} of this office, proposed lane {lane}: {said}"


class Fired(Protocol):
    """An indicator or rule that fired: `template` is a message, `evidence` its values; a rule also has a `lane`."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def concept(self) -> str: ...  # noqa: D102
    @property
    def statement(self) -> str: ...  # noqa: D102
    @property
    def strength(self) -> str: ...  # noqa: D102
    @property
    def band(self) -> int: ...  # noqa: D102
    @property
    def template(self) -> str: ...  # noqa: D102
    @property
    def evidence(self) -> Mapping[str, float | str | None]: ...  # noqa: D102


@dataclass(frozen=True)
class Item:
    """One thing that speaks for or against an inspection.

    id          the concept of a reason, or the id of an indicator or rule
    weight      what it is ordered by, 0 to 1
    phrases     what is said of it
    inferred    the facts it takes for granted and nobody stated
    details     further machine values: share and log odds, or strength, band and evidence, and of a rule its lane
    """

    kind: Literal["reason", "indicator", "rule"]
    id: str
    concept: str
    direction: Literal["raises", "lowers"]
    weight: float
    phrases: tuple[Phrase, ...]
    inferred: tuple[str, ...]
    details: Mapping[str, Any]

    def text(self, language: str = ENGLISH) -> str:
        """The item as one line of text."""
        said = joined(self.phrases, language)
        concept = say(Phrase(self.concept), language)
        values: dict[str, Value] = {"concept": concept, "said": said, "id": self.id}
        if self.kind == "indicator":
            return say(Phrase("red flag {id}, {concept}: {said}", values), language)
        if self.kind == "rule":
            return say(Phrase(RULE, {**values, "lane": Phrase(self.details["lane"])}), language)
        message = f"{self.direction} the risk ({{share:.0%}}), {{concept}}: {{said}}"
        return say(Phrase(message, {**values, "share": self.details["share"]}), language)

    def to_json(self) -> dict[str, Any]:
        """As JSON values, apart from the words."""
        return {
            "kind": self.kind,
            "id": self.id,
            "concept": self.concept,
            "direction": self.direction,
            "weight": round(self.weight, 4),
            "basis": "inferred" if self.inferred else "observed",
            "phrases": [phrase.to_json() for phrase in self.phrases],
            **self.details,
        }


@dataclass(frozen=True)
class Explanation:
    """Everything that is said of one consignment's score, in order.

    method          how the shares were found; None when the model gave no reasons
    not_evaluable   indicators that could not be judged, for want of a field
    """

    items: tuple[Item, ...]
    method: Method | None
    not_evaluable: tuple[str, ...] = ()

    @property
    def log_odds(self) -> float:
        """What all reasons add together: the raw score less that of an average consignment."""
        return float(sum(item.details.get("log_odds", 0.0) for item in self.items))

    def texts(self, language: str = ENGLISH) -> list[str]:
        """The items as lines of text, the weightiest first."""
        return [item.text(language) for item in self.items]

    def method_text(self, language: str = ENGLISH) -> str:
        """Which method spoke, as a sentence; empty when the model gave no reasons."""
        return say(Phrase(METHODS[self.method]), language) if self.method else ""

    def to_json(self, language: str = ENGLISH) -> dict[str, Any]:
        """Words and machine form side by side."""
        items = [{"text": item.text(language), **item.to_json()} for item in self.items]
        return {"method": self.method, "items": items, "not_evaluable": list(self.not_evaluable)}


def explanation(
    reasons: Sequence[Reason], fired: Iterable[Fired] = (), not_evaluable: Iterable[str] = ()
) -> Explanation:
    """The model's reasons, and the indicators and rules that fired, in one order."""
    items = [*map(_of_indicator, fired), *map(_of_reason, reasons)]
    items.sort(key=lambda item: (item.id == told.REST, -item.weight, _KINDS[item.kind], item.concept, item.id))
    method = reasons[0].method if reasons else None
    return Explanation(tuple(items), method, tuple(not_evaluable))


def stored(reasons: Sequence[Mapping[str, Any]], indicators: Sequence[Mapping[str, Any]] = ()) -> Explanation:
    """The explanation from what an assessment keeps: its reasons and its indicators as JSON values."""
    known = [entry for entry in indicators if entry["state"] == "fired"]
    unknown = [name for entry in indicators if entry["state"] == "not_evaluable" for name in entry["ids"]]
    return explanation([told.from_json(entry) for entry in reasons], [_Stored(entry) for entry in known], unknown)


def indicators_json(fired: Iterable[Fired], not_evaluable: Iterable[str]) -> list[dict[str, Any]]:
    """Indicators and rules as an assessment keeps them: those that fired with their evidence, then the ids of the
    indicators that were not evaluable."""
    said = [
        {
            "id": found.id,
            "state": "fired",
            "concept": found.concept,
            "statement": found.statement,
            "strength": found.strength,
            "band": int(found.band),
            "words": say(evidence_phrase(found.template, found.evidence)),
            "template": found.template,
            "evidence": dict(found.evidence),
            **({"lane": lane} if (lane := getattr(found, "lane", None)) else {}),
        }
        for found in fired
    ]
    unknown = list(not_evaluable)
    return [*said, *([{"state": "not_evaluable", "ids": unknown}] if unknown else [])]


def for_role(full: Explanation, role: str) -> Explanation:
    """The explanation as somebody of this role may see it.

    Everything for those in FULL. Others see what speaks for or against a consignment, in the same order, with its
    direction and share; but not how consignments are picked, by what limit or how strongly an indicator fires, nor the
    figures behind the score.
    """
    return full if role in FULL else replace(full, items=tuple(map(_without_tactics, full.items)), not_evaluable=())


def _without_tactics(item: Item) -> Item:
    if item.kind != "reason":
        kept = {name: value for name, value in item.details.items() if name == "lane"}
        return replace(item, weight=0.0, phrases=(_plain(item.details["statement"]),), details=kept)
    share = round(item.details["share"], 2)
    return replace(item, weight=share, phrases=tuple(map(_general, item.phrases)), details={"share": share})


def _plain(text: str) -> Phrase:
    """A text as a message of its own, whatever braces are in it."""
    return Phrase(text.replace("{", "{{").replace("}", "}}"))


def _general(phrase: Phrase) -> Phrase:
    """A phrase that tells how consignments are picked, without its figures."""
    if not phrase.tactical:
        return phrase
    fact = phrase.values.get("fact")
    if isinstance(fact, Phrase):
        return Phrase(phrase.message, {"fact": _general(fact)})
    return Phrase(_EARLIER_INSPECTIONS, {"of": phrase.values.get("of", Phrase("all consignments"))})


def _of_reason(reason: Reason) -> Item:
    details = {
        "share": reason.share,
        "log_odds": reason.log_odds,
        "features": [{"name": found.name, "value": found.value} for found in reason.features if found.name],
    }
    return Item(
        "reason",
        reason.concept,
        reason.concept,
        reason.direction,
        reason.share,
        reason.phrases,
        reason.inferred,
        details,
    )


def _of_indicator(fired: Fired) -> Item:
    evidence = dict(fired.evidence)
    details = {"statement": fired.statement, "strength": fired.strength, "band": fired.band, "evidence": evidence}
    said = evidence_phrase(fired.template, evidence)
    kind: Literal["indicator", "rule"] = "indicator"
    if (lane := getattr(fired, "lane", None)) is not None:
        kind, details = "rule", {**details, "lane": lane}
    return Item(kind, fired.id, fired.concept, "raises", WEIGHTS[fired.strength], (said,), (), details)


class _Stored:
    """An indicator that fired, from its JSON values."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.id, self.concept = str(entry["id"]), str(entry["concept"])
        self.statement, self.strength = str(entry["statement"]), str(entry["strength"])
        self.band, self.template = int(entry["band"]), str(entry["template"])
        self.evidence: dict[str, float | str | None] = dict(entry["evidence"])
        self.lane: str | None = entry.get("lane")
