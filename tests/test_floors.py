"""The floors of the house: imports point down, and the lower floors stay free of what they must not know."""

from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure


def test_imports_point_down_and_risk_knows_no_tracking_no_database_and_no_web() -> None:
    configure()
    assert lint_imports(cache_dir=None)
