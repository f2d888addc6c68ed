"""One suite evaluated by Great Expectations on a frame.

Belongs here: the translation to Great Expectations, and back to row numbers.
Does not belong here: which rows, what happens to the failing ones (see `runner`).

Great Expectations costs seconds and 260 MB to import: it is imported at the first evaluation, by
name, so that no lane reaches it by loading. Its context is in memory and writes no file.
"""

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from cbcr_assets.quality.suite import (
    Known,
    OneOf,
    Ordered,
    Plausible,
    Required,
    Unique,
    Volume,
    Within,
    columns_of,
)

_ROW = "row_"
_RATIO = "ratio_"
_FIRST = datetime.fromisoformat("2000-01-01")


@dataclass(frozen=True)
class Verdict:
    """What one expectation found.

    Attributes:
        expectation: The expectation.
        rows: Positions of failing rows in the frame, ascending.
        passed: Nothing failed.
        error: Why it could not be evaluated.
        still_refused: Rows in quarantine because of it, from this run and earlier ones.
    """

    expectation: Any
    rows: tuple[int, ...] = ()
    passed: bool = True
    error: str | None = None
    still_refused: int = 0


@dataclass(frozen=True)
class Surroundings:
    """What expectations need beside the rows.

    Attributes:
        now: Present, naive UTC.
        instances: Instances of the inventory.
        volumes: Ratio of rows by expectation id; None where there is nothing to compare with.
    """

    now: datetime
    instances: Sequence[str] = ()
    volumes: Mapping[str, float | None] = field(default_factory=dict)


def great_expectations() -> Any:
    """Import Great Expectations, with its analytics off."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    return importlib.import_module("great_expectations")


def evaluate(
    expectations: Sequence[Any], frame: pl.DataFrame, around: Surroundings
) -> list[Verdict]:
    """Evaluate expectations on a frame.

    Args:
        expectations: Expectations of a suite.
        frame: Rows of its raw table.
        around: What the expectations need beside the rows.
    """
    volumes = [e for e in expectations if isinstance(e, Volume)]
    others = [e for e in expectations if not isinstance(e, Volume)]
    verdicts = [_volume(e, around) for e in volumes]
    if others and frame.height:
        verdicts += _on_rows(others, frame, around)
    elif others:
        verdicts += [Verdict(e) for e in others]
    order = [e.id for e in expectations]
    return sorted(verdicts, key=lambda verdict: order.index(verdict.expectation.id))


def _volume(expectation: Volume, around: Surroundings) -> Verdict:
    ratio = around.volumes.get(expectation.id)
    if ratio is None:
        return Verdict(expectation)
    arguments = {"column": _RATIO, "min_value": expectation.least, "max_value": expectation.most}
    found = _validate(
        [(expectation, "ExpectColumnValuesToBeBetween", arguments)],
        pl.DataFrame({_RATIO: [ratio], _ROW: [0]}),
    )[0]
    return Verdict(expectation, (), found.passed, found.error)


def _on_rows(
    expectations: Sequence[Any], frame: pl.DataFrame, around: Surroundings
) -> list[Verdict]:
    used = sorted({column for e in expectations for column in columns_of(e)})
    batch = frame.select(used).with_row_index(_ROW)
    return _validate([(e, *_translated(e, around)) for e in expectations], batch)


def _translated(expectation: Any, around: Surroundings) -> tuple[str, dict[str, Any]]:
    """Return the class of Great Expectations and its arguments."""
    e = expectation
    match e:
        case Required():
            return "ExpectColumnValuesToNotBeNull", {"column": e.column}
        case OneOf():
            return "ExpectColumnValuesToBeInSet", {"column": e.column, "value_set": e.values}
        case Within():
            limits = {"column": e.column, "min_value": e.least, "max_value": e.most}
            return "ExpectColumnValuesToBeBetween", limits
        case Plausible():
            latest = around.now + timedelta(seconds=e.ahead_s)
            span = {"column": e.column, "min_value": _FIRST, "max_value": latest}
            return "ExpectColumnValuesToBeBetween", span
        case Ordered():
            pair = {"column_A": e.later, "column_B": e.earlier, "or_equal": True}
            skip = {"ignore_row_if": "either_value_is_missing"}
            return "ExpectColumnPairValuesAToBeGreaterThanB", pair | skip
        case Known():
            known = {"column": e.column, "value_set": list(around.instances)}
            return "ExpectColumnValuesToBeInSet", known
        case Unique() if len(e.columns) == 1:
            return "ExpectColumnValuesToBeUnique", {"column": e.columns[0]}
        case _:
            return "ExpectCompoundColumnsToBeUnique", {"column_list": e.columns}


def _validate(
    wanted: Sequence[tuple[Any, str, dict[str, Any]]], batch: pl.DataFrame
) -> list[Verdict]:
    gx = great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    suite = gx.ExpectationSuite(name="contract")
    for expectation, name, arguments in wanted:
        suite.add_expectation(
            getattr(gx.expectations, name)(**arguments, meta={"id": expectation.id})
        )
    definition = (
        context.data_sources.add_pandas("rows")
        .add_dataframe_asset("batch")
        .add_batch_definition_whole_dataframe("whole")
    )
    result = definition.get_batch(batch_parameters={"dataframe": batch.to_pandas()}).validate(
        suite,
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]},
    )
    # Results come in another order than the suite: the id tells whose they are.
    found = {r.expectation_config.meta["id"]: r for r in result.results}
    return [_verdict(expectation, found[expectation.id]) for expectation, _, _ in wanted]


def _verdict(expectation: Any, result: Any) -> Verdict:
    rows = {int(row[_ROW]) for row in result.result.get("unexpected_index_list") or []}
    return Verdict(expectation, tuple(sorted(rows)), bool(result.success), _raised(result))


def _raised(result: Any) -> str | None:
    info = result.exception_info or {}
    parts = [info] if "raised_exception" in info else list(info.values())
    raised = [str(part.get("exception_message")) for part in parts if part["raised_exception"]]
    return "; ".join(raised) or None
