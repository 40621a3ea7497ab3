from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from risk.errors import RiskError, UsageError
from serving.store import Store, StoreError, schema
from serving.store.tables import METADATA


def test_the_migrated_tables_are_the_tables_of_the_layout(url: str) -> None:
    Store.open(url).close()
    options = {"version_table": schema.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_an_empty_database_becomes_a_store_and_upgrading_again_does_nothing(empty_url: str) -> None:
    assert Store.upgrade(empty_url) == (None, schema.newest())
    assert Store.upgrade(empty_url) == (schema.newest(), schema.newest())
    with Store.open(empty_url, create=False) as store:
        assert store.schema_version() == schema.newest()
        assert set(store.counts().values()) == {0}


def test_a_store_is_not_made_where_none_is_wanted(empty_url: str) -> None:
    with pytest.raises(StoreError, match="risk db upgrade"):
        Store.open(empty_url, create=False)
    Store.open(empty_url).close()
    Store.open(empty_url, create=False).close()


@pytest.mark.parametrize(("version", "says"), [("0000", "run `risk db upgrade`"), ("9999", "newer than the program")])
def test_a_store_of_another_version_is_refused_with_the_way_out(
    url: str, version: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(url).close()
    with create_engine(url).begin() as connection:
        connection.exec_driver_sql(f"UPDATE {schema.VERSION_TABLE} SET version_num = '{version}'")
    walk = ScriptDirectory.walk_revisions

    class Before:
        revision = "0000"

    monkeypatch.setattr(ScriptDirectory, "walk_revisions", lambda self: [*walk(self), Before])
    for create in (True, False):
        with pytest.raises(RiskError, match=says):
            Store.open(url, create=create)


def test_a_newer_store_is_never_migrated(url: str) -> None:
    Store.open(url).close()
    with create_engine(url).begin() as connection:
        connection.exec_driver_sql(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer"):
        Store.upgrade(url)


def test_a_migration_that_fails_leaves_no_table_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_index", fails)
        with pytest.raises(RuntimeError):
            Store.open(empty_url)
    Store.open(empty_url).close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "no url at all"])
def test_a_url_that_can_keep_nothing_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected is sqlite:///FILE or postgresql"):
        Store.open(url)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(f"postgresql://risk:secret@/risk?host={tmp_path}")
    assert "risk:***@" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.write_text("consignment_id,filed_at\n" * 100)
    with pytest.raises(StoreError, match=r"store\.db cannot be opened"):
        Store.open(f"sqlite:///{file}")
