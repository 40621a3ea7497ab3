"""Runs every module of this folder one after the other, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    if not path.stem.endswith("_world") and not path.stem.endswith("_yardsticks"):
        print(f"== {path.stem}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}"], check=True)
