"""Evidence in people's words: places, countries, goods and languages by name where the record has their codes.

Evidence is kept as values by the name of their field; what is said of them is made here, in any language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from risk.naming import described, place
from risk.phrase import Country, Language, Phrase, Value

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "role": {"consignee": "consignee", "shipper": "shipper", "notify": "notify party"},
    "mode": {mode: mode for mode in ("sea", "air", "road", "rail", "post")},
}
"""Values that stand for words of ours, which every language has its own for."""


def evidence_phrase(template: str, evidence: Mapping[str, float | str | None]) -> Phrase:
    """What is said of an indicator that fired: its template with the evidence in words."""
    return Phrase(template, {name: _named(name, value) for name, value in evidence.items()})


def _named(name: str, value: float | str | None) -> Value:
    if not isinstance(value, str):
        return value
    if name in WORDS:
        return Phrase(WORDS[name][value]) if value in WORDS[name] else value
    if name.endswith("_country"):
        return Country(value)
    read = _place if name.endswith("_port") else _SAID.get(name)
    return read(value) if read else value


def _place(code: str) -> str:
    found = place(code)
    return code if found == code else f"{found} ({code})"


def _goods(code: str) -> str:
    text = described(code)
    return f"{code} ({text})" if text else code


_SAID: Final[Mapping[str, Callable[[str], Value]]] = {
    **dict.fromkeys(("port", "seen_at"), _place),
    "transhipment_ports": lambda codes: ", ".join(map(_place, codes.split())),
    **dict.fromkeys(("hs2", "hs4", "hs6", "hs_code"), _goods),
    "language": Language,
    **dict.fromkeys(("etd", "eta"), lambda time: f"{time[:10]} {time[11:16]} UTC"),
}
"""How a value is said, by its name; beside those that end with `_port` or `_country`."""
