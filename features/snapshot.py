"""History in a file: saved once, loaded by whoever scores, refused when it is not what it says.

One uncompressed npz of plain arrays (never pickle): for each kind of key its hashes and rows, and a header
in JSON with the layout, the time up to which history goes, the target and a checksum. Knows the state as
arrays; knows no tables.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.keys import KINDS
from features.row import COUNTS, FIXED_POINT, HALF_LIVES_DAYS, MEASUREMENTS, NEVER, READS, SKETCHES
from features.state import KeyState, Layer, State
from risk.errors import HistoryError
from risk.inspection import Target
from risk.layout import utc

VERSION: Final = 2
"""Counts up when a key, or a number in a row, comes to mean something else."""


@dataclass(frozen=True)
class History:
    """A history file in memory: the state, the target its hits were counted for, and the header as saved."""

    state: State
    target: Target
    header: Mapping[str, Any]


def save_history(state: State, path: str | Path, *, target: Target, about: Mapping[str, str] | None = None) -> None:
    """Write the history to a file, replacing it at once when complete.

    `target` is the one the outcomes were folded with; `about` are words of the caller's own that come back in
    the header, such as the period and the source.
    """
    path = Path(path)
    whole = {name: (state.key(name).compact(), state.key(name).open) for name in KINDS}
    arrays = {
        f"{name}.{place}{part}": getattr(layer, part)
        for name, layers in whole.items()
        for place, layer in zip(("", "open_"), layers, strict=True)
        for part in ("hashes", "rows")
    }
    header: dict[str, Any] = {
        "layout": layout(),
        "as_of": state.as_of,
        "as_of_utc": utc(pd.Timestamp(state.as_of, unit="us").to_pydatetime()) if state.as_of > NEVER else None,
        "target": asdict(target),
        "keys": {name: len(settled) for name, (settled, _) in whole.items()},
        "open_time": {name: state.key(name).open_time for name in KINDS},
        "about": dict(about or {}),
    }
    header["sha256"] = _checksum(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, header=text, **arrays)
    part.replace(path)


def load_history(path: str | Path) -> History:
    """Read a history file.

    Raises HistoryError when it is missing, truncated, altered, or of another layout than this program's.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            if header["layout"] != layout():
                raise HistoryError(
                    f"{path} has history layout {_differences(header['layout'])} than this program; make it anew with "
                    "`risk history snapshot`"
                )
            arrays = {name: file[name] for name in file.files if name != "header"}
    except FileNotFoundError:
        raise HistoryError(f"there is no history file {path}; make one with `risk history snapshot`") from None
    except _UNREADABLE as error:
        raise HistoryError(f"{path} is no complete history file ({error}); make it anew") from error
    stated = header.pop("sha256", None)
    if _checksum(header, arrays) != stated:
        raise HistoryError(f"{path} was altered after it was saved: its checksum differs; make it anew")
    keys = {name: _key_state(arrays, name, header["open_time"][name]) for name in KINDS}
    target = header["target"]
    return History(
        State(keys, header["as_of"]),
        Target(target["name"], tuple(target["positive"]), tuple(target["unknown"])),
        header,
    )


_UNREADABLE: Final = (
    OSError, EOFError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, zipfile.BadZipFile, zlib.error
)  # fmt: skip
"""What reading a damaged zip or npz may raise; a flipped bit can ask for any feature of zip files."""


def _key_state(arrays: Mapping[str, NDArray[Any]], name: str, open_time: int) -> KeyState:
    settled = Layer(arrays[f"{name}.hashes"], arrays[f"{name}.rows"])
    waiting = Layer(arrays[f"{name}.open_hashes"], arrays[f"{name}.open_rows"])
    return KeyState((settled,) if len(settled) else (), waiting, open_time)


def layout() -> dict[str, Any]:
    """What the rows of a state mean; rows of another layout cannot be read by this program."""
    return {
        "version": VERSION,
        "keys": {name: [kind.partner, kind.measured, kind.words] for name, kind in KINDS.items()},
        "counts": list(COUNTS),
        "measurements": list(MEASUREMENTS),
        "half_lives_days": list(HALF_LIVES_DAYS),
        "sketches": list(SKETCHES),
        "fixed_point": FIXED_POINT,
        "reads": list(READS),
    }


def _differences(other: Mapping[str, Any]) -> str:
    differ = [name for name, value in layout().items() if other.get(name) != value]
    return f"{other.get('version')} with other {', '.join(differ)}"


def _checksum(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """A checksum of the header and of the arrays with their names, dtypes and shapes."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
