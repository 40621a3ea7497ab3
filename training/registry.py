"""The registry of models on MLflow: runs with their figures, versions of the model `risk`, champion and challenger.

Owns where models are kept and how they are named: a version number, an alias, or the path of a model folder. By
default all of it lies in one folder, `mlruns/`, that can be copied or moved with its checkout. Only `record` writes
models; scores come from `RiskModel`, read straight from its two files. Knows nothing of training or of the web.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from risk.errors import ModelError, NoSuchModelError
from risk.model import RiskModel
from training.face import MODEL_FOLDER, save_face
from training.relocation import relocate

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

NAME: Final = "risk"
"""The registered model, and the experiment that holds its runs."""
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
FINGERPRINT_TAG: Final = "fingerprint"
REPLACED_TAG: Final = "replaced"
NOTE_TAG: Final = "note"


@dataclass(frozen=True)
class Registered:
    """What `record` made: the run, the version of the model and the alias it got."""

    run_id: str
    version: str
    alias: str


@dataclass(frozen=True)
class ModelVersionFacts:
    """Which registered model it is. For a model folder the name is its path, the version is empty."""

    name: str
    version: str
    alias: str | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class Registry:
    """The models that were trained.

    root            the folder that holds `mlruns/`
    tracking_uri    MLflow's tracking store and registry
    own             whether that is the file `mlruns/mlflow.db` of the root
    """

    root: Path
    tracking_uri: str
    own: bool

    @classmethod
    def open(cls, root: Path, tracking_uri: str | None = None) -> Registry:
        """The registry under a root folder, or the one behind a tracking URI of MLflow.

        Nothing is created before the first `record`. Where the folder was copied or moved since, the paths MLflow
        keeps in it are set right. Raises ModelError when the store is no such store or cannot be written then.
        """
        root = root.resolve()
        if tracking_uri:
            return cls(root, tracking_uri, own=False)
        database = root / "mlruns" / "mlflow.db"
        if database.is_file():
            relocate(database, NAME)
        return cls(root, f"sqlite:///{database}", own=True)

    def record(
        self,
        model: RiskModel,
        *,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        files: Path,
        tags: Mapping[str, str],
    ) -> Registered:
        """Log a training as one run and register its model: as champion when there is none, else as challenger.

        parameters   of the training
        metrics      single numbers, such as test_precision_at_0.01 with _low and _high
        files        folder whose files (plots, model card, reports) are kept with the run
        tags         data fingerprint, spans of time and the like

        Raises ModelError when the store cannot take it; the run is then left as failed.
        """
        with _told(self.tracking_uri):
            experiment = self._experiment()
            run_id: str = self._client.create_run(
                experiment, tags={**tags, FINGERPRINT_TAG: model.fingerprint}
            ).info.run_id
            status = "FAILED"
            try:
                self._log(run_id, parameters, metrics, files)
                version = self._register(model, experiment, run_id)
                status = "FINISHED"
            finally:
                self._client.set_terminated(run_id, status)
            alias = CHALLENGER if CHAMPION in self._aliases() else CHAMPION
            self._client.set_registered_model_alias(NAME, alias, version)
        return Registered(run_id, version, alias)

    def load(self, reference: str = CHAMPION) -> tuple[RiskModel, ModelVersionFacts]:
        """A model by alias, version number or path of a model folder (with a slash in it, as ./model), and which it is.

        Raises ModelError when there is none such, or when its files are missing or altered.
        """
        if os.sep in reference:
            return RiskModel.load(Path(reference)), ModelVersionFacts(reference, "")
        found = self._find(reference)
        if found is None:
            if Path(reference).is_dir():
                return RiskModel.load(Path(reference)), ModelVersionFacts(reference, "")
            raise NoSuchModelError(self._no_such(reference))
        with _told(self.tracking_uri):
            folder = self._folder(found)
        model = RiskModel.load(folder)
        if found.tags.get(FINGERPRINT_TAG, model.fingerprint) != model.fingerprint:
            raise ModelError(
                f"{folder} holds the model {model.fingerprint}, but version {found.version} was registered as "
                f"{found.tags[FINGERPRINT_TAG]}; restore its files or promote another version"
            )
        return model, _facts(found, reference)

    def promote(self, version: str, note: str = "") -> ModelVersionFacts:
        """Make a version the champion; when it was the challenger there is none afterwards.

        The version keeps which one it replaced and the note, such as why a gate was passed over. Raises ModelError
        when there is no such version.
        """
        found = self._find(version) if version.isdecimal() else None
        if found is None:
            raise NoSuchModelError(self._no_such(version))
        before = self.champion()
        with _told(self.tracking_uri):
            if before is not None and before.version != str(found.version):
                self._client.set_model_version_tag(NAME, found.version, REPLACED_TAG, before.version)
            if note:
                self._client.set_model_version_tag(NAME, found.version, NOTE_TAG, note)
            self._client.set_registered_model_alias(NAME, CHAMPION, found.version)
            if self._aliases().get(CHALLENGER) == str(found.version):
                self._client.delete_registered_model_alias(NAME, CHALLENGER)
        return ModelVersionFacts(NAME, str(found.version), CHAMPION, found.run_id)

    def roll_back(self) -> ModelVersionFacts:
        """Make the version champion that the present one replaced; the present one becomes challenger.

        Raises ModelError when the champion replaced none.
        """
        present = self._find(CHAMPION)
        before = None if present is None else present.tags.get(REPLACED_TAG)
        if present is None or before is None:
            raise ModelError("the champion replaced no other version; promote the one you want with `risk promote`")
        with _told(self.tracking_uri):
            self._client.set_registered_model_alias(NAME, CHAMPION, before)
            self._client.set_registered_model_alias(NAME, CHALLENGER, str(present.version))
        return ModelVersionFacts(NAME, before, CHAMPION, None)

    def champion(self) -> ModelVersionFacts | None:
        """The version that scores; None before the first model."""
        return self._by_alias(CHAMPION)

    def challenger(self) -> ModelVersionFacts | None:
        """The version that waits to take its place, if any."""
        return self._by_alias(CHALLENGER)

    def _by_alias(self, alias: str) -> ModelVersionFacts | None:
        found = self._find(alias)
        return None if found is None else _facts(found, alias)

    def _find(self, reference: str) -> ModelVersion | None:
        if self._empty:
            return None
        with _told(self.tracking_uri, absent_ok=True):
            if reference.isdecimal():
                return self._client.get_model_version(NAME, reference)
            return self._client.get_model_version_by_alias(NAME, reference)
        return None

    def _no_such(self, reference: str) -> str:
        aliases = {} if self._empty else self._aliases()
        versions = [] if self._empty else self._versions()
        if not versions:
            return "no model is registered yet; run `risk train` or `risk demo` first"
        named = {version: alias for alias, version in aliases.items()}
        known = ", ".join(f"{version} ({named[str(version)]})" for version in versions if str(version) in named)
        what = "version" if reference.isdecimal() else "alias or folder"
        return f"no model has the {what} {reference!r}; registered are versions {versions[0]} to {versions[-1]}" + (
            f", among them {known}" if known else ""
        )

    @property
    def _empty(self) -> bool:
        """Whether there is no store yet; known without MLflow, which takes a second to import."""
        return self.own and not (self.root / "mlruns" / "mlflow.db").is_file()

    @cached_property
    def _client(self) -> MlflowClient:
        if self.own:
            (self.root / "mlruns").mkdir(parents=True, exist_ok=True)
        return _quiet_client(self.tracking_uri)

    def _aliases(self) -> dict[str, str]:
        with _told(self.tracking_uri, absent_ok=True):
            return {alias: str(version) for alias, version in self._client.get_registered_model(NAME).aliases.items()}
        return {}

    def _versions(self) -> list[int]:
        with _told(self.tracking_uri):
            return sorted(int(entry.version) for entry in self._client.search_model_versions(f"name='{NAME}'"))

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(NAME)
        if found is not None:
            return str(found.experiment_id)
        # A server decides where artifacts go; next to a database nobody else does.
        scheme = urlsplit(self.tracking_uri).scheme
        database = scheme.partition("+")[0] in {"sqlite", "postgresql", "mysql", "mssql"}
        location = str(self.root / "mlruns" / "artifacts") if database else None
        return str(self._client.create_experiment(NAME, artifact_location=location))

    def _log(self, run_id: str, parameters: Mapping[str, Any], metrics: Mapping[str, float], files: Path) -> None:
        from mlflow.entities import Metric, Param

        now = time.time_ns() // 1_000_000
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
        )
        self._client.log_artifacts(run_id, str(files))

    def _register(self, model: RiskModel, experiment: str, run_id: str) -> str:
        from mlflow.entities import LoggedModelOutput
        from mlflow.exceptions import MlflowException
        from mlflow.models import Model

        client = self._client
        logged = client.create_logged_model(experiment, name=NAME, source_run_id=run_id)
        with tempfile.TemporaryDirectory() as scratch:
            face = Path(scratch) / "face"
            save_face(
                model, Path(scratch), face, Model(model_uuid=logged.model_id, run_id=run_id, model_id=logged.model_id)
            )
            client.log_model_artifacts(logged.model_id, str(face))
        client.finalize_logged_model(logged.model_id, "READY")
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        try:
            client.create_registered_model(NAME)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        with _in_force(self.tracking_uri):
            version = client.create_model_version(
                NAME,
                source=f"models:/{logged.model_id}",
                run_id=run_id,
                model_id=logged.model_id,
                tags={FINGERPRINT_TAG: model.fingerprint},
            )
        return str(version.version)

    def _folder(self, version: ModelVersion) -> Path:
        """The folder of the model's two files: where it lies when it is on this machine, else a copy."""
        from mlflow.artifacts import download_artifacts

        uri = self._client.get_model_version_download_uri(NAME, version.version)
        local = _local_path(uri)
        if local is None:
            local = Path(download_artifacts(artifact_uri=uri, tracking_uri=self.tracking_uri))
        return local / MODEL_FOLDER


