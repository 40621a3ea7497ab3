"""The mapping file as written: YAML and the shape it must have.

Every scalar is read as the text that stands there: a code 01 keeps its zero and NO stays Norway. What the
settings mean together is checked and compiled in `mapping`.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from risk.errors import MappingError


def _as_setting(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_empty(value: object) -> object:
    return {} if value is None else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Setting(_Strict):
    """How one column is filled: by exactly one of column, constant, same_as and join, and what is done to it."""

    column: str | None = None
    constant: str | None = None
    same_as: str | None = None
    join: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)] | None = None
    with_: str = Field(" ", alias="with")
    codes: dict[str, str | None] | None = None
    otherwise: Literal["missing", "reject", "keep"] | None = None
    format: Annotated[list[str], BeforeValidator(_as_list)] = []
    time_zone: str | None = None
    plus_days: Annotated[int, Field(strict=False)] | None = None
    unit: str | None = None
    decimal: Literal[".", ","] | None = None


class ExtraSetting(Setting):
    """A column of an administration's own: how it is filled, its kind and its words for people."""

    kind: Literal["categorical", "number"] = "categorical"
    words: str | None = None


class OutcomeSetting(_Strict):
    """Outcomes with one label: how the columns are filled and which results are positive."""

    columns: dict[str, Annotated[Setting, BeforeValidator(_as_setting)]]
    positive: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)] = ["wildlife"]


class MappingFile(_Strict):
    """A mapping file as a whole."""

    encoding: str | None = None
    time_zone: str | None = None
    decimal: Literal[".", ","] | None = None
    missing: Annotated[list[str], BeforeValidator(_as_list)] = []
    ignore: Annotated[list[str], BeforeValidator(_as_list)] = []
    columns: Annotated[dict[str, Annotated[Setting, BeforeValidator(_as_setting)]], BeforeValidator(_as_empty)] = {}
    extra: Annotated[dict[str, Annotated[ExtraSetting, BeforeValidator(_as_setting)]], BeforeValidator(_as_empty)] = {}
    outcomes: Annotated[dict[str, OutcomeSetting], BeforeValidator(_as_empty)] = {}


def parse(text: str, name: str) -> MappingFile:
    """The mapping in a YAML text. Raises MappingError naming the file, the place and what is expected there."""
    try:
        content = _content(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split()).rstrip(".")
        raise MappingError(f"{name}: {place}{problem}.") from None
    if not isinstance(content, dict):
        raise MappingError(f"{name}: is expected to have sections such as columns and outcomes.")
    try:
        return MappingFile.model_validate(content)
    except ValidationError as error:
        raise MappingError(f"{name}: {_sentence(error)}.") from None


def read(path: Path) -> str:
    """The text of a mapping file. Raises MappingError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MappingError(f"{path}: there is no such mapping file.") from None
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: byte {error.start + 1} is not UTF-8; save the mapping as UTF-8.") from None
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror or error}).") from None


class _Texts(yaml.SafeLoader):
    """Reads every scalar as text, but for ~ and null (and << to merge)."""


_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _content(text: str) -> object:
    loader = _Texts(text)
    try:
        node = loader.get_single_node()
        _refuse_twice(node, set())
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_twice(node: yaml.Node | None, visited: set[int]) -> None:
    """Raise for a key that is given twice in one mapping; YAML itself would silently take the last."""
    if node is None or id(node) in visited or not isinstance(node.value, list):
        return
    visited.add(id(node))
    keys: set[str] = set()
    for entry in node.value:
        key, value = entry if isinstance(entry, tuple) else (None, entry)
        if key is not None and isinstance(key.value, str):
            if key.value in keys:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark)
            keys.add(key.value)
        _refuse_twice(value, visited)


_SHAPES: Final = {
    "string_type": "is expected to be a text",
    "list_type": "is expected to be a list",
    "dict_type": "is expected to be a section with names and settings",
    "model_type": "is expected to be the name of a column or a section such as {column: NAME}",
    "int_type": "is expected to be a whole number",
    "int_parsing": "is expected to be a whole number",
    "too_short": "is expected to have at least one entry",
    "missing": "is missing",
}


def _sentence(error: ValidationError) -> str:
    """The first mistake as a sentence without its full stop."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part != "[key]")
    kind = str(first["type"])
    if kind == "extra_forbidden":
        *above, wrong = (str(part) for part in first["loc"])
        return f"{'.'.join(above) or 'the file'}: there is no setting {wrong!r}; {_settings(above, wrong)}"
    if kind == "literal_error":
        return f"{place}: is {first['input']!r}; expected is {first['ctx']['expected']}"
    found = first["input"]
    if kind == "model_type" and str(first["ctx"]["class_name"]) == OutcomeSetting.__name__:
        kind = "dict_type"
    shown = f" and not {found!r}" if isinstance(found, str | int | float) and kind != "missing" else ""
    return f"{place}: {_SHAPES.get(kind, first['msg'])}{shown}"


def _settings(above: list[str], wrong: str) -> str:
    model: type[BaseModel] = MappingFile
    if above:
        model = {"columns": Setting, "extra": ExtraSetting}.get(above[0], OutcomeSetting if len(above) < 3 else Setting)
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(wrong, known, n=1)
    return f"the nearest is {near[0]!r}" if near else f"expected is one of {', '.join(known)}"
