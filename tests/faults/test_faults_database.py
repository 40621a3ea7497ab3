"""The database killed and brought back, the disk full and free again: clear answers, nothing to do by hand."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from killable_postgres import KillablePostgres
from load import Load, Sent, check_sound, check_whole
from real_server import RealServer, problem, real_server, wait_for
from small_office import Office

READS = ("/v1/worklist", "/v1/batches", "/v1/model/versions/1/card", "/v1/parties?name=an", "/v1/watchlists")


def test_a_database_that_is_killed_and_comes_back_needs_no_hand(
    filled: Office, home: Path, postgres: KillablePostgres, long: bool, told: Callable[[str], None]
) -> None:
    times, refused = (10 if long else 2), 0
    with real_server(home, postgres.url) as server, server.client() as client:
        load = Load(server, filled)
        for _ in range(times):
            load.send_again([_one(load)])
            postgres.kill()
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["problems"]) == (503, ["the store cannot be reached"])
            assert client.get("/healthz").status_code == 200
            for path in READS:
                answer = client.get(path)
                if answer.status_code != 200:  # the card of a model is not in the store; the key is known for a moment
                    assert "store cannot be reached" in problem(answer, 503)
                    assert answer.headers["retry-after"] == "5"
            lost = _one(load)
            answer = client.post("/v1/manifests", content=lost.body, headers=lost.headers)
            assert "store cannot be reached" in problem(answer, 503)
            refused += 1
            postgres.start()
            wait_for(lambda: client.get("/readyz").status_code == 200)
            load.send_again(load.sent)
        answered, _ = check_whole(postgres.url, load.sent)
        assert answered == len(load.sent) == 2 * times
        problems = [entry for entry in server.lines_of_log() if entry["event"] in ("store_failed", "watch_failed")]
        assert problems, "the log says so as well"
    check_sound(postgres.url)
    told(f"killed and brought back {times} times; {refused} manifests refused, sent again, and kept: {answered} in all")


def test_a_database_killed_under_load_loses_nothing(
    only_long: None, filled: Office, home: Path, postgres: KillablePostgres, told: Callable[[str], None]
) -> None:
    with real_server(home, postgres.url) as server:
        load = Load(server, filled)

        def killed() -> bool:
            if len(load.answered) < 5:
                return False
            postgres.kill()
            wait_for(lambda: len(load.others) >= 4)
            postgres.start()
            after = len(load.answered)
            wait_for(lambda: len(load.answered) > after + 4)
            return True

        load.until_killed(killed)
        assert set(load.others) == {503}
        check_whole(server.url, load.sent)
        again = load.send_again(load.sent)
        assert check_whole(server.url, load.sent) == (again, 0)
    check_sound(postgres.url)
    told(f"{again} manifests, {len(load.others)} refused with 503 meanwhile; all kept once sent again")


def test_a_full_quota_is_told_and_nothing_is_spoilt(filled: Office, home: Path, told: Callable[[str], None]) -> None:
    with real_server(home) as server:

        def full() -> None:
            # The log of writes ahead cannot grow beyond its first pages, nor can any other file of the process.
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))

        def free() -> None:
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        told(_filled_up(server, filled, full, free))


def test_a_full_disk_is_told_and_nothing_is_spoilt(
    only_long: None, filled: Office, home: Path, tmp_path: Path, told: Callable[[str], None]
) -> None:
    disk = tmp_path / "disk"
    with _small_disk(disk, 64 << 20):
        shutil.copytree(home, disk / "home")
        (disk / "tmp").mkdir()
        filler = disk / "filler"

        def full() -> None:
            with filler.open("wb", buffering=0) as file:
                size = 1 << 20
                while size:
                    try:
                        file.write(b"x" * size)
                    except OSError:
                        size //= 2

        with real_server(disk / "home", environment={"TMPDIR": str(disk / "tmp")}) as server:
            told(_filled_up(server, filled, full, filler.unlink))


def _filled_up(server: RealServer, office: Office, full: Callable[[], None], free: Callable[[], None]) -> str:
    load = Load(server, office)
    load.send_again([_one(load) for _ in range(3)])
    full()
    refused: list[str] = []
    with server.client() as client:
        for _ in range(40):
            one = _one(load)
            answer = client.post("/v1/manifests", content=one.body, headers=one.headers)
            if answer.status_code == 200:
                one.answer = answer.content  # there was room yet in the pages at hand
                continue
            refused.append(problem(answer, 503))
            if len(refused) >= 5:
                break
        assert len(refused) >= 5, "the disk was never full"
        assert all("try again" in said for said in refused), refused
        assert client.get("/healthz").status_code == 200
        before, _ = check_whole(server.url, load.sent)
        free()
        wait_for(lambda: _goes(client, load))
        load.send_again(load.sent)
    answered, unheard = check_whole(server.url, load.sent)
    assert (answered, unheard) == (len(load.sent), 0)
    server.stop()
    check_sound(server.url)
    assert server.lines_of_log()
    return f"{len(refused)} refused while full, {before} kept before; all {answered} kept once there was room"


def _goes(client: httpx.Client, load: Load) -> bool:
    one = _one(load)
    answer = client.post("/v1/manifests", content=one.body, headers=one.headers)
    assert answer.status_code in (200, 503), answer.text
    one.answer = answer.content if answer.status_code == 200 else None
    return answer.status_code == 200


def _one(load: Load) -> Sent:
    one = load.manifest()
    load.sent.append(one)
    return one


@contextmanager
def _small_disk(place: Path, size: int) -> Iterator[None]:
    """A file system of its own with room for so many bytes; takes the rights to mount one."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    made = subprocess.run(command, check=False, capture_output=True)
    if made.returncode:
        pytest.skip("a full DISK is not tested: this user may not mount one (a full quota is)")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)
