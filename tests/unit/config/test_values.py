"""Durations, moments, zones, cron expressions, ids, paths and secret references."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.config.document import Refused
from cbcr_assets.config.values import (
    SecretRef,
    cron,
    duration_s,
    moment,
    positive_duration_s,
    safe_name,
    secret_reference,
    web_address,
    written_path,
    zone,
)

# Other work on the machine must not fail a property.
calm = settings(deadline=None, derandomize=True)
SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def refusal(read, value):
    with pytest.raises(Refused) as caught:
        read(value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("4h", 14400),
        ("7d", 604800),
        ("2w", 1209600),
        ("1h30m", 5400),
        ("1d12h5m1s", 129901),
        ("0s", 0),
        ("1.5h", 5400),
        ("0.25s", 0.25),
    ],
)
def test_a_duration(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (30, "30s"),
        (1.5, "1.5s"),
        ("900", "900s"),
        ("5 min", "5m"),
        ("5 m", "5m"),
        (" 5m ", "5m"),
        ("1 Hour", "1h"),
        ("2 weeks", "2w"),
        ("1 hour 30 minutes", "1h30m"),
        ("1 day, 2 hours and 3 secs", "1d2h3s"),
        ("30M", "30m"),
        ("30m1h", None),
        ("1h1h", None),
        ("", None),
        ("soon", None),
        ("-5m", None),
        ("1:30", None),
        ("5 fortnights", None),
        ("٣m", None),
        ("1e3s", None),
        (True, None),
        (None, None),
        ([5], None),
    ],
)
def test_what_is_no_duration_shows_the_form_and_what_was_meant(value, meant):
    error = refusal(duration_s, value)
    assert str(error).endswith("is not a duration; write 30s, 15m, 4h, 7d or 1h30m")
    assert error.suggestion == meant


def test_a_duration_has_an_end():
    assert str(refusal(duration_s, "5300w")) == "'5300w' is longer than 100 years"


def test_an_objective_is_longer_than_zero():
    assert str(refusal(positive_duration_s, "0m")) == "'0m' must be longer than zero"


@calm
@given(st.fixed_dictionaries({}, optional={u: st.integers(0, 500) for u in SECONDS}))
def test_a_duration_is_the_sum_of_its_parts(parts):
    text = "".join(f"{parts[unit]}{unit}" for unit in SECONDS if unit in parts)
    expected = sum(count * SECONDS[unit] for unit, count in parts.items())
    if text:
        assert duration_s(text) == expected
    else:
        refusal(duration_s, text)


@calm
@given(st.text(max_size=12))
def test_text_is_a_duration_or_refused_and_a_suggestion_is_a_duration(text):
    try:
        seconds = duration_s(text)
    except Refused as error:
        seconds = duration_s(error.suggestion) if error.suggestion is not None else 0.0
    assert seconds >= 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23", datetime(2026, 11, 23)),
        ("2026-11-23T04:00:00", datetime(2026, 11, 23, 4)),
        ("2026-11-23 04:00", datetime(2026, 11, 23, 4)),
        ("2026-11-23T04:00:00Z", datetime(2026, 11, 23, 4)),
        ("2026-11-23T04:00:00+02:00", datetime(2026, 11, 23, 2)),
        ("2026-11-23T20:00:00-05:30", datetime(2026, 11, 24, 1, 30)),
    ],
)
def test_a_moment_becomes_naive_utc(value, expected):
    assert moment(value) == expected
    assert moment(value).tzinfo is None


@pytest.mark.parametrize("value", ["2026-13-01", "23.11.2026", "tomorrow", "", 20261123, None, []])
def test_what_is_no_moment(value):
    message = "is not a moment; write 2026-11-23 or 2026-11-23T04:00:00Z"
    assert str(refusal(moment, value)).endswith(message)


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_is_in_a_year_that_can_be_meant(value):
    assert "is not a year between 1980 and 2200" in str(refusal(moment, value))


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_a_zone(name):
    assert zone(name) == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc+1", None),
        ("right/Europe/Berlin", "Europe/Berlin"),
        ("localtime", None),
        ("../../etc/passwd", None),
        ("", None),
        ("\0", None),
    ],
)
def test_what_is_no_zone(name, meant):
    error = refusal(zone, name)
    assert "is not a time zone; write an IANA name such as Europe/Berlin or UTC" in str(error)
    if meant is not None:
        assert error.suggestion == meant


@pytest.mark.parametrize("text", ["30 2 * * *", "*/15 * * * *", "0 0 29 2 *", "0 1 * * MON-SAT"])
def test_a_cron_expression(text):
    assert cron(text) == text


@pytest.mark.parametrize(
    ("text", "reason", "meant"),
    [
        ("61 * * * *", "wrong minute", None),
        ("0 25 * * *", "wrong hour", None),
        ("0 0 32 * *", "wrong day-of-month", None),
        ("0 0 31 2 *", "wrong day-of-month", None),
        ("0 0 * 13 *", "wrong month", None),
        ("0 0 * * FUN", "wrong day-of-week", None),
        ("0 0 0 * * *", "five fields, not 6", None),
        ("* * * *", "five fields, not 4", None),
        ("", "five fields, not 0", None),
        ("@daily", "five fields, not 1", "0 0 * * *"),
        ("@reboot", "five fields, not 1", None),
    ],
)
def test_what_is_no_cron_expression(text, reason, meant):
    error = refusal(cron, text)
    expected = (
        f"{text!r} is not a cron expression: {reason}; write '30 2 * * *' for 02:30 every day"
    )
    assert str(error) == expected
    assert error.suggestion == meant


@pytest.mark.parametrize("name", ["a", "orders-db", "db7.example.org", "A_1", "0", "x" * 128])
def test_an_id(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a b", "a-b"),
        ("a/b", "a-b"),
        ("../a", "a"),
        (".hidden", "hidden"),
        ("-x", "x"),
        ("a\n", "a"),
        ("ä", None),
        ("", None),
        ("x" * 129, "x" * 128),
    ],
)
def test_what_is_no_id(name, meant):
    error = refusal(safe_name, name)
    assert "is not an id: letters, digits, dot, dash and underscore only" in str(error)
    assert error.suggestion == meant


@calm
@given(st.text(max_size=20))
def test_a_suggested_id_is_an_id(text):
    try:
        safe_name(text)
    except Refused as error:
        if error.suggestion is not None:
            safe_name(error.suggestion)


@pytest.mark.parametrize("value", ["", "  ", "~/x", "a\0b", 5, None])
def test_what_is_no_path(value):
    refusal(written_path, value)


def test_a_web_address_loses_its_last_slash():
    assert web_address("https://cbcr.example.org/") == "https://cbcr.example.org"


@pytest.mark.parametrize("value", ["localhost:3000", "ftp://x", "http://", "http://[x", "x"])
def test_what_is_no_web_address(value):
    assert "is not a web address; write http://" in str(refusal(web_address, value))


class TestSecrets:
    def test_is_read_out_of_the_environment_at_the_last_moment(self):
        secret = secret_reference("env:TOKEN")
        assert secret.resolve({"TOKEN": "hunter2"}) == "hunter2"

    def test_is_read_out_of_a_file_without_its_line_end(self, write):
        path = write("token", "hunter2\n")
        assert SecretRef(f"file:{path}").resolve({}) == "hunter2"

    def test_shows_only_where_it_is(self):
        assert repr(secret_reference("env:TOKEN")) == "SecretRef(reference='env:TOKEN')"

    @pytest.mark.parametrize(
        "value", ["hunter2", "env:", "env:A B", "env:1A", "file:", "", 5, None]
    )
    def test_a_literal_value_is_refused_and_not_repeated(self, value):
        error = refusal(secret_reference, value)
        expected = "secrets are references, never values: write env:NAME or file:PATH"
        assert str(error) == expected
        assert error.suggestion is None

    @pytest.mark.parametrize(("environ", "reason"), [({}, "not set"), ({"TOKEN": ""}, "empty")])
    def test_a_variable_that_is_not_there(self, environ, reason):
        with pytest.raises(ValueError, match=f"^the environment variable TOKEN is {reason}$"):
            SecretRef("env:TOKEN").resolve(environ)

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(ValueError, match="none cannot be read: No such file"):
            SecretRef(f"file:{tmp_path / 'none'}").resolve({})

    @pytest.mark.parametrize(("content", "reason"), [(b" \n", "is empty"), (b"\xff", "not UTF-8")])
    def test_a_file_that_holds_no_text(self, write, content, reason):
        with pytest.raises(ValueError, match=reason):
            SecretRef(f"file:{write('token', content)}").resolve({})
