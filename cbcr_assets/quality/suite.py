"""A suite: the expectations of one raw table, as reviewed YAML.

Belongs here: the model of that file, with exact errors. Does not belong here: evaluating it.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cbcr_assets.config.problems import Document, Problem, closest, load_yaml, validate
from cbcr_assets.records import RAW_TABLES, raw_table

SUITES = Path(__file__).parent / "suites"
_STRICT = ConfigDict(extra="forbid", frozen=True)
_COLUMNS = ("column", "earlier", "later")


class _Base(BaseModel):
    model_config = _STRICT

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    severity: Literal["error", "warning"]
    reason: Annotated[str, Field(min_length=20)]


class Required(_Base):
    """The column has a value."""

    expect: Literal["required"]
    column: str


class OneOf(_Base):
    """The value is one of a few words."""

    expect: Literal["one_of"]
    column: str
    values: Annotated[list[str], Field(min_length=1)]


class Within(_Base):
    """The number lies in a range, both ends included."""

    expect: Literal["range"]
    column: str
    least: float | None = None
    most: float | None = None


class Plausible(_Base):
    """The moment lies between the year 2000 and a little after now."""

    expect: Literal["plausible_time"]
    column: str
    ahead_s: Annotated[float, Field(ge=0)] = 86400.0


class Ordered(_Base):
    """One value is not after (or above) another; rows without one of them are passed over."""

    expect: Literal["order"]
    earlier: str
    later: str


class Known(_Base):
    """The instance is in the inventory; none at all is the business of rule alias_unmapped."""

    expect: Literal["in_inventory"]
    column: str


class Unique(_Base):
    """No two rows share these columns."""

    expect: Literal["unique"]
    columns: Annotated[list[str], Field(min_length=1)]
    severity: Literal["warning"]


class Volume(_Base):
    """Rows of the last 24 hours as a ratio of the 24 hours before; none before: no verdict."""

    expect: Literal["volume"]
    column: str
    least: float
    most: float
    severity: Literal["warning"]


Expectation = Annotated[
    Required | OneOf | Within | Plausible | Ordered | Known | Unique | Volume,
    Field(discriminator="expect"),
]


class Suite(BaseModel):
    """The contract of one raw table.

    Attributes:
        table: Raw table.
        expectations: What its rows must satisfy; ids are unique over all suites.
    """

    model_config = _STRICT

    table: Literal[tuple(table.name for table in RAW_TABLES)]  # type: ignore[valid-type]
    expectations: Annotated[list[Expectation], Field(min_length=1)]


def columns_of(expectation: Any) -> list[str]:
    """Return the columns that an expectation looks at."""
    named = [getattr(expectation, name) for name in _COLUMNS if hasattr(expectation, name)]
    return [*named, *getattr(expectation, "columns", [])]


def load_suite(path: Path) -> Suite:
    """Load one suite.

    Raises:
        ConfigError: It is wrong; every problem with its line.
    """
    return validate(Suite, load_yaml(path), _unknown_columns, _repeated_ids, _open_ranges)


@cache
def load_suites(folder: Path = SUITES) -> tuple[Suite, ...]:
    """Load every suite, in the order of the raw tables.

    Raises:
        ConfigError: One is wrong.
    """
    names = (folder / f"{table.name}.yaml" for table in RAW_TABLES)
    return tuple(load_suite(path) for path in names if path.is_file())


def _unknown_columns(document: Document) -> Iterator[Problem]:
    name = document.get(("table",))
    if name not in {table.name for table in RAW_TABLES}:
        return  # the model says so
    known = [column.name for column in raw_table(name).columns]
    patterns: list[tuple[Any, ...]] = [("expectations", ..., key) for key in _COLUMNS]
    for pattern in (*patterns, ("expectations", ..., "columns", ...)):
        for path, value in document.find(*pattern):
            if isinstance(value, str) and value not in known:
                message = f"raw.{name} has no column {value!r}"
                yield document.problem(path, message, closest(value, known))


def _repeated_ids(document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, value in document.find("expectations", ..., "id"):
        if isinstance(value, str) and value in seen:
            yield document.problem(path, f"the id {value!r} is used above already")
        seen.add(str(value))


def _open_ranges(document: Document) -> Iterator[Problem]:
    for path, value in document.find("expectations", ...):
        if isinstance(value, dict) and value.get("expect") == "range":
            least, most = value.get("least"), value.get("most")
            if least is None and most is None:
                yield document.problem(path, "a range needs `least`, `most` or both")
