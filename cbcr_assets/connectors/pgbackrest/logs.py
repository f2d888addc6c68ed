"""Finding the commands in a pgBackRest log that comes in pieces cut anywhere.

Belongs here: lines, blocks, what is carried to the next piece, refusing what is no log.
Does not belong here: what a command's facts mean (one module a log).

Several processes append to one log: a backup that runs into the lock writes its block in the midst
of the block of the backup that holds it. So lines without a block of their own belong to the newest
block that is still open, and a block is only taken for lost on proof.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cbcr_assets.connectors.base import Envelope, Reject
from cbcr_assets.connectors.pgbackrest.block import (
    Block,
    End,
    LogSpec,
    Message,
    Passage,
    read_end,
    stanza_of,
)
from cbcr_assets.connectors.pgbackrest.clock import LogClock, Moment
from cbcr_assets.connectors.reading.refusal import Refusals
from cbcr_assets.connectors.transports.text import storable

MAX_CARRY = 256 * 1024
"""Most characters that are carried to the next piece."""

MAX_LINE = 64 * 1024
"""Longest line that is read."""

MAX_MORE = 50
"""Most lines of one error message that are kept."""

BANNER = "-------------------PROCESS START-------------------"
"""The line that every process writes first."""

_MAX_EVIDENCE = 10
_BANNERS = re.compile(r"-{5,}PROCESS START-{5,}")
_STAMPED = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})([+-]\d{4})? P(\d{2,4}) +([A-Z]+): (.*)", re.ASCII
)
_MARK = "CARRY"
_DROPPED = frozenset({"DETAIL", "DEBUG", "TRACE", _MARK})
_AHEAD = (
    "it is later than this log was read, by more than 5 minutes; set the source's timezone to that"
    " of the process that wrote the log, or correct the clock of its host"
)
_ORPHAN = "the beginning of its command is not in this log; it was rotated away or cut"


@dataclass(frozen=True)
class Reading:
    """What one piece of a log holds.

    Attributes:
        blocks: Commands, open ones included; all have a begin line and a stanza.
        rejects: What is no part of such a log.
        carry: Open blocks in short, and the incomplete last line.
        passed: Commands that were passed over: the number of each, and how many of the blocks
            came before it.
    """

    blocks: tuple[Block, ...]
    rejects: tuple[Reject, ...]
    carry: str
    passed: tuple[tuple[int, int], ...] = ()


def read_log(
    envelope: Envelope,
    carry: str,
    spec: LogSpec,
    plain: Callable[[Sequence[str]], Sequence[Passage]] | None = None,
) -> Reading:
    """Read one piece of a log, or a whole one.

    Args:
        envelope: The piece.
        carry: What the last piece left over.
        spec: What is read out of it.
        plain: Finds commands that can be passed over, for they are read otherwise.
    """
    reader = _Reader(envelope, spec)
    lines = storable(carry + envelope.payload).split("\n")
    carried = carry.count("\n")
    rest = lines.pop()
    begun = 0
    for number, passage in enumerate(plain(lines) if plain else ()):
        reader.take_all(lines, range(begun, passage.first), carried)
        passed = reader.pass_over(number, passage)
        begun = passage.until if passed else passage.first
    reader.take_all(lines, range(begun, len(lines)), carried)
    return reader.finish(rest, max(1, len(lines) - carried + 1))


class _Reader:
    """Goes through the lines of one piece."""

    def __init__(self, envelope: Envelope, spec: LogSpec) -> None:
        self._envelope = envelope
        self._spec = spec
        self._clock = LogClock(envelope.tz, envelope.finished_at)
        self._refusals = Refusals(envelope, spec.table)
        self._blocks: list[Block] = []
        self._active: list[Block] = []  # those that may be open
        self._message: Message | None = None  # what a continuation line continues
        self._dropping = False  # the last message holds no fact, nor do its continuation lines
        self._last: Moment | None = None
        self._stamp = ""
        self._passed: list[tuple[int, int]] = []

    def take_all(self, lines: Sequence[str], places: range, carried: int) -> None:
        """Take some of the lines; the first `carried` ones are not of this piece."""
        for place in places:
            self.take(lines[place].removesuffix("\r"), max(1, place - carried + 1))

    def pass_over(self, number: int, passage: Passage) -> bool:
        """Go on after a command that is read otherwise, if it has nothing to do with another."""
        if self._owner():
            return False
        self._message, self._dropping = None, True
        self._refusals.flush()
        self._last, self._stamp = Moment(passage.ended_at), passage.stamp
        self._clock.passed(passage.ended_at)
        self._passed.append((number, len(self._blocks)))
        return True

    def take(self, line: str, number: int) -> None:
        """Take the next line."""
        stamped = _STAMPED.fullmatch(line) if len(line) <= MAX_LINE else None
        moment = self._moment(stamped) if stamped else None
        if stamped and moment:
            self._last, self._stamp = moment, stamped[1]
            self._stamped(stamped, moment, number)
        elif not line.strip():
            return
        elif _BANNERS.fullmatch(line):
            self._start(Block(number))
        elif line[0].isspace() and len(line) <= MAX_LINE and (self._message or self._dropping):
            self._go_on(line)
        else:
            reason = "no line of a pgBackRest log; check that nothing else writes to this file"
            self._refusals.line(number, "line", reason, line)
            self._message, self._dropping = None, False

    def _moment(self, stamped: re.Match[str]) -> Moment | None:
        try:
            return self._clock.read(stamped[1], stamped[2])
        except ValueError:
            return None

    def _go_on(self, line: str) -> None:
        if self._message and not (self._spec.sticky and len(self._message.more) >= MAX_MORE):
            self._message.more.append(line)

    def _stamped(self, match: re.Match[str], moment: Moment, number: int) -> None:
        process, level, text = match[3], match[4], match[5]
        self._message, self._dropping = None, True
        if level in _DROPPED or int(process):
            return
        line = match[0]
        if moment.offset and not match[2]:
            line = f"{match[1]}{moment.offset}{line[len(match[1]) :]}"
        message = Message(number, line, moment.at, moment.other, level, text)
        if self._begin(message) or self._end(message):
            return
        block = self._owner()
        if block is None:
            self._refusals.line(number, "orphan", _ORPHAN, match[0])
        else:
            self._tell(block, message)

    def _begin(self, message: Message) -> bool:
        block = Block(message.number)
        if not block.begins(message):
            return False
        newest = self._owner()
        if newest and newest.begin is None and not newest.kept:
            newest.begins(message)
        else:
            self._start(block)
            self._dropping = True
        return True

    def _start(self, block: Block) -> None:
        """Start a block. What cannot be used anyway is not waited for."""
        self._message, self._dropping = None, False
        self._refusals.flush()
        for earlier in self._active:
            earlier.given_up = self._problem(earlier) is not None
        self._active = [*(b for b in self._active if b.is_open), block]
        self._blocks.append(block)

    def _owner(self) -> Block | None:
        return next((block for block in reversed(self._active) if block.is_open), None)

    def _end(self, message: Message) -> bool:
        end = read_end(message.text) if message.level == "INFO" else None
        if end is None:
            return False
        block = self._ended(message, end)
        if block is None:
            self._refusals.line(message.number, "orphan", _ORPHAN, message.line)
            return True
        self._refusals.flush()
        block.close(message, end, self._clock)
        if end.done:
            self._proves(block)
        return True

    def _ended(self, message: Message, end: End) -> Block | None:
        """Find the block that an end line belongs to: by its duration, else the newest open one."""
        same = [b for b in reversed(self._active) if b.is_open and b.command == end.command]
        fitting = next((block for block in same if block.fits(message, end)), None)
        if fitting:
            return fitting
        newest = self._owner()
        if newest and newest.begin is None:  # its begin line is missing or damaged
            newest.keep("evidence", message)
            return newest
        return next(iter(same), None)

    def _tell(self, block: Block, message: Message) -> None:
        """Keep a message if it tells a fact that is not known yet."""
        self._refusals.flush()
        if self._problem(block):
            if len(block.kept) < _MAX_EVIDENCE:
                block.keep("evidence", message)
                self._message = message
            return
        shown = f"{message.level}: {message.text}"
        for name, pattern in self._spec.facts.items():
            if pattern.match(shown) and not (self._spec.sticky and name in block.facts):
                block.keep(name, message)
                self._message = message
                if name in self._spec.past_guard:
                    self._proves(block)
                return

    def _proves(self, holder: Block) -> None:
        """Take earlier open blocks for lost: only one command can hold what this one holds."""
        if not self._spec.past_guard or self._problem(holder):
            return
        guard = self._spec.guard(holder)
        for block in self._active:
            if block is holder:
                return
            if block.is_open and not self._problem(block) and self._spec.guard(block) == guard:
                block.lost_to = holder.begin

    def _problem(self, block: Block) -> tuple[str, str] | None:
        spec = self._spec
        if block.begin is None:
            return "begin", "no begin line; set log-level-file=info (or detail) in pgbackrest.conf"
        if block.command != spec.command:
            return (
                "command",
                f"the command is {block.command}, this is the {spec.command} log; point the feed"
                f" at *-{spec.command}.log",
            )
        told = [block.begin, *([block.end[0]] if block.end else [])]
        if any(self._clock.is_ahead(message.at) for message in told):
            return "future", _AHEAD
        if stanza_of(block, self._envelope) is None:
            return "stanza", "neither --stanza nor the log's name (STANZA-backup.log) names it"
        return None

    def finish(self, rest: str, number: int) -> Reading:
        """Return what was found. `rest` is the last line, which has no line end yet."""
        if self._is_whole(rest):
            self.take(rest, number)
            rest = ""
        self._refusals.flush()
        good = []
        goods = [0]
        for block in self._blocks:
            problem = self._problem(block)
            if problem is None:
                good.append(block)
            elif not (self._envelope.stream and block.is_open):
                self._refuse_block(block, problem)
            goods.append(len(good))
        carry = self._carry(rest) if self._envelope.stream else ""
        passed = tuple((number, goods[before]) for number, before in self._passed)
        return Reading(tuple(good), tuple(self._refusals.rejects), carry, passed)

    def _is_whole(self, rest: str) -> bool:
        """An end line is whole by itself; of a document all but a fact that may be cut is used."""
        stamped = _STAMPED.fullmatch(rest)
        # "completed successfully" may still be followed by the duration.
        if len(rest) > MAX_LINE or (stamped and rest[-1] in ")]" and read_end(stamped[5])):
            return True
        return not self._envelope.stream and not (stamped and stamped[4] == "INFO")

    def _refuse_block(self, block: Block, problem: tuple[str, str]) -> None:
        lines = _lines(block)
        if lines[1:]:  # a banner alone lost a race and says nothing
            self._refusals.add(block.number, *problem, "\n".join(lines))

    def _carry(self, rest: str) -> str:
        open_blocks = [block for block in self._active if block.is_open]
        texts = ["\n".join(self._short(block)) + "\n" for block in open_blocks]
        size = sum(map(len, texts)) + len(rest)
        while texts and size > MAX_CARRY:
            text, block = texts.pop(0), open_blocks.pop(0)
            size -= len(text)
            reason = (
                f"more than {MAX_CARRY} characters of unfinished commands; this one is no longer"
                " followed and stays running until it is found lost by its age"
            )
            self._refusals.add(block.number, "carry", reason, text)
        return "".join(texts) + self._mark(bool(texts)) + rest

    def _short(self, block: Block) -> list[str]:
        """The lines that are still needed: of records by themselves only the one in progress."""
        if self._spec.sticky or block.begin is None or self._problem(block):
            return _lines(block)
        in_progress = [message.line for message in block.kept if message is self._message]
        return [BANNER, block.begin.line, *in_progress]

    def _mark(self, follows_block: bool) -> str:
        """A line that says how far the log was read, where the carried lines do not tell it."""
        if self._last is None or self._message or not (follows_block or self._last.offset):
            return ""
        return f"{self._stamp}{self._last.offset} P00  {_MARK}: read up to here\n"


def _lines(block: Block) -> list[str]:
    messages = ([block.begin] if block.begin else []) + block.kept
    return [BANNER] + [line for m in messages for line in (m.line, *m.more)]
