"""The compliance report as data: what was asked, what was found, under which circumstances.

Belongs here: the report's parts and the hashes that vouch for them. Does not belong here: asking a
snapshot (see `gather`), sums (see `figures`), files (see `files`, `pdf`).

Two hashes, so that each can be what it is for. The *content* hash covers what was asked and found:
the same period and data give the same one, whenever it is made. The *document* hash also covers
when it was made, from which snapshot and who signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property

import polars as pl

from cbcr_assets.reports.compliance import evidence
from cbcr_assets.reports.compliance.columns import SECTIONS, one_line, to_table
from cbcr_assets.warehouse import WarehouseError

ZONE = "UTC"
FORMAT = "cbcr-compliance-report 1"


class ReportError(WarehouseError):
    """There is no such report; the message says why and what to do."""


class WrongQuestion(ReportError):
    """The question itself cannot be answered: its period, its scope, its format."""


@dataclass(frozen=True)
class Period:
    """A stretch of time, naive UTC: from `begin` on, before `end`.

    Raises:
        WrongQuestion: It ends before it begins, or a moment carries a zone.
    """

    begin: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse what is no period."""
        if self.begin.tzinfo is not None or self.end.tzinfo is not None:
            raise WrongQuestion("a period is naive UTC: convert its moments first")
        if self.end <= self.begin:
            raise WrongQuestion(
                f"the period ends ({self.end:%Y-%m-%d %H:%M}) before it begins or as it begins"
                f" ({self.begin:%Y-%m-%d %H:%M}): --to must be later than --from"
            )

    @property
    def whole_days(self) -> tuple[datetime, datetime] | None:
        """The midnights around its whole UTC days; None: it holds none."""
        first, last = (
            _midnight(self.begin + timedelta(days=1, microseconds=-1)),
            _midnight(self.end),
        )
        return (first, last) if last > first else None

    @property
    def words(self) -> str:
        """Return `2026-10-01 to 2026-10-31`, with times where it is not made of whole days."""
        if self.whole_days == (self.begin, self.end):
            last = self.end - timedelta(days=1)
            return f"{self.begin:%Y-%m-%d} to {last:%Y-%m-%d}, whole days"
        return f"{self.begin:%Y-%m-%d %H:%M:%S} to {self.end:%Y-%m-%d %H:%M:%S}"


def calendar_month(moment: datetime) -> Period:
    """Return the calendar month of a moment (naive UTC)."""
    begin = _midnight(moment).replace(day=1)
    return Period(begin, (begin + timedelta(days=31)).replace(day=1))


def last_month(now: datetime) -> Period:
    """Return the calendar month before the one of `now` (naive UTC)."""
    return calendar_month(calendar_month(now).begin - timedelta(days=1))


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())


@dataclass(frozen=True)
class Scope:
    """Which instances are reported; nothing chosen means all.

    Attributes:
        teams: Owners; several are joined by *or*.
        tiers: Tiers, likewise. Team and tier are joined by *and*.
    """

    teams: tuple[str, ...] = ()
    tiers: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """Return `all databases`, or the teams and tiers."""
        parts = []
        if self.teams:
            parts.append("team " + " or ".join(self.teams))
        if self.tiers:
            parts.append("tier " + " or ".join(str(tier) for tier in self.tiers))
        return one_line(", ".join(parts)) or "all databases"


@dataclass(frozen=True)
class Issue:
    """The circumstances of one copy of a report.

    Attributes:
        generated_at: When it was made, naive UTC.
        data_version: Version of the published snapshot that it was made from.
        data_until: What happened later was not in these data, naive UTC.
        signed_off_by: Who signs.
        made_with: Programs that made it, with their versions.
    """

    generated_at: datetime
    data_version: int
    data_until: datetime
    signed_off_by: tuple[str, ...] = ()
    made_with: str = ""


@dataclass(frozen=True)
class ComplianceReport:
    """One report. Every frame has the columns of its section in `columns.SECTIONS`.

    Attributes:
        period: Which time.
        scope: Which instances.
        issue: When it was made, from what, for whom.
        definitions: Which definition gave which numbers, with the version of each.
        figures: The numbers of the fleet: name, amount (null: unknown), unit.
        exclusions: What was left out of the measured time, or could not be measured, and why.
        instances: One row each, the worst first; what is unknown or left out is a row, too.
        violations: When an objective was violated in the period, with cause.
        restores: Restores of the period.
    """

    period: Period
    scope: Scope
    issue: Issue
    definitions: pl.DataFrame
    figures: pl.DataFrame
    exclusions: pl.DataFrame
    instances: pl.DataFrame
    violations: pl.DataFrame
    restores: pl.DataFrame

    @cached_property
    def content(self) -> pl.DataFrame:
        """All that the content hash covers, as one table (see `columns`)."""
        return to_table({"subject": _named(self._subject())} | self._sections())

    @cached_property
    def content_sha256(self) -> str:
        """SHA-256 over the content as CSV lines; the same in every format."""
        return evidence.sha256(evidence.csv_lines(self.content))

    @cached_property
    def table(self) -> pl.DataFrame:
        """The whole report as one table: circumstances first, then the content."""
        told = self._told()
        sealed = evidence.sha256(evidence.csv_lines(to_table({"report": _named(told)}))[1:])
        told.append(("document_sha256", sealed))
        return pl.concat([to_table({"report": _named(told)}), self.content])

    @property
    def document_sha256(self) -> str:
        """SHA-256 over the lines of the circumstances, the content hash among them."""
        return dict(self.header)["document_sha256"]

    @property
    def header(self) -> list[tuple[str, str]]:
        """The circumstances as (name, text), in the order of the files."""
        rows = self.table.filter(pl.col("record") == "report")
        return list(rows.select("name", "value").iter_rows())

    def figure(self, name: str) -> float | None:
        """Return a number of the fleet; None: unknown.

        Raises:
            KeyError: There is no figure of that name.
        """
        return self._amounts[name]

    @cached_property
    def _amounts(self) -> dict[str, float | None]:
        return dict(self.figures.select("name", "amount").iter_rows())

    def _sections(self) -> dict[str, pl.DataFrame]:
        return {
            "definition": self.definitions,
            "figure": self.figures,
            "exclusion": self.exclusions,
            "instance": self.instances,
            "violation": self.violations,
            "restore": self.restores,
        }

    def _subject(self) -> list[tuple[str, str]]:
        """What was asked."""
        return [
            ("format", FORMAT),
            ("period_from", evidence.stamp(self.period.begin)),
            ("period_to", evidence.stamp(self.period.end)),
            ("zone", ZONE),
            ("scope", self.scope.words),
            *(("scope_team", team) for team in self.scope.teams),
            *(("scope_tier", str(tier)) for tier in self.scope.tiers),
        ]

    def _told(self) -> list[tuple[str, str]]:
        """The circumstances without the hash over them."""
        issue = self.issue
        return [
            ("content_sha256", self.content_sha256),
            ("generated_at", evidence.stamp(issue.generated_at)),
            ("data_version", str(issue.data_version)),
            ("data_until", evidence.stamp(issue.data_until)),
            ("made_with", issue.made_with),
            *(("signed_off_by", name) for name in issue.signed_off_by),
        ]


def _named(rows: Sequence[tuple[str, str]]) -> pl.DataFrame:
    schema = dict.fromkeys(SECTIONS["subject"], pl.String)
    return pl.DataFrame(list(rows), schema=schema, orient="row")
