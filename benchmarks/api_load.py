"""A small load generator over raw sockets on the loopback, and what a group of processes has used of the processors."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Load:
    """What came of a load: seconds of each good answer, those that were not good, and how long all took."""

    seconds: list[float] = field(default_factory=list)
    bad: list[bytes] = field(default_factory=list)
    took: float = 0.0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.seconds) / self.took

    def ms(self, percent: float) -> float:
        """So many per cent of the answers took at most so many milliseconds."""
        return float(np.percentile(self.seconds, percent)) * 1000 if self.seconds else float("nan")


def send(port: int, path: str, body: Callable[[], bytes], *, connections: int, requests: int, headers: str = "",
         most_seconds: float = 60) -> Load:  # fmt: skip
    """Send so many requests over so many connections, each as soon as the one before is answered."""
    return asyncio.run(_send(port, path, body, connections, requests, headers, most_seconds))


async def _send(
    port: int, path: str, body: Callable[[], bytes], connections: int, requests: int, headers: str, most: float
) -> Load:
    load, left, since = Load(), requests, time.perf_counter()

    async def one() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0 and time.perf_counter() - since < most:
            left -= 1
            content = body()
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
            began = time.perf_counter()
            writer.write(head.encode() + content)
            status = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line.split(b":")[1]) for line in status.lower().split(b"\r\n") if line[:15] == b"content-length:"),
                0,
            )
            answer = await reader.readexactly(length)
            if status[9:12] == b"200":
                load.seconds.append(time.perf_counter() - began)
            else:
                load.bad.append(status[:15] + answer[:300])
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    load.took = time.perf_counter() - since
    return load


def cpu_seconds(process: int) -> float:
    """Seconds of processor that a process and all its descendants have used."""
    ticks, wanted = 0, {process}
    stats = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        stats[int(entry.parent.name)] = (
            int(words[1]),
            int(words[11]) + int(words[12]) + int(words[13]) + int(words[14]),
        )
    while more := {number for number, (parent, _) in stats.items() if parent in wanted} - wanted:
        wanted |= more
    ticks = sum(stats[number][1] for number in wanted if number in stats)
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(process: int) -> float:
    """Resident memory of a process and its children, shared pages counted in each."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(entry.parent.name) == process or int(words[1]) == process:
            total += int(words[21])
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20
