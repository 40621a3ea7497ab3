"""Zip and gzip before every reader: what is read, what is refused, and that nothing swells."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import Reading, read_all, write_rejects
from risk.manifests import zip_files as bounds
from training.simulation.messages import awmds
from training.simulation.world import simulate

RECEIVED = datetime(2025, 3, 14, tzinfo=UTC)
CSV = b"consignment_id,filed_at,description\n{},2025-01-01T00:00Z,FISH\n"
FWB = b"FWB/16\n176-12345675LOSHKG/T1K4.0\nISU/11MAR25/LAGOS\n"
FFM = b"FFM/8\n1/EK380/13MAR1030/DXB\nHKG/13MAR2200\n176-12345675LOSHKG/T1K4.0/FISH\nLAST\n"
AWMDS = b"<Awmds><Bol_segment><Bol_id><Bol_reference>B1</Bol_reference></Bol_id><Goods_segment><Goods_description>X"
AWMDS += b"</Goods_description></Goods_segment></Bol_segment></Awmds>"


def csv(name: str) -> bytes:
    return CSV.replace(b"{}", name.encode())


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def parquet(name: str) -> bytes:
    frame = pd.DataFrame({"consignment_id": [name], "filed_at": ["2025-01-01T00:00Z"], "description": ["FISH"]})
    return bytes(frame.to_parquet())


def read(folder: Path, content: bytes) -> Reading:
    path = folder / "m"
    path.write_bytes(content)
    return read_all([path], received_at=RECEIVED)


def test_each_member_is_a_file_of_its_own_kind(tmp_path: Path) -> None:
    files = {"a/b.xml": AWMDS, "t.csv": csv("C1"), "p": parquet("P1"), "l": b'{"consignment_id":"J1"}', "w": FWB}
    reading = read(tmp_path, zipped({**files, "__MACOSX/._t.csv": b"\0", ".DS_Store": b"\0", "a/": b""}))
    assert list(reading.consignments["consignment_id"]) == ["B1", "C1", "P1", "176-12345675"]
    assert [reject.file for reject in reading.rejects] == [f"{tmp_path / 'm'}/l"]  # J1 has no time of filing


@pytest.mark.parametrize("content", [AWMDS, csv("B1"), parquet("B1"), FWB], ids=["xml", "csv", "parquet", "fwb"])
def test_gzip_is_read_before_every_format(tmp_path: Path, content: bytes) -> None:
    plain, packed = read(tmp_path, content), read(tmp_path, gzip.compress(content))
    pd.testing.assert_frame_equal(plain.consignments, packed.consignments)


def test_a_member_that_cannot_be_read_does_not_lose_the_others(tmp_path: Path) -> None:
    content = zipped({"bad.xml": b"<Awmds><oops></Awmds>", "good.csv": csv("C1"), "odd.xml": b"<Odd/>"})
    reading = read(tmp_path, content)
    assert list(reading.consignments["consignment_id"]) == ["C1"]
    assert [Path(reject.file).name for reject in reading.rejects] == ["bad.xml", "odd.xml"]
    assert all("m/" in reject.reason and "manifests-" not in reject.reason for reject in reading.rejects)
    written = write_rejects(reading.rejects, [tmp_path / "other", tmp_path / "m"])
    assert written == [tmp_path / "m.rejects.csv"]


def test_a_flight_manifest_in_the_zip_gives_waybills_beside_it_their_flight(tmp_path: Path) -> None:
    reading = read(tmp_path, zipped({"1.txt": FWB, "2.txt": FFM}))
    assert list(reading.consignments["voyage"]) == ["EK380"]


def test_flight_and_waybill_may_be_of_different_standards(tmp_path: Path) -> None:
    house = b"""<HouseWaybill><MessageHeaderDocument><IssueDateTime>2025-03-11T00:00:00Z</IssueDateTime>
    </MessageHeaderDocument><MasterConsignment><TransportContractDocument><ID>17612345675</ID>
    </TransportContractDocument><IncludedHouseConsignment><ID>H1</ID><SummaryDescription>FISH</SummaryDescription>
    </IncludedHouseConsignment></MasterConsignment></HouseWaybill>"""
    lines = read(tmp_path, zipped({"1.xml": house, "2.txt": FFM, "3.txt": FWB})).consignments
    assert sorted(lines["consignment_id"]) == ["176-12345675", "176-12345675/H1"]
    assert set(lines["voyage"]) == {"EK380"}


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    read(tmp_path, zipped({"../../evil.csv": csv("C1")}))
    read(tmp_path, gzip.compress(parquet("P1")))
    assert list(folder.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "temporary"]


DAMAGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip in zip": (lambda: zipped({"a.zip": zipped({"a.csv": csv("C1")})}), "within a zip file"),
    "gzip in zip": (lambda: zipped({"a.gz": gzip.compress(csv("C1"))}), "within a zip file"),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(csv("C1"))), "within gzip"),
    "zip in gzip": (lambda: gzip.compress(zipped({"a.csv": csv("C1")})), "within gzip"),
    "no file": (lambda: zipped({"a/": b""}), "holds no file"),
    "half a zip": (lambda: zipped({"a.csv": csv("C1")})[:60], "damaged"),
    "half a gzip": (lambda: gzip.compress(csv("C1") * 50)[:-40], "damaged"),
    "tar": (lambda: b"\0" * 257 + b"ustar" + b"\0" * 500, "tar archive"),
    "7z": (lambda: b"7z\xbc\xaf\x27\x1c" + b"\0" * 50, "7z archive"),
    "zip bomb": (lambda: zipped({"a.csv": b"\0" * 60_000_000}), "swells"),
    "gzip bomb": (lambda: gzip.compress(csv("C1") + b"\n" * 60_000_000), "swells"),
    "members": (lambda: zipped({str(at): b"" for at in range(bounds.MOST_MEMBERS + 1)}), "more than 5,000 members"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_bombs_and_damage_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, cause = DAMAGED[name]
    with pytest.raises(InputError, match=cause) as caught:
        read(tmp_path, make())
    assert str(tmp_path / "m") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_total_that_is_unpacked_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LARGEST", 3000)
    monkeypatch.setattr("risk.manifests.archives.LARGEST", 3000)
    big = csv("C1") + b"C2,2025-01-01T00:00Z,FISH\n" * 80
    with pytest.raises(InputError, match="bytes to unpack"):
        read(tmp_path, zipped({"a": big, "b": big}, zipfile.ZIP_STORED))


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.csv": csv("C1")}))
    content[6] |= 1
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    with pytest.raises(InputError, match="encrypted"):
        read(tmp_path, bytes(content))


def test_a_member_may_not_claim_to_be_smaller_than_it_is(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.csv": csv("C1") * 2, "b.csv": csv("C2")}))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    reading = read(tmp_path, bytes(content))
    assert list(reading.consignments["consignment_id"]) == ["C2"]
    assert "damaged" in reading.rejects[0].reason


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 600), put=st.binary(max_size=6), upto=st.integers(0, 60), gz=st.booleans())
def test_damaged_archives_are_read_or_refused(tmp_path: Path, cut: int, put: bytes, upto: int, gz: bool) -> None:
    content = gzip.compress(FWB + FFM) if gz else zipped({"1.txt": FWB, "2.txt": FFM, "c.csv": csv("C1")})
    try:
        reading = read(tmp_path, content[:cut] + put + content[cut + upto :])
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert reading.rows >= len(reading.consignments)


def test_a_simulated_asycuda_manifest_comes_back_field_by_field_out_of_a_zip(tmp_path: Path) -> None:
    world = simulate(lines=1000, days=30, seed=7).consignments
    some = world[(world["mode"] == "sea") & (world["version"] == 1)].reset_index(drop=True)
    for column in ("customs_office", "voyage", "etd", "eta", "vessel_imo", "carrier"):
        some[column] = some[column].iloc[0]  # a manifest is of one voyage
    written = io.StringIO()
    awmds.write(some, written, datetime(2026, 7, 1, 8, tzinfo=UTC))
    reading = read(tmp_path, zipped({"voyage.xml": written.getvalue().encode()}))
    back = reading.consignments
    assert len(back) == len(some) > 300
    assert reading.messages[0].differences() == {}
    columns = [
        "line_no", "mode", "customs_office", "carrier", "vessel_imo", "voyage", "bl_no", "bl_type", "master_bl_no",
        "original_loading_port", "loading_port", "discharge_port", "etd", "eta", "shipper_id", "shipper_name",
        "shipper_address", "consignee_id", "consignee_name", "consignee_address", "notify_name", "forwarder_name",
        "hs_code", "description", "marks", "package_type", "packages", "gross_weight_kg", "net_weight_kg", "volume_m3",
        "freight_payment",
    ]  # fmt: skip
    for column in columns:
        pd.testing.assert_series_equal(some[column], back[column], check_dtype=False, obj=column)
