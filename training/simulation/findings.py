"""The outcomes table of the simulated world: inspections written out as rows of the table of `risk.inspection`.

Owns the wording of a result and the second row that a laboratory or a correction brings. What would be
recorded at the end of the simulated time or later does not exist yet.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from risk.inspection import OUTCOMES, RESULTS
from risk.layout import arrow_schema
from training.simulation.inspections import INCONCLUSIVE, WILDLIFE, Checked
from training.simulation.tables import Ints, Tables
from training.simulation.texts import blank, pick, times, write

OFFICERS: Final = 60
CONCEALMENT: Final = (
    "under the first rows of packages",
    "inside packages among the declared goods",
    "behind a false wall of the container",
    "in hollowed goods",
    "mixed with goods that look alike",
)


def outcomes(
    rng: np.random.Generator, tables: Tables, ids: list[str], checked: Checked, typology: Ints, stop: int
) -> pd.DataFrame:
    """The outcomes of these consignments that are known at `stop` (seconds since 1970), in order of `recorded_at`.

    `ids` and `typology` hold the name of each consignment and what would be found in it, if anything is.
    """
    looked = checked.inspections
    done = np.flatnonzero(looked.done & (looked.recorded < stop))
    later = done[looked.corrected[done] < stop]
    of = np.concatenate([done, later])
    again = np.repeat([False, True], [len(done), len(later)])
    recorded = np.where(again, looked.corrected[of], looked.recorded[of])
    amount = np.array([kind.quantity[0] for kind in tables.typologies])[typology]
    spread = np.array([kind.quantity[1] for kind in tables.typologies])[typology]
    amount = np.round(amount * np.exp(rng.normal(0, 1, len(ids)) * spread))
    species_draw, hiding = rng.integers(0, 1000, len(ids)), rng.integers(0, len(CONCEALMENT), len(ids))
    officer, joint = rng.integers(0, OFFICERS, len(ids)), np.where(rng.random(len(ids)) < 0.05, 0, -1)

    order = np.lexsort((of, recorded))
    of, again, recorded = of[order], again[order], recorded[order]
    result = np.where(again, looked.final[of], looked.result[of])
    found = result == WILDLIFE
    kind = np.where(found, typology[of], -1)
    laboratory = again & (looked.result[of] == INCONCLUSIVE)
    depths = [row["depth"] for row in tables.depths]
    method = np.where(laboratory, len(depths), looked.depth[of])

    def species(which: int, draw: int) -> str:
        entry = tables.typologies[which]
        return entry.species[int(np.searchsorted(np.cumsum(entry.species_share), draw / 1000))]

    columns: dict[str, Any] = {
        "consignment_id": pick(ids, of),
        "line_no": np.zeros(len(of), np.int64),
        "inspected_at": times(looked.inspected[of]),
        "recorded_at": times(recorded),
        "selection_reason": pick(("rule", "random"), looked.random[of].astype(np.int64)),
        "selection_probability": np.round(looked.probability[of], 6),
        "method": pick([*(row["method"] for row in tables.depths), "laboratory"], method),
        "depth": pick(depths, looked.depth[of]),
        "result": pick(RESULTS, result),
        "commodity_group": pick([entry.product for entry in tables.typologies], kind),
        "species": blank(write(species, np.maximum(kind, 0), species_draw[of]), ~found),
        "cites_appendix": pick([entry.appendix for entry in tables.typologies], kind),
        "quantity": np.where(found, np.maximum(1.0, amount[of]), np.nan),
        "unit": pick([entry.quantity[2] for entry in tables.typologies], kind),
        "concealment": pick(CONCEALMENT, np.where(found, hiding[of], -1)),
        "lab_result": pick(("confirmed", "not confirmed"), np.where(laboratory, np.where(found, 0, 1), -1)),
        "officer_id": write(lambda number: f"OFF{number + 1:03d}", officer[of]),
        "operation_id": pick(("OP1",), np.where(found, joint[of], -1)),
    }
    schema = arrow_schema(OUTCOMES)
    table = pa.table([pa.array(columns[name]).cast(schema.field(name).type) for name in schema.names], schema=schema)
    frame: pd.DataFrame = table.to_pandas()
    return frame
