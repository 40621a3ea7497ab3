"""What a single value has to look like, kind by kind, and what it becomes.

A parser takes a text that is not empty and returns `(value, reason)`: a value and no reason when all is
well; a value and a reason when it was kept but somebody should know; None and a reason when it is
malformed; None and no reason when it means missing. Parsers see each distinct text once, so they may take
their time. They know one value only, no row and no file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from risk.layout import Column
from risk.manifests.rules import Rule
from risk.reference import countries, harmonized, ports

Parse = Callable[[str], tuple[Any, str]]

UNKNOWN_CODE: Final = "is not among the codes of the mapping"
NO_ZONE: Final = "names no time zone; taken as UTC"
NO_CLOCK: Final = "is a day without a time of day; taken as its first moment in UTC"

YEARS: Final = (1970, 2200)
"""Times from the first of these years to before the second are believed."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST, _LAST = ((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND for year in YEARS)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PLACE: Final = re.compile(r"[A-Z]{2}[A-Z2-9]{3}", re.ASCII)
_WHOLE: Final = re.compile(r"\d{1,18}(?:\.0+)?", re.ASCII)
_PLAIN: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GROUP: Final = "[ \u00a0\u202f'\u2019%s]"
_GROUPED: Final = {
    ".": re.compile(rf"[+-]?(?:\d{{1,3}}(?:{_GROUP % ','}\d{{3}})+|\d+)(?:\.\d+)?", re.ASCII),
    ",": re.compile(rf"[+-]?(?:\d{{1,3}}(?:{_GROUP % '.'}\d{{3}})+|\d+)(?:,\d+)?", re.ASCII),
}


def parser(column: Column, rule: Rule) -> Parse:
    """The parser of a column: trims, takes out what means missing, translates codes, then reads the kind."""
    read = reader(column, rule)
    codes, otherwise, missing = rule.codes, rule.otherwise, rule.missing

    def parse(text: str) -> tuple[Any, str]:
        text = text.strip()
        if not text or text in missing:
            return None, ""
        if codes is not None:
            if text in codes:
                translated = codes[text]
                if translated is None:
                    return None, ""
                text = translated
            elif otherwise != "keep":
                return None, UNKNOWN_CODE
        return read(text)

    return parse


def reader(column: Column, rule: Rule) -> Parse:
    """The parser of a trimmed, translated text."""
    malformed = f"is malformed; expected is {column.expected}"
    if column.kind == "number":
        return _number(malformed, rule)
    if column.kind == "time":
        return _time(malformed, rule)
    if column.kind == "choice":
        return _choice(malformed, column)
    if column.kind == "integer":
        return _integer(malformed, column)
    plain = {"text": _text, "code": _code, "country": _country, "port": _port, "ports": _ports, "hs": _hs}
    if column.kind in plain:
        read = plain[column.kind]
        return lambda text: read(text, malformed)
    return lambda text: _structure(text, malformed)


def microseconds(moment: datetime, rule: Rule) -> tuple[int | None, str]:
    """A time as microseconds since 1970 UTC; one without a zone is read in the rule's, or UTC with a reason."""
    reason = ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=rule.zone or UTC)
        reason = "" if rule.zone else NO_ZONE
    since = (moment - _EPOCH + timedelta(days=rule.plus_days)) // _MICROSECOND
    if not _FIRST <= since < _LAST:
        return None, f"lies outside the years {YEARS[0]} to {YEARS[1]}"
    return since, reason


def _time(malformed: str, rule: Rule) -> Parse:
    def formatted(text: str) -> tuple[int | None, str]:
        for format in rule.formats:
            try:
                return microseconds(datetime.strptime(text, format), rule)
            except ValueError:
                continue
        return None, "fits no format of the mapping, " + " or ".join(rule.formats)

    def iso(text: str) -> tuple[int | None, str]:
        try:
            since, reason = microseconds(datetime.fromisoformat(text), rule)
        except ValueError:
            return None, malformed
        return since, NO_CLOCK if reason == NO_ZONE and len(text) <= 10 else reason

    return formatted if rule.formats else iso


def _number(malformed: str, rule: Rule) -> Parse:
    shape = _GROUPED[rule.decimal] if rule.decimal else _PLAIN
    decimal, factor = rule.decimal, rule.factor

    def parse(text: str) -> tuple[float | None, str]:
        if shape.fullmatch(text) is None:
            return None, malformed
        if decimal is not None:
            kept = re.sub(rf"[^\d{decimal}+-]", "", text)
            text = kept.replace(",", ".")
        value = float(text) * factor
        return (value, "") if abs(value) < 1e300 else (None, malformed)

    return parse


def _integer(malformed: str, column: Column) -> Parse:
    minimum = column.minimum or 0

    def parse(text: str) -> tuple[int | None, str]:
        if _WHOLE.fullmatch(text) is None:
            return None, malformed
        value = int(text.partition(".")[0])
        return (value, "") if value >= minimum else (None, malformed)

    return parse


def _choice(malformed: str, column: Column) -> Parse:
    choices = {_loose(choice): choice for choice in column.choices}

    def parse(text: str) -> tuple[str | None, str]:
        choice = choices.get(_loose(text))
        return choice, "" if choice else malformed

    return parse


def _loose(text: str) -> str:
    return re.sub(r"[\s-]+", "_", text.casefold())


def _text(text: str, malformed: str) -> tuple[str | None, str]:
    if text.isprintable():
        return text, ""
    if _CONTROL.search(text):
        return _CONTROL.sub(" ", text).strip() or None, "has control characters; they became spaces"
    return text, ""


def _code(text: str, malformed: str) -> tuple[str | None, str]:
    if text.isalnum():
        return text, ""
    if _CONTROL.search(text):
        return None, malformed
    parts = text.split()
    return (text, "") if len(parts) == 1 else ("".join(parts), "has spaces inside; they were taken out")


def _country(text: str, malformed: str) -> tuple[str | None, str]:
    code = text.upper()
    return (code, "") if code in countries.ALPHA2 else (None, malformed)


def _port(text: str, malformed: str) -> tuple[str | None, str]:
    code = "".join(text.upper().split())
    if _PLACE.fullmatch(code) and code[:2] in countries.ALPHA2:
        return code, ""
    airport = ports.port(code) if len(code) == 3 else None
    if airport is not None:
        return airport.country + code, "is an IATA code; its country was put before it"
    return None, malformed


def _ports(text: str, malformed: str) -> tuple[str | None, str]:
    if text.startswith("["):
        try:
            listed = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None, malformed
        if not all(isinstance(entry, str) for entry in listed):
            return None, malformed
        text = " ".join(listed)
    read = [_port(entry, malformed) for entry in re.split(r"[\s,;]+", text) if entry]
    good = [code for code, _ in read if code is not None]
    if not good:
        return None, malformed if read else ""
    if len(good) < len(read):
        return " ".join(good), "has ports that are no UN/LOCODE; the others were kept"
    return " ".join(good), next((reason for _, reason in read if reason), "")


def _hs(text: str, malformed: str) -> tuple[str | None, str]:
    code = re.sub(r"[.\s]", "", text)
    if not (code.isascii() and code.isdigit() and len(code) in {2, 4, 6, 8, 10}):
        return None, malformed
    return code, "" if harmonized.exists(code) else f"is not in the {harmonized.VERSION}; kept"


def _structure(text: str, malformed: str) -> tuple[str | None, str]:
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, malformed
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return None, malformed
    stated = [{name: value for name, value in entry.items() if value is not None} for entry in entries]
    return orjson.dumps(stated, option=orjson.OPT_SORT_KEYS).decode(), ""
