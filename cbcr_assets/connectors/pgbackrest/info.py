"""The catalog: the JSON of `pgbackrest info --output=json`.

Belongs here: kind info, to rows of backup_sets, and what of the catalog was listed completely.
Does not belong here: attempts. `info` lists survivors, so it makes no rows of backup_jobs; nor of
log_archive, for it names WAL segments without their times.

Choices:
- Absence proves expiry only for a repository whose own status is 0 (ok) or 2 (no valid backups) and
  whose backups could all be read. A missing path or unmounted repository (status 1, rc 0) makes the
  pull not ok, with the stanza, code and message; what it lists is kept all the same. Stanza status
  4 only says that its repositories differ: then each one's own status counts. An empty list proves
  nothing: it is what an unmounted repository looks like when no stanza is named.
- After an upgrade (or a new cluster under the old name) the backups of the former system are still
  listed, but neither they nor the new WAL bring back the present one; pgBackRest itself then says
  "no valid backups". They stay sets of the stanza, marked expired from the moment this was seen, so
  that the past stays as it was (integrity would rewrite it: what is suspect once stays so).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.pgbackrest.clock import CLOCK_SKEW
from cbcr_assets.connectors.pgbackrest.fields import Fields
from cbcr_assets.connectors.reading.refusal import Refusals, Refused, brief, refused_whole
from cbcr_assets.connectors.transports.json_text import canonical, strict_json
from cbcr_assets.connectors.transports.text import storable
from cbcr_assets.records import BackupType, Integrity, Lifecycle, typed_frame

_LISTED = frozenset({0, 2})
_REPOS_DIFFER = 4
_TYPES = {word.value: word for word in (BackupType.FULL, BackupType.DIFF, BackupType.INCR)}


def parse_info(envelope: Envelope) -> Parsed:
    """Read what `info` printed."""
    try:
        document = strict_json(storable(envelope.payload))
    except ValueError as error:
        place = getattr(error, "lineno", 1)
        reason = f"no whole JSON ({error}); call pgbackrest info --output=json"
        return refused_whole(envelope, "json", reason, place=place)
    if not isinstance(document, list):
        reason = f"info is a list of stanzas, not {brief(document)}; call it with --output=json"
        return refused_whole(envelope, "type", reason)
    harvest = _Harvest(envelope, Refusals(envelope, "backup_sets"))
    if not document:
        harvest.errors.append(
            "info lists no stanza at all; check that the repository is mounted and readable"
        )
    for position, item in enumerate(document):
        harvest.stanza(item, f"[{position}]")
    return harvest.parsed()


@dataclass
class _Harvest:
    """The rows, rejects and proofs of one answer."""

    envelope: Envelope
    refusals: Refusals
    rows: list[dict[str, Any]] = field(default_factory=list)
    scopes: list[CatalogScope] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def parsed(self) -> Parsed:
        """Return everything."""
        rejects = tuple(self.refusals.rejects)
        return Parsed(
            frames={"backup_sets": typed_frame("backup_sets", self.rows)} if self.rows else {},
            rejects=rejects,
            seen=len(self.rows) + len(rejects),
            ok=not self.errors,
            scopes=() if self.errors else tuple(self.scopes),
            error="; ".join(self.errors) or None,
        )

    def stanza(self, item: object, place: str) -> None:
        """Read one stanza."""
        try:
            stanza = _Stanza.of(item)
        except Refused as problem:
            reason = f"{problem}; the catalog is not whole"
            self.refusals.add(place, problem.rule, reason, _shown(item))
            self.errors.append(f"{place}: {reason}")
            return
        doubtful: set[str | None] = set()
        for position, backup in enumerate(stanza.backups):
            where = f"{place}.backup[{position}]"
            doubtful |= self._backup(stanza, backup, where)
        self.errors += stanza.problems
        if None not in doubtful:
            listed = sorted(set(stanza.listed) - doubtful)
            self.scopes += [CatalogScope(stanza.name, repo) for repo in listed]

    def _backup(self, stanza: "_Stanza", item: object, place: str) -> set[str | None]:
        """Read one backup; return the repository whose list is in doubt, None for any."""
        repo = None
        try:
            fields = Fields.of(item, "a backup")
            repo = _repo(fields.inner("database"))
            row = _set_row(fields, repo)
            self._refuse_future(row)
            former = stanza.is_former(fields.inner("database"), repo)
        except Refused as problem:
            self.refusals.add(place, problem.rule, str(problem), _shown(item))
            return {repo}
        seen_at = self.envelope.finished_at
        self.rows.append(
            row
            | {
                "source_id": self.envelope.source_id,
                "native_instance": stanza.name,
                "lifecycle": Lifecycle.EXPIRED if former else Lifecycle.AVAILABLE,
                "unusable_from": seen_at if former else None,
                "first_seen_at": seen_at,
                "last_seen_at": seen_at,
            }
        )
        return set()

    def _refuse_future(self, row: Mapping[str, Any]) -> None:
        latest = self.envelope.finished_at + CLOCK_SKEW
        if row["finished_at"] > latest:
            raise Refused(
                "future",
                f"timestamp.stop {row['finished_at']} (UTC) is later than the envelope's"
                " finished_at plus 5 minutes; correct the clock of the host that wrote it",
            )


@dataclass(frozen=True)
class _Stanza:
    """One stanza of the answer.

    Attributes:
        name: Its name.
        backups: Its backups, as they are.
        listed: Repositories whose list is complete.
        problems: Why others are not.
        current: Repository to the id of the database system that it is for now.
    """

    name: str
    backups: list[object]
    listed: tuple[str, ...]
    problems: tuple[str, ...]
    current: Mapping[str, int]

    @classmethod
    def of(cls, item: object) -> "_Stanza":
        """Read a stanza.

        Raises:
            Refused: It has no name, or a part has another shape than it must.
        """
        fields = Fields.of(item, "a stanza")
        name = fields.name("name")
        code, message = _status(fields)
        repos = [Fields.of(repo, "a repository") for repo in fields.items("repo")]
        statuses = {f"repo{repo.whole('key', default=1)}": _status(repo) for repo in repos}
        statuses = statuses or {"repo1": (code, message)}  # before 2.32 there was one
        problems = [
            f"stanza {name}, {repo}: status {said} ({text or 'no message'})"
            for repo, (said, text) in statuses.items()
            if said not in _LISTED
        ]
        if not problems and code not in _LISTED and not (code == _REPOS_DIFFER and repos):
            problems.append(f"stanza {name}: status {code} ({message or 'no message'})")
        if problems:
            problems[-1] += "; nothing that is absent from this list is taken for expired"
        return cls(
            name,
            fields.items("backup"),
            tuple(repo for repo, (said, _) in statuses.items() if said in _LISTED),
            tuple(problems),
            _current_systems(fields),
        )

    def is_former(self, database: Fields, repo: str) -> bool:
        """Say whether a backup is of an earlier database system than the present one."""
        system = database.whole("id")
        return system is not None and system < self.current.get(repo, system)


def _current_systems(stanza: Fields) -> dict[str, int]:
    """The newest system of each repository: ids only grow."""
    current: dict[str, int] = {}
    for item in stanza.items("db"):
        database = Fields.of(item, "a database")
        repo, system = _repo(database), database.whole("id", default=0) or 0
        current[repo] = max(system, current.get(repo, 0))
    return current


def _status(fields: Fields) -> tuple[int, str]:
    status = fields.inner("status")
    code = status.whole("code")
    if code is None:
        raise Refused("missing", "status.code is missing")
    return code, status.text("message") or ""


def _repo(database: Fields) -> str:
    return f"repo{database.whole('repo-key', default=1)}"


def _set_row(fields: Fields, repo: str) -> dict[str, Any]:
    word = fields.name("type")
    if word not in _TYPES:
        raise Refused("enum", f"type {brief(word)} is none of: {', '.join(_TYPES)}")
    times, info = fields.inner("timestamp"), fields.inner("info")
    archive, repository = fields.inner("archive"), info.inner("repository")
    started, stopped = times.epoch("start"), times.epoch("stop")
    if stopped < started:
        raise Refused("order", f"timestamp.stop {stopped} is before timestamp.start {started}")
    return {
        "repo": repo,
        "label": fields.name("label"),
        "backup_type": _TYPES[word],
        "started_at": started,
        "finished_at": stopped,
        "recovery_point_at": stopped,
        "log_start": archive.text("start"),
        "log_stop": archive.text("stop"),
        "parent_label": fields.text("prior"),
        "source_bytes": info.whole("size"),
        "repo_bytes": repository.whole("size"),
        "repo_delta_bytes": repository.whole("delta"),
        "integrity": _integrity(fields),
    }


def _integrity(fields: Fields) -> Integrity:
    """Page checksums: an error does not fail the backup, so the set is listed like any other."""
    error = fields.flag("error")
    if error is None:
        return Integrity.UNCHECKED
    return Integrity.SUSPECT if error else Integrity.OK


def _shown(item: object) -> str:
    try:
        return canonical(item)
    except (RecursionError, ValueError):
        return brief(item)
