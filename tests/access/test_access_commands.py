"""People, keys and the audit from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_office import risk

from serving.access.passwords import check_password
from serving.access.principal import local
from serving.store import Store, access


def test_people_are_added_changed_and_disabled_and_their_password_is_shown_once(tmp_path: Path) -> None:
    made = risk(tmp_path, "users", "add", "An", "--role", "supervisor", "--role", "analyst", "--office", "VNHPH")
    assert made.status == 0, made.err
    password = made.out.strip()
    with Store.open(f"sqlite:///{tmp_path / 'risk.db'}") as store, store.reading() as connection:
        kept = access.user(connection, "an")
    assert kept is not None and check_password(kept.password, password)
    assert risk(tmp_path, "users", "role", "an", "--role", "auditor", "--all-offices").status == 0
    assert risk(tmp_path, "users", "disable", "an", "--reason", "left").status == 0
    (shown,) = json.loads(risk(tmp_path, "users", "list", "--json").out)
    assert (shown["roles"], shown["offices"], shown["disabled"]) == (["auditor"], None, True)
    assert "password" not in shown and "argon2" not in risk(tmp_path, "users", "list").out
    rows = json.loads(risk(tmp_path, "audit", "show", "--json").out)
    assert [row["action"] for row in rows] == ["user.disable", "user.role", "user.add"]
    assert rows[0]["who"] == local().id and rows[0]["reason"] == "left"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "an", "--role", "officer"), "--office"),
        (("add", "an", "--role", "officer", "--office", "A", "--all-offices"), "--office"),
        (("add", "an", "--role", "king", "--all-offices"), "king"),
        (("add", "key:x", "--role", "officer", "--all-offices"), "name"),
        (("disable", "nobody"), "nobody"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    assert risk(tmp_path, "db", "upgrade").status == 0
    ran = risk(tmp_path, "users", *words)
    assert ran.status == 2 and says in ran.err and "Traceback" not in ran.err
    assert json.loads(risk(tmp_path, "users", "list", "--json").out) == []


def test_a_key_is_made_listed_and_revoked(tmp_path: Path) -> None:
    made = json.loads(risk(tmp_path, "keys", "add", "customs", "--role", "operator", "--all-offices", "--json").out)
    assert made["key"].startswith(f"risk_{made['prefix']}_")
    listed = risk(tmp_path, "keys", "list").out
    assert made["prefix"] in listed and "in force" in listed and made["key"].split("_", 2)[2] not in listed
    assert risk(tmp_path, "keys", "revoke", made["prefix"]).status == 0
    assert "revoked" in risk(tmp_path, "keys", "list").out
    assert risk(tmp_path, "keys", "revoke", made["prefix"]).status == 2


def test_the_audit_is_verified_against_a_head_kept_elsewhere(tmp_path: Path) -> None:
    for name in ("an", "binh"):
        assert risk(tmp_path, "users", "add", name, "--role", "officer", "--all-offices").status == 0
    head = risk(tmp_path, "audit", "head").out.strip()
    assert risk(tmp_path, "audit", "verify", "--head", head).status == 0
    store = Store.open(f"sqlite:///{tmp_path / 'risk.db'}")
    with store.transaction() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        connection.exec_driver_sql("DELETE FROM audit WHERE number = 2")
    store.close()
    assert risk(tmp_path, "audit", "verify").status == 0
    ran = risk(tmp_path, "audit", "verify", "--head", head)
    assert ran.status == 1 and "cut off" in ran.out
    assert risk(tmp_path, "audit", "verify", "--head", "nonsense").status == 2


def test_a_store_is_backed_up_restored_and_told_of(tmp_path: Path) -> None:
    risk(tmp_path / "a", "users", "add", "an", "--role", "officer", "--all-offices")
    made = json.loads(risk(tmp_path / "a", "db", "backup", tmp_path / "file", "--json").out)
    assert made["rows"]["users"] == 1
    assert risk(tmp_path / "b", "db", "restore", tmp_path / "file").status == 0
    assert [row["name"] for row in json.loads(risk(tmp_path / "b", "users", "list", "--json").out)] == ["an"]
    assert [row["action"] for row in json.loads(risk(tmp_path / "b", "audit", "show", "--json").out)] == [
        "store.restore", "user.add"
    ]  # fmt: skip
    refused = risk(tmp_path / "b", "db", "restore", tmp_path / "file")
    assert refused.status == 2 and "--force" in refused.err
    tried = risk(tmp_path / "b", "db", "retain", "--before", datetime.now(UTC).isoformat(), "--dry-run", "--json")
    assert json.loads(tried.out)["dry_run"] is True
    assert risk(tmp_path / "b", "db", "retain", "--before", "last year").status == 2
