"""The guide says what the table of rights says."""

from pathlib import Path

from serving.access.dependencies import PUBLIC
from serving.access.roles import RIGHTS, Permission, Role

GUIDE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")


def test_the_guide_shows_who_may_do_what() -> None:
    for permission in set(Permission) - {Permission.OWN_SESSION}:
        marks = " | ".join("x" if permission in RIGHTS[role] else "" for role in Role)
        assert f"| `{permission.value}` | {marks} |" in GUIDE


def test_the_guide_names_all_that_is_open_to_anybody() -> None:
    assert all(f"`{path}`" in GUIDE.split("## ")[0] for path in PUBLIC)
