"""Attempts and backup sets: what became of attempt `k` of instance `n`, as SQL.

Belongs here: everything that follows from (n, k) and the instance's row in `fleet`, and the rows
that the raw tables hold of it as known at a moment. Does not belong here: which of them are written
when (see `generate` and `hour`).

All facts are drawn from a hash of (n, k): any stretch of time can be made alone, in any order.
"""

from benchmarks.rpo.shape import DAY_US, HOUR_US, TICK_US, Shape

LONGEST_US = 20 * HOUR_US
VERIFIED_US = 7 * DAY_US  # within so long a verification finds what is corrupt
_FAILED, _CANCELLED, _STUCK, _WARNED = 0.03, 0.032, 0.0321, 0.037
_LATE, _CORRUPT, _KEPT = 0.01, 0.002, 0.01
_BLOCK = 8
_ROOTS = 4


def macros() -> tuple[str, ...]:
    """Return the DDL of the macros that the statements below use, besides `u`."""
    return (
        f"create or replace temp macro tick(us) as (us + {TICK_US - 1}) // {TICK_US} * {TICK_US}",
        f"create or replace temp macro is_ok(n, k) as u(n, k, 4) >= {_STUCK}",
        "create or replace temp macro start_of(n, k, phase_us, step_us) as phase_us + k * step_us"
        " + (u(n, k, 1) * least(0.03 * step_us, 180e6))::bigint",
        f"""create or replace temp macro length_of(n, k, cycle, step_us, long_us, short_us) as (
  case when k % cycle = 0
    then least(long_us * (0.6 + 0.8 * u(n, k, 2)) * if(u(n, k, 3) < 0.01, 3, 1), {LONGEST_US})
    else least(short_us * (0.6 + 0.8 * u(n, k, 2)) * if(u(n, k, 3) < 0.01, 3, 1), 0.7 * step_us)
  end * if(u(n, k, 4) < {_FAILED}, u(n, k, 8), 1))::bigint""",
    )


def begun_between(low_us: int, high_us: int, *, where: str = "true") -> str:
    """Select fleet rows with the `k` of attempts that began in a stretch of time, or a bit more."""
    return f"""
from (select *, unnest(range(greatest(0, ({low_us} - phase_us) // step_us - 1),
    least(last_k, ({high_us} - phase_us) // step_us) + 1)) as k from known.fleet)
where {where}"""


def gone_between(low_us: int, high_us: int) -> str:
    """Select fleet rows with the `k` of attempts whose sets expired in (low, high]."""
    first = f"(({low_us} - retention_us - phase_us) // (span * step_us) - 1) * span"
    last = f"(({high_us} - retention_us - phase_us) // (span * step_us)) * span"
    return f"""
from (select *, unnest(range(greatest(0, {first}), least(last_k + 1, {last}))) as k
  from known.fleet)
where {gone()} > {low_us} and {gone()} <= {high_us}"""


def gone() -> str:
    """When retention removes a set: a chain goes as a whole, some are kept for good (NULL)."""
    return (
        f"case when u(n, k // span, 7) >= {_KEPT}"
        " then tick(phase_us + (k // span + 1) * span * step_us + retention_us) end"
    )


def is_late() -> str:
    """Whether the record of an attempt arrives days to a year after its time."""
    return f"u(n, k, 5) < {_LATE}"


def facts(candidates: str) -> str:
    """Select what became of each candidate; times in microseconds, NULL where there is none.

    `arrive_us` is the reading that tells of its end; `gone_us` and `corrupt_us` those that tell
    that its set expired and is corrupt.
    """
    return f"""
with candidates as ({candidates}),
timed as (
  select *, start_of(n, k, phase_us, step_us) as start_us, u(n, k, 4) as fate,
    k // cycle * cycle as full_k,
    case when fate between {_CANCELLED} and {_STUCK} then null
      else start_us + length_of(n, k, cycle, step_us, long_us, short_us) end as end_us,
    kind = 'physical' and k % cycle <> 0 as depends
  from candidates),
rooted as (
  select *, case when depends then {_root()} end as root_k from timed),
ended as (
  select *, fate >= {_STUCK} and (not depends or root_k is not null) as ok,
    case when depends then {_parent()} end as parent_k,
    case when {is_late()} and end_us is not null
      then tick(end_us + {DAY_US} + (364 * {DAY_US} * u(n, k, 9) ** 3)::bigint)
      else tick(end_us) end as arrive_us,
    {gone()} as gone_us,
    case when u(n, k, 6) < {_CORRUPT}
      then tick(end_us + (u(n, k, 10) * {VERIFIED_US})::bigint) end as corrupt_us
  from rooted)
select * from ended"""


def _root() -> str:
    """The newest full that had ended well when `k` began."""
    full_end = (
        "start_of(n, full_k, phase_us, step_us)"
        " + length_of(n, full_k, cycle, step_us, long_us, short_us)"
    )
    older = " ".join(
        f"when full_k >= {back} * cycle and is_ok(n, full_k - {back} * cycle)"
        f" then full_k - {back} * cycle"
        for back in range(1, _ROOTS)
    )
    return f"case when is_ok(n, full_k) and {full_end} <= start_us then full_k {older} end"


