"""Outside text and times made safe."""

from datetime import datetime

import pytest

from cbcr_assets.connectors.transports.json_text import strict_json
from cbcr_assets.connectors.transports.stamps import compact, iso, to_utc
from cbcr_assets.connectors.transports.text import clean, first_error_line, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PGPASSWORD=abc psql", "PGPASSWORD=*** psql"),
        ("--password hunter2 x", "--password *** x"),
        ("password: 'a b' x", "password: *** x"),
        ("api_key=1&b=2", "api_key=***&b=2"),
        ("amqp://u:p@h/v", "amqp://***@h/v"),
        ('FATAL: password authentication failed for user "x"', None),
        ("see the token ring", None),
    ],
)
def test_secrets_are_hidden_and_prose_is_not(text, shown):
    assert redact(text) == (shown or text)


def test_values_of_secret_variables_are_hidden_everywhere():
    environ = {"MY_TOKEN": "abcd1234", "HOME": "/root", "A_SECRET": "x"}
    assert redact("x abcd1234 in /root", environ=environ) == "x *** in /root"


def test_the_telling_line_is_kept():
    assert (
        first_error_line("\n starting\nERROR: [056]: no primary\nmore")
        == "ERROR: [056]: no primary"
    )
    assert first_error_line("only this\nand that") == "only this"
    assert first_error_line(" \n") == ""
    assert len(first_error_line("x" * 5000)) == 2000


@pytest.mark.parametrize("text", ['{"a":1,"b":{"c":1,"c":1}}', '[{"a":1,"a":2}]'])
def test_a_doubled_key_says_nothing(text):
    with pytest.raises(ValueError, match="is there twice"):
        strict_json(text)


def test_lone_surrogates_become_text():
    assert clean("a\ud800ü") == "a\\ud800ü"


@pytest.mark.parametrize(
    ("value", "tz", "utc"),
    [
        ("2026-11-23T05:00:00Z", "UTC", "2026-11-23T05:00:00"),
        ("2026-11-23T05:00:00.123456789+02:00", "UTC", "2026-11-23T03:00:00.123456"),
        ("2026-11-01 01:30:00", "America/New_York", "2026-11-01T05:30:00"),
        (1795410000, "America/New_York", "2026-11-23T05:00:00"),
        (1795410000.25, "UTC", "2026-11-23T05:00:00.250000"),
    ],
)
def test_timestamps_become_naive_utc(value, tz, utc):
    assert to_utc(value, tz=tz) == datetime.fromisoformat(utc)


@pytest.mark.parametrize(
    "value",
    [
        *("", "2026-11-23", "x", True, None, [], 1e400, float("nan"), 10**30, -1, 1795410000000),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1979-12-31T23:59:59Z"),
    ],
)
def test_what_is_no_time_says_what_to_write(value):
    with pytest.raises(ValueError, match="write ISO 8601"):
        to_utc(value, tz="UTC")


def test_an_unknown_zone_is_no_zone():
    for name in ("Mars", "../etc/passwd", "", "a\0b", "Europe"):
        with pytest.raises(ValueError, match="IANA"):
            to_utc("2026-11-23T05:00:00", tz=name)


def test_written_times():
    moment = datetime.fromisoformat("2026-11-23T05:00:00.000120")
    assert compact(moment) == "20261123T050000.000120Z"
    assert to_utc(iso(moment), tz="UTC") == moment
