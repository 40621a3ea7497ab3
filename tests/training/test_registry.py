"""The registry: a training is kept whole, found again by name, and survives a move of its folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

import risk
from risk.calibration import Logistic
from risk.errors import ModelError
from risk.feature import Feature, FeatureTable
from risk.model import RiskModel
from training.registry import Registered, Registry

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy

FEATURES = (
    Feature("weight", "weight and value", "{value:.0f} kg"),
    Feature("port", "route", "loaded in {value}", kind="category"),
    Feature("earlier", "parties", "{value:.0f} earlier consignments"),
)


def small_model(seed: int = 0) -> RiskModel:
    rng = np.random.default_rng(seed)
    data = np.column_stack([rng.normal(size=400), rng.integers(0, 3, 400), rng.poisson(2, 400)])
    label = data[:, 0] + (data[:, 1] == 1) + rng.normal(size=400) > 1
    settings = {"objective": "binary", "verbosity": -1, "num_leaves": 5, "seed": seed, "num_threads": 1}
    trees = lightgbm.train(settings, lightgbm.Dataset(data, label, categorical_feature=[1]), 12).model_to_string()
    return RiskModel(trees, Logistic(1.1, -0.3), FEATURES, {"port": ("CNSHA", "KEMBA", "VNHPH")}, {"made": "up"})


def rows(n: int = 50) -> FeatureTable:
    rng = np.random.default_rng(7)
    numbers = np.column_stack([rng.normal(size=n), rng.poisson(2, n)]).astype(np.float32)
    numbers[rng.random((n, 2)) < 0.2] = np.nan
    ports = rng.choice(np.array(["CNSHA", "KEMBA", "VNHPH", "unseen", None], object), n)
    return FeatureTable((FEATURES[0], FEATURES[2], FEATURES[1]), numbers, {"port": ports})


def frame(table: FeatureTable) -> pd.DataFrame:
    return pd.DataFrame({feature.name: table.column(feature.name) for feature in table.features})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "plots").mkdir(parents=True)
    (folder / "model_card.md").write_text("# A model")
    (folder / "plots" / "capacity.png").write_bytes(b"png")
    return folder


def record(registry: Registry, files: Path, model: RiskModel | None = None) -> Registered:
    return registry.record(
        model or small_model(),
        parameters={"num_leaves": 5},
        metrics={"test_precision_at_0.01": 0.4, "test_precision_at_0.01_low": 0.3, "test_precision_at_0.01_high": 0.5},
        files=files,
        tags={"data_fingerprint": "abc", "span_test": "2024 to 2025"},
    )


@pytest.fixture(scope="session")
def one_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one registered model, made once; tests work on copies."""
    root = tmp_path_factory.mktemp("registry")
    (root / "files").mkdir()
    (root / "files" / "model_card.md").write_text("# A model")
    record(Registry.open(root / "root"), root / "files")
    return root / "root"


@pytest.fixture
def root(one_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(one_model, tmp_path / "root"))


