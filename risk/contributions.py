"""What each feature adds to a raw score, along the paths that a row takes through the trees ("Saabas" contributions).

At every split a row goes on to one of two branches, and the mean of the leaves below it, weighed by the training rows
in them, moves. That move is credited to the feature of the split. The moves of all trees sum to the raw score less the
score of the average training row, exactly, at a cost that is linear in the splits passed. Shapley values share the
same sum out over all orders in which features could have become known; they are fairer where features act together,
and cost hundreds of times as much.

Owns the reading of LightGBM's text form (version 4). Knows nothing of what features mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from risk.errors import ModelError

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

_FOREST: Final = re.compile(r"^tree$", re.MULTILINE)
"""The first line of a forest in LightGBM's text."""
_TREE: Final = re.compile(r"^Tree=\d+$", re.MULTILINE)
_CATEGORY, _DEFAULT_LEFT, _ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2, 4, 8
"""Bits of a split's `decision_type`."""
_NO_NODE: Final = -1
_ROWS_A_PIECE: Final = 4096
"""Rows that one thread takes at a time."""


@dataclass(frozen=True)
class Paths:
    """Forests as arrays, one node after the other, ready to be walked.

    feature, threshold, decision    of each split: the column it reads, the bound (or the number of its set of
                                    categories), and LightGBM's bits; a leaf has the feature -1
    left, right                     the node that a row goes on to
    mean                            of each node: the mean of the leaves below it, over the training rows in them
    roots                           the first node of each tree, forest by forest
    sets, words                     categories that go left: bits of 32 a word, where each set begins
    average                         what an average training row scores: the mean over the forests
    """

    feature: Int32
    threshold: Float64
    decision: NDArray[np.int8]
    left: Int32
    right: Int32
    mean: Float64
    roots: Int32
    sets: Int32
    words: NDArray[np.uint32]
    forests: int
    average: float

    def contributions(self, matrix: NDArray[np.float32], threads: int = 1) -> Float64:
        """What each feature adds to the raw score of each row, float64 (n, features).

        `matrix` is what `RiskModel.encode` gives. A row has the same bits alone and among millions.
        """
        matrix = np.ascontiguousarray(matrix)
        added = np.zeros(matrix.shape)
        starts = range(0, len(matrix), _ROWS_A_PIECE)
        nodes = (self.feature, self.threshold, self.decision, self.left, self.right, self.mean)
        trees = (self.roots, self.sets, self.words, self.forests)

        def piece(start: int) -> None:
            rows = slice(start, start + _ROWS_A_PIECE)
            _walk(matrix[rows], *nodes, *trees, added[rows])

        if threads == 1 or len(starts) < 2:
            for start in starts:
                piece(start)
        else:
            with ThreadPoolExecutor(threads if threads > 0 else None) as pool:
                list(pool.map(piece, starts))
        return added


