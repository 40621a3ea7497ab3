"""What a pack of indicators may hold, and that a bad one is refused with file, id and field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from features.catalogue import catalogue
from risk.indicators import PackError, load_pack, registry
from risk.indicators.pack import PACKAGED, checksum

NAMES = [feature.name for feature in catalogue()]


def sealed(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    content = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    change(content)
    content["checksum"] = checksum(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def test_the_packaged_pack_names_only_features_that_exist_and_every_test_in_code() -> None:
    pack = load_pack(features=NAMES)
    assert len(pack.indicators) >= 60
    assert set(pack.ids) == set(registry.tests())
    assert not set(pack.ids) & {entry.id for entry in pack.lacking}
    assert pack.fingerprint == load_pack().fingerprint


def test_layout_and_comments_do_not_count_for_the_checksum(tmp_path: Path) -> None:
    same = sealed(tmp_path / "same.yaml", lambda content: None)
    assert load_pack(same).fingerprint == load_pack().fingerprint


def test_a_changed_threshold_has_another_fingerprint(tmp_path: Path) -> None:
    other = sealed(tmp_path / "other.yaml", lambda content: entry(content, "W01")["parameters"].update(deviations=6))
    assert load_pack(other).fingerprint != load_pack().fingerprint


def test_a_pack_edited_after_it_was_sealed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "edited.yaml"
    path.write_text(PACKAGED.read_text(encoding="utf-8").replace("deviations: 4", "deviations: 9", 1), encoding="utf-8")
    with pytest.raises(PackError, match=r"edited\.yaml: checksum does not match"):
        load_pack(path)


def entry(content: dict[str, Any], which: str) -> dict[str, Any]:
    return next(one for one in content["indicators"] if one["id"] == which)


BAD: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another layout": (lambda c: c.update(layout=7), "layout is 7; this version reads layout 1"),
    "no version": (lambda c: c.pop("version"), "the pack: version is missing"),
    "an id twice": (
        lambda c: c["indicators"].append(dict(entry(c, "R01"), fields=[], features=[], parameters={})),
        "indicator R01: id is given twice",
    ),
    "an id without a test": (lambda c: entry(c, "R01").update(id="R99"), "indicator R99: id has no test"),
    "an unknown field": (lambda c: entry(c, "C04").update(fields=["colour"]), "C04: fields names 'colour'"),
    "an unknown feature": (lambda c: entry(c, "C04").update(features=["mood"]), "C04: features names 'mood'"),
    "an unknown statistic": (lambda c: entry(c, "W07").update(statistics=["tea"]), "W07: statistics names 'tea'"),
    "an unknown concept": (lambda c: entry(c, "K01").update(concept="boxes"), "K01: concept is 'boxes'"),
    "an unknown strength": (lambda c: entry(c, "K01").update(strength="XL"), "K01: strength is 'XL'"),
    "an unknown key": (lambda c: entry(c, "K01").update(colour="red"), "K01: colour is no field of a pack"),
    "a placeholder nothing fills": (lambda c: entry(c, "K01").update(evidence="{tea} cups"), r"placeholder \{tea\}"),
    "a broken template": (lambda c: entry(c, "K01").update(evidence="{tea cups"), "K01: evidence .* is no template"),
    "a text as threshold": (lambda c: entry(c, "W01")["parameters"].update(deviations="four"), "W01: parameter dev"),
    "a parameter left out": (lambda c: entry(c, "W01")["parameters"].pop("deviations"), "W01: parameters are expec"),
    "a basis of its own": (lambda c: entry(c, "W01").update(basis="felt"), "W01: basis is 'felt'"),
    "no list of indicators": (lambda c: c.update(indicators="all"), "indicators is expected to be a list"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_pack_is_refused_that_has(what: str, tmp_path: Path) -> None:
    change, message = BAD[what]
    path = sealed(tmp_path / "pack.yaml", change)
    with pytest.raises(PackError, match=message) as caught:
        load_pack(path, features=NAMES)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: &x 1\nb: *x\n", "has an alias"),
        ("- just a list\n", "holds no pack"),
        ("a: [1\n", "is no YAML"),
        ("#" * 1_100_000, "has at most"),
        ("layout: 2026-01-01\n", "dates in quotes"),
        ("\x00", "is no YAML"),
    ],
)
def test_what_is_no_pack_is_refused_in_a_sentence(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PackError, match=message):
        load_pack(path)
    with pytest.raises(PackError, match="does not exist"):
        load_pack(tmp_path / "none.yaml")
