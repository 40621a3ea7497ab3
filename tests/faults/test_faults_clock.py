"""The clock of the server set back and forth, filings dated ahead and late: the same bits, nothing stuck."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pandas as pd
import pytest
from load import Load, check_sound
from real_server import problem, real_server, wait_for
from small_office import Office

from risk.inspection import Target
from serving import audit
from serving.access import people
from serving.access.gate import COOKIE, FORGERY_HEADER
from serving.access.principal import local
from serving.access.sessions import Sessions, forgery_token
from serving.history_upkeep import settle
from serving.store import Store, history
from serving.store.append import microseconds
from serving.store.audit import rows

BACK = -2 * 3600


@pytest.fixture
def clock(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """The environment in which a process reads its time from a file's offset, and the file."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("the clock is NOT set back: there is no C compiler for the library that does it")
    library, offset = tmp_path / "false_clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("false_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    offset.write_text("0")
    return {"LD_PRELOAD": str(library), "FALSE_CLOCK": str(offset)}, offset


def test_a_clock_set_back_breaks_no_claim_no_session_and_no_order(
    filled: Office, home: Path, clock: tuple[dict[str, str], Path], told: Callable[[str], None]
) -> None:
    environment, offset = clock
    with Store.open(f"sqlite:///{home / 'risk.db'}") as store:
        tokens = {}
        for name in ("an", "binh"):
            people.add(store, name, "correct-horse-battery-7", ["supervisor"], None, local(), datetime.now(UTC))
            sessions = Sessions(store, timedelta(minutes=30), timedelta(hours=12))
            tokens[name] = sessions.begin(name, "correct-horse-battery-7", "local").token
    with real_server(home, environment=environment) as server:
        load = Load(server, filled)
        an, binh = (
            server.client(Cookie=f"{COOKIE}={token}", **{FORGERY_HEADER: forgery_token(token), "X-API-Key": ""})
            for token in tokens.values()
        )
        first, second = load.manifest(), load.manifest()
        load.send_again([first])
        name, other = first.consignments[:2]
        mine = an.post(f"/v1/worklist/{name}/claim").json()
        assert mine["claimed_by"] == "an"
        found = an.post("/v1/inspections", json={"consignment_id": other, "result": "inconclusive"}).json()

        offset.write_text(str(BACK))
        back = datetime.fromisoformat(an.post(f"/v1/worklist/{name}/claim").json()["claimed_at"])
        assert back < datetime.now(UTC) - timedelta(hours=1.9), "the clock of the server is two hours behind"
        offset.write_text("0")
        an.post(f"/v1/worklist/{name}/claim")
        offset.write_text(str(BACK))
        assert "held by an" in problem(binh.post(f"/v1/worklist/{name}/claim"), 409), "a claim stays its officer's"
        later = an.post(f"/v1/inspections/{found['id']}/corrections", json={"result": "nothing"}).json()
        assert later["recorded_at"] > found["recorded_at"], "a correction is always later than what it corrects"
        said = problem(an.post("/v1/inspections", json={"consignment_id": name, "result": "nothing"}), 409)
        assert "later than now" in said
        load.send_again([second])  # its lines are two hours ahead of the server now
        answer = orjson.loads(second.answer or b"")
        assert answer["counts"]["rejected"] == 0 and len(answer["consignments"]) == len(second.consignments)
        assert an.delete(f"/v1/worklist/{name}/claim").status_code == 204
        assert binh.post(f"/v1/worklist/{name}/claim").status_code == 200, "what was given back can be taken"

        offset.write_text("0")
        load.send_again([first, second, load.manifest()])
        assert an.post(f"/v1/worklist/{second.consignments[0]}/claim").status_code == 200
        for one in (first, second):
            for entry in orjson.loads(one.answer or b"")["consignments"][:2]:
                assert an.post(f"/v1/assessments/{entry['assessment_id']}/replay").json()["same"]
    with Store.open(server.url) as store, store.reading() as connection:
        verdict = audit.verify(connection)
        assert verdict.sound, verdict.faults
        times = [row.entry.at for row in rows(connection)]
        assert times != sorted(times), "the audit tells the time that the clock told, in the order things were done"
    keys = check_sound(server.url)
    told(f"two hours back and forth: {verdict.rows} notes of the audit in order, {keys:,} history keys alike")


def test_filings_dated_ahead_and_late_ones_stop_neither_the_folding_nor_the_answers(
    filled: Office, home: Path, long: bool, told: Callable[[str], None]
) -> None:
    lines = pd.read_csv(filled.manifest, dtype=str).drop_duplicates("consignment_id").head(4)
    now, turns = datetime.now(UTC), 40 if long else 3
    with real_server(home) as server, server.client() as client:

        def send(name: str, at: datetime) -> list[str]:
            names = [f"{name}-{number}" for number in range(len(lines))]
            body = lines.assign(consignment_id=names, filed_at=at.isoformat(), version="1").to_csv(index=False)
            answer = client.post("/v1/manifests", content=body.encode())
            assert answer.status_code == 200, answer.text
            return [entry["assessment_id"] for entry in answer.json()["consignments"]]

        made = send("AHEAD", now + timedelta(hours=20))
        for turn in range(turns):
            made += send(f"NOW{turn}", datetime.now(UTC) - timedelta(seconds=90))
            made += send(f"LATE{turn}", now - timedelta(days=3) + timedelta(minutes=turn))

        def caught_up() -> bool:
            with Store.open(server.url) as store:
                return settle(store, Target(), datetime.now(UTC)) == "current"

        wait_for(caught_up)
        with Store.open(server.url) as store, store.reading() as connection:
            head = history.head(connection)
            assert head is not None and head.as_of < microseconds(datetime.now(UTC))
        made = made[:: 1 if long else 4]  # folding for each takes its time
        for key in made:
            assert client.post(f"/v1/assessments/{key}/replay").json()["same"], key
    keys = check_sound(server.url)
    told(
        f"{turns} late manifests beside one a day ahead: {len(made)} assessments made again alike, {keys:,} keys alike"
    )
