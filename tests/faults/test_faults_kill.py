"""Kill -9 under load, again and again: what was answered is kept, nothing by halves, keys give the same answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest
from killable_postgres import KillablePostgres
from load import Load, check_sound, check_whole
from real_server import RealServer, real_server, wait_for
from small_office import Office, risk

KILLS, KILLS_LONG = {"sqlite": 2, "postgresql": 1}, 50


def _rounds(load: Load, server: RealServer, kills: int) -> int:
    """Let it be killed so often, each time somewhere in its work; how many answers were asked for again."""
    chance, again = random.Random(7), 0
    for _ in range(kills):
        before, after = len(load.answered), chance.randint(2, 25)

        def killed(before: int = before, after: int = after) -> bool:
            if len(load.answered) - before < after:
                return False
            time.sleep(chance.random() * 0.1)
            server.kill()
            return True

        started = len(load.sent)
        load.until_killed(killed)
        check_whole(server.url, load.sent[started:])
        server.start()
        again += load.send_again(load.sent[started:])
    return again


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_killed_server_has_kept_all_it_answered_and_nothing_by_halves(
    backend: str, filled: Office, home: Path, long: bool, told: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    url = None
    if backend == "postgresql":
        postgres: KillablePostgres = request.getfixturevalue("postgres")
        url = postgres.url
    with real_server(home, url) as server:
        load = Load(server, filled, batches=long)
        kills = KILLS_LONG if long else KILLS[backend]
        again = _rounds(load, server, kills)
        assert load.others == [], "a server that is killed answers nothing, never something wrong"
        answered, unheard = check_whole(server.url, load.sent)
        assert (answered, unheard) == (len([one for one in load.sent if not one.later]), 0)
        taken = [orjson.loads(one.answer or b"")["id"] for one in load.sent if one.later]
        states = _ends(server, taken)
        assert states.count("failed") <= len(taken) // 10, "given up only when killed three times at the same batch"
    keys = check_sound(server.url)
    if backend == "sqlite":
        assert risk(home, "audit", "verify").status == 0
        assert risk(home, "history", "rebuild", "--check").status == 0
    told(
        f"{kills} kills, {answered} manifests answered and kept whole, {again} asked for again and answered the same, "
        f"{len(taken)} batches came to their end ({states.count('failed')} given up), {keys:,} history keys alike"
    )


def _ends(server: RealServer, taken: list[str]) -> list[str]:
    def state(batch: str, client: httpx.Client) -> str:
        return str(client.get(f"/v1/batches/{batch}").json()["state"])

    with server.client() as client:
        wait_for(lambda: all(state(batch, client) in ("done", "failed") for batch in taken), 600)
        return [state(batch, client) for batch in taken]
