"""Settings: documented in .env.example, read from the environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_the_example_names_every_setting_with_its_default_and_what_it_is_for() -> None:
    lines = ["# Settings of the risk service. Copy to .env and change what you need; everything has a default."]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else field.default
        variable = field.validation_alias or f"RISK_{name.upper()}"
        lines += ["", f"# {field.description}", f"# {variable}={default}"]
    assert EXAMPLE.read_text(encoding="utf-8") == "\n".join(lines) + "\n"


def test_the_environment_sets_the_store_and_the_tracking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RISK_DATABASE_URL", "postgresql+psycopg://nobody@nowhere/risk")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    found = Settings()
    assert found.store_url == "postgresql+psycopg://nobody@nowhere/risk"
    assert found.tracking_uri == "sqlite:///elsewhere.db"


def test_without_settings_everything_lies_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RISK_DATABASE_URL", raising=False)
    assert Settings().store_url == f"sqlite:///{tmp_path / 'risk.db'}"


def test_a_capacity_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RISK_CAPACITY", "0")
    with pytest.raises(ValidationError):
        Settings()