def in_new_process(code: str, folder: Path, *arguments: str) -> str:
    """What a fresh Python prints; it leaves nothing on stderr, in the folder it runs in, nor of MLflow at home."""
    home, here = folder / "home", folder / "here"
    home.mkdir()
    here.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "DO_NOT", "CI"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=here,
        env={**clean, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(here.iterdir()) == []
    assert list(home.rglob("*mlflow*")) == []
    return done.stdout


def logged(root: Path) -> Path:
    """The folder of the only logged model, as MLflow laid it out."""
    return next((root / "mlruns" / "artifacts" / "models").iterdir()) / "artifacts"


def test_the_first_model_is_champion_and_later_ones_are_challengers(tmp_path: Path, files: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    made = [record(registry, files, small_model(seed)) for seed in range(3)]
    assert [(entry.version, entry.alias) for entry in made] == [
        ("1", "champion"),
        ("2", "challenger"),
        ("3", "challenger"),
    ]
    for seed, reference in ((0, "champion"), (0, "1"), (1, "2"), (2, "challenger")):
        model, facts = registry.load(reference)
        assert model == small_model(seed)
        assert (facts.name, facts.version, facts.run_id) == ("risk", str(seed + 1), made[seed].run_id)
    champion, challenger = registry.champion(), registry.challenger()
    assert champion is not None and champion.version == "1"
    assert challenger is not None and challenger.version == "3"

    assert registry.promote("3").version == "3"
    assert registry.load()[0] == small_model(2)
    assert registry.challenger() is None


def test_a_run_keeps_parameters_figures_tags_and_every_file(root: Path, files: Path) -> None:
    from mlflow import MlflowClient

    registry = Registry.open(root)
    made = record(registry, files)
    client = MlflowClient(registry.tracking_uri)
    run = client.get_run(made.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"num_leaves": "5"}
    assert run.data.metrics["test_precision_at_0.01_low"] == 0.3
    assert run.data.tags["data_fingerprint"] == "abc"
    assert run.data.tags["fingerprint"] == small_model().fingerprint
    assert {entry.path for entry in client.list_artifacts(made.run_id)} == {"model_card.md", "plots"}
    assert [entry.path for entry in client.list_artifacts(made.run_id, "plots")] == ["plots/capacity.png"]


def test_everything_lies_under_the_root_and_nothing_in_it_is_pickled(root: Path) -> None:
    written = [path for path in root.rglob("*") if path.is_file()]
    assert {path.relative_to(root).parts[:2] for path in written} == {
        ("mlruns", "mlflow.db"),
        ("mlruns", "artifacts"),
    }
    artifacts = [path for path in written if "artifacts" in path.parts]
    kinds = {path.suffix for path in artifacts}
    assert kinds <= {".txt", ".json", ".py", ".yaml", ".md", ".png", ""}  # "" is MLmodel
    for path in artifacts:
        if path.suffix != ".png":
            assert not path.read_bytes().startswith((b"\x80", b"PK", b"\x1f\x8b"))  # pickle, zip (joblib, skops), gzip
            path.read_text(encoding="utf-8")
    assert {"trees.txt", "model.json", "MLmodel", "requirements.txt"} <= {path.name for path in artifacts}


def test_a_moved_checkout_still_loads_its_champion_and_takes_new_runs(root: Path, tmp_path: Path, files: Path) -> None:
    before, after = root, tmp_path / "new" / "pläce with space"
    Registry.open(before)  # the paths are now those of this root
    after.parent.mkdir()
    shutil.move(before, after)
    registry = Registry.open(after)
    assert registry.load()[0] == small_model()
    assert record(registry, files, small_model(1)).version == "2"
    assert registry.load("2")[0] == small_model(1)
    assert not before.exists()
    code = (
        "import os, sys; os.environ['MLFLOW_DISABLE_TELEMETRY'] = 'true'; import mlflow;"
        "mlflow.set_tracking_uri(sys.argv[1]); print(mlflow.pyfunc.load_model('models:/risk@champion').metadata.run_id)"
    )
    assert in_new_process(code, tmp_path, registry.tracking_uri).strip() == registry.load()[1].run_id


def test_a_copy_and_its_original_go_their_own_ways(root: Path, files: Path) -> None:
    original = Registry.open(root)
    other = root.with_name("root-2")  # one path starts like the other
    shutil.copytree(root, other)
    copy = Registry.open(other)
    record(copy, files, small_model(1))
    assert original.challenger() is None
    assert copy.load("2")[0] == small_model(1)
    shutil.rmtree(other)
    assert original.load()[0] == small_model()


def test_mlflow_s_own_face_scores_bit_for_bit_like_the_model(root: Path) -> None:
    import mlflow

    face = mlflow.pyfunc.load_model(str(logged(root)))
    scores = small_model().score(rows())
    for given in (frame(rows()), frame(rows()).astype({"weight": "float64", "port": "str"}), frame(rows())[::-1]):
        found = face.predict(given)
        assert list(found.columns) == ["probability", "raw_score"]
        np.testing.assert_array_equal(found["probability"].sort_index(), scores.probability)
        np.testing.assert_array_equal(found["raw_score"].sort_index(), scores.raw)
    with pytest.raises(mlflow.MlflowException, match="weight"):
        face.predict(frame(rows()).drop(columns="weight"))


def test_a_model_taken_elsewhere_scores_without_this_project(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.move(logged(root), elsewhere)
    frame(rows()).to_parquet(tmp_path / "rows.parquet")
    code = """
import os, sys
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
sys.path = [entry for entry in sys.path if entry and os.path.realpath(entry) != sys.argv[1]]
import mlflow, pandas
found = mlflow.pyfunc.load_model(sys.argv[2]).predict(pandas.read_parquet(sys.argv[3]))
assert sys.modules["risk"].__file__.startswith(sys.argv[2])
print(*[value.hex() for value in found["probability"]])
"""
    project = str(Path(risk.__file__).parents[1].resolve())
    printed = in_new_process(code, tmp_path, project, str(elsewhere), str(tmp_path / "rows.parquet"))
    assert [float.fromhex(text) for text in printed.split()] == list(small_model().score(rows()).probability)


def test_recording_and_loading_say_nothing_on_the_screen_and_litter_nowhere(tmp_path: Path, files: Path) -> None:
    small_model().save(tmp_path / "model")
    code = """
import sys
from pathlib import Path
from risk.model import RiskModel
from training.registry import Registry
assert "mlflow" not in sys.modules
registry = Registry.open(Path(sys.argv[1]))
model = RiskModel.load(Path(sys.argv[2]))
registry.record(model, parameters={}, metrics={}, files=Path(sys.argv[3]), tags={})
registry.record(model, parameters={}, metrics={}, files=Path(sys.argv[3]), tags={})
registry.load()
import os, mlflow
assert not mlflow.is_tracking_uri_set() and "MLFLOW_TRACKING_URI" not in os.environ
"""
    assert in_new_process(code, tmp_path, str(tmp_path / "root"), str(tmp_path / "model"), str(files)) == ""


def test_a_tracking_store_of_the_user_is_honoured(tmp_path: Path, files: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'central.db'}"
    record(Registry.open(tmp_path / "one", uri), files)
    assert Registry.open(tmp_path / "two", uri).load()[0] == small_model()
    assert not (tmp_path / "one" / "mlruns" / "mlflow.db").exists()
    with pytest.raises(ModelError, match=r"central\.db failed: "):
        Registry.open(tmp_path, f"sqlite:///{files}/model_card.md/central.db").load()


def test_a_model_folder_loads_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_model().save(tmp_path / "kept")
    monkeypatch.chdir(tmp_path)
    registry = Registry.open(tmp_path / "empty")
    for reference in (str(tmp_path / "kept"), "./kept", "kept"):
        model, facts = registry.load(reference)
        assert model == small_model()
        assert (facts.name, facts.version, facts.alias) == (reference, "", None)
    assert not (tmp_path / "empty").exists()


def test_before_the_first_model_one_is_told_how_to_make_it(tmp_path: Path, files: Path) -> None:
    registry = Registry.open(tmp_path)
    for reference in ("champion", "1"):
        with pytest.raises(ModelError, match="no model is registered yet; run `risk train` or `risk demo` first"):
            registry.load(reference)
    with pytest.raises(ModelError, match="no model is registered yet"):
        registry.promote("1")
    assert registry.champion() is None
    assert list(tmp_path.iterdir()) == [files]


def test_a_reference_that_nothing_has_is_named_with_what_there_is(root: Path, files: Path) -> None:
    registry = Registry.open(root)
    record(registry, files)
    with pytest.raises(ModelError, match=r"version '7'; registered are versions 1 to 2, among them 1 \(champion\), 2"):
        registry.load("7")
    with pytest.raises(ModelError, match="alias or folder 'chmpion'"):
        registry.load("chmpion")
    with pytest.raises(ModelError, match="version"):
        registry.promote("7")
    with pytest.raises(ModelError, match="'champion '"):
        registry.promote("champion ")


def test_missing_altered_or_exchanged_files_of_a_registered_model_are_refused(root: Path) -> None:
    registry = Registry.open(root)
    folder = logged(root) / "artifacts" / "model"
    small_model(1).save(folder)
    with pytest.raises(ModelError, match="version 1 was registered as"):
        registry.load()
    (folder / "trees.txt").write_text("tree")
    with pytest.raises(ModelError, match=r"trees\.txt was altered"):
        registry.load()
    shutil.rmtree(folder)
    with pytest.raises(ModelError, match=r"holds no model\.json"):
        registry.load()


def test_a_file_that_is_no_store_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").write_text("not a database, but long enough to look at" * 100)
    with pytest.raises(ModelError, match=r"mlflow\.db is no model registry"):
        Registry.open(tmp_path)
