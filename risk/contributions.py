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
"""Bits of a split's `decision_type` in LightGBM's text."""
_NUMBER, _NUMBER_OR_ZERO, _SET = 0, 1, 2
"""Kinds of split: by a bound; by a bound, zero going where missing goes; by a set of categories."""
_LEAF: Final = -1
_ROWS_A_PIECE: Final = 4096
"""Rows that one thread takes at a time."""

NODE: Final = np.dtype(
    [
        ("threshold", np.float64),  # values up to it go left; for categories the number of the set that goes left
        ("mean", np.float64),  # of the leaves below, weighed by the training rows in them
        ("feature", np.int32),  # the column that is read; -1 for a leaf
        ("below", np.int32),  # the left node; the right one stands behind it
        ("kind", np.int32),
        ("missing_left", np.int32),  # whether a missing value goes left
    ]
)
"""A split or a leaf: what is read of it together lies together."""


@dataclass(frozen=True)
class Paths:
    """Forests as arrays, ready to be walked.

    nodes      of all trees, one after the other, as NODE
    roots      the first node of each tree
    sets       where each set of categories begins among the words, and the end of the last one
    words      the categories that go left, 32 bits a word
    forests    how many there are; the model is their mean
    average    what an average training row scores
    """

    nodes: NDArray[np.void]
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

        def piece(start: int) -> None:
            rows = slice(start, start + _ROWS_A_PIECE)
            _walk(matrix[rows], self.nodes, self.roots, self.sets, self.words, self.forests, added[rows])

        starts = range(0, len(matrix), _ROWS_A_PIECE)
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
    found, roots, average = _Nodes(), list[int](), 0.0
    texts = forests(trees)
    for text in texts:
        if "average_output" in text.partition("\nTree=")[0].splitlines():
            raise ModelError("the trees are a random forest; reasons are given for boosted trees only")
        for tree in _TREE.split(text)[1:]:
            roots.append(len(found.nodes))
            found.add(_fields(tree))
            average += found.nodes[roots[-1]][1]
    return Paths(
        np.array(found.nodes, NODE),
        np.array(roots, np.int32),
        np.array(found.sets, np.int32),
        np.array(found.words, np.uint32),
        max(len(texts), 1),
        average / max(len(texts), 1),
    )


def _fields(tree: str) -> dict[str, list[str]]:
    """The lines `name=values` of one tree."""
    pairs = (line.partition("=") for line in tree.partition("\n\n")[0].splitlines())
    return {name: values.split() for name, _, values in pairs if name}


class _Nodes:
    """The nodes of all trees read so far, a tree from its root downwards, the two branches of a split side by side."""

    def __init__(self) -> None:
        self.nodes: list[tuple[float, float, int, int, int, int]] = []
        self.sets: list[int] = [0]
        self.words: list[int] = []

    def add(self, tree: Mapping[str, Sequence[str]]) -> None:
        """Take a tree."""
        if tree.get("is_linear", ["0"]) != ["0"]:
            raise ModelError("the trees have linear leaves; reasons are given for constant leaves only")
        leaves = [float(value) for value in tree["leaf_value"]]
        if len(leaves) == 1:
            self.nodes.append((0.0, leaves[0], _LEAF, 0, 0, 0))
            return
        children = [(int(a), int(b)) for a, b in zip(tree["left_child"], tree["right_child"], strict=True)]
        means = _means(children, leaves, [float(count) for count in tree["leaf_count"]])
        order, root = [0], len(self.nodes)  # in LightGBM's own numbers: splits from 0 on, leaves below 0
        for node in order:
            if node < 0:
                self.nodes.append((0.0, leaves[~node], _LEAF, 0, 0, 0))
                continue
            self.nodes.append(self._split(tree, node, means[node], root + len(order)))
            order += children[node]
        if tree["num_cat"] != ["0"]:
            first = len(self.words)
            self.sets += [first + int(bound) for bound in tree["cat_boundaries"][1:]]
            self.words += [int(word) for word in tree["cat_threshold"]]

    def _split(
        self, tree: Mapping[str, Sequence[str]], node: int, mean: float, below: int
    ) -> tuple[float, float, int, int, int, int]:
        """Where LightGBM sends a missing value depends on the kind of split, and is settled here once."""
        decision, threshold = int(tree["decision_type"][node]), float(tree["threshold"][node])
        feature = int(tree["split_feature"][node])
        if decision & _CATEGORY:
            return threshold + len(self.sets) - 1, mean, feature, below, _SET, False
        left_by_default = bool(decision & _DEFAULT_LEFT)
        if decision & _ZERO_IS_MISSING:
            return threshold, mean, feature, below, _NUMBER_OR_ZERO, left_by_default
        missing_left = left_by_default if decision & _NAN_IS_MISSING else threshold >= 0  # it reads as zero
        return threshold, mean, feature, below, _NUMBER, missing_left


def _means(children: Sequence[tuple[int, int]], leaves: Sequence[float], rows: Sequence[float]) -> list[float]:
    """The mean below each split; in LightGBM's numbers a split stands before all that is below it."""
    means, weights = [0.0] * len(children), [0.0] * len(children)
    for at in reversed(range(len(children))):
        (a, weight_a), (b, weight_b) = (
            (leaves[~child], rows[~child]) if child < 0 else (means[child], weights[child]) for child in children[at]
        )
        weights[at] = weight_a + weight_b
        share = weight_a / weights[at] if weights[at] > 0 else 0.5
        means[at] = share * a + (1 - share) * b
    return means


def _compiled(function: Any) -> Any:
    return njit(cache=True, nogil=True)(function)


@_compiled
def _in_set(value, which, sets, words):  # type: ignore[no-untyped-def]
    if not value >= 0:
        return False
    code = np.int64(value)
    word = sets[which] + code // 32
    return word < sets[which + 1] and (words[word] >> np.uint32(code % 32)) & np.uint32(1) == 1


@_compiled
def _walk(matrix, nodes, roots, sets, words, forests, added):  # type: ignore[no-untyped-def]
    for row in range(len(matrix)):
        for root in roots:
            at = root
            column = nodes[at].feature
            while column >= 0:
                node = nodes[at]
                value = np.float64(matrix[row, column])
                left = (value <= node.threshold) | ((node.missing_left != 0) & np.isnan(value))
                if node.kind == _SET:
                    left = _in_set(value, np.int64(node.threshold), sets, words)
                elif node.kind == _NUMBER_OR_ZERO and abs(value) <= 1e-35:
                    left = node.missing_left != 0
                at = node.below + 1 - np.int32(left)
                added[row, column] += nodes[at].mean - node.mean
                column = nodes[at].feature
        for column in range(added.shape[1]):
            added[row, column] /= forests
