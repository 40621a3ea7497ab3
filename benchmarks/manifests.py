"""Speed, memory and robustness of the readers of messages.

    python -m benchmarks.manifests                     everything (about twenty minutes and 2 GB of disk)
    python -m benchmarks.manifests speed --size 100    megabytes of CUSCAR, twice as many of Awmds (or name one)
    python -m benchmarks.manifests fuzz --messages 20000 --seed 1

Files are made from the simulated world. A measurement runs in a process of its own, so that its peak memory is its
own. Speed is that of `read_manifest` to checked frames; the yardsticks only cut the file: pydifact into segments,
lxml into elements (each of them, and only the bills). Of time spent both the wall's and the processor's are told, as
other work on the machine changes the first.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Final

import pandas as pd

from risk.manifests import read_manifest
from training.simulation.messages import awmds, cuscar
from training.simulation.world import simulate

PREPARED: Final = datetime(2026, 6, 1, tzinfo=UTC)
MEGABYTE: Final = 1_000_000
SAMPLE: Final = 2 * MEGABYTE
"""Characters that pydifact gets: it holds all segments in memory and its time grows with them."""
MARK: Final = "Q0000Q"


def bills() -> pd.DataFrame:
    """Goods lines by sea whose bills have a mark in their numbers, which the copies of a big file replace."""
    lines = simulate(4000, 60, seed=5).consignments
    lines = lines[(lines["mode"] == "sea") & (lines["version"] == 1)].head(2500).copy()
    for column in ("consignment_id", "bl_no", "master_bl_no"):
        lines[column] = MARK + lines[column]
    return lines


def write_cuscar(path: Path, size: int) -> None:
    """One message of about so many bytes, with each copy's bills under numbers of their own."""
    text = StringIO()
    cuscar.write(bills(), text, PREPARED)
    whole = text.getvalue()
    start, stop = whole.index("CNI+"), whole.rindex("CNT+7:")
    head, body = whole[:start], whole[start:stop]
    copies = max(1, size // len(body))
    segments = head.count("'\n") - 2 + copies * body.count("'\n") + 1
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        for copy in range(copies):
            file.write(body.replace(MARK, f"Q{copy:04d}Q"))
        file.write(f"UNT+{segments}+1'\nUNZ+1+1'\n")


def write_awmds(path: Path, size: int) -> None:
    """One manifest of about so many bytes."""
    text = StringIO()
    awmds.write(bills(), text, PREPARED)
    whole = text.getvalue()
    start, stop = whole.index("<Bol_segment>"), whole.rindex("</Awmds>")
    body = whole[start:stop]
    with path.open("w", encoding="utf-8") as file:
        file.write(whole[:start])
        for copy in range(max(1, size // len(body))):
            file.write(body.replace(MARK, f"Q{copy:04d}Q"))
        file.write(whole[stop:])


def measure(what: str, path: Path) -> None:
    """Do one thing with one file and print megabytes, seconds and peak memory."""
    begin, busy, size, found = time.perf_counter(), time.process_time(), path.stat().st_size, 0
    if what == "read":
        for batch in read_manifest(path, now=datetime(2027, 1, 1, tzinfo=UTC)):
            found += len(batch.consignments)
    elif what == "iterparse":
        from lxml import etree

        for _, element in etree.iterparse(str(path)):
            found += 1
            element.clear()
    elif what == "iterparse_bills":
        from lxml import etree

        for _, element in etree.iterparse(str(path), tag="Bol_segment"):
            found += 1
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    elif what == "pydifact":
        from pydifact.segmentcollection import RawSegmentCollection

        text = path.read_text(encoding="utf-8")[:SAMPLE]
        text = text[: text.rindex("'") + 1]
        size, begin, busy = len(text), time.perf_counter(), time.process_time()
        found = len(RawSegmentCollection.from_str(text).segments)
    seconds, used = time.perf_counter() - begin, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what} {path.name}: {size / MEGABYTE:,.0f} MB, {found:,} found, {seconds:.1f} s, "
          f"{size / MEGABYTE / seconds:.2f} MB/s; {used:.1f} s of processor, "
          f"{size / MEGABYTE / used:.2f} MB/s of it; peak {peak:.0f} MB", flush=True)  # fmt: skip


def speed(size: int, formats: list[str]) -> None:
    """CUSCAR of so many megabytes and Awmds of twice as many (or those named), each against its yardstick."""
    with tempfile.TemporaryDirectory() as folder:
        for name, write, factor, yardsticks in (
            ("cuscar", write_cuscar, 1, ("pydifact",)),
            ("awmds", write_awmds, 2, ("iterparse", "iterparse_bills")),
        ):
            if formats and name not in formats:
                continue
            path = Path(folder) / name
            write(path, size * factor * MEGABYTE)
            for what in ("read", *yardsticks):
                subprocess.run([sys.executable, "-m", "benchmarks.manifests", "measure", what, str(path)], check=True)
            path.unlink()


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.manifests", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("speed", "fuzz", "measure", "all"), default="all")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--size", type=int, default=500)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.what == "measure":
        measure(given.rest[0], Path(given.rest[1]))
    if given.what in {"speed", "all"}:
        speed(given.size, given.rest)
    if given.what in {"fuzz", "all"}:
        from .manifests_mutations import run

        run(given.messages, given.seed)


if __name__ == "__main__":
    main()
