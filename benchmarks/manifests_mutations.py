"""Mutated messages of every format against the readers: each is read or refused in one sentence, in bounded time.

The n-th message of a run is drawn from `seed` and n alone, so that any of them can be made again.
"""

from __future__ import annotations

import gzip
import random
import resource
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import pandas as pd

from risk.errors import InputError
from risk.manifests import read_manifest
from training.simulation.messages import air, awmds, cargo_imp, cargo_xml, cuscar, x12_309
from training.simulation.world import simulate

PREPARED: Final = datetime(2026, 6, 1, tzinfo=UTC)
NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)
SLOWEST: Final = 1.0
"""Seconds of the processor that a message of a few kilobytes may take, and as much again for each further 20 kB."""
WORKERS: Final = 2
CHUNK: Final = 1000

_MARKS: Final = (
    *(bytes([byte]) for byte in b"'+:?~*<>&/\n\"\0\xff\x1d"),
    b"\r\n", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"UNH+1+CUSCAR:D:95B:UN'", b"UNT+1+1'", b"CNI+1'", b"LX*1~",
    b"FWB/17\r\n", b"-1", b"9" * 40, b"1e999", b"\xef\xbb\xbf", b"\xff\xfe", b"A" * 3000,
)  # fmt: skip


_FLIGHT: Final = b"""FFM/8
1/EK380/13MAR1030/DXB/A6ABC
HKG/13MAR2200
176-12345675LOSHKG/P10K300.0T14/DRIED FISH MAW
/PER
ULD/AKE12345EK
176-12345675LOSHKG/P4K112.0T14/DRIED FISH MAW
176-12345686LOSHKG/P2K10T9/WOOD
CONT
FFM/8
2/EK380/13MAR/DXB
HKG
ULD/PMC54321EK
176-12345690LOSHKG/T3L20MC0.4/TIMBER
LAST
"""
_SHEET: Final = "xl/worksheets/sheet1.xml"
_OFFICE: Final = "http://schemas.openxmlformats.org"
_BOOK: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_OFFICE}/package/2006/content-types"/>',
    "_rels/.rels": f'<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_OFFICE}/spreadsheetml/2006/main" '
    f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships"><sheets><sheet name="Bills" sheetId="1" r:id="r1"/>'
    "</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
"""The parts of a workbook around its one sheet."""


@cache
def originals() -> dict[str, bytes]:
    """A small good message of each format."""
    lines = simulate(1000, 30, seed=9).consignments
    sea = lines[(lines["mode"] == "sea") & (lines["version"] == 1)].head(6)
    freight = air.as_air_freight(lines).head(6)
    texts: dict[str, Callable[[StringIO], None]] = {
        "cuscar": lambda file: cuscar.write(sea, file),
        "cuscar_one": lambda file: cuscar.write(sea, file, PREPARED, between=""),
        "x12": lambda file: x12_309.write(sea, file),
        "awmds": lambda file: awmds.write(sea, file, PREPARED),
    }
    found: dict[str, bytes] = {"cargo_imp": cargo_imp.write(freight).encode()}
    for name, write in texts.items():
        file = StringIO()
        write(file)
        found[name] = file.getvalue().encode()
    found["awbolds"] = found["awmds"].replace(b"Awmds>", b"Awbolds>")
    for number, document in enumerate(list(cargo_xml.documents(freight))[:2]):
        found[f"cargo_xml_{number}"] = document
    found["flight"] = _FLIGHT
    found["excel"] = found["excel_sheet"] = _workbook(sea)
    found["gzip"] = gzip.compress(found["cuscar"], mtime=0)
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("cuscar", "awmds"):
            packed.writestr(zipfile.ZipInfo(name, (2026, 6, 1, 0, 0, 0)), found[name])
    found["zip"] = archive.getvalue()
    return found


def _workbook(lines: pd.DataFrame) -> bytes:
    """The lines as a workbook of one sheet."""
    texts = lines.dropna(axis=1, how="all").astype("str").fillna("")
    rows = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>' for text in row) + "</row>"
        for row in [list(texts.columns), *texts.itertuples(index=False)]
    )
    sheet = f'<worksheet xmlns="{_OFFICE}/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        for name, part in {**_BOOK, _SHEET: sheet}.items():
            book.writestr(zipfile.ZipInfo(name, (2026, 6, 1, 0, 0, 0)), part)
    return packed.getvalue()


