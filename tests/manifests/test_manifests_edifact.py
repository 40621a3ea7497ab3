"""The envelope of EDIFACT: service characters, encodings, several messages, damage. Bills are CUSCAR's."""

from __future__ import annotations

import gzip
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.errors import InputError
from risk.manifests import Reading, read_all
from risk.manifests.segments import COMPONENT, ELEMENT, Marks, Segments

RECEIVED = datetime(2024, 5, 2, tzinfo=UTC)
HEAD = ["UNB+UNOC:3+CARRIER+CUSTOMS+240501:1200+1", "UNH+1+CUSCAR:D:96B:UN", "BGM+85+M1+9"]


def bill(number: str, text: str = "TEAK LOGS", kilograms: int = 100) -> list[str]:
    return [
        f"CNI+1+{number}", f"RFF+BM:{number}", "LOC+9+VNHPH", "LOC+11+NLRTM", "NAD+CN+7++BUYER",
        "GID+1+10:CT", f"FTX+AAA+++{text}", f"MEA+AAE+G+KGM:{kilograms}",
    ]  # fmt: skip


def message(*bills: list[str], head: list[str] = HEAD) -> list[str]:
    body = head + [segment for each in bills for segment in each]
    begun = next((at for at, segment in enumerate(body) if segment.startswith("UNH")), 0)
    return [*body, f"UNT+{len(body) - begun + 1}+1", "UNZ+1+1"]


def read(path: Path, text: str | bytes, received: datetime | None = None) -> Reading:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_all([path], received_at=received)


GOOD = "".join(f"{segment}'" for segment in message(bill("B1"), bill("B2", "CASHEW NUTS"), bill("B3")))


@pytest.mark.parametrize("between", ["", "\n", "\r\n", "\r", "  \r\n\t"])
@pytest.mark.parametrize("una", ["", "UNA:+.? '", "UNA:+,?'"])
def test_line_ends_and_service_string_make_no_difference(tmp_path: Path, between: str, una: str) -> None:
    plain = read(tmp_path / "a", GOOD)
    other = read(tmp_path / "b", una + between + GOOD.replace("'", "'" + between))
    assert len(plain.consignments) == 3
    assert other.consignments.equals(plain.consignments)
    assert [f.reason for f in other.findings] == [f.reason for f in plain.findings]


@pytest.mark.parametrize(
    "marks", [Marks("|", "^", "\\", "~"), Marks(COMPONENT, ELEMENT, "", "\x1c"), Marks(">", "*", "?", "\n")]
)
def test_other_service_characters_are_read_from_una(tmp_path: Path, marks: Marks) -> None:
    text = GOOD.replace(":", marks.component).replace("+", marks.element).replace("'", marks.terminator)
    una = f"UNA{marks.component}{marks.element}.{marks.release or ' '} {marks.terminator}"
    assert read(tmp_path / "a", una + text).consignments.equals(read(tmp_path / "b", GOOD).consignments)


def test_level_b_separators_are_known_without_una(tmp_path: Path) -> None:
    text = GOOD.replace(":", COMPONENT).replace("+", ELEMENT).replace("'", "\x1c")
    assert list(read(tmp_path / "a", text).consignments["bl_no"]) == ["B1", "B2", "B3"]


def test_lines_cut_at_80_characters_are_put_together(tmp_path: Path) -> None:
    cut = "\r\n".join(GOOD[at : at + 80] for at in range(0, len(GOOD), 80))
    assert read(tmp_path / "a", cut).consignments.equals(read(tmp_path / "b", GOOD).consignments)


