"""The one definition of a consignment.

A row is one goods line of one version of one consignment. `filed_at` is when this version reached customs:
a score of it may use nothing that became known at that moment or later. What a message does not say stays
missing; zero is a statement of its own. Times are UTC, weights kilograms, volumes cubic metres.
"""

from __future__ import annotations

from typing import Final

from risk.layout import Column, Table

STAGES: Final = ("pre_loading", "pre_arrival", "post_discharge")
MODES: Final = ("sea", "air", "road", "rail", "post", "inland_water", "other")
KEY: Final = ("consignment_id", "line_no", "version")
"""What makes a row unique."""


def _party(role: str, who: str) -> Table:
    return (
        Column(f"{role}_id", "code", f"Tax or registration number of the {who}.", "party"),
        Column(f"{role}_name", "text", f"Name of the {who} as written.", "party"),
        Column(f"{role}_address", "text", f"Address of the {who} as written.", "party"),
        Column(f"{role}_country", "country", f"Country of the {who}'s address.", "party"),
    )


CONSIGNMENTS: Final[Table] = (
    Column("consignment_id", "code", "The consignment, the same in all its versions.", "identity", required=True),
    Column("line_no", "integer", "Goods line within the consignment.", "identity", minimum=1, default=1),
    Column("version", "integer", "1 for the first filing, counting up with each amendment.", "identity",
           minimum=1, default=1),
    Column("stage", "choice", "How far the goods had come when this version was filed.", "identity",
           choices=STAGES),
    Column("filed_at", "time", "When this version reached customs.", "identity", required=True, unit="UTC"),
    Column("mode", "choice", "Mode of transport at the border.", "route", choices=MODES),
    Column("customs_office", "code", "Customs office of entry.", "route"),
    Column("carrier", "text", "Carrier, by code or name.", "route"),
    Column("vessel_imo", "code", "IMO number of the ship.", "route"),
    Column("voyage", "text", "Voyage or flight number.", "route"),
    Column("bl_no", "text", "Bill of lading or waybill number.", "document"),
    Column("bl_type", "text", "Kind of bill: master, house, straight, order.", "document"),
    Column("master_bl_no", "text", "Number of the master bill when this is a house bill.", "document"),
    Column("origin_country", "country", "Country where the goods were produced.", "route"),
    Column("place_of_receipt", "text", "Where the carrier took the goods over.", "route"),
    Column("original_loading_port", "port", "First port of loading, before any transhipment.", "route"),
    Column("loading_port", "port", "Port or airport of loading.", "route"),
    Column("loading_country", "country", "Country of loading; taken from `loading_port` when missing.", "route"),
    Column("transhipment_ports", "ports", "Ports where the goods changed ship.", "route"),
    Column("discharge_port", "port", "Port or airport of discharge.", "route"),
    Column("destination_country", "country",
           "Country where the goods go; taken from `final_destination`, else `discharge_port`, when missing.",
           "route"),
    Column("final_destination", "text", "Place where the goods end, as UN/LOCODE or name.", "route"),
    Column("etd", "time", "Departure as planned when filed.", "route", unit="UTC"),
    Column("eta", "time", "Arrival as planned when filed.", "route", unit="UTC"),
    *_party("shipper", "shipper (consignor, seller)"),
    *_party("consignee", "consignee (importer, buyer)"),
    *_party("notify", "notify party"),
    Column("forwarder_name", "text", "Freight forwarder.", "party"),
    Column("declarant_id", "code", "Customs broker or declarant.", "party"),
    Column("hs_code", "hs", "Harmonized System code; national digits after the sixth are kept.", "goods"),
    Column("description", "text", "Goods as described.", "goods"),
    Column("marks", "text", "Shipping marks.", "goods"),
    Column("package_type", "code", "Kind of package (UN/ECE Recommendation 21 code).", "goods"),
    Column("packages", "number", "Number of packages; 0 for bulk and vehicles.", "goods", minimum=0),
    Column("gross_weight_kg", "number", "Gross weight of the line.", "goods", unit="kg", minimum=0),
    Column("net_weight_kg", "number", "Net weight of the line.", "goods", unit="kg", minimum=0),
    Column("volume_m3", "number", "Volume of the line.", "goods", unit="m3", minimum=0),
    Column("value", "number", "Declared value, in `currency`.", "goods", unit="currency", minimum=0),
    Column("currency", "code", "ISO 4217 currency of value and freight.", "goods"),
    Column("freight", "number", "Freight charge, in `currency`.", "document", unit="currency", minimum=0),
    Column("freight_payment", "choice", "Who pays the freight: shipper (prepaid) or consignee (collect).",
           "document", choices=("prepaid", "collect")),
    Column("containers", "json",
           "Containers, each with `no`, `type`, `seals`, `full` (true or false) and `vgm_kg`.", "goods"),
    Column("permits", "json", "Permits, each with `type`, `no`, `issued`, `expires`.", "document"),
)  # fmt: skip
"""The layout of the consignments table, one goods line a row."""

ROUTE: Final = ("origin_country", "original_loading_port", "loading_port", "loading_country", "discharge_port",
                "destination_country")  # fmt: skip
GOODS: Final = ("hs_code", "description")
PARTIES: Final = ("shipper_id", "shipper_name", "consignee_id", "consignee_name", "notify_id", "notify_name",
                  "declarant_id")  # fmt: skip
"""A row with nothing in ROUTE, GOODS and PARTIES has nothing to score and is rejected."""
