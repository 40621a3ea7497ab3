"""Check digits of container numbers (ISO 6346) and ship numbers (IMO).

A wrong check digit proves an error in the number; a right one proves only that it was not mistyped in one
place. Ten as remainder is written as check digit 0, so a container number whose remainder moves between 0 and
10 is the one mistyped digit that the standard does not notice.
"""

from __future__ import annotations

import re
from typing import Final

_CONTAINER: Final = re.compile(r"[A-Z]{3}[UJZ][0-9]{7}")
_IMO: Final = re.compile(r"(?:IMO)?([1-9][0-9]{6})")
_SEPARATORS: Final = str.maketrans("", "", " -/.")

# Letters count from 10 up and leave out the multiples of 11.
_VALUES: Final = dict(
    zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (v for v in range(39) if v == 0 or v % 11), strict=True)
)


def valid_container(number: str) -> bool:
    """Whether a number has the form of ISO 6346 (owner, category U, J or Z, serial) and its check digit.

    Case and the separators of printed numbers (space, hyphen, slash, point) do not matter.
    """
    compact = number.translate(_SEPARATORS).upper()
    return bool(_CONTAINER.fullmatch(compact)) and container_remainder(compact[:10]) % 10 == int(compact[10])


def container_remainder(body: str) -> int:
    """The remainder, 0 to 10, of the first ten characters; its last digit is the check digit."""
    return sum(_VALUES[character] << place for place, character in enumerate(body)) % 11


def valid_imo(number: str) -> bool:
    """Whether a ship's IMO number has its check digit; a leading IMO, case and separators do not matter."""
    match = _IMO.fullmatch(number.translate(_SEPARATORS).upper())
    if match is None:
        return False
    digits = [int(digit) for digit in match[1]]
    return sum(digit * weight for digit, weight in zip(digits, range(7, 1, -1), strict=False)) % 10 == digits[6]