def _facts(version: ModelVersion, reference: str) -> ModelVersionFacts:
    aliases = list(version.aliases)
    alias = reference if reference in aliases else next(iter(sorted(aliases)), None)
    return ModelVersionFacts(NAME, str(version.version), alias, version.run_id)


def _quiet_client(tracking_uri: str) -> MlflowClient:
    """A client of MLflow that keeps its notes on migrations and progress off the screen."""
    import logging

    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        if "MLFLOW_LOGGING_LEVEL" not in os.environ:
            logging.getLogger(name).setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


@contextmanager
def _in_force(tracking_uri: str) -> Iterator[None]:
    """Make a store the one of the whole process for a moment: where MLflow asks its global client, not the one used."""
    import mlflow

    given = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    before = mlflow.get_tracking_uri() if given else None
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None, when there was none


@contextmanager
def _told(tracking_uri: str, *, absent_ok: bool = False) -> Iterator[None]:
    """Say in one sentence what MLflow could not do; with `absent_ok`, go on after it when a thing is not there."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as error:
        missing = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}  # the latter for an alias nobody gave
        if not (absent_ok and error.error_code in missing):
            raise ModelError(f"the model registry {tracking_uri} failed: {_first_line(error)}") from error
    except (SQLAlchemyError, OSError) as error:
        raise ModelError(f"the model registry {tracking_uri} failed: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _local_path(uri: str) -> Path | None:
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(uri) if not parts.scheme else None
