"""Automatic links: all pairs of mentions that have something to say for them, each with score and rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from risk.parties import blocking
from risk.parties.evidence import POSSIBLE, RULES, Crowds, Rule, judge
from risk.parties.mentions import Ints, Mentions

AT_ONCE: Final = 500_000
"""Pairs judged at a time, so that memory does not grow with their number."""


@dataclass(frozen=True)
class Links:
    """Inferred links between rows i < j of a table of mentions, in order of i, j."""

    i: Ints
    j: Ints
    score: NDArray[np.float32]
    rule: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.i)

    def made_by(self, place: int) -> Rule:
        """The rule that made a link."""
        return RULES[int(self.rule[place])]


def link(mentions: Mentions, crowds: Crowds | None = None) -> Links:
    """All links of at least POSSIBLE. The same mentions give the same links, in whatever order they came."""
    crowds = crowds or Crowds.of(mentions)
    i, j = blocking.pairs(mentions)
    kept: list[tuple[Ints, Ints, NDArray[np.float32], NDArray[np.int8]]] = []
    for start in range(0, len(i), AT_ONCE):
        a, b = i[start : start + AT_ONCE], j[start : start + AT_ONCE]
        score, rule = judge(mentions, a, mentions, b, crowds)
        good = score >= np.float32(POSSIBLE)
        kept.append((a[good], b[good], score[good], rule[good]))
    if not kept:
        none = np.zeros(0, np.int64)
        return Links(none, none, np.zeros(0, np.float32), np.zeros(0, np.int8))
    a, b, score, rule = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return Links(a, b, score, rule)
