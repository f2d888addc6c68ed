"""`cbcr pull`: what most calls find is that there is no news, so that has to be cheap.

Belongs here: arguments and what is printed; the command loads without the others (see `cli`), and
what reads news is imported only when there is some.
Does not belong here: the steps.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, now_utc, progress, show_rows
from cbcr_assets.connectors.pull_report import PullReport
from cbcr_assets.steps import news
from cbcr_assets.steps.collecting import collect_each
from cbcr_assets.steps.platform import Platform, open_platform

if TYPE_CHECKING:
    from cbcr_assets.warehouse import FileWarehouse

# Longer than the longest time-out of a feed, and a little for each source to be asked at all.
_PATIENCE_S = 60.0
_EACH_S = 0.05


def pull(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources; none: all.")] = None,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Ask the sources and load what they say. Exit 1 when one of them is not ok."""
    platform = open_platform()
    names = sources or list(platform.config.sources)
    if unknown := [name for name in names if name not in platform.config.sources]:
        known = ", ".join(platform.config.sources) or "none"
        raise wrong_use(f"no source {', '.join(unknown)}; configured are: {known}")
    reports = pull_all(platform, names)
    show_rows([_row(report) for report in reports], answer_format)
    raise typer.Exit(0 if all(report.ok for report in reports) else 1)


def pull_all(platform: Platform, names: list[str]) -> list[PullReport]:
    """Store the inventory, then collect and pull each source with a progress bar."""
    reading = _Reading(platform)
    reading.sync_inventory()
    sources = [platform.config.sources[name] for name in names]
    patience_s = _PATIENCE_S + _EACH_S * len(names)
    reports = {}
    with progress("pulling") as bar, closing(reading):
        collecting = collect_each(
            platform, sources, now=now_utc(), wait_s=patience_s, idle=reading.let_go
        )
        for collected in bar.track(collecting, total=len(names), description="sources"):
            name = collected.source_id
            if collected.error is not None:
                reports[name] = PullReport(name, 0, (), 0, 0, (collected.error,))
                continue
            reports[name] = reading.pull(name)
    silent = f"no end after {patience_s:.0f} s; what it says is read by the next pull"
    return [reports.get(n) or PullReport(n, 0, (), 0, 0, (silent,)) for n in names]


class _Reading:
    """Reads what is new; what that needs is loaded when there is something.

    Pulls that follow one another share an open warehouse, for opening costs as much as a pull.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._open: FileWarehouse | None = None

    def sync_inventory(self) -> None:
        if news.inventory_news(self._platform, now=now_utc()):
            from cbcr_assets.steps.watch import sync_inventory

            sync_inventory(self._platform, now=now_utc())

    def pull(self, name: str) -> PullReport:
        source = self._platform.config.sources[name]
        if self._open is None and not news.offered_files(self._platform, source):
            return PullReport(name, 0, (), 0, 0, ())
        from cbcr_assets.steps.watch import pull_source

        self._open = self._platform.warehouse
        self._open.keep_open()
        return pull_source(self._platform, name, now=now_utc())

    def let_go(self) -> None:
        """Let others write: there is nothing to read at the moment."""
        if self._open is not None:
            self._open.let_go()

    close = let_go


def _row(report: PullReport) -> dict[str, str | int]:
    return {
        "source": report.source_id,
        "files": report.files,
        "records": report.seen,
        "rejected": report.rejected,
        "changed": sum(result.changed for result in report.loaded),
        "problems": "; ".join(report.errors),
    }
