"""The model as MLflow's servers and Spark see it: a DataFrame of features in, probability and raw score out.

MLflow copies this file into every registered model and runs the copy, so it imports nothing of this project until
the model is loaded. The score itself is `RiskModel.score`; nothing is computed here.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

if TYPE_CHECKING:
    from risk.feature import FeatureTable
    from risk.model import RiskModel


class RiskFace(PythonModel):
    """The pyfunc face of a `RiskModel`.

    Artifacts: `model`, the folder with the two files of the model; `code`, the few modules of `risk` that read it,
    used where the project is not installed.
    """

    def load_context(self, context: Any) -> None:
        """Read the model. Raises ModelError when its files are missing or altered."""
        try:
            from risk.model import RiskModel
        except ModuleNotFoundError:
            sys.path.append(context.artifacts["code"])
            from risk.model import RiskModel
        from pathlib import Path

        self.model = RiskModel.load(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Columns `probability` (calibrated) and `raw_score` (log odds), float64, one row for each row given.

        model_input   a column for each feature of the model: numbers (NaN when missing), category texts (None or
                      NaN when missing); further columns are not read
        """
        scores = self.model.score(_table(self.model, model_input))
        return pd.DataFrame({"probability": scores.probability, "raw_score": scores.raw}, index=model_input.index)


def _table(model: RiskModel, frame: pd.DataFrame) -> FeatureTable:
    from risk.errors import InputError
    from risk.feature import FeatureTable

    features = tuple(sorted(model.features, key=lambda feature: feature.kind != "number"))
    absent = [feature.name for feature in features if feature.name not in frame.columns]
    if absent:
        raise InputError(f"the input lacks the features {', '.join(absent)}; give each a column, empty when not known")
    names = [feature.name for feature in features if feature.kind == "number"]
    with np.errstate(over="ignore"):  # a figure beyond float32 is infinite, as it was in training
        numbers = frame[names].to_numpy(np.float64, na_value=np.nan).astype(np.float32)
    categories = {
        feature.name: frame[feature.name].astype(object).where(frame[feature.name].notna(), None).to_numpy(object)
        for feature in features
        if feature.kind == "category"
    }
    return FeatureTable(features, numbers, categories)


set_model(RiskFace())
