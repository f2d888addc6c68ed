"""What backup tools say when they fail, in their own words.

Belongs here: code, class and text of an error, as recorded from the real tools.
Does not belong here: when something fails (see `history`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """One way to fail.

    Attributes:
        code: The tool's own code.
        word: Our class of it.
        text: The error line; `{host}` is the database's host, `{name}` the instance.
        more: Lines that follow it in pgBackRest's log.
        warning: A line that comes before it there.
        seconds: How long it takes to fail.
        begun: pgBackRest had started to copy.
    """

    code: str
    word: str
    text: str
    more: tuple[str, ...] = ()
    warning: str = ""
    seconds: int = 2
    begun: bool = False


UNREACHABLE = Failure(
    "056", "unreachable", "[056]: unable to find primary cluster - cannot proceed",
    ("HINT: are all available clusters in recovery?",),
    "unable to check pg1: [DbConnectError] unable to connect to 'dbname='postgres' port=5432"
    " host='/run/postgresql'': connection to server on socket \"/run/postgresql/.s.PGSQL.5432\""
    " failed: No such file or directory",
)  # fmt: skip
LOCKED = Failure(
    "050", "lock",
    "[050]: unable to acquire lock on file '/var/lib/pgbackrest/lock/{name}-main-backup.lock':"
    " Resource temporarily unavailable",
    ("HINT: is another pgBackRest process running?",),
)  # fmt: skip
REPO_FULL = Failure(
    "064", "no_space",
    "[064]: raised from local-1 protocol: unable to write '/srv/pgbackrest/backup/{name}-main/"
    "pg_data/base/16384/2619': [28] No space left on device",
    ("[FileWriteError] on retry after 0ms", "[FileWriteError] on retry after 15000ms"),
    seconds=38, begun=True,
)  # fmt: skip
NOT_ARCHIVED = Failure(
    "082", "timeout",
    "[082]: WAL segment 000000010000002B000000C4 was not archived before the 60000ms timeout",
    (
        "HINT: check the archive_command to ensure that all options are correct (especially"
        " --stanza).",
        "HINT: check the PostgreSQL server log for errors.",
    ),
    seconds=62, begun=True,
)  # fmt: skip
DISK_FULL = Failure(
    "28", "no_space",
    "mariadb-backup: Error writing file '/srv/backup/{name}/ibdata1' (errno: 28"
    ' "No space left on device")', seconds=210,
)  # fmt: skip
DAMAGED = Failure("26", "checksum", "checksum mismatch in 3 of 214 restored files", seconds=900)

# By tool: the passing trouble after which the second try succeeds.
PASSING: dict[str, tuple[Failure, ...]] = {
    "pgbackrest": (UNREACHABLE, LOCKED),
    "mariadb-backup": (
        Failure("2002", "unreachable", "Failed to connect to MariaDB server: Can't connect to"
                " local server through socket '/run/mysqld/mysqld.sock' (2)"),
    ),
    "mariadb-dump": (
        Failure("2013", "unreachable", "mariadb-dump: Error 2013: Lost connection to server"
                " during query when dumping table `events` at row: 481920", seconds=95),
    ),
    "mysqldump": (
        Failure("2003", "unreachable", "mysqldump: Got error: 2003: \"Can't connect to MySQL"
                " server on '{host}:3306' (111)\" when trying to connect"),
    ),
    "mongodump": (
        Failure("1", "unreachable", "Failed: can't create session: could not connect to server:"
                " server selection error: server selection timeout", seconds=31),
    ),
    "pg_dump": (
        Failure("1", "unreachable", 'pg_dump: error: connection to server at "{host}", port 5432'
                " failed: Connection refused"),
    ),
}  # fmt: skip
PLANTED = {
    "failed_unreachable": UNREACHABLE,
    "failed_disk_full": DISK_FULL,
    "failed_repo_full": REPO_FULL,
    "archive_stalled": NOT_ARCHIVED,
}
WORDS = {
    failure.code: failure.word
    for failures in (*PASSING.values(), tuple(PLANTED.values()), (DAMAGED,))
    for failure in failures
}
"""Our class of each code."""


def tool_of(db_type: str, method: str) -> str:
    """Return the backup tool of a database."""
    if method == "physical":
        return "pgbackrest"
    if method == "chain":
        return "mariadb-backup"
    tools = {"mariadb": "mariadb-dump", "mysql": "mysqldump", "mongodb": "mongodump"}
    return tools.get(db_type, "pg_dump")