@settings(max_examples=50)
@given(st.lists(st.text("AZ?+:'1 \n", max_size=12), min_size=1, max_size=5), st.integers(1, 7))
def test_released_characters_come_back_as_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], cut: int
) -> None:
    escaped = ["".join("?" + letter if letter in "?+:'" else letter for letter in text) for text in texts]
    path = tmp_path_factory.mktemp("s") / "f"
    path.write_text("'".join(f"T+{text}" for text in escaped) + "'", newline="")
    import risk.manifests.segments as module

    block, module._BLOCK = module._BLOCK, cut  # type: ignore[misc]
    try:
        found = [segment for segments in Segments(path, "utf-8", Marks()) for segment in segments]
    finally:
        module._BLOCK = block  # type: ignore[misc]
    assert found == [f"T{ELEMENT}{text}" for text in texts]


@pytest.mark.parametrize(
    ("level", "encoding", "name"),
    [
        ("UNOC", "latin-1", "MÜLLER"), ("UNOC", "utf-8", "MÜLLER"), ("UNOA", "latin-1", "MÜLLER"),
        ("UNOY", "utf-8", "ХАЙФОН 海防"), ("UNOE", "iso8859-5", "ХАЙФОН"), ("UNOF", "iso8859-7", "ΠΕΙΡΑΙΑΣ"),
        ("UNOD", "iso8859-2", "ŁÓDŹ"), ("UNOC", "utf-8-sig", "MÜLLER"), ("UNOC", "utf-16", "海防"),
        ("UNOC", "utf-16-le", "MÜLLER"),
    ],
)  # fmt: skip
def test_encodings_of_the_syntax_levels(tmp_path: Path, level: str, encoding: str, name: str) -> None:
    text = GOOD.replace("UNOC", level).replace("BUYER", name)
    assert set(read(tmp_path / "m", text.encode(encoding)).consignments["consignee_name"]) == {name}


def test_bytes_outside_the_encoding_are_read_as_latin_1_with_a_finding(tmp_path: Path) -> None:
    reading = read(tmp_path / "m", GOOD.replace("UNOC", "UNOY").replace("BUYER", "M\xdcLLER").encode("latin-1"))
    assert set(reading.consignments["consignee_name"]) == {"MÜLLER"}
    assert reading.findings.count("encoding", "read as Latin-1") == 1


def test_without_unb_unh_unt_and_unz_the_bills_are_still_read(tmp_path: Path) -> None:
    segments = message(bill("B1"), bill("B2"))[1:-2]
    reading = read(tmp_path / "m", "'".join(segments) + "'", RECEIVED)
    assert list(reading.consignments["bl_no"]) == ["B1", "B2"]
    assert reading.findings.count("UNT", "is missing") == 1
    lost = read(tmp_path / "n", "UNB+UNOA:1+A+B+240501:1200+1'" + "'".join(segments[2:]) + "'")
    assert lost.findings.count("UNH", "is missing") == 1
    assert list(lost.consignments["bl_no"]) == ["B1", "B2"]


def test_without_any_time_the_caller_is_asked_for_one(tmp_path: Path) -> None:
    segments = message(bill("B1"))[1:]
    with pytest.raises(InputError, match="received_at"):
        read(tmp_path / "m", "'".join(segments) + "'")


def test_messages_of_other_kinds_are_passed_over_and_alone_refused(tmp_path: Path) -> None:
    other = "UNH+9+CODECO:D:95B:UN'BGM+34+X+9'EQD+CN+ABCU1234560'UNT+4+9'"
    body = GOOD.replace("UNH+1", other + "UNH+1", 1).replace("UNZ+1+1", "UNZ+2+1")
    reading = read(tmp_path / "m", body)
    assert len(reading.consignments) == 3
    assert reading.findings.count("UNH", "another kind") == 1
    assert reading.findings.count("messages") == 0
    with pytest.raises(InputError, match="CODECO; expected is CUSCAR"):
        read(tmp_path / "n", HEAD[0] + "'" + other + "UNZ+1+1'")


