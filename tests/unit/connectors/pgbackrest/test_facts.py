"""What an attempt tells: type, repository, identity, error."""

import re

import pytest

BANNER = "-------------------PROCESS START-------------------\n"


def begin(clock, exec_id, command="backup", **options):
    told = {"exec-id": exec_id, "lock-path": "/tmp/l", "repo1-path": "/r", "stanza": "orders"}
    words = " ".join(f"--{key.replace('_', '-')}={v}" for key, v in (told | options).items())
    return f"{BANNER}2026-11-23 {clock} P00   INFO: {command} command begin 2.45: {words}\n"


def info(clock, text, level="INFO"):
    return f"2026-11-23 {clock} P00 {level:>6}: {text}\n"


def done(clock, ms, command="backup"):
    return info(clock, f"{command} command end: completed successfully ({ms}ms)")


@pytest.mark.parametrize(
    ("asked", "told", "made"),
    [
        ("incr", info("01:00:01.000", "new backup label = 20261123-010000F"), "full"),
        ("incr", info("01:00:01.000", "full backup size = 1MB, file total = 1"), "full"),
        (
            "diff",
            info(
                "01:00:01.000",
                "no prior backup exists, diff backup has been changed to full",
                "WARN",
            ),
            "full",
        ),
        ("diff", "", "diff"),
        (None, "", "incr"),
        ("other", "", None),
    ],
)
def test_the_type_is_what_was_made(asked, told, made, parse, rows):
    options = {} if asked is None else {"type": asked}
    (row,) = rows(parse("backup_log", begin("01:00:00.000", "1-a", **options) + told))
    assert row["backup_type"] == made


@pytest.mark.parametrize(
    ("options", "repo"),
    [
        ({}, "repo1"),
        ({"repo": 3}, "repo3"),
        ({"repo1_path": "/x", "repo2_path": "/y"}, "repo1"),
        ({"repo": "two"}, "repo1"),
    ],
)
def test_the_repository_is_the_one_asked_for_or_the_first(options, repo, parse, rows):
    (row,) = rows(parse("backup_log", begin("01:00:00.000", "1-a", **options)))
    assert row["repo"] == repo


def test_stanza_and_key_without_their_options(parse, rows):
    line = "2026-11-23 01:00:00.000 P00   INFO: backup command begin 2.20: --type=full\n"
    (row,) = rows(parse("backup_log", line, stream="backup_log:/var/log/pg/main-db-backup.log"))
    assert row["native_instance"] == "main-db"
    assert row["attempt_key"] == "main-db:2026-11-23T01:00:00.000"
    parsed = parse("backup_log", line + done("01:00:01.000", 1000), stream="backup_log:/all.log")
    assert [reject.rule for reject in parsed.rejects] == ["stanza"]


def test_a_secret_in_an_error_is_hidden(parse, rows):
    text = (
        begin("01:00:00.000", "1-a")
        + info("01:00:01.000", "[102]: ssh --repo1-s3-key=AKIA77 --repo1-cipher-pass hunter2"
               " https://me:hunter3@s3 failed; 'hunter4' is not valid for 'repo1-s3-key'", "ERROR")
        + info("01:00:01.000", "backup command end: aborted with exception [102]")
    )  # fmt: skip
    (row,) = rows(parse("backup_log", text))
    assert not re.search(r"AKIA77|hunter\d", row["error_text"])
    assert row["error_text"].startswith("[102]: ssh --repo1-s3-key=***")


def test_an_endless_error_is_capped(parse, rows):
    many = "".join(f"                    line {n} {'x' * 200}\n" for n in range(5000))
    error = begin("01:00:00.000", "1-a") + info("01:00:01.000", "[041]: oh", "ERROR") + many
    parsed = parse("backup_log", error)
    (row,) = rows(parsed)
    assert row["error_text"].startswith("[041]: oh line 0")
    assert len(row["error_text"]) == 2000
    assert len(parsed.carry) < 20_000
