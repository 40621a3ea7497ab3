"""Arrow columns made from arrays: every different text is written once and then looked up by its code.

Knows nothing of what the texts mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.simulation.tables import Bools, Ints


def pick(values: Sequence[str | None], codes: Ints) -> Any:
    """The text at each code as an Arrow string array, null where the code is -1 or the text is None."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(values, pa.string())).dictionary_decode()


def write(make: Callable[..., str | None], *codes: Ints) -> Any:
    """`make(code, code, ...)` for each row as an Arrow string array, called once for each different row of codes.

    Codes are whole numbers from 0 up; `make` receives them as `int`.
    """
    sizes = tuple(int(code.max(initial=0)) + 1 for code in codes)
    kinds, which = np.unique(np.ravel_multi_index(codes, sizes), return_inverse=True)
    parts = [part.tolist() for part in np.unravel_index(kinds, sizes)]
    return pick([make(*row) for row in zip(*parts, strict=True)], which)


def blank(texts: Any, where: Bools) -> Any:
    """The texts with nulls where told."""
    return pc.if_else(pa.array(where), pa.scalar(None, pa.string()), texts)


def times(seconds: Ints) -> Any:
    """Seconds since 1970 as UTC times."""
    return pa.array(seconds * 1_000_000, pa.timestamp("us", tz="UTC"))
