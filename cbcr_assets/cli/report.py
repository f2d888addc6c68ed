"""`cbcr report`: the auditor's report of a period, and whether a file of one is genuine.

Belongs here: arguments, exit codes, what is printed. Does not belong here: the report (see
`cbcr_assets.reports.compliance`).
"""

from pathlib import Path
from typing import Annotated

import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, moment, now_utc, show_rows
from cbcr_assets.config import Refused
from cbcr_assets.config.reports import signer

_FORM = "cbcr report --from 2026-10-01 --to 2026-11-01 --out october.pdf"


def report(
    start: Annotated[
        str | None, typer.Option("--from", help="Start of the period, ISO 8601, UTC.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option("--to", help="End of the period, ISO 8601, UTC; not included.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write: .pdf, .csv or .parquet.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Only this team; may be repeated.")] = None,
    tier: Annotated[list[int] | None, typer.Option(help="Only this tier; may be repeated.")] = None,
    signed_off_by: Annotated[
        list[str] | None, typer.Option(help="Who signs; may be repeated.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option(help="Check a file of a report instead of making one.")
    ] = None,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Write the compliance report of a period. With --verify: exit 1 when a file is not genuine."""
    if verify is not None:
        if start or stop or out or team or tier or signed_off_by:
            raise wrong_use("--verify FILE stands alone: it makes no report")
        _verify(verify, answer_format)
    if start is None or stop is None or out is None:
        raise wrong_use(f"a report needs --from, --to and --out: {_FORM}")
    _make(start, stop, out, team or [], tier or [], signed_off_by or [], answer_format)


def _make(
    start: str,
    stop: str,
    out: Path,
    teams: list[str],
    tiers: list[int],
    signers: list[str],
    answer_format: Format,
) -> None:
    from cbcr_assets.reports.compliance import (
        Period,
        Scope,
        WrongQuestion,
        format_of,
        verdict_of,
    )
    from cbcr_assets.steps.platform import open_platform
    from cbcr_assets.steps.reporting import make_report, write_report

    try:
        fmt = format_of(out)
        names = tuple(signer(name) for name in signers)
        period = Period(moment(start), moment(stop))
        found = make_report(
            open_platform(),
            period=period,
            scope=Scope(tuple(teams), tuple(tiers)),
            now=now_utc(),
            signed_off_by=names,
        )
    except (WrongQuestion, Refused) as error:
        raise wrong_use(str(error)) from None
    write_report(found, out, fmt)
    verdict = verdict_of(found)
    show_rows(
        [
            {"what": "file", "said": str(out)},
            {"what": "period", "said": f"{period.words} (UTC)"},
            {"what": "scope", "said": found.scope.words},
            {"what": "verdict", "said": verdict.headline},
            {"what": "databases", "said": verdict.detail},
            {"what": "data version", "said": str(found.issue.data_version)},
            {"what": "content sha256", "said": found.content_sha256},
            {"what": "document sha256", "said": found.document_sha256},
        ],
        answer_format,
    )


def _verify(path: Path, answer_format: Format) -> None:
    from cbcr_assets.reports.compliance import WrongQuestion, verify_file

    try:
        found = verify_file(path)
    except WrongQuestion as error:
        raise wrong_use(str(error)) from None
    rows = [{"what": "file", "said": str(path)}]
    rows += [{"what": "wrong", "said": problem} for problem in found.problems]
    rows += [{"what": "not compared", "said": doubt} for doubt in found.doubts]
    if found.report is not None:
        header = [(name, value) for name, value in found.report.header if not name.endswith("256")]
        rows += [{"what": name.replace("_", " "), "said": value} for name, value in header]
        rows.append({"what": "period", "said": f"{found.report.period.words} (UTC)"})
        rows.append({"what": "content sha256", "said": str(found.content_sha256)})
    said = "the file is what it says it is" if found.ok else "not all of it could be verified"
    said = "NOT genuine" if found.problems else said
    rows.append({"what": "verdict", "said": said})
    show_rows(rows, answer_format)
    raise typer.Exit(0 if found.ok else 1)
