"""Logs: every byte once and in order, whatever rotation does."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.connectors.transports.file import read_logs

# Other work on the machine must not fail a property.
calm = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


class Tail:
    """Reads a pattern again and again, as collecting does, and keeps what each stream said."""

    def __init__(self, pattern, **facts):
        self.pattern = str(pattern)
        self.cursor = {}
        self.streams = {}
        self.facts = facts

    def read(self):
        answer = read_logs(self.pattern, kind="k", cursor=self.cursor, **self.facts)
        for piece in answer.news:
            self.streams[piece.stream] = self.streams.get(piece.stream, "") + piece.payload
            assert piece.payload
        if answer.news:
            assert answer.news[-1].cursor is not None
        self.cursor = dict(answer.cursor)
        return answer

    def text(self, path):
        return self.streams.get(f"k:{path}", "")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "main.log"


def append(path, text):
    with path.open("ab") as handle:
        handle.write(text if isinstance(text, bytes) else text.encode())


def test_only_what_was_added_is_news(log):
    tail = Tail(log)
    append(log, "one\n")
    tail.read()
    answer = tail.read()
    assert (answer.news, answer.error) == ((), None)
    assert answer.heartbeat.payload == ""
    append(log, "tw")
    tail.read()
    append(log, "o\n")
    tail.read()
    assert tail.text(log) == "one\ntwo\n"


def test_pieces_have_a_limit_and_the_rest_comes_next_time(log):
    tail = Tail(log, max_piece=10, max_pieces=2)
    append(log, "0123456789" * 5)
    assert [len(p.payload) for p in tail.read().news] == [10, 10]
    assert [len(p.payload) for p in tail.read().news] == [10, 10]
    assert [len(p.payload) for p in tail.read().news] == [10]
    assert tail.text(log) == "0123456789" * 5


@calm
@given(
    text=st.text(st.sampled_from("aü€😀\n"), max_size=60),
    cuts=st.lists(st.integers(0, 240), max_size=5),
    piece=st.integers(4, 12),
)
def test_characters_are_never_torn(tmp_path_factory, text, cuts, piece):
    log = tmp_path_factory.mktemp("log") / "x.log"
    log.touch()
    tail, data = Tail(log, max_piece=piece, max_pieces=1000), text.encode()
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        append(log, data[start:stop])
        tail.read()
    assert tail.text(log) == text


def test_bytes_that_are_no_utf8_stay_visible(log):
    tail = Tail(log)
    append(log, b"a\xffb\n")
    tail.read()
    assert tail.text(log) == "a\\xffb\n"


@pytest.mark.parametrize("size", [4, 400])
def test_a_renamed_log_is_finished_before_the_new_one(log, size):
    tail = Tail(log)
    append(log, "x" * size + "\n")
    tail.read()
    append(log, "late\n")
    log.rename(log.with_name("main.log.1"))
    append(log, "new\n")
    assert tail.read().error is None
    assert tail.text(log) == "x" * size + "\nlate\nnew\n"
    assert tail.read().news == ()


def test_a_rotation_in_the_middle_of_a_line_ends_the_line(log):
    tail = Tail(log)
    append(log, "half")
    tail.read()
    log.rename(log.with_name("main.log.1"))
    append(log, "new\n")
    tail.read()
    assert tail.text(log) == "half\nnew\n"


def test_two_rotations_between_two_readings_lose_nothing(log):
    tail = Tail(log, max_piece=8)
    append(log, "first\n")
    tail.read()
    append(log, "first-late\n")
    log.rename(log.with_name("main.log.2"))
    append(log, "second\n")
    log.rename(log.with_name("main.log.1"))
    append(log, "third\n")
    for number, name in enumerate(("main.log.2", "main.log.1", "main.log")):
        os.utime(log.with_name(name), (number, number))
    tail.read()
    assert tail.text(log) == "first\nfirst-late\nsecond\nthird\n"


def test_a_copied_and_truncated_log_is_finished_from_the_copy(log):
    tail = Tail(log)
    append(log, "x" * 300 + "\n")
    tail.read()
    append(log, "late\n")
    shutil.copy(log, log.with_name("main.log.1"))
    os.truncate(log, 0)
    append(log, "new\n")
    assert tail.read().error is None
    assert tail.text(log) == "x" * 300 + "\nlate\nnew\n"


def test_a_lost_part_is_reported_once_and_reading_goes_on(log):
    tail = Tail(log)
    append(log, "some long text, half")
    tail.read()
    os.truncate(log, 0)
    append(log, "new\n")
    answer = tail.read()
    assert "after byte 20" in answer.error
    assert "delaycompress" in answer.error
    assert tail.text(log) == "some long text, half\nnew\n"
    assert tail.read().error is None


def test_a_new_file_under_an_old_inode_is_noticed(log):
    tail = Tail(log)
    append(log, "old text\n")
    tail.read()
    log.write_bytes(b"new text that is longer\n")  # same inode, as after delete and create
    tail.read()
    assert tail.text(log).endswith("new text that is longer\n")


def test_a_rotated_file_that_matches_too_is_not_read_again(log):
    tail = Tail(f"{log}*")
    append(log, "old\n")
    tail.read()
    log.rename(log.with_name("main.log.1"))
    append(log, "new\n")
    tail.read()
    tail.read()
    assert "".join(tail.streams.values()) == "old\nnew\n"


def test_a_log_that_cannot_be_read_does_not_stop_the_others(tmp_path, monkeypatch):
    append(tmp_path / "a.log", "a\n")
    append(tmp_path / "b.log", "b\n")
    opened = Path.open

    def guarded(self, *args, **kwargs):
        if self.name == "a.log":
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", guarded)
    tail = Tail(tmp_path / "*.log")
    assert "a.log: Permission denied" in tail.read().error
    assert tail.text(tmp_path / "b.log") == "b\n"


def test_a_pattern_without_files_is_an_error_not_silence(tmp_path):
    answer = Tail(tmp_path / "*.log").read()
    assert "no file matches" in answer.error
    assert answer.heartbeat is None
