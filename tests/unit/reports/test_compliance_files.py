"""A report keeps its content in every format, and nobody changes it unnoticed."""

import csv
import hashlib
import io
import random
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.reports.compliance import (
    ComplianceReport,
    ReportError,
    ReportFormat,
    WrongQuestion,
    format_of,
    render,
    verify_file,
)
from cbcr_assets.reports.compliance.columns import SCHEMA, to_table
from cbcr_assets.reports.compliance.evidence import csv_lines, read_csv
from cbcr_assets.reports.compliance.files import read_table

Make = Callable[..., ComplianceReport]
NASTY = (
    "=1+1",
    "+49 30",
    "-2",
    "@SUM(A1)",
    "'quoted",
    "\ttab",
    "a\nb",
    'a,"b"',
    "＝1",
    "żółć 日本",
)


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.fixture
def written(tmp_path: Path, report: ComplianceReport) -> Callable[[str], Path]:
    def write(fmt: str) -> Path:
        path = tmp_path / f"october.{fmt}"
        path.write_bytes(render(report, fmt))
        return path

    return write


@pytest.mark.parametrize("fmt", ReportFormat)
def test_every_format_holds_the_same_content(
    fmt: ReportFormat, written: Callable[[str], Path], report: ComplianceReport
) -> None:
    found = verify_file(written(fmt))
    assert found.problems == ()
    assert found.content_sha256 == report.content_sha256
    assert found.report is not None
    assert found.report.table.equals(report.table)
    assert found.report.issue == report.issue
    assert found.report.scope == report.scope


def test_the_same_report_gives_the_same_bytes(make_report: Make) -> None:
    one, two = make_report(), make_report()
    for fmt in ReportFormat:
        assert render(one, fmt) == render(two, fmt)


def test_the_content_hash_is_of_the_content_alone(make_report: Make) -> None:
    one = make_report()
    later = make_report(now=datetime(2027, 1, 1), signed_off_by=("Grace Hopper",))
    other = make_report(reason="storage moved")
    assert one.content_sha256 == later.content_sha256 != other.content_sha256
    assert len({r.document_sha256 for r in (one, later, other)}) == 3


