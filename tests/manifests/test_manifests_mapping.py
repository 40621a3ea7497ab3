from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from risk.errors import MappingError
from risk.inspection import Target
from risk.manifests import ColumnMapping, Reading, read_all

NOW = datetime(2024, 6, 1, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[2] / "examples"
KEYS = "columns:\n  consignment_id: No\n  filed_at: Date\n"
KOREA = (
    "Declaration ID,Date,Office ID,Process Type,Import Type,Import Use,Payment Type,Mode of Transport,Declarant ID,"
    "Importer ID,Seller ID,Courier ID,HS6 Code,Country of Departure,Country of Origin,Tax Rate,Tax Type,"
    "Country of Origin Indicator,Net Mass,Item Price,Fraud,Critical Fraud\n"
)


def read(tmp_path: Path, mapping: str, content: str, **options: str) -> Reading:
    path = tmp_path / "manifest"
    path.write_text(content, encoding="utf-8")
    return read_all([path], mapping=ColumnMapping.parse(mapping), now=NOW, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is expected to have sections"),
        ("[]", "is expected to have sections"),
        ("columns: {}", "columns: is missing"),
        ("columns: [1", "line 1: "),
        ("\0", "unacceptable character"),
        (KEYS + "outcomes: {w: ~}", "outcomes.w: is expected to be a section"),
        (KEYS + "  1: X", "columns.1: is no column of ours; expected is one of consignment_id, line_no"),
        (KEYS + "  mode: A\n  mode: B\n", "line 5: the key 'mode' is given twice"),
        (KEYS + "colums: {}", "the file: there is no setting 'colums'; the nearest is 'columns'"),
        (KEYS + "  consigne_name: X", "columns.consigne_name: is no column of ours; the nearest is 'consignee_name'"),
        ("columns: {consignment_id: No}", "columns.filed_at: is missing; it is required"),
        (KEYS + "  mode: [a]", "columns.mode: is expected to be the name of a column"),
        (KEYS + "  mode: {column: [a]}", "columns.mode.column: is expected to be a text"),
        (KEYS + "  mode: {colum: M}", "columns.mode: there is no setting 'colum'; the nearest is 'column'"),
        (KEYS + "  mode: {column: M, constant: sea}", "columns.mode: is expected to have exactly one of"),
        (KEYS + "  mode: {otherwise: keep}", "columns.mode: is expected to have exactly one of"),
        (KEYS + "  mode: {column: M, otherwise: keep}", "columns.mode.otherwise: has an effect only beside codes"),
        (
            KEYS + "  mode: {column: M, codes: {1: ship}}",
            "columns.mode.codes.1: is 'ship'; expected is one of sea",
        ),
        (
            KEYS + "  mode: {column: M, codes: {1: sea}, otherwise: drop}",
            "columns.mode.otherwise: is 'drop'; expected is",
        ),
        (KEYS + "  mode: {column: M, format: '%Y'}", "columns.mode.format: does not go with"),
        (KEYS + "  etd: {column: E, format: '%d.%m'}", "columns.etd.format: is '%d.%m', which does not say year"),
        (KEYS + "  etd: {column: E, format: '%Q %Y'}", "columns.etd.format: is '%Q %Y'; expected is a date format"),
        (KEYS + "  etd: {column: E, time_zone: Asia/Hanoi2}", "columns.etd.time_zone: is 'Asia/Hanoi2'"),
        (KEYS + "  etd: {column: E, plus_days: one}", "columns.etd.plus_days: is expected to be a whole number"),
        (KEYS + "  value: {column: V, plus_days: 1}", "columns.value.plus_days: does not go with"),
        (KEYS + "  value: {column: V, unit: kg}", "columns.value.unit: does not go with"),
        (
            KEYS + "  gross_weight_kg: {column: V, unit: l}",
            "columns.gross_weight_kg.unit: is 'l'; expected is one",
        ),
        (KEYS + "  value: {column: V, decimal: ;}", "columns.value.decimal: is ';'; expected is"),
        (KEYS + "  marks: {column: V, with: x}", "columns.marks.with: has an effect only beside join"),
        (KEYS + "  marks: {join: []}", "columns.marks.join: is expected to have at least one entry"),
        (
            KEYS + "  origin_country: {constant: Korea}",
            "columns.origin_country.constant: is 'Korea'; expected is",
        ),
        (
            KEYS + "  origin_country: {same_as: loading_country}\n  loading_country: {same_as: origin_country}",
            "columns.origin_country.same_as: goes in a circle: origin_country -> loading_country -> origin_country",
        ),
        (KEYS + "  etd: {same_as: etd}", "columns.etd.same_as: goes in a circle: etd -> etd"),
        (
            KEYS + "  etd: {same_as: filed}",
            "columns.etd.same_as: 'filed' is not in the mapping; the nearest is",
        ),
        (KEYS + "  etd: {same_as: filed_at, format: '%Y'}", "columns.etd.format: has no effect with same_as"),
        (KEYS + "extra: {x: {column: X, kind: int}}", "extra.x.kind: is 'int'; expected is 'categorical' or 'number'"),
        (KEYS + "extra: {x: {column: X, words: none}}", "extra.x.words: is 'none'; expected is a phrase with {value}"),
        (KEYS + "encoding: latin-77", "encoding: there is no encoding 'latin-77'"),
        (KEYS + "time_zone: Mars", "time_zone: is 'Mars'; expected is a time zone"),
        (KEYS + "outcomes: {w: {columns: {result: R}}}", "outcomes.w.columns.recorded_at: is missing"),
        (KEYS + "outcomes: {w: {positive: wildlife}}", "outcomes.w.columns: is missing"),
        (
            "outcomes: {w: {columns: {consignment_id: A, result: R, recorded_at: D}, positive: [ivory]}}",
            "outcomes.w.positive: has 'ivory'; expected are some of",
        ),
        ("outcomes: {w: {columns: {result: R, recorded_at: D}}}", "outcomes.w.columns.consignment_id: is missing"),
    ],
)
def test_a_mistake_in_a_mapping_is_one_sentence_with_its_place(text: str, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        ColumnMapping.parse(text, "m.yaml")
    words = str(caught.value)
    assert words.startswith("m.yaml: " + message)
    assert words.endswith(".")
    assert "\n" not in words


def test_a_mapping_file_that_is_not_there_or_not_utf_8_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"none\.yaml: there is no such"):
        ColumnMapping.load(tmp_path / "none.yaml")
    path = tmp_path / "m.yaml"
    path.write_bytes("columns: {mode: Größe}".encode("latin-1"))
    with pytest.raises(MappingError, match=r"m\.yaml: byte 19 is not UTF-8"):
        ColumnMapping.load(path)


