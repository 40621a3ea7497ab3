"""Does the faults of `tests/faults` and the cases of the OpenAPI document at full length, and says what was seen.

python -m benchmarks faults                     everything
python -m benchmarks.faults tests/faults/...    some of it; what else is given goes to pytest
"""

from __future__ import annotations

import os
import subprocess
import sys

ALL = ["tests/faults", "tests/api/test_api_schema.py"]

if __name__ == "__main__":
    command = [sys.executable, "-m", "pytest", "-q", "-s", *(sys.argv[1:] or ALL)]
    sys.exit(subprocess.run(command, check=False, env={**os.environ, "RISK_FAULTS": "long"}).returncode)
