"""One command in a pgBackRest log: its begin line, the facts it told, its end line.

Belongs here: what a block is, and reading options, repository and stanza out of its begin line.
Does not belong here: finding blocks in a text (`logs`) or making rows of them (one module a log).
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.pgbackrest.clock import LogClock

LABEL = r"\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?"
"""A backup label, as a regular expression. Its times are local: never sort or date by them."""

_BEGIN = re.compile(r"([a-z-]+(?::[a-z]+)?) command begin ([^\s:]+): ?(.*)", re.ASCII)
_END = re.compile(
    r"([a-z-]+(?::[a-z]+)?) command end: "
    r"(?:(?P<done>completed successfully)(?: \((?P<ms>\d{1,12})ms\))?"
    r"|aborted with exception \[(?P<code>\d{1,4})\]"
    r"|terminated on signal (?P<signal>\[\w+\]|from child process))",
    re.ASCII,
)
_OPTION = re.compile(r'--([a-z0-9][a-z0-9-]*)(?:=("(?:[^"\\]|\\.)*"|\S*))?', re.ASCII)
_REPO_OPTION = re.compile(r"(?:no-)?repo(\d{1,4})-", re.ASCII)
_LOG_NAME = re.compile(r"([^/:\\]+)-(?:backup|restore|expire|verify)\.log")
_LONGEST_NAME = 1_000


@dataclass
class Message:
    """One stamped line with the lines that continue it.

    Attributes:
        number: Line in the piece.
        line: The line as it is carried: with its UTC offset if the stamp alone does not tell it.
        at: When it was written, naive UTC.
        other: The other possible reading of the stamp, in a repeated hour.
        level: INFO, WARN, ERROR, ...
        text: What follows the level.
        more: Lines that continue it.
    """

    number: int
    line: str
    at: datetime
    other: datetime | None
    level: str
    text: str
    more: list[str] = field(default_factory=list)

    @property
    def readings(self) -> tuple[datetime, ...]:
        """The possible moments, the likelier one first."""
        return (self.at,) if self.other is None else (self.at, self.other)


@dataclass(frozen=True)
class End:
    """How a command ended.

    Attributes:
        command: Which command says so.
        done: It completed successfully.
        duration_s: How long it took, where the tool says it.
        code: Error code such as `056`.
        signal: How it was terminated.
    """

    command: str
    done: bool
    duration_s: float | None
    code: str | None
    signal: str | None


def read_end(text: str) -> End | None:
    """Read the text of an end line; None if it is none, or not whole."""
    match = _END.fullmatch(text)
    if match is None:
        return None
    ms = match["ms"]
    return End(
        match[1],
        match["done"] is not None,
        int(ms) / 1000 if ms else None,
        match["code"],
        match["signal"],
    )


@dataclass
class Block:
    """One start of a command.

    Attributes:
        number: Its first line in the piece.
        begin: Its begin line; None in a log that leaves such lines out.
        command: Which command, such as `backup`.
        options: Options without their dashes.
        facts: Messages by the name of the fact that they tell.
        kept: The same messages in their order, for the carry.
        end: Its end line and what that says.
        lost_to: Begin line of a later command that proves that this one no longer runs.
        given_up: Nothing more is expected of it, though it has no end line.
    """

    number: int
    begin: Message | None = None
    command: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    facts: dict[str, list[Message]] = field(default_factory=dict)
    kept: list[Message] = field(default_factory=list)
    end: tuple[Message, End] | None = None
    lost_to: Message | None = None
    given_up: bool = False

    @property
    def is_open(self) -> bool:
        """More of it may come."""
        return self.end is None and self.lost_to is None and not self.given_up

    @property
    def repo(self) -> str:
        """The repository that it used: `--repo`, else the first one that is configured."""
        asked = self.options.get("repo", "")
        if asked.isascii() and asked.isdigit():
            return f"repo{int(asked[:4])}"
        keys = [int(m[1]) for m in map(_REPO_OPTION.match, self.options) if m]
        return f"repo{min(keys, default=1)}"

    def begins(self, message: Message) -> bool:
        """Take the message as the begin line, if it is one."""
        match = _BEGIN.fullmatch(message.text) if message.level == "INFO" else None
        if match is None:
            return False
        self.begin, self.command = message, match[1]
        self.options = {m[1]: _unquoted(m[2] or "") for m in _OPTION.finditer(match[3])}
        return True

    def keep(self, name: str, message: Message) -> None:
        """Keep a message that tells a fact."""
        self.facts.setdefault(name, []).append(message)
        self.kept.append(message)

    def fact(self, name: str) -> Message | None:
        """Return the first message that told a fact."""
        return next(iter(self.facts.get(name, ())), None)

    def told(self, name: str, pattern: re.Pattern[str], group: int) -> str | None:
        """Return a part of the message that told a fact."""
        message = self.fact(name)
        match = pattern.match(f"{message.level}: {message.text}") if message else None
        return match[group] if match else None

    def key(self, stanza: str) -> str:
        """Return the identity of this start of a command.

        It is the exec-id (process id and a random number). Before pgBackRest 2.32 there is none:
        then it is the begin stamp, as written.
        """
        stamp = self.begin.line[:23].replace(" ", "T") if self.begin else ""
        return f"{stanza}:{self.options.get('exec-id') or stamp}"

    def fits(self, message: Message, end: End) -> bool:
        """Say whether the end line tells the duration of this very block."""
        if self.begin is None or end.duration_s is None:
            return False
        took = timedelta(seconds=end.duration_s)
        gaps = (abs(e - b - took) for b in self.begin.readings for e in message.readings)
        return min(gaps) <= timedelta(seconds=2)

    def close(self, message: Message, end: End, clock: LogClock) -> None:
        """Take the end line; in a repeated hour the duration tells begin and end exactly."""
        self.end = (message, end)
        if self.begin is None or end.duration_s is None:
            return
        took = timedelta(seconds=end.duration_s)
        pairs = [(b, e) for b in self.begin.readings for e in message.readings]
        self.begin.at, message.at = min(pairs, key=lambda pair: abs(pair[1] - pair[0] - took))
        clock.passed(message.at)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


@dataclass(frozen=True)
class Passage:
    """A whole command in a text that can be passed over when no other one is open.

    Attributes:
        first: Its first line, counted from 0.
        until: The line after its last one.
        ended_at: When it ended, naive UTC; no line of it is later.
        stamp: The same as it was written, local.
    """

    first: int
    until: int
    ended_at: datetime
    stamp: str


@dataclass(frozen=True)
class LogSpec:
    """What is read out of one kind of log.

    Attributes:
        command: The command whose log it is.
        table: The raw table its rows go to.
        facts: Name to pattern; matched at the start of `LEVEL: text` of the main process.
        sticky: Facts are needed until the command ends (so they are carried, the first of each);
            False if each of them is a record by itself.
        past_guard: Facts that prove that the command holds what only one command can hold.
        guard: What only one command can hold at a time.
    """

    command: str
    table: str
    facts: Mapping[str, re.Pattern[str]]
    sticky: bool
    past_guard: frozenset[str] = frozenset()
    guard: Callable[[Block], Hashable] = id


def stanza_of(block: Block, envelope: Envelope) -> str | None:
    """Return the stanza: from `--stanza`, else from the log's name, `orders-backup.log`."""
    told = block.options.get("stanza", "")
    if not told:
        names = (_LOG_NAME.search(name) for name in (envelope.stream, envelope.native_id))
        told = next((match[1] for match in names if match), "")
    return told if 0 < len(told) <= _LONGEST_NAME else None
