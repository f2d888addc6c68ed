"""The instances of a fleet: how often, how, and for how long each of them is backed up.

Belongs here: table `fleet` (one row an instance, everything an attempt follows from), and the raw
tables that say what is watched. Does not belong here: attempts and sets (see `history`).

One instance in a hundred or so is backed up every quarter of an hour and makes a third of all
attempts; most are backed up once a day, most of those at night.
"""

from itertools import pairwise

import duckdb

from benchmarks.rpo.shape import DAY_US, HOUR_US, MINUTE_US, Shape

_QUARTER = 96.0  # attempts a day of the busiest class
# Cumulated share of the other classes, and seconds between two attempts.
_CLASSES = ((0.02, 3_600), (0.08, 14_400), (0.24, 28_800), (0.32, 43_200), (1.0, 86_400))
SCHEDULE_DAYS = 8


def draw_macro(shape: Shape) -> str:
    """Return the DDL of `u(a, b, salt)`: a number in [0, 1) that depends on nothing else."""
    return (
        "create or replace temp macro u(a, b, salt) as"
        f" (hash(a::bigint, b::bigint, salt::bigint, {shape.seed}::bigint) >> 11)::double"
        " / 9007199254740992.0"
    )


def make_fleet(con: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Make table `fleet` in the current schema.

    Raises:
        ValueError: The shape asks for an average that no mix of the classes gives.
    """
    con.execute(draw_macro(shape))
    con.execute(_lives(shape))
    row = con.execute("select sum(to_us - from_us) / 86400e6 from lives").fetchone()
    share = _busy_share(shape, float(row[0]) if row else 0.0)
    con.execute(_fleet(share))
    con.execute("drop table lives")


def _busy_share(shape: Shape, active_days: float) -> float:
    cumulated = [0.0, *(share for share, _ in _CLASSES)]
    others = sum(
        (high - low) * 86_400 / every
        for (low, high), (_, every) in zip(pairwise(cumulated), _CLASSES, strict=True)
    )
    wanted = shape.attempts / active_days
    share = (wanted - others) / (_QUARTER - others)
    if not 0 <= share <= 0.25:
        raise ValueError(
            f"{shape.attempts:,} attempts of {shape.instances:,} instances in {shape.days} days are"
            f" {wanted:.2f} a day each: choose between {others:.2f} and {others + 24:.0f}"
        )
    return share


def _lives(shape: Shape) -> str:
    """When each instance was protected: a fifth joined later, one in thirty left.

    The others begin within a week, so that their weekly fulls, and expiries, are spread over it.
    """
    return f"""
create or replace table lives as
with joined as (
  select n::integer as n,
    {shape.start_us} + case when u(n, 0, 11) < 0.8 then floor(u(n, 0, 12) * 168)::bigint * {HOUR_US}
      else floor(u(n, 0, 12) * 0.9 * {shape.days})::bigint * {DAY_US} end as from_us
  from range({shape.instances}) as r(n))
select n, from_us, u(n, 0, 13) < 0.03 as retires,
  case when retires then from_us + ((0.3 + 0.69 * u(n, 0, 14)) * ({shape.end_us} - from_us))::bigint
    else {shape.end_us} end as to_us
from joined"""


def _fleet(share: float) -> str:
    every = " ".join(f"when v < {high} then {seconds}" for high, seconds in _CLASSES)
    return f"""
create or replace table fleet as
with classed as (
  select *, (u(n, 0, 15) - {share}) / (1 - {share}) as v,
    case when v < 0 then 900 {every} end as every_s,
    u(n, 0, 16) as w
  from lives),
kinds as (
  select *,
    case when every_s >= 28800 and w < 0.25 then 'dump'
      when every_s >= 3600 and w > 0.8 then 'snapshot' else 'physical' end as kind,
    every_s * 1000000::bigint as step_us,
    (604800 // every_s)::integer as week
  from classed),
sized as (
  select *,
    -- a chain is a week's full and what depends on it; dumps and snapshots stand alone
    case when kind = 'dump' then 1 else week end as cycle,
    case when kind = 'physical' then week else 1 end as span,
    (exp(22 + 3.5 * u(n, 0, 17)))::bigint as size_bytes,
    [14, 30, 30, 30, 60, 90][1 + floor(u(n, 0, 18) * 6)::integer] * {DAY_US} as retention_us,
    -- at night, from eight in the evening to six in the morning
    from_us // {DAY_US} * {DAY_US} + (20 + u(n, 0, 20) * 10) * {HOUR_US} as night_us,
    case when every_s = 86400 and u(n, 0, 19) < 0.7
      then night_us + if(night_us < from_us, {DAY_US}, 0)
      else from_us + u(n, 0, 20) * step_us end::bigint // {MINUTE_US} * {MINUTE_US} as phase_us
  from kinds)
select n, 'db' || lpad(n::varchar, 6, '0') as instance_id, kind, every_s, step_us, cycle, span,
  retention_us, size_bytes, from_us, phase_us,
  case when retires then to_us end as retired_us,
  case when retires then (to_us - phase_us) // step_us else 1000000000 end as last_k,
  -- long ones take hours and are overtaken where the next attempt does not wait for them
  ((0.5 + 7.5 * u(n, 0, 21) ** 2) * 3600e6)::bigint as long_us,
  least(0.25 * step_us, (60 + 1500 * u(n, 0, 22)) * 1e6)::bigint as short_us,
  -- whose logs are archived is consistent at its stop, all else at its start
  kind = 'physical' and u(n, 0, 23) < 0.6 as stops_consistent,
  every_s * [1.1, 1.25, 1.5, 1.5, 2.0, 2.0][1 + floor(u(n, 0, 24) * 6)::integer] as rpo_s,
  1 + floor(u(n, 0, 25) * 4)::integer as tier
from sized"""


def describe(con: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Fill the raw tables that say what is watched, from `known.fleet` of an attached database."""
    for statement in (_instances(), _aliases(shape), _sources(shape), _pulls(shape), _runs(shape)):
        con.execute(statement)


def _instances() -> str:
    return """
insert into raw.instances by name
select instance_id, case kind when 'dump' then 'mariadb' else 'postgresql' end as db_type,
  'cluster' || (n // 3) as cluster_id, 'host' || (n // 2) as host,
  case when tier = 4 then 'test' else 'production' end as environment,
  'team' || lpad((n % 40)::varchar, 2, '0') as team, tier, rpo_s, 4 * 3600.0 * tier as rto_s,
  'UTC' as timezone, greatest(1800.0, every_s / 8) as grace_s, false as log_archiving,
  90 * 86400.0 as drill_every_s, 'volume' || (n % 20) as storage_volume,
  'link' || (n % 20) as network_link, make_timestamp(from_us) as protect_from,
  make_timestamp(retired_us) as retired_at, 1 as ingest_seq
from known.fleet order by n"""


def _aliases(shape: Shape) -> str:
    return f"""
insert into raw.instance_aliases by name
select 'source' || (n % {shape.sources}) as source_id, instance_id || '.local' as native_instance,
  instance_id, 2 as ingest_seq
from known.fleet order by n"""


def _sources(shape: Shape) -> str:
    return f"""
insert into raw.sources by name
select 'source' || s as source_id, 'cbcr' as tool, 300.0 as every_s, 900.0 as stale_after_s,
  3 as ingest_seq
from range({shape.sources}) as r(s)"""


def _pulls(shape: Shape) -> str:
    """Readings of the last two days: older ones are pruned."""
    return f"""
insert into raw.pulls by name
select 'p' || s || '-' || t as pull_id, 'source' || s as source_id, 'catalog' as kind,
  make_timestamp({shape.end_us} - t * 300000000 - 2000000) as started_at,
  make_timestamp({shape.end_us} - t * 300000000 - 1000000) as finished_at,
  u(s, t, 31) > 0.001 as ok, true as complete, 10 as row_count, 4 as ingest_seq
from range({shape.sources}) as r(s), range(575, -1, -1) as q(t) order by t desc, s"""


def _runs(shape: Shape) -> str:
    """The schedule of the last days and of the day to come."""
    return f"""
insert into raw.scheduled_runs by name
with slots as (
  select *, unnest(range(
    greatest(0, ({shape.end_us} - {SCHEDULE_DAYS * DAY_US} - phase_us) // step_us),
    least(last_k, ({shape.end_us} + {DAY_US} - phase_us) // step_us) + 1)) as k
  from known.fleet)
select instance_id, case when k % cycle = 0 then 'full' else 'incr' end as backup_type,
  make_timestamp(phase_us + k * step_us) as scheduled_at,
  scheduled_at + to_seconds(greatest(1800, every_s // 8)) as due_at, 5 as ingest_seq
from slots"""
