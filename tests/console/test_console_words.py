"""The console's catalogues: complete, and each translation with the placeholders of its English text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from risk.consignment import MODES, STAGES
from risk.feature import CONCEPTS
from risk.inspection import DEPTHS, RESULTS, SELECTION_REASONS
from risk.reference import tables
from risk.selection import LANES
from serving.access.roles import Role
from serving.console.words import FOLDER, LANGUAGES, catalogue, words

CONSOLE = FOLDER.parent
OTHERS = [code for code in LANGUAGES if code != "en"]


def _said() -> set[str]:
    """Every text that pages and templates say, and every choice that is shown by its name."""
    found: set[str] = set()
    for path in [*CONSOLE.glob("*.py"), *(CONSOLE / "templates").glob("*.html")]:
        text = Path(path).read_text(encoding="utf-8")
        found |= {match[1] for match in re.finditer(r"""(?:\bsay|(?<!\w)_)\(\s*"((?:[^"\\]|\\.)*)\"""", text)}
    groups = {group for row in tables.rows("wildlife") for group in row["groups"].split()}
    for names in (MODES, STAGES, RESULTS, DEPTHS, SELECTION_REASONS, LANES, CONCEPTS, groups, [r.value for r in Role]):
        found |= {name.replace("_", " ") for name in names}
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_untranslated(language: str) -> None:
    assert sorted(text for text in _said() if text not in catalogue(language)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    for text, translated in catalogue(language).items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", translated)), text


def test_a_text_without_translation_is_shown_in_english() -> None:
    assert words("fr")("no such text {n}", n=1) == "no such text 1"