def forests(trees: str) -> list[str]:
    """The texts of the forests that stand one after the other in a model's text."""
    starts = [found.start() for found in _FOREST.finditer(trees)]
    return [trees[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def read_paths(trees: str) -> Paths:
    """The forests of a model's text as arrays. Raises ModelError for trees of a kind that is not read here."""
    nodes, roots, average = _Nodes(), list[int](), 0.0
    texts = forests(trees)
    for text in texts:
        if "average_output" in text.partition("\nTree=")[0].splitlines():
            raise ModelError("the trees are a random forest; reasons are given for boosted trees only")
        for tree in _TREE.split(text)[1:]:
            roots.append(nodes.add(_fields(tree)))
            average += nodes.mean[roots[-1]]
    return Paths(
        feature=np.array(nodes.feature, np.int32),
        threshold=np.array(nodes.threshold, np.float64),
        decision=np.array(nodes.decision, np.int8),
        left=np.array(nodes.left, np.int32),
        right=np.array(nodes.right, np.int32),
        mean=np.array(nodes.mean, np.float64),
        roots=np.array(roots, np.int32),
        sets=np.array(nodes.sets, np.int32),
        words=np.array(nodes.words, np.uint32),
        forests=max(len(texts), 1),
        average=average / max(len(texts), 1),
    )


def _fields(tree: str) -> dict[str, list[str]]:
    """The lines `name=values` of one tree."""
    pairs = (line.partition("=") for line in tree.split("\n\n")[0].splitlines())
    return {name: values.split() for name, _, values in pairs if name}


class _Nodes:
    """The nodes of all trees read so far: the splits of a tree first, its leaves behind them."""

    def __init__(self) -> None:
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.decision: list[int] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.mean: list[float] = []
        self.sets: list[int] = [0]
        self.words: list[int] = []

    def add(self, tree: Mapping[str, Sequence[str]]) -> int:
        """Take a tree; the place of its root."""
        if tree.get("is_linear", ["0"]) != ["0"]:
            raise ModelError("the trees have linear leaves; reasons are given for constant leaves only")
        leaves = [float(value) for value in tree["leaf_value"]]
        if len(leaves) == 1:
            return self._append(_NO_NODE, 0.0, 0, 0, 0, leaves[0])
        rows = [float(count) for count in tree["leaf_count"]]
        splits, root, known_sets = len(leaves) - 1, len(self.feature), len(self.sets) - 1
        below = [[int(child) for child in tree[side]] for side in ("left_child", "right_child")]

        def place(child: int) -> int:
            return root + (child if child >= 0 else splits + ~child)  # a negative child is a leaf

        for at in range(splits):
            decision = int(tree["decision_type"][at])
            threshold = float(tree["threshold"][at])
            if decision & _CATEGORY:
                threshold += known_sets
            self._append(
                int(tree["split_feature"][at]), threshold, decision, place(below[0][at]), place(below[1][at]), 0.0
            )
        for value in leaves:
            self._append(_NO_NODE, 0.0, 0, 0, 0, value)
        self._take_sets(tree)
        self._average(root, splits, rows)
        return root

    def _append(self, feature: int, threshold: float, decision: int, left: int, right: int, mean: float) -> int:
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.decision.append(decision)
        self.left.append(left)
        self.right.append(right)
        self.mean.append(mean)
        return len(self.feature) - 1

    def _take_sets(self, tree: Mapping[str, Sequence[str]]) -> None:
        if tree["num_cat"] == ["0"]:
            return
        first = len(self.words)
        self.sets += [first + int(bound) for bound in tree["cat_boundaries"][1:]]
        self.words += [int(word) for word in tree["cat_threshold"]]

    def _average(self, root: int, splits: int, rows: Sequence[float]) -> None:
        """Set the mean of each split from the leaves up; a split stands before all that is below it."""
        weight = [0.0] * splits + list(rows)
        for at in reversed(range(splits)):
            left, right = self.left[root + at], self.right[root + at]
            a, b = weight[left - root], weight[right - root]
            weight[at] = a + b
            share = a / (a + b) if a + b > 0 else 0.5
            self.mean[root + at] = share * self.mean[left] + (1 - share) * self.mean[right]


def _compiled(function: Any) -> Any:
    return njit(cache=True, nogil=True)(function)


@_compiled
def _goes_left(value, threshold, decision, sets, words):  # type: ignore[no-untyped-def]
    """Where LightGBM sends a value at a split."""
    if decision & _CATEGORY:
        if np.isnan(value) or value < 0:
            return False
        code, which = np.int64(value), np.int64(threshold)
        word = sets[which] + code // 32
        return word < sets[which + 1] and (words[word] >> np.uint32(code % 32)) & np.uint32(1) == 1
    if np.isnan(value):
        if decision & _NAN_IS_MISSING:
            return decision & _DEFAULT_LEFT != 0
        value = 0.0
    if decision & _ZERO_IS_MISSING and abs(value) <= 1e-35:
        return decision & _DEFAULT_LEFT != 0
    return value <= threshold


@_compiled
def _walk(  # type: ignore[no-untyped-def]
    matrix, feature, threshold, decision, left, right, mean, roots, sets, words, forests, added
):
    for row in range(len(matrix)):
        for root in roots:
            at = root
            while feature[at] >= 0:
                column = feature[at]
                value = np.float64(matrix[row, column])
                below = left[at] if _goes_left(value, threshold[at], decision[at], sets, words) else right[at]
                added[row, column] += mean[below] - mean[at]
                at = below
        for column in range(added.shape[1]):
            added[row, column] /= forests
