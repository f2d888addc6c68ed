"""What an answer proves about backup sets that it does not name, or not one by one.

Belongs here: expiry out of absence, and the verdict of a repository check.
Does not belong here: which answers prove anything (their connectors say it).
"""

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed, RepositoryVerdict
from cbcr_assets.records import Integrity
from cbcr_assets.warehouse import Session

_WHERE = """
where source_id = $source_id
    and ($repo is null or repo = $repo)
    and lifecycle = 'available'
"""


def conclude(session: Session, envelope: Envelope, parsed: Parsed) -> None:
    """Mark sets as gone, damaged or sound; take back the expiry of what reappeared.

    The rows of the answer itself must have been loaded before.
    """
    for scope in parsed.scopes:
        _expire(session, envelope, scope)
    for verdict in parsed.verdicts:
        _judge(session, envelope, verdict)
    if parsed.scopes or parsed.verdicts or "backup_sets" in parsed.frames:
        session.execute(
            "update raw.backup_sets set unusable_from = null"
            " where unusable_from is not null and lifecycle = 'available'"
            " and integrity <> 'corrupt'"
        )


def _expire(session: Session, envelope: Envelope, scope: CatalogScope) -> None:
    """What a complete listing no longer has went away before it was asked for.

    That listing is the newest observation of the set: an older one that arrives late, and still has
    it, brings it not back.
    """
    session.execute(
        "update raw.backup_sets set lifecycle = 'expired', unusable_from = $gone_at,"
        " last_seen_at = $asked_at,"
        f" ingest_seq = {session.next_seq()} {_WHERE}"
        " and ($native_instance is null or native_instance = $native_instance)"
        " and last_seen_at < $asked_at",
        {
            "source_id": envelope.source_id,
            "native_instance": scope.native_instance,
            "repo": scope.repo,
            "asked_at": envelope.started_at,
            "gone_at": envelope.finished_at,
        },
    )


def _judge(session: Session, envelope: Envelope, verdict: RepositoryVerdict) -> None:
    """What lay in the repository when it was checked is as good as the check says."""
    damaged = verdict.integrity is Integrity.CORRUPT
    session.execute(
        "update raw.backup_sets set integrity = $integrity, unusable_from = $unusable_from,"
        f" ingest_seq = {session.next_seq()} {_WHERE}"
        " and integrity is distinct from $integrity"
        " and coalesce(finished_at, started_at, first_seen_at) <= $asked_at",
        {
            "source_id": envelope.source_id,
            "repo": verdict.repo,
            "integrity": verdict.integrity.value,
            "unusable_from": envelope.finished_at if damaged else None,
            "asked_at": envelope.started_at,
        },
    )
