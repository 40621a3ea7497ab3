"""Red-flag indicators: a pack of tests as data, small vectorised tests by concept, findings with evidence.

    pack = load_pack()
    learnt = learn(earlier_lines, earlier_outcomes, before=moment)      # reference statistics, dated
    findings = evaluate(pack, lines, table, learnt)
    findings.fired(row)           # what fired on a line, in words and with its values
    findings.not_evaluable(row)   # what could not be judged, and which fields it lacked

A test says fired, clear or not evaluable; a missing field is never clear. Nothing here knows how features are made:
tests read named columns of a `risk.feature.FeatureTable`, whose history is already that of before `filed_at`.
"""

from risk.indicators.evaluation import Findings, Fired, by_consignment, evaluate
from risk.indicators.learning import learn
from risk.indicators.learnt import Learnt
from risk.indicators.pack import Indicator, Pack, PackError, load_pack

__all__ = [
    "Findings",
    "Fired",
    "Indicator",
    "Learnt",
    "Pack",
    "PackError",
    "by_consignment",
    "evaluate",
    "learn",
    "load_pack",
]
