"""The page of indicators says what the pack says."""

from pathlib import Path

from risk.indicators import load_pack
from risk.indicators.page import lacking_table, run_table, statistics_table

PAGE = Path(__file__).parents[2] / "docs" / "indicators.md"


def test_the_page_lists_every_indicator_every_lacking_one_and_every_statistic() -> None:
    page, pack = PAGE.read_text(encoding="utf-8"), load_pack()
    assert run_table(pack) in page
    assert lacking_table(pack) in page
    assert statistics_table() in page
