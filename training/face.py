"""How a model is laid out for MLflow: its two files, the pyfunc face, the modules it needs, what goes in and out.

All of it is text. Owns the layout of that folder, for writing it and for finding the model in it; knows nothing of
runs and versions.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import risk
from risk.feature import Feature
from risk.model import RiskModel

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

MODEL_FOLDER: Final = Path("artifacts", "model")
"""Where the files of `RiskModel` lie in it."""
CODE: Final = ("__init__", "calibration", "contributions", "errors", "feature", "model")
"""The modules of `risk` that travel with a model: enough to score where the project is not installed."""
REQUIREMENTS: Final = ("lightgbm", "mlflow", "numba", "numpy", "orjson", "pandas")


def save_face(model: RiskModel, scratch: Path, face: Path, entry: Any) -> None:
    """Write the model with its pyfunc face as MLflow lays it out; all of it text, none of it pickled."""
    from importlib import metadata

    import mlflow.pyfunc

    model.save(scratch / "model")
    (scratch / "code" / "risk").mkdir(parents=True)
    for module in CODE:
        shutil.copy(Path(risk.__file__).with_name(f"{module}.py"), scratch / "code" / "risk")
    shutil.copy(Path(__file__).with_name("pyfunc_model.py"), scratch)  # so that no path of this machine is written
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")  # the signature says it all
        mlflow.pyfunc.save_model(
            path=str(face),
            python_model=str(scratch / "pyfunc_model.py"),
            artifacts={"model": str(scratch / "model"), "code": str(scratch / "code")},
            signature=_signature(model.features),
            pip_requirements=[f"{name}=={metadata.version(name)}" for name in REQUIREMENTS],
            mlflow_model=entry,
        )
    for cache in face.rglob("__pycache__"):
        shutil.rmtree(cache)


def _signature(features: Sequence[Feature]) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = [
        ColSpec("double" if feature.kind == "number" else "string", feature.name) for feature in features
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec("double", "probability"), ColSpec("double", "raw_score")]))