def test_envelope_counts_and_references_are_reconciled(tmp_path: Path) -> None:
    broken = GOOD.replace("UNZ+1", "UNZ+3").replace("UNT+27+1", "UNT+26+7")
    reading = read(tmp_path / "m", broken)
    assert reading.findings.count("messages", "declared total differs") == 1
    assert reading.findings.count("segments", "declared total differs") == 1
    assert reading.findings.count("UNT", "another message") == 1
    assert not {"messages", "segments", "UNT"} & {f.field for f in read(tmp_path / "n", GOOD).findings}


@pytest.mark.parametrize("where", [40, 200, len(GOOD) - 60])
def test_a_file_cut_off_gives_what_was_whole_and_says_so(tmp_path: Path, where: int) -> None:
    whole = read(tmp_path / "a", GOOD).consignments
    try:
        reading = read(tmp_path / "b", GOOD[:where])
    except InputError as error:
        assert "cut off" in str(error)
        return
    assert reading.findings.count("UNT", "cut off") == 1
    kept = len(reading.consignments)
    assert reading.consignments["bl_no"].equals(whole["bl_no"][:kept])
    assert [reject.reason.split(": ")[1] for reject in reading.rejects] == [
        "the file ends within a segment; send the message anew"
    ]


def test_a_segment_without_end_costs_its_bill_only(tmp_path: Path) -> None:
    huge = GOOD.replace("CASHEW NUTS", "X" * 3_000_000)
    reading = read(tmp_path / "m", gzip.compress(huge.encode()))
    assert list(reading.consignments["bl_no"]) == ["B1", "B3"]
    assert "longer than 65,536 characters" in reading.rejects[0].reason
    assert len(reading.rejects[0].value) < 300


@pytest.mark.parametrize("text", ["UNA:+.? '", "UNB+UNOA:1", "UNB+UNOA:1+A+B+240501:1200+1'UNZ+0+1'", "UNH+'"])
def test_a_file_without_a_bill_is_refused_or_empty_in_one_sentence(tmp_path: Path, text: str) -> None:
    try:
        assert len(read(tmp_path / "m", text, RECEIVED).consignments) == 0
    except InputError as error:
        assert str(error).startswith(str(tmp_path / "m"))
        assert "\n" not in str(error)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_within_one_bill_leaves_its_neighbours_as_they_were(tmp_path: Path, data: st.DataObject) -> None:
    start, stop = GOOD.index("CNI+1+B2"), GOOD.index("CNI+1+B3") - 1
    whole = read(tmp_path / "a", GOOD).consignments
    text = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        text[data.draw(st.integers(start, stop - 1))] = data.draw(
            st.integers(0, 255).filter(lambda byte: chr(byte) not in "'?U")
        )
    rows = read(tmp_path / "b", bytes(text)).consignments
    for number in ("B1", "B3"):
        found = rows[rows["bl_no"] == number].reset_index(drop=True)
        expected = whole[whole["bl_no"] == number].reset_index(drop=True)
        assert found[["packages", "gross_weight_kg", "description", "consignee_name", "loading_port"]].equals(
            expected[["packages", "gross_weight_kg", "description", "consignee_name", "loading_port"]]
        )


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_whatever_the_bytes_it_is_read_or_refused_in_one_sentence(tmp_path: Path, seed: int, changes: int) -> None:
    drawn = random.Random(seed)
    text = bytearray(GOOD.encode())
    for _ in range(changes):
        at, size = drawn.randrange(len(text)), drawn.randrange(20)
        other = drawn.randrange(len(text))
        text[at : at + size] = drawn.choice(
            [b"", bytes([drawn.randrange(256)]), text[other : other + size], b"'", b"+"]
        )
        if not text:
            return
    try:
        reading = read(tmp_path / "m", b"UNB+" + bytes(text), RECEIVED)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert all(reject.reason for reject in reading.rejects)
    assert reading.rows >= len(reading.consignments)


@pytest.mark.parametrize("data", [b"\x1f", b"\x1c\x1d", b"\x1f\n\x1f"])
def test_a_file_of_nothing_but_separators_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError):
        read(tmp_path / "m", data, RECEIVED)
