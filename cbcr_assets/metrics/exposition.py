"""The state of the fleet as metric families, computed at the moment of the scrape.

Belongs here: which numbers are served, and their names. Does not belong here: HTTP (`server`), or
how the numbers are defined (the models).

What is unknown is left out and told by a status: it is never served as 0.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest

from cbcr_assets.records import SlaStatus
from cbcr_assets.warehouse import connect, current

COMPLIANCE_DAYS = 30
"""Days behind the served compliance."""

_INSTANCE = ("instance_id", "team", "tier", "db_type")
_STATE = """
select instance_id, coalesce(team, '') as team, coalesce(tier::text, '') as tier,
  coalesce(db_type, '') as db_type, status, exposure_s, objective_s,
  date_diff('microsecond', last_success_at, $now) / 1e6 as success_age_s,
  coalesce(last_attempt_state, '') as last_attempt_state
from live.live_rpo_status order by instance_id
"""
_COMPLIANCE = """
select instance_id, 1 - sum(violation_s) / sum(measured_s) as compliance
from marts.fct_rpo_compliance_daily
where day >= $now::date - $days::integer
group by 1 having sum(measured_s) > 0 order by 1
"""
_RULES = "select rule, status, severity, count(*) as n from live.sla_evaluations group by all"
_FORECAST = "fct_capacity_forecast"
_DAYS = re.compile(r"days_to_full(?:_p(\d\d))?")
_SOURCES = "select source_id, coalesce(tool, '') as tool, status, age_s from live.live_sources"


def expose(serving: Path, *, now: datetime, alerts: Mapping[tuple[str, str], int]) -> str:
    """Return the fleet's state as OpenMetrics text.

    Args:
        serving: Folder of published snapshots.
        now: Present, naive UTC: ages are those of this moment.
        alerts: Open alerts by state and severity.

    Raises:
        WarehouseMissing: Nothing was published yet.
    """
    snapshot = current(serving)
    with connect(snapshot.path, as_of=now) as con:
        families = [
            *_instances(_rows(con, _STATE, now=now)),
            _compliance(_rows(con, _COMPLIANCE, now=now, days=COMPLIANCE_DAYS)),
            _rules(_rows(con, _RULES)),
            *_sources(_rows(con, _SOURCES)),
            *capacity(con),
        ]
    age = max((now - snapshot.published_at).total_seconds(), 0.0)
    families += [_alerts(alerts), _single("cbcr_snapshot_age", "seconds", _AGE, age)]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fixed(families))
    exposition: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return exposition.decode()


_AGE = "Age of the published snapshot that the other metrics are computed from."


class _Fixed:
    """A collector of families that are made already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        yield from self._families


def _rows(con: duckdb.DuckDBPyConnection, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    return con.execute(sql, parameters or None).pl().to_dicts()


def _instances(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    """Ages and objectives of each instance, and its status."""
    for name, column, about in (
        ("cbcr_rpo_exposure", "exposure_s", "Data that would be lost now, as time."),
        ("cbcr_rpo_objective", "objective_s", "Data that may be lost, as time."),
        ("cbcr_backup_last_success_age", "success_age_s", "Since the last good attempt ended."),
    ):
        family = GaugeMetricFamily(f"{name}_seconds", about, labels=_INSTANCE, unit="seconds")
        for row in rows:
            if row[column] is not None:
                family.add_metric([row[label] for label in _INSTANCE], row[column])
        yield family
    status = GaugeMetricFamily(
        "cbcr_rpo_status", "1 for the status that an instance has.", labels=(*_INSTANCE, "status")
    )
    for row in rows:
        for word in SlaStatus:
            labels = [*(row[label] for label in _INSTANCE), word.value]
            status.add_metric(labels, float(row["status"] == word))
    yield status


def _compliance(rows: list[dict[str, Any]]) -> Metric:
    about = f"Share of the last {COMPLIANCE_DAYS} days in which the objective was kept."
    family = GaugeMetricFamily(
        "cbcr_rpo_compliance_ratio", about, labels=("instance_id",), unit="ratio"
    )
    for row in rows:
        family.add_metric([row["instance_id"]], row["compliance"])
    return family


def _rules(rows: list[dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily(
        "cbcr_rule_subjects",
        "Subjects of each rule by status.",
        labels=("rule", "status", "severity"),
    )
    for row in sorted(rows, key=lambda row: (row["rule"], row["status"], row["severity"] or "")):
        family.add_metric([row["rule"], row["status"], row["severity"] or ""], row["n"])
    return family


def _sources(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "cbcr_source_age_seconds",
        "Since the last good reading of a source.",
        labels=("source_id", "tool"),
        unit="seconds",
    )
    status = GaugeMetricFamily(
        "cbcr_source_status",
        "1 for the status that a source has.",
        labels=("source_id", "tool", "status"),
    )
    for row in sorted(rows, key=lambda row: row["source_id"]):
        if row["age_s"] is not None:
            age.add_metric([row["source_id"], row["tool"]], row["age_s"])
        status.add_metric([row["source_id"], row["tool"], row["status"]], 1.0)
    yield age
    yield status


def capacity(con: duckdb.DuckDBPyConnection) -> Iterator[Metric]:
    """Days until each volume is full, by quantile; a volume without a date is left out."""
    columns = con.execute(
        "select column_name from duckdb_columns() where schema_name = 'marts' and table_name = $t",
        {"t": _FORECAST},
    ).fetchall()
    # A single number is the middle one.
    shares = {
        f"0.{found[1] or 50}": name for (name,) in columns if (found := _DAYS.fullmatch(name))
    }
    if not shares:
        return
    days = GaugeMetricFamily(
        "cbcr_storage_full_days",
        "Days until a volume is full; the quantile is the chance that it is full earlier.",
        labels=("volume", "quantile"),
        unit="days",
    )
    for row in _rows(con, f"select * from marts.{_FORECAST} order by volume"):
        for share, name in sorted(shares.items()):
            if row[name] is not None:
                days.add_metric([row["volume"], share], float(row[name]))
    yield days


def _alerts(counts: Mapping[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily("cbcr_alerts_open", "Open alerts.", labels=("state", "severity"))
    for (state, severity), count in sorted(counts.items()):
        family.add_metric([state, severity], count)
    return family


def _single(name: str, unit: str, about: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"{name}_{unit}", about, unit=unit)
    family.add_metric([], value)
    return family
