"""Parties as of a time, kept for a while: to match all names anew takes seconds in a large store.

What is kept is for "now" and is made again when judgements were added, or after some minutes for new filings.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any, Final

import numpy as np

from risk.layout import utc
from risk.parties.mentions import WRITTEN
from risk.parties.resolver import Parties
from serving.day_work import NotThereError
from serving.store import Store
from serving.store import parties as stored
from serving.store.append import moment

SECONDS: Final = 300.0
"""So long parties may lag behind the filings."""


class PartiesAt:
    """Gives the parties as of now or of an earlier time."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        self._kept: Parties | None = None
        self._made, self._said = 0.0, -1
        self._maker: threading.Thread | None = None

    def get(self, as_of: datetime | None = None) -> Parties:
        """Parties as they were known strictly before a time; None for all that is known."""
        with self._lock:
            with self._store.reading() as connection:
                said = stored.judgements(connection)
                if self._kept is None or time.monotonic() - self._made > SECONDS:
                    self._kept = Parties.of(stored.mentions(connection), said)
                    self._made, self._said = time.monotonic(), len(said)
            if len(said) != self._said:
                self._kept, self._said = self._kept.at(None, said), len(said)
            return self._kept if as_of is None else self._kept.at(as_of, said)

    def at_hand(self) -> Parties | None:
        """The parties kept, for a page that cannot wait; None until they were made, which this begins."""
        old = self._kept is None or time.monotonic() - self._made > SECONDS
        if old and (self._maker is None or not self._maker.is_alive()):
            self._maker = threading.Thread(target=self.get, name="parties", daemon=True)
            self._maker.start()
        return self._kept


def written(parties: Parties, id_: str) -> dict[str, Any]:
    """One spelling of a party: as it was written, first seen when, how often."""
    row = parties.row(id_)
    if row is None:
        raise NotThereError(f"there is no party {id_}")
    entry = parties.mentions.written.iloc[row]
    return {
        "id": id_,
        **{name: str(entry[name]) for name in WRITTEN},
        "role": parties.mentions.role[row],
        "first_seen": utc(moment(int(parties.mentions.first_seen[row]))),
        "seen": int(parties.mentions.seen[row]),
    }


def described(parties: Parties, id_: str) -> dict[str, Any]:
    """A party: its spellings, the inferred links that hold them together, likely others, and judgements.

    Raises NotThereError.
    """
    party = parties.party(id_)
    if party is None:
        raise NotThereError(f"there is no party {id_}")
    rows, ids, links = parties.members(party), parties.mentions.ids, parties.links
    within = set(rows.tolist())
    used = [place for place in parties.clusters.used.tolist() if int(links.i[place]) in within]
    possible: dict[str, dict[str, Any]] = {}
    inside = np.isin(links.i, rows) != np.isin(links.j, rows)
    for place in sorted(np.flatnonzero(inside).tolist(), key=lambda place: -float(links.score[place])):
        other = links.j[place] if int(links.i[place]) in within else links.i[place]
        theirs = parties.party(ids[int(other)])
        if theirs is not None and theirs not in possible:
            named = {"party": theirs, "name": written(parties, theirs)["name"]}
            score = round(float(links.score[place]), 2)
            possible[theirs] = {**named, "score": score, "rule": links.made_by(place).name}
    return {
        "party": party,
        "spellings": [written(parties, ids[row]) for row in rows.tolist()],
        "links": [
            {
                "left": ids[int(links.i[place])],
                "right": ids[int(links.j[place])],
                "score": round(float(links.score[place]), 2),
                "rule": links.made_by(place).name,
                "because": links.made_by(place).words,
                "inferred": True,
            }
            for place in used
        ],
        "possible": list(possible.values())[:20],
        "judgements": [
            {**vars(one), "judged_at": utc(one.judged_at)}
            for one in parties.judgements
            if not {one.left, one.right}.isdisjoint(ids[row] for row in rows.tolist())
        ],
    }
