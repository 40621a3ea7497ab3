"""From history and outcomes to a registered model. Knows no web.

MLflow reports its use to its makers unless told otherwise before it is imported; this package is the
only one that imports it, so it says no here. Threads of LightGBM wait without burning a processor that
somebody else could use: on a busy machine that is many times faster, on a quiet one no slower.
"""

import os

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
