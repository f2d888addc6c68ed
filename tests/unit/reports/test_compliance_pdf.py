"""The pages: what they say, on each of them, and that they are those of their content."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from cbcr_assets.reports.compliance import ComplianceReport, render, verify_file
from cbcr_assets.reports.compliance.pdf.chapters import CHAPTERS
from cbcr_assets.reports.compliance.pdf.cover import COVER_TABLES
from cbcr_assets.reports.compliance.pdf.paper import INNER, MARKS, width_of, wrapped
from cbcr_assets.reports.compliance.pdf.tables import SIZE, Column, Table
from cbcr_assets.reports.compliance.words import duration, percent

Make = Callable[..., ComplianceReport]


def pages(report: ComplianceReport) -> list[str]:
    reader = PdfReader(io.BytesIO(render(report, "pdf")))
    return [page.extract_text() for page in reader.pages]


def test_the_first_page_tells_verdict_figures_exclusions_and_who_signs(
    report: ComplianceReport,
) -> None:
    first = pages(report)[0]
    for told in (
        "Kept on the whole: 99.865 % of the measured time, 99 % promised.",
        "3 databases: 1 broke the recovery point objective, 1 kept it all the time, 1 unknown."
        " Excluded: 0 more.",
        "BACKUPS DONE, 31 DAYS",
        "2026-10-01 to 2026-10-31", "UTC", "all databases", "generated 2026-11-03 06:00:00",
        "data version 7", report.content_sha256, report.document_sha256, "Ada Lovelace",
        "storage move", "no recovery point objective was promised", "unmeasured",
        "docs/x.md", "33.333 %", "1 of 3",
    ):  # fmt: skip
        assert told in first, told


def test_every_page_has_its_number_and_the_hash_and_tables_repeat_their_head(
    make_report: Make,
) -> None:
    report = make_report(more=200)
    told = pages(report)
    assert len(told) > 8
    for number, page in enumerate(told, 1):
        assert f"page {number} of {len(told)}" in page
        assert report.content_sha256 in page
    tables = [page for page in told if "Databases, the worst first" in page]
    assert len(tables) >= 5
    assert all("Compliance" in page and "Objective" in page for page in tables)
    shown = re.findall(r"kept-\d{5}", "".join(tables))
    assert len(shown) == len(set(shown)) == 200


def test_unknown_is_told_as_such(report: ComplianceReport) -> None:
    table = next(page for page in pages(report) if "Databases, the worst first" in page)
    wiki = table[table.index("wiki") :].split("\n")
    assert "none" in wiki  # no objective
    assert "unknown" in wiki
    assert "100" not in " ".join(wiki)
    assert "unknown" in next(page for page in pages(report) if "Definitions and" in page)


def test_what_the_font_cannot_draw_is_written_as_its_code_point(make_report: Make) -> None:
    told = "".join(pages(make_report(reason="日本 żółw")))
    assert r"\u{65e5}\u{672c}" in told
    assert "ółw" in told


def test_changed_pages_are_found_though_the_attached_content_is_untouched(
    tmp_path: Path, report: ComplianceReport
) -> None:
    path = tmp_path / "changed.pdf"
    writer = PdfWriter(clone_from=io.BytesIO(render(report, "pdf")))
    writer.remove_page(3)
    writer.write(path)
    found = verify_file(path)
    assert found.content_sha256 == report.content_sha256
    assert found.problems == ("its pages are not those that its content gives",)


def test_what_was_added_behind_the_pages_or_made_elsewhere_is_a_doubt(
    tmp_path: Path, report: ComplianceReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.pdf"
    content = render(report, "pdf")
    path.write_bytes(content + b"\n% signed\n")
    found = verify_file(path)
    assert (found.ok, found.problems) == (False, ())
    assert f"the {len(content)} bytes before them are untouched" in found.doubts[0]
    path.write_bytes(content.replace(b"CBCR", b"cbcr", 1))
    assert not verify_file(path).ok
    monkeypatch.setattr("cbcr_assets.reports.compliance.verify.made_with", lambda: "cbcr 99")
    found = verify_file(path)
    assert (found.ok, found.problems) == (False, ())
    assert "this is cbcr 99" in found.doubts[0]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 40])
@pytest.mark.parametrize("title", ["", ", head of a department with a very long name indeed"])
def test_there_is_room_for_every_signature(
    count: int, title: str, make_report: Make, tmp_path: Path
) -> None:
    names = tuple(f"Signer {i}{title}" for i in range(count))
    report = make_report(signed_off_by=names)
    told = "".join(pages(report))
    assert "Signed off by" in told
    words = " ".join(told.split())
    assert all(name in words for name in names)
    path = tmp_path / "x.pdf"
    path.write_bytes(render(report, "pdf"))
    assert verify_file(path).ok


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (1.0, "100 %"), (0.9999999999, "99.999 %"), (0.57, "57 %"), (0.0, "0 %"),
        (0.98561999, "98.561 %"), (None, "unknown"),
    ],
)  # fmt: skip
def test_only_what_is_whole_reads_as_whole(share: float | None, told: str) -> None:
    assert percent(share) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"), (0.4, "< 1 s"), (59.6, "1 min"), (3600, "1 h"), (90_000, "1 d 1 h"),
        (86_401, "1 d"), (None, "unknown"),
    ],
)  # fmt: skip
def test_durations_read_in_two_units(seconds: float | None, told: str) -> None:
    assert duration(seconds) == told


def test_long_texts_are_broken_and_nothing_is_left_out() -> None:
    text = "a-very-long-name-without-any-room-in-it and then some words"
    lines = wrapped(text, 7, 60)
    assert len(lines) > 3
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("columns", "width"), [*((columns, INNER) for columns in CHAPTERS), *COVER_TABLES]
)
def test_no_word_of_a_head_and_no_state_is_broken(
    columns: tuple[Column, ...], width: float
) -> None:
    states = [*MARKS, "unknown", "excluded", "unproven", "running", "cancelled"]
    for column, room, marked in Table(columns, width=width).rooms():
        words = column.title.split() or [""]
        assert max(width_of(word, SIZE, bold=True) for word in words) <= room, column.title
        if column.title.endswith("(UTC)"):
            assert width_of("2026-10-01 00:00:00", SIZE) <= room, column.title
        if marked and column.title != "":
            told = states if column.title == "Outcome" else [s for s in states if len(s) < 9]
            assert max(width_of(state, SIZE) for state in told) <= room - 9, column.title
