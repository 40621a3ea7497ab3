"""The ways of selecting that the weekly loop compares, by the names a person gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from risk.errors import UsageError
from risk.exploration import Exploration, Hybrid, Novelty, Uncertainty


@dataclass(frozen=True)
class Strategy:
    """How the inspections of a week are chosen.

    ranking        what stands for the risk: the model, the old rules, the risk profile, or nothing (all alike)
    random_share   part of the capacity drawn blindly
    exploration    how a further part is spent on learning; None for not at all
    """

    name: str
    ranking: Literal["model", "rules", "profile", "nothing"] = "model"
    random_share: float = 0.0
    exploration: Exploration | None = None


STRATEGIES: Final[dict[str, Strategy]] = {
    strategy.name: strategy
    for strategy in (
        Strategy("random", "nothing", 1.0),
        Strategy("old rules", "rules"),
        Strategy("risk profile", "profile", 0.05),
        Strategy("exploit only"),
        Strategy("random 5 %", random_share=0.05),
        Strategy("random 10 %", random_share=0.10),
        Strategy("random 20 %", random_share=0.20),
        Strategy("uncertainty 10 %", random_share=0.05, exploration=Uncertainty(0.10)),
        Strategy("novelty 10 %", random_share=0.05, exploration=Novelty(0.10)),
        Strategy("hybrid", random_share=0.05, exploration=Hybrid()),
    )
}
"""All that can be named; the random stream of 5 % is what an office has by default."""


def named(names: list[str]) -> list[Strategy]:
    """The strategies of these names, all of them for none. Raises UsageError for one that there is not."""
    unknown = [name for name in names if name not in STRATEGIES]
    if unknown:
        raise UsageError(f"no strategy is called {unknown[0]!r}; there are {', '.join(STRATEGIES)}")
    return [STRATEGIES[name] for name in names or STRATEGIES]
