"""The fast way through a backup log: backups that ran as usual, a column at a time.

Belongs here: telling which commands are so plain that nothing about them can be doubted, and their
rows. Does not belong here: the meaning of a line (`logs`, `backup_log`), by which every other
command is read: those that failed, overlap, are cut, or stand in an hour that clocks repeat.

A command is plain when it has its banner, one begin line, then nothing but messages and at last its
end line, and no stamp is later than that. It then depends on nothing before it, if nothing before
it is still open, and nothing after it depends on more than its last stamp (`Passage`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from re import Pattern
from typing import Any

import polars as pl

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.pgbackrest.block import Block, Message, Passage, stanza_of
from cbcr_assets.connectors.pgbackrest.clock import CLOCK_SKEW
from cbcr_assets.connectors.pgbackrest.facts import label_type, size_bytes
from cbcr_assets.connectors.pgbackrest.logs import BANNER, MAX_LINE
from cbcr_assets.connectors.transports.stamps import zone
from cbcr_assets.records import BackupState, raw_table

_LONGEST = timedelta(days=30)
_HOUR = timedelta(hours=1)
_STAMP_LENGTH = 23
_MAIN = " P00   "
_TOLD = 30  # where `LEVEL: text` begins
_FORMAT = "%Y-%m-%d %H:%M:%S%.3f"
_EDGES = ("began_", "ended_")
_STAMP = (
    r"(?:19[89]\d|2[01]\d\d)-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r" (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}"
)
# Messages of the main process, and lines that are passed over: of its children, or of detail.
_SOUND = (
    rf"^{_STAMP} P(?:00   (?:INFO|WARN)|00 DETAIL|00  DEBUG|00  TRACE|(?:0[1-9]|[1-9]\d) +[A-Z]+)"
    r": [ -~]*$"
)
_BEGIN = r"^INFO: (backup command begin \d[\da-z.]*:(?: --[!#-~]+)+)$"
_EXEC_ID = r" --exec-id=(\d+-[\da-f]+)(?: |$)"
_END = r"^INFO: backup command end: completed successfully \((\d{1,12})ms\)$"
_RARE = ("to_full", "page", "error")


@dataclass(frozen=True)
class PlainBackups:
    """The plain backups of a piece.

    Attributes:
        passages: Where each is in the text, in their order.
        rows: Their rows of `backup_jobs`, in the same order.
    """

    passages: tuple[Passage, ...]
    rows: pl.DataFrame


def plain_backups(
    lines: Sequence[str], envelope: Envelope, facts: Mapping[str, Pattern[str]]
) -> PlainBackups:
    """Find the plain backups of a piece.

    Args:
        lines: Its lines, without their ends; no lone surrogates.
        envelope: Where they come from.
        facts: What a backup log tells, as `backup_log` reads it.
    """
    judged = _judged(lines)
    sound = judged.filter("sound_")
    commands = _shapes(judged, len(lines)).join(
        _told(sound.filter(pl.col("line").str.slice(_STAMP_LENGTH, 7) == _MAIN), facts),
        on="command_",
        maintain_order="left",
    )
    found = _named(_in_utc(commands, envelope), envelope)
    places = found.select("place_", "until_", "finished_at", "stamp_").iter_rows()
    return PlainBackups(tuple(Passage(*place) for place in places), _rows(found, envelope))


def _judged(lines: Sequence[str]) -> pl.DataFrame:
    """Give each line the number of its command, whether it is plain, and its local time."""
    line = pl.col("line")
    text = pl.DataFrame({"line": pl.Series(lines, dtype=pl.String)}).with_row_index("place_")
    judged = text.with_columns(
        command_=(line == BANNER).cum_sum(),
        sound_=line.str.contains(_SOUND) & (line.str.len_bytes() <= MAX_LINE),
    )
    local = line.str.head(_STAMP_LENGTH).str.to_datetime(_FORMAT, time_unit="us", strict=False)
    return judged.filter(pl.col("command_") > 0).with_columns(local_=pl.when("sound_").then(local))


def _shapes(judged: pl.DataFrame, count: int) -> pl.DataFrame:
    """One row a command that has only plain lines: where it is, and its latest stamp."""
    line = pl.col("line")
    good = pl.when("sound_").then(pl.col("local_").is_not_null()).otherwise(
        (line == BANNER) | (line == "")
    )  # fmt: skip
    shapes = judged.group_by("command_", maintain_order=True).agg(
        pl.col("place_").first(), good_=good.all(), latest_=pl.col("local_").max()
    )
    return shapes.with_columns(until_=pl.col("place_").shift(-1, fill_value=count)).filter("good_")


def _told(main: pl.DataFrame, facts: Mapping[str, Pattern[str]]) -> pl.DataFrame:
    """One row a command whose main process began, told nothing rare, and ended well."""
    said = pl.col("said_")
    rare = "|".join(facts[name].pattern for name in _RARE)
    lines = main.with_columns(said_=pl.col("line").str.slice(_TOLD)).with_columns(
        edge_=said.str.contains("command (?:begin|end)"),
        rare_=said.str.contains(f"^(?:{rare})"),
        backup_label=said.str.extract(f"^{facts['label'].pattern}"),
        size_=said.str.extract(f"^{facts['size'].pattern}", 2),
    )
    told = lines.group_by("command_", maintain_order=True).agg(
        pl.col("edge_").sum(), pl.col("rare_").any(),
        pl.col("backup_label", "size_").drop_nulls().first(),
        begin_=said.first(), end_=said.last(),
        began_=pl.col("local_").first(), ended_=pl.col("local_").last(),
        stamp_=pl.col("line").last().str.head(_STAMP_LENGTH),
    )  # fmt: skip
    read = told.filter((pl.col("edge_") == 2) & ~pl.col("rare_")).with_columns(
        exec_id_=pl.col("begin_").str.extract(_EXEC_ID),
        begin_=pl.col("begin_").str.extract(_BEGIN),
        took_ms_=pl.col("end_").str.extract(_END).cast(pl.Int64),
    )
    whole = ("begin_", "exec_id_", "took_ms_", "backup_label")
    once = pl.col("begin_").str.count_matches("--exec-id", literal=True) == 1
    return read.drop_nulls(whole).filter(once)


def _in_utc(commands: pl.DataFrame, envelope: Envelope) -> pl.DataFrame:
    """Keep what no change of clocks can touch and is not ahead; read its times."""
    sound = commands.filter(
        (pl.col("latest_") <= pl.col("ended_")) & (pl.col("ended_") - pl.col("began_") <= _LONGEST)
    )
    hours = {name: sound.select(pl.col(name).dt.truncate("1h")).to_series() for name in _EDGES}
    offsets = {
        hour: _offset(envelope.tz, hour) for found in hours.values() for hour in found.unique()
    }
    told = sound.with_columns(
        series.replace_strict(offsets, return_dtype=pl.Duration("us")).alias(f"{name}offset_")
        for name, series in hours.items()
    )
    limit = envelope.finished_at + CLOCK_SKEW
    return told.filter(pl.col("began_offset_") == pl.col("ended_offset_")).with_columns(
        started_at=pl.col("began_") - pl.col("began_offset_"),
        finished_at=pl.col("ended_") - pl.col("ended_offset_"),
    ).filter(pl.col("finished_at") <= limit)  # fmt: skip


@lru_cache(maxsize=100_000)
def _offset(tz: str, hour: datetime) -> timedelta | None:
    """Return the offset of a local hour from UTC; None in one that is skipped or repeated."""
    moments = (hour, hour + _HOUR - timedelta.resolution)
    offsets = {
        moment.replace(tzinfo=zone(tz), fold=fold).utcoffset()
        for moment in moments
        for fold in (0, 1)
    }
    return offsets.pop() if len(offsets) == 1 else None


def _named(commands: pl.DataFrame, envelope: Envelope) -> pl.DataFrame:
    """Read stanza and repository out of begin lines: few, once their exec-ids are left out."""
    begins = commands["begin_"].str.replace(_EXEC_ID, " ")
    names = {begin: _names(begin, envelope) for begin in begins.unique()}
    return commands.with_columns(
        begins.replace_strict(
            {begin: found[number] for begin, found in names.items()}, return_dtype=pl.String
        ).alias(name)
        for number, name in enumerate(("native_instance", "repo"))
    ).drop_nulls("native_instance")


def _names(begin: str, envelope: Envelope) -> tuple[str | None, str]:
    block = Block(0)
    block.begins(Message(0, begin, envelope.finished_at, None, "INFO", begin))
    return stanza_of(block, envelope), block.repo


def _mapped(values: pl.Series, reader: Callable[[str], Any], kind: Any) -> pl.Series:
    """Read each different value once."""
    known = {value: reader(value) for value in values.drop_nulls().unique()}
    return values.replace_strict(known, default=None, return_dtype=kind)


def _rows(found: pl.DataFrame, envelope: Envelope) -> pl.DataFrame:
    """Return the rows as `backup_log` makes them, with all columns of the raw table."""
    took_ms, said_at = pl.col("took_ms_"), pl.lit(envelope.finished_at, dtype=pl.Datetime("us"))
    columns: dict[str, pl.Expr | pl.Series] = {
        **{name: pl.col(name) for name in (
            "native_instance", "repo", "started_at", "finished_at", "backup_label",
        )},
        "source_id": pl.lit(envelope.source_id),
        "attempt_key": pl.concat_str("native_instance", pl.lit(":"), "exec_id_"),
        "tool": pl.lit("pgbackrest"),
        "backup_type": _mapped(found["backup_label"].str.tail(1), label_type, pl.String),
        "state": pl.lit(BackupState.SUCCEEDED.value),
        # By a column, for a division by one number becomes a multiplication, which rounds.
        "duration_s": took_ms / (took_ms * 0 + 1000),
        "exit_code": pl.lit(0),
        "source_bytes": _mapped(found["size_"], size_bytes, pl.Int64),
        "worker": pl.lit(envelope.host or None, dtype=pl.String),
        "evidence": pl.lit("log"),
        "first_seen_at": said_at,
        "last_seen_at": said_at,
    }  # fmt: skip
    schema = raw_table("backup_jobs").polars_schema
    return found.select(
        _typed(columns.get(name), kind).alias(name) for name, kind in schema.items()
    )


def _typed(column: pl.Expr | pl.Series | None, kind: Any) -> pl.Expr:
    expression = pl.lit(column) if column is None or isinstance(column, pl.Series) else column
    return expression.cast(kind)
