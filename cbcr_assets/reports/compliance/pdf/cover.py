"""The first page: the verdict, the figures, the worst, what was left out, who signs.

Belongs here: what a reader must see who reads nothing else. Does not belong here: all the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from reportlab.lib.colors import HexColor

from cbcr_assets.reports.compliance.model import ZONE, ComplianceReport
from cbcr_assets.reports.compliance.pdf.paper import (
    BOTTOM,
    INK,
    INNER,
    MARGIN,
    QUIET,
    TOP,
    WIDTH,
    Paper,
    width_of,
    wrapped,
)
from cbcr_assets.reports.compliance.pdf.tables import Column, Table
from cbcr_assets.reports.compliance.verdict import verdict_of
from cbcr_assets.reports.compliance.words import count, duration, moment, percent, plain

_TINTS = {"kept": "#e6f4ef", "partly": "#fdf3dd", "broken": "#fbe9df", "unknown": "#eceef0"}
_GAP = 12.0
_HALF = (INNER - 2 * _GAP) / 2
_RIGHT = MARGIN + _HALF + 2 * _GAP
_WORST = (
    Column("", 14, marked=True), Column("The ten worst databases", 31),
    Column("Tier", 7, right=True), Column("Compliance", 16, right=True),
    Column("Violated", 14, right=True),
    Column("Worst exposure", 15, right=True),
)  # fmt: skip
_LEFT_OUT = (
    Column("Left out or not measured", 16), Column("Databases", 9, right=True),
    Column("Reasons", 40),
)  # fmt: skip
COVER_TABLES = ((_WORST, _HALF), (_LEFT_OUT, _HALF))
"""Columns of its tables, and how wide these are."""
_KINDS = ("unmeasured", "unseen", "maintenance", "onboarding", "retired", "grace")
_LOWEST = MARGIN + 8.0
_SIGNER_SIZE = 7.5


@dataclass(frozen=True)
class _Tile:
    """One figure: what it is, its number, what it rests on."""

    title: str
    number: str
    note: str


def draw_cover(paper: Paper, report: ComplianceReport) -> None:
    """Draw the first page, and others for signatures that have no room on it."""
    paper.chapter("Verdict")
    y = _head(paper, report)
    y = _verdict(paper, report, y)
    y = _tiles(paper, report, y)
    _worst(paper, report, y)
    _left_out(paper, report, y)
    _evidence(paper, report)
    signers = [value for name, value in report.header if name == "signed_off_by"] or [""]
    if _FOOT - _needed(signers) >= _LOWEST:
        _signatures(paper, signers, top=_FOOT, x=_RIGHT)
        paper.turn()
        return
    _title(paper, _FOOT, _RIGHT)
    paper.text(_RIGHT, _FOOT - 14, f"{len(signers)}, on the next page", size=7)
    paper.turn()
    _many_signatures(paper, signers)


_FOOT = 158.0


def _head(paper: Paper, report: ComplianceReport) -> float:
    paper.text(
        MARGIN, TOP - 8, "BACKUP AND RESTORE COMPLIANCE REPORT", size=7, bold=True, color=QUIET
    )
    dates, _, extent = report.period.words.partition(", ")
    paper.text(MARGIN, TOP - 30, dates, size=18, bold=True)
    edge = MARGIN + width_of(dates, 18, bold=True) + 8
    extent = f"{extent}, {ZONE}" if extent else ZONE
    paper.text(edge, TOP - 30, extent, size=10, color=QUIET)
    scope = wrapped(f"Scope: {report.scope.words}", 9, INNER)
    for i, line in enumerate(scope):
        paper.text(MARGIN, TOP - 46 - 11 * i, line, size=9, color=QUIET)
    issue = report.issue
    right = (
        f"generated {moment(issue.generated_at)} {ZONE}",
        f"data version {issue.data_version}, data until {moment(issue.data_until)} {ZONE}",
    )
    for i, line in enumerate(right):
        paper.text(WIDTH - MARGIN, TOP - 8 - 11 * i, line, size=7, color=QUIET, align="right")
    lower: float = TOP - 46 - 11 * (len(scope) - 1) - _GAP
    return lower


def _verdict(paper: Paper, report: ComplianceReport, y: float) -> float:
    verdict = verdict_of(report)
    height = 44.0
    paper.box(MARGIN, y - height, INNER, height, fill=HexColor(_TINTS[verdict.state]))
    paper.mark(verdict.state, MARGIN + 12, y - 31, size=18)
    paper.text(MARGIN + 42, y - 19, verdict.headline, size=12.5, bold=True)
    paper.text(MARGIN + 42, y - 34, verdict.detail, size=8.5)
    return y - height - _GAP


def _tiles(paper: Paper, report: ComplianceReport, y: float) -> float:
    tiles = _figures(report)
    height, width = 62.0, (INNER - _GAP * (len(tiles) - 1)) / len(tiles)
    for i, tile in enumerate(tiles):
        x = MARGIN + i * (width + _GAP)
        paper.box(x, y - height, width, height)
        paper.text(x + 9, y - 14, tile.title, size=7, bold=True, color=QUIET)
        paper.text(x + 9, y - 35, tile.number, size=16, bold=True)
        for j, line in enumerate(wrapped(tile.note, 6.6, width - 16)[:2]):
            paper.text(x + 9, y - 46 - 8.5 * j, line, size=6.6, color=QUIET)
    return y - height - _GAP


def _figures(report: ComplianceReport) -> Sequence[_Tile]:
    def n(name: str) -> str:
        return count(report.figure(name))

    protected = count(
        (report.figure("databases") or 0) - (report.figure("databases_excluded") or 0)
    )
    return (
        _Tile(
            "COMPLIANCE BY TIME", percent(report.figure("compliance")),
            f"{duration(report.figure('violation_s'))} violated of"
            f" {duration(report.figure('measured_s'))} measured in all",
        ),
        _Tile(
            "KEPT ALL THE TIME",
            percent(report.figure("share_kept_of_all")),
            f"{n('databases_kept')} of {protected} databases, {n('databases_unknown')} unknown;"
            f" without a violation {percent(report.figure('share_without_violation'))}",
        ),
        _Tile(
            "COMPLIANCE BY TIER", percent(report.figure("tier_weighted_compliance")),
            "the same, weighted by 1 ÷ tier",
        ),
        _Tile(
            f"BACKUPS DONE, {n('backup_days').upper()} DAYS",
            percent(report.figure("eventual_share")),
            f"{n('backups_eventual')} of {n('backups_scheduled')}, first try"
            f" {percent(report.figure('first_try_share'))}; missed {n('backups_missed')},"
            f" unseen {n('backups_unseen')}, lost {n('backups_lost')}",
        ),
        _Tile(
            "RESTORES PROVEN", f"{n('databases_restore_proven')} of {protected}",
            f"databases; {n('databases_restore_never')} never, {n('restores_failed')} failed;"
            f" RTO missed {n('rto_missed')}, longest"
            f" {duration(report.figure('rto_worst_s'), nothing='none')}",
        ),
    )  # fmt: skip


def _worst(paper: Paper, report: ComplianceReport, y: float) -> None:
    rows = [
        (
            row["state"], _short(row["instance_id"]), plain(row["tier"]),
            percent(row["compliance"], fixed=True) if row["state"] != "unknown" else "unknown",
            duration(row["violation_s"]),
            duration(row["worst_exposure_s"], nothing="no point"),
        )
        for row in report.instances.filter(pl.col("worst_rank") <= 10).iter_rows(named=True)
    ]  # fmt: skip
    Table(_WORST, width=_HALF).draw(paper, y, rows)


def _left_out(paper: Paper, report: ComplianceReport, y: float) -> None:
    rows = []
    for kind in _KINDS:
        found = report.exclusions.filter(pl.col("state") == kind)
        if found.is_empty():
            rows.append((kind, "0", ""))
            continue
        reasons = found["reason"].fill_null("").value_counts(name="n").sort(
            ["n", "reason"], descending=[True, False]
        )  # fmt: skip
        first = reasons["reason"].to_list()[:2]
        more = f"; {reasons.height - 2} more" if reasons.height > 2 else ""
        told = "; ".join(_short(reason, 48) for reason in first) + more
        rows.append((kind, count(found["instance_id"].n_unique()), told))
    y = Table(_LEFT_OUT, x=_RIGHT, width=_HALF).draw(paper, y, rows)
    left_out = (
        f"{duration(report.figure('excluded_s'))} of {duration(report.figure('protected_s'))} of"
        " protected time were left out; every row is on the following pages."
    )
    paper.text(_RIGHT + 3, y - 12, left_out, size=6.6, color=QUIET)


def _evidence(paper: Paper, report: ComplianceReport) -> None:
    y = _FOOT
    paper.text(MARGIN, y, "Evidence", size=8, bold=True)
    lines = (
        ("content sha256", report.content_sha256),
        ("document sha256", report.document_sha256),
        ("made with", report.issue.made_with),
        ("verify with", "cbcr report --verify FILE"),
    )
    for i, (name, value) in enumerate(lines):
        paper.text(MARGIN, y - 13 - 10 * i, name, size=6.4, color=QUIET)
        paper.text(MARGIN + 66, y - 13 - 10 * i, value, size=6.4)
    y -= 13 + 10 * len(lines) + 2
    for row in report.definitions.iter_rows(named=True):
        version = plain(row["value"])
        short = version[:19] + "…" if version.startswith("sha256:") else version
        paper.text(MARGIN, y, row["name"], size=5.8, color=QUIET)
        paper.text(MARGIN + 96, y, short, size=5.8)
        paper.text(MARGIN + 190, y, plain(row["reason"]), size=5.8, color=QUIET)
        y -= 8


def _title(paper: Paper, y: float, x: float) -> None:
    paper.text(x, y, "Signed off by", size=8, bold=True)


def _name_lines(name: str) -> list[str]:
    return wrapped(name, _SIGNER_SIZE, _HALF * 0.38, bold=True)


def _needed(names: Sequence[str]) -> float:
    """Return the height that signatures need."""
    return 14 + sum(13 + 9 * len(_name_lines(name)) for name in names)


def _signatures(paper: Paper, names: Sequence[str], *, top: float, x: float) -> None:
    """Draw a place to sign for each name, the whole of which is told."""
    _title(paper, top, x)
    y = top - 6
    for name in names:
        lines = _name_lines(name)
        y -= 13 + 9 * len(lines)
        for i, line in enumerate(lines):
            up = y + 2 + 9 * (len(lines) - 1 - i)
            paper.text(x, up, line, size=_SIGNER_SIZE, bold=True)
        for left, right, what in ((0, 0.38, "name"), (0.42, 0.6, "date"), (0.64, 1, "signature")):
            paper.line(x + _HALF * left, y - 1, x + _HALF * right, y - 1, color=INK)
            paper.text(x + _HALF * left, y - 8, what, size=5.4, color=QUIET)


def _many_signatures(paper: Paper, names: Sequence[str]) -> None:
    """Draw columns of signatures, two a page."""
    left = list(names)
    while left:
        for x in (MARGIN, _RIGHT):
            column: list[str] = []
            while left and (not column or TOP - 10 - _needed([*column, left[0]]) >= BOTTOM):
                column.append(left.pop(0))
            if column:
                _signatures(paper, column, top=TOP - 10, x=x)
        paper.turn()


def _short(text: str, most: int = 34) -> str:
    """Shorten what is told in full on another page."""
    return text if len(text) <= most else text[: most - 1] + "…"
