"""Runs the benchmarks named, or all of them, one after the other, each in a process of its own.

python -m benchmarks [NAME ...]
"""

import argparse
import subprocess
import sys
from pathlib import Path

found = {path.stem for path in Path(__file__).parent.glob("[a-z]*.py")}
names = sorted(name for name in found if not name.endswith(("_world", "_yardsticks", "_mutations", "_server", "_load")))
parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Runs benchmarks: all, or those named.")
parser.add_argument("names", nargs="*", help=", ".join(names))
wanted = parser.parse_args().names or names
if unknown := [name for name in wanted if name not in names]:
    parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(names)}")
for name in wanted:
    print(f"== {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