def test_a_csv_needs_no_cbcr_to_be_verified(
    written: Callable[[str], Path], report: ComplianceReport
) -> None:
    path = written("csv")
    for command, wanted in (
        ("grep -v '^report,' {} | sha256sum", report.content_sha256),
        ("grep '^report,' {} | grep -v document_sha256 | sha256sum", report.document_sha256),
    ):
        done = subprocess.run(
            ["sh", "-c", command.format(path)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split()[0] == wanted


@pytest.mark.parametrize("text", NASTY)
def test_no_cell_is_a_formula_and_every_text_comes_back(text: str, make_report: Make) -> None:
    content = render(make_report(reason=text, signed_off_by=(text,)), "csv")
    assert len(content.decode().split("\n")) == len(cells(content)) + 1  # a row is a line
    for row in cells(content)[1:]:
        for name, cell in zip(SCHEMA, row, strict=True):
            if SCHEMA[name] == pl.String:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    table = read_table(ReportFormat.CSV, content)
    one_line = " ".join(text.split("\n")).strip()
    reasons = table.filter(pl.col("record") == "exclusion")["reason"].to_list()
    assert one_line in reasons
    assert one_line in table.filter(pl.col("name") == "signed_off_by")["value"].to_list()


@given(
    text=st.text(),
    amount=st.floats(allow_nan=False, allow_infinity=False),
    moment=st.datetimes(),
    flag=st.none() | st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_any_row_reads_back_as_it_was_written(
    text: str, amount: float, moment: datetime, flag: bool | None
) -> None:
    row = {"instance_id": text, "reason": text[::-1], "started_at": moment, "rto_s": amount,
           "meets_rto": flag, "tier": None}  # fmt: skip
    frame = pl.DataFrame([row], schema_overrides=SCHEMA, strict=False)
    missing = [name for name in SCHEMA if name not in frame.columns]
    table = to_table({"restore": frame.with_columns(pl.lit(None).alias(n) for n in missing)})
    lines = csv_lines(table)
    assert len(lines) == 2
    assert read_csv("".join(lines)).equals(table)


def test_other_tools_read_the_files(written: Callable[[str], Path]) -> None:
    for path in (written("csv"), written("parquet")):
        found = duckdb.sql(
            f"select instance_id, compliance from '{path}' where record = 'instance'"
        )
        assert found.fetchall()[0] == ("ledger", 1 - 7200 / 2678400)
    schema = pq.read_schema(written("parquet"))
    kinds = {name: str(schema.field(name).type) for name in SCHEMA}
    assert kinds["started_at"] == "timestamp[us]"
    assert kinds["tier"] == "int32"
    assert kinds["meets_rto"] == "bool"
    assert schema.field("violation_s").metadata[b"description"]
    assert schema.metadata[b"cbcr.zone"] == b"UTC"
    assert schema.metadata[b"cbcr.signed_off_by"] == b"Ada Lovelace"


def changed_csv(content: bytes) -> list[bytes]:
    """Change each filled cell of each third row a little, one at a time; drop and swap rows."""
    lines, found = cells(content), []
    for at in range(1, len(lines), 3):
        for column, cell in enumerate(lines[at]):
            if cell:
                changed = [list(row) for row in lines]
                changed[at][column] = cell[:-1] + ("1" if cell[-1] != "1" else "2")
                found.append(changed)
    found += [lines[:-1], [*lines[:9], lines[10], lines[9], *lines[11:]], [*lines, lines[-1]]]
    return [as_csv(rows) for rows in found]


def as_csv(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()


def test_any_change_of_a_csv_is_found(tmp_path: Path, written: Callable[[str], Path]) -> None:
    content = written("csv").read_bytes()
    assert as_csv(cells(content)) == content  # so that nothing else is changed below
    path = tmp_path / "changed.csv"
    for number, other in enumerate(changed_csv(content)):
        path.write_bytes(other)
        assert not verify_file(path).ok, number
    assert number > 100


def test_changed_parquet_is_found(tmp_path: Path, written: Callable[[str], Path]) -> None:
    table = pq.read_table(written("parquet"))
    frame: Any = pl.from_arrow(table)
    better = frame.with_columns(compliance=pl.col("compliance").clip(0.999, 1.0))
    path = tmp_path / "changed.parquet"
    pq.write_table(better.to_arrow().cast(table.schema), path)
    assert "content_sha256" in verify_file(path).problems[0]
    told = {**table.schema.metadata, b"cbcr.signed_off_by": b"Nobody"}
    pq.write_table(table.replace_schema_metadata(told), path)
    assert "metadata" in verify_file(path).problems[0]


@pytest.mark.parametrize("fmt", ReportFormat)
@pytest.mark.parametrize("content", [b"", b"nonsense", b"%PDF-1.4\n", b"PAR1PAR1", b"\xff\xfe"])
def test_what_is_no_report_is_told(fmt: ReportFormat, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"x.{fmt}"
    path.write_bytes(content)
    found = verify_file(path)
    assert "is no compliance report" in found.problems[0]
    assert found.report is None


def damaged(content: bytes, count: int) -> list[bytes]:
    """Flip a bit, cut the end off, or write noise over a piece, each time elsewhere."""
    dice, found = random.Random(7), []
    for number in range(count):
        at = dice.randrange(len(content))
        flipped = bytes([content[at] ^ (1 << dice.randrange(8))])
        noise = dice.randbytes(dice.randrange(1, 30))
        found.append([
            content[:at] + flipped + content[at + 1 :],
            content[:at],
            content[:at] + noise + content[at + dice.randrange(1, 40) :],
        ][number % 3])  # fmt: skip
    return found


@pytest.mark.parametrize(("fmt", "count"), [("csv", 300), ("parquet", 300), ("pdf", 60)])
def test_a_damaged_file_is_told_and_never_ends_in_a_stack_trace(
    fmt: str, count: int, tmp_path: Path, written: Callable[[str], Path], report: ComplianceReport
) -> None:
    path, refused = tmp_path / f"damaged.{fmt}", 0
    for content in damaged(written(fmt).read_bytes(), count):
        path.write_bytes(content)
        found = verify_file(path)
        # A byte that nobody reads may differ: the content is what counts.
        assert not found.ok or found.content_sha256 == report.content_sha256
        refused += not found.ok
    assert refused > 0.8 * count


def test_a_hash_that_was_computed_anew_shows_as_another_hash(
    tmp_path: Path, make_report: Make, report: ComplianceReport
) -> None:
    path = tmp_path / "forged.csv"
    path.write_bytes(render(make_report(reason="forged"), "csv"))
    found = verify_file(path)
    assert found.ok  # it is a report, but not the one whose hash was noted
    assert found.content_sha256 != report.content_sha256


@pytest.mark.parametrize(("name", "told"), [("a.xlsx", ".xlsx"), ("a", "no suffix")])
def test_other_suffixes_are_refused(name: str, told: str) -> None:
    with pytest.raises(WrongQuestion, match=told):
        format_of(Path(name))
    assert format_of(Path("A.PDF")) is ReportFormat.PDF


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="No such file"):
        verify_file(tmp_path / "none.csv")


def test_the_hash_is_that_of_the_lines(report: ComplianceReport) -> None:
    text = render(report, "csv").decode()
    kept = [line for line in text.split("\n")[:-1] if not line.startswith("report,")]
    assert hashlib.sha256("".join(f"{k}\n" for k in kept).encode()).hexdigest() == (
        report.content_sha256
    )
