"""Works off manifests that were taken in to be scored later, one at a time, in a thread beside the requests.

All of a batch is committed at its end, so one that was cut off by a kill leaves nothing and is begun again, by this
process or another; after some attempts it is marked failed. What is wrong with the manifest itself fails it at once.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import orjson
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from risk.errors import RiskError
from serving.champion import Champion
from serving.receiving import Received, Wish, receive
from serving.store import Store, StoreError, batches

ATTEMPTS: Final = 3
"""So often a batch is begun before it is given up."""
ALIVE: Final = timedelta(seconds=5)
"""How often a worker shows that it is alive; after six times that without a sign another one takes over."""
WAIT: Final = 1.0
"""Seconds between two looks for a batch when none was there."""
_log = structlog.get_logger("risk")


class _LostError(Exception):
    """Another worker has taken the batch over; nothing of ours may be kept."""


class BatchWorker:
    """One worker of a process."""

    def __init__(self, store: Store, champion: Champion, wish: Wish) -> None:
        self._store, self._champion, self._wish = store, champion, wish
        self._name = uuid4().hex
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at hand, or leave it to be begun again when it takes longer."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def work(self) -> bool:
        """Work off one batch; False when none is to be had."""
        now = datetime.now(UTC)
        with self._store.transaction() as connection:
            batch = batches.take(connection, self._name, now, now - 6 * ALIVE)
        if batch is None:
            return False
        if batch["attempts"] > ATTEMPTS:
            self._fail(batch, f"was begun {ATTEMPTS} times and never came to its end; send it in smaller parts")
            return True
        beat = threading.Event()
        beating = threading.Thread(target=self._beat, args=(batch["id"], beat), daemon=True)
        beating.start()
        try:
            self._score(batch)
        except _LostError:
            _log.warning("batch_lost", batch=batch["id"])
        except (StoreError, SQLAlchemyError, OSError):  # no store or no disk: it is begun again when they are back
            raise
        except RiskError as error:
            self._fail(batch, str(error))
        except Exception as error:  # noqa: BLE001  # a batch that cannot be scored must not stop the others
            _log.error("batch_failed", batch=batch["id"], kind=type(error).__name__)
            self._fail(batch, f"the service failed on it ({type(error).__name__})")
        finally:
            beat.set()
            beating.join()
        return True

    def _score(self, batch: dict[str, Any]) -> None:
        with self._store.reading() as connection:
            body = b"".join(batches.file(connection, batch["id"], "manifest"))
        wish = Wish(batch["capacity"], self._wish.seed, self._wish.random_share, self._wish.threads)
        self._done = 0

        def saving(connection: Connection, received: Received) -> None:
            lines = [orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in received.consignments]
            batches.put_file(connection, batch["id"], "results", b"".join(lines))
            rejects = received.content()["rejects"]
            if rejects:
                lines = [orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in rejects]
                batches.put_file(connection, batch["id"], "rejects", b"".join(lines))
            batches.drop_file(connection, batch["id"], "manifest")
            if not self._tell(
                connection,
                batch["id"],
                state="done",
                finished_at=_now(),
                lines=received.lines,
                done=received.lines,
                consignments=len(received.consignments),
                known=received.known,
                rejected=len(received.rejects),
            ):
                raise _LostError

        def progress(done: int) -> None:
            self._done = done

        service = self._champion.current
        offices = None if batch["offices"] is None else frozenset(orjson.loads(batch["offices"]))
        at = batch["submitted_at"]
        receive(self._store, body, service, wish, at, saving=saving, progress=progress, offices=offices)
        _log.info("batch_done", batch=batch["id"])

    def _fail(self, batch: dict[str, Any], why: str) -> None:
        with self._store.transaction() as connection:
            self._tell(connection, batch["id"], state="failed", finished_at=_now(), error=why)
            batches.drop_file(connection, batch["id"], "manifest")

    def _tell(self, connection: Connection, key: str, **values: Any) -> bool:
        return batches.tell(connection, key, self._name, datetime.now(UTC), **values)

    def _beat(self, key: str, end: threading.Event) -> None:
        while not end.wait(ALIVE.total_seconds()):
            try:
                with self._store.transaction() as connection:
                    self._tell(connection, key, done=self._done)
            except (StoreError, SQLAlchemyError) as error:
                _log.warning("batch_no_sign", batch=key, kind=type(error).__name__)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.work():
                    continue
            except Exception as error:  # noqa: BLE001  # the store may be gone for a while; the worker stays
                _log.error("batches_waiting", kind=type(error).__name__)
                time.sleep(WAIT)
            self._wake.wait(WAIT)
            self._wake.clear()


def _now() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000_000)
