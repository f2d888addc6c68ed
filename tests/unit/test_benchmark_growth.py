"""Real growth that forecasts are measured on: how it is read; what is held out is apart."""

from datetime import date

from benchmarks.foresight import growth

FIRST = (date.fromisoformat("2021-03-04") - date.fromisoformat("1970-01-01")).days


def test_entries_of_authors_begin_with_a_day_however_it_is_written() -> None:
    lines = [
        "no day yet\n",
        "2021-03-04  A Name  <a@example.org>\n", "\t* a change\n",
        "commit 1234567890\n", "Date:   2021-03-05 12:00:00 +0100\n", "  text\n",
        "Sat Mar  6 12:00:00 CET 2021  A Name\n",
        "Date:   Sun Mar 7 12:00:00 2021 +0000\n",
        "2021-02-31  a slip of the pen\n",
    ]  # fmt: skip
    days = growth.logged(lines)
    assert sorted(days) == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3]
    assert sum(days.values()) == sum(map(len, lines[1:]))
    # the line of a day that does not exist belongs to the entry before
    assert days[FIRST + 3] == len(lines[7]) + len(lines[8])


def test_what_is_held_out_was_never_looked_at() -> None:
    taken = growth.read()
    held_out = {name for name in taken if not growth.is_for_tuning(name, taken)}
    seen = set(taken) - held_out
    assert len(held_out) > 30
    assert all(name.startswith("upstream/") for name in held_out)
    assert not {name.removeprefix("upstream/") for name in held_out} & seen
    assert all(len(days) >= 40 for days in taken.values())
