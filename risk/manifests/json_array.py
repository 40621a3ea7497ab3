"""The elements of a JSON array, one after the other, without holding the whole of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, TextIO

from risk.errors import InputError

LONGEST: Final = 16 * 1024 * 1024
"""Characters of one element at most."""
_CHUNK: Final = 1 << 18
_BLANK: Final = re.compile(r"\s*")


def elements(file: TextIO, name: str) -> Iterator[tuple[int, str]]:
    """The text of each element of the one array in a file, with the line on which it begins.

    Raises InputError, naming the line, where it is no JSON, an element is too long, or the array does not end.
    """
    decoder = json.JSONDecoder()
    text, at, line, chunk = file.read(_CHUNK), 0, 1, _CHUNK
    text = text.lstrip("\ufeff")
    expected, first = "[", True
    while True:
        blank = _BLANK.match(text, at)
        end = blank.end() if blank else at
        line, at = line + text.count("\n", at, end), end
        if at < len(text):
            sign = text[at]
            if expected == "[" or (expected == "," and sign in ",]") or (first and sign == "]"):
                at += 1
                if sign == "]":
                    rest = text[at:] + file.read(_CHUNK)
                    if rest.strip():
                        raise InputError(f"{name}: line {line}: more follows after the array; expected is one array.")
                    return
                expected = "an element"
                continue
            if expected == ",":
                raise InputError(f"{name}: line {line}: {sign!r} where a comma or the end of the array is expected.")
            try:
                _, end = decoder.raw_decode(text, at)
                if end < len(text):  # a number at the end of a chunk may go on in the next
                    yield line, text[at:end]
                    line, at, expected, first, chunk = line + text.count("\n", at, end), end, ",", False, _CHUNK
                    continue
                fault = "the array is not closed; the file was cut off"
            except RecursionError:
                raise InputError(f"{name}: line {line}: lists or objects lie too deep in each other.") from None
            except json.JSONDecodeError as error:
                fault = f"no JSON ({error.msg})"
            if len(text) - at > LONGEST:
                raise InputError(f"{name}: line {line}: an element of more than {LONGEST:,} characters.")
        else:
            fault = "the array is not closed; the file was cut off"
        more = file.read(chunk)
        if not more:
            raise InputError(f"{name}: line {line}: {fault}.")
        text, at, chunk = text[at:] + more, 0, 2 * chunk if at < len(text) else _CHUNK
