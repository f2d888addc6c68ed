"""The words of expiry and verification."""

from datetime import datetime

import pytest

BANNER = "-------------------PROCESS START-------------------\n"


def at(clock):
    return datetime.fromisoformat(f"2026-11-23T{clock}")


def begin(clock, exec_id, command="backup", **options):
    told = {"exec-id": exec_id, "lock-path": "/tmp/l", "repo1-path": "/r", "stanza": "orders"}
    words = " ".join(f"--{key.replace('_', '-')}={v}" for key, v in (told | options).items())
    return f"{BANNER}2026-11-23 {clock} P00   INFO: {command} command begin 2.45: {words}\n"


def info(clock, text, level="INFO"):
    return f"2026-11-23 {clock} P00 {level:>6}: {text}\n"


@pytest.mark.parametrize(
    ("line", "repo", "labels"),
    [
        ("repo2: remove expired backup 20261101-000000F", "repo2", 1),
        ("expire full backup 20261101-000000F", "repo1", 1),
        ("expire full backup set: 20261101-000000F, 20261101-000000F_20261102-000000D", "repo1", 2),
        ("expire time-based backup set repo3: 20261101-000000F, 20261102-000000F", "repo3", 2),
        ("repo1: expire adhoc backup 20261101-000000F", "repo1", 1),
        ("[DRY-RUN] repo1: expire full backup 20261101-000000F", None, 0),
        ("repo1: 15-1 remove archive, start = 01, stop = 02", None, 0),
    ],
)
def test_the_words_of_an_expiry_in_several_versions(line, repo, labels, parse, rows):
    parsed = parse("expire_log", begin("01:00:00.000", "1-a", "expire") + info("01:00:01.5", line))
    assert rows(parsed) == []
    parsed = parse(
        "expire_log", begin("01:00:00.000", "1-a", "expire") + info("01:00:01.500", line)
    )
    found = rows(parsed)
    assert [row["repo"] for row in found] == [repo] * labels
    assert {row["unusable_from"] for row in found} <= {at("01:00:01.500")}


def test_a_dry_run_expires_nothing(parse, rows):
    text = begin("01:00:00.000", "1-a", "expire", dry_run="y")
    line = info("01:00:01.000", "repo1: remove expired backup 20261101-000000F")
    assert rows(parse("expire_log", text + line)) == []


REPORT = """stanza: orders
status: error
  backup: 20261101-000000F, status: valid, total files checked: 9, total valid files: 9
  backup: 20261102-000000F, status: manifest missing, total files checked: 0, total valid files: 0
  backup: 20261103-000000F, status: in-progress, total files checked: 0, total valid files: 0
  backup: 20261104-000000F, status: eaten, total files checked: 0, total valid files: 0
"""


@pytest.mark.parametrize("rc", [0, 104])
def test_what_verify_prints_counts_whatever_its_exit_code(rc, parse, rows):
    parsed = parse("verify_log", REPORT, stream="", rc=rc, native_id="v.json")
    assert parsed.ok
    assert [(r["label"][:8], r["integrity"], r["unusable_from"]) for r in rows(parsed)] == [
        ("20261101", "ok", None),
        ("20261102", "corrupt", at("05:00:00")),
    ]
    (reject,) = parsed.rejects
    assert (reject.native_id, reject.rule) == ("v.json:6", "status")


def test_verify_that_failed_and_said_nothing_is_not_ok(parse):
    assert parse("verify_log", "", stream="", rc=56).ok is False
