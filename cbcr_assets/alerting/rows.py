"""From the frame of an evaluation to rows the engine can rely on.

Belongs here: making sense of what a rule's SQL may get wrong, without losing an alert.
Does not belong here: judging (see `core`).
"""

import json
from collections.abc import Iterator, Mapping

import polars as pl

from cbcr_assets.alerting.model import SEVERITIES, STATUSES, Row, Subject

_COLUMNS = (
    "subject_kind", "subject_id", "rule", "status", "severity", "value", "objective", "unit",
    "since", "team", "labels", "summary", "runbook",
)  # fmt: skip
_LONGEST_SUMMARY = 2_000


def read_rows(frame: pl.DataFrame) -> list[Row]:
    """Return the rows of an evaluation, one a subject.

    A status that nobody knows counts as unknown, a severity that nobody knows as warning, and of
    two rows about one subject the worse one: a faulty rule must not silence an alert.

    Args:
        frame: Frame with the columns of an SLA view; others are ignored.

    Raises:
        ValueError: Columns are missing.
    """
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise ValueError(f"the evaluation lacks the columns {', '.join(missing)}")
    rows: dict[Subject, Row] = {}
    for row in _rows(frame):
        other = rows.get(row.subject)
        if other is None or _badness(row) > _badness(other):
            rows[row.subject] = row
    return list(rows.values())


def labels_of(row: Row) -> dict[str, str]:
    """Return the labels that routes see: the row's own and those every alert has."""
    return own_labels(row.labels) | {
        "rule": row.rule,
        "subject_kind": row.subject.kind,
        "subject_id": row.subject.id,
        "team": row.team,
        "severity": row.severity,
        "status": row.status,
    }


def own_labels(text: str) -> dict[str, str]:
    """Return the labels of a JSON text; what is null or no object is left out."""
    try:
        decoded = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(decoded, Mapping):
        return {}
    return {
        name: value if isinstance(value, str) else _text(value)
        for name, value in decoded.items()
        if value is not None
    }


def _text(value: object) -> str:
    return str(value) if type(value) is int else json.dumps(value)


def _rows(frame: pl.DataFrame) -> Iterator[Row]:
    for kind, name, rule, status, severity, value, objective, unit, since, *words in frame.select(
        _COLUMNS
    ).iter_rows():
        team, labels, summary, runbook = (word or "" for word in words)
        yield Row(
            Subject(kind or "", name or ""),
            rule or "",
            status if status in STATUSES else "unknown",
            severity if severity in SEVERITIES else "warning",
            value,
            objective,
            unit or "",
            since,
            team,
            labels,
            summary[:_LONGEST_SUMMARY],
            runbook,
        )


def _badness(row: Row) -> tuple[bool, int, str]:
    return row.status != "ok", row.level, row.summary
