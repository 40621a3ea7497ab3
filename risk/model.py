"""The risk model: trees, calibration, the features they read, and where all of it came from.

A model is a folder of two files that a person can read: `trees.txt` (LightGBM's own text; of several forests one
after the other the mean counts) and `model.json` (everything else, with the checksum of the trees). There is no
pickle. The fingerprint over both names the model in every score. Knows nothing of MLflow, files of consignments, or
how features are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from risk import calibration
from risk.calibration import Calibration
from risk.contributions import Paths, forests, read_paths
from risk.errors import ModelError
from risk.feature import Feature, FeatureTable

if TYPE_CHECKING:
    import lightgbm

Float64 = NDArray[np.float64]

LAYOUT: Final = 1
TREES_FILE: Final = "trees.txt"
MODEL_FILE: Final = "model.json"
Method = Literal["path", "shapley"]
"""How contributions are found: along the paths through the trees, or as exact Shapley values."""


@dataclass(frozen=True)
class Scores:
    """What the model says of each line: calibrated probability and raw log odds, float64 (n,)."""

    probability: Float64
    raw: Float64


@dataclass(frozen=True)
class RiskModel:
    """A trained model.

    trees         LightGBM's text form of one forest or several
    features      the features it reads, in the order of its columns
    vocabulary    for each category feature the values known from training; any other value reads as missing
    facts         where it comes from: target, spans of time, data fingerprint, figures (JSON values only)
    """

    trees: str
    calibration: Calibration
    features: tuple[Feature, ...]
    vocabulary: Mapping[str, tuple[str, ...]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def score(self, table: FeatureTable, *, threads: int = 0) -> Scores:
        """Probability and raw score of each row. Raises ModelError when the table lacks a feature."""
        if len(table) == 0:
            return Scores(np.empty(0), np.empty(0))
        raw = self._mean(table, raw_score=True, num_threads=threads)
        return Scores(self.calibration.probability(raw), raw)

    def spread(self, table: FeatureTable, *, threads: int = 0) -> Float64:
        """How far the forests disagree: the standard deviation of their raw scores of each row, 0 for one forest."""
        if len(table) == 0:
            return np.empty(0)
        matrix = self.encode(table)
        said = [forest.predict(matrix, raw_score=True, num_threads=threads) for forest in self._forests]
        return np.asarray(np.std(np.asarray(said, np.float64), axis=0), np.float64)

    def contributions(self, table: FeatureTable, method: Method = "shapley", *, threads: int = 1) -> Float64:
        """What each feature adds to the raw score of each row, log odds (n, features).

        By either method the rows sum to the raw score less `average`. Paths cost about as much as scoring; exact
        Shapley values of the trees cost hundreds of times that. The bits of a row do not depend on other rows.
        """
        if len(table) == 0:
            return np.empty((0, len(self.features)))
        if method == "path":
            return self._paths.contributions(self.encode(table), threads)
        return self._mean(table, pred_contrib=True, num_threads=threads)[:, :-1]

    @property
    def average(self) -> float:
        """The raw score of an average training row, which contributions start from."""
        return self._paths.average

    def _mean(self, table: FeatureTable, **what: Any) -> Float64:
        """The mean of what the forests say of each row."""
        matrix = self.encode(table)
        total = sum(np.asarray(forest.predict(matrix, **what), np.float64) for forest in self._forests)
        return np.asarray(total / len(self._forests), np.float64)

    def encode(self, table: FeatureTable) -> NDArray[np.float32]:
        """The columns the trees read, float32 (n, features); categories as their place in the vocabulary."""
        matrix = np.empty((len(table), len(self.features)), np.float32)
        for place, feature in enumerate(self.features):
            try:
                values = table.column(feature.name)
            except KeyError:
                raise ModelError(
                    f"the model reads the feature {feature.name!r}, which these records do not have; "
                    "score with the mapping it was trained with"
                ) from None
            matrix[:, place] = self._codes(feature.name, values) if feature.kind == "category" else values
        return matrix

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits over everything in the model."""
        return _fingerprint(self._document())

    def save(self, folder: Path) -> None:
        """Write the model's two files into a folder, which is made when missing."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TREES_FILE).write_text(self.trees, encoding="utf-8")
        (folder / MODEL_FILE).write_bytes(self._document())

    @classmethod
    def load(cls, folder: Path) -> RiskModel:
        """Read a model. Raises ModelError when a file is missing, altered or of another layout."""
        for name in (MODEL_FILE, TREES_FILE):
            if not (folder / name).is_file():
                raise ModelError(
                    f"{folder} holds no {name}; a model is the files {MODEL_FILE} and {TREES_FILE} together"
                )
        try:
            document = (folder / MODEL_FILE).read_bytes()
            content = orjson.loads(document)
            layout, body_sha256 = content["layout"], content.pop("body_sha256")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise ModelError(f"{folder / MODEL_FILE} was altered or cut: it is not the JSON of a model") from None
        if layout != LAYOUT:
            raise ModelError(f"{folder} has model layout {layout}; this version reads layout {LAYOUT}")
        # Checked before it is understood, so that nothing below meets a value that was not written by `save`.
        if hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest() != body_sha256:
            raise ModelError(f"{folder / MODEL_FILE} was altered: its content does not match its checksum")
        trees = (folder / TREES_FILE).read_bytes()
        if hashlib.sha256(trees).hexdigest() != content["trees_sha256"]:
            raise ModelError(f"{folder / TREES_FILE} was altered: its checksum differs from the one in {MODEL_FILE}")
        model = cls(
            trees=trees.decode("utf-8"),
            calibration=calibration.from_json(content["calibration"]),
            features=tuple(Feature(**entry) for entry in content["features"]),
            vocabulary={name: tuple(values) for name, values in content["vocabulary"].items()},
            facts=content["facts"],
        )
        # Its name stays that of the file, also when a later version of this code would write it otherwise.
        model.__dict__["fingerprint"] = _fingerprint(document)
        return model

    def _document(self) -> bytes:
        body = self._content()
        body["body_sha256"] = hashlib.sha256(self._body()).hexdigest()
        return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    def _body(self) -> bytes:
        return orjson.dumps(self._content(), option=orjson.OPT_SORT_KEYS)

    def _content(self) -> dict[str, Any]:
        return {
            "layout": LAYOUT,
            "trees_sha256": hashlib.sha256(self.trees.encode("utf-8")).hexdigest(),
            "calibration": self.calibration.to_json(),
            "features": [feature.__dict__ for feature in self.features],
            "vocabulary": {name: list(values) for name, values in self.vocabulary.items()},
            "facts": dict(self.facts),
        }

    def _codes(self, name: str, values: NDArray[np.object_]) -> NDArray[np.float32]:
        return encode_category(values, self._lookup[name])

    @cached_property
    def _lookup(self) -> dict[str, dict[str, int]]:
        return {name: {value: place for place, value in enumerate(values)} for name, values in self.vocabulary.items()}

    @cached_property
    def _forests(self) -> tuple[lightgbm.Booster, ...]:
        import lightgbm  # a second to import, not needed to read about a model

        return tuple(lightgbm.Booster(model_str=text) for text in forests(self.trees))

    @cached_property
    def _paths(self) -> Paths:
        return read_paths(self.trees)


def _fingerprint(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()[:16]


def encode_category(values: NDArray[np.object_], lookup: Mapping[str, int]) -> NDArray[np.float32]:
    """The place of each value in the vocabulary as float32; NaN for missing and for unknown values."""
    return np.fromiter((lookup.get(value, np.nan) for value in values), np.float32, len(values))
