"""Code lists of UN/EDIFACT that cargo reports use, and what each code is in our layout.

Sources: the UN/EDIFACT directories D.95B to D.20B, by number of the data element. Where several codes fill one
column of ours the lower rank wins. Units are turned into kilograms and cubic metres.
"""

from __future__ import annotations

import re
from typing import Final

from risk.manifests.facts import Function

FUNCTIONS: Final[dict[str, Function]] = {
    "": "original", "9": "original", "7": "original", "22": "original", "31": "original", "35": "original",
    "46": "original", "47": "original",
    "2": "change", "4": "change", "20": "change", "21": "change", "33": "change", "36": "change", "43": "change",
    "5": "replace", "18": "replace",
    "1": "cancel", "3": "cancel", "17": "cancel",
}  # fmt: skip
"""1225, what a message does to what was sent before: 2 adds and 4 changes bills, 5 puts the message in the place of
the earlier one, 1 and 3 take back."""

ROLES: Final = {
    "CZ": ("shipper", 0), "SH": ("shipper", 1), "OS": ("shipper", 1), "EX": ("shipper", 2), "SE": ("shipper", 3),
    "CN": ("consignee", 0), "UC": ("consignee", 1), "IM": ("consignee", 2), "BY": ("consignee", 3),
    "N1": ("notify", 0), "NI": ("notify", 0), "NP": ("notify", 0), "N2": ("notify", 1),
}  # fmt: skip
"""3035, parties that have columns of their own, each with its rank."""

FORWARDERS: Final = frozenset({"FW", "FF", "FR", "CONS"})
CARRIERS: Final = frozenset({"CA"})
DECLARANTS: Final = frozenset({"DT", "CB", "AE"})
SENDERS: Final = frozenset({"MS"})

TAX_NUMBERS: Final = frozenset({"VA", "AHP", "XA", "FC", "AVW"})
"""1153, references behind a party that are its tax or registration number."""

OWN_BILL: Final = frozenset({"BM", "BL", "AWB", "AAM"})
HOUSE_BILL: Final = frozenset({"BH", "HWB", "HBL"})
MASTER_BILL: Final = frozenset({"MB", "MWB", "MBL", "MAB"})

PLACES: Final = {
    "9": ("loading_port", 0),
    "11": ("discharge_port", 0), "12": ("discharge_port", 1),
    "76": ("original_loading_port", 0),
    "20": ("final_destination", 0), "83": ("final_destination", 1), "7": ("final_destination", 2),
    "85": ("final_destination", 3), "8": ("final_destination", 4),
    "88": ("place_of_receipt", 0), "84": ("place_of_receipt", 1), "80": ("place_of_receipt", 2),
    "27": ("origin_country", 0),
    "36": ("destination_country", 0), "28": ("destination_country", 1),
    "41": ("customs_office", 0), "22": ("customs_office", 1), "118": ("customs_office", 2),
}  # fmt: skip
"""3227, places of a bill or of the whole message."""

ENDS_OF_VOYAGE: Final = {"5": "loading_port", "96": "loading_port", "60": "discharge_port"}
"""3227, places of the conveyance, which are those of a bill that names none."""

OTHER_CALLS: Final = frozenset({"61", "92", "94", "125", "152", "153"})
"""3227, ports of call elsewhere: times behind them are not those of this arrival."""

TRANSHIPMENT: Final = "13"

MOMENTS: Final = {
    "132": ("eta", 0), "232": ("eta", 1), "178": ("eta", 2),
    "133": ("etd", 0), "189": ("etd", 1), "136": ("etd", 2), "186": ("etd", 2),
}  # fmt: skip
"""2005, arrival and departure: as estimated, as scheduled, as happened."""

MEASURES: Final = {
    "G": "gross_weight_kg", "AAB": "gross_weight_kg", "AAD": "gross_weight_kg", "WT": "gross_weight_kg",
    "WX": "gross_weight_kg", "ABK": "gross_weight_kg",
    "N": "net_weight_kg", "AAC": "net_weight_kg", "AAA": "net_weight_kg", "AAL": "net_weight_kg",
    "AAF": "net_weight_kg",
    "AAW": "volume_m3", "ABJ": "volume_m3", "VOL": "volume_m3", "AAX": "volume_m3", "CBM": "volume_m3",
}  # fmt: skip
"""6313, what was measured; AAD is the gross weight of the whole bill, wherever it stands."""

