"""Facts that programs may build metrics on, out of the published snapshot.

Belongs here: reading them. Does not belong here: what is served to a scrape (`exposition`).
"""

from datetime import datetime
from pathlib import Path

import duckdb

from cbcr_assets.warehouse import WarehouseError, WarehouseMissing, connect, current

_NEWEST = """
select instance_id, coalesce(backup_type, 'unknown') as backup_type, max(finished_at) as ended_at
from marts.fct_backup_attempts
where is_success and instance_id is not null and finished_at is not null
group by all
"""


def newest_successes(serving: Path) -> dict[tuple[str, str], datetime]:
    """Return when the newest good backup ended, naive UTC, by instance and type.

    Nothing published or built yet is nothing known.

    Args:
        serving: Folder of published snapshots.

    Raises:
        WarehouseError: The snapshot cannot be read.
    """
    try:
        with connect(current(serving).path) as con:
            rows = con.execute(_NEWEST).fetchall()
    except (WarehouseMissing, duckdb.CatalogException):
        return {}
    except duckdb.Error as error:
        raise WarehouseError(f"{serving} cannot be read: {type(error).__name__}") from error
    return {(instance, kind): ended for instance, kind, ended in rows}