def test_a_mapping_that_names_a_column_the_file_lacks_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"manifest has no column 'HS code'; the nearest is 'HS Code'"):
        read(tmp_path, KEYS + "  hs_code: HS code\n", "No,Date,HS Code\n1,2024-05-01,0508\n")


def test_dates_in_three_formats_are_read_in_the_zone_of_the_file(tmp_path: Path) -> None:
    mapping = (
        "time_zone: Asia/Ho_Chi_Minh\ncolumns:\n  consignment_id: No\n  hs_code: HS\n"
        "  filed_at: {column: Date, format: ['%d/%m/%Y %H:%M', '%d/%m/%Y', '%Y%m%d']}\n"
        "  eta: {column: Eta, format: '%d/%m/%Y', time_zone: UTC, plus_days: 2}\n"
    )
    content = (
        "No;Date;Eta;HS\n1;01/05/2024 08:30;01/05/2024;0508\n2;01/05/2024;;0508\n"
        "3;20240501;31/02/2024;0508\n4;May 1;;0508\n"
    )
    reading = read(tmp_path, mapping, content)
    lines = reading.consignments
    assert [str(time) for time in lines["filed_at"]] == [
        "2024-05-01 01:30:00+00:00",
        "2024-04-30 17:00:00+00:00",
        "2024-04-30 17:00:00+00:00",
    ]
    assert lines["eta"][0] == pd.Timestamp("2024-05-03", tz="UTC")
    assert reading.findings.count("eta", "fits no format") == 1
    assert [(reject.line, reject.field, reject.value) for reject in reading.rejects] == [(5, "filed_at", "May 1")]
    assert len(reading.findings) == 1  # the zone is stated, so nothing is remarked on


