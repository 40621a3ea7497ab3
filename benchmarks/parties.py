"""Who is who: how well on the simulated world, how fast for a million spellings, how soon for one new name.

    python -m benchmarks.parties                                  everything, with 300,000 spellings
    python -m benchmarks.parties world --lines 300000
    python -m benchmarks.parties link --spellings 1000000
    python -m benchmarks.parties resolve --parties 300000

Every part runs in a process of its own, so that its peak of memory is its own. CPU time is of all threads; it says
more than the clock where other work shares the cores.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from risk.parties.mentions import Mention, gather, mention_id
from risk.parties.names import normalise_name
from risk.parties.resolver import Parties

from .parties_world import COLUMNS, Recorded, many_mentions, world_mentions

WRITTEN = list(COLUMNS[:4])


def figures(key: Sequence[Any], truth: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Pairwise precision and recall of a key of each mention; mentions without truth (-1) do not count."""
    frame = pd.DataFrame({"key": key, "truth": truth})[truth >= 0]

    def pairs(by: list[str]) -> int:
        sizes = frame.groupby(by).size().to_numpy(np.int64)
        return int((sizes * (sizes - 1) // 2).sum())

    both = pairs(["key", "truth"])
    return both / max(1, pairs(["key"])), both / max(1, pairs(["truth"]))


def of_each(parties: Parties, frame: pd.DataFrame) -> list[str]:
    """The party of each row of the frame of mentions, its own id for nobody."""
    ids = [mention_id(*row, "", "") for row in frame[WRITTEN].itertuples(index=False)]
    return [parties.party(id_) or id_ for id_ in ids]


def compile_all() -> None:
    """Compile the kernels and read the tables, which is not timed."""
    Parties.of(pd.DataFrame({"name": ["Alpha Foods Ltd", "Alpha Food Ltd"]})).resolve(Mention("Alpha Foods"))


def world(lines: int, seeds: Sequence[int]) -> None:
    """Precision and recall over the mentions of simulated worlds, beside those of a key of name and country."""
    compile_all()
    for seed in seeds:
        frame, truth = world_mentions(lines, seed=seed)
        begin, cpu = time.perf_counter(), time.process_time()
        parties = Parties.of(frame)
        spent, used = time.perf_counter() - begin, time.process_time() - cpu
        key = frame["identifier"].where(
            frame["identifier"] != "",
            [f"{normalise_name(name)}/{country}" for name, country in frame[WRITTEN[:2]].values],
        )
        print(f"seed {seed}, {lines:,} lines: {len(frame):,} mentions of {len(np.unique(truth)) - 1:,} parties, "
              f"{(truth < 0).sum():,} of nobody or of two alike; {spent:.1f} s, CPU {used:.1f} s")  # fmt: skip
        for name, keys in (("resolved", of_each(parties, frame)), ("number, else name and country", list(key))):
            print("  {:<30} precision {:.4f}, recall {:.4f}".format(name, *figures(keys, truth)))


def link(spellings: int) -> None:
    """Seconds and memory from a frame of spellings to parties."""
    compile_all()
    frame, truth = many_mentions(spellings)
    before = _memory()
    begin, cpu = time.perf_counter(), time.process_time()
    mentions = gather(frame)
    gathered = time.perf_counter() - begin, time.process_time() - cpu
    parties = Parties(mentions)
    whole = time.perf_counter() - begin, time.process_time() - cpu
    print(f"{len(frame):,} mentions, {frame['name'].nunique():,} spellings: {whole[0]:.0f} s, CPU {whole[1]:.0f} s "
          f"(cleaning {gathered[0]:.0f} s, CPU {gathered[1]:.0f} s); {len(parties.links):,} links; "
          f"peak {_memory():.2f} GB, {before:.2f} GB before")  # fmt: skip
    precision, recall = figures(of_each(parties, frame), truth)
    print(f"  precision {precision:.4f}, recall {recall:.4f} (slips as frequent as good spellings)")


def resolve(parties: int, asked: int = 3000) -> None:
    """Milliseconds to resolve one new name among so many parties: other spellings, new parties, hostile names."""
    frame, _ = many_mentions(2 * parties, each=2)
    writer = Recorded.last
    crowded = {"country": "VN", "address": "1 Service Road, Hue", "identifier": "0305555555"}
    crowd = frame["name"].head(5000).to_frame().assign(**crowded, first_seen=0)
    known = Parties.of(pd.concat([frame, crowd], ignore_index=True))
    known.resolve(Mention("Alpha Foods"))
    random = np.random.default_rng(2)
    print(f"{len(np.unique(known.clusters.root)):,} parties, {len(known.mentions):,} mentions, {_memory():.2f} GB")
    who = random.integers(0, parties, asked).tolist()
    spelt = [(party, writer.home[party], 2 + place % 3) for place, party in enumerate(who)]
    words = frame["name"].iloc[random.integers(0, len(frame), 2 * asked)].str.split().str[0].tolist()
    hostile = [
        "TRADING " * 1250,
        "A" * 10_000,
        "LIMITED",
        "MINH PHAT LONG AN HUNG " * 400,
        "🐘" * 10_000,
        "公司" * 5000,
    ]
    kinds = {
        "other spellings, with address": [Mention(writer.name(p, s), c, writer.address(p, s)) for p, c, s in spelt],
        "other spellings, name alone": [Mention(writer.name(p, s), c) for p, c, s in spelt],
        "new names of common words": [
            Mention(f"{a} {b} TRADING CO", "VN") for a, b in zip(words[::2], words[1::2], strict=True)
        ],
        "hostile names": [Mention(f"{name} {place}", **crowded) for place in range(100) for name in hostile],
    }
    for kind, mentions in kinds.items():
        spent, used, met = [], [], 0
        for mention in mentions:
            begin, cpu = time.perf_counter(), time.thread_time()
            known.resolve(mention)
            spent.append(time.perf_counter() - begin)
            used.append(time.thread_time() - cpu)
        for mention in mentions[:: max(1, len(mentions) // 300)]:
            met = max(met, len(known.candidates(gather(pd.DataFrame([vars(mention)])))))
        (p50, p99), (cpu50, cpu99) = (np.percentile(times, [50, 99]) * 1000 for times in (spent, used))
        print(f"  {kind:<30} p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {max(spent) * 1000:.1f} ms; "
              f"CPU p50 {cpu50:.2f} ms, p99 {cpu99:.2f} ms; at most {met} candidates")  # fmt: skip


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Run the part that is asked for, or each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parties")
    parser.add_argument("part", nargs="?", choices=["world", "link", "resolve"])
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--spellings", type=int, default=300_000)
    parser.add_argument("--parties", type=int, default=300_000)
    given = parser.parse_args()
    if given.part == "world":
        world(given.lines, given.seeds)
    elif given.part == "link":
        link(given.spellings)
    elif given.part == "resolve":
        resolve(given.parties)
    else:
        for part in ("world", "link", "resolve"):
            subprocess.run([sys.executable, "-m", "benchmarks.parties", part, *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
