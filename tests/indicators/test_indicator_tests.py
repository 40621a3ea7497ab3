"""Single indicators: what fires them, in words, and the near miss that does not."""

# ruff: noqa: E501  (a case a line)
from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest
from trade import FILED, consignments, features, outcomes

from risk.errors import InputError
from risk.indicators import Learnt, evaluate, learn, load_pack
from risk.indicators.evaluation import CLEAR, FIRED

PACK: Final = load_pack()
Row = dict[str, Any]

COLD: Final = '[{"no":"CSQU3054383","type":"22R1","seals":["S1"],"full":true}]'
EMPTY: Final = '[{"no":"CSQU3054383","type":"22G1","seals":["S1"],"full":false}]'
AFRICAN: Final[Row] = {"origin_country": "NG", "loading_port": "NGAPP", "loading_country": "NG", "hs_code": "080131",
                       "description": "CASHEW NUTS IN SHELL", "containers": None}  # fmt: skip
PERMIT: Final = '[{"type":"CITES export","no":"NG-1","issued":"%s","expires":"%s"}]'


def permit(issued: str, expires: str) -> Row:
    return {"permits": PERMIT % (issued, expires)}


ALONE: Final[dict[str, tuple[Row, Row, str]]] = {
    "R03": ({**AFRICAN, "transhipment_ports": "SGSIN"}, {**AFRICAN, "transhipment_ports": "NGONN"}, "by way of Singapore (SGSIN)"),
    "R08": ({"eta": FILED - pd.Timedelta(days=8)}, {"eta": FILED - pd.Timedelta(days=2)}, "km a day"),
    "R09": ({"loading_port": "XXXXX", "discharge_port": None}, {}, "loading XXXXX is no place"),
    "R10": ({"destination_country": "KH", "consignee_country": "KH"}, {}, "over land for Cambodia"),
    "C04": ({"description": "GOODS"}, {}, "in 1 words: GOODS"),
    "C06": ({"description": "amendoim em sacos para venda"}, {"description": "peanuts in sacks"}, "language Portuguese for Vietnam"),
    "C07": ({"description": "DRIED PANGOLIN SCALES"}, {"description": "FISH SCALES"}, "DRIED PANGOLIN SCALES"),
    "C08": ({"freight": 9000.0, "value": 8000.0}, {"freight": 7000.0, "value": 8000.0}, "(1.1 times)"),
    "C11": ({"hs_code": "4407", "description": "SAWN TIMBER"}, {"hs_code": "4407", "description": "SAWN OAK"}, "SAWN TI"),
    "C12": ({"mode": "air", "description": "SPARE PARTS"}, {"mode": "air"}, "by air, 0 earlier"),
    "W03": ({"gross_weight_kg": 9000.0}, {"gross_weight_kg": 19_000.0}, "verified mass 22,400 kg is more"),
    "P05": ({"consignee_name": "TO ORDER OF BANK"}, {}, "made out to order"),
    "P06": ({"notify_name": "Kawase Machine Works"}, {}, "is the shipper"),
    "P07": ({"consignee_address": "P.O. BOX 12, Ha Noi"}, {}, "a post box as address"),
    "P13": ({"shipper_address": "442 LE THANH TONG, UNIT 19, HA NOI"}, {}, "the same address"),
    "P18": ({"shipper_name": "TOKYO REPTILE BREEDERS"}, {}, "TOKYO REPTILE BREEDERS to"),
    "D01": ({"eta": FILED + pd.Timedelta(hours=5)}, {"eta": FILED + pd.Timedelta(hours=25)}, "5 hours before arrival"),
    "D08": ({"hs_code": None}, {}, "no HS code"),
    "K01": ({"containers": '[{"no":"CSQU3054384"}]'}, {}, "1 container number with"),
    "K03": ({"containers": '[{"no":"CSQU3054383","full":true}]'}, {"containers": COLD}, "0% of the containers"),
    "K05": ({"hs_code": "030389"}, {"hs_code": "030389", "containers": COLD}, "does not cool"),
    "K06": ({"vessel_imo": "9074728"}, {}, "9074728 has a wrong form"),
    "K08": ({"containers": EMPTY, "gross_weight_kg": 9000.0}, {"containers": EMPTY, "gross_weight_kg": 2300.0}, "9,000"),
    "W08": ({"gross_weight_kg": 31_000.0}, {}, "more than it may carry"),
    "X01": ({"hs_code": "050790"}, {"hs_code": "050790", **permit("2026-01-01", "2026-05-01")}, "without any permit"),
    "X02": (permit("2025-12-01", "2026-03-01"), permit("2026-01-01", "2026-06-30"), "expired on 2026-03-01"),
    "A01": ({**AFRICAN, "mode": "air", "transhipment_ports": "ETADD SGSIN"},
            {**AFRICAN, "mode": "air", "transhipment_ports": "ETADD"}, "by way of Addis Ababa (ETADD), Singapore (SGSIN)"),
    "A02": ({"mode": "air", "consignee_address": "Free Trade Zone, cargo area"}, {"mode": "air"}, "to a free zone"),
    "A03": ({**AFRICAN, "mode": "air", "description": "SAMPLE", "value": 40.0}, {**AFRICAN, "mode": "air"}, "value 40"),
    "A04": ({"mode": "air", "hs_code": "010620"}, {"mode": "sea", "hs_code": "010620"}, "new to such goods"),
}  # fmt: skip
"""What fires, what does not, and a part of the words; both alone, without any history."""


