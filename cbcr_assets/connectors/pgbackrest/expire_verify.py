"""The expire log and the output of `verify`: what became of backup sets.

Belongs here: kinds expire_log and verify_log, to partial rows of backup_sets (what is not said is
null and overwrites nothing).
Does not belong here: what a corrupt full backup means for those that depend on it (SQL).

Choices: a set is unusable from the line `expire … backup set`, for then it leaves the catalog; the
line `remove expired backup` follows when its files are deleted, and alone is as good. Dry runs
change nothing. A corrupt set keeps its lifecycle: it stays in the catalog until it expires, and the
integrity and `unusable_from` say that it is of no use. `verify` exits 0 on corruption in 2.45 and
with an error later, so what it prints counts, not its exit code.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.pgbackrest.block import LABEL, Block, LogSpec, Message, stanza_of
from cbcr_assets.connectors.pgbackrest.facts import label_type
from cbcr_assets.connectors.pgbackrest.logs import read_log
from cbcr_assets.connectors.reading.refusal import Refusals
from cbcr_assets.connectors.transports.text import storable
from cbcr_assets.records import Integrity, Lifecycle, typed_frame

_GONE = re.compile(
    r"INFO: (?:repo(\d{1,4}): )?(?:expire [a-z-]+ backup(?: set)?:?|remove expired backup)"
    rf" (?:repo(\d{{1,4}}): )?({LABEL}(?:, {LABEL})*)$",
    re.ASCII,
)
_REPORT = re.compile(r"(?:INFO|WARN|ERROR): stanza: (\S+)$")
_STATUS = re.compile(rf"\s+backup: ({LABEL}), status: ([a-z -]+)(?:,.*)?", re.ASCII)
_BACKUP = re.compile(r"\s+backup: ")
_PLAIN = re.compile(r"stanza: (\S+)")
_PLAIN_MORE = re.compile(r"status: \w+\s*$|\s")
_FOUND = {
    "valid": Integrity.OK,
    "invalid": Integrity.CORRUPT,
    "manifest missing": Integrity.CORRUPT,
}
_UNFINISHED = "in-progress"

_EXPIRE = LogSpec(command="expire", table="backup_sets", facts={"gone": _GONE}, sticky=False)
_VERIFY = LogSpec(command="verify", table="backup_sets", facts={"report": _REPORT}, sticky=False)


@dataclass(frozen=True)
class _Sets:
    """Partial rows: of several lines that say the same of one set the first counts."""

    envelope: Envelope
    refusals: Refusals
    rows: dict[tuple[str, str, str, str | None], dict[str, Any]] = field(default_factory=dict)

    def add(self, stanza: str, repo: str, label: str, **found: Any) -> None:
        """Add what was found of one set."""
        row = {
            "source_id": self.envelope.source_id,
            "repo": repo,
            "label": label,
            "native_instance": stanza,
            "backup_type": label_type(label),
            "first_seen_at": self.envelope.finished_at,
            "last_seen_at": self.envelope.finished_at,
            **found,
        }
        self.rows.setdefault((stanza, repo, label, found.get("integrity")), row)

    def parsed(self, carry: str) -> Parsed:
        """Return everything."""
        rows = list(self.rows.values())
        return Parsed(
            frames={"backup_sets": typed_frame("backup_sets", rows)} if rows else {},
            rejects=tuple(self.refusals.rejects),
            seen=len(rows) + len(self.refusals.rejects),
            carry=carry,
        )


def parse_expire_log(envelope: Envelope, carry: str) -> Parsed:
    """Read one piece of an expire log."""
    reading = read_log(envelope, carry, _EXPIRE)
    sets = _Sets(envelope, Refusals(envelope, "backup_sets"))
    sets.refusals.rejects.extend(reading.rejects)
    for block in reading.blocks:
        stanza = stanza_of(block, envelope)
        if stanza is None or "dry-run" in block.options:
            continue
        for message in block.facts.get("gone", ()):
            gone: dict[str, Any] = {"lifecycle": Lifecycle.EXPIRED, "unusable_from": message.at}
            for repo, label in _gone(message, block):
                sets.add(stanza, repo, label, **gone)
    return sets.parsed(reading.carry)


def _gone(message: Message, block: Block) -> Iterator[tuple[str, str]]:
    match = _GONE.match(f"{message.level}: {message.text}")
    if match:
        key = match[1] or match[2]
        repo = f"repo{int(key)}" if key else block.repo
        yield from ((repo, label) for label in match[3].split(", "))


@dataclass(frozen=True)
class _Report:
    """What `verify` found in one stanza."""

    stanza: str
    repo: str
    found_at: datetime
    lines: list[tuple[int, str]] = field(default_factory=list)


def parse_verify_log(envelope: Envelope, carry: str) -> Parsed:
    """Read one piece of a verify log, or what the command printed."""
    plain: list[_Report] = []
    logged = envelope
    if not envelope.stream:
        plain, rest = _plain_reports(storable(envelope.payload), envelope.finished_at)
        logged = replace(envelope, payload=rest)
    reading = read_log(logged, carry, _VERIFY)
    sets = _Sets(envelope, Refusals(envelope, "backup_sets"))
    sets.refusals.rejects.extend(reading.rejects)
    for report in (*_logged_reports(reading.blocks), *plain):
        _judge(sets, report)
    return sets.parsed(reading.carry)


def _logged_reports(blocks: Iterable[Block]) -> Iterator[_Report]:
    for block in blocks:
        for message in block.facts.get("report", ()):
            lines = list(enumerate(message.more, start=message.number + 1))
            stanza = message.text.removeprefix("stanza: ")
            yield _Report(stanza, block.repo, message.at, lines)


def _plain_reports(text: str, found_at: datetime) -> tuple[list[_Report], str]:
    """Take the reports that are printed without stamps out of a text."""
    reports: list[_Report] = []
    inside = False
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        begins = _PLAIN.fullmatch(line.rstrip())
        if begins:
            reports.append(_Report(begins[1], "repo1", found_at))
        inside = bool(begins or (inside and _PLAIN_MORE.match(line)))
        if inside:
            reports[-1].lines.append((number, line.rstrip()))
            lines[number - 1] = ""
    return reports, "\n".join(lines)


def _judge(sets: _Sets, report: _Report) -> None:
    for number, line in report.lines:
        if not _BACKUP.match(line):
            continue
        match = _STATUS.fullmatch(line)
        found = _FOUND.get(match[2]) if match else None
        if match and found:
            bad_from = report.found_at if found is Integrity.CORRUPT else None
            sets.add(report.stanza, report.repo, match[1], integrity=found, unusable_from=bad_from)
        elif not match or match[2] != _UNFINISHED:
            known = ", ".join([*_FOUND, _UNFINISHED])
            reason = f"it names no backup with a status out of: {known}"
            sets.refusals.add(number, "status", reason, line)
