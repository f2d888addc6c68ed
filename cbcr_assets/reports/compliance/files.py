"""A report as the bytes of a file: CSV, Parquet, PDF, and back.

Belongs here: which format a name asks for, and what each format carries beside the table.
Does not belong here: the canonical text (see `evidence`), how pages look (see `pdf`).

The circumstances are rows of the table itself, not comment lines or a second file: every reader of
CSV takes them without being told, and they cannot be parted from the rest. Parquet carries them as
key-value metadata, too.
"""

import io
import logging
from enum import StrEnum
from pathlib import Path

import polars as pl

from cbcr_assets.reports.compliance import evidence
from cbcr_assets.reports.compliance.columns import COLUMNS, SCHEMA
from cbcr_assets.reports.compliance.model import ComplianceReport, WrongQuestion

ATTACHED = "compliance.csv"
"""Name of the CSV that a PDF carries."""
_PREFIX = "cbcr."
_SEPARATOR = "\n"
_OTHER = "its columns are not those of a compliance report"


class ReportFormat(StrEnum):
    """What a report can be written as; the value is the suffix of the file."""

    PDF = "pdf"
    CSV = "csv"
    PARQUET = "parquet"


def format_of(path: Path) -> ReportFormat:
    """Return the format that the suffix of a file asks for.

    Raises:
        WrongQuestion: It is none of them.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in set(ReportFormat):
        told = (
            f"{path.name!r} ends in {path.suffix!r}" if suffix else f"{path.name!r} has no suffix"
        )
        raise WrongQuestion(f"{told}: write .pdf, .csv or .parquet")
    return ReportFormat(suffix)


def render(report: ComplianceReport, fmt: ReportFormat | str) -> bytes:
    """Return the report as the bytes of a file; the same report gives the same bytes.

    Args:
        report: From `compliance_report`.
        fmt: `pdf`, `csv` or `parquet`.

    Raises:
        ValueError: There is no such format.
    """
    match ReportFormat(fmt):
        case ReportFormat.CSV:
            return as_csv(report)
        case ReportFormat.PARQUET:
            return _as_parquet(report)
        case ReportFormat.PDF:
            # The library costs a tenth of a second: who reads CSV need not pay it.
            from cbcr_assets.reports.compliance.pdf import as_pdf

            return as_pdf(report)


def as_csv(report: ComplianceReport) -> bytes:
    """Return the report as CSV in UTF-8, lines ended by a line feed."""
    return "".join(evidence.csv_lines(report.table)).encode()


def _as_parquet(report: ComplianceReport) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = report.table.to_arrow()
    fields = [
        pa.field(field.name, field.type, metadata={"description": COLUMNS[field.name][1]})
        for field in table.schema
    ]
    schema = pa.schema(fields, metadata=_metadata(report.table))
    buffer = io.BytesIO()
    pq.write_table(table.cast(schema), buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def _metadata(table: pl.DataFrame) -> dict[str, str]:
    """Circumstances and subject by name; what comes several times is joined by line feeds."""
    named = table.filter(pl.col("record").is_in(["report", "subject"]))
    found: dict[str, list[str]] = {}
    for name, value in named.select("name", "value").iter_rows():
        found.setdefault(_PREFIX + name, []).append(value or "")
    return {name: _SEPARATOR.join(values) for name, values in found.items()}


def read_table(fmt: ReportFormat, content: bytes) -> pl.DataFrame:
    """Return the table that a file of a report carries.

    Raises:
        ValueError: It is no report, or its metadata contradict its rows.
    """
    match fmt:
        case ReportFormat.CSV:
            return evidence.read_csv(content.decode())
        case ReportFormat.PARQUET:
            return _read_parquet(content)
        case ReportFormat.PDF:
            return evidence.read_csv(_attached(content).decode())


def _read_parquet(content: bytes) -> pl.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content), page_checksum_verification=True)
        # Polars panics at names and texts that are none: it gets only what was looked at.
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"it is not Parquet: {error}") from None
    if table.schema.names != list(SCHEMA):
        raise ValueError(_OTHER)
    frame = pl.DataFrame(pa.Table.from_arrays(table.columns, names=list(SCHEMA)))
    if frame.schema != pl.Schema(SCHEMA):
        raise ValueError(_OTHER)
    told = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    if {k: v for k, v in told.items() if k.startswith(_PREFIX)} != _metadata(frame):
        raise ValueError("its key-value metadata are not what its rows say")
    return frame


def _attached(content: bytes) -> bytes:
    from pypdf import PdfReader

    # What is wrong with a file is told as one answer, not line by line in a log.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        found = PdfReader(io.BytesIO(content)).attachments.get(ATTACHED, [])
    except Exception as error:  # noqa: BLE001 - a damaged file may break its reader in any way
        raise ValueError(f"it is not a PDF that can be read: {error}") from None
    if len(found) != 1:
        raise ValueError(f"it carries no {ATTACHED}: it is no compliance report")
    return found[0]
