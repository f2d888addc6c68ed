"""Logs that come in pieces cut anywhere: nothing is lost, nothing is told twice."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.connectors.pgbackrest.logs import MAX_CARRY

LOGS = {
    "backup_log": "orders-backup.log",
    "restore_log": "orders-restore.log",
    "expire_log": "orders-expire.log",
    "verify_log": "orders-verify.log",
}
NOISE = re.compile(r".* P\d\d DETAIL: .*\n|.* P0[1-9] .*\n")
BANNER = "-------------------PROCESS START-------------------\n"


def begin(clock, exec_id, command="backup", **options):
    told = {"exec-id": exec_id, "lock-path": "/tmp/l", "repo1-path": "/r", "stanza": "orders"}
    words = " ".join(f"--{key.replace('_', '-')}={v}" for key, v in (told | options).items())
    return f"{BANNER}2026-11-23 {clock} P00   INFO: {command} command begin 2.45: {words}\n"


def info(clock, text, level="INFO"):
    return f"2026-11-23 {clock} P00 {level:>6}: {text}\n"


def done(clock, ms, command="backup"):
    return info(clock, f"{command} command end: completed successfully ({ms}ms)")


def refused(clock, exec_id):
    """A backup that runs into the lock."""
    return (
        begin(clock, exec_id, type="incr")
        + info(clock, "[050]: unable to acquire lock on file '/tmp/l/orders-backup.lock'", "ERROR")
        + "                                    HINT: is another pgBackRest process running?\n"
        + info(clock, "backup command end: aborted with exception [050]")
    )


def in_pieces(parse, kind, text, cuts, **facts):
    answers, carry, begun = [], "", 0
    for cut in [*sorted(cuts), len(text)]:
        answer = parse(kind, text[begun:cut], carry=carry, **facts)
        answers.append(answer)
        carry, begun = answer.carry, cut
    assert len(carry) <= MAX_CARRY
    return answers, carry


@pytest.mark.parametrize("kind", LOGS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_cuts_give_what_the_whole_log_gives(kind, recorded, parse, merged, data):
    text = re.sub(NOISE, lambda m: m[0] if len(m[0]) < 75 else "", recorded(LOGS[kind]))
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=12))
    answers, carry = in_pieces(parse, kind, text, cuts)
    assert merged(answers) == merged([parse(kind, text)])
    assert [reject for answer in answers for reject in answer.rejects] == []
    assert carry == ""


@pytest.mark.parametrize("kind", ["backup_log", "restore_log"])
def test_cuts_of_a_detailed_log(kind, recorded, parse, merged):
    text = recorded(LOGS[kind])
    rng = random.Random(20261123)
    whole = merged([parse(kind, text)])
    for _ in range(3):
        answers, _ = in_pieces(parse, kind, text, [rng.randrange(len(text)) for _ in range(8)])
        assert merged(answers) == whole
        assert max(len(answer.carry) for answer in answers) < 10_000


@pytest.mark.slow
def test_every_character_of_a_short_log_is_a_good_place_to_cut(parse, merged):
    text = (
        begin("01:00:00.000", "1-a", type="full")
        + refused("01:00:05.000", "2-b")
        + info("01:00:06.000", "new backup label = 20261123-010000F")
        + done("01:00:07.000", 7000)
    )
    whole = merged([parse("backup_log", text)])
    for cut in range(len(text)):
        answers, _ = in_pieces(parse, "backup_log", text, [cut])
        assert merged(answers) == whole
        assert [reject for answer in answers for reject in answer.rejects] == []


def test_an_open_attempt_is_running_and_then_done(parse, rows):
    first = parse("backup_log", begin("01:00:00.000", "1-a", type="full"))
    (row,) = rows(first)
    assert (row["state"], row["finished_at"], row["exit_code"]) == ("running", None, None)
    second = parse("backup_log", done("01:00:07.000", 7000), carry=first.carry)
    (row,) = rows(second)
    assert (row["state"], row["duration_s"], second.carry) == ("succeeded", 7.0, "")


def test_a_sign_of_life_repeats_the_open_attempt_only(parse, rows):
    opened = begin("01:00:00.000", "1-a") + info("01:00:01.000", "nothing of note")
    first = parse("backup_log", done("00:59:00.000", 1) + opened)
    assert [reject.rule for reject in first.rejects] == ["orphan"]
    again = parse("backup_log", "", carry=first.carry)
    assert (again.rejects, again.carry) == ((), first.carry)
    assert [row["state"] for row in rows(again)] == ["running"]


def test_a_backup_goes_on_after_another_ran_into_its_lock(parse, rows):
    """The second block stands in the midst of the first; what follows it belongs to the first."""
    text = (
        begin("01:00:00.000", "1-a", type="full")
        + info("01:00:01.000", "backup start archive = 0007, lsn = 0/7000028")
        + refused("01:30:00.000", "2-b")
        + info("02:00:00.000", "new backup label = 20261123-010000F")
        + done("02:00:01.000", 3_601_000)
    )
    (long, short) = rows(parse("backup_log", text))
    assert (long["state"], long["backup_label"]) == ("succeeded", "20261123-010000F")
    assert (short["state"], short["error_code"], short["backup_label"]) == ("failed", "050", None)


def test_an_end_line_finds_its_block_by_its_duration(parse, rows):
    """The holder ends between the begin and the error of the one that wanted its lock."""
    head, tail = refused("01:30:00.000", "2-b").split("P00  ERROR")
    stamp = head.rsplit("\n", 1)[1]
    text = (
        begin("01:00:00.000", "1-a", type="full")
        + head.removesuffix(stamp)
        + done("01:30:00.000", 1_800_000)
        + f"{stamp}P00  ERROR{tail}"
    )
    (long, short) = rows(parse("backup_log", text))
    assert (long["state"], long["duration_s"]) == ("succeeded", 1800.0)
    assert (short["state"], short["error_code"]) == ("failed", "050")


def test_only_the_main_process_tells_facts(parse, rows):
    helper = "2026-11-23 01:00:01.000 P01   WARN: invalid page checksum found in file /x\n"
    text = begin("01:00:00.000", "1-a") + helper + done("01:00:07.000", 7000)
    assert [row["state"] for row in rows(parse("backup_log", text))] == ["succeeded"]
    assert helper not in parse("backup_log", text[: text.index("2026-11-23 01:00:07")]).carry


def test_running_into_the_lock_does_not_prove_that_the_holder_is_lost(parse, rows):
    text = begin("01:00:00.000", "1-a") + refused("01:00:01.000", "2-b")
    parsed = parse("backup_log", text + refused("01:00:02.000", "3-c"))
    assert [row["state"] for row in rows(parsed)] == ["running", "failed", "failed"]
    assert "1-a" in parsed.carry
    assert "2-b" not in parsed.carry


@pytest.mark.parametrize(
    "proof",
    [
        info("01:10:01.000", "backup start archive = 0009, lsn = 0/9000028"),
        done("01:10:02.000", 2000),
    ],
)
def test_holding_the_lock_proves_it(proof, parse, rows):
    parsed = parse("backup_log", begin("01:00:00.000", "1-a") + begin("01:10:00.000", "2-b"))
    assert [row["state"] for row in rows(parsed)] == ["running", "running"]
    parsed = parse("backup_log", proof, carry=parsed.carry)
    lost = rows(parsed)[0]
    assert (lost["state"], lost["finished_at"], lost["exit_code"]) == ("lost", None, None)
    assert "2026-11-23 01:10:00 UTC" in lost["error_text"]
    assert "1-a" not in parsed.carry


@pytest.mark.parametrize("other", [{"repo": 2}, {"lock_path": "/tmp/other"}])
def test_another_lock_proves_nothing(other, parse, rows):
    text = begin("01:00:00.000", "1-a") + begin("01:10:00.000", "2-b", **other)
    parsed = parse("backup_log", text + done("01:10:02.000", 2000))
    assert [row["state"] for row in rows(parsed)] == ["running", "succeeded"]


def test_a_restore_is_lost_only_to_one_into_the_same_directory(parse, rows):
    def restore(clock, exec_id, path):
        return begin(clock, exec_id, "restore", pg1_path=path)

    def filled(clock, ms):
        size = info(clock, "restore size = 1.5GB, file total = 9")
        return size + done(clock, ms, "restore")

    text = restore("01:00:00.000", "1-a", "/a") + restore("01:00:01.000", "2-b", "/b")
    other = text + filled("01:00:03.000", 2000)
    parsed = parse("restore_log", other)
    assert [row["state"] for row in rows(parsed)] == ["running", "succeeded"]
    assert rows(parsed)[1]["bytes"] == 1_610_612_736
    same = other + restore("02:00:00.000", "3-c", "/a") + filled("02:00:02.000", 2000)
    assert [row["state"] for row in rows(parse("restore_log", same))] == [
        "lost",
        "succeeded",
        "succeeded",
    ]


def test_a_damaged_begin_line_does_not_blame_the_attempt_before(parse, rows):
    damaged = refused("01:30:00.000", "2-b").replace("backup command begin", "bac\x00up comand")
    parsed = parse("backup_log", begin("01:00:00.000", "1-a") + damaged)
    assert [row["state"] for row in rows(parsed)] == ["running"]
    assert [reject.rule for reject in parsed.rejects] == ["begin"]
    assert "2-b" in parsed.rejects[0].payload


def test_more_unfinished_commands_than_can_be_carried(parse, rows):
    options = {"annotation": "x" * 60_000}
    text = "".join(begin(f"01:00:0{n}.000", f"{n}-a", repo=n, **options) for n in range(1, 8))
    parsed = parse("backup_log", text)
    assert len(rows(parsed)) == 7
    assert {reject.rule for reject in parsed.rejects} == {"carry"}
    assert len(parsed.carry) <= MAX_CARRY
    assert "7-a" in parsed.carry
    assert "1-a" not in parsed.carry


def test_a_line_without_end_is_not_carried_for_ever(parse):
    parsed = parse("backup_log", "x" * 70_000)
    assert ([reject.rule for reject in parsed.rejects], parsed.carry) == (["line"], "")


def test_strange_lines_are_refused_with_their_number(parse, rows):
    text = (
        begin("01:00:00.000", "1-a")
        + "garbage\nmore garbage\n"
        + "2026-13-45 01:00:00.000 P00   INFO: no such day\n"
        + done("01:00:07.000", 7000)
    )
    parsed = parse("backup_log", text, native_id="p.json")
    assert [row["state"] for row in rows(parsed)] == ["succeeded"]
    (reject,) = parsed.rejects
    assert (reject.native_id, reject.rule) == ("p.json:3", "line")
    assert reject.payload == "\n".join(text.split("\n")[2:5])
    assert "(3 lines)" in reject.reason


def test_a_block_of_another_command_is_refused_once(parse, rows):
    expire = begin("01:00:08.000", "1-a", "expire")
    first = parse("backup_log", expire)
    assert (first.seen, first.rejects) == (0, ())
    second = parse("backup_log", done("01:00:09.000", 1000, "expire"), carry=first.carry)
    assert [reject.rule for reject in second.rejects] == ["command"]
    assert second.carry == ""


def test_what_a_backup_prints_holds_an_expiry_too(recorded, parse, rows):
    parsed = parse("backup_log", recorded("backup_console.out"), stream="")
    assert [row["state"] for row in rows(parsed)] == ["succeeded"]
    assert [reject.rule for reject in parsed.rejects] == ["command"]


def test_a_log_without_begin_lines_says_what_to_set(parse):
    text = BANNER + info("01:00:00.000", "[056]: unable to find primary", "ERROR")
    parsed = parse("backup_log", text + text)
    assert [reject.rule for reject in parsed.rejects] == ["begin"]
    assert "log-level-file=info" in parsed.rejects[0].reason
    assert [r.rule for r in parse("backup_log", text, stream="").rejects] == ["begin"]


def test_two_processes_that_start_together(parse, rows):
    first, second = begin("01:00:00.000", "1-a"), begin("01:00:00.001", "2-b", repo=2)
    mixed = BANNER + BANNER + (first + second).replace(BANNER, "")
    parsed = parse("backup_log", mixed)
    assert [row["attempt_key"] for row in rows(parsed)] == ["orders:1-a", "orders:2-b"]
    assert parsed.rejects == ()


def test_an_end_line_needs_no_line_end_but_a_label_does(parse, rows):
    text = begin("01:00:00.000", "1-a") + done("01:00:07.000", 7000)
    assert rows(parse("backup_log", text.rstrip("\n")))[0]["state"] == "succeeded"
    assert rows(parse("backup_log", text.rstrip("\n"), stream=""))[0]["state"] == "succeeded"
    cut = info("01:00:06.000", "new backup label = 20261122-010000F_20261123-010000I")[:-18]
    text = begin("01:00:00.000", "1-a") + cut
    assert cut.endswith("20261122-010000F")
    for stream in ("backup_log:/x.log", ""):
        parsed = parse("backup_log", text, stream=stream)
        assert rows(parsed)[0]["backup_label"] is None
    assert parse("backup_log", text).carry.endswith(cut)


def test_a_log_reader_that_failed_keeps_its_place(parse):
    for facts in ({"error": "timeout"}, {"rc": 2}, {"tz": "Mars/Olympus"}, {"kind": "other"}):
        kind = facts.pop("kind", "backup_log")
        parsed = parse(kind, "", carry="kept", stream="s", **facts)
        assert (parsed.ok, parsed.carry) == (False, "kept")
