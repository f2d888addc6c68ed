"""What the warehouse is told beside facts: entries of `state.settings`, by name.

Belongs here: keeping one entry. Does not belong here: what an entry means (see `health`, and
`cbcr_assets.steps.definitions`).
"""

from cbcr_assets.warehouse.base import Session


def keep_setting(session: Session, name: str, value: str) -> None:
    """Keep an entry; nothing is written where it says the same already."""
    known = session.query("select value from state.settings where name = $name", {"name": name})
    if known.is_empty() or known.item() != value:
        session.execute(
            "insert or replace into state.settings values ($name, $value)",
            {"name": name, "value": value},
        )
