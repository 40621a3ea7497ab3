"""Manifests sent by several senders at once, what was answered to each, and whether the store holds to it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import httpx
import orjson
import pandas as pd
from real_server import RealServer, wait_for
from small_office import Office
from sqlalchemy import Connection, text

from risk.inspection import Target
from serving import audit, history_tables
from serving.history_upkeep import settle
from serving.store import Store

LINES = 6
BEHIND = timedelta(seconds=55)
"""The lines are filed so long ago that they are folded in soon, also while the load goes on."""


@dataclass
class Sent:
    """A manifest, the key it was sent under, and the answer, if there was one."""

    key: str
    body: bytes
    consignments: list[str]
    later: bool = False
    answer: bytes | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.key, **({"Prefer": "respond-async"} if self.later else {})}


@dataclass
class Load:
    """The senders of one server, through all its lives."""

    server: RealServer
    office: Office
    senders: int = 4
    batches: bool = False
    sent: list[Sent] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = pd.read_csv(self.office.manifest, dtype=str)
        self._lines = lines.drop_duplicates("consignment_id").head(LINES)
        self._numbers, self._own = count(1), uuid4().hex[:8]

    def manifest(self) -> Sent:
        """One that was never sent before, filed just now."""
        number = next(self._numbers)
        names = [f"K{self._own}-{number:05d}-{line}" for line in range(LINES)]
        at = (datetime.now(UTC) - BEHIND).isoformat()
        body = self._lines.assign(consignment_id=names, filed_at=at, version="1").to_csv(index=False).encode()
        return Sent(f"key-{self._own}-{number}", body, names, later=self.batches and number % 7 == 0)

    def until_killed(self, kill: Callable[[], bool]) -> None:
        """Send until `kill` says that it was done, and on until every sender has noticed."""
        over = threading.Event()
        senders = [threading.Thread(target=self._send, args=(over,)) for _ in range(self.senders)]
        for sender in senders:
            sender.start()
        wait_for(kill)
        over.set()
        for sender in senders:
            sender.join()

    def _send(self, over: threading.Event) -> None:
        with self.server.client() as client:
            while not over.is_set():
                one = self.manifest()
                self.sent.append(one)
                try:
                    answer = client.post("/v1/manifests", content=one.body, headers=one.headers)
                except httpx.TransportError:
                    over.wait(0.02)
                    continue
                if answer.status_code in (200, 202):
                    one.answer = answer.content
                else:
                    self.others.append(answer.status_code)

    @property
    def answered(self) -> list[Sent]:
        return [one for one in self.sent if one.answer is not None]

    def send_again(self, some: list[Sent]) -> int:
        """Send some again under their keys: those answered get the same bytes; all are answered now. How many."""
        with self.server.client() as client:
            for one in some:
                answer = client.post("/v1/manifests", content=one.body, headers=one.headers)
                assert answer.status_code in (200, 202), answer.text
                assert one.answer in (None, answer.content), f"another answer under the key {one.key}"
                one.answer = answer.content
        return len(some)


@dataclass
class Kept:
    """What the store holds of a manifest."""

    lines: int
    assessments: int
    worklist: int
    notes: int
    keys: int


def kept(connection: Connection, one: Sent) -> Kept:
    """Rows of one manifest in each table that its transaction writes."""
    names = {f"n{at}": name for at, name in enumerate(one.consignments)}
    within = f"consignment_id IN ({', '.join(f':{name}' for name in names)})"
    lines, answers, listed = (
        connection.execute(text(f"SELECT count(*) FROM {table} WHERE {within}"), names).scalar_one()
        for table in ("filings", "assessments", "worklist")
    )
    digest = hashlib.sha256(one.body).hexdigest()[:32]
    notes = connection.execute(
        text("SELECT count(*) FROM audit WHERE action = 'manifest.score' AND subject = :s"), {"s": digest}
    ).scalar_one()
    keys = connection.execute(text('SELECT count(*) FROM kept_answers WHERE "key" = :k'), {"k": one.key}).scalar_one()
    return Kept(lines, answers, listed, notes, keys)


def check_whole(url: str, sent: list[Sent]) -> tuple[int, int]:
    """Each manifest is in the store entirely or not at all, and entirely if it was answered.

    How many are there that were answered, and how many whose answer never went out.
    """
    answered = unheard = 0
    whole = Kept(LINES, LINES, LINES, 1, 1)
    with Store.open(url) as store, store.reading() as connection:
        for one in sent:
            if one.later:
                continue
            found = kept(connection, one)
            if one.answer is not None:
                assert found == whole, f"{one.key} was answered, the store holds {found}"
                said = {entry["consignment_id"] for entry in orjson.loads(one.answer)["consignments"]}
                assert said == set(one.consignments)
                answered += 1
            else:
                assert found in (whole, Kept(0, 0, 0, 0, 0)), f"{one.key} is half written: {found}"
                unheard += found == whole
    return answered, unheard


def check_sound(url: str) -> int:
    """The audit's chain verifies and the history tables equal what is folded anew; the number of keys compared."""
    with Store.open(url) as store:
        with store.reading() as connection:
            verdict = audit.verify(connection)
        assert verdict.sound, verdict.faults
        settle(store, Target(), datetime.now(UTC) + timedelta(hours=1))
        found = history_tables.compare(store, threads=1)
    assert found.equal, found
    assert found.alike > 100
    return found.alike