def mutated(text: bytes, drawn: random.Random) -> bytes:
    """The message with a few changes: bytes, marks, pieces left out, repeated, exchanged; cut off; another encoding."""
    data = bytearray(text)
    for _ in range(drawn.choice((1, 1, 2, 3, 8, 30))):
        at, size, other = (
            drawn.randrange(len(data) + 1),
            drawn.choice((0, 1, 4, 40, 400)),
            drawn.randrange(len(data) + 1),
        )
        kind = drawn.randrange(6)
        if kind == 0:
            data[at : at + 1] = bytes([drawn.randrange(256)])
        elif kind == 1:
            data[at : at + size] = drawn.choice(_MARKS)
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = data[other : other + size]
        elif kind == 4:
            data[at : at + size], data[other : other + size] = data[other : other + size], data[at : at + size]
        elif drawn.random() < 0.1:
            del data[at:]
    if drawn.random() < 0.02:
        return bytes(data).decode("latin-1").encode(drawn.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32")))
    return bytes(data)


def changed(name: str, text: bytes, drawn: random.Random) -> bytes:
    """The source mutated; of a workbook also the cells inside, as changes outside seldom get past the unpacking."""
    if name != "excel_sheet":
        return mutated(text, drawn)
    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(text)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            inside = old.read(part)
            new.writestr(part, mutated(inside, drawn) if part.filename == _SHEET else inside)
    return packed.getvalue()


def _chunk(first: int, last: int, seed: int) -> tuple[Counter[str], list[str], float, float]:
    """Read some messages, printing faults as they come: outcomes, faults, the slowest in s and in s a megabyte."""
    sources = originals()
    names = sorted(sources)
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    slowest = pace = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "message"
        for data in sources.values():  # the tables that a first reading loads are not timed
            path.write_bytes(data)
            _read(path)
        for number in range(first, last):
            drawn = random.Random(f"{seed}/{number}")
            name = names[number % len(names)]
            data = changed(name, sources[name], drawn)
            path.write_bytes(data)
            begin = time.process_time()
            outcome = _read(path)
            seconds = time.process_time() - begin
            outcomes[f"{name}: {outcome.split('|')[0]}"] += 1
            slowest, pace = max(slowest, seconds), max(pace, seconds / max(len(data), 10_000) * 1e6)
            if "|" not in outcome and seconds > SLOWEST * max(1.0, len(data) / 20_000):
                outcome = f"fault|took {seconds:.1f} s of the processor for {len(data):,} bytes"
            if "|" in outcome:
                faults.append(f"seed {seed}, message {number} ({name}): {outcome.split('|', 1)[1]}")
                print(faults[-1], flush=True)
    return outcomes, faults, slowest, pace


def _read(path: Path) -> str:
    try:
        rejects = 0
        for batch in read_manifest(path, now=NOW, received_at=PREPARED):
            if any(not reject.reason for reject in batch.rejects):
                return "fault|a reject without a reason"
            rejects += len(batch.rejects)
        return "read with rejects" if rejects else "read"
    except InputError as error:
        words = str(error)
        return "refused" if "\n" not in words and str(path) in words else f"fault|not one sentence: {words!r}"
    except Exception as error:  # noqa: BLE001  (this is what is looked for)
        return f"fault|{type(error).__name__}: {error}"


def run(messages: int, seed: int) -> None:
    """Mutate so many messages, over all formats; ends with an error when one of them was not dealt with."""
    begin = time.perf_counter()
    with ProcessPoolExecutor(WORKERS) as pool:
        starts = range(0, messages, CHUNK)
        parts = []
        for part in pool.map(_chunk, starts, [min(messages, at + CHUNK) for at in starts], [seed] * len(starts)):
            parts.append(part)
            if len(parts) % 5 == 0:
                print(
                    f"  {min(messages, len(parts) * CHUNK):,} so far, {sum(len(p[1]) for p in parts)} faults",
                    flush=True,
                )
    outcomes: Counter[str] = sum((part[0] for part in parts), Counter())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{messages:,} mutated messages, seed {seed}: {time.perf_counter() - begin:.0f} s, slowest "
          f"{max(part[2] for part in parts):.2f} s, at most {max(part[3] for part in parts):.1f} s a megabyte, "
          f"peak {peak:.0f} MB")  # fmt: skip
    for name, count in sorted(outcomes.items()):
        print(f"  {name}: {count:,}")
    faults = sum(len(part[1]) for part in parts)
    if faults:
        raise SystemExit(f"{faults:,} messages were not dealt with as they should be; they are named above")