@pytest.mark.parametrize("which", ALONE)
def test_the_record_alone_fires(which: str) -> None:
    fires, misses, words = ALONE[which]
    lines = consignments(fires, {"consignee_id": "77001", "shipper_id": "JP1", **misses})
    place = PACK.ids.index(which)
    found = evaluate(PACK, lines, features(lines))
    assert found.status[0, place] == FIRED
    assert found.status[1, place] != FIRED
    assert words in next(item.words for item in found.fired(0) if item.id == which)


def test_permit_issued_after_departure_or_valid_too_long_is_impossible() -> None:
    lines = consignments(permit("2026-03-05", "2026-06-01"), permit("2026-01-01", "2026-12-31"))
    found = evaluate(PACK, lines, features(lines))
    words = [next(item.words for item in found.fired(row) if item.id == "X02") for row in (0, 1)]
    assert "issued on 2026-03-05, after departure" in words[0]
    assert "valid to 2026-12-31, for 12 months" in words[1]


def test_lines_with_and_without_a_protected_species_under_one_heading_fire() -> None:
    fins = {"consignment_id": "M", "hs_code": "030571"}
    lines = consignments({**fins, "description": "SHARK FIN"}, {**fins, "line_no": 2, "description": "DRIED BLUE FINS"},
                         {"hs_code": "030571", "description": "SHARK FIN"})  # fmt: skip
    found = evaluate(PACK, lines, features(lines))
    assert found.status[:, PACK.ids.index("X07")].tolist() == [FIRED, FIRED, CLEAR]
    assert "X07" in {item.id for item in found.fired(1)}


def other(number: int, **row: Any) -> Row:
    return {"consignee_id": f"99{number:04d}", "consignee_name": f"OTHER {number}", "shipper_id": f"S{number}",
            "shipper_name": f"SENDER {number}", "consignee_address": f"{number} Street", "containers": None, **row}  # fmt: skip


USUAL: Final[dict[str, tuple[list[Row], list[Row], Row, Row, str]]] = {
    "R11": ([{"consignment_id": "S", "days": -20, "discharge_port": "VNDAD"}], [{"consignment_id": "S", "days": -15}],
            {"discharge_port": "VNHPH"}, {"discharge_port": "VNDAD"}, "by way of Da Nang (VNDAD)"),
    "C05": ([other(n, days=-50, hs_code="080131", description="RAW CASHEW KERNELS") for n in range(40)], [],
            {"description": "CASHEW"}, {"description": "CASHEW", "hs_code": "080132"}, "stands under chapter 08 in 100%"),
    "W05": ([other(n, days=-9, value=123.45) for n in range(3)], [], {"value": 123.45}, {"value": 123.4}, "by 3 other"),
    "W07": ([other(n, days=-9) for n in range(120)], [], {"package_type": "DR"}, {}, "packed as DR, as 0.0% of 120"),
    "P04": ([other(1, consignment_id="S", days=-20, consignee_name="GREAT MOUNTAIN FOODS")],
            [{"consignment_id": "S", "days": -15}], {"consignee_name": "GREAT MOUNTAINS FOODS CO LTD"}, {}, "is close to"),
    "P11": ([{"consignment_id": "S", "days": -20, "consignee_name": "OLD RIVER FOODS"}],
            [{"consignment_id": "S", "days": -15, "result": "other_offence"}], {}, {"consignee_name": "Old River Foods"},
            "has the number or address of OLD RIVER"),
    "D02": ([{"consignment_id": "A", "days": -5}], [], {"consignment_id": "A", "version": 2, "hs_code": "050790"},
            {"consignment_id": "B", "version": 1}, "another HS code"),
    "D03": ([other(1, days=-30, containers=None) | {"containers": '[{"no":"TRHU6895812","seals":["Q1"]}]'}], [],
            {"containers": '[{"no":"TRHU6895812","seals":["Q2"]}]'},
            {"containers": '[{"no":"TRHU6895812","seals":["Q2"]}]', "gross_weight_kg": 9000.0}, "30 days ago under bill"),
    "D04": ([{"consignment_id": "A", "days": -5}], [], {"consignment_id": "A", "version": 2, "discharge_port": "VNHPH"},
            {"consignment_id": "B"}, "Hai Phong (VNHPH) in place of Cat Lai (VNCLI)"),
    "D06": ([{"days": -9}, {"days": -6}, {"days": -3}], [], {}, {"consignee_id": "5550001"}, "4 bills of the same parties"),
    "D07": ([other(1, days=-30, **permit("2026-01-01", "2026-05-01"))], [], permit("2026-01-01", "2026-05-01"), {},
            "permit NG-1 was shown"),
    "D11": ([other(1, consignment_id="S", days=-20, description="RAW CASHEW NUTS IN JUTE BAGS CROP 2025", marks="RCN/77")],
            [{"consignment_id": "S", "days": -15}],
            {"description": "Raw cashew nuts in jute bags, crop 2025", "marks": "RCN/77"}, {}, "like the text of"),
    "D12": ([other(n, days=-30) for n in range(250)], [], {"bl_no": "ZZ-1"}, {}, "ZZ-1 has a form"),
    "K02": ([other(n, days=-30, containers='[{"no":"CSQU3054383"}]') for n in range(250)], [],
            {"containers": '[{"no":"TRHU6895812"}]'}, {}, "no container of the owner TRHU"),
    "N03": ([other(n, days=-9, consignee_address="1 Same Road") for n in range(2)], [],
            {"consignee_address": "1 Same Road", "consignee_id": "7", "shipper_id": "Q"}, {"notify_name": None}, "at the same address"),
    "N04": ([other(n, days=-30, shipper_id="JP7755331") for n in range(6)], [], {}, {"shipper_id": "X1"}, "100% of the 6"),
    "N05": ([{**AFRICAN, "days": -9, "loading_port": port} for port in ("NGONN", "TGLFW")], [], AFRICAN,
            {**AFRICAN, "consignee_id": "7"}, "from 3 ports"),
}  # fmt: skip
"""What was filed before, what was found, what fires, what does not, and a part of the words."""


