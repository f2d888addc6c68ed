"""Whatever arrives, the connector answers: nothing raises, nothing is silently lost."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ["info", "backup_log", "restore_log", "expire_log", "verify_log"]
GOOD = {
    "info": "info_before_restore.json",
    "backup_log": "orders-backup.log",
    "restore_log": "orders-restore.log",
    "expire_log": "orders-expire.log",
    "verify_log": "orders-verify.log",
}


def without_files(text):
    return "\n".join(line for line in text.split("\n") if " DETAIL: " not in line)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damaged_outputs(kind, recorded, parse, data):
    text = without_files(recorded(GOOD[kind]))
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    damaged = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 40))):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    first, last = sorted(rng.randrange(len(damaged)) for _ in range(2))
    text = bytes(damaged[first:last]).decode("utf-8", "backslashreplace")
    for stream in ("", "s"):
        parsed = parse(kind, text, stream=stream)
        parse(kind, text, stream=stream, carry=parsed.carry)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(codec=None), max_size=200), st.text(max_size=50))
def test_any_text(kind, parse, text, carry):
    parse(kind, text, carry=carry)
    parse(kind, text, stream="")


PARTS = st.sampled_from(
    [
        "-------------------PROCESS START-------------------\n",
        "2026-11-23 01:00:00.000 P00   INFO: backup command begin 2.45: --stanza=a --exec-id=1-a\n",
        "2026-11-23 01:00:00.000 P00   INFO: restore command begin 2.45: --stanza=a\n",
        "2026-11-23 01:00:00.000 P00   INFO: expire command begin 2.45: --stanza=a\n",
        "2026-11-23 01:00:00.000 P00   INFO: verify command begin 2.45: --stanza=a\n",
        "2026-11-23 01:00:01.000 P00  ERROR: [050]: \ud800\0\n",
        "2026-11-23 01:00:01.000 P00   INFO: stanza: a\n",
        "      backup: 20261101-000000F, status: invalid, x\n",
        "2026-11-23 01:00:01.000 P00   INFO: repo1: remove expired backup 20261101-000000F\n",
        "2026-11-23 01:00:02.000 P00   INFO: backup command end: aborted with exception [0000]\n",
        "2026-11-23 01:00:02.000 P00   INFO: backup command end: completed successfully\n",
        "2026-11-23 01:00:02.000 P00   INFO: backup command end: terminated on signal [SIGHUP]\n",
        "2026-11-23 01:00:02.000 P00   INFO: new backup label = 20261101-000000F\n",
        "2026-11-23 01:00:02.000 P00   INFO: full backup size = 9999PB, file total = 1\n",
        "  a line that continues another\n",
        "garbage\n",
        "\n",
    ]
)


@pytest.mark.parametrize("kind", KINDS[1:])
@settings(deadline=None)
@given(st.lists(PARTS, max_size=12), st.integers(0, 900))
def test_lines_in_any_order_cut_anywhere(kind, parse, merged, parts, cut):
    text = "".join(parts)
    first = parse(kind, text[:cut])
    second = parse(kind, text[cut:], carry=first.carry)
    assert merged([first, second]) == merged([parse(kind, text)])
