from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World, at, lines_table, outcomes_table, worlds

from features.build import build
from features.events import Context
from features.snapshot import load_history, save_history
from features.state import State
from risk.errors import HistoryError
from risk.inspection import Target


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "history.npz"
    lines = lines_table([{"id": f"C{i}", "step": i, "consignee_id": f"T{i % 3}"} for i in range(9)])
    _, state = build(lines, State(), outcomes=outcomes_table([{"id": "C1", "step": 4, "result": "wildlife"}]))
    save_history(state, path, target=Target("ivory", ("wildlife",)), about={"source": "a test"})
    return path


@settings(max_examples=15, deadline=None)
@given(worlds(most=5), st.integers(0, 14))
def test_saving_loading_and_going_on_equals_one_pass(
    tmp_path_factory: pytest.TempPathFactory, world: World, cut: int
) -> None:
    whole, _ = build(world.lines, State(), outcomes=world.outcomes)
    early, known = world.lines["filed_at"] < at(cut), world.outcomes["recorded_at"] < at(cut)
    _, state = build(world.lines[early], State(), outcomes=world.outcomes[known])
    path = tmp_path_factory.mktemp("history") / "h.npz"
    save_history(state, path, target=Target())
    resumed, _ = build(
        world.lines[~early],
        load_history(path).state,
        outcomes=world.outcomes[~known],
        context=Context(world.lines[early], world.outcomes[known]),
    )
    assert resumed.numbers.tobytes() == whole.numbers[~early.to_numpy()].tobytes()


def test_a_history_file_tells_its_time_its_target_and_where_it_is_from(saved: Path) -> None:
    history = load_history(saved)
    assert pd.Timestamp(history.state.as_of, unit="us", tz="UTC") == at(8)
    assert history.target == Target("ivory", ("wildlife",))
    assert history.header["about"] == {"source": "a test"}
    assert history.header["keys"]["consignee"] == 3
    assert not list(saved.parent.glob("*.part"))


def test_the_same_history_gives_the_same_file(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    save_history(load_history(saved).state, again, target=Target("ivory", ("wildlife",)), about={"source": "a test"})
    with np.load(saved) as left, np.load(again) as right:
        assert left["header"].tobytes() == right["header"].tobytes()


def test_an_empty_history_can_be_kept(tmp_path: Path) -> None:
    save_history(State(), tmp_path / "empty.npz", target=Target())
    assert load_history(tmp_path / "empty.npz").state.as_of == State().as_of


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="there is no history file"):
        load_history(tmp_path / "no.npz")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(HistoryError, match="no complete history file"):
        load_history(saved)


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_no_changed_byte_goes_by_unnoticed(tmp_path_factory: pytest.TempPathFactory, place: float, bit: int) -> None:
    path = tmp_path_factory.mktemp("history") / "h.npz"
    _, state = build(lines_table([{"id": "A", "step": 1, "consignee_id": "T"}]), State())
    save_history(state, path, target=Target())
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1 << bit
    path.write_bytes(bytes(content))
    try:
        loaded = load_history(path)
    except HistoryError:
        return
    # What is left are bytes that mean nothing, such as the date of a member.
    for name, key in state.keys.items():
        assert loaded.state.key(name).compact().rows.tobytes() == key.compact().rows.tobytes()
        assert loaded.state.key(name).compact().hashes.tobytes() == key.compact().hashes.tobytes()
    assert (loaded.state.as_of, loaded.target) == (state.as_of, Target())


def rewritten(path: Path, change: dict[str, object]) -> None:
    """The file with another header and the same arrays."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(arrays["header"].tobytes()) | change
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)


def test_an_altered_time_is_noticed(saved: Path) -> None:
    rewritten(saved, {"as_of": 0})
    with pytest.raises(HistoryError, match="altered"):
        load_history(saved)


def test_another_layout_is_refused_by_name(saved: Path) -> None:
    rewritten(saved, {"layout": load_history(saved).header["layout"] | {"version": 0, "half_lives_days": [7, 70]}})
    with pytest.raises(HistoryError, match=r"version, half_lives_days"):
        load_history(saved)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, a=np.arange(3))
    with pytest.raises(HistoryError, match="no complete history file"):
        load_history(path)
    path.write_text("consignment_id,filed_at\n")
    with pytest.raises(HistoryError, match="no complete history file"):
        load_history(path)