def _parent() -> str:
    """Every eighth of a chain is a diff on the full; those between continue each other."""
    tries = " ".join(
        f"when k % cycle % {_BLOCK} >= {back} and k % cycle > {back} and is_ok(n, k - {back})"
        f" then k - {back}"
        for back in range(1, _BLOCK)
    )
    return f"case when k % cycle % {_BLOCK} = 0 then root_k {tries} else root_k end"


def _backup_type() -> str:
    return f"""case when kind = 'dump' or (kind = 'snapshot' and k % cycle = 0) then 'dump'
    when kind = 'snapshot' then 'snapshot' when k % cycle = 0 then 'full'
    when k % cycle % {_BLOCK} = 0 then 'diff' else 'incr' end"""


def _common(shape: Shape) -> str:
    return f"""'source' || (n % {shape.sources}) as source_id,
  instance_id || '.local' as native_instance, instance_id, 'repo1' as repo,
  {_backup_type()} as backup_type, make_timestamp(start_us) as started_at"""


def _sequence(shape: Shape, offset: int) -> str:
    return f"(seen_us - {shape.start_us}) // {TICK_US} * 4 + {offset}"


def jobs(candidates: str, shape: Shape, low_us: int, high_us: int, known_us: int) -> str:
    """Select rows of raw.backup_jobs that were last news in (low, high], as known at a moment."""
    return f"""
with seen as (
  select *, coalesce(tick(end_us) <= {known_us}, false) as told,
    case when told then arrive_us else tick(start_us) end as seen_us
  from ({facts(candidates)}))
select {_common(shape)}, instance_id || '/' || k as attempt_key, 'cbcr' as tool,
  case when not told then 'running' when ok then
      if(fate < {_WARNED}, 'succeeded_with_warnings', 'succeeded')
    when fate between {_FAILED} and {_CANCELLED} then 'cancelled' else 'failed' end as state,
  make_timestamp(phase_us + k * step_us) as scheduled_at,
  case when told then make_timestamp(end_us) end as finished_at,
  case when told then (end_us - start_us) / 1e6 end as duration_s,
  case when told then if(ok, 0, 1) end as exit_code,
  case when state = 'failed' then ['lock', 'unreachable', 'no_space', 'timeout'][1 + k % 4] end
    as error_class,
  case when state = 'failed' then 'backup ended with an error: ' || error_class end as error_text,
  case when told and ok then instance_id || '/' || k end as backup_label,
  case when told and ok then size_bytes end as source_bytes,
  case when told and ok then (size_bytes * if(k % cycle = 0, 0.4, 0.01 * u(n, k, 32)))::bigint end
    as transferred_bytes,
  'worker' || (n % 50) as worker, 'log' as evidence,
  make_timestamp(seen_us) as first_seen_at, make_timestamp(seen_us) as last_seen_at,
  {_sequence(shape, 1001)} as ingest_seq
from seen where seen_us > {low_us} and seen_us <= {high_us} order by seen_us, n, k"""


def sets(candidates: str, shape: Shape, low_us: int, high_us: int, known_us: int) -> str:
    """Select rows of raw.backup_sets that were last news in (low, high], as known at a moment."""
    return f"""
with known as (
  select * replace (
      case when gone_us <= {known_us} then gone_us end as gone_us,
      case when corrupt_us <= {known_us} then corrupt_us end as corrupt_us),
    gone_us as planned_us
  from ({facts(candidates)}) where ok and tick(end_us) <= {known_us}),
seen as (select *, greatest(arrive_us, gone_us, corrupt_us) as seen_us from known)
select {_common(shape)}, instance_id || '/' || k as label, make_timestamp(end_us) as finished_at,
  make_timestamp(if(stops_consistent, end_us, start_us)) as recovery_point_at,
  case when depends then instance_id || '/' || parent_k end as parent_label,
  size_bytes as source_bytes,
  (size_bytes * if(k % cycle = 0, 0.4, 0.01 * u(n, k, 32)))::bigint as repo_delta_bytes,
  if(corrupt_us is null, 'unchecked', 'corrupt') as integrity,
  case when n % 2 = 0 then make_timestamp(planned_us) end as expires_at,
  case when gone_us is not null then 'expired' when corrupt_us is not null then 'corrupt'
    else 'available' end as lifecycle,
  make_timestamp(least(gone_us, corrupt_us)) as unusable_from,
  make_timestamp(arrive_us) as first_seen_at,
  make_timestamp(if(gone_us is null, {known_us}, seen_us)) as last_seen_at,
  {_sequence(shape, 1002)} as ingest_seq
from seen where seen_us > {low_us} and seen_us <= {high_us} order by seen_us, n, k"""