def test_times_in_iso_8601_take_the_zone_of_the_mapping_only_when_they_name_none(tmp_path: Path) -> None:
    mapping = "time_zone: Asia/Seoul\n" + KEYS + "  hs_code: HS\n"
    for second in ("2024-05-01T00:00:00+00:00", "2024-05-01"):
        reading = read(tmp_path, mapping, f"No,Date,HS\n1,2024-05-01T00:00:00Z,0508\n2,{second},0508\n")
        hours = 0 if "T" in second else 9
        assert reading.consignments["filed_at"].tolist() == [
            pd.Timestamp("2024-05-01", tz="UTC"),
            pd.Timestamp("2024-05-01", tz="UTC") - pd.Timedelta(hours=hours),
        ]


def test_numbers_with_a_decimal_comma_and_units(tmp_path: Path) -> None:
    mapping = KEYS + (
        "  hs_code: HS\n  gross_weight_kg: {column: W, unit: t, decimal: ','}\n  net_weight_kg: {column: L, unit: lb}\n"
        "  value: {column: V, decimal: '.'}\n"
    )
    content = "No\tDate\tHS\tW\tL\tV\n" + "".join(
        f"{n}\t2024-05-01\t0508\t{w}\t{pounds}\t{v}\n"
        for n, (w, pounds, v) in enumerate([("1.234,5", "10", "1,234.5"), ("0,5", "", "1 000"), ("1.5", "1,5", "1,5")])
    )
    reading = read(tmp_path, mapping, content)
    lines = reading.consignments
    assert lines["gross_weight_kg"].tolist()[:2] == [1_234_500, 500]
    assert lines["net_weight_kg"][0] == pytest.approx(4.5359237)
    assert lines["value"].tolist()[:2] == [1234.5, 1000]
    assert lines.iloc[2][["gross_weight_kg", "net_weight_kg", "value"]].isna().all()


@pytest.mark.parametrize(("otherwise", "accepted"), [("missing", 2), ("keep", 2), ("reject", 1)])
def test_a_text_that_is_not_among_the_codes_is_dealt_with_as_the_mapping_says(
    tmp_path: Path, otherwise: str, accepted: int
) -> None:
    mapping = KEYS + f"  hs_code: HS\n  carrier: {{column: C, codes: {{01: Alpha, NO: ~}}, otherwise: {otherwise}}}\n"
    reading = read(tmp_path, mapping, "No,Date,HS,C\n1,2024-05-01,0508,01\n2,2024-05-01,0508,1\n")
    carriers = reading.consignments["carrier"]
    assert carriers[0] == "Alpha"
    assert len(carriers) == accepted
    if otherwise == "keep":
        assert carriers[1] == "1"
    assert reading.findings.count("carrier", "not among the codes") == (otherwise == "missing")
    assert [reject.field for reject in reading.rejects] == (["carrier"] if otherwise == "reject" else [])


