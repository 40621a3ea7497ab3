"""Whatever version a store is of, upgrading keeps all that is in it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Boolean, Connection, Double, Integer, LargeBinary, MetaData, insert, select

from serving.store import Store, schema
from serving.store import engine as engines
from serving.store.tables import METADATA

Content = dict[str, list[dict[str, Any]]]


def _value(column: Any, row: int) -> Any:
    """A value of its own for every row and column."""
    place = sum(map(ord, column.name)) % 97 + row
    if isinstance(column.type, LargeBinary):
        return bytes([place % 256, 0, row])
    if isinstance(column.type, Boolean):
        return bool(row % 2)
    if isinstance(column.type, Double):
        return place / 7
    if isinstance(column.type, Integer):
        return place
    return f"{column.name} đ'{row}"


def _put(connection: Connection) -> Content:
    """Rows in every table of ours, as it is at this version."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name in METADATA.tables)
    content: Content = {}
    for name, table in found.tables.items():
        rows = [{column.name: _value(column, row) for column in table.columns} for row in range(1, 4)]
        connection.execute(insert(table), rows)
        content[str(name)] = rows
    return content


@pytest.mark.parametrize("version", [name for name in schema.versions() if name != schema.newest()])
def test_a_store_of_every_earlier_version_keeps_its_rows(empty_url: str, version: str) -> None:
    engine = engines.connect(empty_url, create=True)
    with engines.writing(engine) as connection:
        schema.migrate(connection, version)
        content = _put(connection)
    assert content
    assert Store.upgrade(empty_url) == (version, schema.newest())
    with engine.connect() as connection:
        for name, rows in content.items():
            table = METADATA.tables[name]
            names = [column for column in rows[0] if column in table.columns]
            there = [dict(row) for row in connection.execute(select(*(table.c[one] for one in names))).mappings()]
            for row in rows:
                assert {one: row[one] for one in names} in there, name
    engine.dispose()
    with Store.open(empty_url, create=False) as store:
        assert store.counts()["lines"] == 3
