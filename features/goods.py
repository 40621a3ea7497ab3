"""The goods as declared: what their HS code has to do with wildlife, and how they are described.

Reads the record and `risk.reference`; knows no history.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from features.columns import Column, Lines
from risk.feature import Feature
from risk.reference import harmonized, lexicon, wildlife

# Wordings that say too little to know the goods. Recalled, a default; extend as met.
VAGUE: Final = re.compile(
    r"\b(GENERAL (CARGO|GOODS|MERCHANDISE)|SAID TO CONTAIN|STC|FREIGHT ALL KINDS|F\.?A\.?K|CONSOLIDAT\w*|GROUPAGE"
    r"|SUNDR(Y|IES)|VARIOUS|ASSORTED|MISC\w*|OTHERS?|PERSONAL (EFFECTS|BELONGINGS)|HOUSEHOLD (GOODS|ITEMS|EFFECTS)"
    r"|GIFTS?|SAMPLES?|(SPARE )?PARTS|FITTINGS|ACCESSORIES|AS PER (INVOICE|ATTACHED|LIST)\w*|GOODS|ITEMS|ARTICLES)\b",
    re.IGNORECASE,
)

FEATURES: Final = (
    Feature("wildlife_heading", "goods", "declared under a heading of wildlife goods",
            zero="heading is not one of wildlife goods", missing="no HS code"),
    Feature("cover_load", "goods", "goods of a kind that has hidden wildlife",
            zero="no case is known of wildlife hidden in such goods", missing="no HS code"),
    Feature("look_alike", "goods", "legal goods that protected ones are passed off as",
            zero="not a look-alike of protected goods", missing="no HS code"),
    Feature("hs_known", "goods", "the HS code exists", zero="the HS code does not exist in HS 2022",
            missing="no HS code"),
    Feature("hs_digits", "goods", "HS code of {value:.0f} digits", unit="digits", missing="no HS code"),
    Feature("species_words", "goods", "description has {value:.0f} words for protected species or their products",
            zero="description names no protected species", missing="no description"),
    Feature("clear_species_words", "goods",
            "description has {value:.0f} words that hardly mean anything but a protected species",
            zero="description has no word that clearly names a protected species", missing="no description"),
    Feature("marks_species_words", "goods", "shipping marks have {value:.0f} words for protected species",
            zero="shipping marks name no protected species", missing="no shipping marks"),
    Feature("description_length", "goods", "description of {value:.0f} characters", unit="characters",
            missing="no description"),
    Feature("description_words", "goods", "description of {value:.0f} words", unit="words", missing="no description"),
    Feature("description_vague", "goods", "description says little: {value:.0f} general wordings",
            zero="description uses no general wording", missing="no description"),
    Feature("hs2", "goods", "HS chapter {value}", kind="category"),
    Feature("hs4", "goods", "HS heading {value}", kind="category"),
    Feature("hs6", "goods", "HS subheading {value}", kind="category"),
    Feature("package_type", "goods", "packed as {value}", kind="category"),
)  # fmt: skip


def columns(lines: Lines) -> dict[str, Column]:
    """The features of this module by name."""
    hs, description = lines.text("hs_code"), lines.text("description")
    return {
        "wildlife_heading": hs.spread(wildlife.mask(hs.values, "wildlife")),
        "cover_load": hs.spread(wildlife.mask(hs.values, "cover_load")),
        "look_alike": hs.spread(wildlife.mask(hs.values, "look_alike")),
        "hs_known": hs.each(harmonized.exists),
        "hs_digits": hs.each(len),
        **_species(lines),
        "marks_species_words": lines.text("marks").each(lambda text: len(lexicon.hits(text))),
        "description_length": description.each(lambda text: len(text.strip())),
        "description_words": description.each(lambda text: len(text.split())),
        "description_vague": description.each(lambda text: sum(1 for _ in VAGUE.finditer(text))),
        "hs2": hs.texts(lambda code: _cut(code, 2)),
        "hs4": hs.texts(lambda code: _cut(code, 4)),
        "hs6": hs.texts(lambda code: _cut(code, 6)),
        "package_type": lines.text("package_type").texts(),
    }


def _species(lines: Lines) -> dict[str, Column]:
    description = lines.text("description")
    found = [lexicon.hits(text) for text in description.values]
    clear = [sum(term.precision == "high" for term in terms) for terms in found]
    return {
        "species_words": description.spread(np.array([len(terms) for terms in found], np.float64)),
        "clear_species_words": description.spread(np.array(clear, np.float64)),
    }


def _cut(code: str, digits: int) -> str | None:
    return code[:digits] if len(code) >= digits else None
