"""What is known of a line's past, as a person would say it: counts together, with what is usual, in whole numbers.

A history feature is named `KEY_SUFFIX` (`consignee_hit_rate`). A rate or a decayed count says little by itself, so a
sentence puts the columns of one key together: seizures beside filings, a weight beside the usual range. Counts that
fade with time are said as "about so many lately".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Final

from risk.naming import KEYS, Columns, named
from risk.phrase import Phrase, Value

Say = Callable[[str, Columns, int, float | None], Phrase]
"""The phrase for a key, a row and the value of the feature there, None where it is missing."""

OWN: Final = {"weight": "weight_per_package_kg", "value": "value_per_kg", "container": "weight_per_container_kg"}
"""What is compared with the usual range, and the column of a line's own figure."""
PARTNERS: Final = {"consignee": "shippers", "shipper": "consignees", "consignee_address": "consignees",
                   "declarant": "consignees", "notify": "consignees", "container": "consignees"}  # fmt: skip
_USUAL: Final = {
    "weight": "{own} kg a package; usual for {of}: {low} to {high} kg (n = {n:,.0f})",
    "value": "declared value {own} a kilogram; usual for {of}: {low} to {high} (n = {n:,.0f})",
    "container": "{own} kg a container; usual for {of}: {low} to {high} kg (n = {n:,.0f})",
}
_FAR: Final = {
    "weight": ("weight per package far above what is usual for {of}", "weight per package above what is usual for {of}",
               "weight per package as usual for {of}", "weight per package below what is usual for {of}",
               "weight per package far below what is usual for {of}"),
    "value": ("value per kilogram far above what is usual for {of}", "value per kilogram above what is usual for {of}",
              "value per kilogram as usual for {of}", "value per kilogram below what is usual for {of}",
              "value per kilogram far below what is usual for {of}"),
    "container": ("weight per container far above what is usual for {of}",
                  "weight per container above what is usual for {of}",
                  "weight per container as usual for {of}", "weight per container below what is usual for {of}",
                  "weight per container far below what is usual for {of}"),
}  # fmt: skip
_NOT_KNOWN: Final = {
    "weight": "weight per package not known, or not what is usual for {of}",
    "value": "value per kilogram not known, or not what is usual for {of}",
    "container": "weight per container not known, or not what is usual for {of}",
}


def history_phrase(name: str, columns: Columns, row: int) -> Phrase | None:
    """What to say of a history feature; None for a feature of another kind."""
    found = _taken_apart(name)
    if found is None:
        return None
    key, say = found
    return say(key, columns, row, columns.number(name, row))


def key_of(name: str) -> str | None:
    """The kind of key that a history feature is about; None for a feature of another kind."""
    found = _taken_apart(name)
    return found[0] if found else None


@cache
def _taken_apart(name: str) -> tuple[str, Say] | None:
    for key in sorted(KEYS, key=len, reverse=True):
        say = _SAY.get(name.removeprefix(f"{key}_")) if name.startswith(f"{key}_") else None
        if say is not None:
            return key, say
    return None


def _of(message: str, key: str, columns: Columns, row: int, *, tactical: bool = False, **values: Value) -> Phrase:
    return Phrase(message, {"of": named(key, columns, row), **values}, tactical)


