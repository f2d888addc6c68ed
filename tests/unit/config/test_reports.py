"""Section `reports`: defaults, and mistakes with their line."""

import pytest

from cbcr_assets.config import ConfigError, load_config

SOURCES = "sources: {a: {tool: cbcr, feeds: [{drop: in}]}}\n"


def test_without_a_section_reports_lie_beside_all_other_state(write):
    path = write("cbcr.yaml", SOURCES)
    config = load_config(path, environ={})
    assert config.reports == path.parent / ".cbcr" / "reports"
    assert config.reports_cron == "0 6 3 * *"
    assert config.reports_signed_off_by == ()


def test_what_is_written_counts(write):
    text = "reports: {folder: out, cron: '0 7 2 * *', signed_off_by: [' Ada Lovelace ', Żółć]}\n"
    path = write("cbcr.yaml", SOURCES + text)
    config = load_config(path, environ={})
    assert config.reports == path.parent / "out"
    assert config.reports_cron == "0 7 2 * *"
    assert config.reports_signed_off_by == ("Ada Lovelace", "Żółć")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("reports:\n  folde: out\n", "cbcr.yaml:3: reports.folde"),
        ("reports:\n  cron: monthly\n", "cbcr.yaml:3: reports.cron"),
        ("reports:\n  signed_off_by: ['']\n", "no name of who signs"),
        ('reports:\n  signed_off_by: ["a\\nb"]\n', "one line of text"),
        ("reports:\n  signed_off_by: Ada\n", "cbcr.yaml:3: reports.signed_off_by"),
    ],
)
def test_mistakes_are_told_with_their_line(write, text, told):
    with pytest.raises(ConfigError) as refused:
        load_config(write("cbcr.yaml", SOURCES + text), environ={})
    assert told in str(refused.value)
