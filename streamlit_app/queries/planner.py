"""A planner's own query: run beside the dashboards, not in them, and written down.

Belongs here: running it with its limits, the recipes of the cookbook. Does not belong here: what a
guest may ask and take (see `cbcr_assets.warehouse.guest`), widgets.
"""

import re
import uuid
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cbcr_assets.config import ConfigError
from cbcr_assets.config.dashboards import Role
from cbcr_assets.steps.acting import DONE, FAILED, Desk, Outcome, perform
from cbcr_assets.steps.platform import CODE_ROOT, open_running
from cbcr_assets.warehouse import Snapshot, WarehouseError
from cbcr_assets.warehouse.guest import Answer, Limits, ask
from streamlit_app import access

COOKBOOK = CODE_ROOT / "docs" / "cookbook.md"
_RECIPE = re.compile(r"^### (?P<title>.+)\n(?P<text>(?:(?!###|```).*\n)*)```sql\n(?P<sql>[^`]+)```",
                     re.MULTILINE)  # fmt: skip


@cache
def recipes(file: Path = COOKBOOK) -> dict[str, str]:
    """Return the queries of the cookbook by their titles; none where it is not installed."""
    if not file.is_file():
        return {}
    found = _RECIPE.finditer(file.read_text(encoding="utf-8"))
    return {recipe["title"]: recipe["sql"].strip() for recipe in found}


def run(at: Snapshot, sql: str, limits: Limits | None = None) -> Answer:
    """Run a query of who looks; with a login, who asked for what is written down first.

    Raises:
        WarehouseError: It was refused, failed, or took too much; or it could not be written down.
        NotAllowedError: Nobody has logged in.
    """
    person = access.require(Role.VIEWER)
    try:
        platform = open_running()
    except ConfigError:
        if access.configured().has_login:
            raise WarehouseError("it cannot be written down: cbcr.yaml is not readable") from None
        return ask(at.path, sql, limits)  # a snapshot alone, on the reader's own machine
    answers: list[Answer] = []
    errors: list[WarehouseError] = []

    def work() -> Outcome:
        try:
            answers.append(ask(at.path, sql, limits))
        except WarehouseError as error:
            errors.append(error)
            return Outcome(FAILED, str(error))
        return Outcome(DONE, f"{answers[0].frame.height} rows of data version {at.version}")

    desk = Desk(platform, person, datetime.now(UTC).replace(tzinfo=None))
    outcome = perform(desk, "sql", sql, {}, Role.VIEWER, f"sql/{uuid.uuid4().hex}", work)
    if errors:
        raise errors[0]
    if not answers:
        raise WarehouseError(outcome.text)
    return answers[0]