def test_columns_are_joined_copied_and_given_as_constants(tmp_path: Path) -> None:
    mapping = (
        "missing: [N/A]\nignore: [Junk]\n"
        + KEYS
        + "  shipper_address: {join: [Street, City], with: ', '}\n  origin_country: {same_as: loading_country}\n"
        "  loading_country: From\n  currency: {constant: KRW}\n  consignee_name: Buyer\n"
    )
    content = "No,Date,Street,City,From,Junk,Buyer\n1,2024-05-01,Dock 1,Lagos,NG,x,N/A\n2,2024-05-01,,Lagos,NO,x,B\n"
    reading = read(tmp_path, mapping, content)
    lines = reading.consignments
    assert lines["shipper_address"].tolist() == ["Dock 1, Lagos", "Lagos"]
    assert lines["origin_country"].tolist() == ["NG", "NO"]
    assert lines["currency"].tolist() == ["KRW", "KRW"]
    assert lines["consignee_name"].isna().tolist() == [True, False]
    assert reading.findings.count("Junk") == 0


def test_a_flat_file_gives_outcomes_only_where_there_was_an_inspection(tmp_path: Path) -> None:
    mapping = (
        KEYS
        + "  hs_code: HS\n  line_no: Item\noutcomes:\n  wildlife:\n    columns:\n"
        + "      result: {column: Found, codes: {0: nothing, 2: wildlife}, otherwise: reject}\n"
        + "      recorded_at: {same_as: filed_at, plus_days: 3}\n"
        + "  other:\n    columns: {result: Other, recorded_at: Date}\n    positive: [document, other_offence]\n"
    )
    content = (
        "No,Item,Date,HS,Found,Other\n1,1,2024-05-01,0508,2,nothing\n1,2,2024-05-01,0508,,document\n"
        "2,1,2024-05-01,0508,7,\n3,1,never,0508,2,\n4,1,2024-05-31,0508,0,\n"
    )
    reading = read(tmp_path, mapping, content)
    assert list(reading.consignments["consignment_id"]) == ["1", "1", "2", "4"]
    outcomes = reading.outcomes
    assert outcomes[["consignment_id", "line_no", "result"]].values.tolist() == [["1", 1, "wildlife"]]
    assert outcomes["recorded_at"][0] == pd.Timestamp("2024-05-04", tz="UTC")
    assert [(reject.line, reject.field) for reject in reading.rejects] == [
        (4, "outcomes.wildlife.result"),
        (5, "filed_at"),
        (6, "outcomes.wildlife.recorded_at"),
    ]
    assert [name for finding in reading.findings for name in ["Other"] if finding.field == name] == []
    assert read(tmp_path, mapping, content, label="other").outcomes["result"].tolist() == ["nothing", "document"]
    assert len(read(tmp_path, mapping, content, table="consignments").outcomes) == 0
    assert len(read(tmp_path, mapping, content, table="outcomes").consignments) == 0
    parsed = ColumnMapping.parse(mapping)
    assert parsed.target() == Target("wildlife", ("wildlife",))
    assert parsed.target("other") == Target("other", ("document", "other_offence"))
    with pytest.raises(MappingError, match=r"there is no label 'wildlive'; the nearest is 'wildlife'"):
        parsed.target("wildlive")


def test_a_mapping_of_one_table_cannot_read_the_other(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="says nothing of outcomes"):
        read(tmp_path, KEYS, "No,Date\n", table="outcomes")
    assert ColumnMapping.parse(KEYS).target() == Target()


def test_json_lines_may_leave_out_keys_that_a_mapping_names(tmp_path: Path) -> None:
    reading = read(
        tmp_path, KEYS + "  hs_code: HS\n  carrier: Line\n", '{"No": 1, "Date": "2024-05-01", "HS": "0508", "Lines": 2}'
    )
    assert len(reading.consignments) == 1
    assert reading.findings.count("Line", "nearest is 'Lines'") == 1


