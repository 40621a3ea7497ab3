"""Nobody but the simulation itself, and the demo that holds a model against it, knows the truth."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("risk", "features", "training", "serving")


def test_no_module_reads_the_file_of_the_truth() -> None:
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert len(sources) > 100
    named = {
        str(path.relative_to(ROOT))
        for path in sources
        if "truth.parquet" in path.read_text(encoding="utf-8") and "simulation" not in path.parts
    }
    assert named == {"serving/commands/simulate.py"}, "only the help of the command that writes it"


def test_no_step_of_training_or_scoring_takes_the_truth_from_the_simulation() -> None:
    knowing = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "training.simulation" in path.read_text(encoding="utf-8") and "simulation" not in path.parts
    }
    assert knowing == {
        "serving/commands/simulate.py",
        "serving/demonstration.py",
        "serving/commands/loop.py",
        "serving/learning_loop.py",
    }
