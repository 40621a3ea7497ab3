"""A model folder: the same model comes back byte for byte, and one that is not whole is refused in one sentence."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_models import small_model, table

from risk.calibration import Calibration, Isotonic, Logistic
from risk.errors import ModelError
from risk.model import MODEL_FILE, TREES_FILE, RiskModel

CALIBRATIONS = (Logistic(0.9, -0.4), Logistic(1, 0), Isotonic((-3.0, 0.0, 2.5), (0.001, 0.2, 0.9)))


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_a_saved_model_comes_back_with_the_same_scores_and_the_same_bytes(
    tmp_path: Path, calibration: Calibration
) -> None:
    model = small_model(0, calibration)
    model.save(tmp_path / "a" / "first")
    loaded = RiskModel.load(tmp_path / "a" / "first")
    assert loaded == model
    assert loaded.fingerprint == model.fingerprint
    rows = table(300, 5)
    np.testing.assert_array_equal(loaded.score(rows).raw, model.score(rows).raw)
    np.testing.assert_array_equal(loaded.score(rows).probability, model.score(rows).probability)
    loaded.save(tmp_path / "second")
    for name in (TREES_FILE, MODEL_FILE):
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "a" / "first" / name).read_bytes()
    assert {path.name for path in (tmp_path / "second").iterdir()} == {TREES_FILE, MODEL_FILE}


def test_a_model_saved_over_another_replaces_it(tmp_path: Path) -> None:
    small_model(0).save(tmp_path)
    small_model(1).save(tmp_path)
    assert RiskModel.load(tmp_path) == small_model(1)


def test_a_model_written_by_an_earlier_version_keeps_its_fingerprint(tmp_path: Path) -> None:
    small_model().save(tmp_path)
    content = orjson.loads((tmp_path / MODEL_FILE).read_bytes())
    del content["body_sha256"]
    for feature in content["features"]:
        del feature["one"]  # a field that came later
    content["body_sha256"] = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    (tmp_path / MODEL_FILE).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    written = hashlib.sha256((tmp_path / MODEL_FILE).read_bytes()).hexdigest()[:16]
    assert RiskModel.load(tmp_path).fingerprint == written != small_model().fingerprint


def test_figures_that_are_numpy_numbers_do_not_keep_a_calibration_from_being_saved(tmp_path: Path) -> None:
    found = small_model()
    narrow = Logistic(np.float32(0.5), np.float64(-1))  # type: ignore[arg-type]
    RiskModel(found.trees, narrow, found.features, found.vocabulary).save(tmp_path)
    assert RiskModel.load(tmp_path).calibration == Logistic(0.5, -1.0)


def _rewrite(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = orjson.loads((folder / MODEL_FILE).read_bytes())
        changed = change(content)
        (folder / MODEL_FILE).write_bytes(orjson.dumps(content if changed is None else changed))

    return apply


def _cut(folder: Path) -> None:
    text = (folder / MODEL_FILE).read_bytes()
    (folder / MODEL_FILE).write_bytes(text[: len(text) // 2])


def _one_byte_of_trees(folder: Path) -> None:
    text = bytearray((folder / TREES_FILE).read_bytes())
    text[len(text) // 2] ^= 1
    (folder / TREES_FILE).write_bytes(text)


def _windows_line_ends(folder: Path) -> None:
    text = (folder / TREES_FILE).read_bytes()
    (folder / TREES_FILE).write_bytes(text.replace(b"\n", b"\r\n"))


def _trees_of_another_model(folder: Path) -> None:
    (folder / TREES_FILE).write_text(small_model(1).trees, encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / TREES_FILE).unlink(), "holds no trees.txt"),
        (lambda folder: (folder / MODEL_FILE).unlink(), "holds no model.json"),
        (_one_byte_of_trees, "trees.txt was altered"),
        (_windows_line_ends, "trees.txt was altered"),
        (lambda folder: (folder / TREES_FILE).write_bytes(b"\xff\xfe"), "trees.txt was altered"),
        (_trees_of_another_model, "trees.txt was altered"),
        (_rewrite(lambda content: content["calibration"].update(slope=0.91)), "model.json was altered"),
        (_rewrite(lambda content: content["calibration"].update(slope="steep")), "model.json was altered"),
        (_rewrite(lambda content: content["calibration"].update(kind="guess")), "model.json was altered"),
        (_rewrite(lambda content: content["facts"].update(figures=[])), "model.json was altered"),
        (_rewrite(lambda content: content["features"].pop()), "model.json was altered"),
        (_rewrite(lambda content: content["features"][0].update(more=1)), "model.json was altered"),
        (_rewrite(lambda content: content["vocabulary"]["port"].reverse()), "model.json was altered"),
        (_rewrite(lambda content: content.pop("features")), "model.json was altered"),
        (_rewrite(lambda content: content.update(more=1)), "model.json was altered"),
        (_rewrite(lambda content: content.pop("layout")), "not the JSON of a model"),
        (_rewrite(lambda content: content.pop("body_sha256")), "not the JSON of a model"),
        (_rewrite(lambda content: [content]), "not the JSON of a model"),
        (_rewrite(lambda content: "text"), "not the JSON of a model"),
        (_cut, "not the JSON of a model"),
        (lambda folder: (folder / MODEL_FILE).write_bytes(b""), "not the JSON of a model"),
        (_rewrite(lambda content: content.update(layout=2)), "has model layout 2; this version reads layout 1"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_whole_is_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    small_model().save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ModelError, match=re.escape(says)) as refusal:
        RiskModel.load(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_changed_byte_of_the_description_loads_as_another_model(tmp_path: Path, data: st.DataObject) -> None:
    small_model().save(tmp_path)
    text = bytearray((tmp_path / MODEL_FILE).read_bytes())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[place]))
    (tmp_path / MODEL_FILE).write_bytes(text)
    try:
        loaded = RiskModel.load(tmp_path)
    except ModelError:
        return
    assert loaded == small_model()  # only blanks between the values may differ


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"nowhere holds no model\.json; a model is the files model\.json and trees\.txt"
    ):
        RiskModel.load(tmp_path / "nowhere")