def _filings(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if not value:
        return _of("first consignment of {of}", key, columns, row)
    return _of("{n:,.0f} earlier consignments of {of}", key, columns, row, n=value)


def _burst(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if value is None or columns.number(f"{key}_filings", row) == 0:
        return _filings(key, columns, row, 0)
    return _of("{of}: {value:.1f} times as many filings as in the half-year before", key, columns, row, value=value)


def _inspections(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if not value:
        return _of("{of} was never inspected before", key, columns, row, tactical=True)
    return _of("{n:,.0f} earlier inspections of {of}", key, columns, row, tactical=True, n=value)


def _seizures(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    hits, filings = columns.number(f"{key}_hits", row), columns.number(f"{key}_filings", row)
    if hits is None or filings is None:
        return _rate(key, columns, row, value)
    if filings == 0:
        return _filings(key, columns, row, 0)
    if hits == 0:
        return _of("{of}: no seizure in {n:,.0f} earlier filings", key, columns, row, n=filings)
    if filings == 1:
        return _of("{of}: the only earlier filing ended in a seizure", key, columns, row)
    since = columns.number(f"{key}_days_since_hit", row)
    if since is None or since < 1:
        return _of("{of}: {hits:,.0f} seizures in {filings:,.0f} filings", key, columns, row, hits=hits,
                   filings=filings)  # fmt: skip
    return _of("{of}: {hits:,.0f} seizures in {filings:,.0f} filings, days since the last: {since:,.0f}", key, columns,
               row, hits=hits, filings=filings, since=since)  # fmt: skip


def _rate(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if value is None:
        return _of("no earlier seizure on {of}", key, columns, row)
    return _of("{value:.2%} of inspections of {of} found what is sought", key, columns, row, value=value)


def _recent_rate(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if key == "all" and value is not None:
        return Phrase("{value:.2%} of all recent inspections found what is sought", {"value": value})
    return _seizures(key, columns, row, value)


def _offences(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if columns.number(f"{key}_filings", row) == 0 or value is None:
        return _filings(key, columns, row, 0)
    return _of("about {value:.0%} of inspections of {of} found another offence", key, columns, row, value=value)


def _since_filing(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if value is None:
        return _filings(key, columns, row, 0)
    if value < 1:
        return _of("last consignment of {of} less than a day ago", key, columns, row)
    return _of("last consignment of {of} {n:,.0f} days ago", key, columns, row, n=value)


def _deviation(key: str, columns: Columns, row: int, value: float | None, *, measure: str) -> Phrase:
    own, n = columns.number(OWN[measure], row), columns.number(f"{key}_{measure}_usual_n", row)
    if value is None or own is None or n == 0:
        return _of(_NOT_KNOWN[measure], key, columns, row)
    low, high = (columns.number(f"{key}_{measure}_usual_{end}", row) for end in ("low", "high"))
    if n is not None and low is not None and high is not None:
        return _of(_USUAL[measure], key, columns, row, own=own, low=low, high=high, n=n)
    far = 0 if value > 3 else 1 if value > 1 else 2 if value >= -1 else 3 if value >= -3 else 4
    return _of(_FAR[measure][far], key, columns, row)


def _partners(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    partners = PARTNERS.get(key, "partners")
    if not value:
        return _of(f"{{of}} has had no {partners} before", key, columns, row)
    return _of(f"{{of}} has had about {{n:.0f}} {partners}", key, columns, row, n=value)


def _lately(
    key: str, columns: Columns, row: int, value: float | None, *, never: str, long_ago: str, about: str,
    tactical: bool = False,
) -> Phrase:  # fmt: skip
    """A count that fades: half of it is forgotten with each half-life, so that only "about" can be said."""
    if not value:
        return _of(never, key, columns, row, tactical=tactical)
    if value < 0.5:
        return _of(long_ago, key, columns, row, tactical=tactical)
    return _of(about, key, columns, row, tactical=tactical, n=value)


def _chapters(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if not value:
        return _filings(key, columns, row, 0)
    return _of("{of} has dealt in about {n:.0f} HS chapters", key, columns, row, n=value)


def _new_chapter(key: str, columns: Columns, row: int, value: float | None) -> Phrase:
    if value is None:
        return Phrase("no HS code")
    if value == 0:
        return _of("{of} has dealt in this HS chapter before", key, columns, row)
    if columns.number(f"{key}_filings", row) == 0:
        return _filings(key, columns, row, 0)
    return _of("first goods of this HS chapter for {of}", key, columns, row)


_SAY: Final[dict[str, Say]] = {
    "filings": _filings,
    "burst": _burst,
    "inspections": _inspections,
    "hits": _seizures,
    "hit_rate": _seizures,
    "hit_rate_180d": _recent_rate,
    "offence_rate": _offences,
    "days_since_filing": _since_filing,
    "days_since_hit": _seizures,
    **{f"{measure}_deviation": partial(_deviation, measure=measure) for measure in OWN},
    "partners": _partners,
    "random_inspections_180d": partial(
        _lately,
        never="{of} was never drawn at random for inspection",
        long_ago="{of} was drawn at random for inspection only long ago",
        about="about {n:.0f} inspections of {of} drawn at random in recent months",
        tactical=True,
    ),
    "targeted_inspections_180d": partial(
        _lately,
        never="{of} was never picked for inspection on suspicion",
        long_ago="{of} was picked for inspection on suspicion only long ago",
        about="about {n:.0f} inspections of {of} on suspicion in recent months",
        tactical=True,
    ),
    "hits_30d": partial(
        _lately,
        never="no earlier seizure on {of}",
        long_ago="last seizure on {of} long ago",
        about="about {n:.0f} seizures on {of} in recent weeks",
    ),
    "offences_180d": partial(
        _lately,
        never="no other offence of {of} is known",
        long_ago="other offences of {of} only long ago",
        about="about {n:.0f} other offences of {of} in recent months",
    ),
    "chapters": _chapters,
    "new_chapter": _new_chapter,
}
"""For each history feature, without its key, how it is said."""
