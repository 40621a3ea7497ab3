"""`risk score` and `risk history`, as a person at the command line sees them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pandas as pd
import pytest
from small_office import Office, risk, script

from risk.model import MODEL_FILE, TREES_FILE


@pytest.fixture(scope="module")
def history(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "history.npz"
    files = ("--consignments", office.filed, "--outcomes", office.known)
    ran = risk(path.parent, "history", "snapshot", *files, "-o", path, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["keys"] > 1000
    assert ran.json["lines"] == len(pd.read_csv(office.filed))
    return path


def table(path: Path) -> pd.DataFrame:
    """A result file without the moment of scoring."""
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".jsonl": lambda path: pd.read_json(path, lines=True)}
    return read[path.suffix](path).drop(columns="scored_at")  # type: ignore[operator, no-any-return]


def test_a_manifest_scores_into_any_format_the_same_each_time(
    office: Office, home: Path, history: Path, tmp_path: Path
) -> None:
    found = {}
    for name in ("one.csv", "two.csv", "three.parquet", "four.jsonl"):
        ran = risk(home, "score", office.manifest, "--history", history, "-o", tmp_path / name, "--json")
        assert ran.status == 0, ran.err
        counts = ran.json
        assert counts["output"] == str(tmp_path / name)
        assert (counts["read"], counts["rejected"]) == (len(pd.read_csv(office.manifest)), 0)
        assert counts["scored"] == counts["read"]
        assert sum(counts["lanes"].values()) == counts["consignments"]
        found[name] = table(tmp_path / name)
        assert "Scoring" in ran.err, "progress goes to standard error"
    pd.testing.assert_frame_equal(found["one.csv"], found["two.csv"])
    for name in ("three.parquet", "four.jsonl"):
        for column in ("consignment_id", "rank", "lane", "probability", "input_fingerprint", "model_fingerprint"):
            assert found[name][column].tolist() == pytest.approx(found["one.csv"][column].tolist()), (name, column)
    reasons = orjson.loads((tmp_path / "four.jsonl").read_bytes().splitlines()[0])["reasons"]
    assert reasons[0]["words"]


def test_the_worklist_on_the_screen_names_the_riskiest_with_their_reasons(
    office: Office, home: Path, history: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    ran = risk(home, "score", office.manifest, "--history", history, "-o", output, "--show", "3", "--capacity", "5")
    assert ran.status == 0, ran.err
    top = pd.read_csv(output).head(4)["consignment_id"].tolist()
    for rank, consignment in enumerate(top[:3], 1):
        assert f"{rank}. {consignment}  probability" in ran.out
    assert f"4. {top[3]}" not in ran.out
    assert "raises the risk" in ran.out
    assert "capacity 5" in ran.out


def test_with_the_store_instead_of_a_history_file_the_scores_are_the_same_where_nothing_came_in_between(
    office: Office, home: Path, history: Path, tmp_path: Path
) -> None:
    assert risk(home, "import", office.filed, office.known, "--json").status == 0
    for name, more in (("store.csv", ()), ("file.csv", ("--history", history))):
        assert risk(home, "score", office.manifest, *more, "-o", tmp_path / name, "--json").status == 0
    pd.testing.assert_frame_equal(
        table(tmp_path / "store.csv").drop(columns="history_as_of"),
        table(tmp_path / "file.csv").drop(columns="history_as_of"),
    )


def test_bad_records_are_rejected_and_the_good_ones_scored(
    office: Office, home: Path, history: Path, tmp_path: Path
) -> None:
    lines = pd.read_csv(office.manifest, dtype=str)
    lines.loc[3, "filed_at"] = "the day before yesterday"
    lines.loc[4, "consignment_id"] = ""
    lines.loc[len(lines)] = lines.loc[0]
    path = tmp_path / "some_bad.csv"
    lines.to_csv(path, index=False)
    ran = risk(home, "score", path, "--history", history, "-o", tmp_path / "out.csv", "--json")
    assert ran.status == 3
    counts = ran.json
    assert (counts["read"], counts["rejected"]) == (len(lines), 3)
    assert counts["scored"] + counts["rejected"] == counts["read"]
    rejects = pd.read_csv(f"{path}.rejects.csv", dtype=str, keep_default_na=False)
    assert rejects["line"].tolist() == ["5", "6", str(len(lines) + 1)]
    assert rejects["field"].tolist() == ["filed_at", "consignment_id", "consignment_id"]
    assert rejects["value"].tolist()[0] == "the day before yesterday"
    assert (rejects["reason"] != "").all()
    assert "rejected records:" in ran.err
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored["consignment_id"].is_unique


def test_a_manifest_that_is_not_there_is_named(home: Path, history: Path, tmp_path: Path) -> None:
    ran = risk(home, "score", tmp_path / "nowhere.csv", "--history", history, "-o", tmp_path / "out.csv", "--json")
    assert (ran.status, ran.out) == (1, "")
    assert "nowhere.csv" in ran.sentence


def test_a_manifest_of_rejects_only_writes_no_result(home: Path, history: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("consignment_id,filed_at,hs_code\nA,never,4403\nB,,4403\n")
    ran = risk(home, "score", path, "--history", history, "-o", tmp_path / "out.csv", "--json")
    assert (ran.status, ran.out) == (1, "")
    assert "2 rejected" in ran.sentence
    assert len(pd.read_csv(f"{path}.rejects.csv")) == 2
    assert not (tmp_path / "out.csv").exists()


def break_file(folder: Path, name: str, how: str) -> None:
    path = folder / name
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1))


@pytest.mark.parametrize("name", [MODEL_FILE, TREES_FILE])
@pytest.mark.parametrize("how", ["missing", "altered", "cut"])
def test_a_model_with_a_missing_or_altered_file_is_refused_by_name(
    office: Office, home: Path, history: Path, tmp_path: Path, name: str, how: str
) -> None:
    folder = next(path.parent for path in (home / "mlruns").rglob(TREES_FILE))
    break_file(folder, name, how)
    output = tmp_path / "out.csv"
    ran = risk(home, "score", office.manifest, "--history", history, "-o", output, "--json")
    assert (ran.status, ran.out) == (1, "")
    assert name in ran.sentence
    assert not output.exists()


def test_a_history_that_is_missing_cut_or_too_new_is_refused_by_name(
    office: Office, home: Path, history: Path, tmp_path: Path
) -> None:
    def sentence(path: Path) -> str:
        ran = risk(home, "score", office.manifest, "--history", path, "-o", tmp_path / "out.csv", "--json")
        assert (ran.status, ran.out) == (1, "")
        return ran.sentence

    assert "risk history snapshot" in sentence(tmp_path / "nowhere.npz")
    cut = tmp_path / "cut.npz"
    cut.write_bytes(history.read_bytes()[:5000])
    assert "cut.npz" in sentence(cut)
    late = tmp_path / "late.npz"
    files = ("--consignments", office.filed, "--consignments", office.manifest, "--outcomes", office.outcomes)
    assert risk(home, "history", "snapshot", *files, "-o", late).status == 0
    assert "history" in sentence(late)


def test_a_home_without_a_model_says_how_to_make_one(office: Office, tmp_path: Path) -> None:
    ran = risk(tmp_path / "new", "score", office.manifest, "-o", tmp_path / "out.csv")
    assert ran.status == 1
    assert "risk train" in ran.sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "out.xlsx"], "xlsx"),
        (["-o", "out.csv", "--capacity", "0"], "capacity"),
        (["-o", "out.csv", "--capacity", "-3"], "capacity"),
        (["-o", "out.csv", "--mapping", "nowhere.yaml"], "nowhere.yaml"),
        (["-o", "out.csv", "--format", "pdf"], "pdf"),
        ([], "--output"),
        (["-o", "out.csv", "--explain", "-1"], "--explain"),
    ],
)
def test_wrong_use_is_told_with_the_word_at_fault(office: Office, home: Path, arguments: list[str], words: str) -> None:
    ran = risk(home, "score", office.manifest, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert words in ran.err
    assert "Traceback" not in ran.err and "unexpected" not in ran.err


def test_a_model_that_reads_a_column_the_records_lack_asks_for_its_mapping(
    office: Office, home: Path, history: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(next(path.parent for path in (home / "mlruns").rglob(TREES_FILE)), folder)
    ran = risk(
        home,
        *("score", office.manifest, "--history", history, "-o", tmp_path / "out.csv", "--json", "--model", f"{folder}"),
    )
    assert (ran.status, ran.json["model"]["version"]) == (0, "")


def test_the_installed_command_leaves_with_the_exit_status_and_clean_json(
    office: Office, home: Path, history: Path, tmp_path: Path
) -> None:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(script()), "--home", str(home), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    good = run("score", office.manifest, "--history", history, "-o", tmp_path / "out.csv", "--json")
    assert good.returncode == 0, good.stderr
    assert orjson.loads(good.stdout)["consignments"] > 0
    assert run("score", office.manifest).returncode == 2


pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy

HEAVY = ("pandas", "numpy", "scipy", "sklearn", "lightgbm", "mlflow", "numba", "pyarrow", "sqlalchemy", "fastapi")


@pytest.mark.parametrize("arguments", [["--help"], ["score", "--help"], ["train", "--help"], ["history", "--help"]])
def test_help_comes_without_a_heavy_import(arguments: list[str]) -> None:
    code = (
        "import sys; from serving.cli import run; status = run(sys.argv[1:]); "
        f"print(status, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert done.stderr.strip() == "0 []"


def test_a_command_that_does_not_exist_is_wrong_use(tmp_path: Path) -> None:
    for arguments in (["foretell"], ["history", "foretell"], ["--no-such-option"]):
        ran = risk(tmp_path, *arguments)
        assert (ran.status, ran.out) == (2, "")
        assert "foretell" in ran.err or "--no-such-option" in ran.err