@pytest.mark.parametrize("which", USUAL)
def test_history_before_the_filing_fires(which: str) -> None:
    before, found_before, fires, misses, words = USUAL[which]
    miss = {"consignment_id": "Y", "bl_no": "QPCM19999998", **misses}
    lines = consignments(*before, {"consignment_id": "X", "bl_no": "QPCM19999999", **fires}, miss)
    table = features(lines, outcomes(*found_before) if found_before else None)
    learnt = learn(lines, outcomes(*found_before), FILED)
    found = evaluate(PACK, lines, table, learnt)
    place, row = PACK.ids.index(which), len(before)
    assert found.status[row, place] == FIRED
    assert found.status[row + 1, place] != FIRED
    assert words in next(item.words for item in found.fired(row) if item.id == which)
    without = evaluate(PACK, lines, table, learn(lines.iloc[row:], outcomes(), FILED))
    assert without.status[row, place] != FIRED


def test_a_watch_list_is_told_by_number_or_name() -> None:
    lines = consignments({}, {"consignee_id": "123", "consignee_name": "Nobody Special"})
    listed = pd.DataFrame({"list": ["sanctions 2026-03"], "id": [None], "name": ["Bao Lan Tools Company Limited"]})
    found = evaluate(PACK, lines, features(lines), learn(lines, outcomes(), FILED, watched=listed))
    assert "the consignee is on the list sanctions 2026-03" in [item.words for item in found.fired(0)]
    assert found.status[1, PACK.ids.index("P14")] == CLEAR


def test_a_crop_out_of_season_fires() -> None:
    crop: list[Row] = [other(n, days=-400 + n, hs_code="080131", origin_country="NG") for n in range(0, 245)]
    late = {"hs_code": "080131", "origin_country": "NG", "etd": pd.Timestamp("2026-12-05", tz="UTC")}
    lines = consignments(*crop, late)
    found = evaluate(PACK, lines, features(lines), learn(lines, outcomes(), FILED))
    assert (
        "of 245 lines of heading 0801 (nuts, edible; coconuts, Brazil nuts and ...) from Nigeria left in month 12"
        in next(item.words for item in found.fired(245) if item.id == "C13")
    )


def test_statistics_come_back_from_their_file_and_altered_ones_are_refused(tmp_path: Path) -> None:
    before, found_before, *_ = USUAL["P04"]
    lines = consignments(*before, *(other(n, days=-9) for n in range(9)))
    learnt = learn(lines, outcomes(*found_before), FILED)
    learnt.save(tmp_path / "statistics.parquet")
    assert Learnt.load(tmp_path / "statistics.parquet").fingerprint == learnt.fingerprint
    nothing = learn(lines.iloc[:0], outcomes(), FILED)
    assert Learnt.from_bytes(nothing.to_bytes()).fingerprint == nothing.fingerprint
    content = learnt.to_bytes()
    for bad in (content[:-20], b"", b"no Parquet at all"):
        with pytest.raises(InputError, match="was cut"):
            Learnt.from_bytes(bad)
    other_moment = Learnt(learnt.as_of + 1, learnt.statistics)
    object.__setattr__(other_moment, "fingerprint", learnt.fingerprint)
    with pytest.raises(InputError, match="was altered"):
        Learnt.from_bytes(other_moment.to_bytes())
    with pytest.raises(InputError, match="does not exist"):
        Learnt.load(tmp_path / "none")
