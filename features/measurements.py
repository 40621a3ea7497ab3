"""What is measured of a line and compared with what is usual for its keys: weights and value, as logarithms.

In fixed point (`features.row.FIXED_POINT`), so that sums over a key are exact in any order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.columns import Lines
from features.compiled import compiled
from features.containers import count_containers
from features.row import FIXED_POINT, MEASUREMENTS, NO_MEASUREMENT


def measurements(lines: Lines) -> NDArray[np.int32]:
    """Log weight per package, value per kilogram and weight per container of each line, in fixed point (n, 3).

    Gross weight, or net weight where that alone is stated. NO_MEASUREMENT unless both parts are positive.
    """
    gross, net = lines.number("gross_weight_kg"), lines.number("net_weight_kg")
    weight = np.where(np.isnan(gross), net, gross)
    measured = np.empty((len(lines), len(MEASUREMENTS)), np.int32)
    _fixed_log_ratio(weight, lines.number("packages"), measured[:, 0], FIXED_POINT, NO_MEASUREMENT)
    _fixed_log_ratio(lines.number("value"), weight, measured[:, 1], FIXED_POINT, NO_MEASUREMENT)
    boxes = count_containers(lines).count
    _fixed_log_ratio(weight, boxes, measured[:, 2], FIXED_POINT, NO_MEASUREMENT)
    return measured


@compiled  # a plain loop: vectorised logarithms may differ in the last bit between a long and a short array
def _fixed_log_ratio(above, below, fixed, unit, missing):  # type: ignore[no-untyped-def]
    for i in range(len(above)):
        fixed[i] = missing
        if above[i] > 0 and below[i] > 0:
            ratio = min(max(above[i] / below[i], 1e-12), 1e12)
            fixed[i] = np.int32(np.rint(math.log(ratio) * unit))