UNITS: Final = {
    "KGM": ("kg", 1.0), "KG": ("kg", 1.0), "KGS": ("kg", 1.0), "K": ("kg", 1.0),
    "TNE": ("kg", 1000.0), "T": ("kg", 1000.0), "MT": ("kg", 1000.0), "GRM": ("kg", 0.001), "DTN": ("kg", 100.0),
    "LBR": ("kg", 0.45359237), "LB": ("kg", 0.45359237), "LBS": ("kg", 0.45359237), "ONZ": ("kg", 0.028349523125),
    "STN": ("kg", 907.18474), "LTN": ("kg", 1016.0469088),
    "MTQ": ("m3", 1.0), "CBM": ("m3", 1.0), "M3": ("m3", 1.0), "DMQ": ("m3", 0.001), "LTR": ("m3", 0.001),
    "CMQ": ("m3", 1e-6), "FTQ": ("m3", 0.028316846592), "INQ": ("m3", 1.6387064e-5), "YDQ": ("m3", 0.764554857984),
    "HLT": ("m3", 0.1),
}  # fmt: skip
"""6411 (UN/ECE Recommendation 20) and short forms in use: kind and how many of ours one is."""

AMOUNTS: Final = {
    "40": ("value", 0), "43": ("value", 1), "44": ("value", 2), "39": ("value", 3), "77": ("value", 4),
    "38": ("value", 5), "203": ("value", 6), "64": ("freight", 0), "144": ("freight", 1),
}  # fmt: skip
"""5025: value for customs, declared for customs, declared for carriage, of the invoice; freight."""

PAYMENT: Final = {"P": "prepaid", "PP": "prepaid", "PC": "prepaid", "C": "collect", "CC": "collect", "CO": "collect"}
"""4215, who pays the freight."""

FULL: Final = {"4": False, "5": True, "7": True, "8": True, "E": False, "F": True}
"""8169, whether equipment is full."""

NO_CONTAINER: Final = frozenset({"BB", "BL", "BPN", "BPR", "CH", "DPA", "EFP", "PA", "PL", "RF", "VEH", "CC"})
"""8053, equipment that is no container: break-bulk, chassis, pallets, vehicles."""

PASSED_OVER: Final = frozenset(
    "ALI APP APR ATT AUT BUS COM CTA DIM DLM DOC EFI EMP ERC ERP FII GDS GEI GIR GIS GOR HAN ICD LIN MKS PCD PRI PRV "
    "PSD QTY RCS RNG STS TCC TMD TMP TPL TSR UNS".split()
)
"""Segments that cargo reports hold and that say nothing our layout has."""

_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?|\.\d+", re.ASCII)
_DATE_FORMATS: Final = {"2": "DMY", "101": "YMD", "201": "YMD", "202": "YMD", "301": "YMD", "302": "YMD"}
_ZONES: Final = {"UTC": "Z", "GMT": "Z", "Z": "Z", "UT": "Z"}
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})?", re.ASCII)
_MOMENT: Final = re.compile(r"(\d{6,14})\s*(?:([A-Z]{1,3})|([+-]\d{2}:?\d{0,2}))?", re.ASCII)


def number(text: str) -> str:
    """A number as written with either decimal mark, which ISO 9735 leaves to the sender; else the text as it is."""
    text = text.strip()
    if "," in text and "." not in text and text.count(",") == 1:
        return text.replace(",", ".")
    return text


def in_ours(text: str, unit: str, kind: str) -> str | None:
    """A weight in kg or a volume in m3 as text; None when the unit is not one of that kind."""
    known = UNITS.get(unit)
    if known is None or known[0] != kind:
        return None
    text = number(text)
    if known[1] == 1.0 or _NUMBER.fullmatch(text) is None:
        return text
    return f"{float(text) * known[1]:.12g}"


def moment(text: str, format: str) -> str:
    """A time of DTM (2380 in the format of 2379) as ISO text; the text as it is when it is none.

    A zone is kept when it is UTC or an offset; other letters are left out, as they are not unique.
    """
    found = _MOMENT.fullmatch(text.strip().upper().split("/")[0])
    if found is None:
        return text
    digits, letters, offset = found.groups()
    order = _DATE_FORMATS.get(format)
    if order is None and len(digits) in (8, 12, 14) and (format or digits[:2] in ("19", "20")):
        order = "CYMD"
    if format == "205" and offset is None and len(digits) == 12 and len(text) == 17:
        order = "CYMD"
    if order == "CYMD":
        day, clock = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}", digits[8:]
    elif order == "DMY":
        day, clock = f"20{digits[4:6]}-{digits[2:4]}-{digits[:2]}", digits[6:]
    elif len(digits) in (6, 10, 12):
        day, clock = f"20{digits[:2]}-{digits[2:4]}-{digits[4:6]}", digits[6:]
    else:
        return text
    if not clock:
        return day
    if clock[:2] == "24":  # midnight at the end of the day, which ISO 9735 allows
        clock = "23" + "59" + "59" if clock[2:].strip("0") == "" else clock
    at = f"{day}T{clock[:2]}:{clock[2:4] or '00'}" + (f":{clock[4:6]}" if len(clock) >= 6 else "")
    if letters:
        return at + _ZONES.get(letters, "")
    if offset and (parts := _OFFSET.fullmatch(offset)):
        return f"{at}{parts[1]}{parts[2]}:{parts[3] or '00'}"
    return at
