"""The lines about one attempt are cut out of logs and documents, and no secret is shown."""

import json

import pytest

from streamlit_app import evidence
from streamlit_app.charts.gantt import lanes
from streamlit_app.strips import _flat

LOG = """\
------------PROCESS START------------
2026-03-01 01:00:00.000 P00   INFO: backup command begin 2.45: --exec-id=11-aa --stanza=main
2026-03-01 01:00:09.000 P00   INFO: backup command end: completed successfully

------------PROCESS START------------
2026-03-01 02:00:00.000 P00   INFO: backup command begin 2.45: --exec-id=22-bb --pg-password=geheim
2026-03-01 02:00:07.000 P00  ERROR: [064]: No space left on device
                                    on retry after 0ms
2026-03-01 02:00:07.000 P00   INFO: backup command end: aborted with exception [064]

------------PROCESS START------------
2026-03-01 03:00:00.000 P00   INFO: backup command begin 2.45: --exec-id=33-cc
"""


def test_a_command_of_a_log_is_shown_from_its_begin_to_its_end_and_no_other() -> None:
    cut = evidence.excerpt(LOG, evidence.names("main:22-bb", None, "[064]: No space left"))
    assert cut.splitlines()[0].endswith("--pg-password=***")
    assert cut.splitlines()[-1].endswith("aborted with exception [064]")
    assert "on retry after 0ms" in cut
    assert "11-aa" not in cut
    assert "33-cc" not in cut


def test_records_of_a_json_log_stand_for_themselves() -> None:
    events = [{"event": event, "run_id": run} for run in "abc" for event in ("begin", "end")]
    text = "\n".join(json.dumps(event) for event in events)
    cut = evidence.excerpt(text, ['"b"'])
    assert [json.loads(line)["event"] for line in cut.splitlines()] == ["begin", "end"]


def test_a_document_of_one_line_is_cut_around_the_name() -> None:
    cut = evidence.excerpt("x" * 50_000 + "the-label" + "y" * 50_000, ["the-label"])
    assert "the-label" in cut
    assert len(cut) < 1000


@pytest.mark.parametrize("called", [[], ["nobody"]])
def test_who_is_not_named_has_no_lines(called: list[str]) -> None:
    assert evidence.excerpt(LOG, called) == ""


def test_names_are_tried_the_surest_first() -> None:
    assert evidence.names("a/b:c-1", "label", "said\nmore") == ["a/b:c-1", "c-1", "label", "said"]
    assert evidence.names("k", None, None) == ["k"]


def test_bars_that_overlap_lie_in_different_lanes_of_their_group() -> None:
    import polars as pl

    bars = pl.DataFrame(
        {"w": ["a", "a", "a", "b"], "started_at": [1, 2, 5, 2], "ended_at": [4, 6, 7, 3]}
    )
    assert lanes(bars, "w")["lane"].to_list() == [0, 1, 0, 0]


def test_foreign_text_in_a_strip_is_no_markup() -> None:
    assert _flat("<b>$1\n\n  x</b>") == "&lt;b&gt;&#36;1 x&lt;/b&gt;"