def test_extra_columns_are_features_with_their_words(tmp_path: Path) -> None:
    mapping = KEYS + (
        "  hs_code: HS\nextra:\n  regime: Regime\n"
        "  duty_rate: {column: Duty, kind: number, words: 'duty of {value:g} %', decimal: ','}\n"
    )
    reading = read(tmp_path, mapping, "No|Date|HS|Regime|Duty\n1|2024-05-01|0508|04|8,5\n2|2024-05-01|0508||?\n")
    lines = reading.consignments
    assert lines["extra.regime"].tolist()[0] == "04"
    assert lines["extra.duty_rate"].dtype == "float64"
    assert lines["extra.duty_rate"][0] == 8.5
    assert reading.findings.count("extra.duty_rate", "malformed") == 1
    regime, duty = ColumnMapping.parse(mapping).extra_features()
    assert (regime.name, regime.kind, regime.say("04")) == ("extra.regime", "category", "regime 04")
    assert (duty.name, duty.kind, duty.say(8.5)) == ("extra.duty_rate", "number", "duty of 8.5 %")


def test_the_korean_example_reads_declarations_and_both_labels(tmp_path: Path) -> None:
    path = tmp_path / "declarations"
    path.write_text(
        KOREA
        + "101,2021-03-01,40,B,11,21,11,40,D1,I1,S1,,010620,VN,VN,8.0,A,G,1.5,1200.5,0,0\n"
        + "102,2021-03-01,40,B,11,21,11,10,D1,I2,S1,C1,440711,ZZ,NG,2.4,C,G,0.0,99,1,1\n"
        + "103,2021-03-02,20,B,11,21,11,50,D2,I2,,,050800,NG,NG,0.0,C,G,7,99,1,2\n"
    )
    mapping = ColumnMapping.load(EXAMPLES / "korea.yaml")
    assert mapping.labels == ("fraud", "critical")
    fraud = read_all([path], mapping=mapping)
    critical = read_all([path], mapping=mapping, label="critical")
    assert fraud.rejects == critical.rejects == []
    lines = fraud.consignments
    assert lines["mode"].tolist() == ["air", "sea", "other"]
    assert lines["hs_code"].tolist() == ["010620", "440711", "050800"]
    assert lines["filed_at"][0] == pd.Timestamp("2021-02-28T15:00:00Z")
    assert lines["destination_country"].tolist() == ["KR"] * 3
    assert lines["extra.transport_code"].tolist() == ["40", "10", "50"]
    assert lines["extra.tax_rate"].tolist() == [8.0, 2.4, 0.0]
    assert fraud.outcomes["result"].tolist() == ["nothing", "other_offence", "other_offence"]
    assert critical.outcomes["result"].tolist() == ["nothing", "nothing", "other_offence"]
    assert (fraud.outcomes["recorded_at"] - lines["filed_at"]).unique().tolist() == [pd.Timedelta(days=1)]
    assert mapping.target("critical") == Target("critical", ("other_offence",))
    assert {finding.field for finding in fraud.findings} == {"loading_country", "net_weight_kg"}


def test_the_example_of_a_register_reads_outcomes_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "register"
    path.write_bytes(
        (
            "Declaration;Inspected on;Closed on;Selected by;Depth;Result;Species;Quantity;Unit;Officer;Remarks\n"
            "A1;30.04.2024;02.05.2024 10:15;R;4;3;Manis tricuspis;1.250,5;kg;O1;très bien\n"
            "A2;30.04.2024;02.05.2024;X;1;0;-;;;O1;\n"
            "A3;30.04.2024;02.05.2024;R;1;7;-;;;O1;\n"
        ).encode("latin-1")
    )
    reading = read_all([path], mapping=ColumnMapping.load(EXAMPLES / "seizures.yaml"), now=NOW)
    assert reading.outcomes["result"].tolist() == ["wildlife", "nothing"]
    assert reading.outcomes["quantity"].tolist()[0] == 1250.5
    assert reading.outcomes["recorded_at"][0] == pd.Timestamp("2024-05-02T09:15Z")
    assert [(reject.line, reject.field) for reject in reading.rejects] == [(4, "outcomes.wildlife.result")]
    assert reading.findings.count("outcomes.wildlife.selection_reason", "not among the codes") == 1
